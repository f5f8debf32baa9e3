//! Answers and documents about a ledger that was really written, against their schemas.

use countersign_core::audit::{Audit, Selector};
use countersign_core::canonical;
use countersign_core::entry::Entry;
use countersign_core::held::{Answer, Name};
use serde_json::Value;

use super::*;
use crate::app::{AccountReader, packs, testing};
use crate::ledger::export;
use crate::store::Batch;

const STORY: &str = include_str!("../../../../tests/fixtures/formats/ledger.v1.jsonl");
const HELD: &str = include_str!("../../../schemas/held.v1.json");
const AUDIT: &str = include_str!("../../../schemas/audit.v1.json");

fn read(text: &str, model: &str) -> (Account, export::Verified) {
    let mut reader = AccountReader::new("default".into(), ModelName::new(model));
    let each = &mut |index, json: &str| reader.read(index, json);
    let found = export::read(&mut text.as_bytes(), None, &mut |_| (), each).unwrap();
    (reader.finish(), found)
}

fn document() -> Audit {
    let (account, found) = read(STORY, "credit");
    let seen = LedgerSeen {
        origin: found.origin,
        vkey: found.vkey,
        entries: found.entries,
        root: Digest::from_bytes(found.root),
        checkpoint: found.checkpoint,
    };
    audit_without_evidence(&account, seen, made(Millis::new(0), Range::default())).against(&packs().unwrap())
}

fn conforms(schema: &str, value: &Value) {
    let schema: Value = serde_json::from_str(schema).unwrap();
    let validator = jsonschema::draft202012::new(&schema).unwrap();
    let faults: Vec<String> =
        validator.iter_errors(value).map(|fault| format!("{}: {fault}", fault.instance_path())).collect();
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn an_old_export_still_says_who_held_what() {
    let (account, found) = read(STORY, "credit");
    assert!(found.breaches.is_empty());
    let answer = Answer::new(&account, None, None);
    let told: Vec<String> = answer
        .held
        .iter()
        .map(|held| format!("{} v{} {} #{}", held.name, held.version, held.standing.as_str(), held.entry))
        .collect();
    assert_eq!(
        told,
        [
            "alias:champion v2 approved #44",
            "alias:champion v1 bypassed #155",
            "stage:Archived v2 approved #57",
            "stage:Production v2 approved #52",
            "stage:Production v3 approved #57",
        ]
    );
    let first = &answer.held.first().unwrap().behind;
    assert!(first.reviews.iter().any(|review| review.counts) && !first.checks.is_empty());
    conforms(HELD, &serde_json::to_value(&answer).unwrap());
}

#[test]
fn the_document_is_as_its_schema_says_and_canonical() {
    let audit = document();
    let json = serde_json::to_value(&audit).unwrap();
    conforms(AUDIT, &json);
    let text = canonical::to_string(&audit).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), json);
    assert_eq!(canonical::to_string(&serde_json::from_str::<Audit>(&text).unwrap()).unwrap(), text);
    // What a schema of additional members would let pass must be named in it.
    let mut more = json;
    more["verified"]["surprise"] = Value::Bool(true);
    let schema: Value = serde_json::from_str(AUDIT).unwrap();
    assert!(!jsonschema::draft202012::new(&schema).unwrap().is_valid(&more));
}

#[test]
fn the_schema_knows_every_kind_of_evidence() {
    let schema: Value = serde_json::from_str(AUDIT).unwrap();
    let words = schema["$defs"]["selector"]["enum"].as_array().unwrap();
    let read: Vec<Selector> =
        words.iter().map(|word| serde_json::from_value(word.clone()).unwrap()).collect();
    assert_eq!(read.len(), 26);
}

/// The same ledger, read where it lies and from its export.
#[tokio::test]
async fn a_store_and_its_export_tell_the_same() {
    let (app, _files) = testing::app().await;
    for line in STORY.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        let Some(json) = line["entry"].as_str() else { continue };
        let entry: Entry = serde_json::from_str(json).unwrap();
        app.record(&[entry], Batch::new()).await.unwrap();
    }
    let mut out = Vec::new();
    app.ledger.export(&mut out, &mut |_| ()).await.unwrap();
    let (account, _) = read(std::str::from_utf8(&out).unwrap(), "credit");
    let champion = Name::Alias("champion".to_owned());
    for name in [None, Some(&champion)] {
        let from_store = app.who_held((&"default".into(), &"credit".into()), name, None).unwrap().of;
        assert!(!from_store.held.is_empty());
        assert_eq!(from_store, Answer::new(&account, name, None));
    }
    let audit =
        std::sync::Arc::clone(&app).audit("default".into(), "credit".into(), Range::default()).await.unwrap();
    assert_eq!(audit.verified.decisions.len(), document().verified.decisions.len());
    conforms(AUDIT, &serde_json::to_value(&audit).unwrap());
}
