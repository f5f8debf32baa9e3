//! One of every page, filled as a real server would, with hostile text wherever text comes from outside.

mod console;
mod insights;
mod request;
mod retention;

use request::applied;
pub(super) use request::request;

use countersign_core::names::PersonId;
use countersign_core::request::State;
use countersign_core::time::Millis;

use crate::app::WordRights;
use crate::http::pages::exceptions::{EmergencyRow, ExceptionsPage, TypedWord, WaiverRow};
use crate::http::pages::inbox::{CheckTally, Expected, InboxPage, InboxRow, SearchBox, Tab};
use crate::http::pages::ledger::{FilterFields, LedgerPage, LedgerRow};
use crate::http::pages::login::{LoginPage, Provider};
use crate::http::pages::model::{Holder, ModelPage, ModelRow};
use crate::http::pages::plugins::{PluginRow, PluginsPage};
use crate::http::pages::problem::ProblemPage;
use crate::http::pages::request::{ProofField, ReviewForm, ReviewPanel};
use crate::http::pages::{Chip, Chrome, ModelAt, Nav, Page, Person, Viewer, When};

pub(super) const EVIL: &str = "<script>alert(1)</script>";
pub(super) const NOW: Millis = Millis::new(1_795_339_612_810);

pub(super) fn all() -> Vec<(&'static str, String)> {
    let form = ReviewForm { seats: vec!["risk".into(), "legal".into()], ..ReviewForm::default() };
    let why_not_sign =
        "You may not sign: you asked for this promotion, and nobody signs their own work.".into();
    let again = ReviewForm {
        seats: vec!["risk".into()],
        wait: Some(format!("You have not opened the findings of fairness. {EVIL}")),
        rationale: format!("The drift report is fine. {EVIL}"),
        rejecting: false,
        error: Some(
            "Version 7 changed at 20:31: its tags are new. Read what changed and send it again.".into(),
        ),
        proof: ProofField::Password { name: evil("ruth") },
    };
    vec![
        ("login", login(None)),
        ("login-error", login(Some(format!("The user name or the password is wrong. {EVIL}")))),
        ("login-provider", login_at_provider()),
        ("inbox", inbox(rows())),
        ("inbox-empty", inbox(Vec::new())),
        ("request-sign", request(ReviewPanel::Sign(form)).render()),
        ("request-own", request(ReviewPanel::Comment { why_not_sign, form: ReviewForm::default() }).render()),
        ("request-again", request(ReviewPanel::Sign(again)).render()),
        ("request-anonymous", request(ReviewPanel::SignIn).render()),
        ("request-applied", applied().render()),
        ("model", model()),
        ("ledger", ledger()),
        ("plugins", plugins()),
        ("ledger-entry", console::entry()),
        ("policy", console::policy()),
        ("policy-change", console::policy_change()),
        ("what-if", console::what_if()),
        ("plugin", console::plugin()),
        ("people", console::people()),
        ("retention", retention::retention()),
        ("health", console::health()),
        ("exceptions", exceptions()),
        ("insights", insights::page()),
        ("insights-empty", insights::nothing()),
        ("problem", problem()),
    ]
}

fn exceptions() -> String {
    let waiver = WaiverRow {
        id: "0199c1f0-7b7a-7cc0-9f3e-6a0d2b1c4e5f".into(),
        what: "Check fairness of gate production".into(),
        model: at("credit-default"),
        version: Some("7".into()),
        reason: evil("The fairness data arrives in March. "),
        author: person("ana.lindt"),
        owner: person("tom.weiss"),
        until: ago(-2_000),
        chip: Chip::new("Approved", "check", crate::http::pages::Tone::Good),
        approved_by: vec![person("ruth.adler")],
        open: true,
        may: WordRights { why_not: Some(evil("You have approved it. ")), end: true },
    };
    let emergency = EmergencyRow {
        id: "0199c1f0-7b7a-7cc0-9f3e-6a0d2b1c4e60".into(),
        request: "0199c1f0-7b7a-7cc0-9f3e-6a0d2b1c4e5f".into(),
        by: person("otto.klein"),
        at: ago(9),
        until: ago(-51),
        reason: evil("The champion scores everybody zero. "),
        ticket: evil("INC-7 "),
        drill: false,
        action: evil("Set alias `champion` of credit-default to version 7 "),
        reviewed_by: None,
        may: WordRights::default(),
    };
    let (chrome, told) = (chrome(Nav::Exceptions), Some("The waiver counts now.".into()));
    let typed = Some(TypedWord {
        id: waiver.id.clone(),
        rationale: evil("The data is late. "),
        error: evil("The author of a waiver cannot approve it. "),
    });
    ExceptionsPage { chrome, waivers: vec![waiver], emergencies: vec![emergency], told, typed }.render()
}

