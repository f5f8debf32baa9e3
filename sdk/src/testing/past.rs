//! What the capability `history` answers in a native test.

use std::cell::RefCell;

use crate::case;
use crate::history::{AliasHolding, Decision};
use crate::types::AccessError;

thread_local! {
    static PAST: RefCell<case::History> = RefCell::default();
}

/// Puts records in place for what this thread runs next.
pub(super) fn install(past: case::History) {
    PAST.with(|slot| *slot.borrow_mut() = past);
}

pub(crate) fn alias_holdings(model: &str, version: &str) -> Result<Vec<AliasHolding>, AccessError> {
    let of = |held: &&case::Held| held.model == model && held.version == version;
    Ok(PAST.with(|slot| slot.borrow().holdings.iter().filter(of).map(holding).collect()))
}

pub(crate) fn decisions(model: &str, version: &str) -> Result<Vec<Decision>, AccessError> {
    let of = |made: &&case::Decided| made.model == model && made.version == version;
    Ok(PAST.with(|slot| slot.borrow().decisions.iter().filter(of).map(decision).collect()))
}

fn holding(held: &case::Held) -> AliasHolding {
    AliasHolding {
        alias: held.alias.clone(),
        since_ms: held.since_ms,
        until_ms: held.until_ms,
        bypassed: held.bypassed,
    }
}

fn decision(made: &case::Decided) -> Decision {
    Decision {
        kind: made.kind.clone(),
        target: made.target.clone(),
        state: made.state.clone(),
        opened_ms: made.opened_ms,
        extensions: Vec::new(),
    }
}
