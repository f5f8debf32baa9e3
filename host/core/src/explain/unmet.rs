//! What is missing before a request goes on, item by item, in a few words each.

use super::{need_phrase, needs, violations};
use crate::decide::{GateVerdict, Need, Verdict, Violation};

/// Failures first; each once, however many gates want it.
#[must_use]
pub fn unmet(gates: &[GateVerdict]) -> Vec<String> {
    let enforced = || gates.iter().filter(|gate| gate.enforced);
    let failed = enforced().flat_map(violations).map(failure);
    let nobody = |_: &_| Vec::new();
    let needed = enforced().flat_map(needs).map(|need| need_phrase(need, &nobody));
    let unsigned = enforced().flat_map(unsigned).map(|need| need_phrase(&need, &nobody));
    let mut items: Vec<String> = Vec::new();
    for item in failed.chain(needed).chain(unsigned) {
        if !items.contains(&item) {
            items.push(item);
        }
    }
    items
}

fn failure(violation: &Violation) -> String {
    match violation {
        Violation::CheckFailed { plugin, .. } => format!("check {plugin} failed"),
        Violation::CheckErrored { plugin, .. } => format!("check {plugin} could not judge"),
        Violation::CheckSkipped { plugin, .. } => format!("check {plugin} was skipped"),
        Violation::RuleDenied { plugin, .. } => format!("rule {plugin} refuses it"),
        Violation::Rejected { .. } => "a reviewer rejected it".to_owned(),
    }
}

/// Signatures that a gate asks for which has something against it already, and so does not say what it needs.
fn unsigned(gate: &GateVerdict) -> Vec<Need> {
    if !matches!(gate.verdict, Verdict::Denied(_)) {
        return Vec::new();
    }
    let lacking = gate.seats.iter().filter(|(_, count)| count.is_lacking());
    let missing =
        |signed: usize, needed: u32| needed.saturating_sub(u32::try_from(signed).unwrap_or(u32::MAX));
    lacking
        .map(|(seat, count)| Need::Signatures {
            seat: seat.clone(),
            missing: missing(count.signed.len(), count.needed),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decide::SeatCount;

    fn gate(verdict: Verdict, signed: &[&str], enforced: bool) -> GateVerdict {
        let signed = signed.iter().map(|name| (*name).into()).collect();
        GateVerdict {
            enforced,
            seats: [("risk".into(), SeatCount { needed: 2, signed })].into(),
            ..GateVerdict::new("production".into(), verdict)
        }
    }

    fn check(gates: &[GateVerdict], expect: &[&str]) {
        assert_eq!(unmet(gates), expect);
    }

    fn failed() -> Verdict {
        Verdict::Denied(vec![Violation::CheckFailed { plugin: "auc".into(), message: String::new() }])
    }

    #[test]
    fn failures_come_first_and_signatures_are_not_forgotten() {
        check(&[gate(failed(), &["ruth"], true)], &["check auc failed", "1 signature from seat risk"]);
        check(&[gate(failed(), &["ruth", "omar"], true)], &["check auc failed"]);
        let held = Verdict::Held(vec![
            Need::Signatures { seat: "risk".into(), missing: 2 },
            Need::Discussion { threads: 1 },
        ]);
        check(&[gate(held, &[], true)], &["2 signatures from seat risk", "1 thread to be resolved"]);
    }

    #[test]
    fn each_is_said_once_and_a_gate_that_only_watches_says_nothing() {
        let twice = [gate(failed(), &[], true), gate(failed(), &[], true)];
        check(&twice, &["check auc failed", "2 signatures from seat risk"]);
        check(&[gate(failed(), &[], false), gate(Verdict::Satisfied, &[], true)], &[]);
    }
}
