use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::*;
use crate::action::{ArtifactPlace, FileWrite, Registration};

const POLICY: &str = include_str!("tests/policy.toml");

fn policy() -> Policy {
    Policy::parse("policy.toml", POLICY).unwrap()
}

fn held(model: &str, version: u32, aliases: &[&str], stage: Stage) -> Held {
    let aliases = aliases.iter().map(|alias| Alias::new(*alias)).collect();
    Held { model: model.into(), version: Version::new(version), aliases, stage }
}

/// One version in production, one in staging, one with an alias, one that only an ungoverned alias points to.
fn holdings() -> Holdings {
    Holdings::Known(vec![
        held("credit", 1, &[], Stage::Production),
        held("credit", 2, &[], Stage::Staging),
        held("credit", 3, &["dev", "Champion"], Stage::None),
        held("credit", 4, &["dev2"], Stage::None),
    ])
}

fn registration(model: &str, tags: &[(&str, &str)]) -> Action {
    let tags = tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    let source = "models:/credit/4".to_owned();
    Action::RegisterVersion(Registration { model: model.into(), source, run_id: None, model_id: None, tags })
}

fn set_alias(model: &str, alias: &str) -> Action {
    Action::SetAlias { model: model.into(), alias: alias.into(), version: Version::new(4) }
}

fn transition(version: u32, stage: Stage) -> Action {
    let version = Version::new(version);
    Action::TransitionStage { model: "credit".into(), version, stage, archive_existing: false }
}

fn rename(model: &str, new_name: &str) -> Action {
    Action::RenameModel { model: model.into(), new_name: new_name.into() }
}

fn tag(key: &str) -> Action {
    let version = Version::new(4);
    Action::SetVersionTag { model: "credit".into(), version, key: key.to_owned(), value: String::new() }
}

#[expect(clippy::needless_pass_by_value, reason = "arguments are written in place")]
fn check_with(holdings: &Holdings, action: Action, expect: Expect) {
    let policy = policy();
    let governance = policy.governs(&action, holdings);
    let refused = if governance.refuses() { "refused: " } else { "" };
    expect.assert_eq(&format!("{refused}{governance}"));
}

fn check(action: Action, expect: Expect) {
    check_with(&holdings(), action, expect);
}

#[test]
fn aliases() {
    check(set_alias("credit", "dev"), expect!["no gate guards this"]);
    check(set_alias("credit", "champion"), expect!["gate `production` (enforce) guards alias `champion`"]);
    check(set_alias("credit", "CHAMPION"), expect!["gate `production` (enforce) guards alias `champion`"]);
    check(set_alias("credit", "champion\n"), expect!["gate `production` (enforce) guards alias `champion`"]);
    check(set_alias("credit", "ｃｈａｍｐｉｏｎ"), expect!["gate `production` (enforce) guards alias `champion`"]);
    check(set_alias("credit", "prod-eu"), expect!["gate `production` (enforce) guards alias `prod-*`"]);
    check(set_alias("credit", "ch\u{430}mpion"), expect!["refused: `chаmpion` looks like `champion`, which gate `production` governs, but is spelled with other characters (`а` U+0430): use the governed name, or choose one that cannot be mistaken for it"]);
    check(set_alias("other", "champion"), expect!["no gate guards this"]);
    check(set_alias("cr\u{435}dit", "champion"), expect!["refused: `crеdit` looks like `credit`, which gate `production` governs, but is spelled with other characters (`е` U+0435): use the governed name, or choose one that cannot be mistaken for it"]);
    check(set_alias("cr\u{435}dit", "dev"), expect!["no gate guards this"]);
    let delete = |alias: &str| Action::DeleteAlias { model: "credit".into(), alias: alias.into() };
    check(delete("champion"), expect!["refused: gate `production` protects this: alias `champion` is guarded and deleting it would withdraw a promoted version without a review: promote another version to `champion` instead"]);
    check(delete("dev"), expect!["no gate guards this"]);
}

