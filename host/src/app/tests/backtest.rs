//! History held against another policy.

use countersign_core::policy::Policy;
use countersign_core::time::Millis;

use super::*;
use crate::app::{Backtest, BacktestReport};

fn policy(text: &str) -> Policy {
    Policy::parse("policy.toml", text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// What comes of the history of a world under another policy. The report is as its schema says.
fn backtest(world: &World, text: &str, known: &[&str], since: Option<Millis>) -> BacktestReport {
    let app = &world.app;
    let report = Backtest {
        store: &*app.store,
        ledger: &app.ledger,
        people: &app.people,
        policy: &policy(text),
        known: known.iter().map(|text| policy(text)).collect(),
        since,
    };
    let report = report.run(&mut |_| ()).unwrap();
    let schema: Value = serde_json::from_str(include_str!("../../../schemas/backtest.v1.json")).unwrap();
    let validator = jsonschema::draft202012::new(&schema).unwrap();
    let mut written = serde_json::to_value(&report).unwrap();
    assert!(validator.is_valid(&written), "{:?}", validator.iter_errors(&written).next());
    written["more"] = json!(1);
    assert!(!validator.is_valid(&written), "an undocumented member passes");
    report
}

/// In one line: what changed to what, what is live and would not comply, what is unknown, what cannot be told.
fn told(report: &BacktestReport) -> String {
    let changed = report.changed.iter().map(|changed| {
        let because = changed.because.join("; ");
        format!("{} {}→{}: {because}", changed.decision.entry, changed.decision.recorded, changed.to)
    });
    let live =
        report.live.iter().map(|live| format!("{} {}: {}", live.name, live.verdict, live.because.join("; ")));
    let unknown = report
        .unknown
        .iter()
        .map(|unknown| format!("{}: {}", unknown.decision.entry, unknown.would_need.join(", ")));
    let cannot =
        report.cannot_be_redecided.iter().map(|cannot| format!("{}: {}", cannot.decision.entry, cannot.why));
    let lines = changed.chain(live).chain(unknown).chain(cannot);
    format!("{} as recorded | {}", report.unchanged, lines.collect::<Vec<_>>().join(" | "))
}

/// Ana asks, Omar and Ruth approve, Countersign applies: a `hold` and an `allow`.
async fn lived() -> World {
    let world = World::new(POLICY).await;
    world.app.started("countersign 0".to_owned(), None).await.unwrap();
    let id = world.approved().await.id;
    world.app.apply(&caller("ana"), id).await.unwrap();
    world
}

#[tokio::test]
async fn what_another_policy_would_have_said() {
    let world = lived().await;
    let check =
        |text: &str, expect: &str| assert_eq!(told(&backtest(&world, text, &[], None)), expect, "{text}");
    check(POLICY, "2 as recorded | ");
    check(
        &POLICY.replace("seats = { risk = 2 }", "seats = { risk = 2, legal = 1 }"),
        "1 as recorded | 5 allow→hold: gate `production`: 1 signature from seat legal | alias:champion hold: gate \
         `production`: 1 signature from seat legal",
    );
    check(
        &POLICY.replace("alias = \"champion\"", "alias = \"prod\""),
        "0 as recorded | 2 hold→ungoverned: gate `production` does not stand in its way | 5 allow→ungoverned: gate \
         `production` does not stand in its way",
    );
    let stricter =
        POLICY.replace("[[tier]]", "[[tier]]\nname = \"new\"\nwhen = 'version.number == 7'\n[[tier]]");
    check(
        &format!("{stricter}\n  [gate.approvals.new]\n  seats = {{ risk = 3 }}\n"),
        "1 as recorded | 5 allow→hold: its tier is `new`, and was `low`; gate `production`: 1 signature from seat risk | \
         alias:champion hold: its tier is `new`, and was `low`; gate `production`: 1 signature from seat risk",
    );
}

#[tokio::test]
async fn a_check_that_never_ran_leaves_it_unknown() {
    let world = lived().await;
    let plugin = format!(
        "[[plugin]]\nname = \"auc\"\nsource = \"file:auc.wasm\"\ndigest = \"sha256:{}\"\n{POLICY}",
        "0".repeat(64)
    );
    let asked = plugin.replace(
        "  [gate.approvals.low]",
        "  [[gate.check]]\n  plugin = \"auc\"\n  required = true\n  [gate.approvals.low]",
    );
    assert_eq!(
        told(&backtest(&world, &asked, &[], None)),
        "0 as recorded | alias:champion unknown: would need a run of auc | 2: a run of auc | 5: a run of auc"
    );
    let advisory = asked.replace("required = true", "required = false");
    assert_eq!(told(&backtest(&world, &advisory, &[], None)), "2 as recorded | ");
}

#[tokio::test]
async fn what_does_not_come_out_as_recorded_is_not_counted() {
    let world = World::new(POLICY).await;
    let id = world.approved().await.id;
    world.app.apply(&caller("ana"), id).await.unwrap();
    let report = backtest(&world, POLICY, &[], None);
    assert_eq!(
        (report.unchanged, report.cannot_be_redecided.len()),
        (0, 2),
        "nobody has kept the policy that it was"
    );
    let unkept = |why: &str| why.contains("was not kept: give its file with `--was`");
    assert!(report.cannot_be_redecided.iter().all(|decision| unkept(&decision.why)), "{}", told(&report));
    assert_eq!(report.live[0].verdict, "unknown");
    // The intent names its policy, and so does the refusal before it.
    let report = backtest(&world, POLICY, &[POLICY], None);
    assert_eq!((report.unchanged, report.cannot_be_redecided.len(), report.live.len()), (2, 0, 0));
}

#[tokio::test]
async fn only_decisions_of_a_time_are_listed_and_every_live_version_is_looked_at() {
    let world = lived().await;
    let stricter = POLICY.replace("seats = { risk = 2 }", "seats = { risk = 2, legal = 1 }");
    let report = backtest(&world, &stricter, &[], Some(Millis::new(i64::MAX)));
    assert_eq!((report.decisions, report.live.len()), (0, 1));
}
