//! Running an evaluation again from what was recorded: the same bytes must come out, on another machine, years later.
//!
//! The guest's questions are answered from the recording, in the recorded order. The first question that differs, or
//! the outcome if all questions agree, says where the two runs part.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use countersign_core::canonical::CanonicalError;
use countersign_core::check::{FailureClass, Outcome, RuleOutcome};
use countersign_core::digest::Digest;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::engine::Engine;
use super::evaluate::Evaluation;
use super::input::{CheckInput, CheckRecord, RuleInput};
use super::loader::Plugin;
use super::sources::{
    AccessError, Answer, HistoryAnswer, HistoryQuery, NoSources, RegistryAnswer, RegistryQuery, Sources,
};
use super::transcript::{Call, Recording, Transcript};

/// What a replay is held against.
#[derive(Debug, Clone)]
pub struct Recorded {
    pub recording: Recording,
    /// Of the outcome's canonical JSON.
    pub outcome_digest: Digest,
}

/// How a replay went.
#[derive(Debug, Clone)]
pub struct Replay<T> {
    pub outcome: T,
    pub outcome_digest: Digest,
    /// Where it differs from what was recorded; `None` when it agrees in every byte.
    pub difference: Option<Difference>,
}

/// The first place where two runs part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Difference {
    /// The guest asked something else, more, or less. Counted from 0.
    Call { index: usize, recorded: Option<Call>, replayed: Option<Call> },
    /// All questions agree and the outcome does not.
    Outcome { recorded: Digest, replayed: Digest },
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Call { index, recorded, replayed } => write!(
                f,
                "host call {index} differs: recorded was {}, and the replay made {}",
                Shown(recorded.as_ref()),
                Shown(replayed.as_ref())
            ),
            Self::Outcome { recorded, replayed } => {
                write!(f, "every host call agrees, and the outcome is {replayed} instead of {recorded}")
            }
        }
    }
}

struct Shown<'a>(Option<&'a Call>);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(call) = self.0 else { return f.write_str("no further call") };
        let asked = match call {
            Call::Registry { query, .. } => format!("{query:?}"),
            Call::History { query, .. } => format!("{query:?}"),
            Call::Artifacts { path, offset, len, .. } => {
                format!("a read of {len} bytes at {offset} of `{path}`")
            }
        };
        match call.answer() {
            Ok(digest) => write!(f, "{asked}, answered {digest}"),
            Err(error) => write!(f, "{asked}, refused as {error}"),
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    #[error("the outcome has no canonical form")]
    Canonical(#[from] CanonicalError),
    #[error(
        "the evaluation ended as `{}`, which depends on the speed and load of the machine: it cannot be replayed",
        .0.as_str()
    )]
    NotRepeatable(FailureClass),
    #[error(
        "the recorded input is not one that this component is given: it holds other parts of the version than the \
         component's manifest says it reads"
    )]
    OtherParts,
}

impl CheckInput {
    /// An input that was recorded for a check. It must be what the check is shown, no more and no less.
    ///
    /// # Errors
    /// When it is not.
    pub fn recorded(record: CheckRecord, plugin: &Plugin) -> Result<Self, ReplayError> {
        let input = Self::new(record.clone());
        if *input.record() == record && record.reads.as_ref() == plugin.reads() {
            Ok(input)
        } else {
            Err(ReplayError::OtherParts)
        }
    }
}

/// Whether a failure follows from the input alone, so that another machine must fail in the same way.
#[must_use]
pub const fn repeatable(class: FailureClass) -> bool {
    use FailureClass::{CpuBudget, HostBug, PoolExhausted, WallBudget};
    !matches!(class, CpuBudget | WallBudget | PoolExhausted | HostBug)
}

impl Engine {
    /// Runs a check again under the limits that held then. Files that were not kept with the recording are read from
    /// `files`, where there is one, and must have their recorded digest.
    ///
    /// # Errors
    /// When the replay ended in a way that says nothing about the plugin.
    pub async fn replay_check(
        &self,
        plugin: &Arc<Plugin>,
        input: &Arc<CheckInput>,
        recorded: &Recorded,
        files: Option<Arc<dyn Sources>>,
    ) -> Result<Replay<Outcome>, ReplayError> {
        let (sources, limits) = prepare(&recorded.recording, files);
        let evaluation = self.evaluate_check_within(plugin, input, sources, &limits).await;
        let class = match &evaluation.outcome {
            Outcome::Failed(failure) => Some(failure.class),
            Outcome::Reported(_) => None,
        };
        compare(evaluation, class, recorded)
    }