#[test]
fn stages() {
    check(transition(4, Stage::Production), expect!["gate `production` (enforce) guards stage `Production`"]);
    check(transition(4, Stage::Staging), expect!["gate `staging` (monitor) guards stage `Staging`"]);
    check(transition(1, Stage::Archived), expect!["refused: gate `production` protects this: version 1 is in the guarded stage `Production` and may not leave it without a review: promote another version with `archive_existing_versions` instead"]);
    check(transition(1, Stage::Staging), expect!["refused: gate `production` protects this: version 1 is in the guarded stage `Production` and may not leave it without a review: promote another version with `archive_existing_versions` instead"]);
    check(transition(2, Stage::Archived), expect!["gate `staging` protects this: version 2 is in the guarded stage `Staging` and may not leave it without a review: promote another version with `archive_existing_versions` instead"]);
    check(transition(1, Stage::Production), expect!["gate `production` (enforce) guards stage `Production`"]);
}

#[test]
fn registrations() {
    check(registration("credit", &[]), expect!["no gate guards this"]);
    check(registration("prod.credit", &[]), expect!["gate `production` (enforce) guards registration into `prod.*`"]);
    check(registration("PROD.credit", &[]), expect!["gate `production` (enforce) guards registration into `prod.*`"]);
    check(registration("\u{440}rod.credit", &[]), expect!["refused: `рrod.credit` looks like `prod.*`, which gate `production` governs, but is spelled with other characters (`р` U+0440): use the governed name, or choose one that cannot be mistaken for it"]);
    check(registration("credit", &[("countersign.state", "approved")]), expect!["refused: gate `production` protects this: tag `countersign.state` belongs to Countersign, which alone writes `countersign.*`: use another name"]);
}

#[test]
fn models() {
    let create =
        |model: &str| Action::CreateModel { model: model.into(), tags: std::iter::empty().collect() };
    check(create("prod.new"), expect!["no gate guards this"]);
    check(create("cr\u{435}dit"), expect!["refused: `crеdit` looks like `credit`, which gate `production` governs, but is spelled with other characters (`е` U+0435): use the governed name, or choose one that cannot be mistaken for it"]);
    check(rename("credit", "old-credit"), expect!["refused: gate `production` protects this: version 1 of `credit` holds the guarded stage `Production`, and what was reviewed must stay as it was: promote another version first, then try again"]);
    check(rename("other", "prod.other"), expect!["refused: gate `production` protects this: renaming to `prod.other` would bring versions in past the gate: register them as new versions of `prod.other` instead, for instance with MLflow's `copy_model_version`"]);
    check(rename("prod.credit", "credit-2"), expect!["refused: gate `production` protects this: the versions of `prod.credit` were registered through this gate and must stay as they were: register a new version instead"]);
    let other = Holdings::Known(vec![held("other", 1, &["champion"], Stage::None)]);
    check_with(&other, rename("other", "credit"), expect!["refused: gate `production` protects this: renaming to `credit` would bring versions in past the gate: register them as new versions of `credit` instead, for instance with MLflow's `copy_model_version`"]);
    check_with(&other, rename("other", "another"), expect!["no gate guards this"]);
    check(Action::DeleteModel { model: "credit".into() }, expect!["refused: gate `production` protects this: version 1 of `credit` holds the guarded stage `Production`, and what was reviewed must stay as it was: promote another version first, then try again"]);
    check(Action::DeleteModel { model: "prod.credit".into() }, expect!["refused: gate `production` protects this: the versions of `prod.credit` were registered through this gate and must stay as they were: register a new version instead"]);
    check(Action::DeleteModel { model: "other".into() }, expect!["no gate guards this"]);
    let delete = |version| Action::DeleteVersion { model: "credit".into(), version: Version::new(version) };
    check(delete(3), expect!["refused: gate `production` protects this: version 3 of `credit` holds the guarded alias `Champion`, and what was reviewed must stay as it was: promote another version first, then try again"]);
    check(delete(4), expect!["no gate guards this"]);
}

