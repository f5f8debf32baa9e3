//! Every format that was ever exported reads for ever: what lies under `tests/fixtures/formats` was written once by the
//! version that began the format, and is never written again. See the README there.

use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use countersign_core::check::Outcome;
use countersign_core::digest::Digest;
use countersign_core::facts::{ModelFacts, VersionFacts};
use countersign_core::policy::Grant;
use countersign_core::request::PromotionRequest;
use serde::{Deserialize, Serialize};

use super::schemas::facts;
use super::*;
use crate::ledger::{Ledger, SigningKey, export as ledger_export, verify};
use crate::plugins::{
    Answer, CheckInput, CheckRecord, Engine, EngineConfig, Limits, Load, Recorded, Recording, RegistryAnswer,
    RegistryQuery, Sources, Transcript,
};
use crate::store::memory::MemoryStore;
use crate::store::{Scan, Store, codec, export as store_export, keys};

fn place(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/formats").join(name)
}

fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(place(name)).unwrap_or_else(|error| panic!("{}: {error}", place(name).display()))
}

/// One check run, as evidence keeps it: the plugin lies beside it.
#[derive(Serialize, Deserialize)]
struct KeptCheck {
    plugin: String,
    plugin_digest: Digest,
    input: CheckRecord,
    transcript: Transcript,
    /// Answers that the transcript names, by their digest, as text.
    answers: BTreeMap<Digest, String>,
    outcome: Outcome,
    outcome_digest: Digest,
}

async fn ledger_is_whole(bytes: &[u8]) -> u64 {
    let found = ledger_export::verify(&mut &*bytes, None, &mut |_| {}).unwrap();
    assert_eq!((found.origin.as_str(), found.breaches.len()), ("ledger.example", 0));
    let entries = String::from_utf8(bytes.to_vec()).unwrap();
    for line in entries.lines().filter(|line| line.starts_with("{\"index\"")) {
        let line: Value = serde_json::from_str(line).unwrap();
        let entry = serde_json::from_str::<Entry>(line["entry"].as_str().unwrap());
        entry.unwrap_or_else(|error| panic!("{error}: {line}"));
    }
    // One bit, in the middle: it is refused, and the line is named.
    let mut flipped = bytes.to_vec();
    flipped[bytes.len() / 2] ^= 1;
    let error = ledger_export::verify(&mut flipped.as_slice(), None, &mut |_| {}).unwrap_err().to_string();
    assert!(error.contains("line "), "{error}");
    found.entries
}

/// A store that an export fills: its ledger is whole, and its requests are read.
async fn store_is_whole(bytes: &[u8]) -> (u64, usize) {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
    let mut input = bytes;
    store_export::import(&*store, &mut input).await.unwrap();
    let key = SigningKey::from_seed("ledger.example", [7; 32]).unwrap();
    Ledger::open(Arc::clone(&store), key).await.unwrap();
    let found = verify::store(&*store, &mut |_| {}).unwrap();
    let requests = store.scan(&Scan::prefix(keys::requests())).unwrap();
    let read = requests.iter().map(|(key, value)| codec::decode::<PromotionRequest>(key, value).unwrap());
    (found.entries, read.count())
}

fn facts_are(bytes: &[u8]) -> Digest {
    let (version, model): (VersionFacts, ModelFacts) = serde_json::from_slice(bytes).unwrap();
    let again = countersign_core::canonical::to_vec(&(&version, &model)).unwrap();
    assert_eq!(again, bytes, "they are written as they were");
    Digest::of(bytes)
}

async fn replays(kept: KeptCheck, component: Vec<u8>) {
    let config = EngineConfig { max_concurrent: 1, threads: 1, ..EngineConfig::default() };
    let engine = Engine::new(config, None).unwrap();
    let load = Load {
        name: kept.plugin.as_str().into(),
        component: Bytes::from(component),
        pinned: kept.plugin_digest,
        grants: Grant::ALL.into_iter().collect(),
        limits: kept.transcript.limits.clone(),
    };
    let plugin = engine.load(load).await.unwrap();
    let blobs = kept.answers.into_iter().map(|(digest, text)| (digest, Bytes::from(text))).collect();
    assert!(!kept.transcript.calls.is_empty(), "it asks nothing");
    let recording = Recording::from_parts(kept.transcript, blobs);
    let recorded = Recorded { recording, outcome_digest: kept.outcome_digest };
    let input = Arc::new(CheckInput::recorded(kept.input, &plugin).unwrap());
    let replay = engine.replay_check(&plugin, &input, &recorded, None).await.unwrap();
    assert_eq!((replay.outcome_digest, replay.difference), (kept.outcome_digest, None));
    assert_eq!(replay.outcome, kept.outcome);
}

/// What the fixtures hold: `expected.json`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    ledger_entries: u64,
    store_requests: usize,
    facts: Digest,
}

#[tokio::test]
async fn what_was_exported_once_reads_for_ever() {
    let expected: Expected = serde_json::from_slice(&fixture("expected.json")).unwrap();
    let entries = expected.ledger_entries;
    assert_eq!(ledger_is_whole(&fixture("ledger-export.v1.jsonl")).await, entries);
    assert_eq!(store_is_whole(&fixture("store-export.v1.jsonl")).await, (entries, expected.store_requests));
    assert_eq!(facts_are(&fixture("facts.v1.json")), expected.facts);
    let kept = serde_json::from_slice(&fixture("check-run.v1.json")).unwrap();
    replays(kept, fixture("metric-threshold.v0.1.wasm")).await;
}

