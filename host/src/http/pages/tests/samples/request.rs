//! The sample of a promotion request.

use countersign_core::check::{Conclusion, Finding, Severity};
use countersign_core::request::State;

use super::{NOW, ago, at, chrome, evil, person};
use crate::http::pages::discussion::{CommentForm, Discussion, Remark, Thread};
use crate::http::pages::request::{
    CheckRow, EmergencyForm, Event, GateRow, Notice, RequestPage, ReviewPanel, SeatRow, Write,
};
use crate::http::pages::{Chip, Nav, Tone};

fn finding(severity: Severity, code: &str, message: &str, numbers: Option<[&str; 3]>) -> Finding {
    let [measured, comparator, threshold] = numbers.unwrap_or_default().map(str::to_owned);
    let some = |text: String| Some(text).filter(|text| !text.is_empty());
    Finding {
        code: code.into(),
        severity,
        message: message.into(),
        measured: some(measured),
        comparator: some(comparator),
        threshold: some(threshold),
        sample_size: numbers.map(|_| 20_000),
        segment: numbers.map(|_| "region = EU".into()),
        remediation: (severity == Severity::Error)
            .then(|| "Train again on the 2026 data, or register version 6.".into()),
        extensions: Vec::new(),
    }
}

fn check(plugin: &str, conclusion: Conclusion, summary: &str, findings: Vec<Finding>) -> CheckRow {
    CheckRow {
        plugin: plugin.into(),
        conclusion,
        required: plugin != "model-card",
        summary: summary.into(),
        findings,
        plugin_digest: "sha256:9f2c1ab47de0c5a3b1f2e4d6c8a09b7e5f3d1c2b4a6e8d0f9c7b5a3e1d2f4c6b".into(),
        outcome_digest: "sha256:1b0e7ab47de0c5a3b1f2e4d6c8a09b7e5f3d1c2b4a6e8d0f9c7b5a3e1d2f4c6b".into(),
        ran: ago(4),
        took: "18 ms".into(),
        sealed: false,
        opened: vec![(person("ruth.adler"), ago(2))],
        opened_by_viewer: plugin == "metric-threshold",
    }
}

fn checks() -> Vec<CheckRow> {
    let auc = finding(Severity::Error, "below-minimum", "auc is too low", Some(["0.871", ">=", "0.880"]));
    let drop = finding(Severity::Info, "champion", "the champion has auc 0.884", None);
    let words = finding(
        Severity::Warning,
        "few-words",
        &evil("section `Limits` is short "),
        Some(["12", ">=", "40"]),
    );
    vec![
        check("artifact-safety", Conclusion::Pass, "4 files, no dangerous opcode", Vec::new()),
        check("model-card", Conclusion::Warn, "one section is short", vec![words]),
        check("metric-threshold", Conclusion::Fail, "auc 0.871 is below 0.880", vec![auc, drop]),
    ]
}

pub(in crate::http::pages::tests) fn request(panel: ReviewPanel) -> RequestPage {
    let anonymous = matches!(panel, ReviewPanel::SignIn);
    let own = matches!(panel, ReviewPanel::Comment { .. });
    let stale = Notice {
        title: "What was reviewed has changed",
        text: evil("The tags of version 7 changed 20 minutes ago. Earlier signatures no longer count. "),
        warning: true,
    };
    let mut chrome = chrome(Nav::Inbox);
    chrome.viewer = chrome.viewer.filter(|_| !anonymous);
    RequestPage {
        chrome,
        id: "0199c1f0-7b7a-7cc0-9f3e-6a0d2b1c4e5f".into(),
        title: "Set alias champion of credit-default to version 7".into(),
        chips: vec![Chip::of_state(&State::InReview), Chip::stale()],
        headline: "Waiting for 1 signature from seat risk (ruth.adler, risk-lead) and 1 from seat legal"
            .into(),
        model: at("credit-default"),
        version: Some("7".into()),
        requester: person("ana.lindt"),
        opened: ago(3),
        notices: vec![stale],
        gates: gates(),
        checks: checks(),
        write: Write {
            made: false,
            method: "POST".into(),
            path: "/api/2.0/mlflow/registered-models/alias".into(),
            body: "{\"name\":\"credit-default\",\"alias\":\"champion\",\"version\":\"7\"}".into(),
        },
        subject: vec![
            ("Version", "credit-default, version 7, created 2026-11-22 18:02 UTC".into()),
            ("Source", "models:/m-8753bd6c3097417c921f272d7e1116fe".into()),
            ("Files", "sha256:5d41402abc4b2a76b9719d911017c592ae1f4c6b9f2c1ab47de0c5a3b1f2e4d6".into()),
        ],
        subject_digest: "sha256:c0ffee1ab47de0c5a3b1f2e4d6c8a09b7e5f3d1c2b4a6e8d0f9c7b5a3e1d2f4c".into(),
        timeline: timeline(),
        panel,
        discussion: discussion(!anonymous),
        may_withdraw: own,
        may_apply: own,
        changes: Vec::new(),
        writes: Vec::new(),
        renew: None,
        emergency: own.then(|| EmergencyForm {
            reason: evil("Everybody scores zero. "),
            ticket: "INC-7".into(),
            drill: true,
            error: Some(evil("Somebody must review the last use first. ")),
        }),
        sample: own.then(|| evil("risk")),
        words: vec![("suspend", "Suspend", "It can be resumed.")],
        previous: own.then(|| "0199c1f0-7b7a-7cc0-9f3e-6a0d2b1c4e5e".into()),
        told: own.then(|| "Your comment is recorded.".into()),
    }
}