#[test]
fn tags() {
    check(tag("validated"), expect!["no gate guards this"]);
    check(tag("countersign.state"), expect!["refused: gate `production` protects this: tag `countersign.state` belongs to Countersign, which alone writes `countersign.*`: use another name"]);
    check(tag("Countersign.State"), expect!["refused: gate `production` protects this: tag `Countersign.State` belongs to Countersign, which alone writes `countersign.*`: use another name"]);
    check(tag("c\u{43e}untersign.state"), expect!["refused: gate `production` protects this: tag `cоuntersign.state` belongs to Countersign, which alone writes `countersign.*`: use another name"]);
    check(tag("mlflow.prompt.is_prompt"), expect!["refused: gate `production` protects this: tag `mlflow.prompt.is_prompt` would hide a governed model from the registry: leave it as it is"]);
}

#[test]
fn artifacts() {
    let place = || ArtifactPlace::Root { path: "1/models/m-1".to_owned() };
    let write = || Action::WriteArtifact { place: place(), how: FileWrite::Write };
    let presign = Action::WriteArtifact { place: place(), how: FileWrite::Presign };
    check(presign, expect!["refused: gate `production` protects this: version 1 of `credit` holds the guarded stage `Production`, and a presigned URL would let its holder change its files where nobody sees it: upload them through Countersign instead"]);
    check(write(), expect!["refused: gate `production` protects this: version 1 of `credit` holds the guarded stage `Production`, and what was reviewed must stay as it was: promote another version first, then try again"]);
    check_with(&Holdings::Known(vec![held("credit", 4, &["dev2"], Stage::None)]), write(), expect!["no gate guards this"]);
    check_with(&Holdings::Known(vec![held("prod.credit", 1, &[], Stage::None)]), write(), expect!["refused: gate `production` protects this: the versions of `prod.credit` were registered through this gate and must stay as they were: register a new version instead"]);
    check_with(&Holdings::none(), write(), expect!["no gate guards this"]);
}

#[test]
fn what_is_not_known_is_not_none() {
    let unknown = Holdings::Unknown("MLflow did not answer within 5s".to_owned());
    check_with(&unknown, Action::DeleteModel { model: "credit".into() }, expect!["refused: gate `production` protects this: it is not known whether this touches a promoted version, because MLflow did not answer within 5s: try again when the registry can be read"]);
    check_with(&unknown, transition(1, Stage::Archived), expect!["refused: gate `production` protects this: it is not known whether this touches a promoted version, because MLflow did not answer within 5s: try again when the registry can be read"]);
    check_with(&unknown, set_alias("credit", "dev"), expect!["no gate guards this"]);
}

#[test]
fn changes_of_what_is_promoted_ask_the_people_where_there_are_any() {
    let text = format!("[[seat]]\nname = \"risk\"\nmembers = [\"ruth\"]\n{POLICY}\n  [gate.approvals.default]\n  seats = {{ risk = 1 }}\n");
    let policy = Policy::parse("policy.toml", &text).unwrap();
    let asked = |action: &Action, holdings: &Holdings| match policy.governs(action, holdings) {
        Governance::Gates(gates) => gates.first().and_then(|found| found.changes.first()).map(|(_, v)| v.get()),
        _ => None,
    };
    let delete = |alias: &str| Action::DeleteAlias { model: "credit".into(), alias: alias.into() };
    let version = |version| Action::DeleteVersion { model: "credit".into(), version: Version::new(version) };
    let model = || Action::DeleteModel { model: "credit".into() };
    for (action, expect) in [
        (delete("champion"), Some(3)),
        (delete("prod-eu"), None),
        (transition(1, Stage::Archived), Some(1)),
        (version(3), Some(3)),
        (version(4), None),
        (model(), Some(1)),
        (rename("credit", "other"), Some(1)),
        (rename("credit", "prod.other"), None),
        (Action::DeleteModel { model: "prod.credit".into() }, None),
        (tag("countersign.state"), None),
    ] {
        assert_eq!(asked(&action, &holdings()), expect, "{action:?}");
        let unknown = Holdings::Unknown("down".to_owned());
        assert_eq!(asked(&action, &unknown), None, "{action:?}");
    }
    for action in [model(), delete("champion"), delete("prod-eu")] {
        assert!(policy.governs(&action, &Holdings::Unknown("down".to_owned())).refuses(), "{action:?}");
    }
}

