use expect_test::{Expect, expect};

use crate::policy::{OnApproval, OnBypass, OnFailure, Policy};

const GOOD: &str = include_str!("tests/good.toml");

#[expect(clippy::needless_pass_by_value, reason = "`expect!` is written in place")]
fn check(text: &str, expect: Expect) {
    let got = match Policy::parse("policy.toml", text) {
        Ok(policy) => format!("fine: {} gates", policy.gates().len()),
        Err(error) => error.to_string(),
    };
    expect.assert_eq(&got);
}

/// The good policy with one thing changed.
fn changed(from: &str, to: &str) -> String {
    assert!(GOOD.contains(from), "{from}");
    GOOD.replacen(from, to, 1)
}

#[test]
fn a_good_policy() {
    let policy = Policy::parse("policy.toml", GOOD).unwrap();
    let gate = &policy.gates()[0];
    assert_eq!((gate.on_approval, gate.on_bypass), (OnApproval::Permit, OnBypass::Record));
    assert_eq!(gate.guards.len(), 4);
    let high = policy.approvals(gate, &"high".into()).unwrap();
    assert_eq!(high.seats.values().sum::<u32>(), 3);
    assert!(policy.approvals(gate, &"low".into()).is_none());
    assert!(gate.checks[0].required);
    assert_eq!(gate.checks[0].config["min"], "0.85");
}

#[test]
fn a_policy_may_be_empty() {
    check("", expect![[""]]);
}

#[test]
fn comments_and_spelling_do_not_change_the_digest_but_meaning_does() {
    let digest = |text: &str| Policy::parse("policy.toml", text).unwrap().digest();
    let same = [
        format!("# reviewed in March\n\n{GOOD}"),
        changed("mode   = \"enforce\"", "mode = 'enforce'"),
        changed("on_bypass = \"record\"", ""),
        changed(
            "config = { metric = \"auc\", min = \"0.85\" }",
            "config = { min = \"0.85\", metric = \"auc\" }",
        ),
    ];
    for text in same {
        assert_eq!(digest(&text), digest(GOOD), "{text}");
    }
    for text in [changed("0.85", "0.84"), changed("risk = 2", "risk = 1"), changed("enforce", "monitor")] {
        assert_ne!(digest(&text), digest(GOOD), "{text}");
    }
}

#[test]
fn the_gate_overrides_the_plugin_on_failures() {
    use crate::check::FailureClass::{CpuBudget, HostBug, Trapped};
    let text = changed(
        "grants = [\"registry\"]",
        "grants = []\non_failure = { cpu-budget = \"hold\", trapped = \"hold\" }",
    );
    let text = text.replacen("required = true", "required = true\n  on_failure = { trapped = \"deny\" }", 1);
    let policy = Policy::parse("policy.toml", &text).unwrap();
    let check = &policy.gates()[0].checks[0];
    for (class, expect) in
        [(CpuBudget, OnFailure::Hold), (Trapped, OnFailure::Deny), (HostBug, OnFailure::Deny)]
    {
        assert_eq!(policy.on_failure(check, class), expect, "{class:?}");
    }
}

#[test]
fn syntax() {
    check("[[gate]\nname = \"x", expect![[""]]);
}

#[test]
fn unknown_keys() {
    check(&changed("mode   =", "mod    ="), expect![[""]]);
    check(&changed("[[seat]]", "[[chair]]"), expect![[""]]);
    check(&changed("grants =", "grant ="), expect![[""]]);
    check(&changed("expires = \"90d\"", "expire = \"90d\""), expect![[""]]);
}

