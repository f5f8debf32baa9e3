//! Stage transitions as Databricks' clients ask for them: found by version and stage instead of by the request's id,
//! and approved and made in one step. What may happen, and to whom, is decided where every other request's is.

use countersign_core::action::{Action, Placed};
use countersign_core::digest::Digest;
use countersign_core::names::{ModelName, Seat, Stage, Version, Workspace};
use countersign_core::request::{PromotionRequest, State};
use countersign_core::review::{Review, Vote, may_fill};

use super::review::{seats_asked, signed_in};
use super::{App, AppError, NewReview};
use crate::auth::{Caller, Identity};

/// A version, and the stage that somebody wants it in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transition {
    pub workspace: Workspace,
    pub model: ModelName,
    pub version: Version,
    pub stage: Stage,
}

/// A request about a transition, and where its version was before.
#[derive(Debug, Clone)]
pub struct Asked {
    pub request: PromotionRequest,
    /// `None` where MLflow did not say.
    pub from: Option<Stage>,
}

impl Transition {
    fn placed(&self, archive_existing: bool) -> Placed {
        let (model, version, stage) = (self.model.clone(), self.version, self.stage);
        let action = Action::TransitionStage { model, version, stage, archive_existing };
        Placed { workspace: self.workspace.clone(), action }
    }
}

impl App {
    /// Opens a request for a transition, or finds the one that there is.
    ///
    /// # Errors
    /// As [`App::open`]; `Conflict` where exactly this was rejected.
    pub async fn ask_transition(
        &self,
        caller: &Caller,
        wanted: &Transition,
        archive_existing: bool,
        why: &str,
    ) -> Result<Asked, AppError> {
        let request = self.open(caller, wanted.placed(archive_existing)).await?;
        if matches!(request.state, State::Rejected { .. }) {
            return Err(AppError::Conflict(format!(
                "this was rejected, and that is final for what was reviewed: change the version or register a new \
                 one; the reasons are at {}",
                self.request_url(request.id)
            )));
        }
        let request = self.said(caller, request, why).await?;
        Ok(self.with_stage(request).await)
    }