/// What is written today reads like what was written then. With `COUNTERSIGN_FORMATS=DIR` it stays there: that is how a
/// new version of a format gets its first fixture.
#[tokio::test]
async fn what_is_written_today_reads_as_the_fixtures_do() {
    let (ledger, store) = told_at_length().await;
    assert!(ledger_is_whole(&ledger).await > 20);
    assert!(store_is_whole(&store).await.1 > 1);
    let facts = facts();
    let facts = countersign_core::canonical::to_vec(&(&facts.version, &facts.model)).unwrap();
    facts_are(&facts);
    let component = fixture("metric-threshold.v0.1.wasm");
    let checked = checked(component.clone()).await;
    let kept = serde_json::to_vec_pretty(&checked).unwrap();
    replays(checked, component).await;
    if let Ok(dir) = std::env::var("COUNTERSIGN_FORMATS") {
        let files = [
            ("ledger-export", "jsonl", ledger),
            ("store-export", "jsonl", store),
            ("facts", "json", facts),
            ("check-run", "json", kept),
        ];
        for (name, ending, bytes) in files {
            std::fs::write(format!("{dir}/{name}.new.{ending}"), bytes).unwrap();
        }
    }
}

/// A story with many kinds of entries: the ledger and the store that it leaves.
pub(super) async fn told_at_length() -> (Vec<u8>, Vec<u8>) {
    let world = World::new(POLICY).await;
    world.app.started("countersign 0.1.0".to_owned(), Some("operator:ana".to_owned())).await.unwrap();
    let first = world.asked().await.id;
    let text = crate::app::NewComment { text: "which holdout?".to_owned(), ..Default::default() };
    let said = world.app.comment(&caller("lea"), first, text).await.unwrap();
    world.app.settle(&caller("lea"), said.comment.id, first, true).await.unwrap();
    refused(world.vote("ana", Vote::Approve, "mine", first).await, "forbidden", "they asked");
    let waiver = world.app.ask_waiver(&caller("lea"), super::exceptions::waiver(&world, 7)).await.unwrap();
    world.app.approve_waiver(&caller("ruth"), waiver.id, "bounded").await.unwrap();
    world.app.revoke_waiver(&caller("olga"), waiver.id, "omar is back").await.unwrap();
    world.signed(first, "this time").await;
    world.app.apply(&caller("ana"), first).await.unwrap();
    world.app.set_standing(&caller("ruth"), first, crate::app::Word::Suspend, "odd scores").await.unwrap();
    world.app.set_standing(&caller("omar"), first, crate::app::Word::Resume, "they are fine").await.unwrap();
    let other = world.asked_for(8).await.id;
    let emergency = |drill| crate::app::NewEmergency {
        reason: "all scores are zero".to_owned(),
        ticket: "INC-7".to_owned(),
        drill,
    };
    world.app.break_glass(&caller("otto"), other, emergency(true)).await.unwrap();
    let used = world.app.break_glass(&caller("otto"), other, emergency(false)).await.unwrap();
    world.app.apply(&caller("ana"), other).await.unwrap();
    world.app.review_break_glass(&caller("ruth"), used.id, "it was one").await.unwrap();
    let third = world.asked_for(9).await.id;
    world.app.withdraw(&caller("ana"), third).await.unwrap();
    world.clock.advance(91 * 86_400_000);
    world.app.age().await.unwrap();
    let (mut ledger, mut store) = (Vec::new(), Vec::new());
    world.app.ledger.export(&mut ledger, &mut |_| {}).await.unwrap();
    store_export::export(&*world.app.store, &mut store).unwrap();
    (ledger, store)
}

/// A registry that knows one version: the champion, which is better.
struct Better;

impl Sources for Better {
    fn query(&self, _: RegistryQuery) -> Answer<RegistryAnswer> {
        let mut version = facts().version;
        version.metrics.iter_mut().for_each(|metric| metric.value = "0.97".to_owned());
        Box::pin(async move { Ok(RegistryAnswer::Version(Some(Box::new(version)))) })
    }

    fn read(&self, path: &str, _: u64, _: u32) -> Answer<Bytes> {
        let missing = crate::plugins::AccessError::NotFound(path.to_owned());
        Box::pin(async { Err(missing) })
    }
}

/// A run of a check that asks the registry.
async fn checked(component: Vec<u8>) -> KeptCheck {
    let config = EngineConfig { max_concurrent: 1, threads: 1, ..EngineConfig::default() };
    let engine = Engine::new(config, None).unwrap();
    let load = Load {
        name: "metric-threshold".into(),
        pinned: Digest::of(&component),
        component: Bytes::from(component),
        grants: Grant::ALL.into_iter().collect(),
        limits: Limits::default(),
    };
    let plugin = engine.load(load).await.unwrap();
    let record = CheckRecord {
        format: 1,
        version: VersionFacts { aliases: Vec::new(), ..facts().version },
        action: placed().action,
        tier: Some("low".into()),
        config: r#"{"metric":"auc","min":"0.85","relative":{"max_drop":"0.01","to":"champion"}}"#.to_owned(),
        now: countersign_core::time::Millis::new(1_795_381_030_000),
        reads: plugin.reads().cloned(),
    };
    let input = Arc::new(CheckInput::new(record.clone()));
    let evaluation = engine.evaluate_check(&plugin, &input, Arc::new(Better)).await;
    let answers = evaluation
        .recording
        .blobs
        .iter()
        .map(|(digest, blob)| (*digest, String::from_utf8(blob.to_vec()).unwrap()));
    KeptCheck {
        plugin: "metric-threshold".to_owned(),
        plugin_digest: plugin.digest(),
        input: record,
        answers: answers.collect(),
        transcript: evaluation.recording.transcript,
        outcome_digest: Digest::of_json(&evaluation.outcome).unwrap(),
        outcome: evaluation.outcome,
    }
}
