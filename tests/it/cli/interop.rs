//! A second implementation of C2SP notes and of transparency logs, written by others, accepts what ours makes and
//! refuses it changed: `signed_note` (with ed25519-dalek) and `tlog_tiles`. Nothing of ours verifies here.

use std::sync::Arc;

use countersign::ledger::{Draft, Ledger, SigningKey};
use countersign::store::Batch;
use countersign::store::memory::MemoryStore;
use countersign_core::time::Millis;
use serde_json::{Value, json};
use signed_note::{Note, StandardVerifier, VerifierList};
use tlog_tiles::tlog::{Hash, check_record, check_tree, record_hash};
use tlog_tiles::{Checkpoint, tlog};

use super::Place;

type Refused = String;

const INCLUSION: &str = include_str!("../../../host/schemas/inclusion-proof.v1.json");
const CONSISTENCY: &str = include_str!("../../../host/schemas/consistency-proof.v1.json");

fn is_as_described(schema: &str, value: &Value) {
    let schema = serde_json::from_str(schema).unwrap();
    let validator = jsonschema::draft202012::new(&schema).unwrap();
    let faults: Vec<String> = validator.iter_errors(value).map(|fault| fault.to_string()).collect();
    assert!(faults.is_empty(), "{value}: {faults:#?}");
}

/// The checkpoint in a note that the key has signed.
fn opened(note: &str, vkey: &str) -> Result<Checkpoint, Refused> {
    let verifier = StandardVerifier::new(vkey).map_err(|error| error.to_string())?;
    let known = VerifierList::new(vec![Box::new(verifier)]);
    let note = Note::from_bytes(note.as_bytes()).map_err(|error| error.to_string())?;
    let (signed, _) = note.verify(&known).map_err(|error| error.to_string())?;
    if signed.is_empty() {
        return Err("nobody known has signed it".to_owned());
    }
    Checkpoint::from_bytes(note.text()).map_err(|error| error.to_string())
}

fn path(proof: &Value) -> Vec<Hash> {
    let digests = proof["path"].as_array().unwrap().iter();
    let bytes = digests.map(|it| hex::decode(it.as_str().unwrap().strip_prefix("sha256:").unwrap()).unwrap());
    bytes.map(|bytes| Hash(bytes.try_into().unwrap())).collect()
}

/// As `ledger prove INDEX` and the API give it.
fn included(proof: &Value, vkey: &str) -> Result<(), Refused> {
    let signed = opened(proof["checkpoint"].as_str().unwrap(), vkey)?;
    let leaf = record_hash(proof["entry"].as_str().unwrap().as_bytes());
    let index = proof["index"].as_u64().unwrap();
    check_record(&path(proof), signed.size(), *signed.hash(), index, leaf).map_err(|error| error.to_string())
}

/// As `ledger prove --from SIZE` and the API give it, for whoever kept an older note.
fn goes_on_from(older: &str, proof: &Value, vkey: &str) -> Result<(), Refused> {
    let (was, is) = (opened(older, vkey)?, opened(proof["checkpoint"].as_str().unwrap(), vkey)?);
    assert_eq!(proof["from"], was.size());
    let (size, hash): (u64, tlog::Hash) = (is.size(), *is.hash());
    check_tree(&path(proof), size, hash, was.size(), *was.hash()).map_err(|error| error.to_string())
}

fn changed(proof: &Value, member: &str, from: &str, to: &str) -> Value {
    let mut proof = proof.clone();
    let text = proof[member].as_str().unwrap();
    assert!(text.contains(from), "{text}");
    proof[member] = Value::from(text.replacen(from, to, 1));
    proof
}

fn without_the_last(proof: &Value) -> Value {
    let mut proof = proof.clone();
    proof["path"].as_array_mut().unwrap().pop();
    proof
}

#[tokio::test]
async fn proofs_of_every_shape_are_accepted() {
    let key = SigningKey::from_seed("ledger.example", [5; 32]).unwrap();
    let ledger = Ledger::open(Arc::new(MemoryStore::new()), key).await.unwrap();
    let vkey = ledger.verifier().to_string();
    let mut notes = Vec::new();
    for n in 0..300_u32 {
        let draft = Draft::new(Millis::new(1), "test", &json!({ "n": n, "text": "\"ü\"" })).unwrap();
        ledger.append(vec![draft], Batch::new()).await.unwrap();
        notes.push(ledger.checkpoint().await.unwrap());
    }
    for index in (0..300).step_by(7).chain([255, 256, 299]) {
        let proof = serde_json::to_value(ledger.prove(index).await.unwrap()).unwrap();
        assert_eq!(included(&proof, &vkey), Ok(()), "{index}");
    }
    for older in notes.iter().step_by(11) {
        let from = opened(older, &vkey).unwrap().size();
        let proof = serde_json::to_value(ledger.prove_consistency(from).await.unwrap()).unwrap();
        assert_eq!(goes_on_from(older, &proof, &vkey), Ok(()), "{from}");
    }
}

#[test]
fn what_the_commands_print_is_accepted_and_refused_when_changed() {
    let mut place = Place::new();
    place.does(&["user", "add", "ruth"]);
    for _ in 0..3 {
        place.host.start().unwrap();
        place.host.stop().unwrap();
    }
    let read = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    let vkey =
        read(&place.does(&["ledger", "verify", "--output", "json"]))["vkey"].as_str().unwrap().to_owned();
    let proof = read(&place.does(&["ledger", "prove", "1"]));
    is_as_described(INCLUSION, &proof);
    assert_eq!(included(&proof, &vkey), Ok(()));
    let older = proof["checkpoint"].as_str().unwrap().to_owned();
    for bad in [
        changed(&proof, "entry", "started", "stopped"),
        changed(&proof, "checkpoint", "\n3\n", "\n4\n"),
        without_the_last(&proof),
    ] {
        assert!(included(&bad, &vkey).is_err(), "{bad}");
    }
    let other = SigningKey::from_seed("ledger.example", [6; 32]).unwrap();
    assert!(included(&proof, &other.verifier().to_string()).is_err());

    place.host.start().unwrap();
    let proof = read(&place.does(&["ledger", "prove", "--from", "3"]));
    is_as_described(CONSISTENCY, &proof);
    is_as_described(CONSISTENCY, &read(&place.does(&["ledger", "prove", "--from", "1", "--to", "2"])));
    assert_eq!(goes_on_from(&older, &proof, &vkey), Ok(()));
    assert!(goes_on_from(&older, &without_the_last(&proof), &vkey).is_err());
    assert!(goes_on_from(&older, &changed(&proof, "checkpoint", "\n4\n", "\n5\n"), &vkey).is_err());
    place.host.stop().unwrap();
}
