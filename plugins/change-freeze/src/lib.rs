//! Refuses promotions inside the windows of a calendar, or asks for further people there.
//!
//! The time is the evaluation's frozen clock, so that a replay finds the same window.

mod calendar;

use std::collections::BTreeMap;

use countersign_sdk::prelude::*;

/// The configuration of one gate.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChangeFreeze {
    #[serde(default)]
    windows: Vec<Window>,
    #[serde(default)]
    weekly: Vec<Weekly>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Window {
    name: String,
    start: String,
    end: String,
    reason: String,
    models: Option<Vec<String>>,
    targets: Option<Vec<String>>,
    seats: Option<BTreeMap<String, u32>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Weekly {
    name: String,
    from: String,
    to: String,
    reason: String,
    models: Option<Vec<String>>,
    targets: Option<Vec<String>>,
    seats: Option<BTreeMap<String, u32>>,
}

/// A window that is open, whichever kind it is.
struct Open<'a> {
    name: &'a str,
    until: String,
    reason: &'a str,
    models: Option<&'a [String]>,
    targets: Option<&'a [String]>,
    seats: Option<&'a BTreeMap<String, u32>>,
}

impl Rule for ChangeFreeze {
    fn problems(&self) -> Vec<ConfigError> {
        let dated = self.windows.iter().enumerate().filter_map(|(i, window)| {
            let place = format!("/windows/{i}");
            order(
                &place,
                calendar::moment(&window.start),
                calendar::moment(&window.end),
                "2026-12-18T00:00:00Z",
            )
        });
        let weekly = self.weekly.iter().enumerate().filter_map(|(i, window)| {
            let (from, to) = (calendar::of_week(&window.from), calendar::of_week(&window.to));
            match (from, to) {
                (Some(from), Some(to)) if from != to => None,
                _ => Some(ConfigError::at(
                    format!("/weekly/{i}"),
                    "`from` and `to` are two different times of the week in UTC, as in `fri 16:00`",
                )),
            }
        });
        dated.chain(weekly).collect()
    }

    fn decide(&self, input: &RuleInput) -> Result<Ruling, CannotJudge> {
        let open: Vec<Open<'_>> =
            self.open(input.now_ms)?.into_iter().filter(|w| w.concerns(input)).collect();
        let denials: Vec<Finding> = open.iter().filter(|w| w.seats.is_none()).map(Open::denial).collect();
        let summary = match open.as_slice() {
            [] => "no window of the calendar is open".to_owned(),
            windows => windows.iter().map(Open::sentence).collect::<Vec<_>>().join("; "),
        };
        Ok(Ruling { summary, seats: seats(&open), denials, extensions: Vec::new() })
    }
}

impl ChangeFreeze {
    fn open(&self, now: i64) -> Result<Vec<Open<'_>>, CannotJudge> {
        let mut open = Vec::new();
        for window in &self.windows {
            let times = calendar::moment(&window.start).zip(calendar::moment(&window.end));
            let (start, end) = times.ok_or_else(|| unreadable(&window.name))?;
            if (start..end).contains(&now) {
                open.push(window.open());
            }
        }
        for window in &self.weekly {
            let times = calendar::of_week(&window.from).zip(calendar::of_week(&window.to));
            let (from, to) = times.ok_or_else(|| unreadable(&window.name))?;
            if calendar::within_week(now, from, to) {
                open.push(window.open());
            }
        }
        Ok(open)
    }
}

impl Window {
    fn open(&self) -> Open<'_> {
        Open {
            name: &self.name,
            until: self.end.clone(),
            reason: &self.reason,
            models: self.models.as_deref(),
            targets: self.targets.as_deref(),
            seats: self.seats.as_ref(),
        }
    }
}

impl Weekly {
    fn open(&self) -> Open<'_> {
        Open {
            name: &self.name,
            until: format!("{} UTC", self.to),
            reason: &self.reason,
            models: self.models.as_deref(),
            targets: self.targets.as_deref(),
            seats: self.seats.as_ref(),
        }
    }
}

