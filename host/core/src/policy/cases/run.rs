//! Deciding a case, and saying what came out otherwise than expected.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use uuid::Uuid;

use super::compare::{Difference, differences};
use super::{CheckSays, GivenReview, GivenWaiver, PolicyCase, Waives};
use crate::action::Placed;
use crate::break_glass::BreakGlass;
use crate::canonical::CanonicalError;
use crate::check::{CheckRun, Failure, Outcome, Report, RuleOutcome, RuleRun, Ruling};
use crate::decide::{CheckDemand, Demand, GateVerdict, SeatCount, TierFound, Verdict};
use crate::digest::Digest;
use crate::explain;
use crate::facts::{Facts, Subject};
use crate::names::{PersonId, Seat};
use crate::policy::{Directory, GateMatch, Holdings, Policy};
use crate::redecide::{Answer, Basis, monitored, redecide};
use crate::request::RequestId;
use crate::review::{Review, Roster, Signature, SignatureMethod};
use crate::time::Millis;
use crate::waiver::{Endorsement, Requirement, Scope, Waiver};

/// What came of one case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CaseRun {
    pub name: String,
    pub file: String,
    pub line: usize,
    /// What is not as expected. Empty: the case holds.
    pub wrong: Vec<Difference>,
    pub got: Got,
}

/// What the policy says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Got {
    pub decision: &'static str,
    pub tier: Option<String>,
    pub gates: Vec<String>,
    pub seats: BTreeMap<Seat, u32>,
    pub needs: Vec<String>,
    pub violations: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub monitored: Option<&'static str>,
    /// One sentence for people: who must act next, or why nobody can.
    pub because: String,
}

/// Whatever names nothing: a case has one binding, and no evidence.
const NAMELESS: &[u8] = b"a case of a policy";

impl PolicyCase {
    /// Decides it. `snapshot` are the facts that it begins with, where it names some.
    ///
    /// # Errors
    /// When a number in the policy has no canonical form.
    pub fn run(&self, policy: &Policy, snapshot: Option<Facts>) -> Result<CaseRun, CanonicalError> {
        let facts = self.facts.facts(snapshot, self.at);
        let subject = &facts.version.subject;
        let action = self.target.clone().action(subject.model.clone(), subject.version);
        let placed = Placed { workspace: subject.workspace.clone(), action };
        let roster = self.roster(policy);
        let waivers: Vec<Waiver> =
            self.waivers.iter().map(|given| self.waiver(given, subject, policy)).collect();
        let broken = self.break_glass.as_ref().map(|by| self.broken(by, &placed));
        let reviews: Vec<Review> = self.reviews.iter().map(|given| self.review(given)).collect();
        let answer = redecide(
            policy,
            &Basis {
                placed: &placed,
                facts: &facts,
                also: &[],
                holdings: &Holdings::of_version(&facts),
                binding: Digest::of(NAMELESS),
                runs: &|matched, demand, _| self.runs(matched, demand),
                reviews: &reviews,
                open_threads: self.open_threads,
                authors: &self.authors,
                roster: &roster,
                waivers: &waivers,
                break_glass: broken.as_ref(),
                before: &self.before(policy),
                now: self.at,
            },
        )?;
        let got = got(&answer, policy);
        let (name, file, line) = (self.name.clone(), self.file.clone(), self.line);
        Ok(CaseRun { name, file, line, wrong: differences(&self.expect, &got), got })
    }

    /// Accounts are called as the policy and the case call them.
    fn roster(&self, policy: &Policy) -> Roster {
        let directory = Directory {
            person_of: &|name| Some(PersonId::new(name)),
            in_group: &|group| self.groups.get(group).cloned().unwrap_or_default(),
            is_machine: &|person| self.machines.contains(person),
        };
        policy.roster(&directory, self.at)
    }

    fn runs(&self, matched: &GateMatch<'_>, demand: &Demand) -> (Vec<CheckRun>, Vec<RuleRun>) {
        let checks = demand.checks.iter().filter_map(|check| self.check_run(check));
        let rules = matched.gate.rules.iter().map(|rule| RuleRun {
            plugin: rule.plugin.clone(),
            gate: Some(matched.gate.name.clone()),
            plugin_digest: Digest::of(NAMELESS),
            input_digest: Digest::of(NAMELESS),
            transcript_digest: Digest::of(NAMELESS),
            outcome: self.rules.get(&rule.plugin).cloned().unwrap_or_else(asks_nothing),
            started_at: self.at,
        });
        (checks.collect(), rules.collect())
    }

    fn check_run(&self, demand: &CheckDemand) -> Option<CheckRun> {
        let passes = CheckSays::Reported(crate::check::Conclusion::Pass);
        let outcome = match self.checks.get(&demand.plugin).copied().unwrap_or(passes) {
            CheckSays::NotRun => return None,
            CheckSays::Failed(class) => {
                Outcome::Failed(Failure { class, message: "as the case says".to_owned() })
            }
            CheckSays::Reported(conclusion) => {
                let (summary, findings) = ("as the case says".to_owned(), Vec::new());
                Outcome::Reported(Report { conclusion, summary, findings, extensions: Vec::new() })
            }
        };
        Some(CheckRun {
            plugin: demand.plugin.clone(),
            required: demand.required,
            plugin_digest: Digest::of(NAMELESS),
            config_digest: demand.config_digest,
            input_digest: Digest::of(NAMELESS),
            transcript_digest: Digest::of(NAMELESS),
            outcome_digest: Digest::of(NAMELESS),
            outcome,
            started_at: self.at,
            took_us: 0,
        })
    }

