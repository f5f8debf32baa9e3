//! What the entries of one request tell: what was asked for, who said what, and what became of it.

use std::collections::BTreeMap;

use serde::Serialize;
use uuid::Uuid;

use crate::decide::TierFound;
use crate::digest::Digest;
use crate::entry::{Entry, Intent, OutcomeResult};
use crate::explain::touching_phrase;
use crate::facts::Subject;
use crate::names::{PersonId, Seat};
use crate::request::RequestId;
use crate::review::Vote;
use crate::time::Millis;

/// A decision, from entries alone. People are named by opaque id.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Story {
    /// What was asked for, in words.
    pub action: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<Subject>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub asked_by: Option<PersonId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub asked_at: Option<Millis>,
    /// The policies that it was judged by.
    pub policies: Vec<Digest>,
    /// By gate, as its last write or refusal says.
    pub tiers: BTreeMap<String, String>,
    pub reviews: Vec<Said>,
    /// Calls that were not let through.
    pub refused: u32,
    pub writes: Vec<Made>,
    /// What else was recorded of it: kinds of entries, each with its index.
    pub besides: Vec<(u64, &'static str)>,
}

/// What somebody said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Said {
    pub entry: u64,
    pub at: Millis,
    pub by: PersonId,
    pub vote: Vote,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seat: Option<Seat>,
    pub rationale: String,
    /// Proved anew for this signature.
    pub signed: bool,
}

/// A write that was announced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Made {
    pub entry: u64,
    pub at: Millis,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<PersonId>,
    /// Who filled which seat.
    pub seats: BTreeMap<String, Vec<PersonId>>,
    pub waived: Vec<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub break_glass: Option<Uuid>,
    /// How it ended; `None` where no entry says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result: Option<OutcomeResult>,
    #[serde(skip)]
    intent: Uuid,
}

impl Story {
    /// Of one request's entries, oldest first.
    #[must_use]
    pub fn of<'e>(request: RequestId, entries: impl IntoIterator<Item = (u64, Millis, &'e Entry)>) -> Self {
        let mut story = Self::default();
        for (index, at, entry) in entries {
            if entry.request() == Some(request) {
                story.own(index, at, entry);
            } else if let Entry::Outcome { intent, result } = entry {
                let made = story.writes.iter_mut().find(|made| made.intent == *intent);
                made.into_iter().for_each(|made| made.result = Some(result.clone()));
            }
        }
        story
    }

    /// Whether a write that it lets was made.
    #[must_use]
    pub fn was_made(&self) -> bool {
        self.writes.iter().any(|made| made.result.as_ref().is_some_and(OutcomeResult::may_have_acted))
    }

    fn own(&mut self, index: u64, at: Millis, entry: &Entry) {
        match entry {
            Entry::RequestOpened { placed, subject, policy, authors, .. } => {
                self.action = touching_phrase(&placed.action, subject, &[]);
                self.subject = Some(subject.clone());
                self.asked_by.clone_from(&authors.requester);
                self.asked_at = Some(at);
                self.judged_by(*policy);
            }
            Entry::Reviewed { review, .. } => self.reviews.push(Said {
                entry: index,
                at: review.at,
                by: review.reviewer.clone(),
                vote: review.vote,
                seat: review.seat.clone(),
                rationale: review.rationale.clone(),
                signed: review.is_signed(),
            }),
            Entry::Refused { gates, .. } => {
                self.refused += 1;
                self.found(gates);
            }
            Entry::Intent(intent) => self.announced(index, at, intent),
            other => self.besides.push((index, other.kind())),
        }
    }

    fn announced(&mut self, entry: u64, at: Millis, intent: &Intent) {
        self.judged_by(intent.policy);
        self.found(&intent.gates);
        let mut seats: BTreeMap<String, Vec<PersonId>> = BTreeMap::new();
        for (seat, count) in intent.gates.iter().filter(|gate| gate.enforced).flat_map(|gate| &gate.seats) {
            let signed = seats.entry(seat.to_string()).or_default();
            signed.extend(
                count.signed.iter().filter(|person| !signed.contains(person)).cloned().collect::<Vec<_>>(),
            );
        }
        let waived = intent.gates.iter().flat_map(|gate| &gate.waived).map(|waived| waived.waiver);
        self.writes.push(Made {
            entry,
            at,
            by: intent.by.clone(),
            seats,
            waived: waived.collect(),
            break_glass: intent.break_glass,
            result: None,
            intent: intent.id,
        });
    }

    fn judged_by(&mut self, policy: Digest) {
        if !self.policies.contains(&policy) {
            self.policies.push(policy);
        }
    }

    fn found(&mut self, gates: &[crate::decide::GateVerdict]) {
        for gate in gates {
            let tier = match &gate.tier {
                TierFound::None => continue,
                TierFound::Known(tier) => tier.to_string(),
                TierFound::Unknown(why) => format!("unknown: {why}"),
            };
            self.tiers.insert(gate.gate.to_string(), tier);
        }
    }
}
