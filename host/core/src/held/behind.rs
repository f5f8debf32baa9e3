//! What stands behind a write: who asked, what was checked, who signed in which seat, under which policy, and what was
//! left out. Each part names the entry that says so.

use serde::{Deserialize, Serialize};

use super::seen::{CheckSeen, Endorsed, GlassBroken, ReviewSeen, SeatFilled, SubjectSeen};
use super::{Account, Told, tier_of};
use crate::decide::GateVerdict;
use crate::digest::Digest;
use crate::entry::{Entry, Intent};
use crate::facts::Subject;
use crate::names::{PersonId, Seat, Tier};
use crate::request::RequestId;

/// The evidence behind a write that was announced.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Behind {
    pub asked_by: Option<PersonId>,
    /// Who sent the call that was let through; nobody where Countersign made it itself.
    pub written_by: Option<PersonId>,
    pub subject: Option<SubjectSeen>,
    pub policy: Option<Digest>,
    /// What the approvals are bound to.
    pub binding: Option<Digest>,
    pub tier: Option<Tier>,
    pub seats: Vec<SeatFilled>,
    pub reviews: Vec<ReviewSeen>,
    pub checks: Vec<CheckSeen>,
    /// Requirements that were left out, by a waiver each.
    pub waived: Vec<String>,
    pub break_glass: Option<GlassBroken>,
    /// What of the separation of duties nobody can prove.
    pub unproven: Vec<String>,
    /// What the entries prove against it: signatures that do not cover it.
    pub faults: Vec<String>,
    /// Every entry that this rests on.
    pub entries: Vec<u64>,
}

/// What a decision was made about, by whatever entry tells of it.
pub(crate) struct Seed<'a> {
    /// What came later is not behind it.
    pub(crate) before: u64,
    pub(crate) request: Option<RequestId>,
    pub(crate) subject: Option<&'a Subject>,
    pub(crate) policy: Digest,
    pub(crate) binding: Digest,
    pub(crate) gates: &'a [GateVerdict],
    pub(crate) asked_by: Option<PersonId>,
}

impl<'a> Seed<'a> {
    pub(crate) fn of_intent(announced: u64, intent: &'a Intent) -> Self {
        Self {
            before: announced,
            request: intent.request,
            subject: intent.subject.as_ref(),
            policy: intent.policy,
            binding: intent.binding,
            gates: &intent.gates,
            asked_by: intent.authors.requester.clone(),
        }
    }
}

impl Account {
    /// What stands behind the write that an entry announced.
    #[must_use]
    pub fn behind(&self, announced: u64) -> Behind {
        let Some(intent) = self.intent(announced) else {
            return Behind { entries: vec![announced], ..Behind::default() };
        };
        let mut behind = Behind {
            written_by: intent.by.clone(),
            break_glass: intent.break_glass.and_then(|used| self.emergency(used)),
            faults: self.faults(announced),
            ..self.grown(&Seed::of_intent(announced, intent))
        };
        behind.entries = self.rests_on(announced, intent, &behind);
        behind
    }

    /// What a decision rested on, whether or not anything was written.
    pub(crate) fn grown(&self, seed: &Seed<'_>) -> Behind {
        let gates = seed.gates;
        Behind {
            asked_by: seed.asked_by.clone().or_else(|| self.requester(seed.request?)),
            written_by: None,
            subject: seed.subject.map(SubjectSeen::of),
            policy: Some(seed.policy),
            binding: Some(seed.binding),
            tier: tier_of(gates),
            seats: gates.iter().flat_map(seats).collect(),
            reviews: self.reviews(seed),
            checks: seed.subject.map(|subject| self.checks(seed.before, subject)).unwrap_or_default(),
            waived: gates.iter().flat_map(waived).collect(),
            break_glass: None,
            unproven: gates.iter().flat_map(|gate| gate.unproven.iter().cloned()).collect(),
            faults: Vec::new(),
            entries: Vec::new(),
        }
    }

    pub(crate) fn intent(&self, index: u64) -> Option<&Intent> {
        if let Entry::Intent(intent) = &self.told(index)?.entry { Some(intent) } else { None }
    }

    /// The entry at an index, where it is about this model.
    #[must_use]
    pub fn told(&self, index: u64) -> Option<&Told> {
        self.entries()
            .binary_search_by_key(&index, |told| told.index)
            .ok()
            .and_then(|at| self.entries().get(at))
    }

