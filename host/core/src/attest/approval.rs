//! Our own predicate `model-approval/v0.1`: who approved what, by which policy, on what evidence, and where the
//! ledger says so. `host/schemas/model-approval.v0.1.json` describes it.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use uuid::Uuid;

use super::since;
use crate::action::Action;
use crate::check::CheckRun;
use crate::decide::{GateVerdict, Need, TierFound, Verdict, Violation};
use crate::digest::Digest;
use crate::explain::action_phrase;
use crate::facts::Subject;
use crate::names::{GateName, PersonId, PluginName, Seat, Tier, Workspace};
use crate::request::{PromotionRequest, RequestId};
use crate::review::{Authors, Review, SignatureMethod, Vote};
use crate::time::{Millis, Span};
use crate::waiver::Requirement;

/// Where the ledger has it, at one checkpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Recorded {
    /// The name of the key that signs it.
    pub origin: String,
    /// The key that verifies both the checkpoint and this statement's envelope.
    pub vkey: String,
    /// The entries about the request, rising.
    pub entries: Vec<u64>,
    /// The signed note.
    pub checkpoint: String,
    /// No request is about it: what is told as one bears the id of the intent.
    #[serde(skip)]
    pub alone: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Approval {
    #[serde(skip_serializing_if = "Option::is_none")]
    request: Option<RequestId>,
    /// The intent, where no request is about it because its tier asked nobody.
    #[serde(skip_serializing_if = "Option::is_none")]
    intent: Option<Uuid>,
    workspace: Workspace,
    action: Action,
    /// The action in words.
    asked: String,
    version: Subject,
    /// Further promoted versions that the write changes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    also: Vec<Subject>,
    /// What its gates say: `allow`, `hold` or `deny`.
    decision: &'static str,
    state: &'static str,
    /// Since when.
    since: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    valid_until: Option<String>,
    flags: Flags,
    /// What every approval was given for.
    binding: Digest,
    policy: Digest,
    facts: Digest,
    gates: Vec<Gate>,
    checks: Vec<Check>,
    reviews: Vec<Said>,
    /// Whose work it is: none of them may approve it.
    authors: BTreeSet<PersonId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    requester: Option<PersonId>,
    ledger: Recorded,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Flags {
    waived: bool,
    break_glass: bool,
    /// What was approved is not what is there any more.
    stale: bool,
    /// The registry was changed without us.
    bypassed: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Gate {
    gate: GateName,
    enforced: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    tier: Option<Tier>,
    verdict: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    because: Vec<Because>,
    seats: BTreeMap<Seat, Filled>,
    /// What of the separation of duties nobody can prove.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unproven: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    waived: Vec<Waived>,
    /// How long each signature counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires: Option<Span>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Filled {
    needed: u32,
    signed: BTreeSet<PersonId>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Waived {
    waiver: Uuid,
    requirement: Requirement,
    until: String,
}

/// What is missing or stands against it, without anybody's words.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
struct Because {
    is: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    plugin: Option<PluginName>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seat: Option<Seat>,
    #[serde(skip_serializing_if = "Option::is_none")]
    missing: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<PersonId>,
}

/// A check run; the digests are those by which it is executed again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Check {
    plugin: PluginName,
    required: bool,
    conclusion: &'static str,
    plugin_digest: Digest,
    config_digest: Digest,
    input_digest: Digest,
    transcript_digest: Digest,
    outcome_digest: Digest,
    at: String,
}

/// What somebody said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Said {
    id: Uuid,
    person: PersonId,
    #[serde(skip_serializing_if = "Option::is_none")]
    seat: Option<Seat>,
    vote: Vote,
    at: String,
    /// What they saw. A vote counts for this and for nothing else.
    binding: Digest,
    /// Over the bytes of their words.
    rationale: Digest,
    #[serde(skip_serializing_if = "Option::is_none")]
    signature: Option<Signed>,
}

/// An electronic signature, without the printed name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Signed {
    meaning: String,
    at: String,
    method: SignatureMethod,
    binding: Digest,
}

impl Approval {
    pub(super) fn of(request: &PromotionRequest, recorded: &Recorded) -> Self {
        let action = request.placed.action.clone();
        Self {
            request: (!recorded.alone).then_some(request.id),
            intent: recorded.alone.then_some(request.id.0),
            workspace: request.placed.workspace.clone(),
            asked: action_phrase(&action),
            action,
            version: request.subject.clone(),
            also: request.also.clone(),
            decision: decision(&request.gates),
            state: request.state.as_str(),
            since: since(request).to_string(),
            valid_until: request.valid_until.as_ref().map(Millis::to_string),
            flags: flags(request),
            binding: request.binding,
            policy: request.policy,
            facts: request.facts,
            gates: request.gates.iter().map(gate).collect(),
            checks: request.check_runs.iter().map(check).collect(),
            reviews: request.reviews.iter().map(said).collect(),
            authors: authors(&request.authors),
            requester: request.authors.requester.clone(),
            ledger: recorded.clone(),
        }
    }
}

