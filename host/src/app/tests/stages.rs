//! Stages: an apply compares what the stage holds, and an approval that has run out leaves it to another version, or to
//! nobody.

use countersign_core::names::Stage;
use countersign_core::request::{Fallback, Prior};

use super::*;

const DAY: i64 = 86_400_000;

fn guarding(more: &str) -> String {
    POLICY
        .replace("guards = [{ alias = \"champion\" }]", "guards = [{ stage = \"Production\" }]")
        .replace("expires = \"10d\"", &format!("expires = \"10d\"\n{more}"))
}

impl World {
    /// Ana asks for a version to be the one in production.
    async fn wants(&self, version: u32) -> PromotionRequest {
        let action = Action::TransitionStage {
            model: "credit".into(),
            version: Version::new(version),
            stage: Stage::Production,
            archive_existing: true,
        };
        self.app.open(&caller("ana"), Placed { workspace: "default".into(), action }).await.unwrap()
    }

    async fn puts(&self, version: u32) -> RequestId {
        let id = self.wants(version).await.id;
        self.signed(id, &format!("for version {version}")).await;
        self.app.apply(&caller("ana"), id).await.unwrap();
        id
    }

    fn put_in(&self, stage: &str, version: &str) {
        self.registry.lock().unwrap().stages.insert(version.to_owned(), stage.to_owned());
        self.app.registry.touch_model(&"default".into(), &"credit".into());
    }

    fn stage_of(&self, version: &str) -> Option<String> {
        self.registry.lock().unwrap().stages.get(version).cloned()
    }

    /// So many days go by, and time takes its steps, one a round.
    async fn days_and(&self, number: i64) {
        self.clock.advance(number * DAY);
        for _ in 0..3 {
            self.app.age().await.unwrap();
        }
    }
}

#[tokio::test]
async fn an_apply_compares_what_the_stage_holds() {
    let world = World::new(&guarding("")).await;
    let id = world.wants(7).await.id;
    let ready = world.signed(id, "for version 7").await;
    assert_eq!(ready.prior, Prior::Nothing);
    world.put_in("Production", "9");
    let late = world.app.apply(&caller("ana"), id).await;
    refused(late, "conflict", "`Production` held nothing when this was reviewed, and holds version 9 now");
    assert_eq!((world.stage_of("7"), world.state(id)), (None, "approved"));
    let renewed = world.app.renew(&caller("ana"), id).await.unwrap();
    assert_eq!(renewed.prior, Prior::Version { version: Version::new(9) });
    world.app.apply(&caller("ana"), id).await.unwrap();
    assert_eq!(
        (world.stage_of("7").as_deref(), world.stage_of("9").as_deref()),
        (Some("Production"), Some("Archived"))
    );
}

#[tokio::test]
async fn where_countersign_applies_a_stage_that_moved_is_signed_anew() {
    let world = World::new(&guarding("").replace("\"permit\"", "\"apply\"")).await;
    let asked = world.wants(7).await;
    world.vote("omar", Vote::Approve, "the holdout holds", asked.id).await.unwrap();
    world.put_in("Production", "9");
    let ruth = caller("ruth");
    let late = world.app.review(
        &ruth,
        asked.id,
        NewReview {
            vote: Vote::Approve,
            seat: Some("risk".into()),
            rationale: "drift is small".to_owned(),
            subject_digest: asked.binding,
        },
    );
    refused(late.await, "conflict", "has changed since");
    assert_eq!(world.stage_of("7"), None);
}

#[tokio::test]
async fn a_stage_falls_back_to_a_version_that_its_gate_allows() {
    let world = World::new(&guarding("on_expiry = { fallback = 3 }")).await;
    let expired = world.puts(7).await;
    world.days_and(85).await;
    let ready = world.wants(3).await.id;
    world.signed(ready, "for version 3").await;
    world.days_and(5).await;
    assert_eq!(
        (world.stage_of("3").as_deref(), world.stage_of("7").as_deref()),
        (Some("Production"), Some("Archived"))
    );
    assert_eq!((world.state(expired), world.state(ready)), ("expired", "applied"));
    let moved = Fallback::Moved { to: Version::new(3), leaves_for: None };
    assert_eq!(world.app.request(expired).unwrap().fallback, Some(moved));
    assert_eq!(world.breaches().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_version_leaves_its_stage_where_the_policy_names_one() {
    let world = World::new(&guarding("on_expiry = { stage = \"Archived\" }")).await;
    let expired = world.puts(7).await;
    world.days_and(90).await;
    assert_eq!(world.stage_of("7").as_deref(), Some("Archived"));
    let told = world.told(&["expired", "falling-back", "intent", "outcome"]);
    let kinds: Vec<&str> = told.iter().map(Entry::kind).collect();
    assert_eq!(kinds, ["intent", "outcome", "expired", "falling-back", "intent", "outcome"]);
    let moved = Fallback::Moved { to: Version::new(7), leaves_for: Some(Stage::Archived) };
    assert_eq!(world.app.request(expired).unwrap().fallback, Some(moved));
    assert_eq!(world.breaches().await, Vec::<String>::new());
    assert_eq!(world.app.reconcile().await.unwrap(), 0, "what we did is no bypass");
}

#[tokio::test]
async fn a_stage_stays_where_the_fallback_is_not_allowed() {
    let world = World::new(&guarding("on_expiry = { fallback = 3 }")).await;
    let expired = world.puts(7).await;
    world.days_and(90).await;
    let Some(Fallback::Stayed { reason }) = world.app.request(expired).unwrap().fallback else { panic!() };
    assert!(reason.contains("Waiting for 2 signatures"), "{reason}");
    assert_eq!(world.stage_of("7").as_deref(), Some("Production"));
}

#[tokio::test]
async fn what_was_promoted_beside_it_is_not_archived_by_a_fallback() {
    let world = World::new(&guarding("on_expiry = { fallback = 3 }")).await;
    let expired = world.puts(7).await;
    world.put_in("Production", "9");
    world.days_and(90).await;
    let Some(Fallback::Stayed { reason }) = world.app.request(expired).unwrap().fallback else { panic!() };
    assert!(reason.contains("version 9 has been promoted beside it"), "{reason}");
}

#[tokio::test]
async fn of_several_in_a_stage_none_may_leave_unasked() {
    let world = World::new(&guarding("")).await;
    for version in ["3", "9"] {
        world.put_in("Production", version);
    }
    for version in [3, 9] {
        let (model, version, stage) = ("credit".into(), Version::new(version), Stage::Archived);
        let action = Action::TransitionStage { model, version, stage, archive_existing: false };
        let placed = Placed { workspace: "default".into(), action };
        let asked = world.app.open(&caller("ana"), placed).await.unwrap();
        assert_eq!((asked.state.as_str(), asked.subject.version), ("in-review", version));
    }
}
