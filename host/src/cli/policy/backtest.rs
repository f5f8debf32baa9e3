//! `policy backtest`: at rest from the store, else by the server that has it open.

use std::fmt::{self, Display};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result};
use countersign_core::policy::Policy;
use serde_json::{Value, json};

use crate::app::{Backtest, BacktestReport, KeptProfiles, People};
use crate::cli::args::PolicyBacktest;
use crate::cli::context::Context;
use crate::cli::failure::misread;
use crate::cli::identity;
use crate::cli::machinery::{client, runtime};
use crate::cli::operator::Operator;
use crate::cli::output::{counted, painted};
use crate::cli::place::{self, Found};
use crate::cli::progress;
use crate::clock::{Clock, SystemClock};
use crate::config::Config;
use crate::ledger::Head;
use crate::store::Store;
use crate::vault::Vault;

pub(super) fn run(context: &Context, wanted: &PolicyBacktest) -> Result<()> {
    let config = context.config()?;
    let policy = parsed(&wanted.file).map_err(misread)?;
    let report = match place::find_store(&config)? {
        Found::AtRest(store) => at_rest(&config, store, &policy, wanted)?,
        Found::Served => served(&config, wanted)?,
    };
    context.out.tell(&Shown { report: &report, file: &wanted.file }, &report)
}

fn parsed(file: &Path) -> Result<Policy> {
    Ok(Policy::parse(&file.display().to_string(), &super::read(file)?)?)
}

fn at_rest(
    config: &Config,
    store: Arc<dyn Store>,
    policy: &Policy,
    wanted: &PolicyBacktest,
) -> Result<BacktestReport> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let max_age = identity::span(config.auth.groups_max_age);
    let vault = Arc::new(Vault::open(&place::people_keys(config), Arc::clone(&clock))?);
    let profiles = Arc::new(KeptProfiles::open(Arc::clone(&store), Arc::clone(&clock), vault, max_age)?);
    let auth = identity::auth(config, client(config)?, profiles.for_auth(), &clock)?;
    let people = People::new(Arc::new(auth)).with_profiles(profiles);
    let mut known =
        wanted.was.iter().map(|file| parsed(file)).collect::<Result<Vec<_>>>().map_err(misread)?;
    // The policy in force, in case its text was never kept. One that cannot be read is no help.
    known.extend(parsed(&config.policy_file));
    let ledger = runtime()?.block_on(place::ledger(config, Arc::clone(&store)))?;
    let bar = progress::counting("entries", Some(Head::read(&*store)?.size()));
    let backtest =
        Backtest { store: &*store, ledger: &ledger, people: &people, policy, known, since: wanted.since };
    let report = backtest.run(&mut |done| bar.set_position(done));
    bar.finish_and_clear();
    report.context("deciding again what the store has recorded")
}

fn served(config: &Config, wanted: &PolicyBacktest) -> Result<BacktestReport> {
    let written =
        |file: &PathBuf| Ok::<Value, anyhow::Error>(json!({"file": file, "text": super::read(file)?}));
    let was = wanted.was.iter().map(written).collect::<Result<Vec<_>>>()?;
    let asked = json!({"policy": written(&wanted.file)?, "since": wanted.since, "was": was});
    let operator = Operator::new(config)?;
    let bar = progress::counting("the running server decides again", None);
    let report = runtime()?.block_on(operator.hand_over("/operator/backtest", &asked));
    bar.finish_and_clear();
    report
}

struct Shown<'a> {
    report: &'a BacktestReport,
    file: &'a Path,
}

impl Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let report = self.report;
        let decisions = counted(report.decisions, "recorded decision", "recorded decisions");
        let since = report.since.map(|since| format!(" since {since}")).unwrap_or_default();
        writeln!(f, "{decisions}{since}, decided again by `{}` ({})", self.file.display(), report.policy)?;
        let changed = report.changed.len();
        let changes = painted(&format!("{changed} would change"), if changed == 0 { 32 } else { 33 });
        writeln!(
            f,
            "{} as recorded, {changes}, {} unknown, {} cannot be re-decided",
            report.unchanged,
            report.unknown.len(),
            report.cannot_be_redecided.len()
        )?;
        self.changed(f)?;
        self.live(f)?;
        self.open(f)
    }
}

impl Shown<'_> {
    fn changed(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for changed in &self.report.changed {
            let which = &changed.decision;
            writeln!(f, "\nentry {}  {}  {}", which.entry, which.at, which.action)?;
            writeln!(f, "    {} → {}", which.recorded, painted(&changed.to, 33))?;
            changed.because.iter().try_for_each(|why| writeln!(f, "    {why}"))?;
            changed.assumed.iter().try_for_each(|what| writeln!(f, "    taken for granted: {what}"))?;
        }
        Ok(())
    }

    fn live(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for live in &self.report.live {
            let name = live.name.replacen(':', " ", 1);
            let by = live.entry.map(|entry| format!(" (entry {entry})")).unwrap_or_default();
            writeln!(f, "\nlive: {name} of {} holds version {}{by}", live.model, live.version)?;
            writeln!(
                f,
                "    {}",
                if live.verdict == "unknown" {
                    "unknown".to_owned()
                } else {
                    format!("would not comply: {}", painted(&live.verdict, 31))
                }
            )?;
            live.because.iter().try_for_each(|why| writeln!(f, "    {why}"))?;
        }
        Ok(())
    }

    fn open(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for unknown in &self.report.unknown {
            let (which, needs) = (&unknown.decision, unknown.would_need.join(", "));
            writeln!(f, "\nentry {}  {}  {}", which.entry, which.at, which.action)?;
            writeln!(f, "    unknown: would need {needs}")?;
        }
        for cannot in &self.report.cannot_be_redecided {
            let which = &cannot.decision;
            writeln!(f, "\nentry {}  {}  {}", which.entry, which.at, which.action)?;
            writeln!(f, "    cannot be re-decided: {}", cannot.why)?;
        }
        Ok(())
    }
}
