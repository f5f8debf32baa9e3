//! A verdict that was recorded comes out again, byte for byte, without the registry.

use std::sync::Arc;

use countersign::plugins::{
    CheckInput, CheckRecord, Difference, Limits, Plugin, Recorded, Recording, ReplayError, Transcript,
};
use countersign_core::check::{Conclusion, FailureClass, Outcome};
use countersign_core::digest::Digest;
use countersign_core::policy::Grant;
use serde_json::{Value, json};

use super::subject::{Live, engine, evaluate, hostile, input, load};

/// The evidence as it would be kept: bytes, and nothing else.
async fn record(config: &Value) -> (Vec<u8>, Recorded) {
    let evaluation = evaluate(&hostile(Limits::default()).await, config).await;
    let transcript = evaluation.recording.transcript.canonical().unwrap();
    let transcript: Transcript = serde_json::from_slice(&transcript).unwrap();
    let recording = Recording::from_parts(transcript, evaluation.recording.blobs.clone());
    let recorded = Recorded { recording, outcome_digest: evaluation.outcome_digest().unwrap() };
    (input(config).canonical().unwrap().to_vec(), recorded)
}

fn read(bytes: &[u8]) -> Arc<CheckInput> {
    let record: CheckRecord = serde_json::from_slice(bytes).unwrap();
    Arc::new(CheckInput::new(record))
}

#[tokio::test]
async fn verdicts_and_failures_come_out_again() {
    for config in [
        json!({"mode": "ok"}),
        json!({"mode": "clock"}),
        json!({"mode": "random"}),
        json!({"mode": "panic"}),
        json!({"mode": "allocate"}),
        json!({"mode": "bad-utf8"}),
        json!({"mode": "host-call-flood", "count": 3}),
        json!({"mode": "read-flood", "path": "model.pkl", "count": 2}),
        json!({"mode": "read-flood", "path": "absent", "count": 2}),
    ] {
        let (input, recorded) = record(&config).await;
        let plugin = hostile(Limits { artifact_bytes: 1, ..Limits::default() }).await;
        let replay = engine().replay_check(&plugin, &read(&input), &recorded, None).await.unwrap();
        assert_eq!(replay.difference, None, "{config}");
    }
}

#[tokio::test]
async fn files_that_were_not_kept_are_read_again() {
    let (input, mut recorded) = record(&json!({"mode": "read-flood", "path": "model.pkl", "count": 1})).await;
    recorded.recording.blobs.clear();
    let plugin = hostile(Limits::default()).await;
    let without = engine().replay_check(&plugin, &read(&input), &recorded, None).await.unwrap();
    assert!(matches!(without.difference, Some(Difference::Call { index: 0, .. })));
    let files = Arc::new(Live::default());
    let with = engine().replay_check(&plugin, &read(&input), &recorded, Some(files)).await.unwrap();
    assert_eq!(with.difference, None);
}

#[tokio::test]
async fn a_forged_verdict_is_found() {
    let (input, mut recorded) = record(&json!({"mode": "ok"})).await;
    recorded.outcome_digest = Digest::of(b"a better one");
    let plugin = hostile(Limits::default()).await;
    let replay = engine().replay_check(&plugin, &read(&input), &recorded, None).await.unwrap();
    assert!(matches!(replay.difference, Some(Difference::Outcome { .. })));
}

#[tokio::test]
async fn an_input_that_was_changed_is_found() {
    let (_, recorded) = record(&json!({"mode": "host-call-flood", "count": 3})).await;
    let plugin = hostile(Limits::default()).await;
    let other = input(&json!({"mode": "host-call-flood", "count": 2}));
    let replay = engine().replay_check(&plugin, &other, &recorded, None).await.unwrap();
    assert!(matches!(replay.difference, Some(Difference::Call { index: 2, replayed: None, .. })));
}

#[tokio::test]
async fn a_timeout_is_not_replayed_as_if_it_were_a_verdict() {
    let (input, recorded) = record(&json!({"mode": "loop"})).await;
    let plugin = hostile(Limits::default()).await;
    let replay = engine().replay_check(&plugin, &read(&input), &recorded, None).await;
    assert!(matches!(replay, Err(ReplayError::NotRepeatable(FailureClass::CpuBudget))));
}

/// Two evaluations of one input by one host, and what a replay says of the first.
#[tokio::test]
async fn a_guest_that_counts_against_a_timer_is_found() {
    let (input, recorded) = record(&json!({"mode": "race", "count": 2_000})).await;
    let plugin = hostile(Limits::default()).await;
    let replay = engine().replay_check(&plugin, &read(&input), &recorded, None).await.unwrap();
    let Outcome::Reported(report) = &replay.outcome else { panic!("{:?}", replay.outcome) };
    assert!(report.findings[0].measured.as_deref() > Some("0"), "the timer runs: {report:?}");
    assert!(matches!(replay.difference, Some(Difference::Outcome { .. })), "{:?}", replay.difference);
}

/// A component that reads metrics only, and what it is given to judge.
async fn reader() -> (Arc<Plugin>, CheckRecord) {
    let plugin = load("metric-threshold", &[Grant::Registry], Limits::default()).await.unwrap();
    let config = json!({"metric": "auc", "min": "0.85", "relative": {"max_drop": "0.01", "to": "champion"}});
    let reads = plugin.reads().cloned();
    assert_eq!(reads.as_ref().map(ToString::to_string).as_deref(), Some("metrics"));
    (plugin, CheckRecord { reads, ..input(&config).record().clone() })
}

#[tokio::test]
async fn a_check_is_told_what_it_reads_of_every_version_and_nothing_else() {
    let (plugin, record) = reader().await;
    let input = Arc::new(CheckInput::new(record));
    let evaluation = engine().evaluate_check(&plugin, &input, Arc::new(Live::default())).await;
    assert_eq!(evaluation.outcome.conclusion(), Conclusion::Pass, "{:?}", evaluation.outcome);
    let told = evaluation.recording.blobs.values().map(|blob| String::from_utf8(blob.to_vec()).unwrap());
    let told: Vec<String> =
        told.chain([String::from_utf8(input.canonical().unwrap().to_vec()).unwrap()]).collect();
    assert_eq!(told.len(), 2, "the holder of the alias, and the input");
    for text in told {
        assert!(text.contains("\"auc\"") && !text.contains("model.pkl") && !text.contains("READY"), "{text}");
    }
}

#[tokio::test]
async fn an_input_that_holds_more_than_is_read_is_not_replayed() {
    let (plugin, record) = reader().await;
    let shown = CheckInput::new(record.clone()).record().clone();
    assert_eq!(CheckInput::recorded(shown.clone(), &plugin).unwrap().record(), &shown);
    let everything = CheckRecord { reads: None, ..record.clone() };
    for forged in [record, everything.clone(), CheckRecord { reads: None, ..shown }] {
        let refused = CheckInput::recorded(forged, &plugin);
        assert!(matches!(refused, Err(ReplayError::OtherParts)), "{refused:?}");
    }
    let input = Arc::new(CheckInput::new(everything));
    let evaluation = engine().evaluate_check(&plugin, &input, Arc::new(Live::default())).await;
    let Outcome::Failed(failure) = evaluation.outcome else { panic!("{:?}", evaluation.outcome) };
    assert_eq!(failure.class, FailureClass::HostBug);
}
