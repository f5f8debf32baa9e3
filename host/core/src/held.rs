//! Which version held which governed name of a model at what time, by what right, and what stood behind it: from
//! ledger entries alone, so that the server, a store at rest and an export that somebody was sent say the same.
//!
//! [`Timeline`] takes in entries one after another and knows every move of every name; the insights count from it.
//! [`Account`] keeps what the ledger says about one model, from which [`Answer`] tells who held a name, and on what
//! evidence. This module must not know: the store, what people are called, what time it is.

mod account;
mod answer;
mod behind;
mod name;
mod seen;
mod spell;
mod standing;
mod timeline;

#[cfg(test)]
mod tests;

pub use self::account::{Account, Ids, Told};
pub use self::answer::{Answer, Holding};
pub use self::behind::Behind;
pub(crate) use self::behind::Seed;
pub use self::name::{Name, NameError};
pub use self::seen::{CheckSeen, Endorsed, GlassBroken, ReviewSeen, SeatFilled, Signed, SubjectSeen};
pub use self::spell::{Spell, at_time};
pub use self::standing::{How, Standing};
pub use self::timeline::{Made, Timeline, tier_of};
