//! Where models and versions stand: for the rows of a list, for one model, for one version, and against another.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::{Extension, Json};
use countersign_core::compared::Compared;
use countersign_core::names::{ModelName, PersonId, Version, Workspace};
use serde::Deserialize;
use serde_json::{Value, json};

use super::answers::RequestAnswer;
use super::taken::Asked;
use super::{Authenticated, Problem, reader};
use crate::app::{AliasGlance, App, AppError, ModelGlance, Rights, Spoken, VersionGlance};

/// Models, or versions, that one call may ask about.
const AT_ONCE: usize = 100;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WorkspaceQuery {
    workspace: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct VersionsQuery {
    workspace: Option<String>,
    /// Numbers, separated by commas.
    versions: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AgainstQuery {
    workspace: Option<String>,
    against: String,
}

/// Several models: each `name` of the query, as often as it is given.
pub(super) async fn list(
    State(app): State<Arc<App>>,
    Extension(auth): Extension<Authenticated>,
    Asked(query): Asked<Vec<(String, String)>>,
) -> Result<Json<Value>, Problem> {
    reader(&app, &auth)?;
    let (mut names, mut workspace) = (Vec::new(), None);
    for (key, value) in query {
        match key.as_str() {
            "name" if names.len() < AT_ONCE => names.push(ModelName::new(value)),
            "name" => return Err(too_many("models").into()),
            "workspace" => workspace = Some(value),
            other => {
                let why = format!("unknown parameter `{other}`: choose `name` or `workspace`");
                return Err(AppError::Invalid(why).into());
            }
        }
    }
    let workspace = workspace_of(workspace);
    let models = names.iter().map(|name| Ok(model_json(&app, &app.model_glance(&workspace, name)?)));
    let models = models.collect::<Result<Vec<Value>, AppError>>()?;
    Ok(Json(json!({ "models": models })))
}

pub(super) async fn show(
    State(app): State<Arc<App>>,
    Extension(auth): Extension<Authenticated>,
    Path(name): Path<String>,
    Asked(query): Asked<VersionsQuery>,
) -> Result<Json<Value>, Problem> {
    reader(&app, &auth)?;
    let chosen = query.versions.as_deref().map(versions).transpose()?;
    let (model, rows) = app.versions_glance(&workspace_of(query.workspace), &ModelName::new(name), chosen)?;
    let mut shown = model_json(&app, &model);
    if let Some(members) = shown.as_object_mut() {
        let rows: Vec<Value> = rows.iter().map(|row| version_json(&app, row)).collect();
        members.insert("versions".to_owned(), Value::Array(rows));
    }
    Ok(Json(shown))
}

pub(super) async fn version(
    State(app): State<Arc<App>>,
    Extension(auth): Extension<Authenticated>,
    Path((name, version)): Path<(String, String)>,
    Asked(query): Asked<WorkspaceQuery>,
) -> Result<Json<Value>, Problem> {
    let caller = reader(&app, &auth)?;
    let (number, workspace, name) = (number(&version)?, workspace_of(query.workspace), ModelName::new(name));
    let status = app.version_status(&workspace, &name, number)?;
    let (model, rows) = app.versions_glance(&workspace, &name, Some(vec![number]))?;
    let may: BTreeMap<String, Rights> = status
        .requests
        .iter()
        .map(|request| (request.id.to_string(), app.rights(caller.identity(), request)))
        .collect();
    let requests: Vec<RequestAnswer> =
        status.requests.into_iter().map(|request| RequestAnswer::new(&app, request)).collect();
    let mut shown = model_json(&app, &model);
    let row = rows.first().map(|row| version_json(&app, row)).unwrap_or_default();
    let of_version = json!({
        "workspace": status.workspace,
        "check_runs": status.check_runs,
        "requests": requests,
        "may": may,
    });
    for more in [row, of_version] {
        if let (Some(members), Value::Object(more)) = (shown.as_object_mut(), more) {
            members.extend(more);
        }
    }
    Ok(Json(shown))
}

pub(super) async fn difference(
    State(app): State<Arc<App>>,
    Extension(auth): Extension<Authenticated>,
    Path((name, version)): Path<(String, String)>,
    Asked(query): Asked<AgainstQuery>,
) -> Result<Json<Compared>, Problem> {
    reader(&app, &auth)?;
    let pair = (number(&query.against)?, number(&version)?);
    Ok(Json(app.compare(&workspace_of(query.workspace), &ModelName::new(name), pair).await?))
}

fn model_json(app: &App, glance: &ModelGlance) -> Value {
    let aliases: Vec<Value> = glance.aliases.iter().map(|alias| alias_json(app, alias)).collect();
    json!({
        "model": glance.model,
        "governed": glance.governed,
        "guards": glance.guards,
        "aliases": aliases,
    })
}

fn alias_json(app: &App, glance: &AliasGlance) -> Value {
    let pending = glance
        .pending
        .as_ref()
        .map(|(version, spoken)| json!({ "version": version, "badge": badge(app, spoken) }));
    json!({
        "alias": glance.alias,
        "version": glance.version,
        "badge": glance.version.map(|_| badge(app, &glance.holder)),
        "pending": pending,
    })
}

fn version_json(app: &App, glance: &VersionGlance) -> Value {
    let person =
        |id: &PersonId| json!({ "name": app.people.name_of(id), "machine": app.people.is_machine(id) });
    json!({
        "version": glance.version,
        "badge": badge(app, &glance.spoken),
        "holds": glance.holds,
        "created_by": glance.created_by.as_ref().map(person),
    })
}

fn badge(app: &App, (badge, request): &Spoken) -> Value {
    json!({
        "is": badge.as_str(),
        "words": badge.words(),
        "tone": badge.tone().as_str(),
        "url": request.map(|id| app.request_url(id)),
    })
}

fn workspace_of(named: Option<String>) -> Workspace {
    Workspace::new(named.unwrap_or_else(|| "default".to_owned()))
}

fn number(text: &str) -> Result<Version, AppError> {
    Version::parse(text)
        .ok_or_else(|| AppError::NotFound(format!("`{text}` is not a version: write a whole number from 1")))
}

fn versions(text: &str) -> Result<Vec<Version>, AppError> {
    let numbers = text.split(',').map(number).collect::<Result<Vec<_>, _>>()?;
    if numbers.len() > AT_ONCE { Err(too_many("versions")) } else { Ok(numbers) }
}

fn too_many(what: &str) -> AppError {
    AppError::Invalid(format!("too many {what} at once: ask for at most {AT_ONCE}, and then for the others"))
}
