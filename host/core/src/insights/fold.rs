//! Taking in the ledger, one entry after another. An entry is taken in once; kinds that say nothing here are passed.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::aliases::{AliasKey, How, Step, Steps};
use super::story::{Ending, Story, tier_of};
use super::tallied::Tallied;
use crate::action::{Action, Placed};
use crate::entry::{Bypass, CheckRunRecord, Entry, Intent, OutcomeResult, Spent, TakenBack};
use crate::facts::Subject;
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

/// A write that was announced and whose end is not known yet.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Announced {
    at: Millis,
    index: u64,
    placed: Placed,
    request: Option<RequestId>,
    tier: Option<Tier>,
    how: How,
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
    aliases: Steps,
    announced: BTreeMap<Uuid, Announced>,
    fallbacks: Vec<Uuid>,
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

    pub(super) const fn aliases(&self) -> &BTreeMap<AliasKey, Vec<Step>> {
        &self.aliases
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
        match entry {
            Entry::CheckRun(record) => self.run(run(record, at)),
            Entry::RequestOpened { request, subject, authors, previous, .. } => {
                self.open(*request, subject, authors.requester.clone(), *previous, at);
            }
            Entry::Bypassed(bypass) => self.bypass(bypass, index, at),
            Entry::FallingBack { intent, .. } => self.fallbacks.push(*intent),
            Entry::Intent(intent) => self.announce(intent, index, at),
            Entry::Outcome { intent, result } => self.conclude(*intent, result, at),
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
            expired: None,
            taken_back: None,
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
        | Entry::Lapsed { request: id }
        | Entry::Expired { request: id }
        | Entry::Suspended(TakenBack { request: id, .. })
        | Entry::Resumed(TakenBack { request: id, .. })
        | Entry::Revoked(TakenBack { request: id, .. })) = entry
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
            Entry::Expired { .. } => story.expired = Some(at),
            Entry::Suspended(_) | Entry::Revoked(_) => story.taken_back = Some(at),
            Entry::Resumed(_) => story.taken_back = None,
            Entry::Stale { .. } => story.stale += 1,
            Entry::EvidenceOpened { opened, .. } => {
                story.looked.entry(opened.by.clone()).or_insert(opened.at);
            }
            _ => {}
        }
    }

    fn announce(&mut self, intent: &Intent, index: u64, at: Millis) {
        let tier = tier_of(&intent.gates);
        if let Some(story) = intent.request.and_then(|id| self.stories.get_mut(&id)) {
            story.judged(&intent.gates, at);
            story.announced = Some(at);
        }
        let how = self.how(intent);
        let (placed, request) = (intent.placed.clone(), intent.request);
        self.announced.insert(intent.id, Announced { at, index, placed, request, tier, how });
    }

    fn how(&self, intent: &Intent) -> How {
        let asked = intent.gates.iter().filter(|gate| gate.enforced).flat_map(|gate| gate.seats.values());
        if intent.break_glass.is_some() {
            How::BreakGlass
        } else if self.fallbacks.contains(&intent.id) {
            How::Fallback
        } else if intent.gates.is_empty() && intent.subject.is_none() {
            How::PutBack
        } else if asked.map(|seat| seat.needed).sum::<u32>() > 0 {
            How::Signed
        } else {
            How::Unasked
        }
    }

    fn conclude(&mut self, id: Uuid, result: &OutcomeResult, at: Millis) {
        if matches!(result, OutcomeResult::Unknown { .. }) {
            return;
        }
        let Some(done) = self.announced.remove(&id) else { return };
        self.fallbacks.retain(|fallback| *fallback != id);
        if !matches!(result, OutcomeResult::Applied | OutcomeResult::FoundApplied) {
            return;
        }
        if let Some(story) = done.request.and_then(|id| self.stories.get_mut(&id)) {
            story.ended = Some((Ending::Applied, at));
        }
        let model = done.placed.action.model().cloned();
        self.made.push(Made { at: done.at, model, tier: done.tier.clone(), how: done.how });
        self.moved(&done, at);
    }

    fn moved(&mut self, done: &Announced, at: Millis) {
        let (model, alias, version) = match &done.placed.action {
            Action::SetAlias { model, alias, version } => (model, alias, Some(*version)),
            Action::DeleteAlias { model, alias } => (model, alias, None),
            _ => return,
        };
        let key = (done.placed.workspace.clone(), model.clone(), alias.to_string());
        let steps = self.aliases.entry(key).or_default();
        // What is put back stands by the request that it once came by.
        let before = steps.iter().rfind(|step| step.version == version && step.request.is_some());
        let kept = before.filter(|_| done.how == How::PutBack).and_then(|step| step.request);
        steps.push(Step { at, index: done.index, version, how: done.how, request: done.request.or(kept) });
    }

    fn bypass(&mut self, bypass: &Bypass, index: u64, at: Millis) {
        self.strays.push(Stray { at, model: bypass.model.clone() });
        let Some(alias) = bypass.what.strip_prefix("alias:") else { return };
        let key = (bypass.workspace.clone(), bypass.model.clone(), alias.to_owned());
        let step = Step { at, index, version: bypass.is, how: How::Bypassed, request: None };
        self.aliases.entry(key).or_default().push(step);
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
