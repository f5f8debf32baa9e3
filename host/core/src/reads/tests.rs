use proptest::prelude::*;

use super::*;
use crate::digest::Digest;
use crate::facts::{Dataset, File, MetricOrigin, tests::described};
use crate::time::Millis;

fn reads(names: &[&str]) -> Reads {
    Reads::try_from(names.iter().map(ToString::to_string).collect::<Vec<_>>()).unwrap()
}

fn texts(keys: &[&str], value: &str) -> BTreeMap<String, String> {
    keys.iter().map(|key| ((*key).to_owned(), value.to_owned())).collect()
}

fn metric(name: &str, value: &str) -> Metric {
    Metric {
        name: name.to_owned(),
        value: value.to_owned(),
        step: 0,
        timestamp: Millis::new(1),
        origin: MetricOrigin::Run,
        dataset_name: None,
        dataset_digest: None,
    }
}

/// A version of which every part says something.
fn full() -> VersionFacts {
    let dataset = |name: &str| Dataset {
        name: name.to_owned(),
        digest: "d".to_owned(),
        source_type: "local".to_owned(),
        source: "{}".to_owned(),
        context: None,
    };
    let missing = ["run", "logged-model", "artifacts", "artifact:a", "mlmodel", "stage", "moon"];
    let missing = missing.map(|fact| Missing { fact: fact.to_owned(), reason: "ill".to_owned() });
    VersionFacts {
        stage: Stage::Staging,
        tags: texts(&["owner", "risk", "a.b"], "x"),
        aliases: vec!["champion".to_owned()],
        run: Some(Run {
            id: "r1".to_owned(),
            user: Some("ana".to_owned()),
            status: "FINISHED".to_owned(),
            params: texts(&["depth", "rate"], "1"),
            tags: texts(&["team"], "x"),
            datasets: vec![dataset("train")],
        }),
        logged_model: Some(LoggedModel {
            id: "m-1".to_owned(),
            status: "READY".to_owned(),
            params: texts(&["depth"], "1"),
            tags: texts(&["team"], "x"),
        }),
        metrics: vec![metric("auc", "0.9"), metric("loss", "0.1")],
        files: vec![File { path: "model.pkl".to_owned(), size: 3, digest: None }],
        mlmodel: Some("flavors: {}".to_owned()),
        missing: missing.into(),
        ..described().0
    }
}

/// A change of one thing, and the parts that it belongs to: whoever reads one of them sees it.
type Change = (&'static [&'static str], fn(&mut VersionFacts));

fn run_of(version: &mut VersionFacts) -> &mut Run {
    version.run.as_mut().unwrap()
}

fn model_of(version: &mut VersionFacts) -> &mut LoggedModel {
    version.logged_model.as_mut().unwrap()
}

const CHANGES: [Change; 18] = [
    (&["description"], |v| v.description = Some("second".to_owned())),
    (&["stage"], |v| v.stage = Stage::Production),
    (&["status"], |v| v.status = "PENDING".to_owned()),
    (&["tags", "tags.owner"], |v| drop(v.tags.insert("owner".to_owned(), "new".to_owned()))),
    (&["tags", "tags.a.b"], |v| drop(v.tags.remove("a.b"))),
    (&["aliases"], |v| v.aliases.clear()),
    (&["run", "run.user"], |v| run_of(v).user = None),
    (&["run", "run.status"], |v| run_of(v).status = "FAILED".to_owned()),
    (&["run", "run.params", "run.params.depth"], |v| {
        drop(run_of(v).params.insert("depth".to_owned(), "2".to_owned()));
    }),
    (&["run", "run.tags", "run.tags.team"], |v| run_of(v).tags.clear()),
    (&["run", "run.datasets"], |v| run_of(v).datasets.clear()),
    (&["logged-model", "logged-model.status"], |v| model_of(v).status = "FAILED".to_owned()),
    (&["logged-model", "logged-model.params", "logged-model.params.depth"], |v| model_of(v).params.clear()),
    (&["logged-model", "logged-model.tags", "logged-model.tags.team"], |v| model_of(v).tags.clear()),
    (&["metrics", "metrics.auc"], |v| v.metrics = vec![metric("auc", "0.8"), metric("loss", "0.1")]),
    (&["metrics", "metrics.loss"], |v| v.metrics = vec![metric("auc", "0.9")]),
    (&["files"], |v| v.files.clear()),
    (&["mlmodel"], |v| v.mlmodel = None),
];

