//! How a version stands, at a glance: what a chip beside it says.
//!
//! One word out of everything that is known, and the one that asks most loudly for somebody wins. This module must not
//! know: where chips are shown, who looks.

use crate::check::{CheckRun, Conclusion};
use crate::decide::{GateVerdict, Need, Verdict};
use crate::names::{PluginName, Seat};
use crate::request::{PromotionRequest, RequestId, Standing, State};
use crate::time::Millis;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Badge {
    /// No gate covers its model.
    NotGoverned,
    /// No check has run yet.
    NotChecked,
    ChecksRunning,
    /// Nobody has asked for it.
    ChecksPassed,
    ChecksFailed(Vec<PluginName>),
    /// Something other than a check or a signature is in the way.
    Blocked,
    WaitingFor(Vec<Seat>),
    Approved {
        until: Option<Millis>,
        /// It ends soon.
        ending: bool,
    },
    /// It holds a governed name since before anybody watched.
    FromBefore,
    Applying,
    Stale,
    Rejected,
    Expired,
    Suspended,
    Revoked,
    Bypassed,
    BreakGlass,
}

/// What somebody should feel who sees it, besides reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    Neutral,
    Good,
    Busy,
    Warning,
    Bad,
}

/// What is known of one version.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a> {
    /// Whether any gate covers its model.
    pub governed: bool,
    /// Whether something that it holds came to it without a permit.
    pub bypassed: bool,
    /// Whether it holds a governed name.
    pub holds: bool,
    /// Whether its checks run at this moment.
    pub running: bool,
    /// Its promotion requests, newest first.
    pub requests: &'a [&'a PromotionRequest],
    /// The latest run of each check.
    pub check_runs: &'a [CheckRun],
    pub now: Millis,
}

/// What to say of a version, and the request to look at.
#[must_use]
pub fn of(known: &Known<'_>) -> (Badge, Option<RequestId>) {
    let newest = known.requests.first().copied();
    if known.bypassed {
        return (Badge::Bypassed, newest.map(|request| request.id));
    }
    let live = known.requests.iter().find(|request| request.state.is_live());
    let speaks = |request: &&PromotionRequest| Some((of_request(request, known.now)?, Some(request.id)));
    // What it holds says more than what else was asked for it.
    let made = |request: &&&PromotionRequest| known.holds && request.standing(known.now).is_some();
    let held = known.requests.iter().find(made).and_then(speaks);
    let said = live.and_then(speaks).or(held).or_else(|| known.requests.iter().find_map(speaks));
    match said {
        Some((_, id)) if known.running && live.is_none() => (Badge::ChecksRunning, id),
        Some(said) => said,
        None => (of_checks(known), None),
    }
}

/// `None` for one that ended without a word on its version.
#[must_use]
pub fn of_request(request: &PromotionRequest, now: Millis) -> Option<Badge> {
    let badge = match &request.state {
        _ if request.flags.break_glass && request.state.is_live() => Badge::BreakGlass,
        _ if request.flags.stale && request.state.is_live() => Badge::Stale,
        State::Open => blocked(request),
        State::InReview => Badge::WaitingFor(open_seats(&request.gates)),
        State::Applying { .. } => Badge::Applying,
        State::Approved { .. } => Badge::Approved { until: request.valid_until, ending: false },
        State::Rejected { .. } => Badge::Rejected,
        State::Withdrawn { .. } | State::Superseded { .. } | State::Lapsed { .. } => return None,
        _ if request.flags.break_glass => Badge::BreakGlass,
        _ => match request.standing(now)? {
            Standing::Active { .. } | Standing::Expiring { .. } if request.undermined.is_some() => {
                Badge::Stale
            }
            Standing::Stale => Badge::Stale,
            Standing::Active { until } => Badge::Approved { until, ending: false },
            Standing::Expiring { until } => Badge::Approved { until: Some(until), ending: true },
            Standing::Expired => Badge::Expired,
            Standing::Suspended => Badge::Suspended,
            Standing::Revoked => Badge::Revoked,
        },
    };
    Some(badge)
}

fn blocked(request: &PromotionRequest) -> Badge {
    let failed = failed(request.check_runs.iter().filter(|run| run.required));
    if failed.is_empty() { Badge::Blocked } else { Badge::ChecksFailed(failed) }
}

