//! Decides every decision of a file again: from the facts and runs that it rested on, by the text of its policy.
//!
//! Nothing that an entry says of itself is believed where the file has what it follows from: the tier is found from the
//! facts, seats are filled by the reviews that entries tell of. Where something is not in the file, the decision is
//! listed as one that could not be made again, and never as the same.

use std::collections::BTreeMap;

use countersign_core::action::Action;
use countersign_core::digest::Digest;
use countersign_core::entry::{Basis, Entry, RanCheck};
use countersign_core::evidence_file::again::{Sat, difference, rosters};
use countersign_core::evidence_file::beside;
use countersign_core::names::Stage;
use countersign_core::policy::Policy;
use countersign_core::recorded::{History, Recorded};
use countersign_core::redecide::{self, Answer, redecide};
use countersign_core::review::Authors;
use countersign_core::time::{Millis, Span};
use serde::Serialize;
use uuid::Uuid;

use super::super::AppError;
use super::super::kept::{Asking, Kept};
use super::read::EvidenceFile;

/// What may lie between a decision and the entry that tells of it.
const GRACE: Span = Span::from_millis(-60_000);

/// A decision, and what came of making it again.
#[derive(Debug, Clone, Serialize)]
pub struct Redecided {
    pub entry: u64,
    /// `allow`, `hold` or `deny`.
    pub recorded: String,
    pub result: Redecision,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What is taken for granted, because no entry tells of it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub granted: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Redecision {
    /// The same verdict, at the same tier.
    Same,
    Differs,
    /// What it rested on is not in the file.
    Impossible,
    /// Nothing was decided: it follows from what was decided before, and gives nothing to anybody.
    Follows,
}

/// How one comes out.
enum Again {
    Same(Vec<String>),
    Differs(String),
    Impossible(String),
    Follows(String),
}

/// Every decision of a file, made again.
pub(super) fn decisions(file: &EvidenceFile) -> Result<Vec<Redecided>, AppError> {
    let mut walk =
        Walk { file, history: History::default(), runs: Vec::new(), opened: None, falling: BTreeMap::new() };
    let (mut next, mut found) = (None, Vec::new());
    for told in &file.entries {
        if next != Some(told.index) {
            walk.history.skip();
        }
        next = Some(told.index + 1);
        walk.learn(told.index, &told.entry);
        if let Some(decision) = walk.history.read(told.index, told.at, &told.entry) {
            found.push(shown(&decision, walk.again(&told.entry, &decision)?));
        }
    }
    Ok(found)
}

fn shown(decision: &Recorded, again: Again) -> Redecided {
    let (result, reason, granted) = match again {
        Again::Same(granted) => (Redecision::Same, None, granted),
        Again::Differs(reason) => (Redecision::Differs, Some(reason), Vec::new()),
        Again::Impossible(reason) => (Redecision::Impossible, Some(reason), Vec::new()),
        Again::Follows(reason) => (Redecision::Follows, Some(reason), Vec::new()),
    };
    Redecided { entry: decision.entry, recorded: decision.decision.clone(), result, reason, granted }
}

/// What the entries so far have told, beside what [`History`] keeps.
struct Walk<'f> {
    file: &'f EvidenceFile,
    history: History,
    runs: Vec<RanCheck>,
    /// The facts that the request was opened with, and its authors.
    opened: Option<(Digest, Authors)>,
    /// Writes that follow from an approval that has run out, and the entry that says so.
    falling: BTreeMap<Uuid, u64>,
}

