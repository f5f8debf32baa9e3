use std::collections::BTreeMap;

use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::*;
use crate::facts::{Metric, MetricOrigin, Missing, ModelFacts, Run, Subject, VersionFacts};
use crate::names::{Stage, Version};
use crate::time::Millis;

fn texts(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

fn metric(name: &str, value: &str, timestamp: i64, origin: MetricOrigin) -> Metric {
    Metric {
        name: name.to_owned(),
        value: value.to_owned(),
        step: 0,
        timestamp: Millis::new(timestamp),
        origin,
        dataset_name: None,
        dataset_digest: None,
    }
}

fn facts() -> Facts {
    let subject = Subject {
        workspace: "default".into(),
        model: "credit".into(),
        version: Version::new(7),
        created: Millis::new(0),
        source: "models:/m-1".to_owned(),
        manifest: None,
    };
    let run = Run {
        id: "r1".to_owned(),
        user: Some("ana".to_owned()),
        status: "FINISHED".to_owned(),
        params: texts(&[("C", "1")]),
        tags: texts(&[("team", "risk")]),
        datasets: Vec::new(),
    };
    let version = VersionFacts {
        subject,
        description: None,
        stage: Stage::None,
        status: "READY".to_owned(),
        tags: texts(&[("reviewed", "yes")]),
        aliases: vec!["dev".to_owned()],
        run: Some(run),
        logged_model: None,
        metrics: vec![
            metric("auc", "0.7", 9, MetricOrigin::Run),
            metric("auc", "0.8", 1, MetricOrigin::LoggedModel),
            metric("auc", "0.9", 2, MetricOrigin::LoggedModel),
            metric("loss", "NaN", 2, MetricOrigin::Run),
        ],
        files: Vec::new(),
        mlmodel: None,
        missing: Vec::new(),
    };
    let model = ModelFacts { description: None, tags: texts(&[("risk", "high")]), aliases: BTreeMap::new(), stages: BTreeMap::new() };
    Facts { taken_at: Millis::new(0), version, model }
}

fn action() -> Action {
    Action::SetAlias { model: "credit".into(), alias: "champion".into(), version: Version::new(7) }
}

fn outcome(policy: &Policy, facts: &Facts, action: &Action) -> TierOutcome {
    tiering(policy, facts, action).outcome
}

#[expect(clippy::needless_pass_by_value, reason = "`expect!` is written in place")]
fn check_with(facts: &Facts, when: &str, expect: Expect) {
    let got = match Condition::parse(when) {
        Err(errors) => errors.iter().map(|e| format!("{}: {}\n", e.offset, e.message)).collect(),
        Ok(condition) => match condition.holds(&view::View::new(facts, &action())) {
            Ok(answer) => answer.to_string(),
            Err(error) => error.to_string(),
        },
    };
    expect.assert_eq(&got);
}

fn check(when: &str, expect: Expect) {
    check_with(&facts(), when, expect);
}

#[test]
fn conditions() {
    check("model.tags[\"risk\"] == \"high\"", expect!["true"]);
    check("model.tags.risk == 'high' && version.number == 7", expect!["true"]);
    check("version.run.params.C == '1' && version.run.tags['team'] == 'risk'", expect!["true"]);
    check("version.metrics.auc == 0.9", expect!["true"]);
    check("version.metrics['auc'] > 0.85 && !('f1' in version.metrics)", expect!["true"]);
    check("'dev' in version.aliases && size(model.aliases) == 0", expect!["true"]);
    check("action.kind == 'set-alias' && action.target == 'champion'", expect!["true"]);
    check("model.name.matches('^cre') && model.description == ''", expect!["true"]);
    check("model.tags.exists(k, k.startsWith('ri') && model.tags[k] == 'high')", expect!["true"]);
}

#[test]
fn absent_texts_are_empty() {
    check("model.tags['pii'] == ''", expect!["true"]);
    check("model.tags['pii'] != 'no'", expect!["true"]);
    check("model.tags.pii == 'yes' || version.run.params['seed'] == '1'", expect!["false"]);
    check("has(model.tags.pii)", expect!["false"]);
    check("'pii' in model.tags || has(model.tags.risk)", expect!["true"]);
    let mut without_run = facts();
    without_run.version.run = None;
    check_with(&without_run, "version.run.user == '' && version.run.tags.team == ''", expect!["true"]);
}

#[test]
fn what_cannot_be_told() {
    check("version.metrics['f1'] > 0.5", expect!["cannot tell whether `version.metrics['f1'] > 0.5` holds: there is no `f1`; where it may be absent, ask first with `'f1' in …`"]);
    check("version.metrics['loss'] < 0.5", expect!["cannot tell whether `version.metrics['loss'] < 0.5` holds: found no matching overload for '_<_' applied to '(double, double)'"]);
    check("model.tags.risk > 3", expect!["cannot tell whether `model.tags.risk > 3` holds: found no matching overload for '_>_' applied to '(string, int)'"]);
    check("version.number / 0 == 1", expect!["cannot tell whether `version.number / 0 == 1` holds: division by zero of Int(7)"]);
    let mut missing = facts();
    missing.version.missing.push(Missing { fact: "run".to_owned(), reason: "timed out".to_owned() });
    check_with(&missing, "version.run.tags.team == 'risk'", expect!["cannot tell whether `version.run.tags.team == 'risk'` holds: the run could not be read: timed out"]);
    check_with(&missing, "version.metrics.auc > 0.5", expect!["cannot tell whether `version.metrics.auc > 0.5` holds: the run could not be read: timed out"]);
    check_with(&missing, "model.tags.risk == 'high'", expect!["true"]);
    let mut huge = facts();
    huge.version.tags = (0..10_001).map(|i| (i.to_string(), String::new())).collect();
    check_with(&huge, "model.tags.risk == 'high'", expect!["cannot tell whether `model.tags.risk == 'high'` holds: the version has 10009 tags, parameters and metrics, more than the 10000 that a condition may look at"]);
}

#[test]
fn faults() {
    check("model.tags[", expect![[r#"
        0: this is not CEL: incomplete `IndexContext`!
        11: this is not CEL: syntax error: mismatched input '<EOF>' expecting {'[', '{', '(', '.', '-', '!', '?', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}
    "#]]);
    check("user == 'ana'", expect![[r#"
        0: unknown name `user`: choose one of `action`, `model`, `version`
    "#]]);
    check("model.labels.risk == 'high'", expect![[r#"
        5: there is no `labels` here: choose one of `aliases`, `description`, `name`, `tags`
    "#]]);
    check("version.run.owner == 'ana' || model['colour'] == ''", expect![[r#"
        11: there is no `owner` here: choose one of `id`, `params`, `status`, `tags`, `user`
        35: there is no `colour` here: choose one of `aliases`, `description`, `name`, `tags`
    "#]]);
    check("model[version.stage] == ''", expect![[r#"
        5: name the field, one of `aliases`, `description`, `name`, `tags`
    "#]]);
    check("upper(model.name) == 'A'", expect![[r#"
        5: unknown function `upper`: choose one of `bool`, `contains`, `double`, `endsWith`, `int`, `matches`, `size`, `startsWith`, `string`, `uint`
    "#]]);
    check("model.name", expect![[r#"
        0: it gives a string, not yes or no: write a comparison such as `… == "high"`
    "#]]);
    check("model.tags[model.tags['a'] + 'b'] == ''", expect![[r#"
        10: write the key out, as in `tags["risk"]`
    "#]]);
    check("model.tags.all(a, version.tags.all(b, a == b))", expect![[r#"
        34: macros such as `exists` may not stand inside one another here
    "#]]);
    let long = format!("model.name == '{}'", "x".repeat(4096));
    check(&long, expect![[r#"
        0: the condition is longer than 4096 bytes: split it into several tiers
    "#]]);
}

/// Each level would double the work if a computed key were allowed, and deep nesting must not overflow the stack.
#[test]
fn hostile_texts_end_quickly() {
    for text in [
        format!("{}true{}", "(".repeat(2000), ")".repeat(2000)),
        format!("{}''{} == ''", "model.tags[".repeat(200), "]".repeat(200)),
        format!("{}true", "!".repeat(4000)),
        "'a' + ".repeat(600) + "'a' == ''",
    ] {
        let _ = Condition::parse(&text);
    }
}

/// Nobody waits for a condition that goes over many facts many times: it is not begun, and nothing is known.
#[test]
fn an_expensive_condition_is_stopped() {
    let mut facts = facts();
    facts.version.tags = (0..9_000).map(|i| (format!("tag-{i}"), "x".to_owned())).collect();
    let told = |macros: usize| {
        let when = vec!["version.tags.exists(t, t == 'none')"; macros].join(" || ");
        let text = format!("[[tier]]\nname = \"high\"\nwhen = \"{when}\"\n[[tier]]\nname = \"low\"\n");
        outcome(&Policy::parse("policy.toml", &text).unwrap(), &facts, &action())
    };
    assert!(matches!(told(1), TierOutcome::Known { tier, .. } if tier == "low".into()));
    let TierOutcome::Unknown { tier, reason } = told(100) else { panic!("it was told") };
    assert_eq!(tier, "high".into());
    assert!(reason.contains("more than the 100000 that one condition may"), "{reason}");
    facts.version.tags.extend((0..2_000).map(|i| (format!("more-{i}"), String::new())));
    assert!(matches!(outcome(
        &Policy::parse("policy.toml", "[[tier]]\nname = \"high\"\nwhen = 'model.name == \"m\"'\n[[tier]]\nname = \"low\"\n").unwrap(),
        &facts,
        &action(),
    ), TierOutcome::Unknown { .. }));
}

#[test]
fn first_match_wins_and_the_unknown_is_told() {
    let tiers = |when: &str| {
        let text = format!("[[tier]]\nname = \"high\"\nwhen = '''{when}'''\n[[tier]]\nname = \"low\"\n");
        outcome(&Policy::parse("policy.toml", &text).unwrap(), &facts(), &action())
    };
    let known =
        |tier: &str, because: &str| TierOutcome::Known { tier: tier.into(), because: because.to_owned() };
    assert_eq!(tiers("model.tags.risk == 'high'"), known("high", "`model.tags.risk == 'high'` holds"));
    assert_eq!(tiers("model.tags.risk == 'low'"), known("low", "no earlier tier applies"));
    assert!(
        matches!(tiers("version.metrics.f1 > 0.0"), TierOutcome::Unknown { tier, .. } if tier == "high".into())
    );
}

proptest! {
    /// Any text is a condition or has faults inside it; any condition has an answer or a reason.
    #[test]
    fn any_text_is_dealt_with(
        text in "((model|version|action|run|tags|metrics|name|x)|[.\\[\\]()'\"=<>&|!?:+*-]|[0-9a-z]| in |has|\\PC){0,14}"
    ) {
        match Condition::parse(&text) {
            Ok(condition) => { let _ = condition.holds(&view::View::new(&facts(), &action())); }
            Err(errors) => prop_assert!(errors.iter().all(|error| error.offset <= text.len()), "{errors:?}"),
        }
    }
}

#[expect(clippy::needless_pass_by_value, reason = "`expect!` is written in place")]
fn check_read(conditions: &[&str], expect: Expect) {
    let tiers = conditions.iter().enumerate();
    let tiers: String = tiers.map(|(n, when)| format!("[[tier]]\nname = \"t{n}\"\nwhen = '{when}'\n")).collect();
    let policy = Policy::parse("policy.toml", &format!("{tiers}[[tier]]\nname = \"low\"\n")).unwrap();
    let read = tiering(&policy, &facts(), &action()).read;
    expect.assert_eq(&read.iter().map(|read| format!("{read}\n")).collect::<String>());
}

#[test]
fn what_a_tier_was_found_by() {
    check_read(&["model.tags[\"risk\"] == \"high\""], expect![[r#"
        model.tags["risk"] = "high"
    "#]]);
    // Later tiers are not looked at; absent facts are named.
    check_read(&["version.tags.none == \"x\"", "version.metrics[\"auc\"] > 0.8", "version.stage == \"\""], expect![[r#"
        version.metrics["auc"] = 0.9
        version.tags["none"] is not there
    "#]]);
    check_read(&["has(version.tags.reviewed) && \"risk\" in model.tags && \"dev\" in version.aliases"], expect![[r#"
        model.tags["risk"] = "high"
        version.aliases = ["dev"]
        version.tags["reviewed"] = "yes"
    "#]]);
    check_read(&["version.run.params.exists(k, version.run.params[k] == \"9\") || model.name.startsWith(\"cr\")"], expect![[r#"
        model.name = "credit"
        version.run.params = {"C":"1"}
    "#]]);
    check_read(&[], expect![""]);
}

proptest! {
    #[test]
    fn a_tier_moves_only_with_a_fact_that_it_read(risk in "high|low|", other in "[a-c]{0,3}") {
        let text = "[[tier]]\nname = \"high\"\nwhen = 'model.tags[\"risk\"] == \"high\"'\n[[tier]]\nname = \"low\"\n";
        let policy = Policy::parse("policy.toml", text).unwrap();
        let (before, mut after) = (facts(), facts());
        after.model.tags.insert("risk".to_owned(), risk);
        after.version.tags.insert("other".to_owned(), other);
        let (was, is) = (tiering(&policy, &before, &action()), tiering(&policy, &after, &action()));
        let moved = was.outcome.known() != is.outcome.known();
        prop_assert!(!moved || !changed(&was.read, &is.read).is_empty());
        prop_assert_eq!(was.read == is.read, changed(&was.read, &is.read).is_empty());
    }
}
