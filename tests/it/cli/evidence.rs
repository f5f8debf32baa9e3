//! Evidence files: verified where there is nothing but the binary and the file; what cannot be made or read is said.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use countersign_tests::run::Output;
use countersign_tests::{paths, run};
use serde_json::Value;

use super::Place;

const ID: &str = "01980000-0000-7000-8000-000000000000";

fn fixture() -> PathBuf {
    paths::root().join("tests/fixtures/formats/evidence.v1.jsonl")
}

/// In an empty folder that is the home, too, with no environment.
fn alone(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(paths::countersign());
    command.args(arguments).current_dir(folder).env_clear().env("HOME", folder);
    run::capture(&mut command).unwrap()
}

#[test]
fn a_file_is_enough() {
    let folder = tempfile::tempdir().unwrap();
    let file = fixture().display().to_string();
    let found = alone(folder.path(), &["evidence", "verify", &file]);
    assert!(found.status.success(), "{found:?}");
    for words in [
        "asked",
        "champion",
        "same bytes",
        "2 decisions made again",
        "proved",
        "asserted",
        "two-person",
        "--vkey",
    ] {
        assert!(found.stdout.contains(words), "`{words}`: {}", found.stdout);
    }
    let found = alone(folder.path(), &["evidence", "verify", &file, "--output", "json"]);
    let report: Value = serde_json::from_str(&found.stdout).unwrap();
    assert_eq!((&report["holds"], &report["complete"]), (&Value::Bool(true), &Value::Bool(true)));
    let vkey = report["vkey"].as_str().unwrap();
    let found = alone(folder.path(), &["evidence", "verify", &file, "--vkey", vkey, "--no-replay"]);
    assert!(found.status.success() && !found.stdout.contains("--vkey"), "{found:?}");
    assert!(!found.stdout.contains("same bytes"), "{}", found.stdout);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is left behind");
}

#[test]
fn what_does_not_hold_is_named() {
    let place = Place::new();
    let verify = |text: &str, says: &[&str]| {
        fs::write(place.host.workdir().dir.join("evidence.jsonl"), text).unwrap();
        place.fails(&["evidence", "verify", "evidence.jsonl"], 1, says);
    };
    let good = fs::read_to_string(fixture()).unwrap();
    verify("", &["`evidence.jsonl` does not hold", "header (line 1)"]);
    verify("{}\n", &["header (line 1)", "no line of an evidence file"]);
    verify(
        &good.replacen("omar", "otto", 1),
        &["entry ", "its proof does not lead to the checkpoint's root"],
    );
    let half: String = good.lines().take(6).map(|line| format!("{line}\n")).collect();
    verify(&half, &["end (line 7)", "cut off after 6 lines"]);
    let file = fixture().display().to_string();
    place.fails(&["evidence", "verify", "absent.jsonl"], 1, &["absent.jsonl", "cannot be read"]);
    place.fails(&["evidence", "verify", &file, "--vkey", "x"], 1, &["--vkey", "hint: "]);
    let theirs = "other.example+b08a1b52+AYrje6nlvwO5mAF7c1K7JBhCvJ7NSDdlI4XNQA4CWzsl";
    place.fails(&["evidence", "verify", &file, "--vkey", theirs], 1, &[]);
    place.fails(&["evidence", "export", "yesterday"], 2, &["invalid value 'yesterday'"]);
    place.fails(&["evidence", "export", ID], 1, &["there is no store"]);
}

#[test]
fn there_is_a_file_of_each_request_and_of_nothing_else() {
    let mut place = Place::new();
    place.does(&["user", "add", "ruth"]);
    place.host.start().unwrap();
    place.fails(&["evidence", "export", ID, "-o", "e.jsonl"], 1, &["there is no request"]);
    let (status, _) = countersign_tests::http::get(
        place.host.workdir().admin_port,
        &format!("/operator/evidence?request={ID}"),
    )
    .unwrap();
    assert_eq!(status, 401);
    place.host.stop().unwrap();
    place.fails(&["evidence", "export", ID, "-o", "e.jsonl"], 1, &["there is no request"]);
    let left = fs::read_dir(&place.host.workdir().dir).unwrap().map(|entry| entry.unwrap().file_name());
    let left: Vec<_> = left.filter(|name| name.to_string_lossy().starts_with("e.")).collect();
    assert!(left.is_empty(), "{left:?}");
}
