//! The rules of the house, read from the source itself. Exceptions stand in the files beside this one, each with
//! its reason above it; those lists may only shrink, because a line that is no longer needed fails as well.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use countersign_tests::paths;

mod imports;
mod purity;
mod readme;
mod text;

/// A source file of the repository.
struct Source {
    /// From the root of the repository, with `/`.
    path: String,
    text: String,
}

impl Source {
    /// The lines that are not comments, each with its number from 1.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let numbered = self.text.lines().enumerate().map(|(index, line)| (index + 1, line));
        numbered.filter(|(_, line)| !line.trim_start().starts_with("//"))
    }

    /// The same without the test module at its end, and nothing of a file of tests.
    fn shipped(&self) -> impl Iterator<Item = (usize, &str)> {
        let tests = is_test(&self.path);
        self.code().take_while(move |(_, line)| !tests && line.trim() != "#[cfg(test)]")
    }
}

fn is_test(path: &str) -> bool {
    path.split('/').any(|part| matches!(part, "tests" | "tests.rs" | "testing.rs" | "benches"))
}

/// Every Rust file below these directories.
fn sources(below: &[&str]) -> Vec<Source> {
    let found: Vec<Source> = files(below, &["rs"]).iter().map(|path| read(path)).collect();
    assert!(!found.is_empty(), "no Rust file below {below:?}");
    found
}

fn files(below: &[&str], extensions: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for folder in below {
        collect(&paths::root().join(folder), extensions, &mut found);
    }
    found.sort();
    found
}

/// Build directories, the version control's own and Python's leftovers are no part of the source.
fn collect(folder: &Path, extensions: &[&str], found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() {
            if !matches!(name.as_str(), "target" | ".git" | ".venv" | "data" | "__pycache__") {
                collect(&path, extensions, found);
            }
        } else if extensions.iter().any(|extension| path.extension().is_some_and(|e| e == *extension)) {
            found.push(path);
        }
    }
}

fn read(path: &Path) -> Source {
    let relative = path.strip_prefix(paths::root()).unwrap().to_string_lossy().replace('\\', "/");
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{relative}: {error}"));
    Source { path: relative, text }
}

/// The lines of a list of exceptions.
fn listed(list: &str) -> BTreeSet<String> {
    let lines = list.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(str::to_owned).collect()
}

/// Fails for what is found and not listed, and for what is listed and not found.
fn check_exceptions(found: &BTreeSet<String>, list: &str, file: &str, advice: &str) {
    let listed = listed(list);
    let new: Vec<_> = found.difference(&listed).collect();
    let needless: Vec<_> = listed.difference(found).collect();
    assert!(new.is_empty(), "{advice}: {new:#?}");
    assert!(needless.is_empty(), "no longer so, take them out of tests/it/{file}: {needless:#?}");
}
