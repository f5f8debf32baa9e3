//! From the text of a policy to a [`Policy`], or to every fault in it.
//!
//! The text is read once into tables with positions; each section reads its tables into values and notes faults
//! as it meets them. References are resolved while reading, so the order below is the order of reference.

mod cases;
mod exceptions;
mod fault;
mod gates;
mod json;
mod people;
mod plugins;
mod table;

pub(super) use self::cases::cases;
pub use self::fault::{Fault, PolicyError};

use self::fault::Faults;
use self::table::Table;
use super::{Policy, PolicyDigest};
use crate::digest::Digest;
use crate::names::Pattern;

const SECTIONS: &[&str] = &["plugin", "seat", "delegation", "tier", "gate", "waivers", "break_glass"];

pub(super) fn policy(file: &str, text: &str) -> Result<Policy, PolicyError> {
    let faults = Faults::new(file, text);
    let document = document(text, &faults)?;
    let root = Table::new(&faults, document.get_ref(), document.span(), "the policy".to_owned());
    let policy = read(&root);
    faults.none_so_far()?;
    policy.ok_or_else(|| faults.unexplained())
}

/// The text as tables with positions.
fn document<'t>(
    text: &'t str,
    faults: &Faults<'t>,
) -> Result<toml::Spanned<toml::de::DeTable<'t>>, PolicyError> {
    let (document, syntax) = toml::de::DeTable::parse_recoverable(text);
    for error in &syntax {
        let offset = error.span().map_or(0, |span| span.start);
        faults.add(offset, format!("this is not TOML: {}", error.message()));
    }
    // What was recovered from broken text would only add faults that are none.
    faults.none_so_far()?;
    Ok(document)
}

fn read(root: &Table<'_>) -> Option<Policy> {
    root.only(SECTIONS);
    let plugins = plugins::read(root);
    let seats = people::seats(root);
    let tiers = people::tiers(root);
    let gates = gates::read(root, &seats);
    let delegations = people::delegations(root, &seats);
    let waivers = exceptions::waivers(root, &seats);
    let break_glass = exceptions::break_glass(root, &seats);
    let digest = PolicyDigest(Digest::of(&[]));
    let policy = Policy { plugins, seats, tiers, gates, delegations, waivers, break_glass, digest };
    let failed = |error| root.fault(0, format!("the policy cannot be written as canonical JSON: {error}"));
    policy.digested().map_err(failed).ok()
}

/// Notes names that stand twice.
fn unique(what: &str, names: impl IntoIterator<Item = (String, usize)>, faults: &Faults<'_>) {
    let mut seen: Vec<(String, usize)> = Vec::new();
    for (name, offset) in names {
        match seen.iter().find(|(earlier, _)| *earlier == name) {
            Some((_, first)) => {
                let line = faults.line(*first);
                faults.add(
                    offset,
                    format!("{what} `{name}` already stands in line {line}: rename one of them"),
                );
            }
            None => seen.push((name, offset)),
        }
    }
}

/// What to write in place of a name that is not there: one of those that are, or a table that makes it.
fn known_or_new<'a>(names: impl IntoIterator<Item = &'a str>, table: &str) -> String {
    let mut names = names.into_iter().peekable();
    match names.peek() {
        None => format!("add a `[[{table}]]`"),
        Some(_) => format!("{}, or add a `[[{table}]]`", choices(names)),
    }
}

/// A list of choices for an error.
fn choices<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let mut names: Vec<String> = names.into_iter().map(|name| format!("`{name}`")).collect();
    names.dedup();
    if names.is_empty() {
        "there is none yet".to_owned()
    } else {
        format!("choose one of {}", names.join(", "))
    }
}

/// A pattern over model names. MLflow takes neither `/` nor `:` in them.
fn model_pattern(text: &str) -> Result<Pattern, String> {
    match text.chars().find(|c| matches!(c, '/' | ':')) {
        Some(c) => Err(format!("no model can be called `{text}`: MLflow takes no `{c}` in names")),
        None => pattern(text),
    }
}

/// A pattern over aliases. MLflow takes letters, digits, `_` and `-` in them.
fn alias_pattern(text: &str) -> Result<Pattern, String> {
    match text.chars().find(|&c| !c.is_alphanumeric() && !matches!(c, '_' | '-' | '*')) {
        Some(c) => Err(format!(
            "no alias can be called `{text}`: MLflow takes no `{c}` in them, only letters, digits, `_` and `-`"
        )),
        None => pattern(text),
    }
}

fn pattern(text: &str) -> Result<Pattern, String> {
    if text.trim().is_empty() {
        return Err("an empty pattern matches nothing: write a name, or `*` for all".to_owned());
    }
    Ok(Pattern::new(text))
}

// Not formatted: `expect-test` cannot update expectations that are broken over lines.
#[cfg(test)]
#[rustfmt::skip]
mod tests;
