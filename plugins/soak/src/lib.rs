//! Asks that a version has held an earlier alias for some time without a break.
//!
//! What proves it is Countersign's own record. Time that nobody has recorded is not proved, and does not count.

use countersign_sdk::history::AliasHolding;
use countersign_sdk::prelude::*;

const MINUTE_MS: i64 = 60_000;

/// By how much MLflow's clock, which dates a version, may be ahead of ours, which dates what it holds.
const CLOCKS_APART_MS: i64 = MINUTE_MS;

/// The configuration of one gate.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Soak {
    /// The earlier alias.
    alias: String,
    at_least: String,
    /// Whether the version must hold the alias now.
    #[serde(default = "yes")]
    still: bool,
    #[serde(default)]
    bypassed: Bypassed,
}

/// What becomes of time that began with a move round Countersign.
#[derive(Debug, Default, Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Bypassed {
    #[default]
    Refuse,
    Count,
}

impl Rule for Soak {
    fn problems(&self) -> Vec<ConfigError> {
        let wrong = minutes(&self.at_least).is_none();
        let error = || ConfigError::at("/at_least", "this is a number and `m`, `h` or `d`, as in `72h`");
        wrong.then(error).into_iter().collect()
    }

    fn decide(&self, input: &RuleInput) -> Result<Ruling, CannotJudge> {
        let wanted = minutes(&self.at_least).ok_or("`at_least` is not a time")?;
        let subject = &input.version.subject;
        let held = history::alias_holdings(&subject.model, &subject.version)?;
        let proved = held.iter().filter_map(|holding| self.counted(holding, input)).max();
        let (summary, denial) = match proved {
            Some(proved) if proved >= wanted => (self.proved(proved), None),
            proved => (self.lacking(proved, wanted), Some(self.denial(proved, wanted, input))),
        };
        let denials = denial.into_iter().collect();
        Ok(Ruling { summary, seats: Vec::new(), denials, extensions: Vec::new() })
    }
}

impl Soak {
    /// For how many minutes this time counts; `None` when it proves nothing.
    fn counted(&self, holding: &AliasHolding, input: &RuleInput) -> Option<i64> {
        let same = holding.alias.to_lowercase() == self.alias.to_lowercase();
        let refused = holding.bypassed && self.bypassed == Bypassed::Refuse;
        let created = input.version.subject.created_ms;
        // It began before the version was there: it was another version of the same number.
        let of_another = holding.since_ms.saturating_add(CLOCKS_APART_MS) < created;
        if !same || refused || of_another || (self.still && !self.lasts(holding, input)) {
            return None;
        }
        let until = holding.until_ms.unwrap_or(input.now_ms).min(input.now_ms);
        Some((until.saturating_sub(holding.since_ms.max(created)) / MINUTE_MS).max(0))
    }

    /// Our record and the registry must both say that the alias is held now.
    fn lasts(&self, holding: &AliasHolding, input: &RuleInput) -> bool {
        let mut aliases = input.version.aliases.iter();
        let held = aliases.any(|alias| alias.to_lowercase() == self.alias.to_lowercase());
        holding.until_ms.is_none() && held
    }

    fn proved(&self, proved: i64) -> String {
        format!("held `{}` for {} without a break", self.alias, spoken(proved))
    }

    fn lacking(&self, proved: Option<i64>, wanted: i64) -> String {
        let wanted = spoken(wanted);
        match proved {
            Some(proved) => {
                format!("held `{}` for {}, and {wanted} are asked for", self.alias, spoken(proved))
            }
            None => format!(
                "it is not proved that this version has held `{}`, and {wanted} are asked for",
                self.alias
            ),
        }
    }

    fn denial(&self, proved: Option<i64>, wanted: i64, input: &RuleInput) -> Finding {
        let code = if proved.is_some() { "soak-too-short" } else { "soak-not-proved" };
        // In minutes; the message says it in hours.
        Finding::error(code, self.lacking(proved, wanted))
            .measured(proved.unwrap_or(0))
            .threshold(">=", wanted)
            .remediation(self.remedy(proved, wanted, &input.version.subject.version))
    }

    fn remedy(&self, proved: Option<i64>, wanted: i64, version: &str) -> String {
        match proved {
            Some(proved) => format!("Ask again in {}.", spoken(wanted.saturating_sub(proved))),
            None => format!(
                "Set `{}` to version {version} through Countersign and leave it there for {}.",
                self.alias,
                spoken(wanted)
            ),
        }
    }
}

countersign_sdk::rule!(Soak);

/// `30m`, `72h` or `7d` in minutes.
fn minutes(text: &str) -> Option<i64> {
    let unit = match text.chars().last()? {
        'm' => 1,
        'h' => 60,
        'd' => 24 * 60,
        _ => return None,
    };
    let number: i64 = text.get(..text.len() - 1)?.parse().ok()?;
    number.checked_mul(unit).filter(|minutes| *minutes > 0)
}

fn spoken(minutes: i64) -> String {
    match (minutes / 60, minutes % 60) {
        (0, rest) => format!("{rest} min"),
        (hours, 0) => format!("{hours} h"),
        (hours, rest) => format!("{hours} h {rest} min"),
    }
}

const fn yes() -> bool {
    true
}

#[cfg(test)]
mod tests {
    use countersign_sdk::testing;

    use super::Soak;

    const HOUR: i64 = 3_600_000;

    #[test]
    fn cases() -> Result<(), testing::Failures> {
        testing::rule_cases::<Soak>("cases")
    }

    /// What the rule says of a version that has held `staging` since hour 10, asked at some hour for 72 hours.
    fn check(now: i64, expect: &str) {
        let given = testing::version("m", "7").alias("staging").held("staging", 10 * HOUR, None);
        let given = given.with(|given| given.now_ms = now).config(r#"{"alias":"staging","at_least":"72h"}"#);
        assert_eq!(given.decide::<Soak>().unwrap().summary, expect);
    }

    #[test]
    fn the_time_is_counted_to_the_minute() {
        check(82 * HOUR, "held `staging` for 72 h without a break");
        check(82 * HOUR - 1, "held `staging` for 71 h 59 min, and 72 h are asked for");
        check(10 * HOUR, "held `staging` for 0 min, and 72 h are asked for");
    }

    #[test]
    fn a_clock_that_was_set_back_proves_nothing() {
        check(0, "held `staging` for 0 min, and 72 h are asked for");
    }
}
