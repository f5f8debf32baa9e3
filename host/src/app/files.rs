//! Writes of files under what is promoted: people agree to a folder, and whoever asked writes there for a while.
//!
//! A client makes one call a file, and nobody signs each. The first write after the approval opens a *window*; while it
//! is open each further one needs nothing but an intent, and when it closes the versions are looked at again:
//!
//! window ► **permit** ► intent ► stream ► outcome · no window ► the folder is judged, and what it is let is a window

use std::sync::Arc;
use std::time::Instant;

use countersign_core::action::{Action, Placed};
use countersign_core::decide::{self, Decision};
use countersign_core::digest::Digest;
use countersign_core::entry::{Entry, Intent, OutcomeResult};
use countersign_core::names::PersonId;
use countersign_core::policy::{GateMatch, Mode};
use countersign_core::request::{PromotionRequest, Window};
use countersign_core::time::Span;
use http::{Request, Response, StatusCode};
use uuid::Uuid;

use super::conclude::Concluded;
use super::govern::{Answer, Call, log_decision};
use super::judge::{Asked, Judged};
use super::records::{Earlier, Seen, put_request};
use super::{App, AppError, Generation};
use crate::auth::Caller;
use crate::mlflow::carry_out::Upload;
use crate::mlflow::{Body, Caller as Peer, ProxyError, Upstream};
use crate::store::{Batch, Key, Scan, codec, keys};
use crate::telemetry::Route;

/// Leave to stream one write of files to MLflow. Its intent is durable.
pub struct Passage {
    upload: Upload,
    intent: Intent,
    index: u64,
    under_way: UnderWay,
}

/// An upload may take longer than an orphan may be old: as long as this lives, the sweeper leaves it alone.
struct UnderWay {
    app: Arc<App>,
    intent: Uuid,
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.app.concluding.uploads().remove(&self.intent);
    }
}

impl App {
    /// One more write in an open window. Nothing of the version is read for it: that window is what was judged.
    pub(super) async fn in_window(
        self: &Arc<Self>,
        generation: &Generation,
        call: &Call,
    ) -> Result<Option<Passage>, AppError> {
        let placed = &call.classified.placed;
        let (Action::WriteArtifact { .. }, Some(by)) = (&placed.action, person(&call.caller)) else {
            return Ok(None);
        };
        let (policy, now) = (generation.policy.digest().0, self.clock.now());
        for (key, value) in self.store.scan(&Scan::prefix(keys::windows(placed.workspace.as_str())))? {
            let window: Window = codec::decode(&key, &value)?;
            let Some(permit) = decide::within(&window, placed, &by, policy, now) else { continue };
            let upload = Upload::allowed(permit, call.classified.canonical.path_and_query.clone());
            // Closed meanwhile: the write goes the way of one without a window.
            return match self.announce_one_more(call, &window, upload, (key, value)).await {
                Err(AppError::Conflict(_)) => Ok(None),
                passage => passage.map(Some),
            };
        }
        Ok(None)
    }

    async fn announce_one_more(
        self: &Arc<Self>,
        call: &Call,
        window: &Window,
        upload: Upload,
        (key, open): (Key, Vec<u8>),
    ) -> Result<Passage, AppError> {
        let request = self.request(window.request)?;
        let intent = Intent {
            id: self.clock.new_id()?,
            request: Some(window.request),
            placed: call.classified.placed.clone(),
            subject: Some(request.subject),
            binding: window.binding,
            policy: window.policy,
            by: Some(window.by.clone()),
            gates: Vec::new(),
            authors: request.authors,
            body: Digest::of(&[]),
            break_glass: None,
            in_window: true,
            also: request.also,
            basis: None,
        };
        let batch = Batch::new().expect_unchanged(key, Some(open));
        let index = self.record_intent(Vec::new(), &intent, batch).await?;
        Ok(self.passage(upload, intent, index))
    }