    fn review(&self, given: &GivenReview) -> Review {
        let binding = Digest::of(if given.stale { b"what was there before" } else { NAMELESS });
        let at = given.at.unwrap_or(self.at);
        let signature = given.signed.then(|| Signature {
            name: given.by.to_string(),
            at,
            meaning: format!("{} of a case", given.vote.as_str()),
            method: SignatureMethod::Password,
            binding,
        });
        Review {
            id: Uuid::nil(),
            reviewer: given.by.clone(),
            seat: Some(given.seat.clone()),
            vote: given.vote,
            rationale: "as the case says".to_owned(),
            at,
            binding,
            looked_for: None,
            signature,
        }
    }

    fn waiver(&self, given: &GivenWaiver, subject: &Subject, policy: &Policy) -> Waiver {
        let gate = given.gate.clone();
        let requirement = match given.what.clone() {
            Waives::Check(plugin) => Requirement::Check { gate, plugin },
            Waives::Seat(seat) => Requirement::Seat { gate, seat },
        };
        let author = given.author.clone().or_else(|| self.authors.requester.clone()).unwrap_or_default();
        let longest = policy.waivers().map_or(self.at, |rule| self.at.plus(rule.max));
        let word = |by: &PersonId| Endorsement {
            by: by.clone(),
            at: self.at,
            rationale: "as the case says".to_owned(),
        };
        Waiver {
            id: Uuid::nil(),
            requirement,
            scope: Scope {
                workspace: subject.workspace.clone(),
                model: subject.model.clone(),
                version: None,
            },
            reason: "as the case says".to_owned(),
            owner: given.owner.clone().unwrap_or_else(|| author.clone()),
            author,
            asked_at: self.at,
            expires: given.expires.unwrap_or(longest),
            approvals: given.approved_by.iter().map(word).collect(),
            revoked: None,
        }
    }

    fn broken(&self, by: &PersonId, placed: &Placed) -> BreakGlass {
        BreakGlass {
            id: Uuid::nil(),
            request: RequestId(Uuid::nil()),
            placed: placed.clone(),
            by: by.clone(),
            reason: "as the case says".to_owned(),
            ticket: "case".to_owned(),
            at: self.at,
            until: Millis::new(self.at.get().saturating_add(1)),
            drill: false,
            skipped: Vec::new(),
            reviewed: None,
            seen_by: BTreeSet::new(),
        }
    }

    /// Verdicts of every gate by the tier that the same write was judged by before.
    fn before(&self, policy: &Policy) -> Vec<GateVerdict> {
        let Some(tier) = &self.judged_before else { return Vec::new() };
        let gates = policy.gates().iter().map(|gate| {
            let seats = policy.approvals(gate, tier).map(|asked| asked.seats.clone()).unwrap_or_default();
            let count = |(seat, needed)| (seat, SeatCount { needed, signed: BTreeSet::new() });
            GateVerdict {
                tier: TierFound::Known(tier.clone()),
                seats: seats.into_iter().map(count).collect(),
                ..GateVerdict::new(gate.name.clone(), Verdict::Satisfied)
            }
        });
        gates.collect()
    }
}

fn asks_nothing() -> RuleOutcome {
    RuleOutcome::Ruled(Ruling { summary: String::new(), seats: Vec::new(), denials: Vec::new() })
}

fn got(answer: &Answer, policy: &Policy) -> Got {
    let gates = answer.gates();
    let tier = gates.iter().find_map(|gate| gate.tier.known()).map(ToString::to_string);
    let unknown = gates.iter().any(|gate| matches!(gate.tier, TierFound::Unknown(_)));
    let members = |seat: &Seat| {
        let holders = policy.seat(seat);
        holders.map(|holders| holders.members.iter().cloned().collect()).unwrap_or_default()
    };
    let because = match answer {
        Answer::Ungoverned => "no gate guards it".to_owned(),
        Answer::Refused(why) => why.clone(),
        _ => explain::headline(gates, &members),
    };
    Got {
        decision: answer.as_str(),
        tier: tier.or_else(|| unknown.then(|| "unknown".to_owned())),
        gates: gates.iter().map(|gate| gate.gate.to_string()).collect(),
        seats: seats(gates),
        // Without names: a case should not have to list who sits in a seat.
        needs: explain::needs_of(gates, &|_| Vec::new()),
        violations: explain::violations_of(gates, &[]),
        monitored: monitored(gates),
        because,
    }
}

/// How many people each seat must have, by all enforced gates.
fn seats(gates: &[GateVerdict]) -> BTreeMap<Seat, u32> {
    let mut most = BTreeMap::new();
    let all = gates.iter().filter(|gate| gate.enforced).flat_map(|gate| &gate.seats);
    for (seat, count) in all.filter(|(_, count)| count.needed > 0) {
        let before: &mut u32 = most.entry(seat.clone()).or_insert(count.needed);
        *before = (*before).max(count.needed);
    }
    most
}
