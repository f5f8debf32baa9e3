//! The pure half of Countersign: from the bytes of a request to the decision about it.
//!
//! Reading order is the order of a request: [`names`], [`action`], [`classify`], [`facts`], [`reads`], [`check`],
//! [`policy`], [`review`], [`seating`], [`waiver`], [`break_glass`], [`decide`], [`permit`], [`request`],
//! [`evidence`], [`entry`], [`attest`], [`separation`], [`evidence_file`], [`held`], [`audit`], [`insights`], [`search`], [`explain`], [`target`], [`what_if`], [`recorded`], [`redecide`].
//!
//! This crate must not know: the time, the network, a disk, randomness, the environment, HTTP responses,
//! MLflow's JSON. Everything comes in as an argument and goes out as a value.

pub mod action;
pub mod attest;
pub mod audit;
pub mod badge;
pub mod break_glass;
pub mod canonical;
pub mod check;
pub mod classify;
pub mod compared;
pub mod decide;
pub mod difference;
pub mod digest;
pub mod discussion;
pub mod entry;
pub mod evidence;
pub mod evidence_file;
pub mod explain;
pub mod facts;
pub mod held;
pub mod insights;
pub mod line_diff;
pub mod lowered;
pub mod names;
pub mod permit;
pub mod policy;
pub mod reads;
pub mod recorded;
pub mod redecide;
pub mod request;
pub mod retention;
pub mod review;
pub mod search;
pub mod seating;
pub mod separation;
pub mod target;
pub mod time;
pub mod waiver;
pub mod what_if;
