//! The panel on a version's page in MLflow: who looks, what they may do, what there is to see.

use axum::extract::Query;
use axum::response::Response;
use countersign_core::action::Action;
use countersign_core::badge::Badge;
use countersign_core::check::{CheckRun, Conclusion, Severity};
use countersign_core::explain;
use countersign_core::names::{Alias, ModelName, Seat, Version};
use countersign_core::policy::Guard;
use countersign_core::request::{PromotionRequest, State};
use http::StatusCode;
use serde::Deserialize;

use super::{Trouble, Visitor, page};
use crate::app::{App, AppError, ModelGlance, VersionGlance};
use crate::http::api::headline;
use crate::http::pages::model_at::workspace_of;
use crate::http::pages::panel::{Call, CheckLine, Checks, Difference, Mark, Panel, PanelRequest};
use crate::http::pages::{ModelAt, Nav};

/// Live requests that are shown in full.
const SHOWN: usize = 3;

#[derive(Debug, Deserialize)]
pub(super) struct Of {
    workspace: Option<String>,
    model: String,
    version: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Against {
    workspace: Option<String>,
    model: String,
    version: String,
    against: String,
    holds: String,
}

pub(super) async fn show(visitor: Visitor, Query(of): Query<Of>) -> Result<Response, Trouble> {
    let trouble = |error| Trouble::new(&visitor, error);
    let number = number(&of.version).map_err(trouble)?;
    let (workspace, model) = (workspace_of(of.workspace.as_deref()), ModelName::new(of.model));
    let app = visitor.app();
    let status = app.version_status(&workspace, &model, number).map_err(trouble)?;
    let (glance, rows) = app.versions_glance(&workspace, &model, Some(vec![number])).map_err(trouble)?;
    let Some(row) = rows.first() else {
        return Err(trouble(AppError::NotFound("no such version".to_owned())));
    };
    let (requests, here) = (worth_showing(&visitor, &status.requests), ModelAt::new(&workspace, &model));
    let shown = Panel {
        base: visitor.site.base.to_string(),
        model_url: visitor.chrome(Nav::None).model_url(&here),
        model: here,
        version: number.to_string(),
        badge: mark(&row.spoken.0),
        holds: row.holds.iter().map(|held| held_words(&held.name)).collect(),
        creator: creator(&visitor, row),
        bypassed: bypassed(row, requests.first().copied()),
        nothing: nothing(&glance),
        checks: checks(&visitor, &status.check_runs, None),
        targets: targets(&glance, &model, number, &status.requests),
        requests: requests.into_iter().map(|request| shown(&visitor, &glance, request)).collect(),
    };
    Ok(page(StatusCode::OK, &shown))
}

pub(super) async fn difference(visitor: Visitor, Query(of): Query<Against>) -> Result<Response, Trouble> {
    let trouble = |error| Trouble::new(&visitor, error);
    let (was, is) = (number(&of.against).map_err(trouble)?, number(&of.version).map_err(trouble)?);
    let (workspace, model) = (workspace_of(of.workspace.as_deref()), ModelName::new(of.model));
    let found = visitor.app().compare(&workspace, &model, (was, is)).await.map_err(trouble)?;
    Ok(page(StatusCode::OK, &Difference::new(of.against, of.version, of.holds, found)))
}

fn number(text: &str) -> Result<Version, AppError> {
    Version::parse(text).ok_or_else(|| AppError::NotFound(format!("`{text}` is not a version")))
}

/// Those that somebody can act on; where there is none, the one that says how it stands.
fn worth_showing<'a>(visitor: &Visitor, all: &'a [PromotionRequest]) -> Vec<&'a PromotionRequest> {
    let live: Vec<&PromotionRequest> =
        all.iter().filter(|request| request.state.is_live()).take(SHOWN).collect();
    if !live.is_empty() {
        return live;
    }
    let speaks = |request: &&PromotionRequest| {
        request.standing(visitor.now()).is_some() || matches!(request.state, State::Rejected { .. })
    };
    all.iter().find(speaks).into_iter().collect()
}

