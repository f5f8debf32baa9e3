//! The policy in force.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use axum::extract::Query;
use axum::response::{IntoResponse, Response};
use countersign_core::names::{Seat, Tier};
use countersign_core::policy::{
    Approvals, Gate, Mode, OnApproval, OnBypass, OnChange, OnExpiry, Policy, SignatureKind, UnknownAuthor,
};
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde_json::Value;

use super::{Trouble, Visitor, must_be_ours, page, see_other};
use crate::app::AppError;
use crate::http::error;
use crate::http::pages::Nav;
use crate::http::pages::policy::{
    AskFields, PolicyGate, PolicyMode, PolicyPage, PolicyPlugin, PolicySeat, PolicyTier,
};

#[derive(Debug, Deserialize)]
pub(super) struct Told {
    done: Option<String>,
}

pub(super) async fn show(visitor: Visitor, Query(told): Query<Told>) -> Response {
    let told = match told.done.as_deref() {
        Some("loaded") => Some("The file is in force, and the ledger says that you had it taken up."),
        Some("same") => Some("The file says what was in force already: nothing has changed."),
        _ => None,
    };
    page(StatusCode::OK, &build(&visitor, told))
}

/// Has the file taken up by whoever sends the form. Why it was not stands on the page.
pub(super) async fn reload(visitor: Visitor, headers: HeaderMap) -> Response {
    let loaded = async {
        must_be_ours(&visitor, &headers)?;
        visitor.site.app.reload_for(&visitor.caller).await
    };
    match loaded.await {
        Ok(loaded) => {
            let word = if loaded.changed { "loaded" } else { "same" };
            see_other(&format!("{}/policy?done={word}", visitor.site.base))
        }
        Err(refused @ AppError::Policy(_)) => page(error::kind(&refused).0, &build(&visitor, None)),
        Err(refused) => Trouble::new(&visitor, refused).into_response(),
    }
}

fn build(visitor: &Visitor, told: Option<&'static str>) -> PolicyPage {
    let generation = visitor.app().generation.load_full();
    let policy = &generation.policy;
    let seats = policy.seats().iter().map(|seat| PolicySeat {
        name: seat.name.to_string(),
        members: seat.members.iter().cloned().collect(),
        groups: seat.groups.iter().cloned().collect(),
        veto: seat.veto,
    });
    let tiers = policy
        .tiers()
        .iter()
        .map(|tier| (tier.name.to_string(), tier.when.as_ref().map(|when| when.as_str().to_owned())));
    let requester = visitor.caller.identity().map(|me| me.name.clone()).unwrap_or_default();
    PolicyPage {
        chrome: visitor.chrome(Nav::Policy),
        file: generation.file.display().to_string(),
        digest: policy.digest().to_string(),
        loaded: visitor.when(generation.loaded_at),
        reload_error: visitor.app().reload_error(),
        may_load: visitor.caller.identity().is_some_and(|me| visitor.app().is_administrator(me)),
        told,
        remarks: policy.remarks(),
        gates: policy.gates().iter().map(|each| gate(policy, each)).collect(),
        seats: seats.collect(),
        tiers: tiers.collect(),
        history: super::policy_change::rows(visitor),
        ask: AskFields { action: "alias=champion".to_owned(), requester, ..AskFields::default() },
    }
}

fn gate(policy: &Policy, gate: &Gate) -> PolicyGate {
    let seats: BTreeSet<&Seat> =
        gate.approvals.values().flat_map(|approvals| approvals.seats.keys()).collect();
    let tiers = policy.tiers().iter().map(|rule| tier(&rule.name, &seats, gate.approvals.get(&rule.name)));
    let checks = gate.checks.iter().map(|check| plugin(&check.plugin, check.required, &check.config));
    let rules = gate.rules.iter().map(|rule| plugin(&rule.plugin, true, &rule.config));
    PolicyGate {
        name: gate.name.to_string(),
        mode: match gate.mode {
            Mode::Enforce => PolicyMode::Enforce,
            Mode::Monitor => PolicyMode::Monitor,
            Mode::Off => PolicyMode::Off,
        },
        models: gate.models.iter().map(ToString::to_string).collect(),
        guards: gate.guards.iter().map(ToString::to_string).collect(),
        checks: checks.collect(),
        rules: rules.collect(),
        tiers: tiers.collect(),
        seats: seats.iter().map(ToString::to_string).collect(),
        terms: terms(gate),
    }
}