fn decision(gates: &[GateVerdict]) -> &'static str {
    let any = |which: fn(&Verdict) -> bool| gates.iter().any(|gate| gate.enforced && which(&gate.verdict));
    if any(|verdict| matches!(verdict, Verdict::Denied(_))) {
        "deny"
    } else if any(|verdict| matches!(verdict, Verdict::Held(_))) {
        "hold"
    } else {
        "allow"
    }
}

fn flags(request: &PromotionRequest) -> Flags {
    let flags = &request.flags;
    let (waived, break_glass) = (flags.waived, flags.break_glass);
    Flags { waived, break_glass, stale: flags.stale, bypassed: flags.bypassed }
}

fn gate(gate: &GateVerdict) -> Gate {
    let (verdict, because) = match &gate.verdict {
        Verdict::Satisfied => ("satisfied", Vec::new()),
        Verdict::Held(needs) => ("held", needs.iter().map(missing).collect()),
        Verdict::Denied(violations) => ("denied", violations.iter().map(against).collect()),
    };
    let seats = gate
        .seats
        .iter()
        .map(|(seat, count)| (seat.clone(), Filled { needed: count.needed, signed: count.signed.clone() }));
    let waived = gate.waived.iter().map(|waived| Waived {
        waiver: waived.waiver,
        requirement: waived.requirement.clone(),
        until: waived.until.to_string(),
    });
    Gate {
        gate: gate.gate.clone(),
        enforced: gate.enforced,
        tier: TierFound::known(&gate.tier).cloned(),
        verdict,
        because,
        seats: seats.collect(),
        unproven: gate.unproven.clone(),
        waived: waived.collect(),
        expires: gate.expires,
    }
}

fn missing(need: &Need) -> Because {
    let of = |is, plugin: &PluginName| Because { is, plugin: Some(plugin.clone()), ..Because::default() };
    match need {
        Need::Signatures { seat, missing } => Because {
            is: "signatures",
            seat: Some(seat.clone()),
            missing: Some(*missing),
            ..Because::default()
        },
        Need::CheckRun { plugin } => of("check-run", plugin),
        Need::CheckAgain { plugin, .. } => of("check-again", plugin),
        Need::Rule { plugin, .. } => of("rule", plugin),
        Need::Tier { .. } => Because { is: "tier", ..Because::default() },
        Need::Author { .. } => Because { is: "author", ..Because::default() },
        Need::Discussion { threads } => {
            Because { is: "discussion", missing: Some(*threads), ..Because::default() }
        }
    }
}

fn against(violation: &Violation) -> Because {
    let of = |is, plugin: &PluginName| Because { is, plugin: Some(plugin.clone()), ..Because::default() };
    match violation {
        Violation::CheckFailed { plugin, .. } => of("check-failed", plugin),
        Violation::CheckErrored { plugin, .. } => of("check-errored", plugin),
        Violation::CheckSkipped { plugin, .. } => of("check-skipped", plugin),
        Violation::RuleDenied { plugin, .. } => of("rule-denied", plugin),
        Violation::Rejected { by, .. } => {
            Because { is: "rejected", by: Some(by.clone()), ..Because::default() }
        }
    }
}

fn check(run: &CheckRun) -> Check {
    Check {
        plugin: run.plugin.clone(),
        required: run.required,
        conclusion: run.outcome.conclusion().as_str(),
        plugin_digest: run.plugin_digest,
        config_digest: run.config_digest,
        input_digest: run.input_digest,
        transcript_digest: run.transcript_digest,
        outcome_digest: run.outcome_digest,
        at: run.started_at.to_string(),
    }
}

fn said(review: &Review) -> Said {
    let signature = review.signature.as_ref().map(|signature| Signed {
        meaning: signature.meaning.clone(),
        at: signature.at.to_string(),
        method: signature.method,
        binding: signature.binding,
    });
    Said {
        id: review.id,
        person: review.reviewer.clone(),
        seat: review.seat.clone(),
        vote: review.vote,
        at: review.at.to_string(),
        binding: review.binding,
        rationale: Digest::of(review.rationale.as_bytes()),
        signature,
    }
}

fn authors(authors: &Authors) -> BTreeSet<PersonId> {
    let Authors { requester, creator, run_author, last_writer, writers, run_authors, waived_by, .. } =
        authors;
    let each = [requester, creator, run_author, last_writer].into_iter().flatten();
    each.chain(writers).chain(run_authors).chain(waived_by).cloned().collect()
}
