//! A plugin that misbehaves harms nothing but its own verdict.

use std::sync::atomic::{AtomicBool, Ordering};

use countersign_tests::workdir;

use crate::scene::{Scene, contains, refused};

/// How the plugin misbehaves, and the class under which that is told.
const MODES: [(&str, &str); 13] = [
    ("panic", "panicked"),
    ("loop", "cpu-budget"),
    ("copy-loop", "cpu-budget"),
    ("recurse", "stack-overflow|trapped"),
    ("allocate", "memory"),
    ("exit", "trapped"),
    ("huge-report", "invalid-result"),
    ("bad-utf8", "invalid-result|trapped"),
    ("host-call-flood", "host-call-budget|cpu-budget"),
    ("sleep-in-host", "wall-budget"),
    ("err", "undecided"),
    ("log-flood", "host-call-budget|cpu-budget"),
    ("handle-flood", "host-call-budget|undecided"),
];

/// Those that the host bounds without a word: they pass.
const BOUNDED: [&str; 2] = ["stderr-flood", "ok"];

/// One gate per way to misbehave, each for the alias of that name.
fn policy(name: &str) -> String {
    let pinned = workdir::pinned("hostile", &["log", "registry", "artifacts"]).unwrap();
    let limits = "[plugin.limits]\nwall = \"2s\"\n\n[[tier]]\nname = \"low\"\n\n";
    let gates = MODES.iter().map(|(mode, _)| *mode).chain(BOUNDED).map(|mode| gate(name, mode, mode, ""));
    let held = gate(name, "held", "loop", "on_failure = { cpu-budget = \"hold\" }");
    format!("{}\n{limits}{}{held}", pinned.trim_end(), gates.collect::<String>())
}

fn gate(name: &str, alias: &str, mode: &str, more: &str) -> String {
    let count = match mode {
        "sleep-in-host" => 600_000,
        "huge-report" => 5_000,
        "stderr-flood" => 500,
        _ => 100_000,
    };
    format!(
        r#"[[gate]]
name = "{alias}"
mode = "enforce"
models = ["{name}*"]
guards = [{{ alias = "{alias}" }}]

  [[gate.check]]
  plugin = "hostile"
  required = true
  config = {{ mode = "{mode}", count = {count}, path = "MLmodel" }}
  {more}

"#
    )
}

#[test]
fn a_hostile_check_refuses_and_harms_nothing_else() {
    let scene = Scene::start("hostile", policy);
    let model = scene.model("a");
    let version = scene.register(&model, 0.9).version;
    for (mode, classes) in MODES {
        let said = refused(&scene.alias(&model, mode, &version));
        contains(&said, &["hostile", "could not judge", "requests/"]);
        assert!(classes.split('|').any(|class| said.contains(&format!("({class})"))), "{mode}: {said}");
        assert_eq!(scene.holder(&model, mode), None, "{mode}");
    }
    for mode in BOUNDED {
        let answer = scene.alias(&model, mode, &version);
        assert_eq!(answer.status, 200, "{mode}: {}", answer.text());
    }
    assert_eq!(scene.alias(&model, "ungoverned", &version).status, 200);
    assert_eq!(scene.readiness()["ready"], true);
    scene.verify();
}

#[test]
fn a_failure_class_can_hold_instead() {
    let scene = Scene::start("holds", policy);
    let model = scene.model("a");
    let version = scene.register(&model, 0.9).version;
    let said = refused(&scene.alias(&model, "held", &version));
    contains(&said, &["is held", "check hostile to run again", "cpu"]);
    assert_eq!(scene.holder(&model, "held"), None);
}

#[test]
fn reads_go_on_while_a_guest_spins() {
    let scene =
        Scene::start("spins", |name| policy(name).replace("wall = \"2s\"", "cpu = \"3s\"\nwall = \"6s\""));
    let model = scene.model("a");
    let version = scene.register(&model, 0.9).version;
    let over = AtomicBool::new(false);
    std::thread::scope(|threads| {
        let spinning = threads.spawn(|| {
            let said = refused(&scene.alias(&model, "loop", &version));
            over.store(true, Ordering::SeqCst);
            said
        });
        let mut reads = 0;
        while !over.load(Ordering::SeqCst) {
            let path = format!("/api/2.0/mlflow/registered-models/get?name={model}");
            assert_eq!(scene.call("ana", "GET", &path, None).status, 200);
            assert_eq!(scene.alias(&model, "ungoverned", &version).status, 200);
            reads += usize::from(!over.load(Ordering::SeqCst));
        }
        assert!(reads > 1, "{reads} reads while the check ran");
        contains(&spinning.join().unwrap(), &["(cpu-budget)"]);
    });
}
