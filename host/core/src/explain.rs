//! Decisions as sentences: what happened, to what, and what to do next. One paragraph, because MLflow's pages
//! show it in one line.

mod unmet;

use std::fmt::Write as _;

pub use self::unmet::unmet;

use crate::action::{Action, ArtifactPlace, FileWrite};
use crate::check::{CheckRun, Conclusion, Finding, Outcome, Severity};
use crate::decide::{GateVerdict, Need, Verdict, Violation};
use crate::facts::Subject;
use crate::names::Seat;
use crate::request::State;

/// What a caller is told whose write was not made.
///
/// `asked` is what it would have done; `seat_members` names, for people, who fills a seat; `url` is the promotion request's page.
#[must_use]
pub fn refusal(
    asked: &str,
    gates: &[GateVerdict],
    check_runs: &[CheckRun],
    seat_members: &dyn Fn(&Seat) -> Vec<String>,
    url: &str,
) -> String {
    let mut text = if denied(gates) {
        format!("{} was refused", subject_phrase(asked))
    } else {
        format!("{} is held", subject_phrase(asked))
    };
    let reasons = reasons(gates, check_runs, seat_members);
    let _ = write!(text, ": {}.", reasons.join("; "));
    let next = if denied(gates) {
        "Correct it and call again, or see what was found"
    } else {
        "After that the same call succeeds. Sign or follow it"
    };
    let _ = write!(text, " {next} at {url}");
    text
}

/// Who must act next: the first line of every page about a request.
#[must_use]
pub fn headline(gates: &[GateVerdict], seat_members: &dyn Fn(&Seat) -> Vec<String>) -> String {
    let enforced = || gates.iter().filter(|gate| gate.enforced);
    let failed = enforced().flat_map(violations).next();
    if let Some(violation) = failed {
        return match violation {
            Violation::CheckFailed { plugin, .. } => {
                format!("The author must act: check {plugin} failed")
            }
            Violation::CheckErrored { plugin, .. } => {
                format!("An operator must act: check {plugin} could not judge")
            }
            Violation::CheckSkipped { plugin, .. } => {
                format!("The author must act: check {plugin} was skipped")
            }
            Violation::RuleDenied { plugin, .. } => {
                format!("The author must act: rule {plugin} refuses this")
            }
            Violation::Rejected { .. } => "Rejected. Nothing more can happen to this request".to_owned(),
        };
    }
    let needs: Vec<String> = enforced().flat_map(needs).map(|need| need_phrase(need, seat_members)).collect();
    if needs.is_empty() {
        let applies = gates.iter().any(|gate| gate.applies);
        let next = if applies { "Countersign makes the change" } else { "The requester can repeat the call" };
        format!("Approved. {next}")
    } else {
        format!("Waiting for {}", needs.join(" and "))
    }
}

/// What every enforced gate still needs, as it is said in a refusal.
#[must_use]
pub fn needs_of(gates: &[GateVerdict], seat_members: &dyn Fn(&Seat) -> Vec<String>) -> Vec<String> {
    let enforced = gates.iter().filter(|gate| gate.enforced);
    enforced.flat_map(needs).map(|need| need_phrase(need, seat_members)).collect()
}

/// What stands against it by every enforced gate, as it is said in a refusal.
#[must_use]
pub fn violations_of(gates: &[GateVerdict], check_runs: &[CheckRun]) -> Vec<String> {
    let enforced = gates.iter().filter(|gate| gate.enforced);
    enforced.flat_map(violations).map(|violation| violation_phrase(violation, check_runs)).collect()
}

/// Why what was said of an earlier request stands against the same write, and what to do; the address follows.
#[must_use]
pub const fn stands_against(state: &State) -> &'static str {
    match state {
        State::Suspended { .. } => {
            "its approval is suspended. Somebody who may fill a seat of its gate can resume or revoke it; the reasons \
             are at"
        }
        State::Revoked { .. } => {
            "its approval was revoked, and that is final for what was approved. Change the version or register a new \
             one; the reasons are at"
        }
        _ => {
            "it was rejected, and that is final for what was reviewed. Change the version or register a new one; the \
             reasons are at"
        }
    }
}