fn at(model: &str) -> ModelAt {
    ModelAt { name: model.into(), workspace: Some(evil("team-a ")) }
}

pub(super) fn chrome(nav: Nav) -> Chrome {
    Chrome {
        base: "/_countersign".into(),
        mlflow: "/".into(),
        viewer: Some(Viewer { name: "ruth.adler".into(), machine: false, can_sign_out: true }),
        nav,
        can_sign_in: true,
        here: "/_countersign/".into(),
    }
}

fn ago(minutes: i64) -> When {
    When::new(Millis::new(NOW.get() - minutes * 60_000), NOW)
}

fn person(name: &str) -> Person {
    Person { name: name.into(), machine: name == "ci-trainer" }
}

fn evil(text: &str) -> String {
    format!("{text}{EVIL}")
}

fn login(error: Option<String>) -> String {
    let chrome = Chrome { viewer: None, ..chrome(Nav::SignIn) };
    let name = if error.is_some() { evil("ana") } else { String::new() };
    LoginPage { chrome, name, next: "/_countersign/".into(), error, provider: None }.render()
}

fn login_at_provider() -> String {
    let chrome = Chrome { viewer: None, ..chrome(Nav::SignIn) };
    let url = "/_countersign/oidc/sign-in?next=/_countersign/".to_owned();
    let provider = Some(Provider { host: "id.example.com".to_owned(), url });
    let error = Some(evil("The provider says `access_denied`. "));
    LoginPage { chrome, name: String::new(), next: "/_countersign/".into(), error, provider }.render()
}

fn row(
    chips: Vec<Chip>,
    model: &str,
    headline: &str,
    checks: [usize; 3],
    signed: u32,
    minutes: i64,
) -> InboxRow {
    let [failed, warned, passed] = checks;
    InboxRow {
        id: "0199c1f0-7b7a-7cc0-9f3e-6a0d2b1c4e5f".into(),
        chips,
        model: at(model),
        action: "set alias champion".into(),
        headline: headline.into(),
        missing: if failed > 0 { vec![evil("check fairness could not judge ")] } else { Vec::new() },
        expected: if minutes > 200 {
            Some(Expected::Late(86_400_000))
        } else {
            Some(Expected::By(ago(-4_000)))
        },
        line: vec!["2nd of 5 for seat risk".into()],
        requester: person(if minutes > 1000 { "ci-trainer" } else { "ana.lindt" }),
        opened: ago(minutes),
        checks: CheckTally { failed, warned, passed, skipped: 0 },
        signed,
        needed: 2,
    }
}

fn rows() -> Vec<InboxRow> {
    let applied = State::Applied { at: NOW, intent: 4 };
    let rejected = State::Rejected { at: NOW, by: PersonId::from("p_x") };
    let waiting = "Waiting for 1 signature from seat risk (ruth.adler, risk-lead)";
    vec![
        row(vec![Chip::of_state(&State::InReview)], "credit-default", waiting, [0, 1, 2], 1, 3),
        row(
            vec![Chip::of_state(&State::InReview), Chip::stale()],
            "fraud-detector",
            "Waiting for 2 signatures from seat risk: the earlier one was for other evidence",
            [0, 0, 3],
            0,
            190,
        ),
        row(
            vec![Chip::of_state(&State::Open)],
            &evil("churn-"),
            &evil("The author must act: check metric-threshold failed "),
            [1, 0, 2],
            0,
            320,
        ),
        row(
            vec![Chip::of_state(&applied), Chip::bypassed()],
            "pricing",
            "The alias was moved past Countersign after this was applied",
            [0, 0, 3],
            2,
            1600,
        ),
        row(
            vec![Chip::of_state(&rejected)],
            "a-registered-model-with-a-name-that-is-much-longer-than-anybody-would-expect-in-a-table",
            "Rejected. Nothing more can happen to this request",
            [0, 0, 0],
            0,
            9000,
        ),
    ]
}

fn inbox(rows: Vec<InboxRow>) -> String {
    let waits = if rows.is_empty() { 0 } else { 2 };
    let older = (!rows.is_empty()).then(|| "/_countersign/?tab=review&before=x".into());
    let (tab, all) = (Tab::NeedsMyReview, 41);
    InboxPage {
        chrome: chrome(Nav::Inbox),
        tab,
        needs_my_review: waits,
        requested_by_me: 0,
        all,
        rows,
        skipped: Vec::new(),
        search: SearchBox { typed: evil("model:credit "), wrong: Some(evil("`modle` is no key here ")) },
        older,
    }
    .render()
}

