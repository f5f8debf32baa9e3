//! Where files are written.

use super::*;

fn root(method: &str, target: &str, headers: &[(&str, &str)]) -> Result<String, &'static str> {
    match fate(method, target, headers, b"") {
        Fate::Governed(classified) => {
            assert_eq!(classified.canonical.path_and_query, target);
            assert_eq!(classified.canonical.body, CanonicalBody::AsSent);
            let Action::WriteArtifact { place: ArtifactPlace::Root { path }, .. } = classified.placed.action
            else {
                panic!("{target}")
            };
            Ok(path)
        }
        Fate::Refused(code) => Err(code),
        other => panic!("{method} {target}: {other:?}"),
    }
}

#[test]
fn artifact_paths() {
    let team = &[("x-mlflow-workspace", "team-a")][..];
    for (method, tail, headers, expect) in [
        ("PUT", "artifacts/2/models/m-1/artifacts/MLmodel", &[][..], Ok("2/models/m-1/artifacts/MLmodel")),
        ("DELETE", "artifacts/2/models/", &[], Ok("2/models")),
        ("POST", "mpu/create/2/models", &[], Ok("2/models")),
        ("POST", "mpu/complete/2/models", &[], Ok("2/models")),
        ("POST", "mpu/abort/2/models", &[], Ok("2/models")),
        ("PUT", "artifacts/2/models/a%20b+c%C3%A9.txt", &[], Ok("2/models/a b+cé.txt")),
        ("PUT", "artifacts/2/models/%4DLmodel", &[], Ok("2/models/MLmodel")),
        ("PUT", "artifacts/100%25.txt", &[], Ok("100%.txt")),
        ("PUT", "artifacts/2/x", team, Ok("workspaces/team-a/2/x")),
        ("PUT", "artifacts/workspaces/team-a/2/x", team, Ok("workspaces/team-a/2/x")),
        ("PUT", "artifacts/2/%254DLmodel", &[], Err("artifact-path")),
        ("PUT", "artifacts/2/MLmodel%3F", &[], Err("artifact-path")),
        ("PUT", "artifacts/2/MLmodel%23", &[], Err("artifact-path")),
        ("PUT", "artifacts/2/MLmodel;", &[], Err("artifact-path")),
        ("PUT", "artifacts/2/ML%0Amodel", &[], Err("artifact-path")),
        ("PUT", "artifacts/2//MLmodel", &[], Err("artifact-path")),
        ("PUT", "artifacts//2/MLmodel", &[], Err("artifact-path")),
        ("PUT", "artifacts/2/./MLmodel", &[], Err("artifact-path")),
        ("PUT", "artifacts/2/x/%2E%2E/MLmodel", &[], Err("artifact-path")),
        ("PUT", "artifacts/2%5CMLmodel", &[], Err("artifact-path")),
        ("PUT", "artifacts/file:2/MLmodel", &[], Err("artifact-path")),
        ("PUT", "artifacts/%202/MLmodel", &[], Err("artifact-path")),
        ("PUT", "artifacts/2/%FF", &[], Err("artifact-path")),
        ("PUT", "artifacts/", &[], Err("artifact-path")),
        ("PUT", "artifacts/2/x?y", &[], Err("query")),
        ("put", "artifacts/2/x", &[], Err("unknown-registry-write")),
        ("POST", "mpu/create%2F2", &[], Err("unknown-registry-write")),
    ] {
        for surface in ["api", "ajax-api"] {
            let target = format!("/{surface}/2.0/mlflow-artifacts/{tail}");
            assert_eq!(root(method, &target, headers), expect.map(str::to_owned), "{method} {target}");
        }
    }
}