const NAMES: [&str; 28] = [
    "subject",
    "description",
    "stage",
    "status",
    "tags",
    "tags.owner",
    "tags.a.b",
    "aliases",
    "run",
    "run.id",
    "run.user",
    "run.status",
    "run.params",
    "run.params.depth",
    "run.tags",
    "run.tags.team",
    "run.datasets",
    "logged-model",
    "logged-model.id",
    "logged-model.status",
    "logged-model.params",
    "logged-model.params.depth",
    "logged-model.tags",
    "logged-model.tags.team",
    "metrics",
    "metrics.auc",
    "files",
    "mlmodel",
];

fn digest(version: &VersionFacts) -> Digest {
    Digest::of_json(version).unwrap()
}

proptest! {
    /// What a check is shown is all that it would be shown of that: a replay, which has nothing else, shows the same.
    #[test]
    fn what_is_shown_is_shown_again(names in proptest::sample::subsequence(NAMES.to_vec(), 0..NAMES.len())) {
        let reads = reads(&names);
        let shown = reads.of(&full());
        prop_assert_eq!(&reads.of(&shown), &shown);
        prop_assert_eq!(&shown.subject, &full().subject);
    }

    #[test]
    fn a_change_shows_where_it_is_read_and_nowhere_else(
        names in proptest::sample::subsequence(NAMES.to_vec(), 0..NAMES.len()),
        which in 0..CHANGES.len(),
    ) {
        let (parts, change) = CHANGES[which];
        let mut changed = full();
        change(&mut changed);
        let reads = reads(&names);
        let read = names.iter().any(|name| parts.contains(name));
        prop_assert_eq!(digest(&reads.of(&full())) != digest(&reads.of(&changed)), read, "{:?} of {:?}", parts, names);
    }

    #[test]
    fn more_that_is_read_is_never_less_that_is_shown(
        names in proptest::sample::subsequence(NAMES.to_vec(), 0..NAMES.len()),
        more in proptest::sample::select(NAMES.to_vec()),
    ) {
        let (few, many) = (reads(&names), reads(&[&names[..], &[more]].concat()));
        prop_assert_eq!(few.of(&many.of(&full())), few.of(&full()));
    }
}

fn check_missing(names: &[&str], expect: &[&str]) {
    let shown = reads(names).of(&full());
    let missing: Vec<&str> = shown.missing.iter().map(|missing| missing.fact.as_str()).collect();
    assert_eq!(missing, expect, "{names:?}");
}

/// Whoever needs what is missing must hear of it, and nobody else's run depends on it.
#[test]
fn what_is_missing_is_told_to_whoever_reads_it() {
    check_missing(&[], &["moon"]);
    check_missing(&["metrics.auc"], &["run", "logged-model", "moon"]);
    check_missing(&["run.params"], &["run", "moon"]);
    check_missing(&["files"], &["artifacts", "artifact:a", "moon"]);
    check_missing(&["mlmodel"], &["artifacts", "mlmodel", "moon"]);
    check_missing(&["stage", "description"], &["stage", "moon"]);
}

#[test]
fn everything_by_name_is_everything() {
    let all =
        ["description", "stage", "status", "tags", "aliases", "run", "logged-model", "metrics", "files"];
    assert_eq!(reads(&[&all[..], &["mlmodel"]].concat()).of(&full()), full());
}

fn check_name(name: &str, expect: bool) {
    let read = Reads::try_from(vec![name.to_owned()]);
    assert_eq!(read.is_ok(), expect, "{name}");
    if let Err(error) = read {
        let text = error.to_string();
        assert!(text.contains(&format!("`{name}` in `reads`")) && text.contains("`run.params`"), "{text}");
    }
}

#[test]
fn names_are_those_of_the_record() {
    NAMES.iter().for_each(|name| check_name(name, true));
    check_name("tags.mlflow.source.name", true);
    check_name("metrics.val/auc", true);
    for wrong in ["", "tag", "tags.", "Tags", "logged_model", "files.MLmodel", "run.parameters", "missing"] {
        check_name(wrong, false);
    }
}

#[test]
fn they_are_written_as_a_list_and_shown_as_words() {
    let list = r#"["description","tags.owner"]"#;
    let read: Reads = serde_json::from_str(r#"["tags.owner","description","tags.owner"]"#).unwrap();
    assert_eq!(serde_json::to_string(&read).unwrap(), list);
    assert_eq!(read.to_string(), "description, tags.owner");
    assert_eq!([reads(&[]), reads(&["subject"])].map(|reads| reads.to_string()), ["subject", "subject"]);
    assert!(
        serde_json::from_str::<Reads>(r#"["desciption"]"#).unwrap_err().to_string().contains("`description`")
    );
}