impl Walk<'_> {
    fn learn(&mut self, index: u64, entry: &Entry) {
        match entry {
            Entry::CheckRun(run) => self.runs.push(RanCheck {
                plugin: run.plugin.clone(),
                plugin_digest: run.plugin_digest,
                config_digest: run.config_digest,
                outcome_digest: run.outcome_digest,
                conclusion: run.conclusion.clone(),
            }),
            Entry::RequestOpened { facts, authors, .. } => self.opened = Some((*facts, authors.clone())),
            Entry::FallingBack { intent, .. } => drop(self.falling.insert(*intent, index)),
            _ => {}
        }
    }

    fn again(&self, entry: &Entry, decision: &Recorded) -> Result<Again, AppError> {
        if let Some(follows) = self.follows(entry, decision) {
            return Ok(follows);
        }
        if let Some(fault) = self.unfounded(decision) {
            return Ok(Again::Differs(fault));
        }
        let Some(policy) = decision.policy.and_then(|digest| self.file.policies.get(&digest)) else {
            return Ok(Again::Impossible("the text of its policy is not in the file".to_owned()));
        };
        let inferred = decision.basis.is_none();
        let decision = &if inferred { self.inferred(decision) } else { decision.clone() };
        let kept = match Kept::of(&|digest| self.blob(digest), decision) {
            Ok(kept) => kept,
            Err(why) => return Ok(Again::Impossible(why)),
        };
        let beside = || beside::difference(policy, decision, &kept.facts, &kept.also);
        if let Some(fault) = about_another(entry, &kept).or_else(beside) {
            return Ok(Again::Differs(fault));
        }
        Ok(match candidates(policy, decision, &kept)? {
            Tried::Same(granted) if inferred => {
                let how = "its entry is of an earlier version: it was made again from what its request was opened with";
                Again::Same(granted.into_iter().chain([how.to_owned()]).collect())
            }
            Tried::Same(granted) => Again::Same(granted),
            Tried::Lacks(what) => Again::Impossible(format!("the file lacks {}", what.join(", "))),
            Tried::Differs(_) if inferred => Again::Impossible(
                "its entry is of an earlier version, which did not say what it rested on".to_owned(),
            ),
            Tried::Differs(difference) => match uncertain(entry, decision) {
                Some(why) => Again::Impossible(why.to_owned()),
                None => Again::Differs(difference),
            },
        })
    }

    /// What was not decided anew.
    fn follows(&self, entry: &Entry, decision: &Recorded) -> Option<Again> {
        if decision.basis.is_some() {
            return None;
        }
        match entry {
            Entry::Intent(intent) => {
                let told = self.falling.get(&intent.id)?;
                Some(if gives_up(&intent.placed.action) {
                    Again::Follows(format!("an approval had run out, as entry {told} says"))
                } else {
                    Again::Differs("it gives a name to a version, and rests on no decision".to_owned())
                })
            }
            Entry::Refused { reason, .. } if decision.decision == "deny" && !reason.is_empty() => {
                Some(Again::Follows(reason.clone()))
            }
            _ => None,
        }
    }

    /// A run that the decision names and no entry tells of.
    fn unfounded(&self, decision: &Recorded) -> Option<String> {
        let named = decision.basis.iter().flat_map(|basis| &basis.checks);
        let mut untold = named.filter(|named| !self.runs.contains(named));
        let run = untold.next()?;
        Some(format!(
            "it rests on a run of {} that gave {}, and no entry tells of it",
            run.plugin, run.outcome_digest
        ))
    }

    fn blob(&self, digest: Digest) -> Result<Vec<u8>, AppError> {
        let missing = || AppError::NotFound("it is not in the file".to_owned());
        self.file.blobs.get(&digest).map(|bytes| bytes.to_vec()).ok_or_else(missing)
    }

    /// Of an entry that does not say what it rested on: what its request was opened with, and the last runs before it.
    fn inferred(&self, decision: &Recorded) -> Recorded {
        let Some((facts, authors)) = self.opened.clone() else { return decision.clone() };
        let mut checks: Vec<RanCheck> = Vec::new();
        for run in self.runs.iter().rev() {
            if !checks.iter().any(|last| last.plugin == run.plugin && last.config_digest == run.config_digest)
            {
                checks.push(run.clone());
            }
        }
        let basis = Some(Basis {
            facts,
            checks,
            open_threads: 0,
            authors: None,
            policy: None,
            also: Vec::new(),
            sat: None,
        });
        // An intent says whose work it was, with those behind the waivers that it used.
        let authors = if decision.decision == "allow" { decision.authors.clone() } else { authors };
        Recorded { basis, authors, ..decision.clone() }
    }
}

