//! A decision as in-toto statements, for readers who know nothing of us: what was checked, what was verified, and who
//! approved it by which policy.
//!
//! A statement follows from what is recorded alone: the same request and the same checkpoint give the same bytes. People
//! stand in it by opaque id, and what they wrote by its digest. This module must not know: keys, signatures, the store.

mod approval;
mod model_signing;
mod svr;
mod test_result;

use serde::Serialize;

pub use self::approval::{Approval, Recorded};
pub use self::model_signing::model_digest;
pub use self::svr::VerificationResult;
pub use self::test_result::TestResult;
use crate::decide::GateVerdict;
use crate::digest::Digest;
use crate::facts::{File, Subject};
use crate::request::{PromotionRequest, State};
use crate::time::Millis;

/// in-toto Attestation Framework, Statement v1.
const STATEMENT: &str = "https://in-toto.io/Statement/v1";
/// What a DSSE envelope around a statement says that it holds.
pub const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";
/// in-toto's predicate "Test Result".
pub const TEST_RESULT: &str = "https://in-toto.io/attestation/test-result/v0.1";
/// in-toto's predicate "Simple Verification Result".
pub const SVR: &str = "https://in-toto.io/attestation/svr/v0.1";
/// Our own: `host/schemas/model-approval.v0.1.json`.
pub const MODEL_APPROVAL: &str = "https://countersign.dev/attestation/model-approval/v0.1";

/// One statement about one model version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Statement {
    #[serde(rename = "_type")]
    kind: &'static str,
    subject: Vec<Resource>,
    pub predicate_type: &'static str,
    pub predicate: Predicate,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Predicate {
    TestResult(TestResult),
    Verified(VerificationResult),
    Approval(Box<Approval>),
}

/// in-toto's ResourceDescriptor, as far as we use it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Resource {
    name: String,
    digest: DigestSet,
}

/// in-toto's DigestSet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct DigestSet {
    #[serde(skip_serializing_if = "Option::is_none")]
    sha256: Option<Bare>,
    /// Which version it is and not which bytes: where nobody could read all of the files.
    #[serde(rename = "countersignSubject", skip_serializing_if = "Option::is_none")]
    subject: Option<Bare>,
}

/// Hex digits alone, as in-toto writes digests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bare(Digest);

impl Serialize for Bare {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&hex::encode(self.0.as_bytes()))
    }
}

impl Resource {
    fn new(name: impl Into<String>, digest: Digest) -> Self {
        Self { name: name.into(), digest: DigestSet { sha256: Some(Bare(digest)), subject: None } }
    }

    /// The model version, by the digest that OpenSSF model signing gives its files.
    fn model(subject: &Subject, files: &[File]) -> Self {
        let name = format!("models:/{}/{}", subject.model, subject.version);
        let sha256 = subject.manifest.and_then(|_| model_digest(files));
        // A subject is text and whole numbers: it always has a canonical form.
        let which = sha256.is_none().then(|| Digest::of_json(subject).ok()).flatten();
        Self { name, digest: DigestSet { sha256: sha256.map(Bare), subject: which.map(Bare) } }
    }
}

/// Everything that is said of a request. `files` are those of its facts; empty where these are not kept any more.
#[must_use]
pub fn statements(request: &PromotionRequest, files: &[File], recorded: &Recorded) -> Vec<Statement> {
    let subject = Resource::model(&request.subject, files);
    let statement = |predicate_type, predicate| Statement {
        kind: STATEMENT,
        subject: vec![subject.clone()],
        predicate_type,
        predicate,
    };
    let tested = TestResult::of(request).map(|result| statement(TEST_RESULT, Predicate::TestResult(result)));
    let verified = VerificationResult::of(request, recorded);
    let approval = Approval::of(request, recorded);
    let said = [
        tested,
        Some(statement(SVR, Predicate::Verified(verified))),
        Some(statement(MODEL_APPROVAL, Predicate::Approval(Box::new(approval)))),
    ];
    said.into_iter().flatten().collect()
}

/// Since when it stands as it does.
fn since(request: &PromotionRequest) -> Millis {
    match request.state {
        State::Open | State::InReview => {
            request.reviews.iter().map(|review| review.at).max().unwrap_or(request.opened_at)
        }
        State::Approved { at }
        | State::Applied { at, .. }
        | State::Rejected { at, .. }
        | State::Withdrawn { at, .. }
        | State::Superseded { at, .. }
        | State::Applying { at, .. }
        | State::Lapsed { at }
        | State::Expired { at, .. }
        | State::Suspended { at, .. }
        | State::Revoked { at, .. } => at,
    }
}

fn enforced(request: &PromotionRequest) -> impl Iterator<Item = &GateVerdict> {
    request.gates.iter().filter(|gate| gate.enforced)
}

#[cfg(test)]
mod tests;
