//! What was given out once holds for ever: attestations, proofs and checkpoints of the first form, kept as files, by
//! today's code and today's schemas.

use countersign::ledger::{ConsistencyProof, Envelope, InclusionProof, VerifierKey, against};
use countersign_core::attest::{MODEL_APPROVAL, PAYLOAD_TYPE, SVR, TEST_RESULT};
use countersign_tests::paths;
use serde_json::Value;

fn fixture(name: &str) -> String {
    std::fs::read_to_string(paths::root().join("tests/fixtures/formats/attestations-1").join(name)).unwrap()
}

fn key() -> VerifierKey {
    fixture("vkey.txt").trim_end().parse().unwrap()
}

fn is_as_described(schema: &str, value: &Value) {
    let schema = std::fs::read_to_string(paths::root().join("host/schemas").join(schema)).unwrap();
    let validator = jsonschema::draft202012::new(&serde_json::from_str(&schema).unwrap()).unwrap();
    let faults: Vec<String> = validator.iter_errors(value).map(|fault| fault.to_string()).collect();
    assert!(faults.is_empty(), "{value}: {faults:#?}");
}

#[test]
fn attestations_open_and_any_flipped_byte_closes_them() {
    let mut types = Vec::new();
    for line in fixture("attestations.jsonl").lines() {
        is_as_described("attestation.v1.json", &serde_json::from_str(line).unwrap());
        let envelope: Envelope = serde_json::from_str(line).unwrap();
        let said: Value = serde_json::from_str(&envelope.open(PAYLOAD_TYPE, &key()).unwrap()).unwrap();
        types.push(said["predicateType"].as_str().unwrap().to_owned());
        if said["predicateType"] == MODEL_APPROVAL {
            is_as_described("model-approval.v0.1.json", &said["predicate"]);
            let checkpoint = said["predicate"]["ledger"]["checkpoint"].as_str().unwrap();
            assert_eq!(against::checkpoints(checkpoint, &key()).unwrap().len(), 1);
        }
        for at in (0..line.len()).step_by(13) {
            let mut bytes = line.as_bytes().to_vec();
            bytes[at] ^= 1;
            let Ok(changed) = serde_json::from_slice::<Envelope>(&bytes) else { continue };
            assert!(changed.open(PAYLOAD_TYPE, &key()).is_err(), "byte {at} of {line}");
        }
    }
    assert_eq!(types, [TEST_RESULT, SVR, MODEL_APPROVAL]);
}

#[test]
fn proofs_lead_to_what_was_signed() {
    let inclusion: Value = serde_json::from_str(&fixture("inclusion-proof.json")).unwrap();
    is_as_described("inclusion-proof.v1.json", &inclusion);
    let inclusion: InclusionProof = serde_json::from_value(inclusion).unwrap();
    assert_eq!(inclusion.verify(&key()), Ok(true));
    let consistency: Value = serde_json::from_str(&fixture("consistency-proof.json")).unwrap();
    is_as_described("consistency-proof.v1.json", &consistency);
    let consistency: ConsistencyProof = serde_json::from_value(consistency).unwrap();
    let older = against::checkpoints(&fixture("checkpoints.txt"), &key()).unwrap();
    let older = older.iter().find(|checkpoint| checkpoint.size == consistency.from).unwrap();
    assert_eq!(consistency.verify(&older.root, &key()), Ok(true));
}