/// Only a version that leaves a stage is given up.
fn gives_up(action: &Action) -> bool {
    let left = |stage: &Stage| matches!(stage, Stage::Archived | Stage::None);
    matches!(action, Action::TransitionStage { stage, archive_existing: false, .. } if left(stage))
}

/// Facts of something else than what is written.
fn about_another(entry: &Entry, kept: &Kept) -> Option<String> {
    let Entry::Intent(intent) = entry else { return None };
    let mut written = std::iter::once(intent.subject.as_ref()?).chain(&intent.also);
    let mut rests = std::iter::once(&kept.facts).chain(&kept.also).map(|facts| &facts.version.subject);
    if let Some(of) = rests.find(|of| written.next() != Some(*of)) {
        let (version, model) = (of.version, &of.model);
        return Some(format!(
            "it rests on facts about version {version} of {model}, not about what is written"
        ));
    }
    let without = written.next()?;
    Some(format!(
        "it writes version {} of {} as well, and rests on no facts about it",
        without.version, without.model
    ))
}

/// Why another answer proves nothing.
fn uncertain(entry: &Entry, decision: &Recorded) -> Option<&'static str> {
    let Entry::Refused { basis, placed, .. } = entry else { return None };
    let action = &placed.action;
    let alone = basis.as_ref().is_none_or(|basis| basis.also.is_empty());
    if basis.as_ref().is_none_or(|basis| basis.policy.is_none()) {
        Some("its entry is of an earlier version, which did not say by which policy")
    } else if alone && !action.is_promotion() && action.version().is_none() {
        Some("it may be about several versions, and what all but the first held then was not recorded")
    } else {
        decision.policy.is_none().then_some("no entry says by which policy")
    }
}

/// What came of the ways in which it may have been.
enum Tried {
    Same(Vec<String>),
    Lacks(Vec<String>),
    Differs(String),
}

/// By every roster that it may have been; each at the time of the entry, and a little before.
fn candidates(policy: &Policy, decision: &Recorded, kept: &Kept) -> Result<Tried, AppError> {
    let mut first = None;
    for Sat { roster, granted } in rosters(policy, decision) {
        for now in [decision.at, decision.at.plus(GRACE)] {
            let (answer, lacking) = decided(policy, decision, kept, (&roster, now))?;
            match difference(decision, &answer) {
                None => return Ok(Tried::Same(granted)),
                Some(_) if !lacking.is_empty() => return Ok(Tried::Lacks(lacking)),
                Some(difference) => drop(first.get_or_insert(difference)),
            }
        }
    }
    Ok(Tried::Differs(first.unwrap_or_default()))
}

fn decided(
    policy: &Policy,
    decision: &Recorded,
    kept: &Kept,
    (roster, now): (&countersign_core::review::Roster, Millis),
) -> Result<(Answer, Vec<String>), AppError> {
    let asking = Asking::new(policy, kept, &decision.gates);
    let before = [decision.before.as_slice(), &lowered(decision)].concat();
    let answer = redecide(
        policy,
        &redecide::Basis {
            placed: &decision.placed,
            facts: &kept.facts,
            also: &kept.also,
            holdings: &kept.holdings(),
            binding: decision.binding.unwrap_or_else(|| Digest::of(&[])),
            runs: &|matched, demand, subject| asking.runs(matched, demand, subject),
            reviews: &decision.reviews,
            open_threads: kept.open_threads,
            authors: &decision.authors,
            roster,
            waivers: &decision.waivers,
            break_glass: decision.broken.as_ref(),
            before: &before,
            now,
        },
    )?;
    let lacking = asking.lacking(&answer);
    Ok((answer, lacking))
}

/// A stricter tier of before, which may have been another request's, as the entry tells of it: it only asks for more.
fn lowered(decision: &Recorded) -> Vec<countersign_core::decide::GateVerdict> {
    decision.gates.iter().filter(|gate| gate.lowered_from.is_some()).cloned().collect()
}
