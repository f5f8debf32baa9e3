use std::collections::BTreeMap;

use expect_test::{Expect, expect};

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
    let model = ModelFacts { description: None, tags: texts(&[("risk", "high")]), aliases: BTreeMap::new() };
    Facts { taken_at: Millis::new(0), version, model }
}

fn action() -> Action {
    Action::SetAlias { model: "credit".into(), alias: "champion".into(), version: Version::new(7) }
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
    check("model.tags[\"risk\"] == \"high\"", expect![[""]]);
    check("model.tags.risk == 'high' && version.number == 7", expect![[""]]);
    check("version.run.params.C == '1' && version.run.tags['team'] == 'risk'", expect![[""]]);
    check("version.metrics.auc == 0.9", expect![[""]]);
    check("version.metrics['auc'] > 0.85 && !('f1' in version.metrics)", expect![[""]]);
    check("'dev' in version.aliases && size(model.aliases) == 0", expect![[""]]);
    check("action.kind == 'set-alias' && action.target == 'champion'", expect![[""]]);
    check("model.name.matches('^cre') && model.description == ''", expect![[""]]);
    check("model.tags.exists(k, k.startsWith('ri') && model.tags[k] == 'high')", expect![[""]]);
}

#[test]
fn absent_texts_are_empty() {
    check("model.tags['pii'] == ''", expect![[""]]);
    check("model.tags['pii'] != 'no'", expect![[""]]);
    check("model.tags.pii == 'yes' || version.run.params['seed'] == '1'", expect![[""]]);
    check("has(model.tags.pii)", expect![[""]]);
    check("'pii' in model.tags || has(model.tags.risk)", expect![[""]]);
    let mut without_run = facts();
    without_run.version.run = None;
    check_with(&without_run, "version.run.user == '' && version.run.tags.team == ''", expect![[""]]);
}

#[test]
fn what_cannot_be_told() {
    check("version.metrics['f1'] > 0.5", expect![[""]]);
    check("version.metrics['loss'] < 0.5", expect![[""]]);
    check("model.tags.risk > 3", expect![[""]]);
    check("version.number / 0 == 1", expect![[""]]);
    let mut missing = facts();
    missing.version.missing.push(Missing { fact: "run".to_owned(), reason: "timed out".to_owned() });
    check_with(&missing, "version.run.tags.team == 'risk'", expect![[""]]);
    check_with(&missing, "version.metrics.auc > 0.5", expect![[""]]);
    check_with(&missing, "model.tags.risk == 'high'", expect![[""]]);
    let mut huge = facts();
    huge.version.tags = (0..10_001).map(|i| (i.to_string(), String::new())).collect();
    check_with(&huge, "model.tags.risk == 'high'", expect![[""]]);
}

#[test]
fn faults() {
    check("model.tags[", expect![[""]]);
    check("user == 'ana'", expect![[""]]);
    check("model.labels.risk == 'high'", expect![[""]]);
    check("version.run.owner == 'ana' || model['colour'] == ''", expect![[""]]);
    check("model[version.stage] == ''", expect![[""]]);
    check("upper(model.name) == 'A'", expect![[""]]);
    check("model.name", expect![[""]]);
    check("model.tags[model.tags['a'] + 'b'] == ''", expect![[""]]);
    check("model.tags.all(a, version.tags.all(b, a == b))", expect![[""]]);
    let long = format!("model.name == '{}'", "x".repeat(4096));
    check(&long, expect![[""]]);
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

#[test]
fn first_match_wins_and_the_unknown_is_told() {
    let tiers = |when: &str| {
        let text = format!("[[tier]]\nname = \"high\"\nwhen = '''{when}'''\n[[tier]]\nname = \"low\"\n");
        tier_of(&Policy::parse("policy.toml", &text).unwrap(), &facts(), &action())
    };
    let known =
        |tier: &str, because: &str| TierOutcome::Known { tier: tier.into(), because: because.to_owned() };
    assert_eq!(tiers("model.tags.risk == 'high'"), known("high", "`model.tags.risk == 'high'` holds"));
    assert_eq!(tiers("model.tags.risk == 'low'"), known("low", "no earlier tier applies"));
    assert!(
        matches!(tiers("version.metrics.f1 > 0.0"), TierOutcome::Unknown { tier, .. } if tier == "high".into())
    );
}
