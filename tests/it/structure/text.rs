//! Files that people can read: short, and about this project only.

use std::collections::BTreeSet;

use countersign_tests::paths;

use super::{check_exceptions, files, read, sources};

const LONG: &str = include_str!("../long_files.txt");

/// Lines above which a file is split.
const MAX_LINES: usize = 400;

/// Bytes of the module that every page of MLflow loads.
const MAX_MODULE: usize = 15_000;

#[test]
fn files_are_short() {
    let all = sources(&["host", "sdk", "plugins", "tests"]);
    let long = all.iter().filter(|source| source.text.lines().count() > MAX_LINES);
    let found: BTreeSet<String> = long.map(|source| source.path.clone()).collect();
    check_exceptions(&found, LONG, "long_files.txt", "split them");
}

#[test]
fn what_mlflows_pages_load_is_small() {
    let bytes = read(&paths::root().join("host/ui/assets/mlflow.js")).text.len();
    assert!(bytes < MAX_MODULE, "{bytes} bytes");
}

#[test]
fn the_source_names_no_place_outside_itself() {
    // In two pieces, so that this file is not one of those that it looks for.
    let foreign = [concat!("/wo", "rk/"), concat!("shared/", "reference")];
    let kinds =
        ["rs", "py", "toml", "md", "txt", "json", "jsonl", "yaml", "service", "html", "css", "js", "wit"];
    for path in files(&["."], &kinds) {
        let source = read(&path);
        for (number, line) in source.text.lines().enumerate() {
            let found = foreign.iter().find(|place| line.contains(**place));
            assert!(found.is_none(), "{}:{} names {found:?}", source.path, number + 1);
        }
    }
}
