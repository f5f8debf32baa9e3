use std::collections::BTreeMap;

use expect_test::expect;

use super::*;
use crate::facts::{ModelFacts, Subject, VersionFacts};
use crate::names::{Stage, Version};
use crate::time::Millis;

const POLICY: &str = include_str!("../parse/tests/good.toml");

fn facts(risk: &str) -> Facts {
    let subject = Subject {
        workspace: "default".into(),
        model: "credit".into(),
        version: Version::new(7),
        created: Millis::new(0),
        source: "models:/m-1".to_owned(),
        manifest: None,
    };
    let version = VersionFacts {
        subject,
        description: None,
        stage: Stage::None,
        status: "READY".to_owned(),
        tags: BTreeMap::new(),
        aliases: Vec::new(),
        run: None,
        logged_model: None,
        metrics: Vec::new(),
        files: Vec::new(),
        mlmodel: None,
        missing: Vec::new(),
    };
    let tags = BTreeMap::from([("risk".to_owned(), risk.to_owned())]);
    Facts {
        taken_at: Millis::new(0),
        version,
        model: ModelFacts { description: None, tags, aliases: BTreeMap::new() },
    }
}

fn explain(risk: &str, alias: &str) -> String {
    let policy = Policy::parse("policy.toml", POLICY).unwrap();
    let action = Action::SetAlias { model: "credit".into(), alias: alias.into(), version: Version::new(7) };
    policy.explain(&action, &facts(risk), &Holdings::none()).to_string()
}

#[test]
fn explanations() {
    expect![[""]].assert_eq(&explain("high", "champion"));
    expect![[""]].assert_eq(&explain("low", "prod-eu"));
    expect![[""]].assert_eq(&explain("high", "dev"));
    expect![[""]].assert_eq(&explain("high", "ch\u{430}mpion"));
}

#[test]
fn summary() {
    let policy = Policy::parse("policy.toml", POLICY).unwrap();
    expect![[""]].assert_eq(&policy.summary().to_string());
}

#[test]
fn a_gate_that_asks_for_nothing_is_remarked_upon() {
    let text = "[[tier]]\nname = \"t\"\n[[gate]]\nname = \"g\"\nmode = \"enforce\"\nmodels = [\"*\"]\n\
                guards = [{ alias = \"a\" }]\n";
    let policy = Policy::parse("policy.toml", text).unwrap();
    assert_eq!(
        policy.summary().remarks,
        ["gate `g` asks for nothing, so that it records and allows every promotion"]
    );
}
