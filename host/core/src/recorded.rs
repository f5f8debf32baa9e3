//! Recorded decisions, read out of ledger entries in their order, each with what had been said when it was made.
//!
//! This module must not know: where evidence is kept, what a policy would say now.

use std::collections::BTreeMap;

use uuid::Uuid;

use crate::action::Placed;
use crate::break_glass::BreakGlass;
use crate::check::RuleRun;
use crate::decide::GateVerdict;
use crate::digest::Digest;
use crate::entry::{Basis, Entry, Intent, Waivers};
use crate::facts::Subject;
use crate::names::{ModelName, Version, Workspace};
use crate::request::RequestId;
use crate::review::{Authors, Review};
use crate::time::Millis;
use crate::waiver::Waiver;

/// One decision, with everything that entries say it rested on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    pub entry: u64,
    pub at: Millis,
    pub request: Option<RequestId>,
    pub placed: Placed,
    /// `allow`, `hold` or `deny`.
    pub decision: String,
    pub gates: Vec<GateVerdict>,
    pub policy: Option<Digest>,
    pub binding: Option<Digest>,
    pub basis: Option<Basis>,
    pub authors: Authors,
    pub reviews: Vec<Review>,
    pub rule_runs: Vec<Ruled>,
    pub waivers: Vec<Waiver>,
    pub broken: Option<BreakGlass>,
    /// What the same write was judged by before.
    pub before: Vec<GateVerdict>,
    /// Whether it was about more versions than one.
    pub several: bool,
}

/// A rule that ran, and the version that was put before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ruled {
    workspace: Workspace,
    model: ModelName,
    version: Version,
    pub run: RuleRun,
}

impl Ruled {
    #[must_use]
    pub fn is_on(&self, subject: &Subject) -> bool {
        (&self.workspace, &self.model, self.version) == (&subject.workspace, &subject.model, subject.version)
    }
}

/// What entries have said so far.
#[derive(Debug, Default)]
pub struct History {
    in_force: Option<Digest>,
    bindings: BTreeMap<RequestId, Digest>,
    reviews: BTreeMap<RequestId, Vec<Review>>,
    waivers: Waivers,
    broken: BTreeMap<Uuid, BreakGlass>,
    judged: BTreeMap<Digest, Vec<GateVerdict>>,
    /// Rules run at every judgement, and their entries stand right before that of the decision.
    rule_runs: Vec<Ruled>,
}

impl History {
    /// Entries that stood here are not read, as in a file about one request: rules that ran before belong to a decision
    /// among them.
    pub fn skip(&mut self) {
        self.rule_runs.clear();
    }

    /// Takes the next entry; gives the decision that it tells of. Writes that follow from an earlier decision, inside
    /// of a window or to put something back, are none.
    pub fn read(&mut self, index: u64, at: Millis, entry: &Entry) -> Option<Recorded> {
        match entry {
            Entry::Intent(intent) => {
                let found =
                    (!intent.in_window && intent.subject.is_some()).then(|| self.intent(index, at, intent));
                self.rule_runs.clear();
                found
            }
            Entry::Refused { request, placed, decision, gates, basis, .. } => {
                let about = (index, at, *request, decision.as_str());
                let authors = basis.as_ref().and_then(|basis| basis.authors.clone()).unwrap_or_default();
                let found = self.recorded(about, placed, (gates.as_slice(), basis.as_deref(), authors));
                self.rule_runs.clear();
                Some(found)
            }
            _ => {
                self.note(index, entry);
                None
            }
        }
    }

    fn intent(&mut self, index: u64, at: Millis, intent: &Intent) -> Recorded {
        let about = (index, at, intent.request, "allow");
        let parts = (intent.gates.as_slice(), intent.basis.as_deref(), intent.authors.clone());
        let broken = intent.break_glass.and_then(|id| self.broken.get(&id).cloned());
        Recorded {
            policy: Some(intent.policy),
            binding: Some(intent.binding),
            broken,
            several: !intent.also.is_empty(),
            ..self.recorded(about, &intent.placed, parts)
        }
    }

