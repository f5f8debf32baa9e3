use super::*;

#[test]
fn kind_and_serialised_tag_agree() {
    let request = RequestId(Uuid::nil());
    let said = || TakenBack { request, by: None, reason: "scores are zero".to_owned() };
    let word = crate::waiver::tests::word("ruth");
    for entry in [
        Entry::PolicyLoaded(PolicyLoad::of(Digest::of(b""))),
        Entry::Suspended(said()),
        Entry::Resumed(said()),
        Entry::Revoked(said()),
        Entry::Sampled { request, seat: "risk".into(), binding: Digest::of(b"") },
        Entry::SampleReviewed { request, word, confirmed: true },
        Entry::SkipAcknowledged { used: Uuid::nil(), by: "ruth".into() },
    ] {
        let json = serde_json::to_value(&entry).unwrap();
        assert_eq!(json["kind"], entry.kind());
        let body: serde_json::Value = serde_json::from_str(&entry.body().unwrap()).unwrap();
        assert_eq!(json["body"], body);
    }
}

#[test]
fn entries_from_before_read_and_are_written_as_they_were() {
    let digest = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    let intent = serde_json::json!({"kind": "intent", "body": {
        "id": "01980000-7a10-7c3e-9d2b-5f0e6a1b2c3d", "request": null,
        "placed": {"workspace": "default", "action": {"kind": "delete-model", "model": "credit"}},
        "subject": null, "binding": digest, "policy": digest, "by": "p_1", "gates": [],
        "authors": {"requester": null, "creator": null, "run_author": null, "last_writer": "p_1"},
        "body": digest,
    }});
    let read: Entry = serde_json::from_value(intent.clone()).unwrap();
    assert_eq!(serde_json::to_value(&read).unwrap(), intent);
}
