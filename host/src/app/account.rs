//! What the ledger says about one model, from wherever its entries come: the store, or an export.
//!
//! Most entries are about other models. In canonical JSON a quoted name stands for itself alone, so one look at the
//! bytes passes them, and only what may matter is parsed.

use std::collections::BTreeMap;

use countersign_core::entry::Entry;
use countersign_core::held::{Account, Answer, Ids, Name};
use countersign_core::names::{ModelName, PersonId, Workspace};
use countersign_core::time::Millis;
use serde::{Deserialize, Serialize};

use super::listed::Listed;
use super::{App, AppError};
use crate::ledger::Ledger;

/// Entries that are read at once.
const AT_ONCE: usize = 512;

/// Takes in the entries of a ledger in their order.
#[derive(Debug)]
pub struct AccountReader {
    account: Account,
    mark: String,
}

#[derive(Deserialize)]
struct Stamp {
    at: Millis,
}

#[derive(Deserialize)]
struct Pointer {
    body: Ids,
}

impl AccountReader {
    #[must_use]
    pub fn new(workspace: Workspace, model: ModelName) -> Self {
        let mark = serde_json::Value::from(model.as_str()).to_string();
        Self { account: Account::new(workspace, model), mark }
    }

    /// An entry of a kind that this version does not know says nothing.
    pub fn read(&mut self, index: u64, json: &str) {
        let entry = self.may_matter(json).then(|| serde_json::from_str::<Entry>(json).ok()).flatten();
        match (serde_json::from_str::<Stamp>(json), entry) {
            (Ok(Stamp { at }), Some(entry)) => self.account.take(index, at, entry),
            _ => self.account.pass(index),
        }
    }

    #[must_use]
    pub fn finish(self) -> Account {
        self.account
    }

    fn may_matter(&self, json: &str) -> bool {
        match kind_of(json) {
            "started" | "policy-loaded" => true,
            "check-run" | "rule-run" | "version-created" | "bypassed" => json.contains(&self.mark),
            _ if json.contains(&self.mark) => true,
            _ => serde_json::from_str::<Pointer>(json).is_ok_and(|points| self.account.knows(&points.body)),
        }
    }
}

/// The kind stands at the end of an entry, after whatever its body says.
fn kind_of(json: &str) -> &str {
    let tail = json.rsplit_once(r#","kind":""#).map(|(_, tail)| tail);
    tail.and_then(|tail| tail.split('"').next()).unwrap_or_default()
}

/// What a ledger says about one model. Reads what is about it, or all of a ledger that has no lists yet: not for a
/// thread that serves others.
///
/// # Errors
/// When the store cannot be read.
pub fn account_of(ledger: &Ledger, workspace: &Workspace, model: &ModelName) -> Result<Account, AppError> {
    let Some(listed) = Listed::of(&**ledger.store())? else {
        return account_scanned(ledger, workspace, model);
    };
    let size = ledger.len()?;
    let mut reader = AccountReader::new(workspace.clone(), model.clone());
    for record in listed.about(model, size)?.into_values() {
        reader.read(record.index, &record.json);
    }
    let mut account = reader.finish();
    if let Some(last) = size.checked_sub(1) {
        account.pass(last);
    }
    Ok(account)
}

/// As [`account_of`], from all entries of the ledger.
///
/// # Errors
/// When the store cannot be read.
pub(super) fn account_scanned(
    ledger: &Ledger,
    workspace: &Workspace,
    model: &ModelName,
) -> Result<Account, AppError> {
    let mut reader = AccountReader::new(workspace.clone(), model.clone());
    let mut next = 0;
    loop {
        let records = ledger.range(next, AT_ONCE)?;
        for record in &records {
            reader.read(record.index, &record.json);
        }
        match records.last() {
            Some(last) => next = last.index + 1,
            None => return Ok(reader.finish()),
        }
    }
}

/// A document about people by their ids, and what they are called now.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Named<T> {
    #[serde(flatten)]
    pub of: T,
    /// Of those who still have a profile here.
    #[serde(default)]
    pub names: BTreeMap<PersonId, String>,
}

impl<T> Named<T> {
    /// The name that somebody has here, or their id.
    #[must_use]
    pub fn call(&self, person: &PersonId) -> String {
        self.names.get(person).cloned().unwrap_or_else(|| person.to_string())
    }
}

impl App {
    /// What the ledger says about one model.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn account(&self, workspace: &Workspace, model: &ModelName) -> Result<Account, AppError> {
        account_of(&self.ledger, workspace, model)
    }

    /// Who held a name of a model (`None`: any) at a time (`None`: ever), and on what evidence.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn who_held(
        &self,
        (workspace, model): (&Workspace, &ModelName),
        name: Option<&Name>,
        at: Option<Millis>,
    ) -> Result<Named<Answer>, AppError> {
        let answer = Answer::new(&self.account(workspace, model)?, name, at);
        Ok(Named { names: self.names_of(answer.people()), of: answer })
    }

    /// What people are called, of those who have a name here.
    pub(super) fn names_of(&self, people: Vec<PersonId>) -> BTreeMap<PersonId, String> {
        let named = people.into_iter().map(|person| (self.people.name_of(&person), person));
        named.filter(|(name, person)| name != person.as_str()).map(|(name, person)| (person, name)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::testing;

    #[test]
    fn the_kind_is_read_from_the_end() {
        let check = |json: &str, expect: &str| assert_eq!(kind_of(json), expect, "{json}");
        check(r#"{"at":1,"body":{"kind":"x"},"index":0,"kind":"intent","prev":"","v":1}"#, "intent");
        check(
            r#"{"at":1,"body":{"a":",\"kind\":\"x"},"index":0,"kind":"outcome","prev":"","v":1}"#,
            "outcome",
        );
        check("{}", "");
    }

    #[tokio::test]
    async fn an_account_is_of_one_model_in_one_workspace() {
        let (app, _files) = testing::app().await;
        for (workspace, model) in [("default", "credit"), ("default", "fraud"), ("other", "credit")] {
            let (workspace, model) = (workspace.into(), model.into());
            let version = countersign_core::names::Version::new(1);
            app.note(&Entry::VersionCreated { workspace, model, version, by: Some("p_1".into()) }).await;
        }
        let account = app.account(&"default".into(), &"credit".into()).unwrap();
        let indexes: Vec<u64> = account.entries().iter().map(|told| told.index).collect();
        assert_eq!((indexes, account.size()), (vec![0], 3));
        let answer = app.who_held((&"default".into(), &"credit".into()), None, None).unwrap();
        assert!(answer.of.held.is_empty() && answer.of.notes.len() == 1);
    }
}
