//! The history of the policy, a page at a time: what took effect when, and by whom. What each one changed is told by its
//! own page; this module must not know of texts.

use countersign_core::insights::{Cell, Column, Table};
use countersign_core::names::PersonId;
use serde::{Deserialize, Serialize};

use super::{App, AppError, Named, RecordedPolicy};

/// Policies that took effect, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyHistory {
    pub policies: Vec<RecordedPolicy>,
    /// Ask for what is before this entry; `None`: there is no more.
    pub next: Option<u64>,
}

impl App {
    /// At most `limit` of those before an entry (`None`: the newest), with what people in them are called.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn policy_history(
        &self,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Named<PolicyHistory>, AppError> {
        let mut policies = self.policies_before(before, limit.saturating_add(1))?;
        let more = policies.len() > limit;
        policies.truncate(limit);
        let next = policies.last().filter(|_| more).map(|last| last.index);
        let people = policies.iter().flat_map(RecordedPolicy::people).cloned().collect();
        Ok(Named { names: self.names_of(people), of: PolicyHistory { policies, next } })
    }
}

impl RecordedPolicy {
    fn people(&self) -> impl Iterator<Item = &PersonId> {
        let by = self.load.by.as_ref().and_then(|by| by.person.as_ref());
        by.into_iter().chain(self.load.commit.as_ref().map(|commit| &commit.author))
    }
}

const COLUMNS: [(&str, &str); 10] = [
    ("entry", "Ledger entry"),
    ("at", "At"),
    ("policy", "Policy"),
    ("previous", "Instead of"),
    ("cause", "Why then"),
    ("person", "By"),
    ("claim", "Claimed to be by"),
    ("commit", "Commit"),
    ("commit_author", "Its author, as git says"),
    ("modified", "Changed since the commit"),
];

impl Named<PolicyHistory> {
    /// One row for each, by RFC 4180.
    #[must_use]
    pub fn csv(&self) -> String {
        let columns = COLUMNS.iter().map(|&(key, words)| Column { key, words }).collect();
        let rows = self.of.policies.iter().map(|recorded| self.row(recorded)).collect();
        Table { name: "policies", title: "Policies that took effect", meaning: String::new(), columns, rows }
            .csv()
    }

    fn row(&self, RecordedPolicy { index, at, load }: &RecordedPolicy) -> Vec<Cell> {
        let text = |text: Option<String>| text.map_or(Cell::Silent, Cell::Text);
        let (by, commit) = (load.by.as_ref(), load.commit.as_ref());
        vec![
            Cell::Count(*index),
            Cell::text(at),
            Cell::text(load.policy),
            text(load.previous.map(|digest| digest.to_string())),
            text(by.map(|by| by.cause.as_str().to_owned())),
            text(by.and_then(|by| by.person.as_ref()).map(|person| self.call(person))),
            text(by.and_then(|by| by.claim.clone())),
            text(commit.map(|commit| commit.id.clone())),
            text(commit.map(|commit| self.call(&commit.author))),
            text(commit.map(|commit| commit.modified.to_string())),
        ]
    }
}

#[cfg(test)]
mod tests {
    use countersign_core::digest::Digest;
    use countersign_core::entry::{Cause, Entry, PolicyCommit, PolicyLoad, TakenUpBy};

    use super::super::testing;
    use super::*;

    const POLICY: &str = "[[seat]]\nname = \"risk\"\nmembers = [\"ada\"]\n";

    #[tokio::test]
    async fn pages_follow_each_other_and_rows_say_by_whom() {
        let (app, _, _files) = testing::app_with(POLICY, "http://127.0.0.1:9", &["ada"]).await;
        app.started("countersign 0".to_owned(), None).await.unwrap();
        for number in 1..5_u8 {
            let by = match number {
                4 => TakenUpBy { cause: Cause::Command, person: Some("ada".into()), claim: None },
                _ => TakenUpBy::claimed(Cause::Signal, Some("operator:=1".to_owned())),
            };
            let commit =
                PolicyCommit { id: "77f4".to_owned(), author: "git:1".into(), modified: number == 4 };
            let load = PolicyLoad { by: Some(by), ..PolicyLoad::of(Digest::of(&[number])) };
            app.note(&Entry::PolicyLoaded(PolicyLoad { commit: Some(commit), ..load })).await;
            app.note(&Entry::PolicyRefused { kept: Digest::of(&[number]), reason: String::new() }).await;
        }
        let page = |before, limit| {
            let PolicyHistory { policies, next } = app.policy_history(before, limit).unwrap().of;
            (policies.iter().map(|policy| policy.index).collect::<Vec<_>>(), next)
        };
        assert_eq!(page(None, 2), (vec![7, 5], Some(5)));
        assert_eq!(page(Some(5), 2), (vec![3, 1], Some(1)));
        assert_eq!(page(Some(1), 2), (vec![0], None));
        assert_eq!(page(None, 5), (vec![7, 5, 3, 1, 0], None));
        assert_eq!(page(Some(0), 5), (vec![], None));
        let shown = app.policy_history(None, 2).unwrap();
        let read: Named<PolicyHistory> =
            serde_json::from_value(serde_json::to_value(&shown).unwrap()).unwrap();
        assert_eq!((&read.of, &read.names), (&shown.of, &shown.names));
        let csv = shown.csv();
        let rows: Vec<&str> = csv.lines().collect();
        assert_eq!(rows[0], "entry,at,policy,previous,cause,person,claim,commit,commit_author,modified");
        let (first, second) = (rows[1], rows[2]);
        assert!(first.starts_with("7,2026-") && first.ends_with(",,command,ada,,77f4,git:1,true"), "{first}");
        assert!(second.ends_with(",,signal,,operator:=1,77f4,git:1,false"), "{second}");
    }
}
