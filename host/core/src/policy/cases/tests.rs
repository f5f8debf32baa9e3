use expect_test::{Expect, expect};

use crate::policy::Policy;

const POLICY: &str = r#"
[[plugin]]
name = "metric-threshold"
source = "file:x.wasm"
digest = "sha256:0000000000000000000000000000000000000000000000000000000000000000"
grants = ["registry"]
[[plugin]]
name = "two-person"
source = "file:y.wasm"
digest = "sha256:0000000000000000000000000000000000000000000000000000000000000000"
[[seat]]
name = "risk"
members = ["ruth", "omar"]
[[seat]]
name = "legal"
groups = ["oidc:legal"]
veto = true
[[tier]]
name = "high"
when = 'model.tags["risk"] == "high"'
[[tier]]
name = "low"
[[gate]]
name = "production"
mode = "enforce"
models = ["*"]
guards = [{ alias = "champion" }]
  [[gate.check]]
  plugin = "metric-threshold"
  required = true
  config = { metric = "auc", min = "0.85" }
  [[gate.rule]]
  plugin = "two-person"
  [gate.approvals.high]
  seats = { risk = 2, legal = 1 }
  signature = "reauthenticate"
  [gate.approvals.low]
  seats = { risk = 1 }
[[gate]]
name = "watched"
mode = "monitor"
models = ["*"]
guards = [{ alias = "champion" }]
  [gate.approvals.low]
  seats = { risk = 2 }
[waivers]
seat = "risk"
max = "30d"
[break_glass]
members = ["otto"]
lasts = "1h"
reviewed_by = "risk"
"#;

/// What comes of the cases, one line each, with what is not as expected below it.
#[expect(clippy::needless_pass_by_value, reason = "`expect!` is written in place")]
fn check(cases: &str, expect: Expect) {
    let policy = Policy::parse("policy.toml", POLICY).unwrap();
    let said = match policy.cases("policy.tests.toml", cases) {
        Err(faults) => faults.to_string(),
        Ok(cases) => {
            let lines = cases.iter().map(|case| {
                let run = case.run(&policy, None).unwrap();
                let wrong = run.wrong.iter().map(|w| format!("\n  {}: {} but {}", w.what, w.expected, w.got));
                let verdict = if run.wrong.is_empty() { "holds" } else { "fails" };
                format!("{verdict} {}:{} {}: {}{}", run.file, run.line, run.name, run.got.because, wrong.collect::<String>())
            });
            lines.collect::<Vec<_>>().join("\n")
        }
    };
    expect.assert_eq(&said);
}

/// One case with these keys, which expects that.
fn case(keys: &str, expect: &str) -> String {
    format!("[[case]]\nname = \"it\"\naction = \"alias=champion\"\n{keys}\n[case.expect]\n{expect}\n")
}

#[test]
fn a_case_that_says_little_is_a_version_that_has_little() {
    check(
        &case("", "decision = \"hold\"\ntier = \"low\"\nneeds = [\"1 signature from seat risk\"]\nseats = { risk = 1 }"),
        expect!["holds policy.tests.toml:1 it: Waiting for 1 signature from seat risk (omar, ruth)"],
    );
}

