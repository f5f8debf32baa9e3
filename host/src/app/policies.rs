//! Policies that took effect: recorded with their text, with who had them taken up and where they came from.

use countersign_core::digest::Digest;
use countersign_core::entry::{Cause, Entry, PolicyCommit, PolicyLoad, TakenUpBy};
use countersign_core::names::PersonId;
use countersign_core::time::Millis;
use serde::{Deserialize, Serialize};

use super::evidence::Evidence;
use super::{App, AppError, Generation, provenance};
use crate::store::{Batch, Scan, keys};

/// A policy that took effect, and the entry that says so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedPolicy {
    pub index: u64,
    pub at: Millis,
    #[serde(flatten)]
    pub load: PolicyLoad,
}

impl App {
    /// Records that this process has begun, and by which policy, where that is another one than it was.
    ///
    /// # Errors
    /// When nothing can be recorded: a gate that cannot record does not open.
    pub(crate) async fn started(&self, software: String, claim: Option<String>) -> Result<(), AppError> {
        let generation = self.generation.load_full();
        let policy = generation.policy.digest().0;
        let was = self.recorded_policies(1)?.pop().map(|last| last.load.policy);
        let mut evidence = Evidence::default();
        // At the very beginning nothing took the place of anything.
        let text = was.is_none().then(|| evidence.keep(&generation.text));
        let entry = Entry::Started { software, policy, text };
        self.record(std::slice::from_ref(&entry), evidence.put(Batch::new())).await?;
        if was.is_none() || was == Some(policy) {
            return Ok(());
        }
        self.took_effect(&generation, was, TakenUpBy::claimed(Cause::Start, claim)).await.map(drop)
    }

    /// Records a policy, and keeps its text with it. Gives the entry's index.
    pub(super) async fn took_effect(
        &self,
        generation: &Generation,
        previous: Option<Digest>,
        by: TakenUpBy,
    ) -> Result<u64, AppError> {
        let mut evidence = Evidence::default();
        let text = Some(evidence.keep(&generation.text));
        let batch = evidence.put(Batch::new());
        let commit = match provenance::of(&generation.file).await {
            Some(found) => {
                // The name lies apart, sealed, where it can be erased; the id means nothing by itself.
                let author = PersonId::new(format!("git:{}", self.clock.new_id()?));
                if let Some(profiles) = self.people.profiles() {
                    profiles.keep_name(&author, &found.author).await;
                }
                Some(PolicyCommit { id: found.commit, author, modified: found.modified })
            }
            None => None,
        };
        let policy = generation.policy.digest().0;
        let load = PolicyLoad { policy, previous, text, by: Some(by), commit };
        self.record(&[Entry::PolicyLoaded(load)], batch).await
    }

    /// The policies that took effect, newest first. Those of a version that kept no list are not in it.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn recorded_policies(&self, limit: usize) -> Result<Vec<RecordedPolicy>, AppError> {
        self.policies_before(None, limit)
    }

    /// The same, of those before an entry.
    pub(super) fn policies_before(
        &self,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<RecordedPolicy>, AppError> {
        let scan = Scan::prefix(keys::policy_loads()).newest_first().limit(limit);
        let rows = self.store.scan(&match before {
            Some(before) => scan.after(keys::policy_loads().number(before)),
            None => scan,
        })?;
        let indexes = rows.iter().filter_map(|(key, _)| key.last_number());
        indexes.filter_map(|index| self.recorded_policy(index).transpose()).collect()
    }

    /// What an entry says of a policy that took effect; `None` where it says something else.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn recorded_policy(&self, index: u64) -> Result<Option<RecordedPolicy>, AppError> {
        let Some(record) = self.ledger.get(index)? else { return Ok(None) };
        let at = record.parse()?.at;
        Ok(match Self::entry_of(&record)? {
            Entry::PolicyLoaded(load) => Some(RecordedPolicy { index, at, load }),
            Entry::Started { policy, text, .. } if text.is_some() => {
                Some(RecordedPolicy { index, at, load: PolicyLoad { text, ..PolicyLoad::of(policy) } })
            }
            _ => None,
        })
    }

    /// The text of a recorded policy; `None` where it was not kept.
    ///
    /// # Errors
    /// When the store cannot be read, or holds something else.
    pub fn policy_text(&self, load: &PolicyLoad) -> Result<Option<String>, AppError> {
        let Some(digest) = load.text else { return Ok(None) };
        Ok(Some(String::from_utf8_lossy(&self.evidence(digest)?).into_owned()))
    }

    /// The text of the policy that this one took the place of, where it was kept.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn text_before(&self, recorded: &RecordedPolicy) -> Result<Option<String>, AppError> {
        let Some(wanted) = recorded.load.previous else { return Ok(None) };
        let after = keys::policy_loads().number(recorded.index);
        let scan = Scan::prefix(keys::policy_loads()).newest_first().after(after).limit(1_000);
        for index in self.store.scan(&scan)?.iter().filter_map(|(key, _)| key.last_number()) {
            if let Some(found) = self.recorded_policy(index)?.filter(|found| found.load.policy == wanted) {
                return self.policy_text(&found.load);
            }
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing;
    use super::*;

    #[tokio::test]
    async fn a_policy_is_recorded_with_its_text_its_predecessor_and_who_had_it_taken_up() {
        let (app, _files) = testing::app().await;
        app.started("countersign 0".to_owned(), Some("operator:ana".to_owned())).await.unwrap();
        app.started("countersign 0".to_owned(), None).await.unwrap();
        let first = app.recorded_policies(9).unwrap();
        assert_eq!(first.len(), 1, "the same policy is recorded once, however often the server starts");
        let (file, was) = (app.generation.load().file.clone(), first[0].load.policy);
        let text = format!("# for a while\n{}  expires = \"9d\"\n", app.generation.load().text);
        std::fs::write(&file, &text).unwrap();
        app.reload(TakenUpBy::claimed(Cause::Signal, Some("operator:ana".to_owned()))).await.unwrap();
        let all = app.recorded_policies(9).unwrap();
        let newest = &all[0];
        assert_eq!((all.len(), newest.load.previous), (2, Some(was)));
        assert_eq!(newest.load.by.as_ref().unwrap().phrase(), "by SIGHUP, operator:ana (a claim)");
        assert_eq!(app.policy_text(&newest.load).unwrap().unwrap(), text);
        assert_eq!(app.text_before(newest).unwrap(), app.policy_text(&first[0].load).unwrap());
        assert_eq!(app.text_before(&all[1]).unwrap(), None);
    }
}
