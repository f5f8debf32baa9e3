//! Users and tokens.

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};

use countersign_tests::paths;
use serde_json::Value;

use super::Place;

/// `user add NAME --password-stdin` with this on standard input: exit code and what was said.
fn add(place: &Place, name: &str, input: &str) -> (Option<i32>, String) {
    let mut command = Command::new(paths::countersign());
    command.args(["user", "add", name, "--password-stdin", "--config"]).arg(place.host.workdir().config());
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

fn users(place: &Place) -> Value {
    serde_json::from_str(&place.does(&["user", "list", "--output", "json"])).unwrap()
}

#[test]
fn people_come_and_go() {
    let place = Place::new();
    assert!(place.does(&["user", "list"]).contains("nobody yet"));
    assert_eq!(add(&place, "ruth", "correct horse battery\n").0, Some(0));
    place.does(&["user", "add", "ci-bot", "--machine"]);
    place.fails(&["user", "add", "RUTH"], 1, &["there is a user `RUTH` already"]);
    place.fails(&["user", "add", "a b"], 1, &["`a b` is not a user name"]);

    let listed = place.does(&["user", "list"]);
    assert!(listed.contains("ruth") && listed.contains("machine"), "{listed}");
    let mode = place.host.workdir().dir.join("users.toml").metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);

    place.does(&["user", "remove", "ci-bot"]);
    place.fails(&["user", "remove", "ci-bot"], 1, &["there is no user `ci-bot`", "user list"]);
    assert_eq!(users(&place)["users"].as_array().unwrap().len(), 1);
}

#[test]
fn a_password_that_cannot_be_one() {
    let place = Place::new();
    for input in ["", "\n", "short\n"] {
        let (code, said) = add(&place, "ruth", input);
        assert_eq!(code, Some(1), "{input:?}: {said}");
        assert!(said.starts_with("error: "), "{input:?}: {said}");
    }
    assert!(!place.host.workdir().dir.join("users.toml").exists(), "nobody was added");
}

#[test]
fn tokens_are_printed_once_and_revoked() {
    let place = Place::new();
    place.fails(&["token", "new", "ruth"], 1, &["there is no user `ruth`"]);
    place.does(&["user", "add", "ruth"]);
    let said = place.does(&["token", "new", "ruth", "--label", "laptop"]);
    let token = said.split_whitespace().last().unwrap().to_owned();
    assert!(token.starts_with("cs_"), "{said}");

    let listed = users(&place);
    let listed = &listed["users"][0]["tokens"][0];
    assert_eq!(listed["label"], "laptop");
    assert!(
        !place.does(&["user", "list", "--output", "json"]).contains(&token),
        "the secret is not shown again"
    );
    place.does(&["token", "revoke", listed["id"].as_str().unwrap()]);
    assert_eq!(users(&place)["users"][0]["tokens"].as_array().unwrap().len(), 0);

    let said = place.does(&["token", "new", "ruth"]);
    let token = said.split_whitespace().last().unwrap();
    let revoked = place.does(&["token", "revoke", token]);
    assert!(!revoked.contains(token), "a token is never repeated: {revoked}");
    place.fails(&["token", "revoke", token], 1, &["there is no token"]);
}
