//! The lists by which entries are found: whether each entry is in its own, and making them anew.

use anyhow::Result;

use super::super::context::Context;
use super::super::failure::hinted;
use super::super::machinery::runtime;
use super::super::place::{self, Found};
use super::super::progress;
use super::counted;
use crate::app::{has_lists, list_again, unlisted};
use crate::ledger::Head;
use crate::store::Store;

/// Fails where an entry would not be found by what it is about. A store of before there were lists gets them when the
/// server runs.
pub(super) fn check(store: &dyn Store) -> Result<()> {
    if !has_lists(store)? {
        return Ok(());
    }
    let bar = progress::counting("entries in their lists", Some(Head::read(store)?.size()));
    let missing = unlisted(store, 0, &mut |done| bar.set_position(done));
    bar.finish_and_clear();
    match missing? {
        None => Ok(()),
        Some(index) => Err(hinted(
            format!(
                "entry {index} is not in the lists by which `held`, `audit`, `evidence export` and the pages find it: \
                 they may show less than the ledger has"
            ),
            "`countersign ledger index` makes the lists anew from the entries",
        )),
    }
}

pub(super) fn make(context: &Context) -> Result<()> {
    let config = context.config()?;
    let Found::AtRest(store) = place::find_store(&config)? else {
        return Err(hinted(
            "the store is in use by the running server",
            "stop it first; where lists are missing altogether it makes them by itself",
        ));
    };
    let size = Head::read(&*store)?.size();
    let bar = progress::counting("entries", Some(size));
    let made = runtime()?.block_on(list_again(&*store, &mut |done| bar.set_position(done)));
    bar.finish_and_clear();
    made?;
    let listed = counted(size, "entry is in its lists", "entries are in their lists");
    context.out.tell(&listed, &serde_json::json!({ "entries": size }))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use countersign_core::time::Millis;
    use serde_json::json;

    use super::*;
    use crate::app::{check_lists, list_entries};
    use crate::ledger::{Draft, Ledger, SigningKey};
    use crate::store::Batch;
    use crate::store::memory::MemoryStore;

    /// As a version without lists goes on with a store of this one.
    #[tokio::test]
    async fn an_entry_in_no_list_is_told_until_it_is_listed() {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
        let key = SigningKey::from_seed("ledger.example", [7; 32]).unwrap();
        let ledger = Ledger::open(Arc::clone(&store), key).await.unwrap();
        check(&*store).unwrap();
        check_lists(&*store).await.unwrap();
        let body = json!({"workspace": "default", "model": "credit", "version": "1", "by": null});
        let draft = Draft::new(Millis::new(1), "version-created", &body).unwrap();
        ledger.append(vec![draft], Batch::new()).await.unwrap();
        let told = check(&*store).unwrap_err().to_string();
        assert!(told.starts_with("entry 0 is not in the lists"), "{told}");
        list_entries(&*store, &mut |_| ()).await.unwrap();
        check(&*store).unwrap();
    }
}