fn model() -> String {
    let model_row = |minutes, what: &str, chip| ModelRow {
        when: ago(minutes),
        version: Some("7".into()),
        what: what.into(),
        actor: (minutes != 9).then(|| person("ana.lindt")),
        chips: vec![chip],
        request: (minutes != 9).then(|| "0199".into()),
    };
    let holders = vec![
        Holder {
            place: "alias champion".into(),
            version: Some("5".into()),
            gate: "production".into(),
            bypassed: false,
            stale: None,
        },
        Holder {
            place: "stage Production".into(),
            version: None,
            gate: "production".into(),
            bypassed: false,
            stale: None,
        },
    ];
    let rows = vec![
        model_row(9, "alias champion moved from version 7 to 5", Chip::bypassed()),
        model_row(
            40,
            "alias champion set to version 7",
            Chip::of_state(&State::Applied { at: NOW, intent: 1 }),
        ),
        model_row(3000, &evil("alias champion refused for version 6 "), Chip::of_state(&State::Open)),
    ];
    let held = Some(insights::held());
    ModelPage { chrome: chrome(Nav::None), model: at("credit-default"), holders, held, rows, older: None }
        .render()
}

fn ledger() -> String {
    let ledger_row = |index, minutes, kind: &str, summary: &str, actor: Option<&str>| LedgerRow {
        index,
        when: ago(minutes),
        kind: kind.into(),
        summary: summary.into(),
        actor: actor.map(person),
        request: actor.map(|_| "0199".into()),
        leaf: "9f2c1ab47de0".into(),
    };
    LedgerPage {
        chrome: chrome(Nav::Ledger),
        size: 413,
        checkpoint: "countersign.example.org/ledger\n413\nqINS1GRFhWHwdkUeqLEoP4yEMkTBBzxBkGwGQlVlVcs=\n\n— countersign.example.org/ledger Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n".into(),
        signed: Some(ago(1)),
        vkey: "countersign.example.org/ledger+PeterNeumann+AcFQ".into(),
        rows: vec![
            ledger_row(412, 9, "bypassed", "credit-default: alias champion moved to version 5 without a permit", None),
            ledger_row(411, 20, "write-done", "set alias champion of credit-default to version 7", Some("ana.lindt")),
            ledger_row(410, 20, "write-intended", "set alias champion of credit-default to version 7", Some("ana.lindt")),
            ledger_row(409, 21, "review", &evil("approve in seat risk "), Some("ruth.adler")),
        ],
        newer: None,
        older: Some("/_countersign/ledger?before=409".into()),
        filter: FilterFields { model: evil("credit"), ..FilterFields::default() },
        wrong: Some(evil("`x` is no id of a request. ")),
        gave_up: true,
    }
    .render()
}

fn plugin_row() -> PluginRow {
    PluginRow {
        name: "metric-threshold".into(),
        version: "0.1.0".into(),
        description: "Compares metrics of the run and of the logged model with limits and with the champion."
            .into(),
        kinds: vec!["check".into()],
        source: "file:target/plugins/metric-threshold.wasm".into(),
        digest: "sha256:9f2c1ab47de0c5a3b1f2e4d6c8a09b7e5f3d1c2b4a6e8d0f9c7b5a3e1d2f4c6b".into(),
        granted: vec!["registry".into()],
        withheld: Vec::new(),
        reads: Some(vec!["metrics".into()]),
        gates: vec!["production".into()],
        error: None,
    }
}

fn plugins() -> String {
    let good = plugin_row();
    let error =
        evil("It asks for `artifacts`, which is not granted: add grants = [\"artifacts\"] to [[plugin]]. ");
    let bad = PluginRow {
        name: "artifact-safety".into(),
        withheld: vec!["artifacts".into()],
        granted: Vec::new(),
        reads: None,
        gates: Vec::new(),
        error: Some(error),
        ..good.clone()
    };
    PluginsPage { chrome: chrome(Nav::Plugins), plugins: vec![bad, good] }.render()
}

fn problem() -> String {
    ProblemPage {
        chrome: chrome(Nav::None),
        status: 409,
        title: "This has changed since you opened it".into(),
        what_happened: evil(
            "Version 7 of credit-default got other tags at 20:31, after your page was made. ",
        ),
        what_to_do: "Read what changed and sign again. Your rationale was not recorded.".into(),
        action: Some(("/_countersign/requests/0199".into(), "Review again".into())),
    }
    .render()
}