    /// A write of files that no window lets. Two that meet at one request: the one that comes second looks again.
    pub(super) async fn change_files(
        self: &Arc<Self>,
        generation: &Generation,
        gates: &[GateMatch<'_>],
        call: Call,
    ) -> Result<Answer, AppError> {
        const MEETINGS: usize = 4;
        if gates.iter().all(|matched| matched.gate.mode != Mode::Enforce) {
            return self.pass_on(call).await;
        }
        for _ in 0..MEETINGS {
            match Box::pin(self.change_files_once(generation, gates, &call)).await {
                Err(AppError::Conflict(_)) => {}
                answered => return answered,
            }
            if let Some(passage) = self.in_window(generation, &call).await? {
                return Ok(Answer::Lets(Box::new(passage)));
            }
        }
        Box::pin(self.change_files_once(generation, gates, &call)).await
    }

    async fn change_files_once(
        self: &Arc<Self>,
        generation: &Generation,
        gates: &[GateMatch<'_>],
        call: &Call,
    ) -> Result<Answer, AppError> {
        let began = Instant::now();
        let asked = call.classified.placed.asked();
        let earlier = self.earlier_to_windows(&asked).await?;
        let requester = earlier.requester().or_else(|| person(&call.caller));
        let reviews = earlier.reviews();
        let by = Asked { requester: requester.clone(), reviews: &reviews, ..Asked::default() };
        let judged = self.judge_to_write(generation, gates, &asked, by).await?;
        for matched in gates {
            self.metrics.decision(asked.action.kind(), judged.decision.as_str(), matched.gate.mode);
        }
        log_decision(&call.classified.placed, judged.decision.as_str());
        if let Some(standing) = earlier.stands_against(&judged) {
            return self.refuse_standing(call, standing).await;
        }
        if !matches!(judged.decision, Decision::Allow(..)) {
            return self.hold_files(generation, gates, call, (asked, judged, earlier)).await;
        }
        match person(&call.caller) {
            Some(by) if requester.as_ref() == Some(&by) => {
                let passage = self.open_window(call, judged, earlier.into_live(), (by, lasts(gates))).await?;
                self.metrics.overhead(Route::Governed, began.elapsed());
                Ok(Answer::Lets(Box::new(passage)))
            }
            _ => {
                let who = requester.map_or_else(|| "somebody".to_owned(), |who| self.people.name_of(&who));
                let why = format!(
                    "{who} asked to change these files, and it was approved for them alone: they must make the call"
                );
                self.refuse_outright(&why, call).await
            }
        }
    }

    async fn hold_files(
        &self,
        generation: &Generation,
        gates: &[GateMatch<'_>],
        call: &Call,
        (asked, judged, earlier): (Placed, Judged, Earlier),
    ) -> Result<Answer, AppError> {
        let mut answer = self.hold(generation, (&call.caller, asked), judged, earlier).await?;
        if let Answer::Refused(refusal) = &mut answer
            && refusal.decision == "hold"
        {
            let lasts = lasts(gates);
            let then = format!(". From the first write on, whoever asked may then write there for {lasts}");
            refusal.message.push_str(&then);
        }
        Ok(answer)
    }

    /// What is known from before. A window whose time is over is closed first: its approval is spent.
    async fn earlier_to_windows(&self, asked: &Placed) -> Result<Earlier, AppError> {
        let earlier = self.earlier_settled(asked).await?;
        match earlier {
            Earlier::Live(seen) if seen.value.window.is_some() => {
                if seen.value.open_window().is_some_and(|window| self.clock.now() < window.until) {
                    // Another policy, or another person: what was agreed to is in use and covers nothing else.
                    return Ok(Earlier::Ended(Box::new(seen.value)));
                }
                self.close_window(*seen, None).await?;
                self.earlier(asked)
            }
            earlier => Ok(earlier),
        }
    }

    /// The first write: what was agreed to begins to count.
    async fn open_window(
        self: &Arc<Self>,
        call: &Call,
        mut judged: Judged,
        request: Option<Seen<PromotionRequest>>,
        (by, lasts): (PersonId, Span),
    ) -> Result<Passage, AppError> {
        let now = self.clock.now();
        let request = self.approve(request, &judged)?;
        let request = request.map(|seen| {
            let by = by.clone();
            seen.try_map(|request| Ok(request.opens_window(by, lasts, now)))
        });
        let request = request.transpose()?;
        if let Some(window) = request.as_ref().and_then(|seen| seen.value.open_window()) {
            judged.fresh.entries.push(Entry::WindowOpened {
                request: window.request,
                placed: window.placed.clone(),
                by: by.clone(),
                until: window.until,
            });
        }
        let intent = Intent {
            id: self.clock.new_id()?,
            request: request.as_ref().map(|seen| seen.value.id),
            placed: call.classified.placed.clone(),
            subject: Some(judged.facts.version.subject.clone()),
            binding: judged.binding,
            policy: judged.policy,
            by: Some(by),
            gates: judged.decision.gates().to_vec(),
            authors: judged.authors.clone(),
            body: Digest::of(&[]),
            break_glass: judged.break_glass,
            in_window: false,
            also: judged.also(),
            basis: Some(Box::new(judged.basis())),
        };
        let (permit, index, _) = self.announce(judged, &intent, request).await?;
        let upload = Upload::allowed(permit, call.classified.canonical.path_and_query.clone());
        Ok(self.passage(upload, intent, index))
    }

    fn passage(self: &Arc<Self>, upload: Upload, intent: Intent, index: u64) -> Passage {
        let under_way = UnderWay { app: Arc::clone(self), intent: intent.id };
        self.concluding.uploads().insert(intent.id);
        Passage { upload, intent, index, under_way }
    }

    /// Streams the write to MLflow, and notes how it ended. A client that leaves in between leaves an orphan, which
    /// the sweeper takes up.
    ///
    /// # Errors
    /// As [`Upstream::stream`].
    pub async fn write_files<B: Into<Body>>(
        self: &Arc<Self>,
        passage: Passage,
        upstream: &Upstream,
        request: Request<B>,
        peer: &Peer,
    ) -> Result<Response<Body>, ProxyError> {
        let Passage { upload, intent, index, under_way } = passage;
        let answered = upstream.carry_out_streamed(upload, request, peer).await;
        let result = outcome_of(&answered);
        let acted = result.may_have_acted();
        let versions: Vec<_> = intent.subject.iter().chain(&intent.also).cloned().collect();
        self.registry.touch(&intent.placed);
        if acted && let Some(by) = &intent.by {
            self.note_file_writer(&intent.placed, by);
        }
        let request = self.approved_request(&intent).unwrap_or_default();
        // The first that was made, and any after the window was closed, which looks by itself.
        let looks = acted && (request.is_some() || !self.is_open(&intent));
        self.conclude_behind(Concluded { intent, index, request, result, unlogged: false });
        drop(under_way);
        if looks {
            let app = Arc::clone(self);
            tokio::spawn(async move { app.undermine_quietly(&versions).await });
        }
        answered
    }

    fn is_open(&self, intent: &Intent) -> bool {
        let request = intent.request.and_then(|id| self.request(id).ok());
        request.is_some_and(|request| request.open_window().is_some())
    }

    /// Nothing is written any more: what the versions have become is recorded, and what rests on them is looked at.
    pub(super) async fn close_window(
        &self,
        seen: Seen<PromotionRequest>,
        due: Option<Key>,
    ) -> Result<bool, AppError> {
        let (request, now) = (seen.value.id, self.clock.now());
        let were: Vec<_> = std::iter::once(&seen.value.subject).chain(&seen.value.also).cloned().collect();
        self.registry.look_again(&seen.value.placed);
        let mut changed = Vec::new();
        for was in &were {
            let found = self.registry.get(&was.workspace, &was.model, was.version).await;
            let Some(found) = super::undermine::there(found)? else { continue };
            let is = &found.facts.version.subject;
            changed.extend((is != was).then(|| is.clone()));
        }
        tracing::info!(request.id = %request, versions.changed = changed.len(), "files are written no more");
        let seen = seen.try_map(|request| Ok(request.closes_window(now)))?;
        let batch = due.into_iter().fold(Batch::new(), Batch::delete);
        self.record(&[Entry::WindowClosed { request, changed }], put_request(batch, &seen)?).await?;
        self.undermine_all(were.iter()).await?;
        Ok(true)
    }
}

fn person(caller: &Caller) -> Option<PersonId> {
    caller.identity().map(|identity| identity.person.clone())
}

/// Of several gates the one that gives least.
fn lasts(gates: &[GateMatch<'_>]) -> Span {
    let enforced = gates.iter().filter(|matched| matched.gate.mode == Mode::Enforce);
    enforced
        .map(|matched| matched.gate.window())
        .min()
        .unwrap_or(countersign_core::policy::Gate::USUAL_WINDOW)
}

/// As for other writes, but that the answer's body goes on to the client unread.
fn outcome_of(answered: &Result<Response<Body>, ProxyError>) -> OutcomeResult {
    match answered {
        Ok(response) if response.status() == StatusCode::OK => OutcomeResult::Applied,
        Ok(response) => OutcomeResult::Refused {
            status: response.status().as_u16(),
            message: response.status().canonical_reason().unwrap_or_default().to_owned(),
        },
        Err(ProxyError::Upstream(error)) if error.may_have_acted() => {
            OutcomeResult::Unknown { message: error.to_string() }
        }
        Err(error) => OutcomeResult::Refused { status: 502, message: error.to_string() },
    }
}
