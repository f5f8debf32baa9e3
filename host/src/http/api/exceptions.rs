//! Exceptions: waivers, and what was done in an emergency.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::{Extension, Json};
use countersign_core::break_glass::BreakGlass;
use countersign_core::names::{GateName, ModelName, PluginName, Seat, Version, Workspace};
use countersign_core::time::{Millis, Span};
use countersign_core::waiver::{Requirement, Waiver};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::requests::parse_id;
use super::taken::{Sent, Writer};
use super::{Answer, Authenticated, reader};
use crate::app::{App, AppError, NewEmergency, NewWaiver};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::http::api) struct WaiverBody {
    #[serde(default)]
    workspace: Option<String>,
    model: String,
    #[serde(default)]
    version: Option<Version>,
    gate: String,
    #[serde(default)]
    check: Option<String>,
    #[serde(default)]
    seat: Option<String>,
    reason: String,
    #[serde(default)]
    owner: Option<String>,
    /// How long from now, as in `14d`.
    lasts: Span,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::http::api) struct WordBody {
    rationale: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::http::api) struct EmergencyBody {
    reason: String,
    ticket: String,
    #[serde(default)]
    drill: bool,
}

#[derive(Serialize)]
pub(super) struct Waivers {
    waivers: Vec<Waiver>,
}

#[derive(Serialize)]
pub(super) struct Emergencies {
    break_glass: Vec<BreakGlass>,
}

impl WaiverBody {
    fn into_new(self, now: Millis) -> Result<NewWaiver, AppError> {
        let gate = GateName::new(self.gate);
        let requirement = match (self.check, self.seat) {
            (Some(plugin), None) => Requirement::Check { gate, plugin: PluginName::new(plugin) },
            (None, Some(seat)) => Requirement::Seat { gate, seat: Seat::new(seat) },
            _ => {
                let how = "a waiver is of one requirement: give `check` or `seat`";
                return Err(AppError::Invalid(how.to_owned()));
            }
        };
        Ok(NewWaiver {
            workspace: Workspace::new(self.workspace.unwrap_or_else(|| "default".to_owned())),
            model: ModelName::new(self.model),
            version: self.version,
            requirement,
            reason: self.reason,
            owner: self.owner,
            expires: now.plus(self.lasts),
        })
    }
}

pub(super) async fn waivers(
    State(app): State<Arc<App>>,
    Extension(auth): Extension<Authenticated>,
) -> Answer<Waivers> {
    reader(&app, &auth)?;
    Ok(Json(Waivers { waivers: app.waivers()? }))
}

pub(super) async fn ask(by: Writer, Sent(body): Sent<WaiverBody>) -> Answer<Waiver> {
    let caller = by.caller()?;
    let new = body.into_new(by.app.clock.now())?;
    Ok(Json(by.app.ask_waiver(&caller, new).await?))
}

pub(super) async fn approve(
    by: Writer,
    Path(id): Path<String>,
    Sent(body): Sent<WordBody>,
) -> Answer<Waiver> {
    let caller = by.caller()?;
    Ok(Json(by.app.approve_waiver(&caller, exception_id(&id)?, &body.rationale).await?))
}

pub(super) async fn revoke(by: Writer, Path(id): Path<String>, Sent(body): Sent<WordBody>) -> Answer<Waiver> {
    let caller = by.caller()?;
    Ok(Json(by.app.revoke_waiver(&caller, exception_id(&id)?, &body.rationale).await?))
}

pub(super) async fn break_glass(
    by: Writer,
    Path(id): Path<String>,
    Sent(body): Sent<EmergencyBody>,
) -> Answer<BreakGlass> {
    let caller = by.caller()?;
    let EmergencyBody { reason, ticket, drill } = body;
    let new = NewEmergency { reason, ticket, drill };
    Ok(Json(by.app.break_glass(&caller, parse_id(&id)?, new).await?))
}

pub(super) async fn emergencies(
    State(app): State<Arc<App>>,
    Extension(auth): Extension<Authenticated>,
) -> Answer<Emergencies> {
    reader(&app, &auth)?;
    Ok(Json(Emergencies { break_glass: app.emergencies()? }))
}

pub(super) async fn review(
    by: Writer,
    Path(id): Path<String>,
    Sent(body): Sent<WordBody>,
) -> Answer<BreakGlass> {
    let caller = by.caller()?;
    Ok(Json(by.app.review_break_glass(&caller, exception_id(&id)?, &body.rationale).await?))
}

pub(super) async fn acknowledge(by: Writer, Path(id): Path<String>) -> Answer<BreakGlass> {
    let caller = by.caller()?;
    Ok(Json(by.app.acknowledge_skip(&caller, exception_id(&id)?).await?))
}

fn exception_id(text: &str) -> Result<Uuid, AppError> {
    text.parse().map_err(|_| AppError::NotFound(format!("`{text}` is not an id of an exception")))
}