/// `alias champion of credit → version 7`
#[must_use]
pub fn action_phrase(action: &Action) -> String {
    match action {
        Action::SetAlias { model, alias, version } => {
            format!("set alias `{alias}` of {model} to version {version}")
        }
        Action::DeleteAlias { model, alias } => format!("delete alias `{alias}` of {model}"),
        Action::TransitionStage { model, version, stage, .. } => {
            format!("move {model} version {version} to stage {stage}")
        }
        Action::RegisterVersion(registration) => {
            format!("register {} as a new version of {}", registration.source, registration.model)
        }
        Action::CreateModel { model, .. } => format!("create model {model}"),
        Action::RenameModel { model, new_name } => format!("rename model {model} to {new_name}"),
        Action::UpdateModel { model, .. } => format!("change the description of {model}"),
        Action::DeleteModel { model } => format!("delete model {model}"),
        Action::UpdateVersion { model, version, .. } => {
            format!("change the description of {model} version {version}")
        }
        Action::DeleteVersion { model, version } => format!("delete {model} version {version}"),
        Action::SetModelTag { model, key, .. } => format!("set tag `{key}` of {model}"),
        Action::DeleteModelTag { model, key } => format!("delete tag `{key}` of {model}"),
        Action::SetVersionTag { model, version, key, .. } => {
            format!("set tag `{key}` of {model} version {version}")
        }
        Action::DeleteVersionTag { model, version, key } => {
            format!("delete tag `{key}` of {model} version {version}")
        }
        Action::WriteArtifact { place, how } => files_phrase(place, *how),
        Action::ChangeWebhook { .. } => "change a webhook".to_owned(),
    }
}

fn files_phrase(place: &ArtifactPlace, how: FileWrite) -> String {
    let (path, of) = match place {
        ArtifactPlace::Root { path } => (path, String::new()),
        ArtifactPlace::Run { run_id, path } => (path, format!(" of run {run_id}")),
        ArtifactPlace::LoggedModel { model_id, path } => (path, format!(" of logged model {model_id}")),
    };
    let place = if path.is_empty() { format!("all files{of}") } else { format!("`{path}`{of}") };
    match how {
        FileWrite::Write => format!("write files at or below {place}"),
        FileWrite::Parts => format!("upload in parts to {place}"),
        FileWrite::Delete => format!("delete {place}"),
        FileWrite::Presign => format!("get a URL to write {place}"),
    }
}

/// As [`action_phrase`], with the promoted versions that it touches where the action itself does not say which.
#[must_use]
pub fn touching_phrase(action: &Action, subject: &Subject, also: &[Subject]) -> String {
    let phrase = action_phrase(action);
    let silent = action.version().is_none() && !also.is_empty();
    match action {
        Action::WriteArtifact { how, .. } if *how != FileWrite::Presign => {
            format!("change artifacts of {}: {phrase}", versions(subject, also))
        }
        _ if silent => format!("{phrase}, of which {} are promoted", versions(subject, also)),
        _ => phrase,
    }
}

/// `credit version 3 and version 7`; a model is named anew where it changes.
fn versions(subject: &Subject, also: &[Subject]) -> String {
    let mut text = format!("{} version {}", subject.model, subject.version);
    let mut model = &subject.model;
    for (at, other) in also.iter().enumerate() {
        let link = if at + 1 == also.len() { " and" } else { "," };
        let named = if &other.model == model { String::new() } else { format!("{} ", other.model) };
        let _ = write!(text, "{link} {named}version {}", other.version);
        model = &other.model;
    }
    text
}

/// The finding's sentence, with its numbers where it does not say them itself.
#[must_use]
pub fn measure(finding: &Finding) -> String {
    match (&finding.measured, &finding.comparator, &finding.threshold) {
        (Some(measured), Some(comparator), Some(threshold))
            if !(finding.message.contains(measured) && finding.message.contains(threshold)) =>
        {
            format!("{} (measured {measured}, must be {comparator} {threshold})", finding.message)
        }
        _ => finding.message.clone(),
    }
}

fn subject_phrase(phrase: &str) -> String {
    let mut chars = phrase.chars();
    chars.next().map_or_else(String::new, |first| format!("\"{}{}\"", first.to_uppercase(), chars.as_str()))
}

