//! What processes are doing when they end.

use std::net::{IpAddr, Ipv4Addr};

use bytes::Bytes;
use countersign_core::action::Registration;
use countersign_core::classify::{CanonicalBody, CanonicalRequest, Classified};
use countersign_core::entry::{Cause, TakenUpBy};
use countersign_core::request::Fallback;
use countersign_core::waiver::{Requirement, Waiver};

use super::*;
use crate::app::{Answer, Call, NewComment, NewEmergency, NewWaiver};
use crate::mlflow;
use crate::store::Batch;

const DAY: i64 = 86_400_000;

macro_rules! roads {
    ($($(#[$doc:meta])* $road:ident),* $(,)?) => {
        #[derive(Debug, Clone, Copy)]
        pub(super) enum Road { $($(#[$doc])* $road),* }

        impl Road {
            pub(super) const ALL: [Self; [$(Self::$road),*].len()] = [$(Self::$road),*];
        }
    };
}

roads![
    /// A call that is held, and opens a request.
    Held,
    /// The call of an approved request.
    Call,
    /// A call that no gate guards.
    Registers,
    /// The last vote, after which Countersign applies.
    LastVote,
    Applies,
    /// Applied under broken glass.
    Emergency,
    BreaksGlass,
    ReviewsGlass,
    AsksWaiver,
    ApprovesWaiver,
    RevokesWaiver,
    Warns,
    Expires,
    Lapses,
    FallsBack,
    Sweeps,
    Baseline,
    Reverts,
    Reloads,
    Signs,
    /// The evidence of a version has had its time.
    Collects,
    /// Olga, who has said something, is forgotten.
    Erases,
];

impl Road {
    pub(super) fn policy(self) -> String {
        match self {
            Self::LastVote => POLICY.replace("\"permit\"", "\"apply\""),
            Self::FallsBack => {
                POLICY.replace("expires = \"10d\"", "expires = \"10d\"\non_expiry = { fallback = 3 }")
            }
            Self::Reverts => {
                POLICY.replace("mode = \"enforce\"", "mode = \"enforce\"\non_bypass = \"revert\"")
            }
            Self::Collects => super::super::retention::policy("30d"),
            _ => POLICY.to_owned(),
        }
    }

    /// What was acknowledged before.
    pub(super) async fn prepare(self, world: &World) {
        match self {
            Self::Call | Self::Applies => drop(world.approved().await),
            Self::LastVote => {
                let id = world.asked().await.id;
                world.vote("omar", Vote::Approve, "the holdout holds", id).await.unwrap();
            }
            Self::BreaksGlass | Self::Lapses | Self::Collects => drop(world.asked().await),
            Self::Emergency | Self::ReviewsGlass => {
                let id = world.asked().await.id;
                world.app.break_glass(&caller("otto"), id, emergency()).await.unwrap();
            }
            Self::ApprovesWaiver | Self::RevokesWaiver => {
                world.app.ask_waiver(&caller("lea"), waiver(world)).await.unwrap();
            }
            Self::Warns | Self::Expires | Self::FallsBack | Self::Sweeps | Self::Reverts => {
                let id = world.approved().await.id;
                world.app.apply(&caller("ana"), id).await.unwrap();
            }
            Self::Baseline => {
                drop(world.registry.lock().unwrap().aliases.insert("champion".into(), "3".into()))
            }
            Self::Erases => {
                let id = world.asked().await.id;
                let said = NewComment { text: "who trained it?".to_owned(), ..NewComment::default() };
                world.app.comment(&caller("olga"), id, said).await.unwrap();
            }
            Self::Held | Self::Registers | Self::AsksWaiver | Self::Reloads | Self::Signs => {}
        }
        self.time_passes(world).await;
    }

    async fn time_passes(self, world: &World) {
        match self {
            Self::Warns => world.clock.advance(60 * DAY),
            Self::Expires => world.clock.advance(90 * DAY),
            Self::Lapses => world.clock.advance(10 * DAY),
            Self::Collects => {
                world.clock.advance(10 * DAY);
                world.app.age().await.unwrap();
                world.clock.advance(30 * DAY);
            }
            Self::FallsBack => {
                world.clock.advance(85 * DAY);
                world.app.age().await.unwrap();
                let ready = world.asked_for(3).await.id;
                world.signed(ready, "for version 3").await;
                world.clock.advance(5 * DAY);
                world.app.age().await.unwrap();
            }
            Self::Sweeps => world.is_orphaned().await,
            Self::Reverts => {
                world.app.reconcile().await.unwrap();
                let mut registry = world.registry.lock().unwrap();
                registry.aliases.insert("champion".to_owned(), "3".to_owned());
                registry.round = true;
            }
            _ => {}
        }
    }

    /// The way that a process goes.
    pub(super) async fn walk(self, world: &World) {
        let _ = match self {
            Self::Held | Self::Call => world.call(promotion()).await.map(drop),
            Self::Registers => world.call(registration()).await.map(drop),
            Self::LastVote => {
                let id = world.requests()[0].id;
                let why = format!("drift is small, as of entry {}", world.ledger().len());
                world.vote_in("ruth", Some("risk"), Vote::Approve, &why, id).await.map(drop)
            }
            Self::Applies | Self::Emergency => {
                world.app.apply(&caller("ana"), world.requests()[0].id).await.map(drop)
            }
            Self::BreaksGlass => {
                let id = world.requests()[0].id;
                world.app.break_glass(&caller("otto"), id, emergency()).await.map(drop)
            }
            Self::ReviewsGlass => {
                let id = world.app.emergencies().unwrap()[0].id;
                world.app.review_break_glass(&caller("ruth"), id, "it was one").await.map(drop)
            }
            Self::AsksWaiver => world.app.ask_waiver(&caller("lea"), waiver(world)).await.map(drop),
            Self::ApprovesWaiver => {
                world.app.approve_waiver(&caller("ruth"), world.waiver().id, "bounded").await.map(drop)
            }
            Self::RevokesWaiver => {
                world.app.revoke_waiver(&caller("ruth"), world.waiver().id, "omar is back").await.map(drop)
            }
            Self::Warns | Self::Expires | Self::Lapses | Self::FallsBack => world.app.age().await.map(drop),
            Self::Sweeps => world.app.sweep(true).await.map(drop),
            Self::Collects => world.app.collect_evidence().await.map(drop),
            Self::Erases => world.app.erase_profile("olga", None).await.map(drop),
            Self::Baseline | Self::Reverts => world.app.reconcile().await.map(drop),
            Self::Reloads => {
                let file = world.app.generation.load().file.clone();
                std::fs::write(file, POLICY.replace("30d", "29d")).unwrap();
                world.app.reload(TakenUpBy::claimed(Cause::Signal, None)).await.unwrap();
                Ok(())
            }
            Self::Signs => {
                world.app.ledger.checkpoint().await.unwrap();
                Ok(())
            }
        };
    }

    /// The same once more, unless it is done; one that takes several rounds has them.
    pub(super) async fn again(self, world: &World) {
        let done = match self {
            Self::AsksWaiver => !world.app.waivers().unwrap().is_empty(),
            Self::BreaksGlass => !world.app.emergencies().unwrap().is_empty(),
            Self::ApprovesWaiver => !world.waiver().approvals.is_empty(),
            _ => false,
        };
        if !done {
            self.walk(world).await;
        }
        if matches!(self, Self::FallsBack) {
            self.walk(world).await;
        }
    }

    /// What must have become of it.
    pub(super) async fn is_done(self, world: &World, what: &str) {
        let state = |version: u32| {
            let wanted = Some(Version::new(version));
            let all = world.requests();
            let found: Vec<_> = all.iter().filter(|r| r.placed.action.version() == wanted).collect();
            assert!(found.len() < 2, "{what}: {found:?}");
            found.first().map(|request| request.state.as_str())
        };
        let told = |kind: &str| world.told(&[kind]).len();
        let (champion, seven) = (world.champion(), state(7));
        let both = (champion.as_deref(), seven);
        match self {
            Self::Held => {
                assert_eq!((both, told("request-opened")), ((None, Some("in-review")), 1), "{what}")
            }
            Self::Call | Self::LastVote | Self::Applies | Self::Emergency | Self::Sweeps => {
                assert_eq!(both, (Some("7"), Some("applied")), "{what}");
            }
            Self::Registers => assert_eq!(told("version-created"), 1, "{what}"),
            Self::BreaksGlass | Self::ReviewsGlass => {
                let used = world.app.emergencies().unwrap();
                let reviewed: Vec<bool> = used.iter().map(|used| used.reviewed.is_some()).collect();
                assert_eq!(reviewed, [matches!(self, Self::ReviewsGlass)], "{what}");
            }
            Self::AsksWaiver | Self::ApprovesWaiver | Self::RevokesWaiver => {
                let waiver = world.waiver();
                let found = (waiver.approvals.len(), waiver.revoked.is_some());
                let approved = usize::from(matches!(self, Self::ApprovesWaiver));
                assert_eq!(found, (approved, matches!(self, Self::RevokesWaiver)), "{what}");
            }
            Self::Warns => assert_eq!((both, told("expiring")), ((Some("7"), Some("applied")), 1), "{what}"),
            Self::Expires => assert_eq!((seven, told("expired")), (Some("expired"), 1), "{what}"),
            Self::Lapses => assert_eq!((seven, told("lapsed")), (Some("lapsed"), 1), "{what}"),
            Self::FallsBack => {
                let moved = world.requests().iter().find_map(|request| request.fallback.clone());
                assert_eq!(moved, Some(Fallback::Moved { to: Version::new(3), leaves_for: None }), "{what}");
                assert_eq!((champion.as_deref(), state(3)), (Some("3"), Some("applied")), "{what}");
            }
            Self::Baseline => assert_eq!((champion.as_deref(), told("bypassed")), (Some("3"), 0), "{what}"),
            Self::Reverts => assert_eq!((champion.as_deref(), told("bypassed")), (Some("7"), 1), "{what}"),
            Self::Reloads => {
                let policy = world.app.generation.load().policy.waivers().unwrap().max;
                assert_eq!((policy, told("policy-loaded")), ("29d".parse().unwrap(), 1), "{what}");
            }
            Self::Signs => {}
            Self::Erases => {
                let words = world.app.comments(world.requests()[0].id).unwrap().remove(0).words;
                let again = world.app.erase_profile("olga", None).await.unwrap();
                assert_eq!((told("profile-erased"), words, again.before), (1, None, Some(NOW)), "{what}");
                assert!(!world.app.vault.knows(&"olga".into()).unwrap(), "{what}");
            }
            Self::Collects => {
                assert_eq!((seven, told("evidence-collected")), (Some("lapsed"), 1), "{what}");
                let gone = world.app.evidence(world.requests()[0].facts).unwrap_err().to_string();
                assert!(gone.contains("was collected on"), "{what}: {gone}");
            }
        }
    }
}

impl World {
    fn waiver(&self) -> Waiver {
        let mut all = self.app.waivers().unwrap();
        assert_eq!(all.len(), 1);
        all.remove(0)
    }

    /// Two writes were announced and made, and the processes ended before they said so.
    async fn is_orphaned(&self) {
        let intents = self.told(&["intent"]);
        let Some(Entry::Intent(made)) = intents.first() else { panic!("{intents:?}") };
        for _ in 0..2 {
            let mut intent = made.clone();
            intent.id = self.app.clock.new_id().unwrap();
            self.app.record_intent(Vec::new(), &intent, Batch::new()).await.unwrap();
        }
    }

    async fn call(&self, (action, canonical): (Action, CanonicalRequest)) -> Result<Answer, AppError> {
        let CanonicalBody::Json(body) = canonical.body.clone() else { panic!("a stream") };
        let placed = Placed { workspace: "default".into(), action };
        let call = Call {
            caller: caller("ana"),
            classified: Classified { placed, canonical },
            headers: http::HeaderMap::new(),
            peer: mlflow::Caller {
                peer: IpAddr::V4(Ipv4Addr::LOCALHOST),
                peer_is_trusted: false,
                credentials: mlflow::Credentials::Ours { session_cookie: "" },
            },
            received: Some(Bytes::from(body)),
            upstream: Arc::new(self.app.proxy.another()),
        };
        self.app.govern(call).await
    }
}

fn canonical(path: &str, body: &Value) -> CanonicalRequest {
    let path_and_query = format!("/api/2.0/mlflow/{path}");
    CanonicalRequest {
        method: "POST",
        path_and_query,
        body: CanonicalBody::Json(body.to_string().into_bytes()),
    }
}

/// Ana makes version 7 the champion.
fn promotion() -> (Action, CanonicalRequest) {
    let body = json!({"name": "credit", "alias": "champion", "version": "7"});
    (placed().action, canonical("registered-models/alias", &body))
}

fn registration() -> (Action, CanonicalRequest) {
    let registration = Registration {
        model: "credit".into(),
        source: "models:/m-1".to_owned(),
        run_id: None,
        model_id: None,
        tags: BTreeMap::new(),
    };
    let body = json!({"name": "credit", "source": "models:/m-1"});
    (Action::RegisterVersion(registration), canonical("model-versions/create", &body))
}

fn emergency() -> NewEmergency {
    NewEmergency { reason: "all scores are zero".to_owned(), ticket: "INC-7".to_owned(), drill: false }
}

fn waiver(world: &World) -> NewWaiver {
    NewWaiver {
        workspace: "default".into(),
        model: "credit".into(),
        version: None,
        requirement: Requirement::Seat { gate: "production".into(), seat: "risk".into() },
        reason: "half of the seat is on leave".to_owned(),
        owner: Some("olga".to_owned()),
        expires: world.app.clock.now().plus("7d".parse().unwrap()),
    }
}
