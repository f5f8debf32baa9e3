//! The same law for files: whatever rewrites a file is governed under that file's path, or refused.

use countersign_core::action::{Action, ArtifactPlace};
use countersign_tests::http;

use super::registry::Registry;
use super::{Fate, Spelling};

const ROOT: &str = "/api/2.0/mlflow-artifacts/artifacts/";

pub(super) fn check(registry: &Registry) {
    let mut wrong = Vec::new();
    // Each names `FOLDER/a/MLmodel` to some reader; `true` where MLflow agrees.
    for (method, tail, taken) in [
        ("PUT", "FOLDER/a/MLmodel", true),
        ("PUT", "FOLDER/a/%4DLmodel", true),
        ("PUT", "FOLDER%2Fa%2FMLmodel", true),
        ("PUT", "FOLDER/a/%254DLmodel", true),
        ("PUT", "FOLDER/a/%25254DLmodel", true),
        ("PUT", "FOLDER/a//MLmodel", true),
        ("PUT", "FOLDER/./a/MLmodel", false),
        ("PUT", "FOLDER/a/MLmodel%3F", true),
        ("PUT", "FOLDER/a/MLmodel%23", true),
        ("PUT", "FOLDER/a/MLmodel%3B", true),
        ("PUT", "FOLDER/a/ML%0Amodel", false),
        ("PUT", "FOLDER/a/ML%09model", true),
        ("PUT", "%20FOLDER/a/MLmodel", true),
        ("PUT", "file:FOLDER/a/MLmodel", false),
        ("PUT", "FOLDER/a/MLmodel?x=y", true),
        ("put", "FOLDER/a/MLmodel", true),
        ("PUT", "/FOLDER/a/MLmodel", false),
        ("PUT", "FOLDER/b/../a/MLmodel", false),
        ("PUT", "FOLDER/b/%2e%2e/a/MLmodel", false),
        ("PUT", "FOLDER%5Ca%5CMLmodel", false),
        ("PUT", "FOLDER/a/MLmodel/", false),
        ("PUT", "FOLDER/a/mlmodel", false),
        ("POST", "FOLDER/a/MLmodel", false),
        ("PATCH", "FOLDER/a/MLmodel", false),
        ("DELETE", "FOLDER/a/MLmodel", true),
        ("DELETE", "FOLDER/a", true),
        ("DELETE", "FOLDER/", true),
        ("delete", "FOLDER", true),
        ("DELETE", "FOLDER/a/%254DLmodel", true),
    ] {
        let target = format!("{ROOT}{}", tail.replace("FOLDER", registry.model()));
        let body = b"new".to_vec();
        let spelling = Spelling { method: method.to_owned(), target, headers: Vec::new(), body };
        if obey_file(registry, &spelling) != taken {
            wrong.push(format!("{method} {tail}: not {taken}"));
        }
    }
    assert!(wrong.is_empty(), "the list is not true any more:\n{}", wrong.join("\n"));
}

/// Returns whether MLflow changed the file.
fn obey_file(registry: &Registry, spelling: &Spelling) -> bool {
    let file = format!("{}/a/MLmodel", registry.model());
    let target = format!("{ROOT}{file}");
    http::request("PUT", &target).body(b"old".to_vec()).send(registry.port()).unwrap();
    spelling.send(registry.port());
    let taken = http::get(registry.port(), &target).unwrap() != (200, "old".to_owned());
    match spelling.fate() {
        Fate::Refused { .. } => {}
        Fate::Governed(classified) => {
            let Action::WriteArtifact { place: ArtifactPlace::Root { path }, .. } = &classified.placed.action
            else {
                panic!("{spelling:?} is {classified:?}")
            };
            let touches = file == *path || file.starts_with(&format!("{path}/"));
            assert!(touches || !taken, "{spelling:?} wrote {file}, not {path}");
        }
        fate => assert!(!taken, "{spelling:?} wrote {file} and is {fate:?}"),
    }
    taken
}
