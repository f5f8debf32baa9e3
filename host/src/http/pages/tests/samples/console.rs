//! Samples of the ledger's entry, the policy, a plugin, the people and the server's health.

use super::{ago, at, chrome, evil, person, plugin_row};
use crate::http::pages::entry::EntryPage;
use crate::http::pages::health::{HealthPage, HealthRow, HealthState};
use crate::http::pages::people::{DelegationFields, DelegationRow, PeoplePage, SeatCard, SeatPerson};
use crate::http::pages::plugin::{
    ConfigField, FieldKind, PluginCost, PluginPage, PluginUse, Tried, UnstableNote,
};
use crate::http::pages::policy::{
    AskFields, PolicyGate, PolicyMode, PolicyPage, PolicyPlugin, PolicySeat, PolicyTier,
};
use crate::http::pages::policy_change::{DiffLine, PolicyChangePage, PolicyRow};
use crate::http::pages::what_if::{AskAnswer, AskGate, AskSeat, AskTier, WhatIfPage};
use crate::http::pages::{Chip, Nav, Page as _};
use countersign_core::check::Conclusion;

const HASH: &str = "sha256:9f2c1ab47de0c5a3b1f2e4d6c8a09b7e5f3d1c2b4a6e8d0f9c7b5a3e1d2f4c6b";

pub(super) fn entry() -> String {
    EntryPage {
        chrome: chrome(Nav::Ledger),
        index: 411,
        kind: "reviewed".into(),
        summary: evil("approve: AUC holds up. "),
        actor: Some(person("ruth.adler")),
        when: ago(20),
        request: Some("0199c1f0-7b7a-7cc0-9f3e-6a0d2b1c4e5f".into()),
        model: Some(at(&evil("credit-"))),
        people: vec![("p_9f2c1a".into(), person("ruth.adler"))],
        pretty: evil("{\n  \"at\": 1795339612810,\n  \"kind\": \"reviewed\"\n}"),
        exact: evil("{\"at\":1795339612810,\"kind\":\"reviewed\"}"),
        leaf: HASH.into(),
        prev: HASH.into(),
        path: vec![HASH.into(), HASH.into()],
        root: HASH.into(),
        size: 413,
        checkpoint: "countersign.example.org/ledger\n413\nqINS1GRF=\n\n— countersign.example.org/ledger Az3=\n".into(),
        vkey: "countersign.example.org/ledger+0f1e2d3c+AcFQ".into(),
    }
    .render()
}

fn ask() -> AskFields {
    AskFields {
        model: "credit-default".into(),
        version: "7".into(),
        action: "alias=champion".into(),
        requester: "ana.lindt".into(),
        suppose: evil("tag.risk=high"),
    }
}

pub(super) fn what_if() -> String {
    let gate = AskGate {
        name: "production".into(),
        enforced: true,
        guard: "alias `champion`".into(),
        checks: vec![
            ("metric-threshold".into(), true, Some(Chip::of_conclusion(Conclusion::Pass))),
            ("model-card".into(), false, None),
        ],
        rules: vec!["risk-scorecard".into()],
        seats: vec!["2 of seat risk".into(), "1 of seat legal".into()],
        conditions: vec!["whoever votes has opened the findings"],
        lasts: Some("90d".into()),
    };
    let seat = AskSeat {
        name: "risk".into(),
        needed: 2,
        people: vec![
            ("ruth.adler".into(), Vec::new(), None),
            ("dora.fink".into(), vec!["omar.haddad".into()], None),
            (evil("ana.lindt"), Vec::new(), Some("they asked for this promotion".into())),
        ],
    };
    let answer = AskAnswer {
        verdict: "A promotion that gate `production` guards.".into(),
        refused: false,
        tier: Some(AskTier {
            name: Some("high".into()),
            because: evil("`model.tags[\"risk\"] == \"high\"` "),
        }),
        gates: vec![gate],
        seats: vec![seat],
        missing: vec![("files".into(), "the deadline passed".into())],
    };
    let error = Some(evil("There is no such version. "));
    WhatIfPage { chrome: chrome(Nav::Policy), ask: ask(), error, answer: Some(answer) }.render()
}