impl Open<'_> {
    /// Whether the window is about this action. The model that a version is registered into counts as well as the
    /// one that it comes from; an action without a target is about every target.
    fn concerns(&self, input: &RuleInput) -> bool {
        let target = input.action.target.as_deref();
        let into = target.filter(|_| input.action.kind == "register-version");
        let named = |name: &str| self.models.is_none_or(|patterns| any_matches(patterns, name));
        let model = named(&input.version.subject.model) || into.is_some_and(named);
        let hit = |patterns: &[String]| target.is_none_or(|target| any_matches(patterns, target));
        model && self.targets.is_none_or(hit)
    }

    fn sentence(&self) -> String {
        format!("window `{}` is open until {}: {}", self.name, self.until, self.reason)
    }

    fn denial(&self) -> Finding {
        let message = format!("nothing is promoted now: {}", self.sentence());
        Finding::error("frozen", message).remediation(format!("Ask again after {}.", self.until))
    }
}

countersign_sdk::rule!(ChangeFreeze);

/// Of each seat the largest number that an open window asks for.
fn seats(open: &[Open<'_>]) -> Vec<SeatRequirement> {
    let mut wanted: BTreeMap<&str, SeatRequirement> = BTreeMap::new();
    for window in open {
        for (seat, count) in window.seats.into_iter().flatten() {
            let asked = wanted.entry(seat).or_insert_with(|| SeatRequirement {
                seat: seat.clone(),
                count: 0,
                reason: String::new(),
            });
            if *count > asked.count {
                (asked.count, asked.reason) = (*count, window.sentence());
            }
        }
    }
    wanted.into_values().collect()
}

fn order(place: &str, start: Option<i64>, end: Option<i64>, example: &str) -> Option<ConfigError> {
    match (start, end) {
        (Some(start), Some(end)) if start < end => None,
        (Some(_), Some(_)) => Some(ConfigError::at(format!("{place}/end"), "the end lies after the start")),
        (start, _) => {
            let field = if start.is_none() { "start" } else { "end" };
            Some(ConfigError::at(
                format!("{place}/{field}"),
                format!("this is a moment in UTC, as in `{example}`"),
            ))
        }
    }
}

fn unreadable(window: &str) -> CannotJudge {
    CannotJudge::new(format!("the times of window `{window}` cannot be read"))
}

fn any_matches(patterns: &[String], name: &str) -> bool {
    patterns.iter().any(|pattern| matches(&pattern.to_lowercase(), &name.to_lowercase()))
}

/// `*` stands for any characters, also none.
fn matches(pattern: &str, name: &str) -> bool {
    let Some((head, rest)) = pattern.split_once('*') else { return pattern == name };
    let Some(mut left) = name.strip_prefix(head) else { return false };
    let mut parts: Vec<&str> = rest.split('*').collect();
    let tail = parts.pop().unwrap_or_default();
    for part in parts {
        match left.find(part) {
            Some(at) => left = left.get(at + part.len()..).unwrap_or_default(),
            None => return false,
        }
    }
    left.ends_with(tail)
}

#[cfg(test)]
mod tests {
    use countersign_sdk::testing;

    use super::{ChangeFreeze, matches};

    #[test]
    fn cases() -> Result<(), testing::Failures> {
        testing::rule_cases::<ChangeFreeze>("cases")
    }

    #[test]
    fn patterns() {
        let check = |pattern: &str, name: &str, expect: bool| {
            assert_eq!(matches(pattern, name), expect, "{pattern} on {name}");
        };
        check("*", "anything", true);
        check("prod-*", "prod-eu", true);
        check("prod-*", "prod", false);
        check("*-eu-*", "prod-eu-1", true);
        check("a*a", "a", false);
        check("a*b*c", "axxbyyc", true);
        check("a*b*c", "axxc", false);
    }

    #[test]
    fn whoever_is_refused_learns_until_when_and_why() {
        let config = r#"{"windows":[{"name":"year-end","start":"2026-12-18T00:00Z","end":"2027-01-04T06:00Z","reason":"the books are closed"}]}"#;
        let given = testing::version("m", "1").with(|given| given.now_ms = 1_797_552_000_000).config(config);
        let ruling = given.decide::<ChangeFreeze>().unwrap();
        let denial = &ruling.denials[0];
        assert_eq!(
            denial.message,
            "nothing is promoted now: window `year-end` is open until 2027-01-04T06:00Z: the books are closed"
        );
    }
}
