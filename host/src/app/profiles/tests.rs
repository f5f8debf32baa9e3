use countersign_core::names::Seat;
use countersign_core::policy::Policy;

use super::*;
use crate::app::People;
use crate::auth::Auth;
use crate::clock::ManualClock;
use crate::store::memory::MemoryStore;

const DAY: i64 = 86_400_000;

struct Scene {
    clock: Arc<ManualClock>,
    profiles: Arc<KeptProfiles>,
    people: People,
    policy: Policy,
}

fn scene() -> Scene {
    let clock = Arc::new(ManualClock::at(Millis::new(0)));
    let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
    let span = Span::from_millis(7 * DAY);
    let profiles = Arc::new(KeptProfiles::new(Arc::clone(&store), clock.clone(), span));
    let people = People::new(Arc::new(Auth::Anonymous), store).with_profiles(Arc::clone(&profiles));
    let text = "[[seat]]\nname = \"risk\"\nmembers = [\"omar\"]\ngroups = [\"oidc:risk\"]\n";
    let rest = "[[tier]]\nname = \"low\"\n[[gate]]\nname = \"g\"\nmode = \"enforce\"\nmodels = [\"*\"]\n\
                guards = [{ alias = \"champion\" }]\n";
    let policy = Policy::parse("policy.toml", &format!("{text}{rest}")).unwrap();
    Scene { clock, profiles, people, policy }
}

impl Scene {
    async fn said(&self, person: &str, name: &str, groups: Option<&[&str]>, seen: i64) {
        let groups = groups.map(|groups| groups.iter().map(|group| format!("oidc:{group}")).collect());
        let (person, seen) = (person.into(), Millis::new(seen));
        let profile = Profile { person, name: name.to_owned(), machine: name == "bot", groups, seen };
        self.profiles.keep(profile).await.unwrap();
    }

    fn check(&self, expect: &[&str]) {
        let roster = self.people.roster(&self.policy, self.clock.now());
        let seated: Vec<&str> = roster.seats[&Seat::from("risk")].iter().map(PersonId::as_str).collect();
        assert_eq!(seated, expect);
    }
}

#[tokio::test]
async fn groups_fill_seats_as_they_were_last_seen() {
    let scene = scene();
    scene.check(&[]);
    scene.said("u1", "ruth", Some(&["risk", "legal"]), 0).await;
    scene.said("u2", "omar", Some(&[]), 0).await;
    scene.said("u3", "eve", Some(&["risks", "legal"]), 0).await;
    scene.check(&["u1", "u2"]);
    scene.said("u1", "ruth", None, DAY).await;
    scene.check(&["u1", "u2"]);
    scene.said("u1", "ruth", Some(&["legal"]), 2 * DAY).await;
    scene.check(&["u2"]);
    // An older token brings nothing back.
    scene.said("u1", "ruth", Some(&["risk"]), DAY).await;
    scene.check(&["u2"]);
    scene.said("u1", "ruth", Some(&["risk"]), 3 * DAY).await;
    scene.clock.advance(9 * DAY);
    scene.check(&["u1", "u2"]);
    scene.clock.advance(DAY);
    scene.check(&["u2"]);
    assert_eq!(scene.profiles.find(&"u1".into()).unwrap().groups, None, "too old");
}

#[tokio::test]
async fn a_name_that_two_have_is_nobodys() {
    let scene = scene();
    scene.said("u1", "Omar", Some(&[]), 0).await;
    scene.check(&["u1"]);
    scene.said("u2", "omar", Some(&[]), 0).await;
    scene.check(&[]);
    scene.said("u2", "oscar", Some(&[]), 1).await;
    scene.check(&["u1"]);
}

#[tokio::test]
async fn machines_are_known_as_such() {
    let scene = scene();
    scene.said("u1", "bot", Some(&["risk"]), 0).await;
    let roster = scene.people.roster(&scene.policy, scene.clock.now());
    assert!(roster.machines.contains(&PersonId::from("u1")), "{roster:?}");
}
