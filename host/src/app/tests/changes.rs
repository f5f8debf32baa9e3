//! What would undo a promotion opens a request of its own, and goes through once it is approved.

use std::net::{IpAddr, Ipv4Addr};

use bytes::Bytes;
use countersign_core::classify::{CanonicalBody, CanonicalRequest, Classified};

use super::*;
use crate::app::{Answer, Call};
use crate::mlflow;

/// A call as it comes in.
pub(super) fn call(world: &World, who: &str, action: Action, spelt: CanonicalRequest) -> Call {
    let received = match &spelt.body {
        CanonicalBody::Json(json) => Some(Bytes::from(json.clone())),
        CanonicalBody::Empty => Some(Bytes::new()),
        CanonicalBody::AsSent => None,
    };
    Call {
        caller: caller(who),
        classified: Classified { placed: Placed { workspace: "default".into(), action }, canonical: spelt },
        headers: http::HeaderMap::new(),
        peer: peer(),
        received,
        upstream: Arc::new(world.app.proxy.another()),
    }
}

pub(super) fn peer() -> mlflow::Caller {
    mlflow::Caller {
        peer: IpAddr::V4(Ipv4Addr::LOCALHOST),
        peer_is_trusted: false,
        credentials: mlflow::Credentials::Ours { session_cookie: "" },
    }
}

/// Ana's call to MLflow's API, spelt as we send it.
pub(super) async fn called(
    world: &World,
    method: &'static str,
    path: &str,
    body: Value,
    action: Action,
) -> Answer {
    let path_and_query = format!("/api/2.0/mlflow/{path}");
    let body = CanonicalBody::Json(body.to_string().into_bytes());
    let spelt = CanonicalRequest { method, path_and_query, body };
    world.app.govern(call(world, "ana", action, spelt)).await.unwrap()
}

/// Ana's call that deletes the champion's alias.
async fn delete(world: &World) -> Answer {
    let action = Action::DeleteAlias { model: "credit".into(), alias: "champion".into() };
    let body = json!({"name": "credit", "alias": "champion"});
    called(world, "DELETE", "registered-models/alias", body, action).await
}

/// Ana's call that makes version 7 the champion.
pub(super) async fn set(world: &World) -> Answer {
    let body = json!({"name": "credit", "alias": "champion", "version": "7"});
    called(world, "POST", "registered-models/alias", body, placed().action).await
}

pub(super) fn held(answer: Answer) -> RequestId {
    let Answer::Refused(refusal) = answer else { panic!("it was made") };
    refusal.request_id.unwrap_or_else(|| panic!("{}", refusal.message))
}

