//! A policy that took effect: when, by whom, and what it changed.

use axum::extract::Path;
use axum::response::Response;
use countersign_core::entry::PolicyCommit;
use countersign_core::line_diff::{Line, line_diff};
use http::StatusCode;

use super::{Trouble, Visitor, page};
use crate::app::{AppError, RecordedPolicy};
use crate::http::pages::Nav;
use crate::http::pages::policy_change::{DiffLine, PolicyChangePage, PolicyRow};

/// How many the policy's page lists.
const ROWS: usize = 20;

/// The newest ones; a store that cannot be read shows none here, and its trouble everywhere else.
pub(super) fn rows(visitor: &Visitor) -> Vec<PolicyRow> {
    let recorded = visitor.app().recorded_policies(ROWS).unwrap_or_default();
    recorded.iter().map(|recorded| row(visitor, recorded)).collect()
}

fn row(visitor: &Visitor, recorded: &RecordedPolicy) -> PolicyRow {
    let load = &recorded.load;
    let commit = load.commit.as_ref().map(|commit| {
        let (id, author) = committed(visitor, commit);
        (id.chars().take(10).collect(), author)
    });
    PolicyRow {
        index: recorded.index,
        when: visitor.when(recorded.at),
        digest: load.policy.short(),
        previous: load.previous.map(|was| was.short()),
        by: load.by.as_ref().map(countersign_core::entry::TakenUpBy::phrase),
        person: load.by.as_ref().and_then(|by| by.person.as_ref()).map(|id| visitor.person(id)),
        commit,
    }
}

/// The commit, and its author by the name that is kept apart; an erased one leaves its id.
fn committed(visitor: &Visitor, commit: &PolicyCommit) -> (String, String) {
    let author = visitor.person(&commit.author).name;
    let modified = if commit.modified { ", and changed since" } else { "" };
    (commit.id.clone(), format!("{author}{modified}"))
}

pub(super) async fn show(visitor: Visitor, Path(index): Path<String>) -> Result<Response, Trouble> {
    let trouble = |error: AppError| Trouble::new(&visitor, error);
    let none =
        || AppError::NotFound(format!("entry `{index}` tells of no policy: see the page of the policy"));
    let number = index.parse().map_err(|_| trouble(none()))?;
    let recorded = visitor.app().recorded_policy(number).map_err(trouble)?;
    let recorded = recorded.ok_or_else(|| trouble(none()))?;
    let text = visitor.app().policy_text(&recorded.load).map_err(trouble)?;
    let before = visitor.app().text_before(&recorded).map_err(trouble)?;
    let row = row(&visitor, &recorded);
    let shown = PolicyChangePage {
        chrome: visitor.chrome(Nav::Policy),
        index: recorded.index,
        when: row.when,
        digest: recorded.load.policy.to_string(),
        previous: recorded.load.previous.map(|was| was.to_string()),
        by: row.by,
        person: row.person,
        commit: recorded.load.commit.as_ref().map(|commit| committed(&visitor, commit)),
        previous_kept: before.is_some(),
        difference: text.map(|text| lines(before.as_deref(), &text)),
    };
    Ok(page(StatusCode::OK, &shown))
}

/// Signs as in a unified diff; without a text to compare with, the lines as they are.
fn lines(before: Option<&str>, text: &str) -> Vec<DiffLine> {
    let plain = |line: &str| DiffLine { class: "", text: line.to_owned() };
    let Some(before) = before else { return text.lines().map(plain).collect() };
    let signed = |line| match line {
        Line::Same(text) => DiffLine { class: "", text: format!("  {text}") },
        Line::Removed(text) => DiffLine { class: "removed", text: format!("- {text}") },
        Line::Added(text) => DiffLine { class: "added", text: format!("+ {text}") },
    };
    line_diff(before, text).into_iter().map(signed).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_have_signs_where_there_is_something_to_compare_with() {
        let said = |before, text| -> Vec<String> {
            lines(before, text).into_iter().map(|line| format!("{}|{}", line.class, line.text)).collect()
        };
        assert_eq!(said(None, "a\nb"), ["|a", "|b"]);
        assert_eq!(said(Some("a\nb"), "a\nc"), ["|  a", "removed|- b", "added|+ c"]);
    }
}