fn plugin(name: &impl ToString, required: bool, config: &Value) -> PolicyPlugin {
    PolicyPlugin { name: name.to_string(), required, config: toml_of(config) }
}

fn tier(name: &Tier, seats: &BTreeSet<&Seat>, approvals: Option<&Approvals>) -> PolicyTier {
    let count = |seat: &&&Seat| approvals.and_then(|asked| asked.seats.get(**seat)).copied().unwrap_or(0);
    PolicyTier {
        name: name.to_string(),
        counts: seats.iter().map(|seat| count(&seat)).collect(),
        conditions: approvals.map(conditions).unwrap_or_default(),
        lasts: approvals.and_then(|asked| asked.expires).map(|span| span.to_string()),
    }
}

fn conditions(asked: &Approvals) -> Vec<&'static str> {
    words([
        (asked.evidence_first, "findings opened first"),
        (asked.unresolved_blocks, "every thread resolved"),
        (asked.signature == SignatureKind::Reauthenticate, "password at signing"),
    ])
}

/// What of it is so.
pub(super) fn words<const N: usize>(all: [(bool, &'static str); N]) -> Vec<&'static str> {
    all.into_iter().filter(|(so, _)| *so).map(|(_, word)| word).collect()
}

/// What else a gate says, in words.
fn terms(gate: &Gate) -> Vec<(&'static str, String)> {
    let approved = match gate.on_approval {
        OnApproval::Apply => "Countersign makes the change itself",
        OnApproval::Permit => "the same call succeeds",
    };
    let mut terms = vec![("When approved", approved.to_owned())];
    if let Some(expires) = gate.expires {
        terms.push(("Request ends", format!("after {expires}, if nobody settles it")));
    }
    if let OnExpiry::Fallback(to) = &gate.on_expiry {
        terms.push(("When it runs out", format!("the alias goes to {to}, if the gate allows it")));
    }
    if gate.on_bypass == OnBypass::Revert {
        terms.push(("When bypassed", "the alias is set back".to_owned()));
    }
    terms.push(("Later changes", changes(gate)));
    let holds = |author| author == UnknownAuthor::Hold;
    let unknown = words([
        (holds(gate.unknown_author), "nobody recorded who registered the version"),
        (holds(gate.unknown_run_author), "nobody here is the author of its run"),
    ]);
    if !unknown.is_empty() {
        terms.push(("Held while", unknown.join(", or ")));
    }
    terms
}

fn changes(gate: &Gate) -> String {
    let changes = gate.changes;
    let all = [
        ("deleting", changes.delete),
        ("leaving the stage", changes.leave),
        ("renaming", changes.rename),
        ("files", changes.artifacts),
        ("tags", changes.tags),
        ("description", changes.description),
        ("the model's tags", changes.model_tags),
        ("its description", changes.model_description),
    ];
    let of = |wanted: OnChange, verb: &str| {
        let which: Vec<&str> = all.iter().filter(|(_, is)| *is == wanted).map(|(what, _)| *what).collect();
        (!which.is_empty()).then(|| format!("{verb}: {}", which.join(", ")))
    };
    let said =
        [of(OnChange::Hold, "held"), of(OnChange::Refuse, "refused"), of(OnChange::Allow, "goes through")];
    said.into_iter().flatten().collect::<Vec<_>>().join("; ")
}

/// A configuration as the policy has it: an inline table.
pub(super) fn toml_of(config: &Value) -> String {
    toml::Value::try_from(config).map_or_else(|_| config.to_string(), |value| value.to_string())
}