fn discussion(may_write: bool) -> Discussion {
    let remark = |words: Option<&str>, edited| Remark {
        by: person("tom.weiss"),
        at: ago(2),
        words: words.map(evil),
        erased: words.is_none() && edited,
        edited,
    };
    let typed = CommentForm {
        text: evil("Which one? "),
        error: Some(evil("It was resolved. ")),
        ..CommentForm::default()
    };
    let open = Thread {
        id: "0199c1f0-7b7a-7cc0-9f3e-6a0d2b1c4e61".into(),
        about: Some("metric-threshold".into()),
        resolved: None,
        comments: vec![
            remark(Some("Which holdout is this? "), true),
            remark(None, false),
            remark(None, true),
        ],
        may_settle: may_write,
    };
    let resolved = Thread {
        id: "0199c1f0-7b7a-7cc0-9f3e-6a0d2b1c4e62".into(),
        about: None,
        resolved: Some(person("tom.weiss")),
        comments: vec![remark(Some("Says the card for whom? "), false)],
        may_settle: false,
    };
    Discussion { threads: vec![open, resolved], checks: vec!["metric-threshold".into()], may_write, typed }
}

fn gates() -> Vec<GateRow> {
    let risk = SeatRow {
        seat: "risk".into(),
        needed: 2,
        signed: vec![person("tom.weiss")],
        members: vec!["ruth.adler".into(), "risk-lead".into()],
    };
    let legal =
        SeatRow { seat: "legal".into(), needed: 1, signed: Vec::new(), members: vec!["li.chen".into()] };
    let unproven = vec!["who registered version 7".into()];
    let production = GateRow {
        name: "production".into(),
        enforced: true,
        tier: Some("high".into()),
        tier_facts: vec![evil("model.tags")],
        seats: vec![risk, legal],
        unproven,
    };
    let pilot = GateRow {
        name: "pilot".into(),
        enforced: false,
        tier: None,
        seats: Vec::new(),
        tier_facts: vec![evil("model.tags")],
        unproven: Vec::new(),
    };
    vec![production, pilot]
}

fn event(minutes: i64, actor: Option<&str>, what: &str, icon: &'static str, tone: Tone) -> Event {
    let entry = u64::try_from(400 - minutes).ok();
    Event {
        when: ago(minutes),
        actor: actor.map(person),
        what: what.into(),
        icon,
        tone,
        note: None,
        signature: None,
        entry,
    }
}

fn timeline() -> Vec<Event> {
    let approved = event(30, Some("tom.weiss"), "approved in seat risk", "check", Tone::Good);
    let refused = event(
        24,
        Some("ana.lindt"),
        "tried to approve and was refused: she asked for it",
        "lock",
        Tone::Warning,
    );
    vec![
        event(44, Some("ana.lindt"), "asked for this by setting the alias", "open", Tone::Quiet),
        event(44, None, "3 checks ran", "check", Tone::Good),
        Event {
            note: Some(evil("AUC holds up on the EU segment. ")),
            signature: Some(evil("Signed by ruth on 2026-11-22: approval of “set alias”. ")),
            ..approved
        },
        refused,
        event(20, None, "The tags of version 7 changed: the approval is stale", "alert", Tone::Warning),
    ]
}

pub(super) fn applied() -> RequestPage {
    let mut page = request(ReviewPanel::Closed {
        why: "It was applied: there is nothing left to decide.".into(),
        form: crate::http::pages::request::ReviewForm::default(),
    });
    page.chips = vec![Chip::of_state(&State::Applied { at: NOW, intent: 4 }), Chip::bypassed()];
    page.headline = "Somebody moved champion past Countersign: an operator must look".into();
    page.notices = vec![Notice {
        title: "Bypassed",
        text: "At 20:12 UTC MLflow held champion at version 5, and no permit was given for it.".into(),
        warning: false,
    }];
    page.checks.retain(|check| check.conclusion == Conclusion::Pass);
    page
}
