//! The main road: a classified write, from the policy's word on it to its answer.
//!
//! classify ► **govern** ► facts ► check runs ► decide ► permit ► intent ► forward ► outcome ► answer

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use countersign_core::action::{Action, Placed};
use countersign_core::classify::{CanonicalRequest, Classified};
use countersign_core::decide::Decision;
use countersign_core::digest::Digest;
use countersign_core::entry::{Entry, Intent, OutcomeResult};
use countersign_core::permit::Permit;
use countersign_core::policy::{GateMatch, Governance};
use countersign_core::request::PromotionRequest;
use http::{HeaderMap, Response, StatusCode};

use super::conclude::Concluded;
use super::files::Passage;
use super::judge::{Asked, Before, Judged};
use super::records::{Earlier, Seen, point_to_request, put_request};
use super::refuse::Refusal;
use super::{App, AppError};
use crate::auth::Caller;
use crate::mlflow::withheld::withheld;
use crate::mlflow::{Body, Caller as Peer, Canonical, Upstream, UpstreamError};
use crate::store::Batch;
use crate::telemetry::Route;

/// A write whose meaning is known, and who sent it.
pub struct Call {
    pub caller: Caller,
    pub classified: Classified,
    /// The headers that came with it, our own credentials taken out.
    pub headers: HeaderMap,
    pub peer: Peer,
    /// The bytes that came, for writes that turn out not to be governed. `None` where the body was not read.
    pub received: Option<Bytes>,
    /// The way to MLflow from the thread that the call came in on.
    pub upstream: Arc<Upstream>,
}

/// What becomes of a write.
pub enum Answer {
    /// No gate has a word in it and its body was not read: pass it on as it came.
    Untouched,
    /// It was made; MLflow's answer, of which the body may still be on its way.
    Forwarded(Response<Body>),
    /// Files may be written: see [`App::write_files`].
    Lets(Box<Passage>),
    /// It was not made.
    Refused(Box<Refusal>),
}

impl App {
    /// Governs one write.
    ///
    /// # Errors
    /// When it cannot be established what may happen. Nothing has been forwarded then.
    pub async fn govern(self: &Arc<Self>, call: Call) -> Result<Answer, AppError> {
        let generation = self.generation.load_full();
        let placed = call.classified.placed.clone();
        if let Some(passage) = self.in_window(&generation, &call).await? {
            return Ok(Answer::Lets(Box::new(passage)));
        }
        let holdings = self.holdings(&generation.policy, &placed).await;
        let governance = generation.policy.governs(&placed.action, &holdings);
        match &governance {
            Governance::Gates(gates) if matches!(placed.action, Action::WriteArtifact { .. }) => {
                Box::pin(self.change_files(&generation, gates, call)).await
            }
            Governance::Gates(gates) => Box::pin(self.promote(&generation, gates, &call)).await,
            _ if governance.refuses() => self.refuse_outright(&governance.to_string(), &call).await,
            _ => self.pass_on(call).await,
        }
    }

