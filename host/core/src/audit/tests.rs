//! Documents about small histories, and packs.

use super::*;
use crate::check::{Conclusion, Finding, Outcome, Report, Severity};
use crate::digest::Digest;
use crate::entry::Entry;
use crate::facts::tests::described;
use crate::insights::tests::told::{HOUR, Told};
use crate::time::Millis;

fn made(from: Option<i64>, to: Option<i64>) -> Made {
    let hours = |at: i64| Millis::new(at * HOUR);
    let range = Range { from: from.map(hours), to: to.map(hours) };
    Made { at: hours(100), software: "countersign test".to_owned(), range }
}

fn ledger() -> LedgerSeen {
    let (origin, vkey) = ("here".to_owned(), "here+1+x".to_owned());
    LedgerSeen { origin, vkey, entries: 9, root: Digest::of(b""), checkpoint: String::new() }
}

/// Facts and the outcome of a check, under the digests that small histories use.
fn blobs(digest: Digest) -> Option<Vec<u8>> {
    let finding = Finding {
        code: "below-threshold".to_owned(),
        severity: Severity::Error,
        message: "auc is low".to_owned(),
        measured: Some("0.5".to_owned()),
        comparator: None,
        threshold: Some("0.85".to_owned()),
        sample_size: None,
        segment: None,
        remediation: None,
        extensions: Vec::new(),
    };
    let (conclusion, summary) = (Conclusion::Fail, "auc is 0.5".to_owned());
    let report = Report { conclusion, summary, findings: vec![finding], extensions: Vec::new() };
    if digest == Digest::of(b"facts") {
        let (mut version, model) = described();
        version.subject.version = crate::names::Version::new(1);
        return serde_json::to_vec(&(version, model)).ok();
    }
    (digest == Digest::of(b"")).then(|| serde_json::to_vec(&Outcome::Reported(report)).ok())?
}

fn audit_in(told: &Told, from: Option<i64>, to: Option<i64>) -> Audit {
    Audit::new(&told.account("credit"), ledger(), made(from, to), &blobs)
}

/// Approved at 4, run out at 50, gone round at 60; a second request was rejected at 71.
fn history() -> Told {
    Told::default()
        .ran(0, "auc", 1, "fail")
        .opened_for(1, 1, 1)
        .voted(3, 1, "ruth", true)
        .written(4, 1)
        .expired(50, 1)
        .bypassed(60)
        .opened_for(70, 2, 2)
        .voted(71, 2, "ruth", false)
}

#[test]
fn a_decision_is_told_with_what_stands_behind_it() {
    let audit = audit_in(&history(), None, None);
    let told: Vec<(&str, &str)> =
        audit.verified.decisions.iter().map(|d| (d.what.as_str(), d.outcome.as_str())).collect();
    assert_eq!(
        told,
        [
            ("set alias `champion` of credit to version 1", "applied"),
            ("set alias `champion` of credit to version 2", "rejected"),
        ]
    );
    let first = &audit.verified.decisions[0];
    assert!(first.is_signed() && first.refused == 1);
    assert_eq!(first.findings[0].findings[0].code, "below-threshold");
    let signer = &first.separation.signers[0];
    assert_eq!((signer.person.as_str(), &signer.own_work), ("ruth", &None));
    assert_eq!(first.happened.last().unwrap().says, "the approval ran out");
    let second = &audit.verified.decisions[1];
    assert_eq!((second.announced, second.behind.reviews.len()), (None, 1));
    assert!(audit.people().iter().any(|person| person.as_str() == "ana"));
}

#[test]
fn what_clients_wrote_is_kept_apart() {
    let audit = audit_in(&history(), None, None);
    let json = serde_json::to_value(&audit).unwrap();
    assert_eq!(json["asserted"][0]["tags"][0]["name"], "risk");
    assert_eq!(json["asserted"][0]["description"], "first");
    let verified = json["verified"].to_string();
    assert!(!verified.contains("first") && verified.contains("below-threshold"), "{verified}");
}

