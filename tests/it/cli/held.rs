//! `countersign held` and `countersign audit`: from an export alone, at rest, and from a running server.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;

use super::Place;

/// The ledger of a whole story: models, signatures, stages, a waiver, and a move round Countersign.
fn story() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/formats/ledger.v1.jsonl")
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn an_export_alone_says_who_held_what() {
    let (place, file) = (Place::new(), story());
    let export = file.to_str().unwrap();
    let held = |more: &[&str]| place.does(&[&["held", "credit", "--export", export], more].concat());
    let all = held(&[]);
    assert!(all.contains("alias:champion") && all.contains("stage:Production"), "{all}");
    let then = held(&["--alias", "champion", "--at", "2026-11-27T18:57:00Z"]);
    for part in
        ["version 2", "approved: one person signed it", "as risk on", "metric-threshold: pass", "sha256:"]
    {
        assert!(then.contains(part), "{part}: {then}");
    }
    let now = held(&["--alias", "champion", "--at", "2027-01-01"]);
    assert!(now.contains("version 1") && now.contains("round Countersign"), "{now}");
    let before = held(&["--alias", "champion", "--at", "2020-01-01"]);
    assert!(before.contains("is not known"), "{before}");
    let csv = held(&["--stage", "Production", "--format", "csv"]);
    assert_eq!(csv.lines().count(), 3, "{csv}");
    let answer = json(&held(&["--output", "json"]));
    assert_eq!((&answer["format"], answer["held"].as_array().unwrap().len()), (&Value::from(1), 5));
    assert!(
        place.does(&["held", "nobody", "--export", export]).contains("no move of a governed name of nobody")
    );
    place.fails(
        &["held", "credit", "--export", export, "--at", "yesterday"],
        2,
        &["`yesterday` is not a point in time"],
    );
    place.fails(&["held", "credit", "--alias", "a", "--stage", "b"], 2, &["cannot be used with"]);
}

#[test]
fn an_export_that_does_not_hold_says_nothing() {
    let place = Place::new();
    let good = fs::read_to_string(story()).unwrap();
    let file = place.host.workdir().dir.join("changed.jsonl");
    let changed = good.replacen("\\\"version\\\":\\\"2\\\"", "\\\"version\\\":\\\"3\\\"", 1);
    assert_ne!(good, changed);
    fs::write(&file, changed).unwrap();
    for command in ["held", "audit"] {
        place.fails(
            &[command, "credit", "--export", "changed.jsonl"],
            1,
            &["changed.jsonl` does not hold", "entry "],
        );
    }
    assert!(!place.host.workdir().dir.join("credit.audit.html").exists());
}

#[test]
fn an_audit_is_one_page_and_one_document() {
    let (place, file) = (Place::new(), story());
    let export = file.to_str().unwrap();
    let dir = place.host.workdir().dir.clone();
    let told = place.does(&["audit", "credit", "--export", export, "-o", "audits"]);
    assert!(told.contains("credit.audit.html") && told.contains("credit.audit.json"), "{told}");
    let html = fs::read_to_string(dir.join("audits/credit.audit.html")).unwrap();
    assert!(html.starts_with("<!doctype html>") && html.contains("What this does not show"));
    let audit = json(&fs::read_to_string(dir.join("audits/credit.audit.json")).unwrap());
    assert_eq!(audit["packs"].as_array().unwrap().len(), 5);
    assert_eq!(audit["ledger"]["entries"], 159);

    let pack = fs::read_to_string(
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../host/packs/21-cfr-11.1997-03-20.toml"),
    )
    .unwrap();
    fs::write(dir.join("ours.toml"), pack.replacen("21-cfr-11", "ours", 1)).unwrap();
    place.does(&[
        "audit",
        "credit",
        "--export",
        export,
        "--pack",
        "ours.toml",
        "--pack",
        "sr-26-2",
        "-o",
        "one.json",
    ]);
    let audit = json(&fs::read_to_string(dir.join("one.json")).unwrap());
    assert_eq!(
        (&audit["packs"][0]["id"], &audit["packs"][1]["id"]),
        (&Value::from("ours"), &Value::from("sr-26-2"))
    );
    place.fails(
        &["audit", "credit", "--export", export, "--pack", "sr-11-7"],
        1,
        &["no pack `sr-11-7`", "sr-26-2"],
    );
    fs::write(dir.join("bad.toml"), "id = 1").unwrap();
    place.fails(
        &["audit", "credit", "--export", export, "--pack", "bad.toml"],
        1,
        &["bad.toml` is not a pack"],
    );
    let range = ["audit", "credit", "--export", export, "--from", "2026-02-01", "--to", "2026-01-01"];
    place.fails(&range, 1, &["`--from` is not before `--to`"]);
}

#[test]
fn at_rest_and_from_the_running_server() {
    let mut place = Place::new();
    place.does(&["user", "add", "ruth"]);
    place.fails(&["held", "credit"], 1, &["there is no store"]);
    place.host.start().unwrap();
    let asks = |place: &Place| {
        assert!(place.does(&["held", "credit"]).contains("no move of a governed name of credit"));
        let answer = json(&place.does(&[
            "held",
            "credit",
            "--alias",
            "champion",
            "--at",
            "2026-01-01",
            "--output",
            "json",
        ]));
        assert_eq!(answer["name"], "alias:champion");
        place.does(&["audit", "credit", "-o", "credit.json"]);
        let audit = json(&fs::read_to_string(place.host.workdir().dir.join("credit.json")).unwrap());
        assert!(audit["gaps"].to_string().contains("No decision about this model"), "{audit}");
        audit["ledger"]["vkey"].as_str().unwrap().to_owned()
    };
    let served = asks(&place);
    place.host.stop().unwrap();
    assert_eq!(asks(&place), served);
}
