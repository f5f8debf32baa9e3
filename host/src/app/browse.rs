//! The ledger as people read it: entries by filter, a page at a time, and one entry with its proof.
//!
//! A filter looks at the bytes of canonical JSON before anything is parsed: in them a quoted name stands for itself
//! alone, because a quote inside of a text is escaped.

use countersign_core::digest::Digest;
use countersign_core::entry::Entry;
use countersign_core::names::PersonId;
use countersign_core::request::RequestId;
use countersign_core::time::Millis;

use super::listed::Listed;
use super::{App, AppError};
use crate::ledger::{Checkpoint, LedgerError, Record};
use crate::store::{Key, keys};

/// How many entries one page may look at: a filter that finds little must not read everything.
const LOOKED_AT: usize = 4_000;
const AT_ONCE: usize = 500;

/// Which entries to show. All that is said must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LedgerFilter {
    pub kind: Option<String>,
    pub model: Option<String>,
    pub person: Option<PersonId>,
    pub request: Option<RequestId>,
}

impl LedgerFilter {
    /// What the JSON of such an entry contains.
    fn marks(&self) -> Vec<String> {
        let quoted = |text: &str| serde_json::Value::from(text).to_string();
        let kind = self.kind.as_ref().map(|kind| format!(r#","kind":{},"prev":"#, quoted(kind)));
        let model = self.model.as_ref().map(|model| format!(r#""model":{}"#, quoted(model)));
        let person = self.person.as_ref().map(|person| quoted(person.as_str()));
        let request = self.request.map(|id| quoted(&id.to_string()));
        [kind, model, person, request].into_iter().flatten().collect()
    }
}

/// A page of entries, newest first.
#[derive(Debug)]
pub struct Browsed {
    pub records: Vec<Record>,
    /// Where to go on, where there may be more.
    pub older: Option<u64>,
    /// Looking ended before the page was full or the ledger was at its beginning.
    pub gave_up: bool,
}

/// One entry with everything by which its place in the ledger can be proved.
#[derive(Debug)]
pub struct ProvenEntry {
    pub index: u64,
    /// The exact bytes.
    pub json: String,
    pub at: Millis,
    pub kind: String,
    /// `None` where this version does not know the kind.
    pub entry: Option<Entry>,
    pub leaf: Digest,
    /// The leaf hash of the entry before.
    pub prev: Digest,
    /// From the leaf's sibling up.
    pub path: Vec<Digest>,
    pub root: Digest,
    pub size: u64,
    /// The signed note.
    pub checkpoint: String,
    pub vkey: String,
}

impl App {
    /// Entries from an index down.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn browse(&self, at: Option<u64>, filter: &LedgerFilter, rows: usize) -> Result<Browsed, AppError> {
        let marks = filter.marks();
        let step = if marks.is_empty() { rows } else { AT_ONCE };
        let (mut before, mut records, mut looked) = (at.map(|at| at.saturating_add(1)), Vec::new(), 0);
        let listed = self.listed_by(filter)?;
        loop {
            let found = match &listed {
                Some((listed, list)) => listed.newest(list, before, step)?,
                None => self.ledger.newest(before, step)?,
            };
            let all = found.len() < step;
            looked += found.len();
            before = found.last().map(|record| record.index).filter(|_| !all);
            records.extend(found.into_iter().filter(|r| marks.iter().all(|mark| r.json.contains(mark))));
            if all || records.len() >= rows || looked >= LOOKED_AT {
                break;
            }
        }
        if records.len() > rows {
            records.truncate(rows);
            before = records.last().map(|record| record.index);
        }
        let older = before.filter(|before| *before > 0).map(|before| before - 1);
        Ok(Browsed { gave_up: older.is_some() && records.len() < rows, records, older })
    }

    /// The list that has all that a filter wants, where there is one.
    fn listed_by(&self, filter: &LedgerFilter) -> Result<Option<(Listed<'_>, Key)>, AppError> {
        let Some(model) = &filter.model else { return Ok(None) };
        Ok(Listed::of(&*self.store)?.map(|listed| (listed, keys::entries_of_model(model))))
    }

    /// An entry, and the proof that it is under a fresh checkpoint.
    ///
    /// # Errors
    /// When there is no such entry, or the store cannot be read.
    pub async fn prove_entry(&self, index: u64) -> Result<ProvenEntry, AppError> {
        let proof = self.ledger.prove(index).await?;
        let key = self.ledger.verifier();
        let signed = Checkpoint::open(&proof.checkpoint, key).map_err(LedgerError::from)?;
        let record = Record { index, json: proof.entry };
        let parsed = record.parse()?;
        Ok(ProvenEntry {
            index,
            at: parsed.at,
            kind: parsed.kind,
            entry: Self::entry_of(&record).ok(),
            leaf: Digest::from_bytes(record.leaf_hash()),
            prev: parsed.prev,
            json: record.json,
            path: proof.path,
            root: Digest::from_bytes(signed.root),
            size: signed.size,
            checkpoint: proof.checkpoint,
            vkey: key.to_string(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing;
    use super::*;
    use countersign_core::entry::PolicyLoad;

    async fn written() -> std::sync::Arc<App> {
        let (app, _files) = testing::app().await;
        for model in ["credit", "fraud \"x\"", "credit"] {
            let entry = Entry::VersionCreated {
                workspace: "default".into(),
                model: model.into(),
                version: countersign_core::names::Version::parse("7").unwrap(),
                by: Some(PersonId::from("p_ana")),
            };
            app.note(&entry).await;
        }
        app.note(&Entry::PolicyLoaded(PolicyLoad::of(Digest::of(b"\"model\":\"credit\"")))).await;
        app
    }

    #[tokio::test]
    async fn filters_find_what_they_name() {
        let app = written().await;
        let check = |filter: LedgerFilter, rows, expect: &[u64]| {
            let found = app.browse(None, &filter, rows).unwrap();
            let indexes: Vec<u64> = found.records.iter().map(|record| record.index).collect();
            assert_eq!(indexes, expect, "{filter:?}");
            assert!(!found.gave_up);
            found.older
        };
        let all = LedgerFilter::default;
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(check(all(), 9, &[3, 2, 1, 0]), None);
        assert_eq!(check(all(), 2, &[3, 2]), Some(1));
        check(LedgerFilter { model: text("credit"), ..all() }, 9, &[2, 0]);
        check(LedgerFilter { model: text("fraud \"x\""), ..all() }, 9, &[1]);
        check(LedgerFilter { model: text("cred"), ..all() }, 9, &[]);
        check(LedgerFilter { kind: text("policy-loaded"), ..all() }, 9, &[3]);
        check(LedgerFilter { person: Some(PersonId::from("p_ana")), ..all() }, 9, &[2, 1, 0]);
        let older = check(LedgerFilter { model: text("credit"), ..all() }, 1, &[2]);
        let rest = app.browse(older, &LedgerFilter { model: text("credit"), ..all() }, 1).unwrap();
        assert_eq!((rest.records.len(), rest.older), (1, None));
    }

    #[tokio::test]
    async fn an_entry_comes_with_a_proof_that_holds() {
        let app = written().await;
        let proven = app.prove_entry(1).await.unwrap();
        let path: Vec<_> = proven.path.iter().map(|hash| *hash.as_bytes()).collect();
        let (leaf, root) = (proven.leaf.as_bytes(), proven.root.as_bytes());
        assert!(crate::ledger::proof::verify_inclusion(leaf, 1, proven.size, &path, root));
        assert_eq!((proven.kind.as_str(), proven.size), ("version-created", 4));
        assert!(matches!(app.prove_entry(4).await, Err(AppError::NotFound(_))));
    }
}
