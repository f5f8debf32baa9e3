//! What has just changed, for pages that are open: which version, which request, what state. Nothing else, so that
//! nobody learns anything here that a read would not show them.
//!
//! An event is a hint to read again, never a fact: who listens late or slowly has missed nothing that lasts.

use std::sync::Arc;

use countersign_core::action::Placed;
use countersign_core::entry::Entry;
use countersign_core::names::{ModelName, Version, Workspace};
use countersign_core::request::RequestId;
use futures_util::Stream;
use serde::Serialize;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::broadcast::{Receiver, Sender, channel};
use tokio_util::sync::CancellationToken;

use super::App;

/// Events that one listener may be behind.
const BEHIND: usize = 256;

/// Something that happened to a version, or to all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Event {
    /// The kind of the ledger entry, `checks-running`, or `missed`: some events were lost, so read everything again.
    pub kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workspace: Option<Workspace>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<ModelName>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<Version>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request: Option<RequestId>,
    /// The request's, as it is now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<&'static str>,
}

/// Everybody who listens.
#[derive(Debug)]
pub struct Events {
    sender: Sender<Arc<Event>>,
    over: CancellationToken,
}

impl Default for Events {
    fn default() -> Self {
        Self { sender: channel(BEHIND).0, over: CancellationToken::new() }
    }
}

// === impl Event ===

impl Event {
    const fn new(kind: &'static str) -> Self {
        Self { kind, workspace: None, model: None, version: None, request: None, state: None }
    }

    fn of(self, workspace: &Workspace, model: Option<&ModelName>, version: Option<Version>) -> Self {
        Self { workspace: Some(workspace.clone()), model: model.cloned(), version, ..self }
    }

    fn placed(self, placed: &Placed) -> Self {
        self.of(&placed.workspace, placed.action.model(), placed.action.version())
    }
}

// === impl Events ===

impl Events {
    /// Events from now on, until the server stops.
    pub fn listen(&self) -> impl Stream<Item = Arc<Event>> + Send + use<> {
        let state = (self.sender.subscribe(), self.over.clone());
        futures_util::stream::unfold(state, async |(mut receiver, over)| {
            let next = over.run_until_cancelled(next(&mut receiver)).await??;
            Some((next, (receiver, over)))
        })
    }

    /// Lets everybody go who listens: an open stream would keep the server from stopping.
    pub fn close(&self) {
        self.over.cancel();
    }

    fn is_heard(&self) -> bool {
        self.sender.receiver_count() > 0
    }

    fn send(&self, event: Event) {
        // Whoever stopped listening meanwhile is no loss.
        let _ = self.sender.send(Arc::new(event));
    }
}

async fn next(receiver: &mut Receiver<Arc<Event>>) -> Option<Arc<Event>> {
    match receiver.recv().await {
        Ok(event) => Some(event),
        Err(RecvError::Lagged(_)) => Some(Arc::new(Event::new("missed"))),
        Err(RecvError::Closed) => None,
    }
}

impl App {
    /// Tells whoever listens what has been recorded. Costs nothing where nobody does.
    pub(super) fn tell(&self, entries: &[Entry]) {
        if !self.events.is_heard() {
            return;
        }
        let mut told: Vec<Event> = Vec::new();
        for event in entries.iter().filter_map(event).map(|event| self.completed(event)) {
            // One batch is one change: of a version it is told once.
            let same = |other: &Event| other.model == event.model && other.version == event.version;
            if !told
                .iter()
                .any(|other| same(other) && (event.request.is_none() || other.request == event.request))
            {
                told.push(event);
            }
        }
        told.into_iter().for_each(|event| self.events.send(event));
    }

    pub(super) fn tell_running(&self, workspace: &Workspace, model: &ModelName, version: Version) {
        if self.events.is_heard() {
            self.events.send(Event::new("checks-running").of(workspace, Some(model), Some(version)));
        }
    }

    pub(super) fn tell_outcome(&self, placed: &Placed, request: Option<RequestId>) {
        if self.events.is_heard() {
            let event = Event { request, ..Event::new("outcome") };
            self.events.send(self.completed(event.placed(placed)));
        }
    }

    /// With what its request is about, and how that stands now.
    fn completed(&self, event: Event) -> Event {
        let Some(request) = event.request.and_then(|id| self.request(id).ok()) else { return event };
        let subject = &request.subject;
        let event = Event { state: Some(request.state.as_str()), ..event };
        event.of(&subject.workspace, Some(&subject.model), Some(subject.version))
    }
}

