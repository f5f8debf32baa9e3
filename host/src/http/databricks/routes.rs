//! Answering Databricks' calls: take the call apart, one use case, and its result in their words.

use std::net::SocketAddr;

use axum::extract::Query;
use bytes::Bytes;
use countersign_core::classify::{self, Databricks};
use countersign_core::names::Workspace;
use http::request::Parts;
use http::uri::PathAndQuery;
use http::{Request, StatusCode, Uri, header};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::envelope::renamed;
use super::mapping::{about, commented, of_query, requested, subject, transition, voted};
use super::shapes::{
    ActivityType, CommentBody, CommentQuery, Done, Listed, Requested, RewordBody, TransitionBody,
    VersionQuery,
};
use crate::app::{AppError, Transition};
use crate::auth::Caller;
use crate::http::api::parse_comment;
use crate::http::error::{self, Answered, Shape};
use crate::http::front::Front;
use crate::http::proxy::{GOVERNED_BODY, spelling};
use crate::telemetry::{RequestOutcome, Route};

/// A call of Databricks', and who makes it.
struct Call<'a> {
    front: &'a Front,
    caller: &'a Caller,
    workspace: Workspace,
}

/// What a use case came to, ready to be sent.
type Outcome = Result<Answered, AppError>;

pub(in crate::http) async fn answer(
    front: &Front,
    asked: Databricks,
    head: Parts,
    body: Incoming,
    caller: &Caller,
    peer: SocketAddr,
) -> Answered {
    let answered = match asked {
        Databricks::GetModel { path } => {
            Ok(model(front, &path, head, body, peer).await.unwrap_or_else(unread))
        }
        asked => act(front, asked, &head, body, caller).await,
    };
    let outcome = if answered.is_ok() { RequestOutcome::Answered } else { RequestOutcome::Refused };
    front.app.metrics.request(Route::Own, outcome);
    answered.unwrap_or_else(|error| error::respond(&error, Shape::Databricks))
}

async fn act(front: &Front, asked: Databricks, head: &Parts, body: Incoming, caller: &Caller) -> Outcome {
    let call = Call { front, caller, workspace: workspace(head)? };
    // Whoever was answered a moment ago finds here what they were told.
    front.app.settled().await?;
    match asked {
        Databricks::CreateRequest => call.create(&sent(body).await?).await,
        Databricks::ListRequests => call.list(&queried(head)?).await,
        Databricks::ApproveRequest => call.approve(&sent(body).await?).await,
        Databricks::RejectRequest => call.reject(&sent(body).await?).await,
        Databricks::DeleteRequest => call.delete(&queried(head)?).await,
        Databricks::CreateComment => call.comment(sent(body).await?).await,
        Databricks::UpdateComment => call.reword(&sent(body).await?).await,
        Databricks::DeleteComment => call.take_back(&queried(head)?).await,
        Databricks::GetModel { .. } => Err(AppError::Invalid("a model is read from MLflow".to_owned())),
    }
}

impl Call<'_> {
    fn transition(&self, asked: &TransitionBody) -> Result<Transition, AppError> {
        transition(self.workspace.clone(), asked)
    }

    async fn create(&self, asked: &TransitionBody) -> Outcome {
        let app = &self.front.app;
        let archive = asked.archive_existing_versions.unwrap_or(false);
        let found =
            Box::pin(app.ask_transition(self.caller, &self.transition(asked)?, archive, why(asked))).await?;
        Ok(good(&Requested { request: requested(app, self.caller, &found) }))
    }

    async fn list(&self, asked: &VersionQuery) -> Outcome {
        let (app, (model, version)) = (&self.front.app, of_query(asked)?);
        let found = app.transitions(&self.workspace, &model, version).await?;
        let requests = found.iter().map(|asked| requested(app, self.caller, asked)).collect();
        Ok(good(&Listed { requests }))
    }

    async fn approve(&self, asked: &TransitionBody) -> Outcome {
        let (app, archive) = (&self.front.app, asked.archive_existing_versions.unwrap_or(false));
        let wanted = self.transition(asked)?;
        let (found, review) =
            Box::pin(app.approve_transition(self.caller, &wanted, archive, why(asked))).await?;
        Ok(good(&Done { activity: voted(app, &found, ActivityType::ApprovedRequest, review) }))
    }

    async fn reject(&self, asked: &TransitionBody) -> Outcome {
        let app = &self.front.app;
        let (found, review) =
            Box::pin(app.reject_transition(self.caller, &self.transition(asked)?, why(asked))).await?;
        Ok(good(&Done { activity: voted(app, &found, ActivityType::RejectedRequest, review) }))
    }

    async fn delete(&self, asked: &TransitionBody) -> Outcome {
        let app = &self.front.app;
        let creator = asked.creator.as_deref().ok_or_else(|| {
            AppError::Invalid("`creator` is missing: name who opened the request".to_owned())
        })?;
        let wanted = self.transition(asked)?;
        let found = Box::pin(app.cancel_transition(self.caller, &wanted, creator, why(asked))).await?;
        Ok(good(&Done { activity: about(app, &found, ActivityType::CancelledRequest) }))
    }
}

