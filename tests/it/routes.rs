//! Every route of MLflow is governed, watched, a read, or in `ungoverned_routes.txt` with its reason.

use std::collections::BTreeSet;

use countersign_core::classify::{Head, Routed, route};

/// `tests/python/routes.py` writes these from the objects that MLflow serves.
const TABLES: [&str; 2] = [
    include_str!("../fixtures/mlflow-routes-3.17.2.txt"),
    include_str!("../fixtures/mlflow-routes-3.18.txt"),
];
const UNGOVERNED: &str = include_str!("ungoverned_routes.txt");

const READS: [&str; 3] = ["GET", "HEAD", "OPTIONS"];

/// Method and path template of every route that may write.
fn writes() -> BTreeSet<(String, String)> {
    let lines = TABLES.iter().flat_map(|table| table.lines());
    let fields = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let mut found = BTreeSet::new();
    for line in lines.map(fields) {
        let [_server, path, methods, _handler] = line.as_slice() else { panic!("odd line {line:?}") };
        for method in methods.split(',').filter(|method| !READS.contains(method)) {
            found.insert((method.to_owned(), path.clone()));
        }
    }
    found
}

/// The path with each parameter filled in.
fn filled(template: &str) -> String {
    let mut path = String::new();
    let mut rest = template;
    while let Some(start) = rest.find(['<', '{']) {
        let end = rest[start..].find(['>', '}']).expect("a parameter ends") + start;
        path.push_str(&rest[..start]);
        path.push_str("a1");
        rest = &rest[end + 1..];
    }
    path + rest
}

fn passes((method, template): &(String, String)) -> bool {
    let mut target = filled(template);
    if template.ends_with("/upload-artifact") {
        target.push_str("?run_uuid=a1&path=x");
    }
    let head = Head { method, target: &target, headers: &|_| Vec::new() };
    matches!(route(&head, ""), Routed::PassThrough)
}

/// As in `ungoverned_routes.txt`: the two API surfaces are one.
fn line((method, template): &(String, String)) -> String {
    let path = template.strip_prefix("/ajax-api").or_else(|| template.strip_prefix("/api"));
    match path {
        Some(path) => format!("{method} *{path}"),
        None => format!("{method} {template}"),
    }
}

#[test]
fn every_route_is_governed_watched_or_excepted() {
    let excepted: BTreeSet<String> =
        UNGOVERNED.lines().filter(|l| !l.is_empty() && !l.starts_with('#')).map(str::to_owned).collect();
    let writes = writes();
    assert!(writes.len() > 200, "the tables are short: {}", writes.len());
    let passing: BTreeSet<String> = writes.iter().filter(|route| passes(route)).map(line).collect();
    let unexplained: Vec<_> = passing.difference(&excepted).collect();
    let needless: Vec<_> = excepted.difference(&passing).collect();
    assert!(
        unexplained.is_empty(),
        "govern them, or add them to ungoverned_routes.txt with a reason: {unexplained:#?}"
    );
    assert!(needless.is_empty(), "remove them from ungoverned_routes.txt: {needless:#?}");
}

#[test]
fn no_known_route_is_refused() {
    for (method, template) in writes() {
        let mut target = filled(&template);
        if template.ends_with("/upload-artifact") {
            target.push_str("?run_uuid=a1&path=x");
        }
        let head = Head { method: &method, target: &target, headers: &|_| Vec::new() };
        let refused = matches!(route(&head, ""), Routed::Refused(_));
        // Deleting a workspace takes every model in it along.
        assert_eq!(refused, method == "DELETE" && template.contains("/workspaces/"), "{method} {template}");
    }
}

/// What we answer in MLflow's name hides nothing that MLflow has.
#[test]
fn mlflow_has_none_of_the_routes_that_we_answer() {
    let lines = TABLES.iter().flat_map(|table| table.lines());
    for line in lines {
        let fields: Vec<&str> = line.split_whitespace().collect();
        for method in fields[2].split(',') {
            let target = filled(fields[1]);
            let head = Head { method, target: &target, headers: &|_| Vec::new() };
            assert!(!matches!(route(&head, ""), Routed::Databricks(_)), "{line}");
        }
    }
    let ours =
        Head { method: "GET", target: "/api/2.0/mlflow/transition-requests/list", headers: &|_| Vec::new() };
    assert!(matches!(route(&ours, ""), Routed::Databricks(_)));
}
