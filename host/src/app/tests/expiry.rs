//! Approvals run out: warned of once each, expired for good, and an alias that falls back only where it may.

use countersign_core::request::Fallback;

use super::*;

const DAY: i64 = 86_400_000;

fn falling_back(to: &str) -> String {
    POLICY.replace("expires = \"10d\"", &format!("expires = \"10d\"\non_expiry = {{ fallback = {to} }}"))
}

impl World {
    /// Version 7 is the champion, approved for ninety days.
    async fn promoted(&self) -> PromotionRequest {
        let id = self.approved().await.id;
        self.app.apply(&caller("ana"), id).await.unwrap()
    }

    /// So many days go by; gives the steps that time took.
    async fn days(&self, number: i64) -> usize {
        self.clock.advance(number * DAY);
        self.app.age().await.unwrap()
    }

    fn warnings(&self) -> Vec<u16> {
        let days = |entry| if let Entry::Expiring { days, .. } = entry { Some(days) } else { None };
        self.told(&["expiring"]).into_iter().filter_map(days).collect()
    }

    fn fallback(&self, id: RequestId) -> Option<Fallback> {
        self.app.request(id).unwrap().fallback
    }
}

#[tokio::test]
async fn each_warning_is_given_once_and_then_it_is_over() {
    let world = World::new(POLICY).await;
    let id = world.promoted().await.id;
    for (days, steps, given) in
        [(59, 0, vec![]), (1, 1, vec![30]), (0, 0, vec![30]), (23, 1, vec![30, 7]), (6, 1, vec![30, 7, 1])]
    {
        assert_eq!((world.days(days).await, world.warnings()), (steps, given), "after {days} days");
        assert_eq!(world.state(id), "applied");
    }
    assert_eq!((world.days(1).await, world.state(id)), (1, "expired"));
    assert_eq!((world.days(0).await, world.told(&["expired"]).len()), (0, 1));
    assert_eq!(world.champion().as_deref(), Some("7"), "a flag moves nothing");
    let metrics = world.app.metrics.encode().unwrap();
    assert!(metrics.contains("countersign_approvals_ending_total{step=\"expiring\"} 3"), "{metrics}");
}

#[tokio::test]
async fn of_the_warnings_that_were_missed_only_the_last_is_given() {
    let world = World::new(POLICY).await;
    world.promoted().await;
    assert_eq!((world.days(84).await, world.warnings()), (1, vec![7]));
    assert_eq!((world.days(0).await, world.warnings()), (0, vec![7]));
}

#[tokio::test]
async fn a_clock_that_goes_back_brings_nothing_back() {
    let world = World::new(&falling_back("3")).await;
    let expired = world.promoted().await.id;
    world.days(91).await;
    world.days(0).await;
    world.days(-80).await;
    assert_eq!((world.state(expired), world.days(0).await), ("expired", 0));
    let again = world.asked().await;
    assert_eq!((again.state.as_str(), again.previous), ("in-review", Some(expired)));
    assert!(again.gates.iter().all(|gate| gate.seats.values().all(|seat| seat.signed.is_empty())));
}

#[tokio::test]
async fn a_renewed_approval_takes_over() {
    let world = World::new(&falling_back("3")).await;
    let first = world.promoted().await.id;
    world.days(60).await;
    let renewed = world.app.renew(&caller("ana"), first).await.unwrap();
    assert_eq!((renewed.previous, renewed.state.as_str()), (Some(first), "in-review"));
    assert_eq!(world.app.renew(&caller("ana"), first).await.unwrap().id, renewed.id, "asked for once");
    world.signed(renewed.id, "still").await;
    world.app.apply(&caller("ana"), renewed.id).await.unwrap();
    world.days(40).await;
    world.days(0).await;
    assert_eq!((world.state(first), world.state(renewed.id)), ("expired", "applied"));
    assert_eq!((world.warnings(), world.champion().as_deref()), (vec![30], Some("7")));
    assert!(matches!(world.fallback(first), Some(Fallback::Stayed { .. })));
}

#[tokio::test]
async fn an_alias_falls_back_to_a_version_that_its_gate_allows() {
    for to in ["3", "\"previous\""] {
        let world = World::new(&falling_back(to)).await;
        world.registry.lock().unwrap().aliases.insert("previous".to_owned(), "3".to_owned());
        let expired = world.promoted().await.id;
        world.days(85).await;
        let ready = world.asked_for(3).await.id;
        world.signed(ready, "for version 3").await;
        assert_eq!((world.days(5).await, world.champion().as_deref()), (1, Some("7")));
        assert_eq!((world.days(0).await, world.champion().as_deref()), (1, Some("3")));
        assert_eq!(world.fallback(expired), Some(Fallback::Moved { to: Version::new(3), leaves_for: None }));
        assert_eq!((world.days(0).await, world.state(ready)), (0, "applied"));
        let told = world.told(&["expired", "falling-back", "intent", "outcome"]);
        let kinds: Vec<&str> = told.iter().map(Entry::kind).collect();
        assert_eq!(kinds, ["intent", "outcome", "expired", "falling-back", "intent", "outcome"]);
        assert_eq!(world.breaches().await, Vec::<String>::new());
    }
}

#[tokio::test]
async fn an_alias_stays_where_the_fallback_is_not_allowed() {
    for (to, words) in [
        ("3", "Waiting for 2 signatures"),
        ("7", "version 7 itself"),
        ("\"previous\"", "the version with alias `previous` of credit does not exist"),
    ] {
        let world = World::new(&falling_back(to)).await;
        let expired = world.promoted().await.id;
        world.days(90).await;
        world.days(0).await;
        assert_eq!(world.champion().as_deref(), Some("7"), "{to}");
        let Some(Fallback::Stayed { reason }) = world.fallback(expired) else { panic!("{to}") };
        assert!(reason.contains(words), "{reason}");
        assert_eq!((world.days(0).await, world.told(&["not-fallen-back"]).len()), (0, 1));
    }
}

#[tokio::test]
async fn what_mlflow_did_not_move_has_not_moved() {
    let world = World::new(&falling_back("3")).await;
    let expired = world.promoted().await.id;
    world.days(85).await;
    let ready = world.asked_for(3).await.id;
    world.signed(ready, "for version 3").await;
    world.days(5).await;
    world.registry.lock().unwrap().ill = true;
    world.days(0).await;
    assert_eq!((world.champion().as_deref(), world.state(ready)), (Some("7"), "approved"));
    let Some(Fallback::Stayed { reason }) = world.fallback(expired) else { panic!() };
    assert!(reason.contains("MLflow did not make the change"), "{reason}");
}
