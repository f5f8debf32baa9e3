//! The pure half of Countersign: from the bytes of a request to the decision about it.
//!
//! Reading order is the order of a request: [`names`], [`action`], [`classify`], [`facts`], [`check`],
//! [`policy`], [`review`], [`decide`], [`permit`], [`request`], [`entry`], [`explain`].
//!
//! This crate must not know: the time, the network, a disk, randomness, the environment, HTTP responses,
//! MLflow's JSON. Everything comes in as an argument and goes out as a value.

pub mod action;
pub mod canonical;
pub mod check;
pub mod classify;
pub mod decide;
pub mod digest;
pub mod entry;
pub mod explain;
pub mod facts;
pub mod names;
pub mod permit;
pub mod policy;
pub mod request;
pub mod review;
pub mod time;
