//! The tier of what is live is watched: what moves makes an approval stale, once, and its return mends it.

use countersign_core::entry::Entry;
use countersign_core::request::TierDrift;

use super::*;

const TIERED: &str = r#"[[tier]]
name = "high"
when = 'version.tags["risk"] == "high"'

[[tier]]
name = "low"
"#;

fn tiered() -> String {
    let policy = POLICY.replace("[[tier]]\nname = \"low\"\n", TIERED);
    policy.replace("on_approval = \"permit\"", "on_approval = \"apply\"")
        + "\n  [gate.approvals.high]\n  seats = { risk = 2, legal = 1 }\n"
}

/// A policy whose low tier asks nobody.
fn free() -> String {
    tiered().replace("  [gate.approvals.low]\n  seats = { risk = 2 }\n  expires = \"90d\"\n", "")
}

impl World {
    /// Version 7 is the champion, approved at the low tier, and the registry was looked at.
    async fn low(policy: &str) -> (Self, PromotionRequest) {
        let world = Self::new(policy).await;
        let id = world.asked().await.id;
        let request = match world.state(id) {
            "approved" => world.app.apply(&caller("ana"), id).await.unwrap(),
            _ => world.signed(id, "at low").await,
        };
        assert_eq!((request.state.as_str(), world.champion().as_deref()), ("applied", Some("7")));
        assert_eq!(world.looked().await, 0);
        (world, request)
    }

    fn tag(&self, risk: &str) {
        self.registry.lock().unwrap().tags.insert("risk".to_owned(), risk.to_owned());
        // Longer than facts are believed.
        self.clock.advance(60_000);
    }

    /// How many tiers have moved since the last time.
    async fn looked(&self) -> usize {
        self.app.watch_tiers(&"default".into()).await.unwrap()
    }

    fn drift(&self, id: RequestId) -> Option<TierDrift> {
        self.app.request(id).unwrap().drift.map(|drift| *drift)
    }

    fn standing(&self, id: RequestId) -> Option<&'static str> {
        let request = self.app.request(id).unwrap();
        request.standing(self.app.clock.now()).map(|standing| standing.as_str())
    }
}

#[tokio::test]
async fn a_tier_that_moves_is_recorded_once_and_asked_for_again() {
    let (world, low) = Box::pin(World::low(&tiered())).await;
    assert_eq!(world.standing(low.id), Some("active"));
    world.tag("high");
    assert_eq!((world.looked().await, world.looked().await), (1, 0), "once");
    let drift = world.drift(low.id).unwrap();
    assert_eq!(
        drift.to_string(),
        "its tier is `high` now, and it was approved for `low`: version.tags[\"risk\"] was nothing and is \"high\""
    );
    assert_eq!(
        (world.standing(low.id), world.app.request(low.id).unwrap().flags.stale),
        (Some("stale"), true)
    );
    let renewal = world.app.request(drift.renewal.unwrap()).unwrap();
    assert_eq!((renewal.state.as_str(), renewal.previous), ("in-review", Some(low.id)));
    assert_eq!(renewal.authors.requester, low.authors.requester, "whoever asked cannot sign it");
    let seats: Vec<&str> = renewal.gates[0].seats.keys().map(|seat| seat.as_str()).collect();
    assert_eq!(seats, ["legal", "risk"]);
    let Caller::Known(lea) = caller("lea") else { panic!() };
    assert!(world.app.waiting_for(&lea, None, 10).unwrap().contains(&renewal.id));
    let [Entry::TierDrift { live, drift: told }] = &world.told(&["tier-drift"])[..] else { panic!() };
    assert_eq!((live.what.as_str(), live.request, told), ("alias:champion", Some(low.id), &drift));
    let held = world.app.held_names(&"default".into(), &"credit".into()).unwrap();
    assert_eq!(held[0].drift.as_ref(), Some(&drift));
    let metrics = world.app.metrics.encode().unwrap();
    assert!(metrics.contains("countersign_approvals_ending_total{step=\"tier-drift\"} 1"), "{metrics}");
}

