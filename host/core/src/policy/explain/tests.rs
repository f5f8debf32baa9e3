use std::collections::BTreeMap;

use expect_test::{Expect, expect};

use super::*;
use crate::action::{ArtifactPlace, FileWrite};
use crate::facts::{ModelFacts, Subject, VersionFacts};
use crate::names::{ModelName, Stage, Version};
use crate::policy::Held;
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
        model: ModelFacts { description: None, tags, aliases: BTreeMap::new(), stages: BTreeMap::new() },
    }
}

fn explain(risk: &str, alias: &str) -> String {
    let policy = Policy::parse("policy.toml", POLICY).unwrap();
    let action = Action::SetAlias { model: "credit".into(), alias: alias.into(), version: Version::new(7) };
    policy.explain(&action, &facts(risk), &Holdings::none()).to_string()
}

#[test]
fn changes_of_what_is_promoted() {
    let policy = Policy::parse("policy.toml", POLICY).unwrap();
    let aliases = vec!["champion".into()];
    let (model, version): (ModelName, _) = ("credit".into(), Version::new(7));
    let held = Held { model: model.clone(), version, aliases, stage: Stage::None };
    let holdings = Holdings::Known(vec![held]);
    let check = |action: Action, expect: Expect| {
        expect.assert_eq(&policy.explain(&action, &facts("high"), &holdings).to_string());
    };
    check(Action::DeleteVersion { model: model.clone(), version }, expect![[r#"
        action   delete-version
        policy   gate `production` (enforce) guards alias `champion`
        tier     high, because `model.tags["risk"] == "high"` holds
          reads  model.tags["risk"] = "high"
        gate     production (enforce)
          rule   two-person (may ask for more)
          seat   legal: 1
          seat   risk: 2
          lasts  for one call
    "#]]);
    check(Action::UpdateVersion { model, version, description: None }, expect![[r#"
        action   update-version
        policy   no gate guards this
    "#]]);
    let place = ArtifactPlace::Root { path: "1/r".to_owned() };
    check(Action::WriteArtifact { place, how: FileWrite::Write }, expect![[r#"
        action   write-artifact
        policy   gate `production` (enforce) guards alias `champion`
        tier     high, because `model.tags["risk"] == "high"` holds
          reads  model.tags["risk"] = "high"
        gate     production (enforce)
          rule   two-person (may ask for more)
          seat   legal: 1
          seat   risk: 2
          lasts  15m from the first write on
    "#]]);
}

#[test]
fn explanations() {
    expect![[r#"
        action   set-alias `champion`
        policy   gate `production` (enforce) guards alias `champion`
        tier     high, because `model.tags["risk"] == "high"` holds
          reads  model.tags["risk"] = "high"
        gate     production (enforce)
          check  metric-threshold (required)
          rule   two-person (may ask for more)
          seat   legal: 1
          seat   risk: 2
          votes  wait until the findings of every required check were opened
          lasts  90d
    "#]].assert_eq(&explain("high", "champion"));
    expect![[r#"
        action   set-alias `prod-eu`
        policy   gate `production` (enforce) guards alias `prod-*`
        tier     low, because no earlier tier applies
          reads  model.tags["risk"] = "low"
        gate     production (enforce)
          check  metric-threshold (required)
          rule   two-person (may ask for more)
          seats  none
    "#]].assert_eq(&explain("low", "prod-eu"));
    expect![[r#"
        action   set-alias `dev`
        policy   no gate guards this
    "#]].assert_eq(&explain("high", "dev"));
    expect![[r#"
        action   set-alias `chаmpion`
        policy   refused: `chаmpion` looks like `champion`, which gate `production` governs, but is spelled with other characters (`а` U+0430): use the governed name, or choose one that cannot be mistaken for it
    "#]].assert_eq(&explain("high", "ch\u{430}mpion"));
}

#[test]
fn summary() {
    let policy = Policy::parse("policy.toml", POLICY).unwrap();
    expect![[r#"
        policy   sha256:35f3a161aee1f103ca93a4d9d337b61385df78fad4de071a4158b62b6019b433
        contains 2 plugins, 2 seats, 2 tiers
        gate     production (enforce): alias `champion`, alias `prod-*`, stage `Production`, registration into `prod.*` of models `*`
          later  held: delete, leave, rename, artifacts; let through: tags, description, model_tags, model_description
    "#]].assert_eq(&policy.summary().to_string());
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