impl Call<'_> {
    /// About the version, as Databricks has it: here, about its newest request.
    async fn comment(&self, asked: CommentBody) -> Outcome {
        let (model, version) = subject(&asked.name, &asked.version)?;
        let place = (self.workspace.clone(), model, version);
        let said = self.front.app.comment_on_version(self.caller, place, asked.comment).await?;
        Ok(good(&commented(said)))
    }

    async fn reword(&self, asked: &RewordBody) -> Outcome {
        let id = parse_comment(&asked.id)?;
        Ok(good(&commented(self.front.app.reword(self.caller, id, None, &asked.comment).await?)))
    }

    async fn take_back(&self, asked: &CommentQuery) -> Outcome {
        self.front.app.take_back(self.caller, parse_comment(&asked.id)?, None).await?;
        Ok(good(&serde_json::json!({})))
    }
}

/// A model as MLflow has it, with the rights of whoever asks.
async fn model(
    front: &Front,
    path: &str,
    mut head: Parts,
    body: Incoming,
    peer: SocketAddr,
) -> Result<Answered, String> {
    let query = head.uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    let target: PathAndQuery =
        format!("{path}{query}").parse().map_err(|error: http::uri::InvalidUri| error.to_string())?;
    head.uri = Uri::from(target);
    // What is read here must not be compressed.
    head.headers.remove(header::ACCEPT_ENCODING);
    let (request, peer) = (Request::from_parts(head, body), front.peer(peer));
    let asked = front.app.proxy.stream(request, &peer).await;
    let (mut head, body) = asked.map_err(|error| error::chain(&error))?.into_parts();
    let body = Limited::new(body, GOVERNED_BODY).collect().await.map_err(|error| error.to_string())?;
    let body = body.to_bytes();
    let body = if head.status == StatusCode::OK { renamed(&body).unwrap_or(body) } else { body };
    head.headers.remove(header::CONTENT_LENGTH);
    Ok(error::answered(head, body))
}

fn unread(why: String) -> Answered {
    let message = format!("this model could not be read from MLflow: {why}. Try again, or ask the operator");
    error::mlflow(StatusCode::BAD_GATEWAY, "TEMPORARILY_UNAVAILABLE", &message, None)
}

fn why(asked: &TransitionBody) -> &str {
    asked.comment.as_deref().unwrap_or_default()
}

fn workspace(head: &Parts) -> Result<Workspace, AppError> {
    let values = |name: &str| head.headers.get_all(name).iter().map(http::HeaderValue::as_bytes).collect();
    classify::workspace(&spelling(head, &values)).map_err(|refused| AppError::Invalid(refused.to_string()))
}

async fn sent<T: DeserializeOwned>(body: Incoming) -> Result<T, AppError> {
    let read = Limited::new(body, GOVERNED_BODY).collect().await;
    let read = read.map_err(|error| AppError::Invalid(format!("the body could not be read: {error}")))?;
    let body: Bytes = read.to_bytes();
    serde_json::from_slice(&body)
        .map_err(|error| AppError::Invalid(format!("the body cannot be taken: {error}")))
}

fn queried<T: DeserializeOwned>(head: &Parts) -> Result<T, AppError> {
    let read = Query::<T>::try_from_uri(&head.uri);
    read.map(|Query(query)| query).map_err(|refused| AppError::Invalid(refused.body_text()))
}

fn good<T: Serialize>(value: &T) -> Answered {
    error::json(StatusCode::OK, "application/json", value)
}
