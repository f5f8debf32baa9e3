//! What a write is judged by: the version that it promotes, or every promoted version that it takes something from.
//!
//! Of several the strictest comes first: it is what the request is about, and the others are named beside it. Each of
//! them is put before the rules of its own gates, and a gate asks for what the tier of any of them asks for.

use std::collections::BTreeSet;
use std::sync::Arc;

use countersign_core::action::{Action, Placed};
use countersign_core::check::RuleRun;
use countersign_core::decide::{Demand, TierFound};
use countersign_core::entry::{Beside, Entry};
use countersign_core::facts::{Facts, Subject};
use countersign_core::names::{ModelName, PersonId, Version};
use countersign_core::policy::{FactRead, GateMatch, Governance, Holdings};
use countersign_core::review::{Authors, Review};

use super::generation::{Generation, LoadedCheck};
use super::rules::Circumstances;
use super::run_checks::{Fresh, Target};
use super::{App, AppError};
use crate::facts::Snapshot;

/// One version that is judged.
struct Judging {
    snapshot: Arc<Snapshot>,
    tier: TierFound,
    /// What the tier was found by.
    read: Vec<FactRead>,
}

/// The versions that are judged, the strictest first.
pub(super) struct Affected {
    first: Judging,
    others: Vec<Judging>,
}

impl Affected {
    pub(super) const fn snapshot(&self) -> &Arc<Snapshot> {
        &self.first.snapshot
    }

    pub(super) const fn tier(&self) -> &TierFound {
        &self.first.tier
    }

    /// Every tier, in the order of the versions.
    pub(super) fn tiers(&self) -> impl Iterator<Item = &TierFound> {
        self.all().map(|judging| &judging.tier)
    }

    /// The versions beside the first, each with what it is judged by.
    pub(super) fn also(&self) -> Result<Vec<Also>, AppError> {
        let also = |judging: &Judging| {
            let (subject, tier) = (judging.subject().clone(), judging.tier.clone());
            let beside = Beside { subject, facts: judging.snapshot.facts_digest()?, tier };
            Ok(Also { facts: Arc::clone(&judging.snapshot.facts), beside })
        };
        self.others.iter().map(also).collect()
    }

    fn all(&self) -> impl Iterator<Item = &Judging> {
        std::iter::once(&self.first).chain(&self.others)
    }

    /// The versions that a gate looks at; of a promotion the one that there is.
    fn of_gate<'a>(&'a self, matched: &'a GateMatch<'_>) -> impl Iterator<Item = &'a Judging> {
        self.all().filter(|judging| matched.concerns(judging.subject()))
    }
}

/// A further version that a write would change.
pub(super) struct Also {
    pub(super) facts: Arc<Facts>,
    pub(super) beside: Beside,
}

impl Judging {
    fn subject(&self) -> &Subject {
        &self.snapshot.facts.version.subject
    }
}

