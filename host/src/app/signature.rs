//! Electronic signatures: where the tier asks for one, whoever signs proves once more who they are.

use countersign_core::digest::Digest;
use countersign_core::entry::Entry;
use countersign_core::explain;
use countersign_core::policy::{Policy, SignatureKind};
use countersign_core::request::{PromotionRequest, RequestId};
use countersign_core::review::{Signature, Vote};
use countersign_core::time::Millis;

use super::{App, AppError};
use crate::auth::proof::ProofError;
use crate::auth::{Identity, Proof};
use crate::store::Batch;

/// Names exactly what is signed, for a proof that was given elsewhere.
#[must_use]
pub fn about(request: RequestId, binding: Digest) -> String {
    format!("{request} {binding}")
}

/// Whether any gate asks for re-authentication, at the tier that it found.
#[must_use]
pub fn is_asked_for(policy: &Policy, request: &PromotionRequest) -> bool {
    request.gates.iter().any(|verdict| {
        if verdict.reauthenticate {
            return true;
        }
        let gate = policy.gate(&verdict.gate);
        let asked = gate.zip(verdict.tier.known()).and_then(|(gate, tier)| policy.approvals(gate, tier));
        asked.is_some_and(|approvals| approvals.signature == SignatureKind::Reauthenticate)
    })
}

impl App {
    /// The signature of somebody who has proved who they are; `None` where none is asked for.
    pub(super) async fn signature(
        &self,
        policy: &Policy,
        request: &PromotionRequest,
        who: &Identity,
        vote: Vote,
        proof: Proof,
        at: Millis,
    ) -> Result<Option<Signature>, AppError> {
        let meaning = match vote {
            Vote::Approve => "approval of",
            Vote::Reject => "rejection of",
            Vote::Comment | Vote::Abstain | Vote::Recuse => return Ok(None),
        };
        if !is_asked_for(policy, request) {
            return Ok(None);
        }
        let about = about(request.id, request.binding);
        let method = match self.people.auth().prove(who, proof, &about).await {
            Ok(method) => method,
            Err(error) => return Err(self.unproven(request, who, &error).await?),
        };
        let action = explain::action_phrase(&request.placed.action);
        let meaning = format!("{meaning} “{action}”");
        Ok(Some(Signature { name: who.name.clone(), at, meaning, method, binding: request.binding }))
    }

    /// A password that was wrong may be somebody else's guess: it is an entry, as every refused signature is.
    async fn unproven(
        &self,
        request: &PromotionRequest,
        who: &Identity,
        error: &ProofError,
    ) -> Result<AppError, AppError> {
        if matches!(error, ProofError::WrongPassword) {
            let (by, reason) = (who.person.clone(), format!("{} gave a wrong password", who.name));
            self.record(&[Entry::ReviewRefused { request: request.id, by, reason }], Batch::new()).await?;
        }
        Ok(AppError::Forbidden(error.to_string()))
    }
}
