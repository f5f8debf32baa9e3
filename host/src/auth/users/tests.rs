use countersign_core::time::Millis;
use proptest::prelude::*;

use super::*;
use crate::clock::ManualClock;

fn clock() -> ManualClock {
    ManualClock::at(Millis::new(1_795_339_003_000))
}

fn person(name: &str) -> NewUser<'_> {
    NewUser { name, machine: false, groups: &[], password: None }
}

fn users_file() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("users.toml");
    (dir, path)
}

#[test]
fn what_is_written_is_read_again() {
    let (_dir, path) = users_file();
    let groups = ["model-risk".to_owned()];
    let ana = NewUser { name: "ana", machine: false, groups: &groups, password: Some("correct horse") };
    Users::edit(&path, |users| users.add(ana, &clock())).unwrap();
    Users::edit(&path, |users| users.add(NewUser { machine: true, ..person("ci") }, &clock())).unwrap();
    let token = Users::edit(&path, |users| users.issue_token("ci", "nightly", &clock())).unwrap();

    let users = Users::load(&path).unwrap();
    let ana = users.by_name("ANA").unwrap();
    assert!(passwords::verify("correct horse", ana.password.as_ref().unwrap()));
    assert_eq!(ana.groups, groups);
    assert_eq!(ana.id.as_str().len(), 18);
    assert_eq!(users.by_token(&token).map(|user| (user.name.as_str(), user.machine)), Some(("ci", true)));
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(!text.contains(&token.to_string()), "the file keeps no secret");
}

#[cfg(unix)]
#[test]
fn only_the_owner_reads_it() {
    use std::os::unix::fs::PermissionsExt as _;
    let (_dir, path) = users_file();
    Users::edit(&path, |users| users.add(person("ana"), &clock())).unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_failed_change_writes_nothing() {
    let (_dir, path) = users_file();
    Users::edit(&path, |users| users.add(person("ana"), &clock())).unwrap();
    let before = std::fs::read(&path).unwrap();
    let error = Users::edit(&path, |users| {
        users.remove("ana")?;
        users.add(person("no good"), &clock())
    });
    assert!(matches!(error, Err(UsersError::Name { .. })));
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[test]
fn a_removed_users_id_is_not_used_again() {
    let mut users = Users::default();
    let first = users.add(person("ana"), &clock()).unwrap();
    assert!(matches!(users.add(person("Ana"), &clock()), Err(UsersError::Taken(_))));
    users.remove("ana").unwrap();
    assert_ne!(users.add(person("ana"), &clock()).unwrap(), first);
}

#[test]
fn tokens_are_revoked_by_id_and_by_their_printed_form() {
    let mut users = Users::default();
    users.add(person("ana"), &clock()).unwrap();
    let (first, second) =
        (users.issue_token("ana", "a", &clock()).unwrap(), users.issue_token("ana", "b", &clock()).unwrap());
    users.revoke_token(&first.id).unwrap();
    assert!(users.by_token(&first).is_none());
    assert!(users.by_token(&second).is_some());
    users.revoke_token(&second.to_string()).unwrap();
    assert!(matches!(users.revoke_token(&second.id), Err(UsersError::NoToken(_))));
}

#[test]
fn a_token_with_anothers_id_is_refused() {
    let mut users = Users::default();
    users.add(person("ana"), &clock()).unwrap();
    let real = users.issue_token("ana", "a", &clock()).unwrap();
    let mut forged = Token::fresh(&clock()).unwrap();
    forged.id.clone_from(&real.id);
    assert!(users.by_token(&forged).is_none());
}

fn check_error(text: &str, line: usize, says: &str) {
    match file::parse(text, Path::new("users.toml")) {
        Err(UsersError::Invalid { line: at, message, .. }) => {
            assert_eq!(at, line, "{message}");
            assert!(message.contains(says), "{message}");
        }
        other => panic!("{text}: {other:?}"),
    }
}

#[test]
fn errors_name_the_line() {
    check_error("format = 2\n", 1, "format 2 is not known");
    check_error("format = 1\n[[user]]\nname = 3\n", 3, "invalid type");
    check_error("format = 1\nusers = []\n", 2, "unknown field");
    let user =
        |id: &str, name: &str| format!("\n[[user]]\nid = \"{id}\"\nname = \"{name}\"\ncreated = \"2026\"\n");
    check_error(&format!("format = 1\n{}{}", user("p_a", "ana"), user("p_b", "Ana")), 8, "two users");
    check_error(&format!("format = 1\n{}{}", user("p_a", "ana"), user("p_a", "bo")), 8, "ids are unique");
    check_error(&format!("format = 1\n{}", user("p_a", "a:b")), 3, "not a user name");
    check_error(&format!("format = 1\n{}password = \"hunter2\"\n", user("p_a", "ana")), 3, "argon2id");
}

proptest! {
    #[test]
    fn a_name_that_passes_survives_basic_and_toml(name in ".{0,70}") {
        let mut users = Users::default();
        if users.add(person(&name), &clock()).is_ok() {
            prop_assert!(!name.contains(':') && name.is_ascii() && name.len() <= 64);
            prop_assert!(users.by_name(&name).is_some());
        }
    }

    #[test]
    fn any_bytes_parse_or_give_a_line(text in ".{0,200}") {
        match file::parse(&text, Path::new("users.toml")) {
            Err(UsersError::Invalid { line, .. }) => prop_assert!(line <= text.lines().count() + 1),
            other => prop_assert!(other.is_ok()),
        }
    }
}