    /// As [`Engine::replay_check`], for an approval rule.
    ///
    /// # Errors
    /// As [`Engine::replay_check`].
    pub async fn replay_rule(
        &self,
        plugin: &Arc<Plugin>,
        input: &Arc<RuleInput>,
        recorded: &Recorded,
    ) -> Result<Replay<RuleOutcome>, ReplayError> {
        let (sources, limits) = prepare(&recorded.recording, None);
        let evaluation = self.evaluate_rule_within(plugin, input, sources, &limits).await;
        let class = match &evaluation.outcome {
            RuleOutcome::Failed(failure) => Some(failure.class),
            RuleOutcome::Ruled(_) => None,
        };
        compare(evaluation, class, recorded)
    }
}

fn prepare(
    recording: &Recording,
    files: Option<Arc<dyn Sources>>,
) -> (Arc<dyn Sources>, Arc<super::limits::Limits>) {
    let files = files.unwrap_or_else(|| Arc::new(NoSources));
    (Arc::new(Playback::new(recording, files)), Arc::new(recording.transcript.limits.clone()))
}

fn compare<T: Serialize>(
    evaluation: Evaluation<T>,
    class: Option<FailureClass>,
    recorded: &Recorded,
) -> Result<Replay<T>, ReplayError> {
    if let Some(class) = class.filter(|class| !repeatable(*class)) {
        return Err(ReplayError::NotRepeatable(class));
    }
    let outcome_digest = evaluation.outcome_digest()?;
    let calls = first_difference(&recorded.recording.transcript, &evaluation.recording.transcript);
    let outcome = (outcome_digest != recorded.outcome_digest)
        .then_some(Difference::Outcome { recorded: recorded.outcome_digest, replayed: outcome_digest });
    Ok(Replay { outcome: evaluation.outcome, outcome_digest, difference: calls.or(outcome) })
}

fn first_difference(recorded: &Transcript, replayed: &Transcript) -> Option<Difference> {
    let calls = recorded.calls.len().max(replayed.calls.len());
    let pair = |index| (recorded.calls.get(index), replayed.calls.get(index));
    let index = (0..calls).find(|index| pair(*index).0 != pair(*index).1)?;
    let (recorded, replayed) = pair(index);
    Some(Difference::Call { index, recorded: recorded.cloned(), replayed: replayed.cloned() })
}

/// Answers from a recording, in its order.
struct Playback {
    calls: Mutex<VecDeque<Call>>,
    blobs: BTreeMap<Digest, Bytes>,
    files: Arc<dyn Sources>,
}

impl Playback {
    fn new(recording: &Recording, files: Arc<dyn Sources>) -> Self {
        let calls = Mutex::new(recording.transcript.calls.iter().cloned().collect());
        Self { calls, blobs: recording.blobs.clone(), files }
    }

    /// The next call, where it is the one that is made. A guest that strays gets no answers from there on.
    fn next(&self, same: impl FnOnce(&Call) -> bool) -> Option<Call> {
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        let call = calls.pop_front().filter(same);
        if call.is_none() {
            calls.clear();
        }
        call
    }

    /// The recorded answer to the next call, where it is the one that is made.
    fn answer<T: DeserializeOwned>(&self, same: impl FnOnce(&Call) -> bool) -> Result<T, AccessError> {
        let Some(call) = self.next(same) else { return Err(strayed()) };
        let digest = call.answer().clone()?;
        let kept =
            self.blobs.get(&digest).filter(|blob| Digest::of(blob) == digest).ok_or_else(|| lost(digest))?;
        serde_json::from_slice(kept).map_err(|_| lost(digest))
    }
}

fn strayed() -> AccessError {
    AccessError::Unavailable("this was not asked when the evaluation was recorded".to_owned())
}

fn lost(digest: Digest) -> AccessError {
    AccessError::Unavailable(format!("the evidence {digest} is not there, or is not what it was"))
}

