//! Every way to misbehave gives exactly its class, and the next evaluation succeeds.

use std::sync::Arc;
use std::time::Duration;

use countersign::plugins::{Evaluation, Limits};
use countersign_core::check::{Conclusion, FailureClass, Outcome};
use serde_json::{Value, json};

use super::subject::{self, Live, engine, evaluate, hostile, input, measured};

fn class(outcome: &Outcome) -> Option<FailureClass> {
    match outcome {
        Outcome::Failed(failure) => Some(failure.class),
        Outcome::Reported(_) => None,
    }
}

async fn check_within(limits: Limits, config: Value, expect: FailureClass) -> Evaluation<Outcome> {
    let plugin = hostile(limits).await;
    let evaluation = evaluate(&plugin, &config).await;
    assert_eq!(class(&evaluation.outcome), Some(expect), "{config}: {:?}", evaluation.outcome);
    let next = evaluate(&plugin, &json!({"mode": "ok"})).await;
    assert_eq!(next.outcome.conclusion(), Conclusion::Pass, "after {config}: {:?}", next.outcome);
    evaluation
}

async fn check(config: Value, expect: FailureClass) -> Evaluation<Outcome> {
    check_within(Limits::default(), config, expect).await
}

#[tokio::test]
async fn a_panic() {
    let evaluation = check(json!({"mode": "panic"}), FailureClass::Panicked).await;
    assert!(evaluation.outcome.summary().contains("asked to panic"), "{}", evaluation.outcome.summary());
}

#[tokio::test]
async fn a_plugin_that_cannot_judge() {
    check(json!({"mode": "err"}), FailureClass::Undecided).await;
}

#[tokio::test]
async fn an_endless_loop() {
    check(json!({"mode": "loop"}), FailureClass::CpuBudget).await;
}

#[tokio::test]
async fn an_endless_loop_of_bulk_copies() {
    check(json!({"mode": "copy-loop"}), FailureClass::CpuBudget).await;
}

/// The shadow stack of a Rust guest runs below address 0, so that this is not `StackOverflow`.
#[tokio::test]
async fn runaway_recursion() {
    let evaluation = check(json!({"mode": "recurse", "count": 1_000_000}), FailureClass::Trapped).await;
    assert!(evaluation.outcome.summary().contains("recursed"), "{}", evaluation.outcome.summary());
}

#[tokio::test]
async fn allocation_without_end() {
    check(json!({"mode": "allocate"}), FailureClass::Memory).await;
}

#[tokio::test]
async fn leaving_by_exit() {
    check(json!({"mode": "exit"}), FailureClass::Trapped).await;
}

#[tokio::test]
async fn a_report_that_is_too_long() {
    check(json!({"mode": "huge-report", "count": 300}), FailureClass::InvalidResult).await;
}

#[tokio::test]
async fn a_report_that_does_not_fit_through() {
    let limits = Limits { host_call_bytes: 1 << 20, ..Limits::default() };
    check_within(limits, json!({"mode": "huge-report", "count": 4_000}), FailureClass::HostCallBudget).await;
}

#[tokio::test]
async fn text_that_is_not_utf_8() {
    check(json!({"mode": "bad-utf8"}), FailureClass::InvalidResult).await;
}

#[tokio::test]
async fn questions_without_end() {
    let limits = Limits { host_calls: 100, ..Limits::default() };
    check_within(limits, json!({"mode": "host-call-flood"}), FailureClass::HostCallBudget).await;
}

#[tokio::test]
async fn a_log_without_end() {
    let limits = Limits { host_calls: 100, ..Limits::default() };
    let evaluation = check_within(limits, json!({"mode": "log-flood"}), FailureClass::HostCallBudget).await;
    assert_eq!(evaluation.logs.len(), 64);
}

#[tokio::test]
async fn handles_without_end() {
    let config = json!({"mode": "handle-flood", "path": "model.pkl", "count": 2_000});
    check(config, FailureClass::HostCallBudget).await;
}

#[tokio::test]
async fn reading_more_than_allowed() {
    let limits = Limits { artifact_bytes: 1_000_000, ..Limits::default() };
    let config = json!({"mode": "read-flood", "path": "model.pkl", "count": 10});
    let evaluation = check_within(limits, config, FailureClass::HostCallBudget).await;
    assert!((1..=1_000_000).contains(&evaluation.artifact_bytes), "{} bytes", evaluation.artifact_bytes);
}

#[tokio::test]
async fn waiting_too_long() {
    let limits = Limits { wall: "300ms".parse().unwrap(), ..Limits::default() };
    let config = json!({"mode": "sleep-in-host", "count": 600_000});
    check_within(limits, config, FailureClass::WallBudget).await;
}