fn failed<'a>(runs: impl Iterator<Item = &'a CheckRun>) -> Vec<PluginName> {
    let failed = runs.filter(|run| !run.outcome.conclusion().satisfies());
    let mut plugins: Vec<PluginName> = failed.map(|run| run.plugin.clone()).collect();
    plugins.dedup();
    plugins
}

fn open_seats(gates: &[GateVerdict]) -> Vec<Seat> {
    let held = gates.iter().filter(|gate| gate.enforced).flat_map(|gate| match &gate.verdict {
        Verdict::Held(needs) => needs.as_slice(),
        _ => &[],
    });
    let seats = held.filter_map(|need| match need {
        Need::Signatures { seat, .. } => Some(seat.clone()),
        _ => None,
    });
    let mut seats: Vec<Seat> = seats.collect();
    seats.sort();
    seats.dedup();
    seats
}

fn of_checks(known: &Known<'_>) -> Badge {
    if known.running {
        return Badge::ChecksRunning;
    }
    if known.holds {
        return Badge::FromBefore;
    }
    if !known.governed {
        return Badge::NotGoverned;
    }
    let skipped = |run: &&CheckRun| run.outcome.conclusion() != Conclusion::Skipped;
    match failed(known.check_runs.iter().filter(skipped)) {
        failed if !failed.is_empty() => Badge::ChecksFailed(failed),
        _ if known.check_runs.is_empty() => Badge::NotChecked,
        _ => Badge::ChecksPassed,
    }
}

impl Badge {
    /// The stable word.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::NotGoverned => "not-governed",
            Self::NotChecked => "not-checked",
            Self::ChecksRunning => "checks-running",
            Self::ChecksPassed => "checks-passed",
            Self::ChecksFailed(_) => "checks-failed",
            Self::Blocked => "blocked",
            Self::WaitingFor(_) => "waiting",
            Self::Approved { .. } => "approved",
            Self::FromBefore => "from-before",
            Self::Applying => "applying",
            Self::Stale => "stale",
            Self::Rejected => "rejected",
            Self::Expired => "expired",
            Self::Suspended => "suspended",
            Self::Revoked => "revoked",
            Self::Bypassed => "bypassed",
            Self::BreakGlass => "break-glass",
        }
    }

    /// What people read.
    #[must_use]
    pub fn words(&self) -> String {
        let fixed = match self {
            Self::WaitingFor(seats) if seats.is_empty() => "In review",
            Self::WaitingFor(seats) => {
                let seats: Vec<&str> = seats.iter().map(Seat::as_str).collect();
                return format!("Waiting for {}", seats.join(", "));
            }
            Self::Approved { until: Some(until), .. } => {
                let until = until.to_string();
                return format!("Approved until {}", until.get(..DAY).unwrap_or(&until));
            }
            Self::Approved { until: None, .. } => "Approved",
            Self::NotGoverned => "Not governed",
            Self::NotChecked => "Not checked",
            Self::ChecksRunning => "Checks running",
            Self::ChecksPassed => "Checks passed",
            Self::ChecksFailed(_) => "Checks failed",
            Self::Blocked => "Blocked",
            Self::FromBefore => "Held from before",
            Self::Applying => "Being applied",
            Self::Stale => "Stale",
            Self::Rejected => "Rejected",
            Self::Expired => "Expired",
            Self::Suspended => "Suspended",
            Self::Revoked => "Revoked",
            Self::Bypassed => "Bypassed",
            Self::BreakGlass => "Glass broken",
        };
        fixed.to_owned()
    }

    #[must_use]
    pub const fn tone(&self) -> Tone {
        match self {
            Self::NotGoverned | Self::NotChecked | Self::FromBefore => Tone::Neutral,
            Self::ChecksPassed | Self::Approved { ending: false, .. } => Tone::Good,
            Self::ChecksRunning | Self::WaitingFor(_) | Self::Applying => Tone::Busy,
            Self::Approved { ending: true, .. } | Self::Stale | Self::Blocked => Tone::Warning,
            Self::ChecksFailed(_)
            | Self::Rejected
            | Self::Expired
            | Self::Suspended
            | Self::Revoked
            | Self::Bypassed
            | Self::BreakGlass => Tone::Bad,
        }
    }
}

/// Letters of `2026-12-01` at the start of a time.
const DAY: usize = 10;

impl Tone {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Neutral => "neutral",
            Self::Good => "good",
            Self::Busy => "busy",
            Self::Warning => "warning",
            Self::Bad => "bad",
        }
    }
}

#[cfg(test)]
mod tests;
