//! Lists of the ledger's entries: by model, by request, by the intent, waiver or emergency that they go on about. A
//! number is noted in the batch that writes its entry, so that a question about one model reads what is about it and no
//! more, however long the ledger is. A store of before there were lists is read from end to end until it has them.
//!
//! Lists find more than is about a thing, never less: what an entry is about is decided from the entry itself.

use std::collections::{BTreeMap, BTreeSet};

use countersign_core::entry::Entry;
use countersign_core::evidence_file::belongs::Belongs;
use countersign_core::names::ModelName;

use super::{App, AppError};
use crate::ledger::{Draft, Head, Record, listed, record, records};
use crate::store::{Batch, Key, Scan, Store, Write, codec, keys};

/// Which lists there are: a store with others gets these.
const KEPT: &[u8] = b"1";
/// Entries that are read, and listed, at once: few, so that a governed write does not wait behind them.
const AT_ONCE: usize = 256;

/// The lists that an entry is in: at least one, so that an entry in none was written without lists.
#[must_use]
pub fn lists_of(entry: &Entry) -> Vec<Key> {
    let models = entry.models().into_iter().map(|model| keys::entries_of_model(model.as_str()));
    let mut lists: Vec<Key> = models.collect();
    lists.extend(entry.request().map(|request| keys::entries_of_request(request.0)));
    lists.extend(entry.goes_on_about().map(keys::entries_about));
    match entry {
        Entry::PolicyLoaded(_) | Entry::Started { text: Some(_), .. } => {
            lists.extend([keys::policy_loads(), keys::entries_of_policy()]);
        }
        Entry::Reviewed { review, .. } => lists.push(keys::reviews_of(&review.binding)),
        Entry::Started { text: None, .. } => lists.push(keys::entries_of_policy()),
        _ => {}
    }
    if lists.is_empty() {
        lists.push(keys::other_entries());
    }
    lists
}

impl App {
    /// An entry on its way into the ledger and its lists.
    pub(super) fn draft(&self, entry: &Entry) -> Result<Draft, AppError> {
        let draft = Draft::of_canonical(self.clock.now(), entry.kind(), &entry.body()?)?;
        Ok(draft.listed_in(lists_of(entry)))
    }
}

/// A store whose entries are all in their lists.
pub(super) struct Listed<'s>(&'s dyn Store);

impl<'s> Listed<'s> {
    /// `None` where the lists are not whole: then only the ledger itself knows.
    pub(super) fn of(store: &'s dyn Store) -> Result<Option<Self>, AppError> {
        Ok(are_kept(store)?.then_some(Self(store)))
    }

    /// Everything below an index that may be about a model.
    pub(super) fn about(&self, model: &ModelName, below: u64) -> Result<BTreeMap<u64, Record>, AppError> {
        self.follow(vec![keys::entries_of_policy(), keys::entries_of_model(model.as_str())], below)
    }

    /// Everything below an index that may belong to a request without being about it.
    pub(super) fn beside(&self, belongs: &Belongs, below: u64) -> Result<BTreeMap<u64, Record>, AppError> {
        // What only names its model, or what it binds to, belongs to what was said later.
        let last = belongs.last().unwrap_or_default();
        let models = belongs.models().into_iter().map(|model| keys::entries_of_model(model.as_str()));
        let reviews = belongs.bindings().iter().map(keys::reviews_of);
        let lists = models.chain(reviews).chain([keys::entries_of_policy()]).collect();
        let mut found = self.follow(lists, last)?;
        found.append(&mut self.follow(belongs.ids().map(keys::entries_about).collect(), below)?);
        Ok(found)
    }

    /// The entries in some lists, and those about what begins with them, all below an index.
    fn follow(&self, lists: Vec<Key>, below: u64) -> Result<BTreeMap<u64, Record>, AppError> {
        let (mut found, mut open, mut seen) = (BTreeMap::new(), lists, BTreeSet::new());
        while let Some(list) = open.pop() {
            if seen.contains(&list) {
                continue;
            }
            for index in self.indexes(&list, below)? {
                if found.contains_key(&index) {
                    continue;
                }
                let Some(entry) = record(self.0, index)? else { continue };
                open.extend(leads_to(&entry.json));
                found.insert(index, entry);
            }
            seen.insert(list);
        }
        Ok(found)
    }

