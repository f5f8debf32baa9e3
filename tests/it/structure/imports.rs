//! Imports run one way: `core ← the parts ← app ← http ← cli ← main`.

use std::collections::{BTreeMap, BTreeSet};

use super::{Source, check_exceptions, is_test, sources};

const HOST: &str = "host/src/";

/// Each layer may import what stands before it. Within the first, no two may import each other.
const LAYERS: [&[&str]; 5] = [
    &[
        "auth",
        "clock",
        "config",
        "crash_point",
        "facts",
        "inject",
        "ledger",
        "mlflow",
        "notify",
        "operator",
        "plugins",
        "store",
        "telemetry",
        "vault",
    ],
    &["app"],
    &["http"],
    &["cli"],
    &["lib", "main"],
];

/// What `http` reaches through `app` alone.
const BEHIND_APP: [&str; 6] = ["facts", "ledger", "mlflow", "notify", "plugins", "store"];
const EXCEPTIONS: &str = include_str!("../import_exceptions.txt");

/// The module below `host/src` to which a file belongs.
fn home(path: &str) -> &str {
    let inside = path.strip_prefix(HOST).expect("a file of the host");
    inside.split(['/', '.']).next().unwrap_or_default()
}

fn layer(module: &str) -> usize {
    let found = LAYERS.iter().position(|layer| layer.contains(&module));
    found.unwrap_or_else(|| panic!("`{module}` is in no layer: give it one in LAYERS"))
}

/// The top modules that a file names: `crate::store`, `crate::{store, clock}`, `super::super::store`.
fn named(source: &Source, modules: &BTreeSet<String>) -> BTreeSet<String> {
    let depth = source.path.matches('/').count() - 1;
    let mut found = BTreeSet::new();
    for (_, line) in source.code() {
        for (at, _) in line.match_indices("crate::") {
            let before = line[..at].chars().next_back();
            if before.is_none_or(|c| !c.is_alphanumeric() && c != '_') {
                found.extend(heads(&line[at + "crate::".len()..]));
            }
        }
        let chain = "super::".repeat(depth.max(1));
        if let Some((_, rest)) = line.split_once(&chain) {
            found.extend(heads(rest.trim_start_matches("super::")));
        }
    }
    found.retain(|name| modules.contains(name));
    found
}

/// `store` of `store::Batch`; `store` and `clock` of `{store::Batch, clock}`.
fn heads(rest: &str) -> Vec<String> {
    let word = |text: &str| text.trim().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    match rest.strip_prefix('{') {
        Some(list) => list.split(',').map(word).collect(),
        None => vec![word(rest)],
    }
}

/// Which files of which module import which module.
fn edges() -> BTreeMap<(String, String), Vec<String>> {
    let sources = sources(&["host/src"]);
    let modules: BTreeSet<String> = sources.iter().map(|source| home(&source.path).to_owned()).collect();
    let mut edges: BTreeMap<_, Vec<String>> = BTreeMap::new();
    for source in &sources {
        let from = home(&source.path);
        for to in named(source, &modules).into_iter().filter(|to| to != from) {
            edges.entry((from.to_owned(), to)).or_default().push(source.path.clone());
        }
    }
    edges
}

#[test]
fn imports_run_one_way() {
    let edges = edges();
    assert!(edges.contains_key(&("app".to_owned(), "store".to_owned())), "nothing was found: {edges:?}");
    for ((from, to), files) in &edges {
        let (below, above) = (layer(to), layer(from));
        assert!(below <= above, "`{from}` must not know `{to}`: {files:#?}");
    }
}

#[test]
fn no_two_parts_import_each_other() {
    let mut open: BTreeMap<String, BTreeSet<String>> =
        LAYERS[0].iter().map(|part| ((*part).to_owned(), BTreeSet::new())).collect();
    for (from, to) in edges().into_keys().filter(|(from, _)| layer(from) == 0) {
        open.get_mut(&from).expect("a part").insert(to);
    }
    // What imports nothing that is left can be built; whatever then remains is a circle.
    while let Some(built) = open.iter().find(|(_, needs)| needs.is_empty()).map(|(part, _)| part.clone()) {
        open.remove(&built);
        open.values_mut().for_each(|needs| {
            needs.remove(&built);
        });
    }
    assert!(open.is_empty(), "these import each other in a circle: {open:#?}");
}

#[test]
fn http_reaches_the_parts_through_app() {
    let found: BTreeSet<String> = edges()
        .into_iter()
        .filter(|((from, to), _)| from == "http" && BEHIND_APP.contains(&to.as_str()))
        .flat_map(|((_, to), files)| files.into_iter().map(move |file| format!("{file} {to}")))
        .filter(|line| !is_test(line.split(' ').next().unwrap_or_default()))
        .collect();
    check_exceptions(&found, EXCEPTIONS, "import_exceptions.txt", "give `app` a method for what these need");
}
