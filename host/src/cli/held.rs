//! `countersign held`: from an export alone, from the store at rest, or from the server that has it open.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufReader, Write as _};
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use countersign_core::held::{Account, Answer, Holding};
use countersign_core::names::{ModelName, PersonId, Workspace};

use super::args::{Held, HeldForm, Ledgers, Output};
use super::context::Context;
use super::machinery::runtime;
use super::operator::Operator;
use super::output::{Out, table};
use super::place::{self, Found};
use super::progress;
use crate::app::{AccountReader, Named, account_of, kept_name};
use crate::auth::users::Users;
use crate::clock::SystemClock;
use crate::config::{AuthMode, Config};
use crate::ledger::export::{self, Verified};
use crate::store::Store;
use crate::vault::Vault;

/// Where the server answers.
const HELD: &str = "/operator/held";

pub(super) fn run(context: &Context, given: &Held) -> Result<()> {
    let found = find(context, given)?;
    let form = given.format.unwrap_or(match context.out.form() {
        Output::Text => HeldForm::Text,
        Output::Json => HeldForm::Json,
    });
    match form {
        HeldForm::Json => context.out.json(&found),
        HeldForm::Text => Out::new(Output::Text).tell(&told(&found), &()),
        HeldForm::Csv => {
            let mut out = Out::raw();
            out.write_all(found.of.csv(&|person| found.call(person)).as_bytes())?;
            out.flush().context("writing to standard output")
        }
    }
}

fn find(context: &Context, given: &Held) -> Result<Named<Answer>> {
    let (name, model) = (given.name(), ModelName::new(&*given.model));
    let answer = |account: &Account| Answer::new(account, name.as_ref(), given.at);
    if let Some(file) = &given.ledgers.export {
        let (account, _) = of_export(file, &given.ledgers, &model)?;
        return Ok(Named { of: answer(&account), names: BTreeMap::new() });
    }
    let config = context.config()?;
    match place::find_store(&config)? {
        Found::AtRest(store) => {
            let workspace = Workspace::new(&*given.ledgers.workspace);
            let account = runtime()?.block_on(async {
                let ledger = place::ledger(&config, std::sync::Arc::clone(&store)).await?;
                Ok::<_, anyhow::Error>(account_of(&ledger, &workspace, &model)?)
            })?;
            let of = answer(&account);
            Ok(Named { names: names(&config, &*store, of.people()), of })
        }
        Found::Served => {
            let at = given.at.map(|at| at.exact());
            let mut query = vec![("model", model.as_str()), ("workspace", &given.ledgers.workspace)];
            query.extend(given.alias.as_deref().map(|alias| ("alias", alias)));
            query.extend(given.stage.as_deref().map(|stage| ("stage", stage)));
            query.extend(at.as_deref().map(|at| ("at", at)));
            let operator = Operator::new(&config)?;
            runtime()?.block_on(operator.get(HELD, &query))
        }
    }
}

/// What an export says about one model. One that does not hold says nothing.
pub(super) fn of_export(file: &Path, given: &Ledgers, model: &ModelName) -> Result<(Account, Verified)> {
    let trusted = super::ledger::trusted(given.vkey.clone())?;
    let opened = File::open(file).with_context(|| format!("cannot read `{}`", file.display()))?;
    let mut reader = AccountReader::new(Workspace::new(&*given.workspace), model.clone());
    let bar = progress::counting("entries", None);
    let read = export::read(
        &mut BufReader::new(opened),
        trusted.as_ref(),
        &mut |done| bar.set_position(done),
        &mut |index, json| reader.read(index, json),
    );
    bar.finish_and_clear();
    let found = read.with_context(|| format!("`{}` does not hold", file.display()))?;
    Ok((reader.finish(), found))
}