fn policy_row() -> PolicyRow {
    PolicyRow {
        index: 411,
        when: ago(120),
        digest: "c0ffee1ab47d".into(),
        previous: Some("9f2c1ab47de0".into()),
        by: Some(evil("by SIGHUP, operator:ana (a claim)")),
        person: None,
        commit: Some(("77f489a1b2".into(), evil("Ana Lindt"))),
    }
}

pub(super) fn policy_change() -> String {
    let line = |class, text: &str| DiffLine { class, text: evil(text) };
    PolicyChangePage {
        chrome: chrome(Nav::Policy),
        index: 411,
        when: ago(120),
        digest: HASH.into(),
        previous: Some(HASH.into()),
        by: policy_row().by,
        person: None,
        commit: policy_row().commit,
        previous_kept: true,
        difference: Some(vec![
            line("", "  [gate.approvals.high]"),
            line("removed", "- seats = { risk = 2 }"),
            line("added", "+ seats = { risk = 1 }"),
        ]),
    }
    .render()
}

pub(super) fn policy() -> String {
    let plugin = |name: &str, required| PolicyPlugin {
        name: name.into(),
        required,
        config: "{ metric = \"auc\", min = \"0.85\" }".into(),
    };
    let tier = |name: &str, counts: [u32; 2]| PolicyTier {
        name: name.into(),
        conditions: if counts[0] > 1 { vec!["findings opened first"] } else { Vec::new() },
        lasts: (counts[0] > 0).then(|| "90d".into()),
        counts: counts.to_vec(),
    };
    let gate = |name: &str, mode| PolicyGate {
        name: name.into(),
        mode,
        models: vec!["*".into()],
        guards: vec!["alias `champion`".into(), "alias `prod-*`".into(), "stage `Production`".into()],
        checks: vec![plugin("metric-threshold", true), plugin("model-card", false)],
        rules: vec![plugin("risk-scorecard", true)],
        seats: vec!["legal".into(), "risk".into()],
        tiers: vec![tier("high", [2, 1]), tier("low", [0, 0])],
        terms: vec![("When approved", "the same call succeeds".into())],
    };
    PolicyPage {
        chrome: chrome(Nav::Policy),
        file: "./policy.toml".into(),
        digest: "sha256:c0ffee1ab47de0c5a3b1f2e4d6c8a09b7e5f3d1c2b4a6e8d0f9c7b5a3e1d2f4c".into(),
        loaded: ago(120),
        reload_error: Some(evil("policy.toml, line 31: unknown key `requierd`; did you mean `required`? ")),
        may_load: true,
        told: None,
        remarks: vec!["gate `pilot` asks for nothing, so that it records and allows every promotion".into()],
        gates: vec![gate("production", PolicyMode::Enforce), gate("pilot", PolicyMode::Monitor)],
        seats: vec![
            PolicySeat {
                name: "risk".into(),
                members: vec!["ruth.adler".into(), "tom.weiss".into()],
                groups: Vec::new(),
                veto: false,
            },
            PolicySeat {
                name: "legal".into(),
                members: Vec::new(),
                groups: vec!["oidc:legal".into()],
                veto: true,
            },
        ],
        tiers: vec![("high".into(), Some("model.tags[\"risk\"] == \"high\"".into())), ("low".into(), None)],
        history: vec![policy_row()],
        ask: ask(),
    }
    .render()
}

