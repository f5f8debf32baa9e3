//! What entries about evidence and profiles say, in words.

use countersign_core::entry::{Collected, Entry, Unstable};
use countersign_core::names::PersonId;
use countersign_core::request::RequestId;

use crate::http::pages::parts::count;

/// A sentence, who did it, and the request that it belongs to.
pub(super) fn told(entry: &Entry) -> (String, Option<PersonId>, Option<RequestId>) {
    match entry {
        Entry::PluginUnstable(found) => (unstable(found), None, None),
        Entry::EvidenceCollected(collected) => (gone(collected), None, None),
        Entry::Held(hold) => {
            let what = match hold.request {
                Some(_) => format!("put the evidence of one request about {} under hold", hold.model),
                None => format!("put all evidence of {} under hold", hold.model),
            };
            (format!("{what}: {}", hold.reason), Some(hold.by.clone()), hold.request)
        }
        Entry::Released(released) => {
            (format!("ended a hold: {}", released.reason), Some(released.by.clone()), None)
        }
        Entry::ProfileErased(erased) => {
            (format!("the profile of {} was erased", erased.person), erased.by.clone(), None)
        }
        _ => Default::default(),
    }
}

fn unstable(found: &Unstable) -> String {
    let what = if found.is_by_itself() { "is not deterministic" } else { "does not give what was recorded" };
    format!("{} {what} (run {}): {}", found.plugin, found.run, found.difference)
}

fn gone(collected: &Collected) -> String {
    let number = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    let blobs = count(number(collected.blobs), "piece", "pieces");
    let versions = count(number(collected.versions), "version", "versions");
    let Collected { tier, keep, bytes, .. } = collected;
    format!("{blobs} of evidence ({bytes} bytes) of {versions} of tier {tier} were taken out after {keep}")
}
