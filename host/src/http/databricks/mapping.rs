//! What Databricks' words mean here, and ours there: a transition request is a promotion request whose action moves
//! that version to that stage.

use countersign_core::action::Action;
use countersign_core::names::{ModelName, Seat, Stage, Version, Workspace};
use countersign_core::request::PromotionRequest;
use countersign_core::review::{Review, Vote};

use super::shapes::{
    Activity, ActivityAction, ActivityType, CommentAction, CommentObject, Commented, Numeral, TransitionBody,
    VersionQuery,
};
use crate::app::{App, AppError, Asked, Said, Transition};
use crate::auth::Caller;
use crate::http::api::headline;

pub(super) fn transition(workspace: Workspace, asked: &TransitionBody) -> Result<Transition, AppError> {
    let stage = Stage::parse(&asked.stage).ok_or_else(|| {
        let stage = &asked.stage;
        AppError::Invalid(format!("`{stage}` is no stage: write None, Staging, Production or Archived"))
    })?;
    let (model, version) = subject(&asked.name, &asked.version)?;
    Ok(Transition { workspace, model, version, stage })
}

pub(super) fn of_query(asked: &VersionQuery) -> Result<(ModelName, Version), AppError> {
    subject(&asked.name, &asked.version)
}

pub(super) fn subject(name: &str, version: &Numeral) -> Result<(ModelName, Version), AppError> {
    let text = match version {
        Numeral::Text(text) => text.clone(),
        Numeral::Number(number) => number.to_string(),
    };
    let odd = || AppError::Invalid(format!("`{text}` is not a version: write a whole number from 1"));
    let version = Version::parse(&text).ok_or_else(odd)?;
    if name.is_empty() {
        return Err(AppError::Invalid("`name` is empty: name a registered model".to_owned()));
    }
    Ok((ModelName::new(name), version))
}

/// A request as whoever asks may act on it.
pub(super) fn requested(app: &App, caller: &Caller, asked: &Asked) -> Activity {
    let request = &asked.request;
    let mut activity = about(app, asked, ActivityType::RequestedTransition);
    activity.available_actions = actions(app, caller, request);
    activity
}

/// A vote, with where the request stands after it.
pub(super) fn voted(app: &App, asked: &Asked, kind: ActivityType, review: Review) -> Activity {
    Activity {
        id: review.id.to_string(),
        creation_timestamp: review.at.get(),
        last_updated_timestamp: review.at.get(),
        user_id: Some(app.people.name_of(&review.reviewer)),
        comment: Some(review.rationale),
        ..about(app, asked, kind)
    }
}

pub(super) fn about(app: &App, asked: &Asked, kind: ActivityType) -> Activity {
    let request = &asked.request;
    let stage = match &request.placed.action {
        Action::TransitionStage { stage, .. } => *stage,
        _ => Stage::None,
    };
    let opened = request.opened_at.get();
    Activity {
        id: request.id.to_string(),
        activity_type: kind,
        creation_timestamp: opened,
        last_updated_timestamp: request.reviews.last().map_or(opened, |review| review.at.get()),
        user_id: request.authors.requester.as_ref().map(|by| app.people.name_of(by)),
        comment: reason(request),
        system_comment: Some(standing(app, request)),
        from_stage: asked.from.map(Stage::as_str),
        to_stage: stage.as_str(),
        available_actions: Vec::new(),
    }
}

/// A comment, to its author.
pub(super) fn commented(said: Said) -> Commented {
    let Said { comment, words, author_name } = said;
    Commented {
        comment: CommentObject {
            id: comment.id.to_string(),
            comment: words.unwrap_or_default(),
            user_id: author_name,
            creation_timestamp: comment.at.get(),
            last_updated_timestamp: comment.edited.unwrap_or(comment.at).get(),
            available_actions: vec![CommentAction::EditComment, CommentAction::DeleteComment],
        },
    }
}

/// What the requester said about it first.
fn reason(request: &PromotionRequest) -> Option<String> {
    let requester = request.authors.requester.as_ref();
    let theirs = |review: &&Review| review.vote == Vote::Comment && Some(&review.reviewer) == requester;
    request.reviews.iter().find(theirs).map(|review| review.rationale.clone())
}

/// Who must act next, and where.
fn standing(app: &App, request: &PromotionRequest) -> String {
    let members = app.people.signers(&app.generation.load().policy, &request.authors, app.clock.now());
    let of_seat = |seat: &Seat| members.get(seat).cloned().unwrap_or_default();
    format!("{}. {}", headline(request, &of_seat, app.clock.now()), app.request_url(request.id))
}

fn actions(app: &App, caller: &Caller, request: &PromotionRequest) -> Vec<ActivityAction> {
    let Some(identity) = caller.identity() else { return Vec::new() };
    let mut actions = Vec::new();
    if !app.seats_for(identity, request).is_empty() {
        actions.extend([ActivityAction::Approve, ActivityAction::Reject]);
    }
    if request.authors.requester.as_ref() == Some(&identity.person) {
        actions.push(ActivityAction::Cancel);
    }
    actions
}