impl World {
    /// Version 7 is the champion.
    pub(super) async fn champions(policy: &str) -> Self {
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

/// The gate of everybody's tests, with these changes of what is promoted.
fn changing(changes: &str) -> String {
    POLICY.replace("expires = \"10d\"", &format!("expires = \"10d\"\nchanges = {{ {changes} }}"))
}

fn tag(value: &str) -> (Action, Value) {
    let (model, version, key) = ("credit".into(), Version::new(7), "risk".to_owned());
    let action = Action::SetVersionTag { model, version, key, value: value.to_owned() };
    (action, json!({"name": "credit", "version": "7", "key": "risk", "value": value}))
}

#[tokio::test]
async fn what_is_said_of_a_champion_waits_where_the_gate_says_so() {
    let (policy, all) = (
        changing("tags = \"hold\", description = \"hold\", model_tags = \"hold\""),
        [
            ("POST", "model-versions/set-tag", tag("low"), "tag risk"),
            (
                "PATCH",
                "model-versions/update",
                (
                    Action::UpdateVersion {
                        model: "credit".into(),
                        version: Version::new(7),
                        description: Some("better".to_owned()),
                    },
                    json!({"name": "credit", "version": "7", "description": "better"}),
                ),
                "description",
            ),
            (
                "POST",
                "registered-models/set-tag",
                (
                    Action::SetModelTag {
                        model: "credit".into(),
                        key: "owner".to_owned(),
                        value: "ana".to_owned(),
                    },
                    json!({"name": "credit", "key": "owner", "value": "ana"}),
                ),
                "model tag owner",
            ),
        ],
    );
    let world = World::champions(&policy).await;
    for (method, path, (action, body), fact) in all {
        let again = || called(&world, method, path, body.clone(), action.clone());
        let id = held(again().await);
        let request = world.app.request(id).unwrap();
        let writes = world.app.would_change(&request);
        assert_eq!(writes.iter().map(|change| change.fact.as_str()).collect::<Vec<_>>(), [fact]);
        assert_eq!(writes[0].was, None);
        let spelt = App::spelling(&action);
        assert_eq!((spelt.method.as_str(), spelt.path), (method, format!("/api/2.0/mlflow/{path}")));
        assert_eq!(serde_json::from_str::<Value>(&spelt.body).unwrap(), body);
        assert!(!world.app.shows(&request.placed).await.unwrap(), "{fact}");
        world.signed(id, fact).await;
        assert!(matches!(again().await, Answer::Forwarded(_)), "{fact}");
        world.app.settled().await.unwrap();
        assert_eq!(world.state(id), "applied", "{fact}");
        assert!(world.app.shows(&request.placed).await.unwrap(), "{fact}");
        assert_ne!(held(again().await), id, "what was approved was one change");
    }
    assert_eq!(world.breaches().await, Vec::<String>::new());
}

#[tokio::test]
async fn an_approval_of_one_value_is_none_of_another() {
    let world = World::champions(&changing("tags = \"hold\"")).await;
    let set = |value: &str| {
        let (action, body) = tag(value);
        called(&world, "POST", "model-versions/set-tag", body, action)
    };
    let id = held(set("low").await);
    world.signed(id, "and low it is").await;
    assert_ne!(held(set("none").await), id);
    assert_eq!(world.registry.lock().unwrap().tags.get("risk"), None);
}

/// Whatever holds this alias is high.
const TIERS: &str = r#"[[tier]]
name = "high"
when = '"prod-eu" in version.aliases'

[[tier]]
name = "low""#;

#[tokio::test]
async fn whoever_deletes_a_model_asks_for_all_that_it_holds() {
    let policy = POLICY.replace("[[tier]]\nname = \"low\"", TIERS).replace(
        "guards = [{ alias = \"champion\" }]",
        "guards = [{ alias = \"champion\" }, { alias = \"prod-*\" }]",
    );
    let policy = format!("{policy}\n  [gate.approvals.high]\n  seats = {{ legal = 1 }}\n");
    let world = World::champions(&policy).await;
    let delete = || {
        let action = Action::DeleteModel { model: "credit".into() };
        called(&world, "DELETE", "registered-models/delete", json!({"name": "credit"}), action)
    };
    let alone = world.app.request(held(delete().await)).unwrap();
    assert_eq!((alone.also.len(), alone.gates[0].seats.len()), (0, 1));
    world.registry.lock().unwrap().aliases.insert("prod-eu".to_owned(), "8".to_owned());
    world.app.registry.touch_model(&"default".into(), &"credit".into());
    let Answer::Refused(refusal) = delete().await else { panic!("it was made") };
    let request = world.app.request(refusal.request_id.unwrap()).unwrap();
    let seats: Vec<&str> = request.gates[0].seats.keys().map(|seat| seat.as_str()).collect();
    assert_eq!(seats, ["legal", "risk"], "what either tier asks for");
    assert_eq!((request.subject.version.get(), request.also[0].version.get()), (8, 7), "the stricter first");
    assert!(refusal.message.contains("version 8 and version 7 are promoted"), "{}", refusal.message);
    assert_ne!(request.binding, alone.binding);
    world.signed(request.id, "and both may go").await;
    assert_eq!(held(delete().await), request.id, "legal has not signed");
    world.vote("lea", Vote::Approve, "the contract has ended", request.id).await.unwrap();
    assert!(matches!(delete().await, Answer::Forwarded(_)));
    assert_eq!(world.breaches().await, Vec::<String>::new());
}
