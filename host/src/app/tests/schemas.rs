//! What is exported is as the schemas under `host/schemas` say: everything that any test of the workflow records, and
//! each kind of evidence. A member that no schema knows is refused.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use countersign_core::canonical;
use countersign_core::check::{Conclusion, Failure, FailureClass, Finding, Outcome, Report, Severity};
use countersign_core::digest::Digest;
use countersign_core::facts::{
    Dataset, Facts, File, LoggedModel, Metric, MetricOrigin, Missing, ModelFacts, Run, VersionFacts,
};
use countersign_core::insights::{NAMES, Scope, Since};
use countersign_core::time::Millis;
use jsonschema::Validator;
use serde::Serialize;

use super::*;
use crate::plugins::{
    AccessError, Call, CheckInput, CheckRecord, HistoryQuery, Limits, RegistryQuery, RuleCheck, RuleRecord,
    RuleReview, Transcript,
};

fn validator(name: &str) -> Validator {
    let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas").join(format!("{name}.json"));
    let text = std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    jsonschema::draft202012::new(&serde_json::from_str(&text).unwrap()).unwrap()
}

static ENTRY: LazyLock<Validator> = LazyLock::new(|| validator("ledger-entry.v1"));

fn faults(validator: &Validator, value: &Value) -> Vec<String> {
    validator.iter_errors(value).map(|fault| format!("{}: {fault}", fault.instance_path())).collect()
}

/// Every variant of a value in which one of its objects has a member more.
fn with_a_member_more(value: &Value) -> Vec<Value> {
    let place = |members: &serde_json::Map<String, Value>, key: &str, inner: Value| {
        let mut members = members.clone();
        members.insert(key.to_owned(), inner);
        Value::Object(members)
    };
    match value {
        Value::Object(members) => {
            let here = place(members, "undocumented", json!(true));
            let below = members.iter().flat_map(|(key, inner)| {
                with_a_member_more(inner)
                    .into_iter()
                    .map(|inner| place(members, key, inner))
                    .collect::<Vec<_>>()
            });
            std::iter::once(here).chain(below).collect()
        }
        Value::Array(items) => {
            let at = |at: usize, inner| {
                let mut items = items.clone();
                items[at] = inner;
                Value::Array(items)
            };
            let each = items.iter().enumerate();
            each.flat_map(|(i, item)| with_a_member_more(item).into_iter().map(move |inner| at(i, inner)))
                .collect()
        }
        _ => Vec::new(),
    }
}

/// The value is as the schema says, and would not be with any member more.
fn check(validator: &Validator, value: &impl Serialize) {
    let value = serde_json::to_value(value).unwrap();
    assert_eq!(faults(validator, &value), Vec::<String>::new(), "{value:#}");
    for more in with_a_member_more(&value) {
        assert!(!validator.is_valid(&more), "nothing says a word against {more:#}");
    }
}

/// Everything that a ledger holds is documented.
pub(super) fn check_ledger(app: &App) {
    // A store that was broken on purpose has nothing to say.
    for record in app.ledger.range(0, usize::MAX).unwrap_or_default() {
        let entry: Value = serde_json::from_str(&record.json).unwrap();
        let found = faults(&ENTRY, &entry);
        assert!(found.is_empty(), "{found:#?}\n{entry:#}");
    }
}

/// Whatever a test has done, what it left behind is as the schema says.
impl Drop for World {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            check_ledger(&self.app);
        }
    }
}

#[tokio::test]
async fn entries_and_lines_of_an_export_have_no_member_that_is_not_documented() {
    let (ledger, store) = super::formats::told_at_length().await;
    let (mut kinds, lines) = (BTreeSet::new(), String::from_utf8(ledger).unwrap());
    for line in lines.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        let Some(entry) = line["entry"].as_str() else { continue };
        let entry: Value = serde_json::from_str(entry).unwrap();
        kinds.insert(entry["kind"].as_str().unwrap().to_owned());
        check(&ENTRY, &entry);
    }
    assert!(kinds.len() > 15, "{kinds:?}");
    let line = validator("ledger-export.v1");
    lines.lines().for_each(|text| check(&line, &serde_json::from_str::<Value>(text).unwrap()));
    let line = validator("store-export.v1");
    let lines = String::from_utf8(store).unwrap();
    lines.lines().take(20).chain(lines.lines().last()).for_each(|text| {
        check(&line, &serde_json::from_str::<Value>(text).unwrap());
    });
}