    /// The live requests to move a version to a stage, by stage.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn transitions(
        &self,
        workspace: &Workspace,
        model: &ModelName,
        version: Version,
    ) -> Result<Vec<Asked>, AppError> {
        let mut found = Vec::new();
        for stage in [Stage::None, Stage::Staging, Stage::Production, Stage::Archived] {
            let (workspace, model) = (workspace.clone(), model.clone());
            for request in self.live(&Transition { workspace, model, version, stage })? {
                found.push(self.with_stage(request).await);
            }
        }
        Ok(found)
    }

    /// Approves what is there now, and makes the transition where nothing is missing after that.
    ///
    /// # Errors
    /// As [`App::review`] and [`App::apply`]; where the second fails, the approval stands.
    pub async fn approve_transition(
        &self,
        caller: &Caller,
        wanted: &Transition,
        archive_existing: bool,
        why: &str,
    ) -> Result<(Asked, Review), AppError> {
        let identity = signed_in(caller, "an approval needs a name under it")?;
        let request = self.live_as(wanted, archive_existing)?;
        let (from, request) = self.voted(caller, request, (Vote::Approve, None), why).await?;
        let review = last_of(&request, identity)?;
        let request = if matches!(request.state, State::Approved { .. }) {
            Box::pin(self.apply(caller, request.id)).await?
        } else {
            request
        };
        Ok((Asked { request, from }, review))
    }

    /// Rejects what is there now. Somebody of several seats rejects in the first that may.
    ///
    /// # Errors
    /// As [`App::review`].
    pub async fn reject_transition(
        &self,
        caller: &Caller,
        wanted: &Transition,
        why: &str,
    ) -> Result<(Asked, Review), AppError> {
        let identity = signed_in(caller, "a rejection needs a name under it")?;
        let request = self.live(wanted)?.into_iter().next().ok_or_else(|| nobody_asked(wanted))?;
        let seat = self.seats_for(identity, &request).into_iter().next();
        let (from, request) = self.voted(caller, request, (Vote::Reject, seat), why).await?;
        let review = last_of(&request, identity)?;
        Ok((Asked { request, from }, review))
    }

    /// Withdraws the request that `creator` opened, who alone can.
    ///
    /// # Errors
    /// `NotFound` when it was somebody else's; as [`App::withdraw`].
    pub async fn cancel_transition(
        &self,
        caller: &Caller,
        wanted: &Transition,
        creator: &str,
        why: &str,
    ) -> Result<Asked, AppError> {
        let theirs = |request: &PromotionRequest| {
            request.authors.requester.as_ref().is_some_and(|by| self.people.name_of(by) == creator)
        };
        let found = self.live(wanted)?.into_iter().find(theirs);
        let request = found.ok_or_else(|| nobody_asked(wanted))?;
        let id = request.id;
        if request.authors.requester.as_ref() == caller.identity().map(|identity| &identity.person) {
            self.said(caller, request, why).await?;
        }
        let request = self.withdraw(caller, id).await?;
        Ok(self.with_stage(request).await)
    }

    /// The seats in which somebody could sign a request.
    #[must_use]
    pub fn seats_for(&self, identity: &Identity, request: &PromotionRequest) -> Vec<Seat> {
        let (_, roster) = self.in_force();
        let may = |seat: &Seat| may_fill(&identity.person, seat, &roster, &request.authors).is_ok();
        seats_asked(request).into_iter().filter(may).collect()
    }

    /// Keeps what somebody says about a request without voting on it.
    async fn said(
        &self,
        caller: &Caller,
        request: PromotionRequest,
        why: &str,
    ) -> Result<PromotionRequest, AppError> {
        if why.trim().is_empty() {
            return Ok(request);
        }
        Ok(self.voted(caller, request, (Vote::Comment, None), why).await?.1)
    }

    /// A vote over the binding of this moment: these clients show none.
    async fn voted(
        &self,
        caller: &Caller,
        request: PromotionRequest,
        (vote, seat): (Vote, Option<Seat>),
        why: &str,
    ) -> Result<(Option<Stage>, PromotionRequest), AppError> {
        let subject_digest: Digest = Box::pin(self.judge_live(request.id)).await?.binding;
        let from = self.stage_of(&request.placed).await;
        let new = NewReview { vote, seat, rationale: why.to_owned(), subject_digest };
        Ok((from, Box::pin(self.review(caller, request.id, new)).await?))
    }

    /// The live requests for a transition. There is one for each answer to what happens to the versions that are
    /// in the stage.
    fn live(&self, wanted: &Transition) -> Result<Vec<PromotionRequest>, AppError> {
        let mut found = Vec::new();
        for archive_existing in [false, true] {
            let current = self.current_request(&wanted.placed(archive_existing))?;
            found.extend(current.map(|seen| seen.value).filter(|request| request.state.is_live()));
        }
        Ok(found)
    }

    /// The request that asks for exactly this. An approval is of what was asked, not of more.
    fn live_as(&self, wanted: &Transition, archive_existing: bool) -> Result<PromotionRequest, AppError> {
        let live = self.live(wanted)?;
        let (asked, placed) = (!live.is_empty(), wanted.placed(archive_existing));
        match live.into_iter().find(|request| request.placed == placed) {
            Some(request) => Ok(request),
            None if asked => Err(AppError::Invalid(format!(
                "the request that is open says `archive_existing_versions` is {}, and an approval is of what was \
                 asked: approve it with {0}, or ask for the other",
                !archive_existing
            ))),
            None => Err(nobody_asked(wanted)),
        }
    }

    async fn with_stage(&self, request: PromotionRequest) -> Asked {
        let from = self.stage_of(&request.placed).await;
        Asked { request, from }
    }

    async fn stage_of(&self, placed: &Placed) -> Option<Stage> {
        Some(self.subject_facts(placed).await.ok()?.facts.version.stage)
    }
}

fn last_of(request: &PromotionRequest, identity: &Identity) -> Result<Review, AppError> {
    let theirs = request.reviews.iter().rfind(|review| review.reviewer == identity.person);
    theirs
        .cloned()
        .ok_or_else(|| AppError::Conflict("your vote was overtaken: look at the request".to_owned()))
}

fn nobody_asked(wanted: &Transition) -> AppError {
    let Transition { model, version, stage, .. } = wanted;
    AppError::NotFound(format!(
        "there is no open request to move {model} version {version} to stage {stage}: list its requests, or open one"
    ))
}
