//! The ledger and the store from outside, at rest and while the server has them open.

use std::fs;

use countersign_tests::http;
use serde_json::Value;

use super::Place;

/// With two `started` entries, at rest.
fn started_twice() -> Place {
    let mut place = Place::new();
    place.does(&["user", "add", "ruth"]);
    for _ in 0..2 {
        place.host.start().unwrap();
        place.host.stop().unwrap();
    }
    place
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn there_is_no_ledger_before_the_first_start() {
    let place = Place::new();
    for arguments in [&["ledger", "verify"][..], &["ledger", "export"], &["replay", "0"], &["store", "info"]]
    {
        place.fails(arguments, 1, &["there is no store", "countersign serve"]);
    }
    assert!(!place.host.workdir().dir.join("data").exists(), "looking makes no store");
}

#[test]
fn a_changed_export_names_the_entry() {
    let place = started_twice();
    let found = json(&place.does(&["ledger", "verify", "--output", "json"]));
    assert_eq!((&found["whole"], &found["entries"]), (&Value::Bool(true), &Value::from(2)));
    assert!(place.does(&["ledger", "index"]).contains("2 entries are in their lists"));

    let file = place.host.workdir().dir.join("ledger.jsonl");
    place.does(&["ledger", "export", "--out", "ledger.jsonl"]);
    let good = fs::read_to_string(&file).unwrap();
    assert_eq!(place.does(&["ledger", "export"]), good);
    place.does(&["ledger", "verify", "ledger.jsonl"]);
    let vkey = found["vkey"].as_str().unwrap();
    place.does(&["ledger", "verify", "ledger.jsonl", "--vkey", vkey]);

    fs::write(&file, good.replacen("started", "stopped", 2).replacen("stopped", "started", 1)).unwrap();
    place.fails(&["ledger", "verify", "ledger.jsonl"], 1, &["ledger.jsonl", "entry 1 (line 3)"]);
    let half = good.rsplit_once("{\"checkpoint\"").unwrap().0;
    fs::write(&file, half).unwrap();
    place.fails(&["ledger", "verify", "ledger.jsonl"], 1, &["cut off after 2 entries"]);

    fs::write(&file, &good).unwrap();
    let other = started_twice();
    let theirs = json(&other.does(&["ledger", "verify", "--output", "json"]));
    let theirs = theirs["vkey"].as_str().unwrap();
    place.fails(&["ledger", "verify", "ledger.jsonl", "--vkey", theirs], 1, &["you trust"]);
    place.fails(&["ledger", "verify", "ledger.jsonl", "--vkey", "x"], 1, &["--vkey", "hint: "]);
}

#[test]
fn a_ledger_is_held_against_the_checkpoints_that_were_kept() {
    let mut place = started_twice();
    place.does(&["ledger", "export", "--out", "ledger.jsonl"]);
    let footer = fs::read_to_string(place.host.workdir().dir.join("ledger.jsonl")).unwrap();
    let note = json(footer.lines().last().unwrap())["checkpoint"].as_str().unwrap().to_owned();
    let kept = place.host.workdir().dir.join("kept.txt");
    fs::write(&kept, format!("{note}\n{note}")).unwrap();

    let proof = json(&place.does(&["ledger", "prove", "--from", "1", "--to", "2"]));
    assert_eq!((&proof["from"], &proof["to"]), (&Value::from(1), &Value::from(2)));
    place.host.start().unwrap();
    let served = place.does(&["ledger", "verify", "--against", "kept.txt"]);
    assert!(served.contains("after each of the 2 checkpoints that you kept, of 2 to 2 entries"), "{served}");
    let proof = json(&place.does(&["ledger", "prove", "--from", "2"]));
    assert!(proof["path"].as_array().is_some_and(|path| !path.is_empty()), "{proof}");
    place.fails(&["ledger", "prove", "--from", "9"], 1, &["there is no proof from size 9"]);
    place.host.stop().unwrap();
    let found = json(&place.does(&["ledger", "verify", "--against", &note, "--output", "json"]));
    assert_eq!(found["goes_on_from"], serde_json::json!([2]));

    place.does(&["ledger", "export", "--out", "later.jsonl"]);
    place.does(&["ledger", "verify", "later.jsonl", "--against", "kept.txt"]);
    let later = fs::read_to_string(place.host.workdir().dir.join("later.jsonl")).unwrap();
    let later = json(later.lines().last().unwrap())["checkpoint"].as_str().unwrap().to_owned();
    let short = &["ledger", "verify", "ledger.jsonl", "--against", &later];
    place.fails(short, 1, &["the ledger has 2 entries, and a checkpoint of it signs 3"]);
    place.fails(&["ledger", "verify", "--against", "lost.txt"], 1, &["cannot read `lost.txt`", "hint: "]);
    place.fails(&["ledger", "prove"], 2, &["<INDEX>"]);
    place.fails(&["ledger", "prove", "1", "--from", "1"], 2, &["cannot be used with"]);
    let nobody = "01980000-7a10-7c3e-9d2b-5f0e6a1b2c3d";
    place.fails(&["attest", nobody], 1, &["there is no request"]);
}

#[test]
fn a_running_server_is_asked() {
    let mut place = started_twice();
    place.host.start().unwrap();
    let found = place.does(&["ledger", "verify"]);
    assert!(found.contains("3 entries") && found.contains("the running server"), "{found}");
    let proof = json(&place.does(&["ledger", "prove", "1"]));
    assert_eq!(proof["index"], 1);
    assert!(place.does(&["ledger", "export"]).contains("\"checkpoint\""));
    place.fails(&["ledger", "prove", "99"], 1, &["there is no entry 99"]);
    place.fails(&["replay", "0"], 1, &["entry 0 is `started`"]);
    place.fails(&["store", "export"], 1, &["in use by another process"]);
    place.fails(&["serve"], 1, &["in use by another process (pid "]);

    let port = place.host.workdir().admin_port;
    let (status, ready) = http::get(port, "/readyz").unwrap();
    assert_eq!((status, &json(&ready)["ready"]), (200, &Value::Bool(true)));
    assert_eq!(http::get(port, "/livez").unwrap().0, 200);
    assert!(http::get(port, "/metrics").unwrap().1.ends_with("# EOF\n"));
    let nobody = "01980000-7a10-7c3e-9d2b-5f0e6a1b2c3d";
    place.fails(&["attest", nobody], 1, &["there is no request"]);
    let attest = format!("/operator/attestations?request={nobody}");
    for path in [
        "/operator/ledger/export",
        "/operator/ledger/proof?index=0",
        "/operator/ledger/consistency?from=0",
        "/operator/replay?what=0",
        &attest,
    ] {
        assert_eq!(http::get(port, path).unwrap().0, 401, "{path}");
    }
    let key = place.host.workdir().dir.join("operator.key");
    fs::remove_file(&key).unwrap();
    place.fails(&["ledger", "verify"], 1, &["operator.key", "the running server is asked"]);
    place.host.stop().unwrap();
}

#[test]
fn a_store_moves_with_its_ledger() {
    let place = started_twice();
    assert!(place.does(&["store", "info"]).contains("bytes on disk"));
    place.does(&["store", "export", "--out", "store.jsonl"]);
    place.fails(&["store", "import", "store.jsonl"], 1, &["not empty"]);
    let config = place.host.workdir().config();
    let text = fs::read_to_string(&config).unwrap();
    fs::write(&config, text.replace("sled:./data", "sled:./moved")).unwrap();
    place.does(&["store", "import", "store.jsonl"]);
    assert!(place.does(&["ledger", "verify"]).contains("2 entries"));
}