/// What people are called here, by the users' file or by the profiles in the store.
pub(super) fn names(config: &Config, store: &dyn Store, people: Vec<PersonId>) -> BTreeMap<PersonId, String> {
    let local = matches!(config.auth.mode, AuthMode::Local).then(|| Users::load(&config.auth.users_file));
    let local = local.and_then(Result::ok).unwrap_or_default();
    let vault = Vault::open(&place::people_keys(config), Arc::new(SystemClock::new())).ok();
    let name = |person: &PersonId| {
        let kept = || kept_name(store, vault.as_ref()?, person).ok().flatten();
        local.by_id(person).map(|user| user.name.clone()).or_else(kept)
    };
    people.into_iter().filter_map(|person| Some((person.clone(), name(&person)?))).collect()
}

fn told(found: &Named<Answer>) -> String {
    let Answer { at, held, notes, model, name, .. } = &found.of;
    let notes = notes.iter().fold(String::new(), |text, note| text + note + "\n");
    match at {
        Some(at) => {
            let each = held.iter().map(|held| in_full(found, held));
            let what = name.as_ref().map_or_else(|| "every name".to_owned(), |name| name.words());
            format!("{what} of {model} at {at}\n{}{notes}", each.collect::<String>())
        }
        None if held.is_empty() => notes,
        None => table(&rows(found)) + &notes,
    }
}

fn rows(found: &Named<Answer>) -> Vec<Vec<String>> {
    let head = ["NAME", "VERSION", "FROM", "UNTIL", "STANDS BY", "SIGNED BY", "ENTRY"];
    let row = |held: &Holding| {
        vec![
            held.name.to_string(),
            held.version.to_string(),
            held.from.to_string(),
            held.until.map_or_else(|| "now".to_owned(), |until| until.to_string()),
            held.standing.as_str().to_owned(),
            signers(found, held),
            format!("#{}", held.entry),
        ]
    };
    std::iter::once(head.map(str::to_owned).to_vec()).chain(found.of.held.iter().map(row)).collect()
}

fn signers(found: &Named<Answer>, held: &Holding) -> String {
    let signed = held.behind.reviews.iter().filter(|review| review.counts);
    let names: Vec<String> = signed.map(|review| found.call(&review.by)).collect();
    if names.is_empty() { "-".to_owned() } else { names.join(", ") }
}

fn in_full(found: &Named<Answer>, held: &Holding) -> String {
    let behind = &held.behind;
    let until = held.until.map_or_else(|| "now".to_owned(), |until| until.to_string());
    let mut text = format!("{}: version {}\n", held.name.words(), held.version);
    let mut line = |what: &str, said: String| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "  {what:<9} {said}");
    };
    line("held", format!("{} to {until}", held.from));
    line("stands by", format!("{}: {}", held.standing.as_str(), held.says));
    if let Some(request) = held.request {
        let asked = behind.asked_by.as_ref().map(|person| format!(", asked by {}", found.call(person)));
        line("request", format!("{request}{}", asked.unwrap_or_default()));
    }
    for review in behind.reviews.iter().filter(|review| review.counts) {
        let seat = review.seat.as_ref().map_or("any seat", |seat| seat.as_str());
        let (by, at, entry, why) = (found.call(&review.by), review.at, review.entry, &review.rationale);
        line("signed", format!("{by} as {seat} on {at} (#{entry}): {why}"));
    }
    for check in &behind.checks {
        line("check", format!("{}: {} (#{})", check.plugin, check.conclusion, check.entry));
    }
    for waived in &behind.waived {
        line("waived", waived.clone());
    }
    if let Some(broken) = &behind.break_glass {
        let (by, entry) = (found.call(&broken.by), broken.entry);
        line("emergency", format!("{by} broke the glass ({}, #{entry}): {}", broken.ticket, broken.reason));
    }
    for fault in &behind.faults {
        line("FAULT", fault.clone());
    }
    if let Some(policy) = &behind.policy {
        let tier = behind.tier.as_ref().map(|tier| format!(", tier {tier}")).unwrap_or_default();
        line("policy", format!("{policy}{tier}"));
    }
    if let Some(manifest) = behind.subject.as_ref().and_then(|subject| subject.manifest) {
        line("files", manifest.to_string());
    }
    let entries: Vec<String> = behind.entries.iter().map(|index| format!("#{index}")).collect();
    line("entries", entries.join(" "));
    text
}