/// The versions that are judged, each as its number; `None`: it is refused.
fn touched(changes: &str, action: &Action) -> Option<Vec<u32>> {
    let people = "[[seat]]\nname = \"risk\"\nmembers = [\"ruth\"]\n";
    let approvals = "\n  [gate.approvals.default]\n  seats = { risk = 1 }\n";
    let guards = POLICY.replace("\"monitor\"", "\"off\"");
    let text = format!("{people}{guards}\nchanges = {{ {changes} }}\n{approvals}");
    let policy = Policy::parse("policy.toml", &text).unwrap();
    match policy.governs(action, &holdings()) {
        Governance::Gates(gates) => Some(gates.iter().flat_map(|found| &found.changes).map(|(_, v)| v.get()).collect()),
        said if said.refuses() => None,
        _ => Some(Vec::new()),
    }
}

#[test]
fn what_is_said_is_asked_for_where_the_gate_says_so() {
    let version = Version::new(3);
    let model = || ModelName::from("credit");
    let (key, value) = (|| "risk".to_owned(), String::new());
    let other = Action::DeleteVersionTag { model: model(), version: Version::new(4), key: key() };
    for (what, action, all) in [
        ("tags", Action::DeleteVersionTag { model: model(), version, key: key() }, vec![3]),
        ("description", Action::UpdateVersion { model: model(), version, description: None }, vec![3]),
        ("model_tags", Action::SetModelTag { model: model(), key: key(), value }, vec![1, 3]),
        ("model_description", Action::UpdateModel { model: model(), description: None }, vec![1, 3]),
    ] {
        assert_eq!(touched("", &action), Some(vec![]), "{what}");
        assert_eq!(touched(&format!("{what} = \"allow\""), &action), Some(vec![]), "{what}");
        assert_eq!(touched(&format!("{what} = \"hold\""), &action), Some(all), "{what}");
        assert_eq!(touched(&format!("{what} = \"refuse\""), &action), None, "{what}");
        assert_eq!(touched(&format!("{what} = \"hold\""), &other), Some(vec![]), "{what}");
    }
}

#[test]
fn whoever_changes_a_whole_model_or_a_folder_is_judged_by_all_that_it_holds() {
    let place = ArtifactPlace::Root { path: "1/r".to_owned() };
    let write = |how| Action::WriteArtifact { place: place.clone(), how };
    assert_eq!(touched("", &Action::DeleteModel { model: "credit".into() }), Some(vec![1, 3]));
    assert_eq!(touched("", &rename("credit", "other")), Some(vec![1, 3]));
    assert_eq!(touched("", &write(FileWrite::Write)), Some(vec![1, 3]));
    assert_eq!(touched("", &write(FileWrite::Delete)), Some(vec![1, 3]));
    assert_eq!(touched("", &write(FileWrite::Presign)), None);
    assert_eq!(touched("artifacts = \"refuse\"", &write(FileWrite::Write)), None);
    assert_eq!(touched("", &transition(1, Stage::Archived)), Some(vec![1]));
}

#[test]
fn monitoring_gates_refuse_nothing_but_our_own_tags() {
    let text = POLICY.replace("\"enforce\"", "\"monitor\"");
    let policy = Policy::parse("policy.toml", &text).unwrap();
    for action in
        [set_alias("credit", "champion"), set_alias("credit", "ch\u{430}mpion"), rename("credit", "x")]
    {
        let governance = policy.governs(&action, &holdings());
        assert!(governance != Governance::Ungoverned && !governance.refuses(), "{action:?}");
    }
    assert!(policy.governs(&tag("countersign.state"), &holdings()).refuses());
}

