//! Which entries of a ledger belong to one request: those about it, and everything that they rest on.
//!
//! Asked once of a whole ledger, to write a file, and once more of the file's own entries, to find what does not
//! belong there: both must give the same.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use uuid::Uuid;

use crate::action::Action;
use crate::digest::Digest;
use crate::entry::{Entry, PolicyLoad};
use crate::names::{ModelName, Version, Workspace};
use crate::request::RequestId;

/// The kinds of entry that may belong to a request without being about it.
pub const KINDS: [&str; 13] = [
    "started",
    "policy-loaded",
    "version-created",
    "check-run",
    "rule-run",
    "reviewed",
    "outcome",
    "bypassed",
    "waiver-asked",
    "waiver-approved",
    "waiver-revoked",
    "break-glass-reviewed",
    "skip-acknowledged",
];

type Place = (Workspace, ModelName, Version);
type Aim = (String, Option<String>);

/// What an input of a run was about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Aimed(Aim);

impl Aimed {
    /// Of the canonical JSON of a run's input. `None` where it is no input.
    #[must_use]
    pub fn of_input(bytes: &[u8]) -> Option<Self> {
        #[derive(Deserialize)]
        struct Input {
            action: Action,
        }
        let input: Input = serde_json::from_slice(bytes).ok()?;
        Some(Self(aim(&input.action)))
    }
}

fn aim(action: &Action) -> Aim {
    (action.kind().to_owned(), action.target().map(str::to_owned))
}

/// What a request rests on, learnt from the entries about it; then asked about all others.
#[derive(Debug)]
pub struct Belongs {
    request: RequestId,
    own: BTreeSet<u64>,
    places: BTreeSet<Place>,
    aims: BTreeSet<Aim>,
    bindings: BTreeSet<Digest>,
    intents: BTreeSet<Uuid>,
    waivers: BTreeSet<Uuid>,
    emergencies: BTreeSet<Uuid>,
    /// Each policy, and the first entry of our own that names it.
    policies: BTreeMap<Digest, u64>,
    /// The last entry before that which says that it was in force.
    in_force: BTreeMap<Digest, u64>,
    found: BTreeSet<u64>,
}

