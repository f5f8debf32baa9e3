//! What would undo a promotion opens a request of its own, and goes through once it is approved.

use std::net::{IpAddr, Ipv4Addr};

use bytes::Bytes;
use countersign_core::classify::{CanonicalBody, CanonicalRequest, Classified};

use super::*;
use crate::app::{Answer, Call};
use crate::mlflow;

/// Ana's call that deletes the champion's alias.
async fn delete(world: &World) -> Answer {
    let action = Action::DeleteAlias { model: "credit".into(), alias: "champion".into() };
    let body = json!({"name": "credit", "alias": "champion"});
    call(world, "DELETE", action, &body).await
}

/// Ana's call that makes version 7 the champion.
pub(super) async fn set(world: &World) -> Answer {
    let body = json!({"name": "credit", "alias": "champion", "version": "7"});
    call(world, "POST", placed().action, &body).await
}

async fn call(world: &World, method: &'static str, action: Action, body: &Value) -> Answer {
    let body = body.to_string();
    let canonical = CanonicalRequest {
        method,
        path_and_query: "/api/2.0/mlflow/registered-models/alias".to_owned(),
        body: CanonicalBody::Json(body.clone().into_bytes()),
    };
    let call = Call {
        caller: caller("ana"),
        classified: Classified { placed: Placed { workspace: "default".into(), action }, canonical },
        headers: http::HeaderMap::new(),
        peer: mlflow::Caller {
            peer: IpAddr::V4(Ipv4Addr::LOCALHOST),
            peer_is_trusted: false,
            credentials: mlflow::Credentials::Ours { session_cookie: "" },
        },
        received: Some(Bytes::from(body)),
        upstream: std::sync::Arc::new(world.app.proxy.another()),
    };
    world.app.govern(call).await.unwrap()
}

fn held(answer: Answer) -> RequestId {
    let Answer::Refused(refusal) = answer else { panic!("it was made") };
    refusal.request_id.unwrap_or_else(|| panic!("{}", refusal.message))
}

impl World {
    /// Version 7 is the champion.
    async fn champions(policy: &str) -> Self {
        let world = Self::new(policy).await;
        let id = world.approved().await.id;
        world.app.apply(&caller("ana"), id).await.unwrap();
        world
    }
}

#[tokio::test]
async fn deleting_a_guarded_alias_waits_for_the_seats_and_is_allowed_once() {
    let world = World::champions(POLICY).await;
    let id = held(delete(&world).await);
    let request = world.app.request(id).unwrap();
    assert_eq!((request.state.as_str(), request.subject.version), ("in-review", Version::new(7)));
    assert_eq!((held(delete(&world).await), world.champion().as_deref()), (id, Some("7")));
    world.signed(id, "and it may go").await;
    assert!(matches!(delete(&world).await, Answer::Forwarded(_)));
    world.app.settled().await.unwrap();
    assert_eq!((world.state(id), world.champion()), ("applied", None));
    let kept = world.app.held_names(&"default".into(), &"credit".into()).unwrap();
    assert_eq!(kept.iter().map(|held| held.version).collect::<Vec<_>>(), [None], "so that it is no bypass");
    world.registry.lock().unwrap().aliases.insert("champion".to_owned(), "7".to_owned());
    world.app.registry.touch_model(&"default".into(), &"credit".into());
    assert_ne!(held(delete(&world).await), id, "what was approved was one deletion");
    assert_eq!(world.breaches().await, Vec::<String>::new());
}

#[tokio::test]
async fn what_has_changed_since_must_be_looked_at_again() {
    let world = World::champions(POLICY).await;
    let id = held(delete(&world).await);
    world.signed(id, "and it may go").await;
    world.registry.lock().unwrap().aliases.insert("champion".to_owned(), "8".to_owned());
    world.app.registry.touch_model(&"default".into(), &"credit".into());
    assert_eq!(held(delete(&world).await), id);
    assert!(world.app.request(id).unwrap().flags.stale, "another version would lose the name");
}

#[tokio::test]
async fn a_gate_may_refuse_outright() {
    let refusing =
        POLICY.replace("expires = \"10d\"", "expires = \"10d\"\nchanges = { delete = \"refuse\" }");
    let world = World::champions(&refusing).await;
    let Answer::Refused(refusal) = delete(&world).await else { panic!("it was made") };
    assert_eq!((refusal.request_id, world.champion().as_deref()), (None, Some("7")));
    assert!(refusal.message.contains("promote another version"), "{}", refusal.message);
}

#[tokio::test]
async fn an_orphaned_deletion_is_found_in_the_registry() {
    let world = World::champions(POLICY).await;
    let action = Action::DeleteAlias { model: "credit".into(), alias: "champion".into() };
    let gone = Placed { workspace: "default".into(), action };
    assert!(!world.app.shows(&gone).await.unwrap());
    world.registry.lock().unwrap().aliases.clear();
    assert!(world.app.shows(&gone).await.unwrap());
}
