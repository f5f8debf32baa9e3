use countersign_core::names::Seat;
use countersign_core::policy::Policy;

use super::*;
use crate::app::People;
use crate::auth::Auth;
use crate::clock::ManualClock;
use crate::store::memory::MemoryStore;
use crate::store::{Scan, codec, keys};

const DAY: i64 = 86_400_000;

struct Scene {
    clock: Arc<ManualClock>,
    store: Arc<dyn Store>,
    keys: tempfile::TempDir,
    profiles: Arc<KeptProfiles>,
    people: People,
    policy: Policy,
}

fn scene() -> Scene {
    let clock = Arc::new(ManualClock::at(Millis::new(0)));
    let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
    let keys = tempfile::tempdir().unwrap();
    let profiles = Arc::new(opened(&store, &clock, keys.path()));
    let people = People::new(Arc::new(Auth::Anonymous)).with_profiles(Arc::clone(&profiles));
    let text = "[[seat]]\nname = \"risk\"\nmembers = [\"omar\"]\ngroups = [\"oidc:risk\"]\n";
    let rest = "[[tier]]\nname = \"low\"\n[[gate]]\nname = \"g\"\nmode = \"enforce\"\nmodels = [\"*\"]\n\
                guards = [{ alias = \"champion\" }]\n";
    let policy = Policy::parse("policy.toml", &format!("{text}{rest}")).unwrap();
    Scene { clock, store, keys, profiles, people, policy }
}

fn opened(store: &Arc<dyn Store>, clock: &Arc<ManualClock>, keys: &std::path::Path) -> KeptProfiles {
    let vault = Arc::new(Vault::open(keys, clock.clone()).unwrap());
    KeptProfiles::open(Arc::clone(store), clock.clone(), vault, Span::from_millis(7 * DAY)).unwrap()
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

/// Every byte that a store would export.
fn everything(store: &dyn Store) -> String {
    let all = Scan::prefix(crate::store::Key::from_bytes(Vec::new()));
    let rows = store.scan(&all).unwrap().into_iter();
    rows.map(|(key, value)| format!("{key} {}\n", String::from_utf8_lossy(&value))).collect()
}

#[tokio::test]
async fn nothing_of_a_profile_shows_in_the_store_and_it_reads_again() {
    let scene = scene();
    scene.said("u1", "ruth.adler", Some(&["model-risk-emea"]), 0).await;
    let kept = everything(&*scene.store);
    assert!(kept.contains("person/profile") && !kept.contains("adler") && !kept.contains("emea"), "{kept}");
    let again = opened(&scene.store, &scene.clock, scene.keys.path());
    assert_eq!(again.find(&"u1".into()), scene.profiles.find(&"u1".into()));
    assert_eq!(again.person_named("Ruth.Adler"), Some("u1".into()));
    // Without its key it is nobody's.
    let other = tempfile::tempdir().unwrap();
    assert_eq!(opened(&scene.store, &scene.clock, other.path()).find(&"u1".into()), None);
}

#[tokio::test]
async fn what_version_0_1_kept_in_the_clear_is_sealed() {
    let scene = scene();
    let groups = BTreeSet::from(["oidc:risk".to_owned()]);
    let membership = Membership { groups, seen: Some(Millis::new(0)), machine: false };
    let nothing = || codec::encode(&()).unwrap();
    let batch = Batch::new()
        .put(keys::profile("u1"), codec::encode("ruth.adler").unwrap())
        .put(keys::membership("u1"), codec::encode(&membership).unwrap())
        .put(keys::person_named("ruth.adler", "u1"), nothing())
        .put(keys::member_of("oidc:risk", "u1"), nothing());
    scene.store.commit(batch).await.unwrap();
    let opened = opened(&scene.store, &scene.clock, scene.keys.path());
    let before = opened.find(&"u1".into()).unwrap();
    opened.seal_old().await.unwrap();
    let kept = everything(&*scene.store);
    assert!(!kept.contains("adler") && !kept.contains("oidc"), "{kept}");
    let again = self::opened(&scene.store, &scene.clock, scene.keys.path());
    assert_eq!((again.find(&"u1".into()), again.members_of("oidc:risk")), (Some(before), vec!["u1".into()]));
}