impl Belongs {
    /// `own`: the entries about the request, oldest first.
    #[must_use]
    pub fn to<'e>(request: RequestId, own: impl IntoIterator<Item = (u64, &'e Entry)>) -> Self {
        let mut this = Self {
            request,
            own: BTreeSet::new(),
            places: BTreeSet::new(),
            aims: BTreeSet::new(),
            bindings: BTreeSet::new(),
            intents: BTreeSet::new(),
            waivers: BTreeSet::new(),
            emergencies: BTreeSet::new(),
            policies: BTreeMap::new(),
            in_force: BTreeMap::new(),
            found: BTreeSet::new(),
        };
        own.into_iter().for_each(|(index, entry)| this.learn(index, entry));
        this
    }

    fn learn(&mut self, index: u64, entry: &Entry) {
        if entry.request() != Some(self.request) {
            return;
        }
        self.own.insert(index);
        let mut subjects = Vec::new();
        match entry {
            Entry::RequestOpened { placed, subject, binding, policy, .. } => {
                subjects.push(subject);
                self.aims.insert(aim(&placed.action));
                self.bindings.insert(*binding);
                self.policies.entry(*policy).or_insert(index);
            }
            Entry::Refused { placed, gates, basis, .. } => {
                self.aims.insert(aim(&placed.action));
                if let Some(policy) = basis.as_ref().and_then(|basis| basis.policy) {
                    self.policies.entry(policy).or_insert(index);
                }
                let also = basis.iter().flat_map(|basis| &basis.also);
                subjects.extend(also.map(|beside| &beside.subject));
                self.waivers.extend(gates.iter().flat_map(|gate| &gate.waived).map(|waived| waived.waiver));
            }
            Entry::Intent(intent) => {
                subjects.extend(intent.subject.iter().chain(&intent.also));
                self.aims.insert(aim(&intent.placed.action));
                self.bindings.insert(intent.binding);
                self.intents.insert(intent.id);
                self.policies.entry(intent.policy).or_insert(index);
                let waived = intent.gates.iter().flat_map(|gate| &gate.waived);
                self.waivers.extend(waived.map(|waived| waived.waiver));
                self.emergencies.extend(intent.break_glass);
            }
            Entry::Stale { was, is, .. } => self.bindings.extend([*was, *is]),
            Entry::BrokeGlass { used } => drop(self.emergencies.insert(used.id)),
            Entry::WindowClosed { changed, .. } => subjects.extend(changed),
            _ => {}
        }
        let place = |subject: &crate::facts::Subject| {
            (subject.workspace.clone(), subject.model.clone(), subject.version)
        };
        self.places.extend(subjects.into_iter().map(place));
    }

    /// Whether there is an entry about the request at all.
    #[must_use]
    pub fn is_known(&self) -> bool {
        !self.own.is_empty()
    }

    /// The last entry about the request itself.
    #[must_use]
    pub fn last(&self) -> Option<u64> {
        self.own.last().copied()
    }

    /// The models that it is about: what belongs to it without being about it names one of them, goes on about one of
    /// [`Self::ids`], reviews one of [`Self::bindings`], or says which policy was in force.
    #[must_use]
    pub fn models(&self) -> BTreeSet<&ModelName> {
        self.places.iter().map(|(_, model, _)| model).collect()
    }

    /// What its approvals are bound to.
    #[must_use]
    pub const fn bindings(&self) -> &BTreeSet<Digest> {
        &self.bindings
    }

    /// Its intents, waivers and emergencies.
    pub fn ids(&self) -> impl Iterator<Item = Uuid> {
        self.intents.iter().chain(&self.waivers).chain(&self.emergencies).copied()
    }

    /// Looks at an entry, in the order of the ledger. `aimed`: what a run's input was about, where that is kept.
    pub fn look(&mut self, index: u64, entry: &Entry, aimed: &mut dyn FnMut(&Digest) -> Option<Aimed>) {
        let belongs = match entry {
            Entry::Started { policy, .. } | Entry::PolicyLoaded(PolicyLoad { policy, .. }) => {
                if self.policies.get(policy).is_some_and(|first| index < *first) {
                    self.in_force.insert(*policy, index);
                }
                false
            }
            Entry::CheckRun(run) => {
                let place = (run.workspace.clone(), run.model.clone(), run.version);
                self.is_of(index, &place, &run.input_digest, aimed)
            }
            Entry::RuleRun { workspace, model, version, run } => {
                let place = (workspace.clone(), model.clone(), *version);
                self.is_of(index, &place, &run.input_digest, aimed)
            }
            Entry::VersionCreated { workspace, model, version, .. } => {
                self.is_before(index) && self.places.contains(&(workspace.clone(), model.clone(), *version))
            }
            Entry::Reviewed { review, .. } => {
                self.is_before(index) && self.bindings.contains(&review.binding)
            }
            Entry::Outcome { intent, .. } => self.intents.contains(intent),
            Entry::Bypassed(bypass) => {
                let of =
                    |(workspace, model, _): &Place| *workspace == bypass.workspace && *model == bypass.model;
                self.is_between(index) && self.places.iter().any(of)
            }
            Entry::WaiverAsked { waiver } => self.waivers.contains(&waiver.id),
            Entry::WaiverApproved { waiver, .. } | Entry::WaiverRevoked { waiver, .. } => {
                self.waivers.contains(waiver)
            }
            Entry::BreakGlassReviewed { used, .. } | Entry::SkipAcknowledged { used, .. } => {
                self.emergencies.contains(used)
            }
            _ => false,
        };
        if belongs {
            self.found.insert(index);
        }
    }

    /// The indexes of everything that belongs to it.
    #[must_use]
    pub fn finish(self) -> BTreeSet<u64> {
        let Self { own, found, in_force, .. } = self;
        own.into_iter().chain(found).chain(in_force.into_values()).collect()
    }

    /// Whether a run was made for this request's write, at the latest when it was last spoken of. An input that is
    /// not kept any more is taken to be.
    fn is_of(
        &self,
        index: u64,
        place: &Place,
        input: &Digest,
        aimed: &mut dyn FnMut(&Digest) -> Option<Aimed>,
    ) -> bool {
        self.is_before(index)
            && self.places.contains(place)
            && aimed(input).is_none_or(|Aimed(aim)| self.aims.contains(&aim))
    }

    fn is_before(&self, index: u64) -> bool {
        self.own.last().is_some_and(|last| index < *last)
    }

    fn is_between(&self, index: u64) -> bool {
        self.is_before(index) && self.own.first().is_some_and(|first| *first < index)
    }
}