#[test]
fn gaps_are_said_in_plain_words() {
    let check = |told: &Told, blobs: Blobs<'_>, expect: &str| {
        let gaps = Audit::new(&told.account("credit"), ledger(), made(None, None), blobs).gaps.join("\n");
        assert!(gaps.contains(expect), "{gaps}");
    };
    check(&history(), &blobs, "moved once without a permit");
    check(
        &history(),
        &blobs,
        "alias champion version 9 stands now, and no decision in force is behind it: bypassed",
    );
    check(&history(), &|_| None, "is not at hand: the ledger has its digest");
    check(&Told::default(), &blobs, "No decision about this model is recorded");
}

#[test]
fn a_range_takes_what_happened_in_it() {
    let check = |from, to, decisions: usize, held: usize, bypasses: usize| {
        let verified = audit_in(&history(), from, to).verified;
        let found = (verified.decisions.len(), verified.held.len(), verified.exceptions.bypasses.len());
        assert_eq!(found, (decisions, held, bypasses), "{from:?} {to:?}");
    };
    check(None, None, 2, 3, 1);
    check(Some(65), None, 1, 1, 0);
    check(None, Some(40), 1, 1, 0);
    check(Some(55), Some(61), 0, 2, 1);
    check(Some(200), None, 0, 1, 0);
}

#[test]
fn documents_read_back() {
    let audit = audit_in(&history(), Some(1), None);
    let json = crate::canonical::to_string(&audit).unwrap();
    assert_eq!(serde_json::from_str::<Audit>(&json).unwrap(), audit);
}

const PACK: &str = r#"
id = "ours"
title = "Ours"
text = "House rules"
dated = "2026-01-31"
source = "https://rules.example"

[[clause]]
id = "1"
asks = "Somebody else signs."
evidence = ["signatures", "separation"]

[[clause]]
id = "2"
asks = "Metrics are logged, on known data."
evidence = ["metrics", "tags"]
not_covered = "the data"

[[clause]]
id = "3"
asks = "Emergencies are reviewed."
evidence = ["break-glass"]

[[clause]]
id = "4"
asks = "There is coffee."
not_covered = "coffee"
"#;

#[test]
fn a_pack_says_what_is_answered_and_what_is_not() {
    let audit = audit_in(&history(), None, None).against(&[Pack::parse(PACK).unwrap()]);
    let covers: Vec<(&str, &str)> =
        audit.packs[0].clauses.iter().map(|clause| (clause.id.as_str(), clause.cover.as_str())).collect();
    assert_eq!(
        covers,
        [("1", "answered"), ("2", "in-part"), ("3", "nothing-recorded"), ("4", "not-covered")]
    );
    let second = &audit.packs[0].clauses[1];
    assert!(second.evidence.iter().all(|found| found.basis == Basis::Asserted));
    assert_eq!(second.evidence[1].says, "4 tags");
}

#[test]
fn a_pack_that_is_none_says_why() {
    let check = |from: &str, to: &str, expect: &str| {
        assert!(PACK.contains(from));
        let error = Pack::parse(&PACK.replacen(from, to, 1)).unwrap_err().to_string();
        assert!(error.contains(expect), "{error}");
    };
    check("2026-01-31", "January", "write the day of its text");
    check("\"break-glass\"", "\"prayers\"", "unknown variant `prayers`");
    check("not_covered = \"coffee\"", "", "clause `4` of pack `ours` names no evidence");
    check("id = \"2\"", "id = \"1\"", "`1` is in pack `ours` twice");
    check("title", "titel", "unknown field `titel`");
}

#[test]
fn what_a_monitoring_gate_would_not_have_let_pass_is_counted() {
    let placed = crate::action::Placed {
        workspace: "default".into(),
        action: crate::action::Action::DeleteModel { model: "credit".into() },
    };
    let told = history().told(80, Entry::WouldRefuse { placed, by: None, gates: Vec::new() });
    let audit = audit_in(&told, None, None);
    assert_eq!(audit.verified.exceptions.would_refuse, 1);
}
