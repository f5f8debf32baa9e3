//! A policy held against its cases, and history held against a policy.

use std::fs;

use countersign_tests::workdir;
use serde_json::Value;

use super::Place;

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// A folder with the policy and cases of a preset.
fn preset(name: &str) -> Place {
    let place = Place::new();
    fs::remove_file(place.host.workdir().policy()).unwrap();
    place.does(&["policy", "init", "--preset", name]);
    place
}

#[test]
fn presets_come_with_cases_that_hold() {
    for name in ["bank", "startup"] {
        let said = preset(name).does(&["policy", "test"]);
        assert!(said.contains("policy.tests.toml") && said.contains("as expected, 0 not"), "{said}");
        assert!(!said.contains("FAIL"), "{said}");
    }
    preset("bank").fails(&["policy", "init"], 1, &["policy.tests.toml", "is there already"]);
}

#[test]
fn a_case_that_fails_ends_with_1_and_one_that_cannot_be_read_with_2() {
    let place = preset("startup");
    let cases = place.host.workdir().dir.join("policy.tests.toml");
    let good = fs::read_to_string(&cases).unwrap();
    fs::write(&cases, good.replacen("decision = \"hold\"", "decision = \"allow\"", 1)).unwrap();
    let output = place.run(&["policy", "test"]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    for words in ["FAIL", "expected allow, got hold", "Waiting for", "gate `production`"] {
        assert!(output.stdout.contains(words), "{words}: {}", output.stdout);
    }
    assert!(output.stderr.contains("1 of 6 cases do not come out"), "{}", output.stderr);
    let told = place.run(&["policy", "test", "--output", "json", "--only", "classified"]);
    let told = json(&told.stdout);
    assert_eq!(
        (&told["failed"], &told["cases"][0]["wrong"][0]["got"]),
        (&Value::from(1), &Value::from("hold"))
    );
    fs::write(&cases, good.replacen("requester", "requestor", 1)).unwrap();
    place.fails(&["policy", "test"], 2, &["policy.tests.toml:5:1", "`requestor`", "`requester`"]);
    place.fails(&["policy", "test", "nowhere.toml"], 2, &["nowhere.toml"]);
    fs::remove_file(&cases).unwrap();
    place.fails(&["policy", "test"], 2, &["no cases lie next to", "policy/tests/*.toml", "hint: "]);
}

#[test]
fn the_policy_of_the_demo_decides_what_its_cases_say() {
    let place = Place::new();
    fs::write(place.host.workdir().policy(), workdir::story_policy().unwrap()).unwrap();
    fs::write(place.host.workdir().dir.join("policy.tests.toml"), workdir::STORY_CASES).unwrap();
    assert!(place.does(&["policy", "test"]).contains("as expected, 0 not"));
}

#[test]
fn history_is_decided_again_at_rest_and_by_the_server() {
    let mut place = Place::new();
    place.does(&["user", "add", "ruth"]);
    place.fails(&["policy", "backtest", "policy.toml"], 1, &["there is no store"]);
    place.host.start().unwrap();
    let served = json(&place.does(&["policy", "backtest", "policy.toml", "--output", "json"]));
    place.host.stop().unwrap();
    assert_eq!(served["decisions"], 0);
    let at_rest = json(&place.does(&["policy", "backtest", "policy.toml", "--output", "json"]));
    assert_eq!(at_rest, served);
    let said = place.does(&["policy", "backtest", "policy.toml", "--since", "2026-01-01"]);
    assert!(said.contains("0 recorded decisions since 2026-01-01T00:00:00Z"), "{said}");
    place.fails(&["policy", "backtest", "nowhere.toml"], 2, &["nowhere.toml"]);
    place.fails(&["policy", "backtest", "policy.toml", "--since", "soon"], 2, &["soon"]);
}

#[test]
fn a_person_has_the_policy_taken_up_and_the_history_names_them() {
    let mut place = Place::new();
    let (config, policy) = (place.host.workdir().config(), place.host.workdir().policy());
    let text = fs::read_to_string(&config).unwrap();
    let file = "file = \"./policy.toml\"";
    // Otherwise the server may have it before anybody asks.
    fs::write(&config, text.replacen(file, &format!("{file}\nwatch = false"), 1)).unwrap();
    let good =
        fs::read_to_string(&policy).unwrap() + "\n[[seat]]\nname = \"administrator\"\nmembers = [\"ada\"]\n";
    fs::write(&policy, &good).unwrap();
    let [ada, ruth] =
        ["ada", "ruth"].map(|name| place.host.add_user(name, Some("reads every report")).unwrap());
    place.host.start().unwrap();
    let run = |arguments: &[&str], token: &str| place.host.command(arguments, Some(token)).unwrap();

    place.fails(&["policy", "reload"], 1, &["no token says who you are"]);
    let refused = run(&["policy", "reload"], &ruth);
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    assert!(refused.stderr.contains("only a person in the seat `administrator`"), "{}", refused.stderr);

    fs::write(&policy, good.replacen("mode =", "mood =", 1).replacen("models =", "model =", 1)).unwrap();
    let (checked, asked) = (run(&["policy", "check"], &ada), run(&["policy", "reload"], &ada));
    assert_eq!((asked.status.code(), &asked.stderr), (Some(1), &checked.stderr), "what `check` says");
    assert!(asked.stderr.contains("`mood`") && asked.stderr.contains("`model`"), "{}", asked.stderr);

    fs::write(&policy, format!("{good}veto = true\n")).unwrap();
    let loaded = json(&run(&["policy", "reload", "--output", "json"], &ada).stdout);
    assert_eq!(loaded["changed"], true, "{loaded}");
    assert!(run(&["policy", "reload"], &ada).stdout.starts_with("unchanged: sha256:"));

    let history = json(&run(&["policy", "history", "--output", "json"], &ruth).stdout);
    let newest = &history["policies"][0];
    assert_eq!((&newest["policy"], &newest["previous"]), (&loaded["policy"], &loaded["previous"]));
    assert_eq!((&newest["index"], &newest["by"]["cause"]), (&loaded["entry"], &Value::from("command")));
    assert_eq!(history["names"][newest["by"]["person"].as_str().unwrap()], "ada");
    assert_eq!(history["policies"].as_array().unwrap().len(), 2, "{history}");
    let told = run(&["policy", "history", "--limit", "1"], &ruth).stdout;
    assert!(told.starts_with("ENTRY") && told.contains("ada") && told.contains("--before"), "{told}");
    let csv = run(&["policy", "history", "--csv"], &ruth).stdout;
    assert!(
        csv.starts_with("entry,at,policy,previous,cause,person") && csv.contains(",command,ada,"),
        "{csv}"
    );
}