#[test]
fn every_kind_of_entry_is_documented() {
    let schema: Value = serde_json::from_str(include_str!("../../../schemas/ledger-entry.v1.json")).unwrap();
    let words: BTreeSet<&str> =
        schema["properties"]["kind"]["enum"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    let bodies = schema["allOf"].as_array().unwrap().iter();
    let described: BTreeSet<&str> =
        bodies.filter_map(|one| one["if"]["properties"]["kind"]["const"].as_str()).collect();
    assert_eq!(words, described);
    let source = include_str!("../../../core/src/entry/kind.rs");
    let kinds: BTreeSet<&str> =
        source.lines().filter_map(|line| line.split("=> \"").nth(1)?.split('"').next()).collect();
    assert!(kinds.len() > 40, "{kinds:?}");
    let missing: Vec<&&str> = kinds.difference(&words).collect();
    assert!(missing.is_empty(), "host/schemas/ledger-entry.v1.json does not know {missing:?}");
}

/// A version that has everything.
pub(super) fn facts() -> Facts {
    let map = |key: &str| BTreeMap::from([(key.to_owned(), "1".to_owned())]);
    let subject = countersign_core::facts::Subject {
        workspace: "default".into(),
        model: "credit".into(),
        version: Version::new(7),
        created: Millis::new(1),
        source: "models:/m-1".to_owned(),
        manifest: Some(Digest::of(b"manifest")),
    };
    let dataset = Dataset {
        name: "holdout".to_owned(),
        digest: "d".to_owned(),
        source_type: "local".to_owned(),
        source: "{}".to_owned(),
        context: Some("test".to_owned()),
    };
    let metric = Metric {
        name: "auc".to_owned(),
        value: "0.91".to_owned(),
        step: 0,
        timestamp: Millis::new(1),
        origin: MetricOrigin::LoggedModel,
        dataset_name: Some("holdout".to_owned()),
        dataset_digest: None,
    };
    let run = Run {
        id: "r".to_owned(),
        user: Some("ana".to_owned()),
        status: "FINISHED".to_owned(),
        params: map("depth"),
        tags: map("mlflow.user"),
        datasets: vec![dataset],
    };
    let version = VersionFacts {
        subject,
        description: Some("the second".to_owned()),
        stage: countersign_core::names::Stage::Production,
        status: "READY".to_owned(),
        tags: map("risk"),
        aliases: vec!["champion".to_owned()],
        run: Some(run),
        logged_model: Some(LoggedModel {
            id: "m-1".to_owned(),
            status: "READY".to_owned(),
            params: map("depth"),
            tags: map("a"),
        }),
        metrics: vec![metric],
        files: vec![File { path: "MLmodel".to_owned(), size: 3, digest: Some(Digest::of(b"abc")) }],
        mlmodel: Some("flavors: {}".to_owned()),
        missing: vec![Missing { fact: "artifact:x".to_owned(), reason: "gone".to_owned() }],
    };
    let held = BTreeMap::from([("champion".to_owned(), Version::new(7))]);
    let model = ModelFacts { description: None, tags: map("risk"), aliases: held.clone(), stages: held };
    Facts { taken_at: Millis::new(5), version, model }
}

fn finding() -> Finding {
    Finding {
        code: "auc-low".to_owned(),
        severity: Severity::Warning,
        message: "low".to_owned(),
        measured: Some("0.8".to_owned()),
        comparator: Some(">=".to_owned()),
        threshold: Some("0.85".to_owned()),
        sample_size: Some(10),
        segment: Some("all".to_owned()),
        remediation: Some("train longer".to_owned()),
        extensions: vec![("x".to_owned(), "{}".to_owned())],
    }
}

#[test]
fn facts_inputs_and_outcomes_are_as_their_schemas_say() {
    let facts = facts();
    check(&validator("facts.v1"), &(&facts.version, &facts.model));
    let (action, tier, config, now) = (placed().action, Some("high".into()), "{}".to_owned(), Millis::new(1));
    let version = facts.version;
    let given = CheckRecord {
        format: 1,
        version: version.clone(),
        action: action.clone(),
        tier,
        config,
        now,
        reads: None,
    };
    check(&validator("check-input.v1"), &given);
    let reads = vec!["metrics".to_owned(), "run.tags.team".to_owned()];
    let given = CheckRecord { reads: Some(reads.try_into().unwrap()), ..given };
    check(&validator("check-input.v1"), CheckInput::new(given).record());
    let ran = RuleCheck {
        plugin: "auc".into(),
        required: true,
        conclusion: Conclusion::Warn,
        summary: "low".to_owned(),
        findings: vec![finding()],
    };
    let vote = crate::plugins::Vote::Approve;
    let review = RuleReview { reviewer: "ruth".into(), seat: Some("risk".into()), vote, at: now };
    let given = RuleRecord {
        format: 1,
        version,
        action,
        tier: None,
        requester: Some("ana".into()),
        checks: vec![ran],
        reviews: vec![review],
        config: "{}".to_owned(),
        now,
    };
    check(&validator("rule-input.v1"), &given);
    let (conclusion, summary, findings) = (Conclusion::Fail, "it fails".to_owned(), vec![finding()]);
    let outcome = validator("check-outcome.v1");
    check(&outcome, &Outcome::Reported(Report { conclusion, summary, findings, extensions: Vec::new() }));
    for class in FailureClass::ALL {
        check(&outcome, &Outcome::Failed(Failure { class, message: "it ended".to_owned() }));
    }
}

#[test]
fn transcripts_are_as_their_schema_says() {
    let text = |text: &str| text.to_owned();
    let (model, version) = (text("credit"), text("7"));
    let answers = [
        Ok(Digest::of(b"answer")),
        Err(AccessError::NotFound(text("x"))),
        Err(AccessError::Denied(text("x"))),
        Err(AccessError::Budget(text("x"))),
        Err(AccessError::Unavailable(text("x"))),
    ];
    let registry = [
        RegistryQuery::GetVersion { model: model.clone(), version: version.clone() },
        RegistryQuery::VersionByAlias { model: model.clone(), alias: text("champion") },
        RegistryQuery::VersionInStage { model: model.clone(), stage: text("Production") },
        RegistryQuery::MetricHistory { run_id: text("r"), metric: text("auc") },
    ];
    let history = [
        HistoryQuery::AliasHoldings { model: model.clone(), version: version.clone() },
        HistoryQuery::Decisions { model, version },
    ];
    let mut transcript = Transcript::new(Limits::default());
    for (query, answer) in registry.into_iter().zip(answers.clone()) {
        transcript.calls.push(Call::Registry { query, answer });
    }
    for (query, answer) in history.into_iter().zip(answers.clone()) {
        transcript.calls.push(Call::History { query, answer });
    }
    for answer in answers {
        transcript.calls.push(Call::Artifacts { path: text("MLmodel"), offset: 0, len: 3, answer });
    }
    let written: Value = serde_json::from_slice(&canonical::to_vec(&transcript).unwrap()).unwrap();
    check(&validator("transcript.v1"), &written);
}

#[tokio::test]
async fn insights_are_as_their_schema_says() {
    let world = World::new(POLICY).await;
    let id = world.approved().await.id;
    world.app.apply(&caller("ana"), id).await.unwrap();
    world.app.count_entries().unwrap();
    let schema = validator("insights.v1");
    let scope = Scope { model: None, tier: None, since: Since::All, now: world.app.clock.now() };
    let reader = world.app.insights_reader(None);
    for table in world.app.insights(&NAMES, &scope, &reader).unwrap() {
        assert_eq!(faults(&schema, &table.json()), Vec::<String>::new(), "{}", table.name);
    }
}

#[test]
fn the_schema_of_the_configuration_is_one_and_takes_the_deployed_file() {
    let schema = crate::config::Config::schema();
    let validator = jsonschema::draft202012::new(&schema).unwrap();
    let deployed: toml::Table = include_str!("../../../deploy/countersign.toml").parse().unwrap();
    let mut deployed = serde_json::to_value(deployed).unwrap();
    assert_eq!(faults(&validator, &deployed), Vec::<String>::new());
    deployed["undocumented"] = json!({});
    assert!(!validator.is_valid(&deployed));
}
