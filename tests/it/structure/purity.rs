//! What the core must not know, and what only one place may.

use std::collections::BTreeSet;

use countersign_tests::paths;

use super::sources;

/// Whatever waits, reads a clock, throws dice or touches a disk or a network.
const IMPURE: [&str; 18] = [
    "argon2",
    "axum",
    "figment",
    "futures-util",
    "getrandom",
    "hyper",
    "hyper-util",
    "prometheus-client",
    "rand",
    "reqwest",
    "ring",
    "rustls",
    "sled",
    "tokio",
    "tower",
    "tracing",
    "tracing-subscriber",
    "wasmtime",
];

#[test]
fn the_core_depends_on_nothing_that_can_wait_or_look_around() {
    let manifest = std::fs::read_to_string(paths::root().join("host/core/Cargo.toml")).unwrap();
    let manifest: toml::Table = manifest.parse().unwrap();
    let dependencies = manifest["dependencies"].as_table().expect("a table");
    assert!(dependencies.contains_key("serde"), "these are not its dependencies: {dependencies:?}");
    let impure: Vec<_> = IMPURE.iter().filter(|name| dependencies.contains_key(**name)).collect();
    assert!(impure.is_empty(), "countersign-core must stay pure: {impure:?}");
    assert!(!manifest.contains_key("build-dependencies") && !manifest.contains_key("target"));
}

#[test]
fn the_core_reads_neither_environment_nor_files() {
    const AMBIENT: [&str; 6] = ["std::env", "std::fs", "std::net", "std::process", "std::thread", "Instant"];
    for source in sources(&["host/core/src"]) {
        for (number, line) in source.shipped() {
            let found = AMBIENT.iter().find(|word| line.contains(**word));
            assert!(found.is_none(), "{}:{number}: {line}", source.path);
        }
    }
}

#[test]
fn one_place_mints_permits_and_one_uses_them_up() {
    let mut mints = BTreeSet::new();
    let mut uses = BTreeSet::new();
    for source in sources(&["host/src", "host/core/src"]) {
        for (_, line) in source.shipped() {
            if line.contains("Permit::mint(") {
                mints.insert(source.path.clone());
            }
            if line.contains(": Permit,") {
                uses.insert(source.path.clone());
            }
        }
    }
    assert_eq!(mints.into_iter().collect::<Vec<_>>(), ["host/core/src/decide.rs"]);
    assert_eq!(uses.into_iter().collect::<Vec<_>>(), ["host/src/mlflow/carry_out.rs"]);
}

#[test]
fn only_the_clock_reads_the_time_or_throws_dice() {
    const AMBIENT: [&str; 5] =
        ["SystemTime::now", "Timestamp::now", "Zoned::now", "Uuid::now_v7", "Uuid::new_v4"];
    let mut found = BTreeSet::new();
    for source in sources(&["host/src", "host/core/src", "sdk/src", "plugins"]) {
        if source.shipped().any(|(_, line)| AMBIENT.iter().any(|call| line.contains(call))) {
            found.insert(source.path);
        }
    }
    assert_eq!(found.into_iter().collect::<Vec<_>>(), ["host/src/clock.rs"]);
}

/// `classify` reads MLflow's paths, `mlflow` writes them; a person who signs is shown one, and the doctor calls as a
/// browser would.
#[test]
fn few_places_spell_mlflows_paths() {
    let may = |path: &str| {
        path.starts_with("host/core/src/classify")
            || path.starts_with("host/src/mlflow")
            || ["host/src/app/spelling.rs", "host/src/cli/doctor/upstream.rs"].contains(&path)
    };
    for source in sources(&["host/src", "host/core/src", "sdk/src", "plugins"]) {
        if may(&source.path) {
            continue;
        }
        for (number, line) in source.shipped() {
            let spelt = ["api/2.0/mlflow", "api/3.0/mlflow"].iter().any(|path| line.contains(path));
            assert!(!spelt, "{}:{number} spells a path of MLflow: {line}", source.path);
        }
    }
}