impl Sources for Playback {
    fn query(&self, query: RegistryQuery) -> Answer<RegistryAnswer> {
        let answer =
            self.answer(|call| matches!(call, Call::Registry { query: recorded, .. } if *recorded == query));
        Box::pin(async { answer })
    }

    fn history(&self, query: HistoryQuery) -> Answer<HistoryAnswer> {
        let answer =
            self.answer(|call| matches!(call, Call::History { query: recorded, .. } if *recorded == query));
        Box::pin(async { answer })
    }

    fn read(&self, path: &str, offset: u64, len: u32) -> Answer<Bytes> {
        let same = |call: &Call| matches!(call, Call::Artifacts { path: p, offset: o, len: l, .. } if (p.as_str(), *o, *l) == (path, offset, len));
        let Some(Call::Artifacts { answer, .. }) = self.next(same) else {
            return Box::pin(async { Err(strayed()) });
        };
        let kept = answer.as_ref().ok().and_then(|digest| self.blobs.get(digest)).cloned();
        let (path, files) = (path.to_owned(), Arc::clone(&self.files));
        Box::pin(async move {
            let digest = answer?;
            let bytes = match kept {
                Some(bytes) => bytes,
                None => files.read(&path, offset, len).await?,
            };
            if Digest::of(&bytes) == digest { Ok(bytes) } else { Err(lost(digest)) }
        })
    }

    /// The recording has the guest's own reads.
    fn block_bytes(&self) -> u32 {
        0
    }
}

#[cfg(test)]
mod tests {
    use super::super::limits::Limits;
    use super::*;

    fn query(alias: &str) -> RegistryQuery {
        RegistryQuery::VersionByAlias { model: "m".into(), alias: alias.into() }
    }

    fn holdings() -> HistoryQuery {
        HistoryQuery::AliasHoldings { model: "m".into(), version: "7".into() }
    }

    fn recording() -> Recording {
        let mut recording = Recording::new(Limits::default());
        recording.registry(query("champion"), &Ok(RegistryAnswer::Version(None))).unwrap();
        recording.artifacts(("f".into(), 0, 3), &Ok(Bytes::from_static(b"abc")));
        recording.registry(query("gone"), &Err(AccessError::NotFound("x".into()))).unwrap();
        recording.history(holdings(), &Ok(HistoryAnswer::Holdings(Vec::new()))).unwrap();
        recording
    }

    fn playback() -> Playback {
        Playback::new(&recording(), Arc::new(NoSources))
    }

    #[tokio::test]
    async fn answers_come_back_in_order() {
        let playback = playback();
        assert_eq!(playback.query(query("champion")).await, Ok(RegistryAnswer::Version(None)));
        assert_eq!(playback.read("f", 0, 3).await, Ok(Bytes::from_static(b"abc")));
        assert_eq!(playback.query(query("gone")).await, Err(AccessError::NotFound("x".into())));
        assert_eq!(playback.history(holdings()).await, Ok(HistoryAnswer::Holdings(Vec::new())));
        assert!(playback.query(query("gone")).await.is_err());
    }

    #[tokio::test]
    async fn a_guest_that_strays_gets_nothing_more() {
        let playback = playback();
        assert_eq!(playback.query(query("other")).await, Err(strayed()));
        assert_eq!(playback.read("f", 0, 3).await, Err(strayed()));
    }

    #[tokio::test]
    async fn evidence_that_was_changed_is_not_believed() {
        let mut recording = recording();
        let blobs = recording.blobs.values_mut();
        blobs.for_each(|blob| *blob = Bytes::from_static(b"{\"version\":7}"));
        let playback = Playback::new(&recording, Arc::new(NoSources));
        assert!(matches!(playback.query(query("champion")).await, Err(AccessError::Unavailable(_))));
        assert!(matches!(playback.read("f", 0, 3).await, Err(AccessError::Unavailable(_))));
    }

    #[test]
    fn the_first_difference_is_named() {
        let recorded = recording().transcript;
        assert_eq!(first_difference(&recorded, &recorded), None);
        let mut shorter = recorded.clone();
        shorter.calls.pop();
        let difference = first_difference(&recorded, &shorter).unwrap().to_string();
        assert!(difference.starts_with("host call 3 differs"), "{difference}");
        assert!(difference.ends_with("the replay made no further call"), "{difference}");
    }
}