#[tokio::test]
async fn what_renews_it_takes_over() {
    let (world, low) = Box::pin(World::low(&tiered())).await;
    world.tag("high");
    world.looked().await;
    let renewal = world.drift(low.id).unwrap().renewal.unwrap();
    world.signed(renewal, "at high").await;
    let made = world.vote("lea", Vote::Approve, "lawful", renewal).await.unwrap();
    assert_eq!((made.state.as_str(), world.looked().await), ("applied", 0));
    let held = world.app.held_names(&"default".into(), &"credit".into()).unwrap();
    assert_eq!(held[0].drift, None);
    assert_eq!(world.breaches().await, Vec::<String>::new());
    // And from there it drifts anew.
    world.tag("low");
    assert_eq!((world.looked().await, world.standing(renewal)), (1, Some("stale")));
}

#[tokio::test]
async fn a_tier_that_comes_back_mends_it() {
    let (world, low) = Box::pin(World::low(&tiered())).await;
    world.tag("high");
    world.looked().await;
    let renewal = world.drift(low.id).unwrap().renewal.unwrap();
    world.tag("low");
    assert_eq!((world.looked().await, world.looked().await), (1, 0));
    assert_eq!((world.standing(low.id), world.drift(low.id)), (Some("active"), None));
    assert_eq!(world.state(renewal), "superseded", "nobody is asked any more");
    assert_eq!(world.told(&["tier-drift", "tier-restored"]).len(), 2);
    world.tag("high");
    assert_eq!((world.looked().await, world.told(&["tier-drift"]).len()), (1, 2), "each time that it moves");
}

#[tokio::test]
async fn what_nobody_signed_drifts_too_and_opens_a_request() {
    let (world, auto) = Box::pin(World::low(&free())).await;
    world.tag("high");
    assert_eq!(world.looked().await, 1);
    let renewal = world.drift(auto.id).unwrap().renewal.unwrap();
    assert_eq!(world.state(renewal), "in-review");
    refused(world.app.apply(&caller("ana"), renewal).await, "conflict", "cannot be applied yet");
}

#[tokio::test]
async fn what_cannot_be_told_says_nothing() {
    let policy = tiered().replace("version.tags[\"risk\"] == \"high\"", "version.metrics[\"risk\"] > 0.5");
    let world = World::new(&policy).await;
    assert_eq!(world.asked().await.state.as_str(), "open", "a tier that is not known holds");
    let (world, low) = Box::pin(World::low(&tiered())).await;
    world.tag("high");
    world.registry.lock().unwrap().gone = true;
    assert_eq!((world.looked().await, world.drift(low.id)), (0, None));
    world.registry.lock().unwrap().gone = false;
    assert_eq!(world.looked().await, 1, "the next round finds it");
}

#[tokio::test]
async fn what_was_kept_before_intents_were_noted_is_watched_too() {
    let (world, low) = Box::pin(World::low(&tiered())).await;
    let key = crate::store::keys::holding("default", "credit", "alias:champion");
    let before = serde_json::json!({"version": "7", "since": 1, "bypassed": false});
    let before = crate::store::codec::encode(&before).unwrap();
    world.app.store.commit(crate::store::Batch::new().put(key, before)).await.unwrap();
    world.tag("high");
    assert_eq!((world.looked().await, world.standing(low.id)), (1, Some("stale")));
}

#[tokio::test]
async fn a_refusal_says_that_the_approval_is_stale() {
    let (world, low) = Box::pin(World::low(&tiered())).await;
    world.tag("high");
    world.looked().await;
    let message = match super::changes::set(&world).await {
        crate::app::Answer::Refused(refusal) => refusal.message,
        _ => panic!("it was made"),
    };
    assert!(message.contains("The approval that it had is stale: its tier is `high` now"), "{message}");
    assert_eq!(world.standing(low.id), Some("stale"));
}

mod laws {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(12))]

        /// Whatever the tag does, the approval is stale exactly while the tier is not the one it was given for, and
        /// each move is one entry.
        #[test]
        fn an_approval_is_stale_exactly_while_its_tier_is_another(tags in proptest::collection::vec("high|low|other", 1..6)) {
            let runtime = tokio::runtime::Runtime::new().unwrap();
            runtime.block_on(async {
                let (world, low) = Box::pin(World::low(&tiered())).await;
                let (mut high, mut moves) = (false, 0);
                for tag in &tags {
                    world.tag(tag);
                    world.looked().await;
                    moves += usize::from(high != (tag == "high"));
                    high = tag == "high";
                    assert_eq!(world.standing(low.id), Some(if high { "stale" } else { "active" }), "{tags:?}");
                }
                assert_eq!(world.told(&["tier-drift", "tier-restored"]).len(), moves, "{tags:?}");
            });
        }
    }
}
