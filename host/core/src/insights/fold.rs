//! Taking in the ledger, one entry after another. An entry is taken in once; kinds that say nothing here are passed.

use std::collections::BTreeMap;

use super::aliases::How;
use super::story::{Ending, Story};
use super::tallied::Tallied;
use crate::entry::{CheckRunRecord, Entry, Intent, Spent};
use crate::facts::Subject;
use crate::held::Timeline;
use crate::names::{ModelName, PersonId, PluginName, Tier, Version, Workspace};
use crate::request::RequestId;
use crate::time::Millis;

/// One execution of a check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    pub at: Millis,
    pub workspace: Workspace,
    pub model: ModelName,
    pub version: Version,
    pub plugin: PluginName,
    pub conclusion: String,
    pub spent: Option<Spent>,
}

/// A governed write that MLflow has made with a permit of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made {
    pub at: Millis,
    pub model: Option<ModelName>,
    pub tier: Option<Tier>,
    pub how: How,
}

/// A governed name that moved round us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stray {
    pub at: Millis,
    pub model: ModelName,
}

/// What the numbers need of the ledger up to a position.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Projection {
    position: u64,
    first: Option<Millis>,
    stories: BTreeMap<RequestId, Story>,
    runs: Vec<Run>,
    made: Vec<Made>,
    strays: Vec<Stray>,
    timeline: Timeline,
    /// Kept here, so that no number has to go through all runs and votes to know them.
    tallied: Tallied,
}

/// Kinds that [`Projection::fold`] looks at: no other needs to be parsed for it.
const KINDS: [&str; 16] = [
    "check-run",
    "request-opened",
    "refused",
    "reviewed",
    "withdrawn",
    "stale",
    "intent",
    "outcome",
    "bypassed",
    "evidence-opened",
    "lapsed",
    "expired",
    "falling-back",
    "suspended",
    "resumed",
    "revoked",
];

impl Projection {
    /// The index of the entry that it takes next.
    #[must_use]
    pub const fn position(&self) -> u64 {
        self.position
    }

    /// When the first entry was written.
    #[must_use]
    pub const fn first(&self) -> Option<Millis> {
        self.first
    }

    pub fn stories(&self) -> impl Iterator<Item = &Story> {
        self.stories.values()
    }

    #[must_use]
    pub fn story(&self, id: RequestId) -> Option<&Story> {
        self.stories.get(&id)
    }

    #[must_use]
    pub fn runs(&self) -> &[Run] {
        &self.runs
    }

    #[must_use]
    pub fn made(&self) -> &[Made] {
        &self.made
    }

    #[must_use]
    pub fn strays(&self) -> &[Stray] {
        &self.strays
    }

    /// Models that anybody has asked to promote, by name.
    pub fn models(&self) -> impl Iterator<Item = &ModelName> {
        self.tallied.models()
    }

    pub(super) const fn tallied(&self) -> &Tallied {
        &self.tallied
    }

    pub(super) const fn timeline(&self) -> &Timeline {
        &self.timeline
    }

    /// Whether an entry of this kind changes anything but the position.
    #[must_use]
    pub fn reads(kind: &str) -> bool {
        KINDS.contains(&kind)
    }

    /// Passes an entry that says nothing here, or that this version does not know.
    pub fn pass(&mut self, index: u64) {
        self.position = self.position.max(index.saturating_add(1));
    }

    /// Takes in the entry at an index; one before the position was taken in already.
    pub fn fold(&mut self, index: u64, at: Millis, entry: &Entry) {
        if index < self.position {
            return;
        }
        self.pass(index);
        self.first.get_or_insert(at);
        if let Some(made) = self.timeline.take(index, at, entry) {
            if let Some(story) = made.request.and_then(|id| self.stories.get_mut(&id)) {
                story.ended = Some((Ending::Applied, at));
            }
            let model = made.placed.action.model().cloned();
            self.made.push(Made { at: made.at, model, tier: made.tier, how: made.how });
        }
        match entry {
            Entry::CheckRun(record) => self.run(run(record, at)),
            Entry::RequestOpened { request, subject, authors, previous, .. } => {
                self.open(*request, subject, authors.requester.clone(), *previous, at);
            }
            Entry::Bypassed(bypass) => self.strays.push(Stray { at, model: bypass.model.clone() }),
            Entry::Intent(intent) => self.announce(intent, at),
            of_request => self.tell(of_request, at),
        }
    }

    fn run(&mut self, run: Run) {
        self.tallied.run(self.runs.len(), &run);
        self.runs.push(run);
    }

    fn open(
        &mut self,
        id: RequestId,
        subject: &Subject,
        requester: Option<PersonId>,
        previous: Option<RequestId>,
        opened: Millis,
    ) {
        let before = previous.and_then(|id| self.story(id));
        let again = before.is_some_and(|story| !matches!(story.ended, Some((Ending::Applied, _))));
        let story = Story {
            workspace: subject.workspace.clone(),
            model: subject.model.clone(),
            version: subject.version,
            opened,
            requester,
            tier: None,
            again,
            was_blocked: false,
            is_blocked: false,
            clear: None,
            stale: 0,
            looked: BTreeMap::new(),
            votes: Vec::new(),
            announced: None,
            ended: None,
        };
        self.tallied.model(&story.model);
        self.stories.entry(id).or_insert(story);
    }

    /// What is about one request and nothing else.
    fn tell(&mut self, entry: &Entry, at: Millis) {
        let (Entry::Refused { request: Some(id), .. }
        | Entry::Reviewed { request: id, .. }
        | Entry::Withdrawn { request: id, .. }
        | Entry::Stale { request: id, .. }
        | Entry::EvidenceOpened { request: id, .. }
        | Entry::Lapsed { request: id }) = entry
        else {
            return;
        };
        let Some(story) = self.stories.get_mut(id) else { return };
        match entry {
            Entry::Refused { gates, .. } if story.is_open() => story.judged(gates, at),
            Entry::Reviewed { review, .. } => {
                story.reviewed(review);
                self.tallied.review(review);
            }
            Entry::Withdrawn { .. } => story.ended = Some((Ending::Withdrawn, at)),
            Entry::Lapsed { .. } => story.ended = Some((Ending::Lapsed, at)),
            Entry::Stale { .. } => story.stale += 1,
            Entry::EvidenceOpened { opened, .. } => {
                story.looked.entry(opened.by.clone()).or_insert(opened.at);
            }
            _ => {}
        }
    }

    fn announce(&mut self, intent: &Intent, at: Millis) {
        if let Some(story) = intent.request.and_then(|id| self.stories.get_mut(&id)) {
            story.judged(&intent.gates, at);
            story.announced = Some(at);
        }
    }
}

fn run(record: &CheckRunRecord, at: Millis) -> Run {
    Run {
        at,
        workspace: record.workspace.clone(),
        model: record.model.clone(),
        version: record.version,
        plugin: record.plugin.clone(),
        conclusion: record.conclusion.clone(),
        spent: record.spent,
    }
}