    fn recorded(
        &mut self,
        (entry, at, request, decision): (u64, Millis, Option<RequestId>, &str),
        placed: &Placed,
        (gates, basis, authors): (&[GateVerdict], Option<&Basis>, Authors),
    ) -> Recorded {
        let of_request = |id: &RequestId| self.reviews.get(id).cloned();
        let key = Digest::of_json(placed).ok();
        let before = key.and_then(|key| self.judged.get(&key).cloned()).unwrap_or_default();
        let found = Recorded {
            entry,
            at,
            request,
            placed: placed.clone(),
            decision: decision.to_owned(),
            gates: gates.to_vec(),
            policy: basis.and_then(|basis| basis.policy).or(self.in_force),
            binding: request.and_then(|id| self.bindings.get(&id).copied()),
            basis: basis.cloned(),
            authors,
            reviews: request.as_ref().and_then(of_request).unwrap_or_default(),
            rule_runs: self.rule_runs.clone(),
            waivers: self.waivers.values().cloned().collect(),
            broken: None,
            before,
            several: basis.is_some_and(|basis| !basis.also.is_empty()),
        };
        // A tier that was lowered is compared with what a request for the same write was judged by.
        if let (Some(key), Some(_)) = (key, request) {
            self.judged.insert(key, gates.to_vec());
        }
        found
    }

    fn note(&mut self, index: u64, entry: &Entry) {
        match entry {
            Entry::Started { policy, .. } => self.in_force = Some(*policy),
            Entry::PolicyLoaded(load) => self.in_force = Some(load.policy),
            Entry::RequestOpened { request, binding, .. } => drop(self.bindings.insert(*request, *binding)),
            Entry::Stale { request, is, .. } => drop(self.bindings.insert(*request, *is)),
            Entry::Reviewed { request, review } => {
                self.reviews.entry(*request).or_default().push(review.clone());
                self.rule_runs.clear();
            }
            Entry::RuleRun { workspace, model, version, run } => {
                let (workspace, model) = (workspace.clone(), model.clone());
                self.rule_runs.push(Ruled { workspace, model, version: *version, run: run.clone() });
            }
            Entry::BrokeGlass { used } => drop(self.broken.insert(used.id, used.clone())),
            other => self.waivers.read(index, other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::action::Action;
    use crate::entry::PolicyLoad;
    use crate::waiver::Requirement;
    use crate::waiver::tests::{waiver, word};

    fn placed() -> Placed {
        let action = Action::DeleteModel { model: "credit".into() };
        Placed { workspace: "default".into(), action }
    }

    fn refused(request: Option<RequestId>) -> Entry {
        let (decision, reason) = ("hold".to_owned(), String::new());
        Entry::Refused {
            request,
            placed: placed(),
            by: None,
            decision,
            gates: Vec::new(),
            reason,
            basis: None,
        }
    }

    fn review(request: RequestId, reviewer: &str) -> Entry {
        let review = Review {
            id: Uuid::nil(),
            reviewer: reviewer.into(),
            seat: Some("risk".into()),
            vote: crate::review::Vote::Approve,
            rationale: String::new(),
            at: Millis::new(1),
            binding: Digest::of(b"bound"),
            looked_for: None,
            signature: None,
        };
        Entry::Reviewed { request, review }
    }

    #[test]
    fn a_decision_has_what_was_said_before_it_and_nothing_that_came_later() {
        let (one, other) = (RequestId(Uuid::from_u128(1)), RequestId(Uuid::from_u128(2)));
        let seat = Requirement::Seat { gate: "production".into(), seat: "risk".into() };
        let policy = Digest::of(b"policy");
        let entries = [
            Entry::PolicyLoaded(PolicyLoad::of(policy)),
            Entry::WaiverAsked { waiver: waiver(seat) },
            review(one, "ruth"),
            review(other, "omar"),
            Entry::Stale { request: one, was: policy, is: Digest::of(b"bound") },
            refused(Some(one)),
            Entry::WaiverApproved { waiver: Uuid::nil(), word: word("ruth") },
            review(one, "rob"),
            refused(Some(one)),
            refused(None),
        ];
        let mut history = History::default();
        let numbered = entries.iter().zip(0_u64..);
        let found: Vec<Recorded> =
            numbered.filter_map(|(entry, index)| history.read(index, Millis::new(5), entry)).collect();
        let bound = Some(Digest::of(b"bound"));
        let said = found.iter().map(|decision| {
            let approvals = decision.waivers[0].approvals.len();
            assert_eq!(decision.policy, Some(policy));
            let is_bound = decision.binding == bound;
            format!("{} {} {approvals} {is_bound}", decision.entry, decision.reviews.len())
        });
        assert_eq!(said.collect::<Vec<_>>(), ["5 1 0 true", "8 2 1 true", "9 0 1 false"]);
    }
}
