//! `countersign policy init`: a policy to begin with, which is valid as it stands.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::json;

use super::super::context::Context;
use super::super::failure::hinted;

/// For whom the policy is a beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Preset {
    /// Three lines of defence: validation, risk and legal sign by tier, and approvals run out.
    Bank,
    /// Few people: a second pair of eyes, and two for what matters most.
    Startup,
}

impl Preset {
    pub(super) const fn text(self) -> &'static str {
        match self {
            Self::Bank => include_str!("presets/bank.toml"),
            Self::Startup => include_str!("presets/startup.toml"),
        }
    }

    /// What it must decide.
    pub(super) const fn cases(self) -> &'static str {
        match self {
            Self::Bank => include_str!("presets/bank.tests.toml"),
            Self::Startup => include_str!("presets/startup.tests.toml"),
        }
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::Bank => "bank",
            Self::Startup => "startup",
        }
    }
}

/// Writes the policy and its cases; never over another file.
pub(super) fn run(context: &Context, preset: Preset, file: &Path) -> Result<()> {
    let cases = cases_of(file);
    write_both(preset, file)?;
    let (file, cases) = (file.display(), cases.display());
    context.out.tell(
        &format!(
            "wrote `{file}` with the tiers critical, high, medium and low, and `{cases}` with what it must decide: put \
             your people into its seats, and in place of its people into the cases; then run `countersign policy check \
             {file}` and `countersign policy test {file}`"
        ),
        &json!({"file": file.to_string(), "cases": cases.to_string(), "preset": preset.as_str()}),
    )
}

/// Where the cases of a policy lie.
pub(in crate::cli) fn cases_of(policy: &Path) -> PathBuf {
    policy.with_extension("tests.toml")
}

pub(in crate::cli) fn write_both(preset: Preset, file: &Path) -> Result<()> {
    let cases = cases_of(file);
    ensure!(!cases.exists(), already(&cases));
    write_new(file, preset.text())?;
    write_new(&cases, preset.cases())
}

/// Never over another file.
pub(in crate::cli) fn write_new(file: &Path, text: &str) -> Result<()> {
    let opened = OpenOptions::new().write(true).create_new(true).open(file);
    let mut out = match opened {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => bail!(already(file)),
        opened => opened.with_context(|| format!("cannot create `{}`", file.display()))?,
    };
    out.write_all(text.as_bytes()).with_context(|| format!("cannot write `{}`", file.display()))
}

fn already(file: &Path) -> anyhow::Error {
    hinted(
        format!("`{}` is there already", file.display()),
        "name another file with `--file`, or move it away",
    )
}

#[cfg(test)]
mod tests {
    use countersign_core::policy::Policy;

    use super::Preset;

    /// Each preset as it is written: it parses, has the four tiers from the strictest down, and a stricter tier asks
    /// at least as many people for every seat.
    fn check(preset: Preset) {
        let policy = Policy::parse("policy.toml", preset.text()).unwrap();
        let tiers: Vec<String> = policy.tiers().iter().map(|tier| tier.name.to_string()).collect();
        assert_eq!(tiers, ["critical", "high", "medium", "low"]);
        for gate in policy.gates() {
            for pair in policy.tiers().windows(2) {
                let seats = |at: usize| {
                    let asked = policy.approvals(gate, &pair[at].name);
                    asked.map(|approvals| approvals.seats.clone()).unwrap_or_default()
                };
                let (stricter, laxer) = (seats(0), seats(1));
                for (seat, count) in laxer {
                    assert!(stricter.get(&seat) >= Some(&count), "{preset:?}: {seat} at {}", pair[0].name);
                }
            }
        }
    }

    #[test]
    fn presets_decide_what_their_cases_say() {
        for preset in [Preset::Bank, Preset::Startup] {
            let policy = Policy::parse("policy.toml", preset.text()).unwrap();
            let cases = policy.cases("policy.tests.toml", preset.cases()).unwrap();
            for case in &cases {
                let run = case.run(&policy, None).unwrap();
                assert_eq!(run.wrong, [], "{preset:?}: {}: {:?}", run.name, run.got);
            }
        }
    }

    #[test]
    fn presets_are_valid_and_ordered() {
        check(Preset::Bank);
        check(Preset::Startup);
    }
}
