//! What a viewer of a request must know before anything else.

use countersign_core::action::Action;
use countersign_core::request::{PromotionRequest, Standing, State};

use super::Visitor;
use crate::http::pages::request::Notice;

pub(super) fn of(visitor: &Visitor, request: &PromotionRequest) -> Vec<Notice> {
    let time = time(visitor, request);
    let all = time.into_iter().chain(changes(request)).chain(moved_on(visitor, request));
    all.chain(exceptions(visitor, request)).collect()
}

fn notice(title: &'static str, warning: bool, text: impl Into<String>) -> Notice {
    Notice { title, text: text.into(), warning }
}

/// An approval that runs out, has run out, or is in use at this moment.
fn time(visitor: &Visitor, request: &PromotionRequest) -> Vec<Notice> {
    let standing = match request.standing(visitor.now()) {
        Some(Standing::Expiring { until }) => {
            let until = visitor.when(until).plain();
            let text = format!(
                "The approval runs out at {until}. The version must be validated again before then; what its checks \
                 say now is in the history below."
            );
            Some(notice("Expiring", true, text))
        }
        Some(Standing::Expired) => {
            let text = "What was approved has run out. Nobody stands behind this version any more.";
            Some(notice("Expired", false, text))
        }
        _ => None,
    };
    let window = request.open_window().map(|window| {
        let (by, until) = (visitor.person(&window.by).name, window.until);
        let text = format!("{by} may write files there until {until}; each write is an entry in the ledger.");
        notice("Open for writing", true, text)
    });
    standing.into_iter().chain(window).collect()
}

/// What is no longer as it was reviewed.
fn changes(request: &PromotionRequest) -> Vec<Notice> {
    let mut notices = Vec::new();
    if let Some(drift) = &request.drift {
        let renewal = drift.renewal.map(|id| format!(" Request {id} renews it.")).unwrap_or_default();
        let text = format!("The version is live, and {drift}. Nobody has approved that.{renewal}");
        notices.push(notice("Tier drift", true, text));
    }
    if request.flags.bypassed {
        let text = "MLflow was changed past Countersign: this version got the name without a permit. An operator \
                    must find out who has access to MLflow's own port.";
        notices.push(notice("Bypassed", true, text));
    }
    if request.flags.stale && request.state.is_live() {
        let text = "What was reviewed has changed since. Earlier signatures no longer count; what you see is what \
                    is there now.";
        notices.push(notice("Stale", true, text));
    }
    if request.undermined.is_some() {
        let text = "What was approved is not what is there now: see what has changed. Nobody stands behind this version \
                    until it is asked for again.";
        notices.push(notice("Changed since", true, text));
    }
    notices
}

/// The alias that it was about has been moved past us since; by a permit it may move at any time.
fn moved_on(visitor: &Visitor, request: &PromotionRequest) -> Option<Notice> {
    let (State::Applied { .. }, Action::SetAlias { model, alias, version }) =
        (&request.state, &request.placed.action)
    else {
        return None;
    };
    let held = visitor.app().held_names(&request.placed.workspace, model).ok()?;
    let name = format!("alias:{alias}");
    let now = held.iter().find(|held| held.name == name && held.bypassed)?.version;
    let text = match now {
        Some(now) if now == *version => return None,
        Some(now) => format!("Alias `{alias}` is version {now} now: it was moved past Countersign."),
        None => format!("Alias `{alias}` is gone: it was deleted past Countersign."),
    };
    Some(notice("Moved since", true, text))
}

/// What was let through that the policy would not let through.
fn exceptions(visitor: &Visitor, request: &PromotionRequest) -> Vec<Notice> {
    let glass = request.flags.break_glass.then(|| {
        let text = "Somebody opened this gate in an emergency. What it would have asked for stands below, and somebody \
                    of the reviewing seat must look at it.";
        notice("Glass broken", false, text)
    });
    let waived = request.gates.iter().flat_map(|gate| &gate.waived).map(|waived| {
        let (what, until) = (&waived.requirement, visitor.when(waived.until).plain());
        notice("Waived", true, format!("{what} is not met and is waived until {until}."))
    });
    glass.into_iter().chain(waived).collect()
}