pub(super) fn plugin() -> String {
    let field = |name: &str, kind, value: &str| ConfigField {
        name: name.into(),
        required: name == "metric",
        default: (name == "origin").then(|| "any".into()),
        hint: "What it is for.".into(),
        shape: (name == "min").then(|| evil("An exact decimal number. ")),
        value: value.into(),
        error: (name == "min").then(|| evil("\"good\" is no decimal ")),
        kind,
    };
    let cost = PluginCost {
        since: ago(190),
        runs: 41,
        p50: Some("1.3 ms".into()),
        p95: Some("9.8 ms".into()),
        cpu: "61 ms".into(),
        host_calls: 82,
        artifact_bytes: "14 KiB".into(),
        conclusions: vec![
            (Chip::of_conclusion(Conclusion::Pass), 38),
            (Chip::of_conclusion(Conclusion::Fail), 3),
        ],
        findings: vec!["3 errors".into(), "38 notes".into()],
        failures: vec![("cpu-budget", 1)],
    };
    PluginPage {
        chrome: chrome(Nav::Plugins),
        plugin: plugin_row(),
        imports: vec!["countersign:plugin/registry@0.1.0".into()],
        uses: vec![PluginUse {
            gate: "production".into(),
            required: true,
            config: "{ metric = \"auc\" }".into(),
        }],
        unstable: Some(UnstableNote {
            by_itself: true,
            run: 41,
            entry: 97,
            difference: evil("every host call agrees, and the outcome is "),
            when: ago(9),
        }),
        cost,
        fields: vec![
            field("metric", FieldKind::Text, "auc"),
            field("min", FieldKind::Text, "good"),
            field("origin", FieldKind::Choice(vec!["run".into(), "any".into()]), "run"),
            field("files", FieldKind::Lines, "a\nb"),
            field("relative", FieldKind::Json, "{}"),
            field("words", FieldKind::Whole, "7"),
        ],
        tried: Some(Tried::Bad { errors: vec![evil("something is missing ")] }),
    }
    .render()
}

pub(super) fn people() -> String {
    let who = |name: &str, how: &str, waiting| SeatPerson {
        name: name.into(),
        how: how.into(),
        machine: name == "ci-trainer",
        unknown: name == "nobody.yet",
        waiting,
    };
    let risk = SeatCard {
        name: "risk".into(),
        veto: true,
        asked_by: vec!["production: 2 for tier high, 1 for tier low".into()],
        people: vec![
            who("ruth.adler", "member", 3),
            who(&evil("dora"), "stands in for omar.haddad", 0),
            who("ci-trainer", "member", 0),
            who("nobody.yet", "member", 0),
        ],
        groups: Vec::new(),
        waiting: 3,
        needed: 4,
    };
    let legal = SeatCard {
        name: "legal".into(),
        veto: false,
        asked_by: Vec::new(),
        people: Vec::new(),
        groups: vec!["oidc:legal".into()],
        waiting: 0,
        needed: 1,
    };
    let row = |when, starts, ends| DelegationRow {
        from: "omar.haddad".into(),
        to: "dora.fink".into(),
        seat: "risk".into(),
        starts: ago(starts),
        ends: ago(ends),
        chip: DelegationRow::chip_of(when),
    };
    let delegations = vec![
        row(std::cmp::Ordering::Equal, 2_000, -9_000),
        row(std::cmp::Ordering::Less, -2_000, -9_000),
        row(std::cmp::Ordering::Greater, 9_000, 2_000),
    ];
    let form = DelegationFields { from: "omar".into(), to: evil("dora"), ..DelegationFields::default() };
    let prepared = Some(Err(evil("nobody here is called `dora` ")));
    let mine = Some((vec!["risk".into()], 3));
    PeoplePage {
        chrome: chrome(Nav::People),
        mine,
        seats: vec![risk, legal],
        more: false,
        delegations,
        form,
        prepared,
    }
    .render()
}

pub(super) fn health() -> String {
    let row = |about, state, says: &str, todo: Option<&str>| HealthRow {
        about,
        state,
        says: says.into(),
        todo: todo.map(str::to_owned),
    };
    let rows = vec![
        row("people", HealthState::Bad, "seat `legal` needs 1 people, and has 0", Some("name 1 more")),
        row("webhooks", HealthState::Warning, &evil("there is no secret "), Some("set `secret_file`")),
        row("store", HealthState::Good, "takes writes", None),
    ];
    HealthPage { chrome: chrome(Nav::Health), rows }.render()
}