    /// Two calls that meet at one request: the one that comes second is judged again, by what the first one left.
    async fn promote(
        self: &Arc<Self>,
        generation: &super::Generation,
        gates: &[GateMatch<'_>],
        call: &Call,
    ) -> Result<Answer, AppError> {
        const MEETINGS: usize = 4;
        for _ in 0..MEETINGS {
            match self.promote_once(generation, gates, call).await {
                Err(AppError::Conflict(_)) => {}
                answered => return answered,
            }
        }
        self.promote_once(generation, gates, call).await
    }

    /// A conflict means that nothing was announced, and so that nothing was forwarded.
    async fn promote_once(
        self: &Arc<Self>,
        generation: &super::Generation,
        gates: &[GateMatch<'_>],
        call: &Call,
    ) -> Result<Answer, AppError> {
        let began = Instant::now();
        let placed = &call.classified.placed;
        let earlier = self.earlier_settled(placed).await?;
        let caller = call.caller.identity().map(|identity| identity.person.clone());
        let requester = earlier.requester().or(caller);
        let (reviews, prior) = (earlier.reviews(), earlier.prior());
        if earlier.has_ended() {
            // What was rejected is final; what it has become since is not.
            self.registry.look_again(placed);
        }
        let before = Before::Known(earlier.gates());
        let asked = Asked { requester, reviews: &reviews, prior, before, ..Asked::default() };
        let judged = self.judge_to_write(generation, gates, placed, asked).await?;
        for matched in gates {
            self.metrics.decision(placed.action.kind(), judged.decision.as_str(), matched.gate.mode);
        }
        let decision = judged.decision.as_str();
        if let Some(standing) = earlier.stands_against(&judged) {
            log_decision(placed, decision);
            return self.refuse_standing(call, standing).await;
        }
        match judged.decision {
            Decision::Allow(..) => self.carry_out(call, judged, earlier, began).await,
            Decision::Hold(_) | Decision::Deny(_) => {
                log_decision(placed, decision);
                self.hold(generation, (&call.caller, placed.clone()), judged, earlier).await
            }
        }
    }

    /// Intent before effect: a durable entry says what is about to happen, then it happens, then a second entry
    /// says how it ended.
    async fn carry_out(
        self: &Arc<Self>,
        call: &Call,
        mut judged: Judged,
        earlier: Earlier,
        began: Instant,
    ) -> Result<Answer, AppError> {
        let request = self.request_to_write(earlier, &mut judged, &call.classified.placed)?;
        let request = self.approve(request, &judged)?;
        let intent = self.intent(call, &judged, request.as_ref().map(|seen| seen.value.id))?;
        let canonical = spelt(&call.classified.canonical)?;
        self.keep_basis(&mut judged)?;
        let (permit, announcement) = self.announcement(judged, &intent, request)?;
        let (release, until) = withheld();
        // Pinned here, since what is moved into another future is in both; and one of them apart, since both are large.
        let (answered, (index, request)) = {
            let announcing = Box::pin(async {
                let announced = self.write_down(announcement, &intent).await?;
                crash_point!(WriteAnnounced);
                self.metrics.overhead(Route::Governed, began.elapsed());
                release.let_go();
                Ok::<_, AppError>(announced)
            });
            let to = (&call.headers, &call.peer);
            let sent = pin!(call.upstream.carry_out_once(until, permit, canonical, to));
            self.sent_and_announced(sent, announcing).await?
        };
        crash_point!(WriteForwarded);
        let (result, answered) = self.taken_note_of(call, answered).await;
        crash_point!(WriteNoted);
        self.conclude_behind(Concluded { intent, index, request, result, unlogged: true });
        Ok(Answer::Forwarded(answered?))
    }

    /// While one announcement is on its way to the disk, MLflow has the head of its write and waits for the body. Of
    /// several that meet at the disk the others are sent whole, once they may: what the machine lacks then is not
    /// time, and a head by itself costs it two more turns.
    async fn sent_and_announced<S, A>(
        &self,
        sent: Pin<&mut impl Future<Output = S>>,
        announcing: Pin<Box<impl Future<Output = Result<A, AppError>>>>,
    ) -> Result<(S, A), AppError> {
        let Ok(ahead) = self.ahead.try_acquire() else {
            let announced = announcing.await?;
            return Ok((sent.await, announced));
        };
        // Polled first, so that the head is on its way while the announcement is still being written out.
        let (sent, announced) = tokio::join!(sent, async {
            let announced = announcing.await;
            drop(ahead);
            announced
        });
        Ok((sent, announced?))
    }

    /// What became of a write, and its answer. Its head says that it was made: the client reads that while the body
    /// is on its way, which is waited for only where it says more.
    async fn taken_note_of(
        self: &Arc<Self>,
        call: &Call,
        answered: Result<Response<Body>, UpstreamError>,
    ) -> (OutcomeResult, Result<Response<Body>, UpstreamError>) {
        let placed = &call.classified.placed;
        let registers = matches!(placed.action, Action::RegisterVersion(_));
        let (result, answered) = match answered {
            Ok(answer) if answer.status() == StatusCode::OK && !registers => {
                (OutcomeResult::Applied, Ok(answer))
            }
            answered => {
                let whole = match answered {
                    Ok(answer) => call.upstream.whole(answer).await,
                    Err(error) => Err(error),
                };
                if let Ok(answer) = &whole {
                    self.note_registered(&call.caller, placed, answer).await;
                }
                (outcome_of(&whole), whole.map(|answer| answer.map(Body::Whole)))
            }
        };
        if result == OutcomeResult::Applied {
            self.registry.made(placed);
            self.note_changed(call).await;
        } else {
            self.registry.touch(placed);
        }
        (result, answered)
    }

    pub(super) fn approve(
        &self,
        request: Option<Seen<PromotionRequest>>,
        judged: &Judged,
    ) -> Result<Option<Seen<PromotionRequest>>, AppError> {
        let now = self.clock.now();
        request.map(|seen| seen.try_map(|request| Ok(request.judged(judged.judgement(), now)?))).transpose()
    }

    fn intent(
        &self,
        call: &Call,
        judged: &Judged,
        request: Option<countersign_core::request::RequestId>,
    ) -> Result<Intent, AppError> {
        Ok(Intent {
            id: self.clock.new_id()?,
            request,
            placed: call.classified.placed.clone(),
            subject: Some(judged.facts.version.subject.clone()),
            binding: judged.binding,
            policy: judged.policy,
            by: call.caller.identity().map(|identity| identity.person.clone()),
            gates: judged.decision.gates().to_vec(),
            authors: judged.authors.clone(),
            body: Digest::of(&spelt(&call.classified.canonical)?.body),
            break_glass: judged.break_glass,
            in_window: false,
            also: judged.also(),
            basis: Some(Box::new(judged.basis())),
        })
    }

    /// Writes the intent with everything that it rests on in one durable step.
    pub(super) async fn announce(
        &self,
        mut judged: Judged,
        intent: &Intent,
        request: Option<Seen<PromotionRequest>>,
    ) -> Result<(Permit, u64, Option<Seen<PromotionRequest>>), AppError> {
        self.keep_basis(&mut judged)?;
        let (permit, announcement) = self.announcement(judged, intent, request)?;
        let (index, request) = self.write_down(announcement, intent).await?;
        Ok((permit, index, request))
    }

    fn announcement(
        &self,
        judged: Judged,
        intent: &Intent,
        request: Option<Seen<PromotionRequest>>,
    ) -> Result<(Permit, Announcement), AppError> {
        let Decision::Allow(permit, gates) = judged.decision else {
            return Err(AppError::Conflict("this write is not allowed".to_owned()));
        };
        let (mut entries, mut batch) = judged.fresh.put(self, Batch::new())?;
        if gates.iter().any(|g| !g.enforced && g.verdict != countersign_core::decide::Verdict::Satisfied) {
            let (placed, by) = (intent.placed.clone(), intent.by.clone());
            entries.push(Entry::WouldRefuse { placed, by, gates });
        }
        if let Some(seen) = &request {
            if seen.is_fresh() {
                batch = point_to_request(batch, &seen.value, seen.value.previous)?;
            }
            entries.extend(sampled(&seen.value));
            batch = put_request(batch, seen)?;
        }
        Ok((permit, Announcement { entries, batch, request }))
    }

    async fn write_down(
        &self,
        announcement: Announcement,
        intent: &Intent,
    ) -> Result<(u64, Option<Seen<PromotionRequest>>), AppError> {
        let Announcement { entries, batch, request } = announcement;
        let index = self.record_intent(entries, intent, batch.awaited()).await?;
        Ok((index, request.map(Seen::written).transpose()?))
    }
}

/// What is written in one step with an intent.
struct Announcement {
    entries: Vec<Entry>,
    batch: Batch,
    request: Option<Seen<PromotionRequest>>,
}

/// Nobody signs it, and somebody is to look at it afterwards.
fn sampled(request: &PromotionRequest) -> Option<Entry> {
    let seat = request.sampled.as_ref()?.seat.clone();
    Some(Entry::Sampled { request: request.id, seat, binding: request.binding })
}

fn spelt(request: &CanonicalRequest) -> Result<Canonical, AppError> {
    let odd = || AppError::Invalid("this write cannot be carried out by us: its body is a stream".to_owned());
    Canonical::of(request).ok_or_else(odd)
}

/// Only 200 counts. What was not answered may have happened.
pub(super) fn outcome_of(answered: &Result<Response<Bytes>, UpstreamError>) -> OutcomeResult {
    match answered {
        Ok(response) if response.status() == StatusCode::OK => OutcomeResult::Applied,
        Ok(response) => OutcomeResult::Refused {
            status: response.status().as_u16(),
            message: String::from_utf8_lossy(response.body()).chars().take(500).collect(),
        },
        Err(error) if !error.may_have_acted() => {
            OutcomeResult::Refused { status: 502, message: error.to_string() }
        }
        Err(error) => OutcomeResult::Unknown { message: error.to_string() },
    }
}

pub(super) fn log_decision(placed: &Placed, decision: &str) {
    tracing::info!(
        action.kind = placed.action.kind(),
        action.target = placed.action.target(),
        model.name = placed.action.model().map(tracing::field::display),
        model.version = placed.action.version().map(tracing::field::display),
        decision,
        "governed write decided"
    );
}
