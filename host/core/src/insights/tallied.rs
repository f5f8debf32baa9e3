//! What is kept beside the history, entry by entry: to find it again would mean to go through all of it.
//!
//! This module must not know: which of it a number takes.

use std::collections::{BTreeMap, BTreeSet};

use super::fold::Run;
use crate::names::{ModelName, PersonId, PluginName, Version, Workspace};
use crate::review::{Review, Vote};

type OfModel = BTreeMap<(Workspace, ModelName), BTreeMap<Version, usize>>;

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Tallied {
    models: BTreeSet<ModelName>,
    /// The last run of each check that let a version pass, by its place among all runs.
    passes: BTreeMap<PluginName, OfModel>,
    /// When each person voted for or against something.
    votes: BTreeMap<PersonId, Vec<i64>>,
}

impl Tallied {
    pub(super) fn models(&self) -> impl Iterator<Item = &ModelName> {
        self.models.iter()
    }

    pub(super) const fn votes(&self) -> &BTreeMap<PersonId, Vec<i64>> {
        &self.votes
    }

    pub(super) fn model(&mut self, model: &ModelName) {
        if !self.models.contains(model) {
            self.models.insert(model.clone());
        }
    }

    pub(super) fn run(&mut self, place: usize, run: &Run) {
        if matches!(run.conclusion.as_str(), "pass" | "warn") {
            let of_check = self.passes.entry(run.plugin.clone()).or_default();
            let of_model = of_check.entry((run.workspace.clone(), run.model.clone())).or_default();
            of_model.insert(run.version, place);
        }
    }

    pub(super) fn review(&mut self, review: &Review) {
        if matches!(review.vote, Vote::Approve | Vote::Reject) {
            self.votes.entry(review.reviewer.clone()).or_default().push(review.at.get());
        }
    }

    /// Whether the check passed this version, or a later one of the model, after this run.
    pub(super) fn passed_after(&self, place: usize, run: &Run) -> bool {
        let of_check = self.passes.get(&run.plugin);
        let of_model = of_check.and_then(|all| all.get(&(run.workspace.clone(), run.model.clone())));
        of_model.is_some_and(|of_model| of_model.range(run.version..).any(|(_, last)| *last > place))
    }
}
