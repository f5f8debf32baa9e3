//! Benches that need processes: ours against a named baseline, in the same run, in paired rounds. They print ratios
//! and assert nothing: a shared machine is noisy.

mod gate;
mod governed_write;
mod load;
mod memory;
mod nginx;
mod proxy;
mod rig;
mod safety;
mod start;
mod stream;

use anyhow::{Result, bail};
use clap::Args;

use crate::console::say;
use crate::{host, plugins};

/// What `cargo xt bench` can be told.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  cargo xt bench                         what can be measured
  cargo xt bench proxy                   one measurement
  cargo xt bench proxy stream --rounds 9
  cargo xt bench governed-write --rules  with tiers by CEL and a rule plugin, too
  COUNTERSIGN_BIN=/usr/bin/countersign cargo xt bench proxy     another build than the release build")]
pub struct Bench {
    names: Vec<String>,
    /// Paired rounds, of which the median counts
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Seconds of load per measurement
    #[arg(long, default_value_t = 4)]
    seconds: u32,
    /// governed-write: once more with tiers and a rule
    #[arg(long)]
    rules: bool,
}

/// One measurement.
struct Entry {
    name: &'static str,
    what: &'static str,
    run: fn(&Bench) -> Result<Vec<Row>>,
}

/// One line of the table.
struct Row {
    name: String,
    ours: String,
    baseline: String,
    ratio: String,
    target: &'static str,
}

const ENTRIES: [Entry; 7] = [
    Entry { name: "proxy", what: "small GET through us, nginx, nothing", run: proxy::run },
    Entry { name: "stream", what: "500 MB PUT and GET through us and nginx; our memory", run: stream::run },
    Entry {
        name: "governed-write",
        what: "an allowed alias write, to MLflow and through us",
        run: governed_write::run,
    },
    Entry { name: "start", what: "start with 30 plugins, code cache warm and cold", run: start::run },
    Entry {
        name: "artifact-safety",
        what: "500 MB pickle against picklescan and modelscan",
        run: safety::run,
    },
    Entry { name: "memory", what: "resident memory with 10 plugins loaded", run: memory::run },
    Entry { name: "gate", what: "governed writes per second against our own pass-through", run: gate::run },
];

// === impl Bench ===

impl Bench {
    pub fn run(&self) -> Result<()> {
        if self.names.is_empty() {
            ENTRIES.iter().for_each(|entry| say(format_args!("{:16} {}", entry.name, entry.what)));
            return Ok(());
        }
        let names = ENTRIES.map(|entry| entry.name);
        if let Some(unknown) = self.names.iter().find(|name| !names.contains(&name.as_str())) {
            bail!("there is no bench `{unknown}`; there are: {}", names.join(", "));
        }
        prepare()?;
        let mut rows = Vec::new();
        for entry in ENTRIES.iter().filter(|entry| self.names.iter().any(|name| name == entry.name)) {
            rows.extend((entry.run)(self)?);
        }
        table(&rows);
        Ok(())
    }
}

/// Measures what ships: the release build, unless `COUNTERSIGN_BIN` names another binary.
fn prepare() -> Result<()> {
    if std::env::var_os("COUNTERSIGN_BIN").is_none() {
        host::build_release()?;
    }
    plugins::build(&[]).map(drop)
}

fn table(rows: &[Row]) {
    say(format_args!("{:40} {:>14} {:>14} {:>9}  {}", "name", "ours", "baseline", "ratio", "target"));
    for row in rows {
        say(format_args!(
            "{:40} {:>14} {:>14} {:>9}  {}",
            row.name, row.ours, row.baseline, row.ratio, row.target
        ));
    }
}

/// The middle value; of an even number the lower middle one.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len().saturating_sub(1) / 2).copied().unwrap_or(f64::NAN)
}

/// The middle of the ratios of pairs, which is steadier than the ratio of the middles.
fn paired(ours: &[f64], baseline: &[f64]) -> f64 {
    median(ours.iter().zip(baseline).map(|(ours, baseline)| ours / baseline).collect())
}
