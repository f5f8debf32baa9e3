use expect_test::{Expect, expect};
use proptest::prelude::*;

use crate::names::{Stage, Version};
use crate::policy::{Changes, FallbackTo, OnChange, OnExpiry};
use crate::policy::{OnApproval, OnBypass, OnFailure, Policy};
use crate::time::Span;

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
    check("", expect!["fine: 0 gates"]);
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
    check("[[gate]\nname = \"x", expect!["policy.toml:1:8: this is not TOML: unclosed array table, expected `]`"]);
}

#[test]
fn unknown_keys() {
    check(&changed("mode   =", "mod    ="), expect![[r#"
        policy.toml:29:1: gate `production` has no `mode`: add `mode = "enforce"`
        policy.toml:31:1: unknown key `mod` in gate `production`: choose one of `name`, `mode`, `models`, `guards`, `check`, `rule`, `approvals`, `changes`, `artifact_window`, `on_approval`, `on_bypass`, `on_expiry`, `unknown_author`, `unknown_run_author`, `expires`"#]]);
    check(&changed("[[seat]]", "[[chair]]"), expect![[r#"
        policy.toml:14:3: unknown key `chair` in the policy: choose one of `plugin`, `seat`, `delegation`, `tier`, `gate`, `waivers`, `break_glass`
        policy.toml:45:13: there is no seat `risk`: choose one of `legal`, or add a `[[seat]]`"#]]);
    check(&changed("grants =", "grant ="), expect!["policy.toml:7:1: unknown key `grant` in plugin `metric-threshold`: choose one of `name`, `source`, `digest`, `grants`, `limits`, `on_failure`"]);
    check(&changed("expires = \"90d\"", "signature = \"reauthenticate\""), expect!["fine: 1 gates"]);
    check(&changed("expires = \"90d\"", "signature = \"password\""), expect!["policy.toml:46:15: `password` is no `signature` of the approvals of tier `high`: choose one of `session`, `reauthenticate`"]);
    check(&changed("expires = \"90d\"", "expire = \"90d\""), expect!["policy.toml:46:3: unknown key `expire` in the approvals of tier `high`: choose one of `seats`, `sample`, `sample_seat`, `expires`, `evidence_first`, `signature`, `unresolved_blocks`"]);
}

#[test]
fn plugins() {
    check(&changed("digest = ", "# digest = "), expect![[r#"policy.toml:3:1: plugin `metric-threshold` has no `digest`: add `digest = "sha256:…"`; the line to paste is printed by `countersign plugin pin file:target/plugins/metric-threshold.wasm`"#]]);
    check(&changed("sha256:00", "sha256:0"), expect!["policy.toml:6:10: `digest` of plugin `metric-threshold`: `sha256:000000000000000000000000000000000000000000000000000000000000001` is not a digest: write `sha256:` and 64 lower-case hex digits"]);
    check(&changed("source = \"file:", "source = \"ftp:"), expect!["policy.toml:5:10: `ftp:target/plugins/metric-threshold.wasm` is no source: write `file:PATH`, `https://…` or `oci:REGISTRY/REPOSITORY:TAG`"]);
    check(&changed("grants = [\"registry\"]", "grants = [\"network\"]"), expect!["policy.toml:7:11: `network` is no `grant` of plugin `metric-threshold`: choose one of `log`, `registry`, `artifacts`, `history`"]);
    check(
        &changed("grants = [\"registry\"]", "on_failure = { crashed = \"deny\", trapped = \"ignore\" }"),
        expect![[r#"
            policy.toml:7:16: `crashed` is no class of failure: choose one of `panicked`, `trapped`, `cpu-budget`, `wall-budget`, `memory`, `stack-overflow`, `host-call-budget`, `invalid-result`, `pool-exhausted`, `host-bug`, `undecided`
            policy.toml:7:44: `ignore` is no `trapped` of `on_failure`: choose one of `deny`, `hold`"#]],
    );
    check(&changed("name = \"metric-threshold\"", "name = \"metric threshold\""), expect![[r#"
        policy.toml:4:8: `metric threshold` is no name: use 1 to 64 ASCII letters, digits, `-`, `_` and `.`
        policy.toml:37:12: there is no plugin `metric-threshold`: choose one of `metric threshold`, `two-person`, or add a `[[plugin]]`"#]]);
    check(&changed("name = \"two-person\"", "name = \"metric-threshold\""), expect![[r#"
        policy.toml:10:8: plugin `metric-threshold` already stands in line 4: rename one of them
        policy.toml:42:12: there is no plugin `two-person`: choose one of `metric-threshold`, or add a `[[plugin]]`"#]]);
}

#[test]
fn seats() {
    check(&changed("members = [\"counsel\"]", ""), expect![[r#"policy.toml:18:1: seat `legal` can be filled by nobody: add `members = ["NAME"]` or `groups = ["oidc:GROUP"]`"#]]);
    check(&changed("members = [\"counsel\"]", "groups = [\"model-risk\"]"), expect!["policy.toml:20:11: `model-risk` is no group: write `PROVIDER:GROUP`, as in `oidc:model-risk`"]);
    check(&changed("members = [\"counsel\"]", "groups = [\"oidc:legal\"]"), expect!["fine: 1 gates"]);
}

#[test]
fn tiers() {
    check(&changed("name = \"low\"", "name = \"low\"\nwhen = 'true'"), expect!["policy.toml:26:1: tier `low` is the last one and has a `when`: add a tier without one after it, for everything else"]);
    check(&changed("when = 'model.tags[\"risk\"] == \"high\"'", ""), expect!["policy.toml:22:1: tier `high` has no `when`, so that the tiers after it are never reached: move it to the end"]);
    check(&changed("when = 'model.tags", "when = 'model.labels"), expect!["policy.toml:24:14: `when`: there is no `labels` here: choose one of `aliases`, `description`, `name`, `tags`"]);
    check(&changed("== \"high\"'", "== '"), expect!["policy.toml:24:31: `when`: this is not CEL: syntax error: mismatched input '<EOF>' expecting {'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}"]);
    check(
        &changed("when = 'model.tags[\"risk\"] == \"high\"'", "when = \"model.tags[\\\"risk\\\"]\""),
        expect![[r#"policy.toml:24:8: `when`: it gives a string, not yes or no: write a comparison such as `… == "high"`"#]],
    );
    check(
        "[[gate]]\nname = \"g\"\nmode = \"off\"\nmodels = [\"*\"]\nguards = [{ alias = \"a\" }]",
        expect![[r#"policy.toml:1:1: the policy has gates but no tier: add `[[tier]]` with `name = "default"` and no `when`"#]],
    );
}

#[test]
fn gates() {
    check(&changed("mode   = \"enforce\"", "mode = \"protect\""), expect!["policy.toml:31:8: `protect` is no `mode` of gate `production`: choose one of `enforce`, `monitor`, `off`"]);
    check(&changed("mode   = \"enforce\"", ""), expect![[r#"policy.toml:29:1: gate `production` has no `mode`: add `mode = "enforce"`"#]]);
    check(&changed("models = [\"*\"]", "models = []"), expect![[r#"policy.toml:29:1: `models` of gate `production` is empty: write `models = ["*"]`"#]]);
    check(&changed("models = [\"*\"]", "models = \"*\""), expect!["policy.toml:32:10: `models` of gate `production` must be a list of texts, not string"]);
    check(&changed("models = [\"*\"]", "models = [\"team/credit\", \"\"]"), expect![[r#"
        policy.toml:32:11: no model can be called `team/credit`: MLflow takes no `/` in names
        policy.toml:32:26: an empty pattern matches nothing: write a name, or `*` for all"#]]);
    check(
        &changed("{ alias = \"champion\" }", "{ alias = \"champion\", stage = \"Production\" }"),
        expect!["policy.toml:33:11: a guard has exactly one key: choose one of `alias`, `stage`, `register_into`, and write one table per guard"],
    );
    check(&changed("{ alias = \"champion\" }", "{ alias = \"prod.eu\" }"), expect!["policy.toml:33:21: no alias can be called `prod.eu`: MLflow takes no `.` in them, only letters, digits, `_` and `-`"]);
    check(&changed("{ alias = \"champion\" }", "{ version = \"1\" }"), expect!["policy.toml:33:13: unknown key `version` in a guard: choose one of `alias`, `stage`, `register_into`"]);
    check(&changed("stage = \"Production\"", "stage = \"Archived\""), expect!["policy.toml:33:67: `Archived` is no stage that a gate can guard: choose one of `Staging`, `Production`"]);
    check(&changed("plugin = \"metric-threshold\"", "plugin = \"metric-treshold\""), expect!["policy.toml:37:12: there is no plugin `metric-treshold`: choose one of `metric-threshold`, `two-person`, or add a `[[plugin]]`"]);
    check(&changed("min = \"0.85\"", "min = 0.85"), expect![[r#"policy.toml:39:36: `0.85` is a fraction, which no two programs print alike: write `"0.85"`"#]]);
    check(&changed("min = \"0.85\"", "min = 9007199254740993"), expect!["policy.toml:39:36: `9007199254740993` is too large to be kept exactly: write it as a text"]);
    check(&changed("required = true", "required = \"yes\""), expect!["policy.toml:38:14: `required` of a check must be `true` or `false`, not string"]);
    check(&changed("on_bypass = \"record\"", "on_bypass = \"undo\""), expect!["policy.toml:34:13: `undo` is no `on_bypass` of gate `production`: choose one of `record`, `revert`"]);
}

#[test]
fn approvals() {
    check(&changed("[gate.approvals.high]", "[gate.approvals.hihg]"), expect!["policy.toml:44:19: there is no tier `hihg`: choose one of `high`, `low`, or add a `[[tier]]`"]);
    check(&changed("risk = 2", "rsik = 2"), expect!["policy.toml:45:13: there is no seat `rsik`: choose one of `risk`, `legal`, or add a `[[seat]]`"]);
    check(&changed("risk = 2", "risk = 3"), expect!["policy.toml:45:13: seat `risk` needs 3 people and has 2: add members to it, or ask for fewer"]);
    check(&changed("risk = 2", "risk = 0"), expect!["policy.toml:45:20: seat `risk` needs a whole number from 1: how many people must fill it"]);
    check(&changed("seats = { risk = 2, legal = 1 }", "seats = {}"), expect!["policy.toml:45:11: no seat is named: add one, as in `{ risk = 1 }`, or drop the tier's table"]);
    check(&changed("expires = \"90d\"", "expires = \"90 days\""), expect!["policy.toml:46:13: `expires` of the approvals of tier `high`: `90 days` is not a span of time: write a whole number and one of ms, s, m, h, d, as in `90d`"]);
    check(&changed("expires = \"90d\"", "expires = \"0d\""), expect!["policy.toml:46:13: `expires` must be longer than nothing: write a span such as `90d`"]);
}

/// What is added at the end is named with its line, and with what to write instead.
#[track_caller]
fn names(addition: &str, line: usize, words: &[&str]) {
    let text = format!("{GOOD}\n{addition}");
    let line = GOOD.lines().count() + 1 + line;
    let error = Policy::parse("policy.toml", &text).unwrap_err().to_string();
    assert!(error.starts_with(&format!("policy.toml:{line}:")), "{line}: {error}");
    assert!(words.iter().all(|word| error.contains(word)), "{error}");
}

#[test]
fn delegations() {
    let delegation = |from: &str, seat: &str, starts: &str, more: &str| {
        format!("[[delegation]]\nfrom = \"{from}\"\nto = \"dora\"\nseat = \"{seat}\"\nstarts = {starts}\nends = 2026-12-15\n{more}")
    };
    let good = delegation("counsel", "legal", "\"2026-12-01T08:00:00Z\"", "");
    let policy = Policy::parse("policy.toml", &format!("{GOOD}\n{good}")).unwrap();
    let found = &policy.delegations()[0];
    assert!(found.runs("2026-12-14T23:59:59Z".parse().unwrap()) && !found.runs(found.ends));
    assert!(!found.runs("2026-12-01".parse().unwrap()), "not before it starts");
    names(&delegation("counsel", "risk", "\"2026-12-01\"", ""), 2, &["`counsel` is not in seat `risk`"]);
    names(&delegation("counsel", "law", "\"2026-12-01\"", ""), 4, &["no seat `law`", "`risk`, `legal`"]);
    names(&delegation("counsel", "legal", "\"soon\"", ""), 5, &["`soon` is not a point in time"]);
    names(&delegation("counsel", "legal", "2026-12-15", ""), 6, &["ends after it starts"]);
    names(&delegation("counsel", "legal", "2026-12-01", "why = 1"), 7, &["`why`", "`from`, `to`, `seat`"]);
    names("[[delegation]]", 1, &["has no `from`", "has no `ends`"]);
}

#[test]
fn exceptions() {
    let rules = "[waivers]\nseat = \"risk\"\nmax = \"30d\"\n[break_glass]\nmembers = [\"otto\"]\nlasts = \"1h\"\nreviewed_by = \"risk\"";
    let policy = Policy::parse("policy.toml", &format!("{GOOD}\n{rules}")).unwrap();
    assert!(policy.waivers().is_some() && policy.break_glass().is_some());
    assert_ne!(policy.digest(), Policy::parse("policy.toml", GOOD).unwrap().digest());
    names("[waivers]\nseat = \"risk\"", 1, &["has no `max`", "30d"]);
    names("[waivers]\nseat = \"law\"\nmax = \"1d\"", 2, &["no seat `law`", "`risk`, `legal`"]);
    names("[waivers]\nseat = \"risk\"\nmin = \"1d\"", 1, &["`min`", "`seat`, `max`"]);
    names("[break_glass]\nlasts = \"1h\"\nreviewed_by = \"risk\"", 1, &["nobody may break the glass"]);
    names("[break_glass]\nseat = \"risk\"\nlasts = \"1h\"", 1, &["has no `reviewed_by`"]);
    names("[break_glass]\nwho = 1", 1, &["nobody may"]);
}

#[test]
fn the_digest_of_a_policy_without_the_new_keys_is_what_it_was() {
    let digest = Policy::parse("policy.toml", GOOD).unwrap().digest().to_string();
    assert_eq!(digest, "sha256:35f3a161aee1f103ca93a4d9d337b61385df78fad4de071a4158b62b6019b433");
    let veto = changed("name = \"legal\"", "name = \"legal\"\nveto = true");
    assert_ne!(Policy::parse("policy.toml", &veto).unwrap().digest().to_string(), digest);
    let held = changed("on_bypass = \"record\"", "unknown_run_author = \"hold\"");
    assert_ne!(Policy::parse("policy.toml", &held).unwrap().digest().to_string(), digest);
}

#[test]
fn all_faults_at_once_in_the_order_of_the_file() {
    let text = changed("digest = ", "# digest = ").replacen("risk = 2", "rsik = 2", 1).replacen(
        "\"enforce\"",
        "\"on\"",
        1,
    );
    check(&text, expect![[r#"
        policy.toml:3:1: plugin `metric-threshold` has no `digest`: add `digest = "sha256:…"`; the line to paste is printed by `countersign plugin pin file:target/plugins/metric-threshold.wasm`
        policy.toml:31:10: `on` is no `mode` of gate `production`: choose one of `enforce`, `monitor`, `off`
        policy.toml:45:13: there is no seat `rsik`: choose one of `risk`, `legal`, or add a `[[seat]]`"#]]);
}

proptest! {
    /// Whatever is put anywhere into a policy, there is a policy or a list of faults inside the text.
    #[test]
    fn broken_policies_give_faults(at in 0..GOOD.len(), len in 0..40_usize, with in "[\\[\\]{}=\"'.,\n a-z0-9]{0,6}") {
        let end = (at + len).min(GOOD.len());
        let text = format!("{}{with}{}", &GOOD[..at], &GOOD[end..]);
        if let Err(error) = Policy::parse("policy.toml", &text) {
            prop_assert!(!error.faults.is_empty());
            for fault in &error.faults {
                prop_assert!((1..=text.matches('\n').count() + 1).contains(&fault.line), "{fault}");
            }
        }
    }
}

#[test]
fn expiry() {
    let with = |text: &str| changed("on_bypass = \"record\"", &format!("on_expiry = {text}"));
    let read = |text: &str| Policy::parse("policy.toml", &with(text)).unwrap().gates()[0].on_expiry.clone();
    assert_eq!(read("\"flag\""), OnExpiry::Flag);
    assert_eq!(read("{ fallback = 3 }"), OnExpiry::Fallback(FallbackTo::Version(Version::new(3))));
    assert_eq!(read("{ fallback = \"old\" }"), OnExpiry::Fallback(FallbackTo::Alias("old".into())));
    let archived = OnExpiry::Fallback(FallbackTo::Stage(Stage::Archived));
    assert_eq!(read("{ stage = \"archived\" }"), archived);
    for text in ["{ stage = \"Production\" }", "{ stage = \"Archived\", fallback = 3 }", "{ stage = 3 }"] {
        assert!(Policy::parse("policy.toml", &with(text)).is_err(), "{text}");
    }
    for text in ["\"move\"", "3", "{}", "{ fallback = true }", "{ fall = 3 }", "{ fallback = 3, to = 4 }"] {
        assert!(Policy::parse("policy.toml", &with(text)).is_err(), "{text}");
    }
}

#[test]
fn how_long_files_may_be_written() {
    let with = |text: &str| changed("on_bypass = \"record\"", &format!("artifact_window = {text}"));
    let window = |text: &str| Policy::parse("policy.toml", text).unwrap().gates()[0].window();
    assert_eq!(window(&with("\"90s\"")), Span::from_millis(90_000));
    assert_eq!(window(GOOD), Span::from_millis(15 * 60_000));
    assert!(Policy::parse("policy.toml", &with("15")).is_err());
}

#[test]
fn changes() {
    let with = |text: &str| changed("on_bypass = \"record\"", &format!("changes = {text}"));
    let read = |text: &str| Policy::parse("policy.toml", &with(text)).unwrap().gates()[0].changes;
    assert_eq!(read("{}"), Changes::default());
    assert_eq!(read("{ delete = \"refuse\" }"), Changes { delete: OnChange::Refuse, ..Changes::default() });
    assert_ne!(read("{ rename = \"refuse\" }"), read("{ leave = \"refuse\" }"));
    let described = read("{ description = \"hold\", model_tags = \"refuse\", artifacts = \"refuse\" }");
    let (hold, refuse) = (OnChange::Hold, OnChange::Refuse);
    let expect = Changes { description: hold, model_tags: refuse, artifacts: refuse, ..Changes::default() };
    assert_eq!(described, expect);
    for text in ["\"hold\"", "{ delete = true }", "{ artifacts = \"allow\" }", "{ delete = \"allow\" }", "{ remove = \"hold\" }"] {
        assert!(Policy::parse("policy.toml", &with(text)).is_err(), "{text}");
    }
}

/// A gate with what is said of its lowest tier.
fn low(approvals: &str) -> String {
    format!("{GOOD}\n  [gate.approvals.low]\n  {approvals}\n")
}

#[test]
fn samples() {
    let policy = Policy::parse("policy.toml", &low("sample = \"1 in 20\"\nsample_seat = \"risk\"")).unwrap();
    let sample = policy.approvals(&policy.gates()[0], &"low".into()).unwrap().sample.clone().unwrap();
    assert_eq!(sample.to_string(), "1 in 20 is reviewed afterwards by seat risk");
    let said = |approvals: &str| Policy::parse("policy.toml", &low(approvals)).unwrap_err().to_string();
    for (approvals, words) in [
        ("sample = \"often\"\nsample_seat = \"risk\"", "as in `1 in 20`"),
        ("sample = \"1 in 20\"", "sample_seat"),
        ("sample_seat = \"risk\"", "`sample`"),
        ("sample = \"1 in 20\"\nsample_seat = \"ethics\"", "there is no seat `ethics`"),
        ("sample = \"1 in 20\"\nsample_seat = \"risk\"\nseats = { risk = 1 }", "drop `sample`, or drop `seats`"),
    ] {
        assert!(said(approvals).contains(words), "{approvals}: {}", said(approvals));
    }
}