#[test]
fn gates_that_are_off_say_nothing() {
    let text = POLICY.replace("\"enforce\"", "\"off\"").replace("\"monitor\"", "\"off\"");
    let policy = Policy::parse("policy.toml", &text).unwrap();
    for action in [set_alias("credit", "champion"), rename("credit", "x"), tag("countersign.state")] {
        assert_eq!(policy.governs(&action, &holdings()), Governance::Ungoverned, "{action:?}");
        assert!(!policy.needs_holdings(&action));
    }
}

#[test]
fn an_operator_who_names_both_means_both() {
    let text = POLICY.replace("models = [\"credit\"", "models = [\"model1\", \"modell\", \"credit\"");
    let policy = Policy::parse("policy.toml", &text).unwrap();
    assert!(matches!(policy.governs(&set_alias("modell", "champion"), &holdings()), Governance::Gates(_)));
}

fn name() -> impl Strategy<Value = String> {
    prop_oneof!["[a-zA-Z0-9._-]{1,12}", "\\PC{1,8}", Just("champion".to_owned()), Just("prod.x".to_owned())]
}

proptest! {
    /// Turning a gate from enforce to monitor never refuses more.
    #[test]
    fn monitoring_refuses_no_more_than_enforcing(model in name(), alias in name()) {
        let monitor = Policy::parse("policy.toml", &POLICY.replace("\"enforce\"", "\"monitor\"")).unwrap();
        let action = set_alias(&model, &alias);
        let refused = monitor.governs(&action, &holdings()).refuses();
        prop_assert!(!refused || policy().governs(&action, &holdings()).refuses());
    }

    /// However an alias is spelled, it is governed as its folded form is, or refused as a look-alike.
    #[test]
    fn no_spelling_of_a_guarded_alias_is_ungoverned(mask in proptest::collection::vec(0..3_u8, 8)) {
        let spell = |(c, how): (char, &u8)| match how {
            0 => c,
            1 => c.to_ascii_uppercase(),
            _ => char::from_u32(u32::from(c) + 0xFEE0).unwrap_or(c),
        };
        let alias: String = "champion".chars().zip(&mask).map(spell).collect();
        let policy = policy();
        prop_assert!(matches!(policy.governs(&set_alias("credit", &alias), &holdings()), Governance::Gates(_)));
    }

    /// Where the policy says that it need not look at holdings, they make no difference.
    #[test]
    fn holdings_matter_only_where_they_are_asked_for(model in name(), other in name(), which in 0..6_u8) {
        let action = match which {
            0 => set_alias(&model, &other),
            1 => rename(&model, &other),
            2 => Action::DeleteModel { model: model.as_str().into() },
            3 => Action::DeleteAlias { model: model.as_str().into(), alias: other.as_str().into() },
            4 => registration(&model, &[(&other, "")]),
            _ => transition(1, Stage::Production),
        };
        let policy = policy();
        if !policy.needs_holdings(&action) {
            let unknown = Holdings::Unknown("down".to_owned());
            prop_assert_eq!(policy.governs(&action, &holdings()), policy.governs(&action, &unknown));
        }
    }

    #[test]
    fn a_pattern_agrees_with_its_definition(pattern in "[ab*]{0,6}", name in "[ab]{0,8}") {
        fn matches(pattern: &[char], name: &[char]) -> bool {
            match (pattern, name) {
                ([], []) => true,
                (['*', rest @ ..], _) => matches(rest, name) || (!name.is_empty() && matches(pattern, &name[1..])),
                ([p, rest @ ..], [n, tail @ ..]) => p == n && matches(rest, tail),
                _ => false,
            }
        }
        let chars = |text: &str| text.chars().collect::<Vec<_>>();
        prop_assert_eq!(Pattern::new(&pattern).matches(&name), matches(&chars(&pattern), &chars(&name)));
    }

    #[test]
    fn what_matches_does_not_merely_resemble(pattern in name(), other in name()) {
        let pattern = Pattern::new(&pattern);
        prop_assert!(!(pattern.matches(&other) && pattern.resembles(&other)));
    }
}
