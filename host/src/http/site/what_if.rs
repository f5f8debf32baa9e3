//! The simulator: what would be asked of a version. Nothing is recorded.

use axum::extract::Query;
use axum::response::Response;
use countersign_core::check::CheckRun;
use countersign_core::names::{ModelName, Version};
use countersign_core::policy::TierOutcome;
use countersign_core::what_if::WhatIf;
use http::StatusCode;

use super::errors::sentence;
use super::policy::words;
use super::{Visitor, page};
use crate::app::{AppError, Asks, Candidate, Explained, Question};
use crate::http::error;
use crate::http::pages::policy::AskFields;
use crate::http::pages::what_if::{AskAnswer, AskGate, AskSeat, AskTier, WhatIfPage};
use crate::http::pages::{Chip, Nav};

pub(super) async fn show(visitor: Visitor, Query(ask): Query<AskFields>) -> Response {
    let asked = !ask.model.is_empty() || !ask.version.is_empty();
    let answered = if asked { Some(answer(&visitor, &ask).await) } else { None };
    let (status, answer, error) = match answered {
        None => (StatusCode::OK, None, None),
        Some(Ok(answer)) => (StatusCode::OK, Some(answer), None),
        Some(Err(error)) => (error::kind(&error).0, None, Some(sentence(&error::chain(&error)))),
    };
    page(status, &WhatIfPage { chrome: visitor.chrome(Nav::Policy), ask, error, answer })
}

async fn answer(visitor: &Visitor, ask: &AskFields) -> Result<AskAnswer, AppError> {
    let question = question(visitor, ask)?;
    let generation = visitor.app().generation.load_full();
    let explained = Box::pin(visitor.app().what_would_be_asked(&generation, &question)).await?;
    Ok(told(explained))
}

fn question(visitor: &Visitor, ask: &AskFields) -> Result<Question, AppError> {
    let no_version = || AppError::Invalid(format!("`{}` is no version: write its number", ask.version));
    let requester = Some(ask.requester.trim()).filter(|name| !name.is_empty());
    let nobody = |name: &str| AppError::Invalid(format!("nobody here is called `{name}`: leave it empty"));
    let person = |name: &str| visitor.app().people.person_of(name).ok_or_else(|| nobody(name));
    let lines = ask.suppose.lines().map(str::trim).filter(|line| !line.is_empty());
    let fact = |line: &str| {
        line.parse::<WhatIf>().map_err(|error| AppError::Invalid(format!("`{line}` is no fact: {error}")))
    };
    Ok(Question {
        model: ModelName::new(ask.model.trim()),
        version: Version::parse(ask.version.trim()).ok_or_else(no_version)?,
        target: ask.action.trim().parse().map_err(AppError::Invalid)?,
        requester: requester.map(person).transpose()?,
        suppose: lines.map(fact).collect::<Result<_, _>>()?,
    })
}

fn told(explained: Explained) -> AskAnswer {
    let seats = explained.candidates.into_iter().map(|(seat, people)| {
        let asked = explained.gates.iter().filter_map(|gate| gate.seats.get(&seat));
        AskSeat {
            needed: asked.copied().max().unwrap_or(0),
            name: seat.to_string(),
            people: people.into_iter().map(person).collect(),
        }
    });
    AskAnswer {
        seats: seats.collect(),
        verdict: sentence(&explained.verdict),
        refused: explained.refused,
        tier: explained.tier.map(tier),
        gates: explained.gates.iter().map(gate).collect(),
        missing: explained.missing.into_iter().map(|missing| (missing.fact, missing.reason)).collect(),
    }
}

fn tier(outcome: TierOutcome) -> AskTier {
    match outcome {
        TierOutcome::Known { tier, because } => AskTier { name: Some(tier.to_string()), because },
        TierOutcome::Unknown { tier, reason } => AskTier {
            name: None,
            because: format!("the condition of tier `{tier}` cannot be evaluated: {reason}"),
        },
    }
}

fn gate(asks: &Asks) -> AskGate {
    let said = |run: &CheckRun| Chip::of_conclusion(run.outcome.conclusion());
    let checks = asks.checks.iter();
    let checks =
        checks.map(|(plugin, required, run)| (plugin.to_string(), *required, run.as_ref().map(said)));
    AskGate {
        name: asks.gate.clone(),
        enforced: asks.enforced,
        guard: asks.guard.clone(),
        checks: checks.collect(),
        rules: asks.rules.iter().map(ToString::to_string).collect(),
        seats: asks.seats.iter().map(|(seat, count)| format!("{count} of seat {seat}")).collect(),
        conditions: words([
            (asks.evidence_first, "whoever votes has opened the findings"),
            (asks.unresolved_blocks, "every thread is resolved"),
            (asks.reauthenticate, "the password is given at signing"),
        ]),
        lasts: asks.lasts.clone(),
    }
}

fn person(candidate: Candidate) -> (String, Vec<String>, Option<String>) {
    let unknown = candidate.person.is_none().then(|| "nobody here is known by this name yet".to_owned());
    let why = candidate.barred.map(|barred| barred.to_string()).or(unknown);
    (candidate.name, candidate.stands_in_for, why)
}
