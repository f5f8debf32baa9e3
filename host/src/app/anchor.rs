//! Anchoring: checkpoints put where whoever runs this server cannot take them back, so that a ledger that was written
//! anew is found out by `ledger verify --against`.
//!
//! Nothing waits for it. A place that does not take one is shown as a warning and tried again; what was taken is an
//! entry. This module must not know how a place is written to: that is in the modules beside it.

mod file;
mod git;
mod webhook;

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use countersign_core::digest::Digest;
use countersign_core::entry::{Anchored, AnchoredAt, Entry};
use countersign_core::time::{Millis, Span};
use serde::{Deserialize, Serialize};

pub use self::file::AnchorFile;
pub use self::git::AnchorGit;
pub use self::webhook::AnchorWebhook;
use super::{App, AppError, Finding};
use crate::ledger::{Checkpoint, LedgerError};
use crate::store::{Batch, codec, keys};

/// The first pause after a failure; it doubles up to the interval.
const PAUSE: i64 = 10_000;
/// How many entries are looked at for one that says something new.
const LOOKED_AT: usize = 32;

/// A signed checkpoint on its way.
#[derive(Debug)]
struct Note {
    text: String,
    origin: String,
    size: u64,
    at: Millis,
}

/// Where checkpoints go.
#[derive(Debug)]
pub enum Place {
    File(AnchorFile),
    Git(AnchorGit),
    Webhook(AnchorWebhook),
}

/// Why a place did not take a checkpoint: what happened, to what, what to do.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct NotTaken(String);

/// The places, and how each is doing.
#[derive(Debug)]
pub struct Anchors {
    places: Vec<Place>,
    interval: Span,
    doing: Mutex<BTreeMap<&'static str, Doing>>,
}

#[derive(Debug, Clone, Default)]
struct Doing {
    /// `None`: at once.
    next: Option<Millis>,
    tries: u32,
    /// The size that it was last given by this process.
    size: Option<u64>,
    trouble: Option<String>,
}

/// The size of the last checkpoint that a place took.
#[derive(Debug, Serialize, Deserialize)]
struct Taken {
    size: u64,
}

/// How one place is doing, for people who look.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AnchorState {
    pub place: &'static str,
    /// How many entries the last checkpoint signs that it took since the start.
    pub size: Option<u64>,
    pub trouble: Option<String>,
}

impl Place {
    const fn name(&self) -> &'static str {
        match self {
            Self::File(_) => "file",
            Self::Git(_) => "git",
            Self::Webhook(_) => "webhook",
        }
    }

    /// Sends what it has taken on to where it should go from there. What has gone before costs little.
    async fn pass_on(&self) -> Result<(), NotTaken> {
        match self {
            Self::Git(git) => git.push().await,
            Self::File(_) | Self::Webhook(_) => Ok(()),
        }
    }

    /// Gives what the checkpoint is found by there.
    async fn put(&self, note: &Note) -> Result<Option<String>, NotTaken> {
        match self {
            Self::File(file) => file.put(note).await.map(|()| None),
            Self::Git(git) => git.put(note).await.map(Some),
            Self::Webhook(webhook) => webhook.put(note).await.map(|()| None),
        }
    }
}

impl Default for Anchors {
    /// Nowhere.
    fn default() -> Self {
        Self::new(Vec::new(), Span::from_millis(PAUSE))
    }
}

impl Anchors {
    #[must_use]
    pub fn new(places: Vec<Place>, interval: Span) -> Self {
        Self { places, interval, doing: Mutex::default() }
    }

    /// Whether there is a place at all.
    #[must_use]
    pub const fn any(&self) -> bool {
        !self.places.is_empty()
    }

    /// How each place is doing.
    #[must_use]
    pub fn states(&self) -> Vec<AnchorState> {
        let state = |place: &Place| {
            let Doing { size, trouble, .. } = self.doing(place);
            AnchorState { place: place.name(), size, trouble }
        };
        self.places.iter().map(state).collect()
    }

    fn doing(&self, place: &Place) -> Doing {
        let doing = self.doing.lock().unwrap_or_else(PoisonError::into_inner);
        doing.get(place.name()).cloned().unwrap_or_default()
    }

    fn did(&self, place: &Place, doing: Doing) {
        self.doing.lock().unwrap_or_else(PoisonError::into_inner).insert(place.name(), doing);
    }

    fn is_due(&self, place: &Place, now: Millis) -> bool {
        self.doing(place).next.is_none_or(|next| next <= now)
    }