impl App {
    /// The facts about what an action would promote, or would take something from.
    pub(super) async fn affected(
        &self,
        generation: &Generation,
        placed: &Placed,
        gates: &[GateMatch<'_>],
    ) -> Result<Affected, AppError> {
        let judging = |snapshot: Arc<Snapshot>| {
            let (tier, read) = generation.policy.tier_found(&snapshot.facts, &placed.action);
            Judging { snapshot, tier, read }
        };
        let changed = self.changed(generation, placed, gates).await?;
        let mut found: Vec<Judging> = changed.into_iter().map(judging).collect();
        found.sort_by(|one, other| {
            let (one, other) = ((&one.tier, one.subject()), (&other.tier, other.subject()));
            generation.policy.strictest_first(one, other)
        });
        let mut found = found.into_iter();
        match found.next() {
            Some(first) => Ok(Affected { first, others: found.collect() }),
            None => Ok(Affected { first: judging(self.subject_facts(placed).await?), others: Vec::new() }),
        }
    }

    /// The versions that gates name, because they would lose something. Whoever asked what they hold was told just now;
    /// remembered facts that do not show it are older, and looked for again.
    async fn changed(
        &self,
        generation: &Generation,
        placed: &Placed,
        gates: &[GateMatch<'_>],
    ) -> Result<Vec<Arc<Snapshot>>, AppError> {
        let named: BTreeSet<&(ModelName, Version)> = gates.iter().flat_map(|found| &found.changes).collect();
        if named.is_empty() {
            return Ok(Vec::new());
        }
        let found = self.all_of(placed, &named).await?;
        let holdings = Holdings::of_versions(found.iter().map(|snapshot| &*snapshot.facts));
        let shown = generation.policy.governs(&placed.action, &holdings);
        if matches!(shown, Governance::Gates(shown) if shown == gates) {
            return Ok(found);
        }
        for (model, _) in &named {
            self.registry.touch_model(&placed.workspace, model);
        }
        self.all_of(placed, &named).await
    }

    async fn all_of(
        &self,
        placed: &Placed,
        named: &BTreeSet<&(ModelName, Version)>,
    ) -> Result<Vec<Arc<Snapshot>>, AppError> {
        let mut found = Vec::new();
        for (model, version) in named {
            found.push(self.registry.get(&placed.workspace, model, *version).await?);
        }
        Ok(found)
    }

    /// The authors of all of them: nobody signs what is their own in part.
    pub(super) fn authors_of_all(
        &self,
        requester: Option<PersonId>,
        affected: &Affected,
        reviews: &[Review],
    ) -> Result<Authors, AppError> {
        let mut authors = self.authors(requester, &affected.first.snapshot.facts.version, reviews)?;
        for judging in &affected.others {
            let theirs = self.authors(None, &judging.snapshot.facts.version, reviews)?;
            authors
                .writers
                .extend(theirs.creator.into_iter().chain(theirs.last_writer).chain(theirs.writers));
            authors.run_authors.extend(theirs.run_author.into_iter().chain(theirs.run_authors));
        }
        Ok(authors)
    }

    /// Puts each version before the rules of the gates that look at it.
    pub(super) async fn rule_on(
        &self,
        generation: &Generation,
        gates: &[GateMatch<'_>],
        (affected, action): (&Affected, &Action),
        around: Circumstances<'_>,
        fresh: &mut Fresh,
    ) -> Result<Vec<RuleRun>, AppError> {
        let mut all = Vec::new();
        for judging in affected.all() {
            let gates: Vec<GateMatch<'_>> =
                gates.iter().filter(|matched| matched.concerns(judging.subject())).cloned().collect();
            let target = Target { snapshot: &judging.snapshot, action, tier: judging.tier.known() };
            let (runs, evidence) = self.run_rules(generation, &gates, target, around).await?;
            fresh.evidence.absorb(evidence);
            fresh.entries.extend(runs.iter().map(|run| rule_entry(run, judging.subject())));
            all.extend(runs);
        }
        Ok(all)
    }
}

/// One demand per gate, and every check that any of them wants, once.
pub(super) fn demands(
    generation: &Generation,
    gates: &[GateMatch<'_>],
    affected: &Affected,
) -> Result<(Vec<Demand>, Vec<LoadedCheck>), AppError> {
    let (mut demands, mut checks) = (Vec::new(), Vec::<LoadedCheck>::new());
    for matched in gates {
        let mut theirs = affected.of_gate(matched);
        let strictest = theirs.next().unwrap_or(&affected.first);
        let others = theirs.map(|judging| &judging.tier);
        let (demand, wanted) = generation.demand(matched, (&strictest.tier, &strictest.read), others)?;
        demands.push(demand);
        for check in wanted {
            let same = |c: &&mut LoadedCheck| c.name == check.name && c.config_digest == check.config_digest;
            match checks.iter_mut().find(same) {
                Some(known) => known.required |= check.required,
                None => checks.push(check),
            }
        }
    }
    Ok((demands, checks))
}

fn rule_entry(run: &RuleRun, subject: &Subject) -> Entry {
    let (workspace, model) = (subject.workspace.clone(), subject.model.clone());
    Entry::RuleRun { workspace, model, version: subject.version, run: run.clone() }
}
