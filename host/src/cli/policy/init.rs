//! `countersign policy init`: a policy to begin with, which is valid as it stands.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write as _};
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use serde_json::json;

use super::super::context::Context;

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

    const fn as_str(self) -> &'static str {
        match self {
            Self::Bank => "bank",
            Self::Startup => "startup",
        }
    }
}

/// Writes the policy; never over another one.
pub(super) fn run(context: &Context, preset: Preset, file: &Path) -> Result<()> {
    let opened = OpenOptions::new().write(true).create_new(true).open(file);
    let mut out = match opened {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            bail!("`{}` is there already: name another file with --file, or move it away", file.display())
        }
        opened => opened.with_context(|| format!("cannot create `{}`", file.display()))?,
    };
    out.write_all(preset.text().as_bytes()).with_context(|| format!("cannot write `{}`", file.display()))?;
    let file = file.display();
    context.out.tell(
        &format!(
            "wrote `{file}` with the tiers critical, high, medium and low: put your people into its seats, then run \
             `countersign policy check {file}`"
        ),
        &json!({"file": file.to_string(), "preset": preset.as_str()}),
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
    fn presets_are_valid_and_ordered() {
        check(Preset::Bank);
        check(Preset::Startup);
    }
}