fn mark(badge: &Badge) -> Mark {
    Mark { words: badge.words(), tone: badge.tone().as_str() }
}

/// `alias champion` of `alias:champion`, `stage Production` of `stage:Production:7`.
fn held_words(name: &str) -> String {
    name.split(':').take(2).collect::<Vec<_>>().join(" ")
}

/// What it holds without a permit, unless the request that is shown first is about that.
fn bypassed(row: &VersionGlance, first: Option<&PromotionRequest>) -> Vec<String> {
    let held = row.holds.iter().filter(|held| held.bypassed).map(|held| held_words(&held.name));
    if first.is_some_and(|request| request.flags.bypassed) { Vec::new() } else { held.collect() }
}

fn creator(visitor: &Visitor, row: &VersionGlance) -> String {
    let by = row.created_by.as_ref().map(|id| visitor.person(id));
    match by {
        Some(by) if by.machine => format!("Created by {}, a machine", by.name),
        Some(by) => format!("Created by {}", by.name),
        None => "Creator unknown: not registered through Countersign".to_owned(),
    }
}

fn nothing(glance: &ModelGlance) -> String {
    if glance.guards.is_empty() {
        return "No gate of the policy covers this model.".to_owned();
    }
    let guards: Vec<String> = glance.guards.iter().map(|guard| guard.to_string().replace('`', "")).collect();
    format!("Nobody has asked to promote this version. Governed here: {}.", guards.join(", "))
}

fn shown(visitor: &Visitor, glance: &ModelGlance, request: &PromotionRequest) -> PanelRequest {
    let app = visitor.app();
    let members = app.people.signers(&app.generation.load().policy, &request.authors, visitor.now());
    let of_seat = |seat: &Seat| members.get(seat).cloned().unwrap_or_default();
    let may = app.rights(visitor.caller.identity(), request);
    PanelRequest {
        id: request.id.to_string(),
        url: visitor.chrome(Nav::None).request_url(&request.id.to_string()),
        headline: headline(request, &of_seat, visitor.now()),
        summary: explain::action_phrase(&request.placed.action),
        requester: visitor.somebody(request.authors.requester.as_ref()).name,
        opened: visitor.when(request.opened_at),
        flags: flags(request),
        seats: seats(visitor, request),
        checks: checks(visitor, &request.check_runs, Some(request)),
        holder: holder(glance, request),
        digest: request.binding.to_string(),
        live: request.state.is_live(),
        call: may.call.then(|| call(&request.placed.action)),
        may,
        entry: match request.state {
            State::Applied { intent, .. } | State::Expired { intent, .. } => Some(intent),
            _ => None,
        },
    }
}

fn flags(request: &PromotionRequest) -> Vec<Mark> {
    let flags = &request.flags;
    let said = [
        (flags.stale && request.state.is_live(), "Stale: what was reviewed has changed since", "warning"),
        (flags.bypassed, "Bypassed: moved without a permit", "bad"),
        (flags.break_glass, "Glass broken", "bad"),
        (flags.waived, "Waived", "warning"),
    ];
    let said = said.into_iter().filter(|(so, ..)| *so);
    said.map(|(_, words, tone)| Mark { words: words.to_owned(), tone }).collect()
}

fn seats(visitor: &Visitor, request: &PromotionRequest) -> Vec<Mark> {
    let counts = request.gates.iter().flat_map(|gate| &gate.seats);
    let said = counts.map(|(seat, count)| {
        let signed: Vec<String> = count.signed.iter().map(|id| visitor.person(id).name).collect();
        let by = if signed.is_empty() { String::new() } else { format!(" ({})", signed.join(", ")) };
        let words = format!("Seat {seat}: {} of {} signed{by}", signed.len(), count.needed);
        let full = u32::try_from(signed.len()).is_ok_and(|signed| signed >= count.needed);
        Mark { words, tone: if full { "good" } else { "busy" } }
    });
    let mut said: Vec<Mark> = said.collect();
    said.dedup();
    said
}