fn denied(gates: &[GateVerdict]) -> bool {
    gates.iter().any(|gate| gate.enforced && matches!(gate.verdict, Verdict::Denied(_)))
}

fn reasons(
    gates: &[GateVerdict],
    check_runs: &[CheckRun],
    seat_members: &dyn Fn(&Seat) -> Vec<String>,
) -> Vec<String> {
    let enforced = || gates.iter().filter(|gate| gate.enforced);
    let mut reasons: Vec<String> =
        enforced().flat_map(violations).map(|v| violation_phrase(v, check_runs)).collect();
    if reasons.is_empty() {
        reasons.extend(passed(check_runs));
        let lowered = enforced().find_map(|gate| gate.lowered_from.as_ref());
        reasons.extend(lowered.map(|tier| {
            format!(
                "its tier was `{tier}` before, and one of each seat asked then must agree to the lower one"
            )
        }));
        let waived = enforced().flat_map(|gate| &gate.waived);
        reasons
            .extend(waived.map(|waived| format!("{} is waived until {}", waived.requirement, waived.until)));
        let needs: Vec<String> =
            enforced().flat_map(needs).map(|need| need_phrase(need, seat_members)).collect();
        reasons.push(format!("it waits for {}", needs.join(" and ")));
    }
    reasons
}

fn passed(check_runs: &[CheckRun]) -> Option<String> {
    let satisfied = check_runs.iter().filter(|run| run.outcome.conclusion().satisfies()).count();
    match (check_runs.len(), satisfied) {
        (0, _) => None,
        (1, 1) => Some("its check passed".to_owned()),
        (all, satisfied) if all == satisfied => Some(format!("all {all} checks passed")),
        (all, satisfied) => Some(format!("{satisfied} of {all} checks passed")),
    }
}

fn violations(gate: &GateVerdict) -> &[Violation] {
    if let Verdict::Denied(violations) = &gate.verdict { violations } else { &[] }
}

fn needs(gate: &GateVerdict) -> &[Need] {
    if let Verdict::Held(needs) = &gate.verdict { needs } else { &[] }
}

fn violation_phrase(violation: &Violation, check_runs: &[CheckRun]) -> String {
    match violation {
        Violation::CheckFailed { plugin, message } => {
            let run = check_runs
                .iter()
                .find(|run| &run.plugin == plugin && run.outcome.conclusion() == Conclusion::Fail);
            let found = run.map(|run| worst(&run.outcome)).unwrap_or_default();
            let detail = if found.is_empty() { message.clone() } else { found.join(", ") };
            format!("check {plugin} failed: {detail}")
        }
        Violation::CheckErrored { plugin, class, message } => {
            format!("check {plugin} could not judge ({}): {message}", class.as_str())
        }
        Violation::CheckSkipped { plugin, message } => {
            format!("required check {plugin} was skipped: {message}")
        }
        Violation::RuleDenied { plugin, message, .. } => format!("rule {plugin} refuses it: {message}"),
        Violation::Rejected { rationale, .. } => format!("a reviewer rejected it: {rationale}"),
    }
}

/// The findings that made a check fail, at most three: the page has them all.
fn worst(outcome: &Outcome) -> Vec<String> {
    let errors = outcome.findings().iter().filter(|finding| finding.severity == Severity::Error);
    errors.take(3).map(measure).collect()
}

fn need_phrase(need: &Need, seat_members: &dyn Fn(&Seat) -> Vec<String>) -> String {
    match need {
        Need::Signatures { seat, missing } => {
            let noun = if *missing == 1 { "signature" } else { "signatures" };
            let members = seat_members(seat);
            let who = if members.is_empty() { String::new() } else { format!(" ({})", members.join(", ")) };
            format!("{missing} {noun} from seat {seat}{who}")
        }
        Need::CheckRun { plugin } => format!("check {plugin} to finish"),
        Need::CheckAgain { plugin, message } => format!("check {plugin} to run again: {message}"),
        Need::Rule { plugin, message } => format!("rule {plugin}: {message}"),
        Need::Tier { message } => format!("its risk tier to be known: {message}"),
        Need::Author { message } => format!("its author to be known: {message}"),
        Need::Discussion { threads: 1 } => "1 thread to be resolved".to_owned(),
        Need::Discussion { threads } => format!("{threads} threads to be resolved"),
    }
}
