//! Decisions as in-toto statements: signed, about the files, as their schema says, and never more than holds.

use countersign_core::attest::{MODEL_APPROVAL, PAYLOAD_TYPE, SVR};

use super::*;
use crate::app::{Attestable, NewEmergency, attestations};
use crate::ledger::Checkpoint;
use crate::store::Batch;

const APPROVAL: &str = include_str!("../../../schemas/model-approval.v0.1.json");
const ENVELOPE: &str = include_str!("../../../schemas/attestation.v1.json");

fn is_as_described(schema: &str, value: &Value) {
    let schema = serde_json::from_str(schema).unwrap();
    let validator = jsonschema::draft202012::options().should_validate_formats(true).build(&schema).unwrap();
    let faults = validator.iter_errors(value).map(|fault| format!("{}: {fault}", fault.instance_path()));
    let faults: Vec<String> = faults.collect();
    assert!(faults.is_empty(), "{faults:#?}");
}

impl World {
    /// The statements about a request; each opens with the ledger's key.
    async fn attested(&self, id: RequestId) -> Vec<Value> {
        self.attested_of(Attestable::Request(id)).await
    }

    async fn attested_of(&self, what: Attestable) -> Vec<Value> {
        let envelopes = attestations(&*self.app.store, &self.app.ledger, what).await.unwrap();
        envelopes.iter().for_each(|it| is_as_described(ENVELOPE, &serde_json::to_value(it).unwrap()));
        let opened = envelopes.iter().map(|it| it.open(PAYLOAD_TYPE, self.app.ledger.verifier()).unwrap());
        opened.map(|payload| serde_json::from_str(&payload).unwrap()).collect()
    }

    /// Our own predicate, as its schema says.
    async fn approval(&self, id: RequestId) -> Value {
        let said = self.attested(id).await;
        let approval = said.into_iter().find(|it| it["predicateType"] == MODEL_APPROVAL).unwrap();
        is_as_described(APPROVAL, &approval["predicate"]);
        approval
    }

    async fn is_approved(&self, id: RequestId) -> bool {
        let said = self.attested(id).await;
        let verified = said.iter().find(|it| it["predicateType"] == SVR).unwrap();
        let properties = verified["predicate"]["properties"].as_array().unwrap();
        properties.iter().any(|it| it == "COUNTERSIGN_APPROVED")
    }
}

#[tokio::test]
async fn a_promotion_is_attested_about_its_files_with_who_signed_and_where_it_stands() {
    let world = World::new(POLICY).await;
    world.registry.lock().unwrap().files.insert("MLmodel".to_owned(), b"flavors: {}".to_vec());
    let id = world.approved().await.id;
    world.app.apply(&caller("ana"), id).await.unwrap();
    let approval = world.approval(id).await;
    let file = countersign_core::digest::Digest::of(b"flavors: {}");
    let files = countersign_core::digest::Digest::of(file.as_bytes());
    let subject = json!([{"name": "models:/credit/7", "digest": {"sha256": hex::encode(files.as_bytes())}}]);
    assert_eq!(approval["subject"], subject);
    let said = &approval["predicate"];
    assert_eq!((&said["decision"], &said["state"]), (&json!("allow"), &json!("applied")));
    assert_eq!(said["gates"][0]["seats"]["risk"], json!({"needed": 2, "signed": ["omar", "ruth"]}));
    assert_eq!((&said["requester"], &said["authors"]), (&json!("ana"), &json!(["ana"])));
    assert!(!approval.to_string().contains("the holdout holds"), "words stay here");
    assert!(world.is_approved(id).await);

    let checkpoint = said["ledger"]["checkpoint"].as_str().unwrap();
    let signed = Checkpoint::open(checkpoint, world.app.ledger.verifier()).unwrap();
    let kinds: Vec<String> = said["ledger"]["entries"]
        .as_array()
        .unwrap()
        .iter()
        .map(|index| {
            let index = index.as_u64().unwrap();
            assert!(index < signed.size);
            world.app.ledger.get(index).unwrap().unwrap().parse().unwrap().kind
        })
        .collect();
    assert_eq!(kinds, ["request-opened", "refused", "reviewed", "reviewed", "intent"]);
}

#[tokio::test]
async fn the_same_ledger_gives_the_same_bytes() {
    let world = World::new(POLICY).await;
    let id = world.approved().await.id;
    let first = attestations(&*world.app.store, &world.app.ledger, Attestable::Request(id)).await.unwrap();
    world.clock.advance(86_400_000);
    assert_eq!(
        attestations(&*world.app.store, &world.app.ledger, Attestable::Request(id)).await.unwrap(),
        first
    );
}