    /// The newest of a list before an index, newest first.
    pub(super) fn newest(
        &self,
        list: &Key,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<Record>, AppError> {
        let scan = Scan::prefix(list.clone()).newest_first().limit(limit);
        let rows = self.0.scan(&match before {
            Some(index) => scan.after(list.clone().number(index)),
            None => scan,
        })?;
        let indexes = rows.iter().filter_map(|(key, _)| key.last_number());
        indexes.filter_map(|index| record(self.0, index).transpose()).map(|found| Ok(found?)).collect()
    }

    fn indexes(&self, list: &Key, below: u64) -> Result<Vec<u64>, AppError> {
        let rows = self.0.scan(&Scan::prefix(list.clone()))?;
        let indexes = rows.iter().filter_map(|(key, _)| key.last_number());
        Ok(indexes.filter(|index| *index < below).collect())
    }
}

/// The list of what goes on about that which begins with an entry. Few kinds begin anything: only those are parsed.
fn leads_to(json: &str) -> Option<Key> {
    const KINDS: [&str; 4] = ["request-opened", "intent", "waiver-asked", "broke-glass"];
    let (_, tail) = json.rsplit_once(r#","kind":""#)?;
    KINDS.contains(&tail.split('"').next()?).then_some(())?;
    let entry: Entry = serde_json::from_str(json).ok()?;
    let id = entry.begins()?;
    Some(match entry {
        Entry::RequestOpened { .. } => keys::entries_of_request(id),
        _ => keys::entries_about(id),
    })
}

/// Whether every entry is in its lists. A version that kept none was the last to write where the last entry is in none.
fn are_kept(store: &dyn Store) -> Result<bool, AppError> {
    if store.get(&keys::entries_listed())?.is_none_or(|kept| kept != codec::encode_raw(KEPT)) {
        return Ok(false);
    }
    match Head::read(store)?.size().checked_sub(1) {
        Some(last) => Ok(unlisted(store, last, &mut |_| ())?.is_none()),
        None => Ok(true),
    }
}

/// The first entry from an index on that is missing in one of its lists. `progress` is told how far it looked.
///
/// # Errors
/// When the store cannot be read.
pub fn unlisted(
    store: &dyn Store,
    mut from: u64,
    progress: &mut dyn FnMut(u64),
) -> Result<Option<u64>, AppError> {
    loop {
        let page = records(store, from, AT_ONCE)?;
        let Some(last) = page.last().map(|record| record.index) else { return Ok(None) };
        for Record { index, json } in &page {
            // A kind that only a later version knows is in the lists of that version.
            let Ok(entry) = serde_json::from_str::<Entry>(json) else { continue };
            for list in lists_of(&entry) {
                if store.get(&list.number(*index))?.is_none() {
                    return Ok(Some(*index));
                }
            }
        }
        from = last.saturating_add(1);
        progress(from);
    }
}

/// Whether lists are kept at all: not in a store of before there were any, until the server has made them.
///
/// # Errors
/// When the store cannot be read.
pub fn has_lists(store: &dyn Store) -> Result<bool, AppError> {
    Ok(store.get(&keys::entries_listed())?.is_some())
}

/// To be called before anything is entered: an empty ledger has its lists, and those that are not whole count for
/// nothing until [`list_entries`] has made them so.
///
/// # Errors
/// When the store cannot be read or written.
pub async fn check_lists(store: &dyn Store) -> Result<(), AppError> {
    let mark = keys::entries_listed();
    let batch = if Head::read(store)?.size() == 0 {
        Batch::new().put(mark, codec::encode_raw(KEPT))
    } else if are_kept(store)? {
        return Ok(());
    } else {
        Batch::new().delete(mark)
    };
    Ok(store.commit(batch).await?)
}

/// Lists every entry of a store whose lists are not whole. Entries that are written meanwhile are listed as they are
/// written.
///
/// # Errors
/// When the store cannot be read or written.
pub async fn list_entries(store: &dyn Store, progress: &mut (dyn FnMut(u64) + Send)) -> Result<(), AppError> {
    if are_kept(store)? { Ok(()) } else { list_again(store, progress).await }
}

/// Lists every entry, whether or not it is listed.
///
/// # Errors
/// As [`list_entries`].
pub async fn list_again(store: &dyn Store, progress: &mut (dyn FnMut(u64) + Send)) -> Result<(), AppError> {
    let mut from = 0;
    loop {
        let page = records(store, from, AT_ONCE)?;
        let Some(last) = page.last().map(|record| record.index) else { break };
        store.commit(page.iter().flat_map(noted).fold(Batch::new(), put)).await?;
        from = last.saturating_add(1);
        progress(from);
    }
    Ok(store.commit(Batch::new().put(keys::entries_listed(), codec::encode_raw(KEPT))).await?)
}

fn noted(record: &Record) -> Vec<Write> {
    let entry = serde_json::from_str::<Entry>(&record.json);
    let lists = entry.map(|entry| lists_of(&entry)).unwrap_or_default();
    lists.iter().map(|list| listed(list, record.index)).collect()
}

fn put(batch: Batch, write: Write) -> Batch {
    match write {
        Write::Put(key, value) => batch.put(key, value),
        Write::Delete(key) => batch.delete(key),
    }
}