/// Waiting for the registry is not computing.
#[tokio::test]
async fn waiting_does_not_use_up_the_cpu_budget() {
    let plugin = hostile(Limits { cpu: "50ms".parse().unwrap(), ..Limits::default() }).await;
    let config = input(&json!({"mode": "host-call-flood", "count": 8}));
    let sources = Arc::new(Live { delay: Duration::from_millis(25) });
    let evaluation = engine().evaluate_check(&plugin, &config, sources).await;
    assert_eq!(class(&evaluation.outcome), None, "{:?}", evaluation.outcome);
}

/// A pipe that refused would make `eprintln!` panic.
#[tokio::test]
async fn stderr_is_kept_at_both_ends_and_never_refuses() {
    let plugin = hostile(Limits { cpu: "5s".parse().unwrap(), ..Limits::default() }).await;
    let evaluation = evaluate(&plugin, &json!({"mode": "stderr-flood", "count": 1_000})).await;
    assert_eq!(class(&evaluation.outcome), None, "{:?}", evaluation.outcome);
    assert!(evaluation.stderr.contains("line 0 of 1000") && evaluation.stderr.contains("line 999 of 1000"));
    assert!(evaluation.stderr.len() < 20_000, "{}", evaluation.stderr.len());
}

#[tokio::test]
async fn nothing_outside_can_be_reached() {
    let plugin = hostile(Limits::default()).await;
    let environment = evaluate(&plugin, &json!({"mode": "env"})).await;
    assert_eq!(measured(&environment), []);
    for mode in ["fs", "net"] {
        let evaluation = evaluate(&plugin, &json!({"mode": mode})).await;
        let codes: Vec<String> = measured(&evaluation).into_iter().map(|(code, _)| code).collect();
        assert_eq!(codes, ["refused"; 3], "{mode}: {:?}", evaluation.outcome);
    }
}

#[tokio::test]
async fn the_clock_stands_still_at_the_time_given() {
    let plugin = hostile(Limits::default()).await;
    let seen = measured(&evaluate(&plugin, &json!({"mode": "clock"})).await);
    let value = |code: &str| seen.iter().find(|(c, _)| c == code).map(|(_, v)| v.clone());
    assert_eq!(value("wall-ms").as_deref(), Some("1800000000000"), "{seen:?}");
    assert_eq!(value("given-ms"), value("wall-ms"));
}

#[tokio::test]
async fn the_same_input_gives_the_same_run() {
    let plugin = hostile(Limits::default()).await;
    for mode in ["clock", "random", "ok", "panic", "allocate", "recurse"] {
        let config = json!({"mode": mode});
        let (one, two) = (evaluate(&plugin, &config).await, evaluate(&plugin, &config).await);
        assert_eq!(one.outcome, two.outcome, "{mode}");
    }
    let random = measured(&evaluate(&plugin, &json!({"mode": "random"})).await);
    let other = measured(&evaluate(&plugin, &json!({"mode": "random", "count": 1})).await);
    assert_ne!(random, other, "another input has other random values");
}

#[tokio::test]
async fn spinning_neighbours_do_not_stop_each_other() {
    let plugin = hostile(Limits::default()).await;
    let spin = json!({"mode": "loop"});
    let spins: Vec<_> = (0..4)
        .map(|_| {
            let (plugin, spin) = (Arc::clone(&plugin), spin.clone());
            tokio::spawn(async move { evaluate(&plugin, &spin).await.outcome })
        })
        .collect();
    let honest = evaluate(&plugin, &json!({"mode": "ok"})).await;
    assert_eq!(honest.outcome.conclusion(), Conclusion::Pass);
    for spin in spins {
        assert_eq!(class(&spin.await.unwrap()), Some(FailureClass::CpuBudget));
    }
}

#[tokio::test]
async fn the_counters_count_by_class() {
    let plugin = hostile(Limits::default()).await;
    let before = plugin.counters().snapshot();
    evaluate(&plugin, &json!({"mode": "panic"})).await;
    engine().evaluate_check(&plugin, &input(&json!({"mode": "ok"})), subject::no_sources()).await;
    let after = plugin.counters().snapshot();
    let of = |class| after.failures.iter().find(|(c, _)| *c == class).map(|(_, n)| *n);
    assert_eq!(after.evaluations, before.evaluations + 2);
    assert_eq!(of(FailureClass::Panicked), Some(1));
    assert_eq!(of(FailureClass::Trapped), Some(0));
}