/// What an entry changes for somebody who looks; `None` for what changes nothing that pages show.
fn event(entry: &Entry) -> Option<Event> {
    let new = Event::new(entry.kind());
    Some(match entry {
        Entry::Started { .. }
        | Entry::SkipAcknowledged { .. }
        | Entry::PolicyRefused { .. }
        | Entry::ReviewRefused { .. }
        | Entry::EvidenceOpened { .. }
        | Entry::ExceptionRefused { .. }
        | Entry::Anchored(_)
        | Entry::WouldRefuse { .. }
        | Entry::EvidenceCollected(_)
        | Entry::Released(_)
        | Entry::Outcome { .. } => return None,
        Entry::Held(hold) => {
            Event { request: hold.request, ..new }.of(&hold.workspace, Some(&hold.model), None)
        }
        Entry::PolicyLoaded(_)
        | Entry::PluginUnstable(_)
        | Entry::ProfileErased(_)
        | Entry::WaiverAsked { .. }
        | Entry::WaiverApproved { .. }
        | Entry::WaiverRevoked { .. }
        | Entry::BreakGlassReviewed { .. } => new,
        Entry::BrokeGlass { used } => new.placed(&used.placed),
        Entry::VersionCreated { workspace, model, version, .. }
        | Entry::RuleRun { workspace, model, version, .. }
        | Entry::Commented { workspace, model, version, .. } => {
            new.of(workspace, Some(model), Some(*version))
        }
        Entry::CheckRun(run) => new.of(&run.workspace, Some(&run.model), Some(run.version)),
        Entry::Bypassed(bypass) => new.of(&bypass.workspace, Some(&bypass.model), bypass.is),
        Entry::RequestOpened { request, .. }
        | Entry::Reviewed { request, .. }
        | Entry::Withdrawn { request, .. }
        | Entry::Stale { request, .. }
        | Entry::Lapsed { request }
        | Entry::Expired { request }
        | Entry::Expiring { request, .. }
        | Entry::FallingBack { request, .. }
        | Entry::NotFallenBack { request, .. }
        | Entry::Sampled { request, .. }
        | Entry::SampleReviewed { request, .. }
        | Entry::WindowOpened { request, .. }
        | Entry::WindowClosed { request, .. }
        | Entry::Undermined { request, .. } => Event { request: Some(*request), ..new },
        Entry::Suspended(said) | Entry::Resumed(said) | Entry::Revoked(said) => {
            Event { request: Some(said.request), ..new }
        }
        Entry::TierDrift { live, .. } | Entry::TierRestored { live, .. } => {
            Event { request: live.request, ..new }.of(&live.workspace, Some(&live.model), Some(live.version))
        }
        Entry::CommentEdited { request, .. }
        | Entry::CommentDeleted { request, .. }
        | Entry::ThreadSettled { request, .. } => Event { request: *request, ..new },
        Entry::Refused { request, placed, .. } => Event { request: *request, ..new }.placed(placed),
        Entry::Intent(intent) => Event { request: intent.request, ..new }.placed(&intent.placed),
    })
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use futures_util::{FutureExt as _, StreamExt as _};

    use super::*;
    use crate::store::Batch;

    fn created(version: u32) -> Entry {
        let (workspace, model) = ("default".into(), "credit".into());
        Entry::VersionCreated { workspace, model, version: Version::new(version), by: None }
    }

    #[tokio::test]
    async fn what_is_recorded_is_told_once_to_everybody_who_listens() {
        let (app, _files) = crate::app::testing::app().await;
        app.record(&[created(1)], Batch::new()).await.unwrap();
        let (mut first, mut second) = (pin!(app.events.listen()), pin!(app.events.listen()));
        app.record(&[created(2), created(2), created(3)], Batch::new()).await.unwrap();
        for listener in [&mut first, &mut second] {
            for version in [2, 3] {
                let event = listener.next().await.unwrap();
                assert_eq!((event.kind, event.version), ("version-created", Some(Version::new(version))));
            }
            assert!(listener.next().now_or_never().is_none(), "nothing more was recorded");
        }
        app.events.close();
        assert!(first.next().await.is_none());
    }

    #[tokio::test]
    async fn who_falls_behind_is_told_so() {
        let (app, _files) = crate::app::testing::app().await;
        let mut slow = pin!(app.events.listen());
        let more = u32::try_from(BEHIND).unwrap() + 1;
        (1..=more).for_each(|version| app.tell(&[created(version)]));
        assert_eq!(slow.next().await.unwrap().kind, "missed");
    }

    #[test]
    fn an_event_holds_ids_and_states_only() {
        let event = Event { state: Some("in-review"), ..Event::new("reviewed") };
        let event = event.of(&"default".into(), Some(&"credit".into()), Some(Version::new(7)));
        let json = serde_json::json!({
            "kind": "reviewed", "workspace": "default", "model": "credit", "version": "7", "state": "in-review",
        });
        assert_eq!(serde_json::to_value(&event).unwrap(), json);
    }
}
