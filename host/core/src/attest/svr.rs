//! in-toto's "Simple Verification Result": what was verified, as names that a consumer looks for. Only what holds is
//! named; whoever looks for a name and does not find it must not go on.

use serde::Serialize;

use super::test_result::name;
use super::{Bare, DigestSet, Recorded, enforced, since};
use crate::decide::{GateVerdict, Verdict};
use crate::request::{PromotionRequest, State};

/// Raised when the same names begin to mean something else.
const LOGIC: &str = "v0.1";

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct VerificationResult {
    verifier: Verifier,
    time_created: String,
    properties: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Verifier {
    id: String,
    policy: Policy,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Policy {
    digest: DigestSet,
}

impl VerificationResult {
    pub(super) fn of(request: &PromotionRequest, recorded: &Recorded) -> Self {
        let policy = Policy { digest: DigestSet { sha256: Some(Bare(request.policy)), subject: None } };
        let id = format!("https://{}/{LOGIC}", recorded.origin);
        let verifier = Verifier { id, policy };
        Self { verifier, time_created: since(request).to_string(), properties: properties(request) }
    }
}

fn properties(request: &PromotionRequest) -> Vec<String> {
    let runs = &request.check_runs;
    let passed = runs.iter().filter(|run| run.outcome.conclusion().satisfies());
    let checks = passed.map(|run| format!("COUNTERSIGN_CHECK_PASSED/{}", name(run, runs)));
    // What was reviewed is not what is there: nothing that people said counts for it.
    let gates = enforced(request).filter(|_| !request.flags.stale).flat_map(of_gate);
    approved(request).map(str::to_owned).into_iter().chain(checks).chain(gates).collect()
}

/// Whether it may be relied on as approved. An emergency is none, and a waiver is said.
fn approved(request: &PromotionRequest) -> Option<&'static str> {
    let stands =
        matches!(request.state, State::Approved { .. } | State::Applying { .. } | State::Applied { .. });
    let satisfied = enforced(request).all(|gate| gate.verdict == Verdict::Satisfied);
    let flags = &request.flags;
    match flags.waived {
        _ if !stands || !satisfied || flags.stale || flags.break_glass || flags.bypassed => None,
        true => Some("COUNTERSIGN_APPROVED_WITH_WAIVER"),
        false => Some("COUNTERSIGN_APPROVED"),
    }
}

fn of_gate(gate: &GateVerdict) -> Vec<String> {
    let name = &gate.gate;
    let filled = gate.seats.iter().filter(|(_, count)| {
        count.needed > 0 && u32::try_from(count.signed.len()).is_ok_and(|signed| signed >= count.needed)
    });
    let mut found: Vec<String> =
        filled.map(|(seat, _)| format!("COUNTERSIGN_SEAT_FILLED/{name}/{seat}")).collect();
    if gate.verdict == Verdict::Satisfied && gate.waived.is_empty() {
        found.push(format!("COUNTERSIGN_GATE_SATISFIED/{name}"));
    }
    // Whose work it is was known, and none of them has signed.
    if gate.verdict == Verdict::Satisfied && !gate.seats.is_empty() && gate.unproven.is_empty() {
        found.push(format!("COUNTERSIGN_SEPARATION_OF_DUTIES/{name}"));
    }
    found
}
