//! Runs the declarative cases of a plugin natively.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::Given;
use super::convert::word;
use crate::case::{Case, Content, Expect};
use crate::types::ConfigError;
use crate::{Check, Rule};

/// Every case that did not come out as expected, and why.
pub struct Failures(Vec<String>);

impl fmt::Display for Failures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("\n"))
    }
}

/// The test harness prints this.
impl fmt::Debug for Failures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\n{self}")
    }
}

/// What came out, in the words of [`Expect`].
struct Outcome {
    conclusion: String,
    codes: BTreeSet<String>,
    seats: BTreeMap<String, u32>,
    /// For the reader of a failure.
    text: String,
}

/// Runs every `*.json` of a directory against a check.
///
/// # Errors
/// The cases that differ, or that the directory has none or cannot be read.
pub fn check_cases<C: Check>(directory: impl AsRef<Path>) -> Result<(), Failures> {
    run_all(directory.as_ref(), |given| match given.validate_check::<C>() {
        Err(problems) => invalid(&problems),
        Ok(()) => match given.check::<C>() {
            Ok(report) => Outcome {
                conclusion: word(report.conclusion).to_owned(),
                codes: report.findings.into_iter().map(|f| f.code).collect(),
                seats: BTreeMap::new(),
                text: report.summary,
            },
            Err(reason) => cannot(reason),
        },
    })
}

/// Runs every `*.json` of a directory against a rule.
///
/// # Errors
/// The cases that differ, or that the directory has none or cannot be read.
pub fn rule_cases<R: Rule>(directory: impl AsRef<Path>) -> Result<(), Failures> {
    run_all(directory.as_ref(), |given| match given.validate_rule::<R>() {
        Err(problems) => invalid(&problems),
        Ok(()) => match given.decide::<R>() {
            Ok(ruling) => Outcome {
                conclusion: if ruling.denials.is_empty() { "pass" } else { "fail" }.to_owned(),
                codes: ruling.denials.into_iter().map(|f| f.code).collect(),
                seats: ruling.seats.into_iter().map(|s| (s.seat, s.count)).collect(),
                text: ruling.summary,
            },
            Err(reason) => cannot(reason),
        },
    })
}

fn run_all(directory: &Path, call: impl Fn(&Given) -> Outcome) -> Result<(), Failures> {
    let paths = case_files(directory).map_err(|e| Failures(vec![format!("{}: {e}", directory.display())]))?;
    if paths.is_empty() {
        return Err(Failures(vec![format!("{}: no case (*.json)", directory.display())]));
    }
    let failures: Vec<String> = paths.iter().filter_map(|path| run_one(path, &call).err()).collect();
    if failures.is_empty() { Ok(()) } else { Err(Failures(failures)) }
}

fn case_files(directory: &Path) -> std::io::Result<Vec<PathBuf>> {
    let entries: std::io::Result<Vec<PathBuf>> = fs::read_dir(directory)?.map(|e| Ok(e?.path())).collect();
    let mut paths = entries?;
    paths.retain(|p| p.extension().is_some_and(|e| e == "json"));
    paths.sort();
    Ok(paths)
}

fn run_one(path: &Path, call: &impl Fn(&Given) -> Outcome) -> Result<(), String> {
    let said = |message: String| format!("{}: {message}", path.display());
    let text = fs::read_to_string(path).map_err(|e| said(e.to_string()))?;
    let case: Case = serde_json::from_str(&text).map_err(|e| said(e.to_string()))?;
    let mut given = Given::from(case.given.clone());
    for (file, content) in &case.given.artifacts {
        let bytes = bytes_of(content, path).map_err(|e| said(format!("{file}: {e}")))?;
        given = given.artifact(file, bytes);
    }
    compare(&case.expect, &call(&given)).map_err(|difference| said(format!("{}: {difference}", case.name)))
}

fn bytes_of(content: &Content, case: &Path) -> Result<Vec<u8>, String> {
    match content {
        Content::Text(text) => Ok(text.clone().into_bytes()),
        Content::Base64(text) => STANDARD.decode(text).map_err(|e| e.to_string()),
        Content::File(name) => {
            let path = case.parent().unwrap_or(Path::new(".")).join(name);
            fs::read(&path).map_err(|e| format!("{}: {e}", path.display()))
        }
    }
}

fn compare(expect: &Expect, got: &Outcome) -> Result<(), String> {
    let codes: BTreeSet<String> = expect.codes.iter().cloned().collect();
    let same = expect.conclusion == got.conclusion && codes == got.codes && expect.seats == got.seats;
    if same {
        return Ok(());
    }
    Err(format!(
        "expected {} {codes:?} {:?}, got {} {:?} {:?} ({})",
        expect.conclusion, expect.seats, got.conclusion, got.codes, got.seats, got.text
    ))
}

fn cannot(reason: String) -> Outcome {
    Outcome { conclusion: "error".to_owned(), codes: BTreeSet::new(), seats: BTreeMap::new(), text: reason }
}

fn invalid(problems: &[ConfigError]) -> Outcome {
    let text: Vec<String> = problems.iter().map(|p| format!("{} {}", p.pointer, p.message)).collect();
    let conclusion = "invalid-config".to_owned();
    Outcome { conclusion, codes: BTreeSet::new(), seats: BTreeMap::new(), text: text.join("; ") }
}
