//! What a guest asked of the host and what it was told: with the input, all that a verdict rests on.
//!
//! The transcript names answers by digest. The answers themselves are kept beside it as blobs: all answers of the
//! registry, and file contents up to a budget, beyond which a replay reads the file again and checks the digest.

use std::collections::BTreeMap;

use bytes::Bytes;
use countersign_core::canonical::{self, CanonicalError};
use countersign_core::digest::Digest;
use serde::{Deserialize, Serialize};

use super::limits::Limits;
use super::sources::{AccessError, HistoryAnswer, HistoryQuery, RegistryAnswer, RegistryQuery};

/// Bytes of file contents that are kept with one transcript.
const KEPT_FILE_BYTES: usize = 8 << 20;

/// The host calls of one evaluation in order, `log` left out, and the limits that held.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transcript {
    pub format: u32,
    pub limits: Limits,
    pub calls: Vec<Call>,
}

/// One host call: the question, and the digest of the answer or the refusal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "interface", rename_all = "kebab-case")]
pub enum Call {
    /// The answer's digest is that of its canonical JSON.
    Registry { query: RegistryQuery, answer: Result<Digest, AccessError> },
    /// The answer's digest is that of the bytes.
    Artifacts { path: String, offset: u64, len: u32, answer: Result<Digest, AccessError> },
    /// The answer's digest is that of its canonical JSON.
    History { query: HistoryQuery, answer: Result<Digest, AccessError> },
}

impl Call {
    /// The digest of what the guest was told, or why it was told nothing.
    pub const fn answer(&self) -> &Result<Digest, AccessError> {
        match self {
            Self::Registry { answer, .. } | Self::Artifacts { answer, .. } | Self::History { answer, .. } => {
                answer
            }
        }
    }
}

impl Transcript {
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self { format: 1, limits, calls: Vec::new() }
    }

    /// The canonical JSON: what is kept as evidence.
    ///
    /// # Errors
    /// When a number has no canonical form.
    pub fn canonical(&self) -> Result<Vec<u8>, CanonicalError> {
        canonical::to_vec(self)
    }

    /// # Errors
    /// As [`Transcript::canonical`].
    pub fn digest(&self) -> Result<Digest, CanonicalError> {
        Digest::of_json(self)
    }
}

/// A transcript with the answers that it names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recording {
    pub transcript: Transcript,
    /// By their digest.
    pub blobs: BTreeMap<Digest, Bytes>,
    kept_file_bytes: usize,
}

impl Recording {
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self::from_parts(Transcript::new(limits), BTreeMap::new())
    }

    /// A recording that was kept: the transcript and whichever blobs are still there.
    #[must_use]
    pub fn from_parts(transcript: Transcript, blobs: BTreeMap<Digest, Bytes>) -> Self {
        Self { transcript, blobs, kept_file_bytes: 0 }
    }

    /// Records a question to the registry. Gives the size of the answer's canonical JSON in bytes.
    pub(super) fn registry(
        &mut self,
        query: RegistryQuery,
        answer: &Result<RegistryAnswer, AccessError>,
    ) -> Result<usize, CanonicalError> {
        let (answer, size) = self.keep_json(answer)?;
        self.transcript.calls.push(Call::Registry { query, answer });
        Ok(size)
    }

    /// As [`Recording::registry`], for a question to Countersign's own records.
    pub(super) fn history(
        &mut self,
        query: HistoryQuery,
        answer: &Result<HistoryAnswer, AccessError>,
    ) -> Result<usize, CanonicalError> {
        let (answer, size) = self.keep_json(answer)?;
        self.transcript.calls.push(Call::History { query, answer });
        Ok(size)
    }

    fn keep_json<T: Serialize>(
        &mut self,
        answer: &Result<T, AccessError>,
    ) -> Result<(Result<Digest, AccessError>, usize), CanonicalError> {
        let answer = match answer {
            Ok(answer) => canonical::to_vec(answer)?,
            Err(error) => return Ok((Err(error.clone()), 0)),
        };
        let (digest, size) = (Digest::of(&answer), answer.len());
        self.blobs.insert(digest, answer.into());
        Ok((Ok(digest), size))
    }

    /// Records a read of a file.
    pub(super) fn artifacts(
        &mut self,
        (path, offset, len): (String, u64, u32),
        answer: &Result<Bytes, AccessError>,
    ) {
        let answer = match answer {
            Ok(bytes) => Ok(self.keep(bytes)),
            Err(error) => Err(error.clone()),
        };
        self.transcript.calls.push(Call::Artifacts { path, offset, len, answer });
    }

    fn keep(&mut self, bytes: &Bytes) -> Digest {
        let digest = Digest::of(bytes);
        let room = KEPT_FILE_BYTES.saturating_sub(self.kept_file_bytes);
        if bytes.len() <= room && !self.blobs.contains_key(&digest) {
            self.kept_file_bytes += bytes.len();
            self.blobs.insert(digest, bytes.clone());
        }
        digest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(recording: &mut Recording, offset: u64, bytes: &[u8]) {
        let answer = Ok(Bytes::copy_from_slice(bytes));
        recording.artifacts(("model.pkl".into(), offset, u32::try_from(bytes.len()).unwrap()), &answer);
    }

    #[test]
    fn a_transcript_reads_back_and_its_digest_holds() {
        let mut recording = Recording::new(Limits::default());
        read(&mut recording, 0, b"abc");
        let query = RegistryQuery::VersionByAlias { model: "m".into(), alias: "champion".into() };
        recording.registry(query.clone(), &Ok(RegistryAnswer::Version(None))).unwrap();
        recording.registry(query, &Err(AccessError::NotFound("m".into()))).unwrap();
        let transcript = recording.transcript;
        let again: Transcript = serde_json::from_slice(&transcript.canonical().unwrap()).unwrap();
        assert_eq!(again.digest().unwrap(), transcript.digest().unwrap());
        assert_eq!(again, transcript);
    }

    #[test]
    fn file_contents_are_kept_only_up_to_the_budget() {
        let mut recording = Recording::new(Limits::default());
        for i in 0..12_u8 {
            read(&mut recording, 0, &vec![i; 1 << 20]);
        }
        assert_eq!(recording.transcript.calls.len(), 12);
        assert_eq!(recording.blobs.len(), 8);
    }
}