#[test]
fn what_is_not_as_expected_is_named() {
    check(
        &case(
            "checks = { metric-threshold = \"fail\" }\nfacts = { model_tags = { risk = \"high\" } }",
            "decision = \"allow\"\ntier = \"low\"\nneeds = []\nviolations = [\"other\"]\nseats = { risk = 1 }\ngates = [\"production\"]",
        ),
        expect![[r#"
            fails policy.tests.toml:1 it: The author must act: check metric-threshold failed
              decision: allow but deny
              tier: low but high
              gates: ["production"] but ["production", "watched"]
              seats: { risk = 1 } but { legal = 1, risk = 2 }
              violations: ["other"] but ["check metric-threshold failed: as the case says"]"#]],
    );
}

#[test]
fn people_sign_as_the_policy_lets_them() {
    let legal = "groups = { \"oidc:legal\" = [\"lea\"] }\nfacts = { model_tags = { risk = \"high\" } }\n";
    let by = |who: &str| format!("reviews = [{who}]");
    let risk = "{ by = \"ruth\", seat = \"risk\" }, { by = \"omar\", seat = \"risk\" }";
    let all = format!("{risk}, {{ by = \"lea\", seat = \"legal\" }}");
    let cases = [
        (by("{ by = \"ruth\", seat = \"risk\" }"), "allow"),
        (format!("requester = \"ruth\"\n{}", by("{ by = \"ruth\", seat = \"risk\" }")), "hold"),
        (by("{ by = \"ruth\", seat = \"risk\", stale = true }"), "hold"),
        (by("{ by = \"ruth\", seat = \"risk\", vote = \"reject\" }"), "deny"),
        (format!("{legal}{}", by(&all)), "allow"),
        (format!("{legal}{}", by(&all.replace("\"legal\" }", "\"legal\", signed = false }"))), "hold"),
        (format!("{legal}machines = [\"lea\"]\n{}", by(&all)), "hold"),
        (format!("judged_before = \"high\"\n{}", by("{ by = \"ruth\", seat = \"risk\" }")), "hold"),
        ("break_glass = \"otto\"".to_owned(), "allow"),
        ("break_glass = \"ruth\"".to_owned(), "hold"),
    ];
    let policy = Policy::parse("policy.toml", POLICY).unwrap();
    for (keys, decision) in cases {
        let text = case(&keys, &format!("decision = \"{decision}\""));
        let read = policy.cases("cases", &text).unwrap_or_else(|error| panic!("{error}\n{text}"));
        let run = read[0].run(&policy, None).unwrap();
        assert_eq!(run.wrong, [], "{keys}: {}", run.got.because);
    }
}

#[test]
fn what_checks_rules_and_waivers_do_can_be_said() {
    let signed = "reviews = [{ by = \"ruth\", seat = \"risk\" }]";
    let cases = [
        ("checks = { metric-threshold = \"not-run\" }", "hold", "needs = [\"1 signature from seat risk\", \"check metric-threshold to finish\"]"),
        ("checks = { metric-threshold = \"cpu-budget\" }", "deny", "violations = [\"(cpu-budget)\"]"),
        ("rules = { two-person = { denies = \"it is frozen\" } }", "deny", "violations = [\"rule two-person refuses it: it is frozen\"]"),
        ("rules = { two-person = { seats = { risk = 2 } } }", "hold", "needs = [\"2 signatures from seat risk\"]\nmonitored = \"hold\""),
        ("rules = { two-person = { fails = \"no calendar\" } }", "hold", "needs = [\"no calendar\", \"seat risk\"]"),
        ("waivers = [{ gate = \"production\", seat = \"risk\", approved_by = \"omar\" }]", "allow", "tier = \"low\""),
        ("waivers = [{ gate = \"production\", seat = \"risk\" }]", "hold", "tier = \"low\""),
        ("action = \"change=delete\"\nfacts = { aliases = { champion = 1 } }", "hold", "needs = [\"seat risk\"]"),
        ("action = \"alias=chаmpion\"", "refused", "gates = []"),
        ("action = \"alias=dev\"", "ungoverned", "tier = \"none\""),
        ("facts = { missing = [\"model\"] }", "hold", "tier = \"unknown\""),
    ];
    let policy = Policy::parse("policy.toml", POLICY).unwrap();
    for (keys, decision, more) in cases {
        let text = case(keys, &format!("decision = \"{decision}\"\n{more}"));
        let text = if keys.starts_with("action") { text.replacen("action = \"alias=champion\"\n", "", 1) } else { text };
        let read = policy.cases("cases", &text).unwrap_or_else(|error| panic!("{error}\n{text}"));
        let run = read[0].run(&policy, None).unwrap();
        assert_eq!(run.wrong, [], "{keys}: {:?}", run.got);
    }
    check(&case(signed, "decision = \"allow\""), expect![[r#"holds policy.tests.toml:1 it: Approved. The requester can repeat the call"#]]);
}

#[test]
fn defaults_stand_below_every_case_and_facts_are_merged() {
    check(
        &format!(
            "[defaults]\nrequester = \"ruth\"\nfacts = {{ model = \"credit\", model_tags = {{ risk = \"high\" }} }}\n{}{}",
            case("", "decision = \"hold\"\ntier = \"high\""),
            case("facts = { model_tags = { risk = \"low\" } }\nrequester = \"ana\"\nreviews = [{ by = \"ruth\", seat = \"risk\" }]", "decision = \"allow\"").replace("\"it\"", "\"other\"")
        ),
        expect![[r#"
            holds policy.tests.toml:4 it: Waiting for 1 signature from seat legal and 2 signatures from seat risk (omar, ruth)
            holds policy.tests.toml:11 other: Approved. The requester can repeat the call"#]],
    );
}

#[test]
fn whatever_is_wrong_is_named_with_its_place_and_the_choices() {
    check("", expect!["policy.tests.toml:1:1: there is no case: add `[[case]]` with `name`, `action` and `[case.expect] decision = …`"]);
    check("[[cases]]", expect![[r#"
        policy.tests.toml:1:1: there is no case: add `[[case]]` with `name`, `action` and `[case.expect] decision = …`
        policy.tests.toml:1:3: unknown key `cases` in the cases: choose one of `defaults`, `case`"#]]);
    check(
        r#"[defaults]
expect = {}
[[case]]
action = "champion"
checks = { auc = "pass", metric-threshold = "good" }
reviews = [{ by = "ruth", seat = "rsk", vote = "yes", when = 1 }]
judged_before = "lowest"
facts = { version = 0, tag = { a = 1 }, stage = "live" }
open_threads = "two"
[case.expect]
decision = "pass"
tier = "medium"
[[case]]
name = "it"
action = "alias=champion"
waivers = [{ check = "metric-threshold", seat = "risk" }]
"#,
        expect![[r#"
            policy.tests.toml:2:1: unknown key `expect` in `[defaults]`: choose one of `action`, `at`, `requester`, `creator`, `run_author`, `last_writer`, `facts`, `snapshot`, `checks`, `rules`, `reviews`, `waivers`, `break_glass`, `open_threads`, `groups`, `machines`, `judged_before`
            policy.tests.toml:3:1: a case has no `name`: add `name = "what must come out"`
            policy.tests.toml:4:10: `action` of a case: `champion` is no promotion: write `alias=NAME`, `stage=NAME`, `register_into=MODEL` or `change=WHAT`
            policy.tests.toml:5:12: the policy has no plugin `auc`: choose one of `metric-threshold`, `two-person`
            policy.tests.toml:5:45: `good` is nothing that a check says: choose one of `pass`, `warn`, `fail`, `error`, `skipped`, `not-run`, `panicked`, `trapped`, `cpu-budget`, `wall-budget`, `memory`, `stack-overflow`, `host-call-budget`, `invalid-result`, `pool-exhausted`, `host-bug`, `undecided`
            policy.tests.toml:6:34: the policy has no seat `rsk`: choose one of `risk`, `legal`
            policy.tests.toml:6:48: `yes` is no `vote` of a review: choose one of `approve`, `reject`, `comment`, `abstain`, `recuse`
            policy.tests.toml:6:55: unknown key `when` in a review: choose one of `by`, `seat`, `vote`, `at`, `signed`, `stale`
            policy.tests.toml:7:17: the policy has no tier `lowest`: choose one of `high`, `low`
            policy.tests.toml:8:21: `version` is no version: write a whole number from 1
            policy.tests.toml:8:24: unknown key `tag` in `facts`: choose one of `workspace`, `model`, `version`, `tags`, `model_tags`, `params`, `metrics`, `run_tags`, `run_user`, `description`, `model_description`, `stage`, `status`, `source`, `aliases`, `stages`, `missing`
            policy.tests.toml:8:49: `live` is no stage: choose one of `None`, `Staging`, `Production`, `Archived`
            policy.tests.toml:9:16: `open_threads` of a case must be a whole number from 0, not string
            policy.tests.toml:11:12: `pass` is no `decision` of `expect`: choose one of `ungoverned`, `refused`, `allow`, `hold`, `deny`
            policy.tests.toml:12:8: there is no tier `medium`: choose one of `high`, `low`, `none`, `unknown`
            policy.tests.toml:13:1: a case says nothing that is expected: add `[case.expect]` with `decision`: choose one of `ungoverned`, `refused`, `allow`, `hold`, `deny`
            policy.tests.toml:16:12: a waiver has no `gate`: add `gate = "GATE"`
            policy.tests.toml:16:12: a waiver takes out one thing: write `check = "PLUGIN"` or `seat = "SEAT"`"#]],
    );
}
