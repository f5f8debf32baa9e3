//! Versions that hold a governed name now, held against the decision by which they got it.

use std::collections::BTreeMap;

use countersign_core::action::Placed;
use countersign_core::names::{ModelName, Workspace};

use super::{Again, LiveVerdict};
use crate::app::AppError;
use crate::app::records::Holding;
use crate::store::{Key, Scan, Store, codec, keys};

/// Those that would not have got their name, or of which nobody can tell.
pub(super) fn verdicts(
    store: &dyn Store,
    made: &BTreeMap<u64, (Placed, Again)>,
) -> Result<Vec<LiveVerdict>, AppError> {
    let mut found = Vec::new();
    for (key, value) in store.scan(&Scan::prefix(keys::all_holdings()))? {
        let holding: Holding = codec::decode(&key, &value)?;
        let (Some(version), Some((workspace, model, name))) = (holding.version, named(&key)) else {
            continue;
        };
        let again = holding.intent.and_then(|index| made.get(&index)).map(|(_, again)| again);
        let Some((verdict, because)) = verdict(again, holding.bypassed) else { continue };
        let entry = holding.intent;
        found.push(LiveVerdict { workspace, model, name, version, entry, verdict, because });
    }
    Ok(found)
}

/// `None`: it would have got there as well.
fn verdict(again: Option<&Again>, bypassed: bool) -> Option<(String, Vec<String>)> {
    let unknown = |why: String| Some(("unknown".to_owned(), vec![why]));
    match again {
        Some(Again::Same) => None,
        Some(Again::Changes { to, .. }) if to.lets_through() => None,
        Some(Again::Changes { to, because, .. }) => Some((to.as_str().to_owned(), because.clone())),
        Some(Again::Unknown { needs }) => unknown(format!("would need {}", needs.join(", "))),
        Some(Again::Cannot(why)) => unknown(why.clone()),
        None if bypassed => unknown("it got there without a permit".to_owned()),
        None => unknown("no decision is recorded by which it got there".to_owned()),
    }
}

/// Workspace, model and name out of a key.
fn named(key: &Key) -> Option<(Workspace, ModelName, String)> {
    let workspace = key.text_after(&keys::all_holdings())?;
    let model = key.text_after(&keys::holdings_of(&workspace))?;
    let name = key.text_after(&keys::holdings(&workspace, &model))?;
    Some((Workspace::new(workspace), ModelName::new(model), name))
}