/// Which version stands where this one would.
fn holder(glance: &ModelGlance, request: &PromotionRequest) -> Option<(String, String)> {
    let Action::SetAlias { alias, version, .. } = &request.placed.action else { return None };
    let held = glance.aliases.iter().find(|held| held.alias == alias.as_str())?.version?;
    (held != *version).then(|| (held.to_string(), format!("alias {alias}")))
}

fn call(action: &Action) -> Call {
    let spelt = App::spelling(action);
    // The twin that browsers call: below the static prefix, as MLflow's other one is not.
    let path = spelt.path.replacen("/api/", "ajax-api/", 1);
    let words = explain::action_phrase(action).replace('`', "");
    let mut letters = words.chars();
    let first = letters.next().map(|letter| letter.to_uppercase().to_string()).unwrap_or_default();
    let words = format!("{first}{} now", letters.as_str());
    Call { words, method: spelt.method, path, body: spelt.body }
}

fn checks(visitor: &Visitor, runs: &[CheckRun], request: Option<&PromotionRequest>) -> Checks {
    let me = visitor.caller.identity();
    let unread = match (me, request) {
        (Some(me), Some(request)) if request.state.is_live() => request.unread_by(&me.person),
        _ => Vec::new(),
    };
    let mut lines: Vec<(u8, CheckLine)> =
        runs.iter().map(|run| line(run, request, unread.contains(&run.plugin))).collect();
    lines.sort_by_key(|(rank, _)| *rank);
    let of = request.map_or_else(|| "check".to_owned(), |request| format!("check {}", request.id));
    let (passed, rest): (Vec<_>, Vec<_>) = lines.into_iter().partition(|(rank, _)| *rank == PASSED);
    let lines = |ranked: Vec<(u8, CheckLine)>| ranked.into_iter().map(|(_, line)| line).collect();
    Checks { rest: lines(rest), passed: lines(passed), of }
}

const PASSED: u8 = 4;

/// Failures come first.
fn line(run: &CheckRun, request: Option<&PromotionRequest>, unread: bool) -> (u8, CheckLine) {
    let (rank, words, tone) = match run.outcome.conclusion() {
        Conclusion::Fail => (0, "Failed", "bad"),
        Conclusion::Error => (1, "Could not judge", "bad"),
        Conclusion::Warn => (2, "Warning", "warning"),
        Conclusion::Skipped => (3, "Skipped", "neutral"),
        Conclusion::Pass => (PASSED, "Passed", "good"),
    };
    let opens =
        request.filter(|_| unread).map(|request| format!("requests/{}/evidence/{}", request.id, run.plugin));
    let findings = run.outcome.findings().iter().map(|finding| {
        let severity = match finding.severity {
            Severity::Error => "Error",
            Severity::Warning => "Warning",
            Severity::Info => "Note",
        };
        (explain::measure(finding), severity, finding.remediation.clone())
    });
    let line = CheckLine {
        plugin: run.plugin.to_string(),
        mark: Mark { words: words.to_owned(), tone },
        summary: run.outcome.summary().to_owned(),
        required: run.required,
        findings: findings.collect(),
        opens,
    };
    (rank, line)
}

/// What is governed here, is not held by this version, and that nobody has asked for.
fn targets(
    glance: &ModelGlance,
    model: &ModelName,
    version: Version,
    requests: &[PromotionRequest],
) -> Vec<(String, String)> {
    let live: Vec<&Action> = requests
        .iter()
        .filter(|request| request.state.is_live())
        .map(|request| &request.placed.action)
        .collect();
    let aliases = glance.aliases.iter().filter(|held| held.version != Some(version)).map(|held| {
        let action = Action::SetAlias { model: model.clone(), alias: Alias::new(&held.alias), version };
        (format!("alias {}", held.alias), action)
    });
    let stages = glance.guards.iter().filter_map(|guard| {
        let Guard::Stage(stage) = guard else { return None };
        let model = model.clone();
        let action = Action::TransitionStage { model, version, stage: *stage, archive_existing: false };
        Some((format!("stage {stage}"), action))
    });
    let open = aliases.chain(stages).filter(|(_, action)| !live.contains(&action));
    open.filter_map(|(words, action)| Some((words, serde_json::to_string(&action).ok()?))).collect()
}