#[test]
fn plugins() {
    check(&changed("digest = ", "# digest = "), expect![[""]]);
    check(&changed("sha256:00", "sha256:0"), expect![[""]]);
    check(&changed("source = \"file:", "source = \"ftp:"), expect![[""]]);
    check(&changed("grants = [\"registry\"]", "grants = [\"network\"]"), expect![[""]]);
    check(
        &changed("grants = [\"registry\"]", "on_failure = { crashed = \"deny\", trapped = \"ignore\" }"),
        expect![[""]],
    );
    check(&changed("name = \"metric-threshold\"", "name = \"metric threshold\""), expect![[""]]);
    check(&changed("name = \"two-person\"", "name = \"metric-threshold\""), expect![[""]]);
}

#[test]
fn seats() {
    check(&changed("members = [\"counsel\"]", ""), expect![[""]]);
    check(&changed("members = [\"counsel\"]", "groups = [\"model-risk\"]"), expect![[""]]);
    check(&changed("members = [\"counsel\"]", "groups = [\"oidc:legal\"]"), expect![[""]]);
}

#[test]
fn tiers() {
    check(&changed("name = \"low\"", "name = \"low\"\nwhen = 'true'"), expect![[""]]);
    check(&changed("when = 'model.tags[\"risk\"] == \"high\"'", ""), expect![[""]]);
    check(&changed("when = 'model.tags", "when = 'model.labels"), expect![[""]]);
    check(&changed("== \"high\"'", "== '"), expect![[""]]);
    check(
        &changed("when = 'model.tags[\"risk\"] == \"high\"'", "when = \"model.tags[\\\"risk\\\"]\""),
        expect![[""]],
    );
    check(
        "[[gate]]\nname = \"g\"\nmode = \"off\"\nmodels = [\"*\"]\nguards = [{ alias = \"a\" }]",
        expect![[""]],
    );
}

#[test]
fn gates() {
    check(&changed("mode   = \"enforce\"", "mode = \"protect\""), expect![[""]]);
    check(&changed("mode   = \"enforce\"", ""), expect![[""]]);
    check(&changed("models = [\"*\"]", "models = []"), expect![[""]]);
    check(&changed("models = [\"*\"]", "models = \"*\""), expect![[""]]);
    check(&changed("models = [\"*\"]", "models = [\"team/credit\", \"\"]"), expect![[""]]);
    check(
        &changed("{ alias = \"champion\" }", "{ alias = \"champion\", stage = \"Production\" }"),
        expect![[""]],
    );
    check(&changed("{ alias = \"champion\" }", "{ alias = \"prod.eu\" }"), expect![[""]]);
    check(&changed("{ alias = \"champion\" }", "{ version = \"1\" }"), expect![[""]]);
    check(&changed("stage = \"Production\"", "stage = \"Archived\""), expect![[""]]);
    check(&changed("plugin = \"metric-threshold\"", "plugin = \"metric-treshold\""), expect![[""]]);
    check(&changed("min = \"0.85\"", "min = 0.85"), expect![[""]]);
    check(&changed("min = \"0.85\"", "min = 9007199254740993"), expect![[""]]);
    check(&changed("required = true", "required = \"yes\""), expect![[""]]);
    check(&changed("on_bypass = \"record\"", "on_bypass = \"undo\""), expect![[""]]);
}

#[test]
fn approvals() {
    check(&changed("[gate.approvals.high]", "[gate.approvals.hihg]"), expect![[""]]);
    check(&changed("risk = 2", "rsik = 2"), expect![[""]]);
    check(&changed("risk = 2", "risk = 3"), expect![[""]]);
    check(&changed("risk = 2", "risk = 0"), expect![[""]]);
    check(&changed("seats = { risk = 2, legal = 1 }", "seats = {}"), expect![[""]]);
    check(&changed("expires = \"90d\"", "expires = \"90 days\""), expect![[""]]);
    check(&changed("expires = \"90d\"", "expires = \"0d\""), expect![[""]]);
}

#[test]
fn all_faults_at_once_in_the_order_of_the_file() {
    let text = changed("digest = ", "# digest = ").replacen("risk = 2", "rsik = 2", 1).replacen(
        "\"enforce\"",
        "\"on\"",
        1,
    );
    check(&text, expect![[""]]);
}