#[tokio::test]
async fn what_is_not_approved_is_not_attested_as_if_it_were() {
    let world = World::new(POLICY).await;
    let id = world.asked().await.id;
    let waiting = world.approval(id).await;
    assert_eq!(waiting["predicate"]["decision"], "hold");
    let because = json!([{"is": "signatures", "seat": "risk", "missing": 2}]);
    assert_eq!(waiting["predicate"]["gates"][0]["because"], because);
    assert!(!world.is_approved(id).await);
    let new =
        NewEmergency { reason: "all scores are zero".to_owned(), ticket: "INC-7".to_owned(), drill: false };
    world.app.break_glass(&caller("otto"), id, new).await.unwrap();
    assert_eq!(world.approval(id).await["predicate"]["flags"]["breakGlass"], json!(true));
    assert!(!world.is_approved(id).await);
    world.vote("lea", Vote::Reject, "no legal basis", id).await.unwrap();
    let rejected = world.approval(id).await;
    assert_eq!(rejected["predicate"]["gates"][0]["because"], json!([{"is": "rejected", "by": "lea"}]));
    assert!(!rejected.to_string().contains("no legal basis"), "words stay here");
    let nobody = RequestId(uuid::Uuid::nil());
    refused(
        attestations(&*world.app.store, &world.app.ledger, Attestable::Request(nobody)).await,
        "not-found",
        "there is no request",
    );
}

#[tokio::test]
async fn facts_that_are_not_kept_any_more_leave_the_version_and_no_files() {
    let world = World::new(POLICY).await;
    world.registry.lock().unwrap().files.insert("MLmodel".to_owned(), b"flavors: {}".to_vec());
    let request = world.approved().await;
    let key = crate::store::keys::evidence(&request.facts);
    world.app.store.commit(Batch::new().delete(key)).await.unwrap();
    let approval = world.approval(request.id).await;
    let digest = approval["subject"][0]["digest"].as_object().unwrap();
    assert_eq!(digest.keys().collect::<Vec<_>>(), ["countersignSubject"]);
}

/// A policy whose only tier asks nobody.
fn free() -> String {
    POLICY.replace("  [gate.approvals.low]\n  seats = { risk = 2 }\n  expires = \"90d\"\n", "")
}

/// The number of the newest entry that announced a write.
fn announced(world: &World) -> u64 {
    let records = world.app.entries(None, 1_000).unwrap();
    records.iter().find(|record| App::entry_of(record).unwrap().kind() == "intent").unwrap().index
}

#[tokio::test]
async fn a_write_that_nobody_had_to_sign_is_attested_by_its_entry() {
    let world = World::new(&free()).await;
    assert!(matches!(super::changes::set(&world).await, crate::app::Answer::Forwarded(_)));
    world.app.settled().await.unwrap();
    let first = announced(&world);
    let said = world.attested_of(Attestable::Entry(first)).await;
    let of = |kind: &str| said.iter().find(|it| it["predicateType"] == kind).unwrap()["predicate"].clone();
    let approval = of(MODEL_APPROVAL);
    is_as_described(APPROVAL, &approval);
    assert_eq!((&approval["decision"], &approval["state"]), (&json!("allow"), &json!("applied")));
    assert!(approval.get("request").is_none() && approval["intent"].is_string(), "{approval}");
    assert_eq!(approval["ledger"]["entries"][0], json!(first));
    let properties = of(SVR)["properties"].clone();
    assert!(properties.as_array().unwrap().contains(&json!("COUNTERSIGN_APPROVED")), "{properties}");

    // Another version takes its place: nobody may rely on the first any more.
    let (model, alias) = ("credit".into(), "champion".into());
    let action = Action::SetAlias { model, alias, version: Version::new(8) };
    let body = json!({"name": "credit", "alias": "champion", "version": "8"});
    let forwarded = super::changes::called(&world, "POST", "registered-models/alias", body, action).await;
    assert!(matches!(forwarded, crate::app::Answer::Forwarded(_)));
    world.app.settled().await.unwrap();
    assert!(announced(&world) > first);
    let said = world.attested_of(Attestable::Entry(first)).await;
    let approval = said.iter().find(|it| it["predicateType"] == MODEL_APPROVAL).unwrap();
    assert_eq!(approval["predicate"]["state"], "superseded");
    assert!(!said.iter().any(|it| it.to_string().contains("COUNTERSIGN_APPROVED")), "{said:?}");
}

#[tokio::test]
async fn an_entry_of_a_request_is_attested_as_the_request_and_another_kind_is_not() {
    let world = World::new(POLICY).await;
    let id = world.approved().await.id;
    world.app.apply(&caller("ana"), id).await.unwrap();
    let of = |what| attestations(&*world.app.store, &world.app.ledger, what);
    let (by_entry, by_request) =
        (of(Attestable::Entry(announced(&world))).await, of(Attestable::Request(id)).await);
    assert_eq!(by_entry.unwrap(), by_request.unwrap());
    refused(of(Attestable::Entry(0)).await, "invalid", "announces no write that was decided");
    refused(of(Attestable::Entry(999)).await, "not-found", "there is no entry 999");
}