    /// What people said of it until then, over exactly what was decided.
    fn reviews(&self, seed: &Seed<'_>) -> Vec<ReviewSeen> {
        let until = self.entries().iter().take_while(|told| told.index < seed.before);
        let said = until.filter_map(|told| match &told.entry {
            Entry::Reviewed { request, review } if Some(*request) == seed.request => {
                Some((told.index, review))
            }
            _ => None,
        });
        said.filter(|(_, review)| review.binding == seed.binding)
            .map(|(index, review)| ReviewSeen::of(index, review, seed.gates))
            .collect()
    }

    /// The newest run of each check on that version until then.
    fn checks(&self, before: u64, subject: &Subject) -> Vec<CheckSeen> {
        let mut found: Vec<CheckSeen> = Vec::new();
        for told in self.entries().iter().take_while(|told| told.index < before) {
            let Entry::CheckRun(run) = &told.entry else { continue };
            if run.version != subject.version {
                continue;
            }
            found.retain(|seen| (&seen.plugin, seen.config_digest) != (&run.plugin, run.config_digest));
            found.push(CheckSeen::of(told, run));
        }
        found
    }

    pub(crate) fn emergency(&self, used: uuid::Uuid) -> Option<GlassBroken> {
        let reviewed = self.entries().iter().find_map(|told| match &told.entry {
            Entry::BreakGlassReviewed { used: of, word } if *of == used => {
                Some(Endorsed::new(told.index, word))
            }
            _ => None,
        });
        self.entries().iter().find_map(|told| match &told.entry {
            Entry::BrokeGlass { used: broken } if broken.id == used => Some(GlassBroken {
                entry: told.index,
                at: broken.at,
                by: broken.by.clone(),
                reason: broken.reason.clone(),
                ticket: broken.ticket.clone(),
                drill: broken.drill,
                skipped: skipped(&broken.skipped),
                reviewed: reviewed.clone(),
            }),
            _ => None,
        })
    }

    fn faults(&self, announced: u64) -> Vec<String> {
        let breaches = self.breaches().into_iter().filter(|breach| breach.entry == announced);
        breaches.map(|breach| breach.reason).collect()
    }

    fn rests_on(&self, announced: u64, intent: &Intent, behind: &Behind) -> Vec<u64> {
        let opened = intent.request.and_then(|request| self.opened(request));
        let ended = self.entries().iter().filter(|told| match &told.entry {
            Entry::Outcome { intent: of, .. } => *of == intent.id,
            _ => false,
        });
        let counted = behind.reviews.iter().filter(|review| review.counts).map(|review| review.entry);
        let broken = behind.break_glass.iter().flat_map(|broken| {
            [Some(broken.entry), broken.reviewed.as_ref().map(|word| word.entry)].into_iter().flatten()
        });
        let checks = behind.checks.iter().map(|check| check.entry);
        let mut all: Vec<u64> = opened.into_iter().chain(checks).chain(counted).chain(broken).collect();
        all.push(announced);
        all.extend(ended.map(|told| told.index));
        all.sort_unstable();
        all.dedup();
        all
    }

    fn requester(&self, wanted: RequestId) -> Option<PersonId> {
        self.entries().iter().find_map(|told| match &told.entry {
            Entry::RequestOpened { request, authors, .. } if *request == wanted => authors.requester.clone(),
            _ => None,
        })
    }

    /// The entry that opened a request.
    pub(crate) fn opened(&self, wanted: RequestId) -> Option<u64> {
        self.entries().iter().find_map(|told| match &told.entry {
            Entry::RequestOpened { request, .. } if *request == wanted => Some(told.index),
            _ => None,
        })
    }
}

fn seats(gate: &GateVerdict) -> impl Iterator<Item = SeatFilled> {
    gate.seats.iter().map(|(seat, count)| SeatFilled {
        gate: gate.gate.clone(),
        enforced: gate.enforced,
        seat: seat.clone(),
        needed: count.needed,
        signed: count.signed.iter().cloned().collect(),
    })
}

fn waived(gate: &GateVerdict) -> impl Iterator<Item = String> {
    gate.waived
        .iter()
        .map(|waived| format!("{} by waiver {}, until {}", waived.requirement, waived.waiver, waived.until))
}

fn skipped(gates: &[GateVerdict]) -> Vec<Seat> {
    let open = gates.iter().filter(|gate| gate.enforced).flat_map(|gate| &gate.seats);
    let open = open.filter(|(_, count)| u32::try_from(count.signed.len()).unwrap_or(u32::MAX) < count.needed);
    let mut seats: Vec<Seat> = open.map(|(seat, _)| seat.clone()).collect();
    seats.sort();
    seats.dedup();
    seats
}