    fn went_well(&self, place: &Place, size: u64, now: Millis) {
        let next = Some(now.plus(self.interval));
        self.did(place, Doing { next, tries: 0, size: Some(size), trouble: None });
    }

    fn went_wrong(&self, place: &Place, reason: String, now: Millis) {
        let Doing { tries, size, .. } = self.doing(place);
        let longest = self.interval.as_millis().max(PAUSE);
        let pause = PAUSE.saturating_mul(1 << tries.min(20)).min(longest);
        tracing::warn!(
            place = place.name(),
            reason,
            tries = tries + 1,
            "checkpoint not anchored, tried again later"
        );
        let next = Some(now.plus(Span::from_millis(pause)));
        self.did(place, Doing { next, tries: tries.saturating_add(1), size, trouble: Some(reason) });
    }
}

impl App {
    /// Gives every place that is due a fresh checkpoint, unless it would say nothing new. Gives how many took one.
    ///
    /// # Errors
    /// When the ledger cannot be read or written. What a place does not take is no error: see [`Anchors::states`].
    pub async fn anchor(&self) -> Result<usize, AppError> {
        let now = self.clock.now();
        let due: Vec<&Place> =
            self.anchors.places.iter().filter(|place| self.anchors.is_due(place, now)).collect();
        if due.is_empty() {
            return Ok(0);
        }
        let text = self.ledger.checkpoint().await?;
        let signed = Checkpoint::open(&text, self.ledger.verifier()).map_err(LedgerError::from)?;
        let note = Note { text, origin: signed.origin.clone(), size: signed.size, at: now };
        let (mut took, mut have) = (Vec::new(), Vec::new());
        for place in due {
            if !self.says_more(place, signed.size)? {
                have.push(place);
                continue;
            }
            match place.put(&note).await {
                Ok(mark) => {
                    took.push((place, mark));
                    have.push(place);
                }
                Err(NotTaken(reason)) => self.anchors.went_wrong(place, reason, now),
            }
        }
        // What was taken is recorded, wherever else it is still to go.
        let taken = self.took(&signed, took).await?;
        for place in have {
            match place.pass_on().await {
                Ok(()) => self.anchors.went_well(place, signed.size, now),
                Err(NotTaken(reason)) => self.anchors.went_wrong(place, reason, now),
            }
        }
        Ok(taken)
    }

    /// Whether anything was entered since the last checkpoint of a place, but that it was anchored.
    fn says_more(&self, place: &Place, size: u64) -> Result<bool, AppError> {
        let Some(Taken { size: last }) = self.read(&keys::anchored(place.name()))? else { return Ok(true) };
        let since = self.ledger.range(last, LOOKED_AT)?;
        let more = since.len() == LOOKED_AT || last > size;
        Ok(more || since.iter().any(|record| !matches!(Self::entry_of(record), Ok(Entry::Anchored(_)))))
    }

    async fn took(
        &self,
        signed: &Checkpoint,
        took: Vec<(&Place, Option<String>)>,
    ) -> Result<usize, AppError> {
        if took.is_empty() {
            return Ok(0);
        }
        let mut batch = Batch::new();
        for (place, _) in &took {
            batch = batch.put(keys::anchored(place.name()), codec::encode(&Taken { size: signed.size })?);
        }
        let at = |(place, mark): &(&Place, Option<String>)| AnchoredAt {
            place: place.name().to_owned(),
            mark: mark.clone(),
        };
        let places = took.iter().map(at).collect();
        let anchored = Anchored { size: signed.size, root: Digest::from_bytes(signed.root), places };
        self.record(&[Entry::Anchored(anchored)], batch).await?;
        Ok(took.len())
    }

    /// What the health page says of it; `None` where nothing is anchored.
    pub(super) fn anchor_health(&self) -> Option<Finding> {
        let states = self.anchors.states();
        if states.is_empty() {
            return None;
        }
        let wrong = states.iter().filter_map(|state| Some((state.place, state.trouble.as_deref()?)));
        let wrong: Vec<String> = wrong.map(|(place, trouble)| format!("{place}: {trouble}")).collect();
        let names: Vec<&str> = states.iter().map(|state| state.place).collect();
        Some(if wrong.is_empty() {
            Finding::ok("anchor", format!("checkpoints go to {}", names.join(", ")))
        } else {
            let todo = "see the message; it is tried again by itself, and nothing else waits for it";
            Finding::warn("anchor", wrong.join("; "), todo)
        })
    }
}
