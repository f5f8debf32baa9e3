//! From the text of a policy to a [`Policy`](super::Policy), or to every fault in it.

mod fault;

pub use self::fault::{Fault, PolicyError};
