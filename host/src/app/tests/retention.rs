//! Evidence goes when its time is over, and nothing else does: no entry, nothing that is live or under hold, nothing
//! that anything live names. What went says so.

use countersign_core::digest::Digest;
use countersign_core::entry::CheckRunRecord;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use super::*;
use crate::app::evidence::Evidence;
use crate::app::{NewHold, ReplaySubject, replay};
use crate::store::Batch;

const DAY: i64 = 86_400_000;

pub(super) fn policy(keep: &str) -> String {
    POLICY.replace("name = \"low\"\n", &format!("name = \"low\"\nkeep_evidence = \"{keep}\"\n"))
}

impl World {
    /// What would go, and whether it went: blobs of each step.
    async fn due(&self) -> Vec<u64> {
        self.app.evidence_due().await.unwrap().iter().map(|due| due.blobs).collect()
    }

    async fn collected(&self) -> Vec<u64> {
        self.app.collect_evidence().await.unwrap().iter().map(|due| due.blobs).collect()
    }

    async fn passes(&self, days: i64) {
        self.clock.advance(days * DAY);
        self.app.age().await.unwrap();
    }

    fn has(&self, digest: Digest) -> Result<(), String> {
        self.app.evidence(digest).map(drop).map_err(|error| error.to_string())
    }

    /// A check run on a version, as the ledger and the store have it: a transcript that names its answers.
    async fn ran(&self, version: u32, answers: &[u8]) -> Vec<Digest> {
        let mut evidence = Evidence::default();
        let answers: Vec<Digest> =
            answers.iter().map(|n| evidence.keep([b"answer", &[*n][..]].concat())).collect();
        let transcript = evidence.keep(serde_json::to_vec(&json!({"calls": answers})).unwrap());
        let input = evidence.keep(serde_json::to_vec(&json!({"version": version})).unwrap());
        let (plugin, outcome) = (evidence.keep(b"\0asm one plugin"), evidence.keep(b"{\"passed\":true}"));
        let record = CheckRunRecord {
            workspace: "default".into(),
            model: "credit".into(),
            version: Version::new(version),
            plugin: "p".into(),
            plugin_digest: plugin,
            config_digest: outcome,
            input_digest: input,
            transcript_digest: transcript,
            outcome_digest: outcome,
            conclusion: "pass".to_owned(),
            spent: None,
        };
        self.app.record(&[Entry::CheckRun(record)], evidence.put(Batch::new())).await.unwrap();
        answers.into_iter().chain([transcript, input, plugin, outcome]).collect()
    }

    /// The version was judged once, by the tier `low`.
    async fn judged(&self, version: u32, like: &PromotionRequest) {
        let mut placed = placed();
        if let Action::SetAlias { version: of, .. } = &mut placed.action {
            *of = Version::new(version);
        }
        let entry = Entry::WouldRefuse { placed, by: None, gates: like.gates.clone() };
        self.app.record(&[entry], Batch::new()).await.unwrap();
    }
}

#[tokio::test]
async fn evidence_goes_when_its_time_is_over_and_says_so() {
    let world = World::new(&policy("30d")).await;
    let request = world.asked().await;
    world.passes(10).await;
    assert_eq!((world.state(request.id), world.has(request.facts)), ("lapsed", Ok(())));
    world.passes(29).await;
    assert_eq!(world.due().await, [] as [u64; 0], "a day too early");
    world.passes(1).await;
    let entries = world.app.ledger.len().unwrap();
    assert_eq!(
        (world.due().await, world.app.ledger.len().unwrap()),
        (vec![1], entries),
        "a question changes nothing"
    );
    assert_eq!((world.collected().await, world.collected().await), (vec![1], vec![]));
    let gone = world.has(request.facts).unwrap_err();
    for words in ["was collected on 2027-", "tier `low` is kept for 30d", &format!("ledger entry {entries}")]
    {
        assert!(gone.contains(words), "{gone}");
    }
    let Entry::EvidenceCollected(told) = world.told(&["evidence-collected"]).remove(0) else { panic!() };
    assert_eq!((told.blobs, told.list), (1, Digest::of(format!("{}\n", request.facts).as_bytes())));
    assert_eq!(world.breaches().await, Vec::<String>::new(), "the ledger is whole");
    // The same facts come again: they are kept again.
    let again = world.asked().await;
    assert_eq!((again.facts == request.facts, world.has(again.facts)), (true, Ok(())));
    assert_eq!(world.collected().await, [] as [u64; 0]);
}

#[tokio::test]
async fn without_a_rule_and_while_it_is_live_it_stays() {
    let world = World::new(POLICY).await;
    world.asked().await;
    world.passes(4_000).await;
    assert_eq!(world.collected().await, [] as [u64; 0], "the policy says nothing");
    let world = World::new(&policy("30d")).await;
    let id = world.approved().await.id;
    let request = world.app.apply(&caller("ana"), id).await.unwrap();
    world.passes(400).await;
    assert_eq!((world.state(id), world.collected().await), ("expired", vec![]), "it is the champion");
    assert_eq!(world.has(request.facts), Ok(()));
}

#[tokio::test]
async fn a_hold_wins_and_somebody_with_a_seat_ends_it() {
    let world = World::new(&policy("30d")).await;
    let request = world.asked().await;
    world.passes(10).await;
    world.passes(400).await;
    let all = NewHold { model: Some("credit".into()), reason: "case 7".to_owned(), ..NewHold::default() };
    let one = NewHold { request: Some(request.id), model: None, ..all.clone() };
    let app = &world.app;
    let holds = [
        app.put_under_hold(&caller("lea"), all.clone()).await.unwrap(),
        app.put_under_hold(&caller("olga"), one).await.unwrap(),
    ];
    for hold in &holds {
        assert_eq!(world.collected().await, [] as [u64; 0], "{hold:?}");
        let why = "the case is closed";
        refused(app.release_hold(&caller("olga"), hold.id, why).await, "forbidden", "sits in a seat");
        app.release_hold(&caller("ruth"), hold.id, why).await.unwrap();
        refused(app.release_hold(&caller("ruth"), hold.id, why).await, "not-found", "see the list of holds");
    }
    assert_eq!((app.holds().unwrap(), world.told(&["held", "released"]).len()), (vec![], 4));
    assert_eq!(world.collected().await, [1]);
    refused(app.put_under_hold(&Caller::Anonymous, all.clone()).await.map_err(unauthenticated), "other", "");
    let no = NewHold { reason: " ".to_owned(), ..all };
    refused(app.put_under_hold(&caller("lea"), no).await, "invalid", "say why");
}

fn unauthenticated(error: AppError) -> AppError {
    assert!(matches!(error, AppError::Unauthenticated(_)), "{error}");
    error
}

#[tokio::test]
async fn what_is_on_its_way_to_the_disk_stays() {
    let world = World::new(&policy("30d")).await;
    let request = world.asked().await;
    world.passes(10).await;
    world.passes(40).await;
    world.app.known_evidence.pin([request.facts], world.app.clock.now());
    assert_eq!((world.collected().await, world.has(request.facts)), (vec![], Ok(())));
    world.passes(1).await;
    assert_eq!(world.collected().await, [1]);
}

#[tokio::test]
async fn a_run_whose_evidence_went_says_so_when_it_is_replayed() {
    let world = World::new(&policy("30d")).await;
    let like = world.asked().await;
    world.judged(3, &like).await;
    let index = world.app.ledger.len().unwrap();
    world.ran(3, &[1, 2]).await;
    world.passes(31).await;
    assert!(world.collected().await.iter().sum::<u64>() > 5);
    let App { store, ledger, engine, .. } = &*world.app;
    let error = replay(&**store, ledger, engine, ReplaySubject::Entry(index)).await.unwrap_err().to_string();
    assert!(error.contains("was collected on") && error.contains("cannot be read or replayed"), "{error}");
}

/// Any runs over any versions with any answers in common: what a version that stays names is there afterwards, and
/// what only the past names is not.
#[test]
fn nothing_that_is_reached_is_taken_out() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let run = (1_u32..6, proptest::collection::vec(0_u8..8, 0..4));
    let given = (proptest::collection::vec(run, 1..12), proptest::collection::btree_set(1_u32..6, 0..4));
    let mut runner = TestRunner::new(ProptestConfig::with_cases(12));
    let law = |(runs, young): (Vec<(u32, Vec<u8>)>, std::collections::BTreeSet<u32>)| {
        runtime.block_on(async {
            let world = World::new(&policy("30d")).await;
            let like = world.asked_for(9).await;
            let mut named: BTreeMap<u32, Vec<Digest>> = BTreeMap::new();
            for (version, answers) in &runs {
                world.judged(*version, &like).await;
                named.entry(*version).or_default().extend(world.ran(*version, answers).await);
            }
            world.clock.advance(20 * DAY);
            for version in &young {
                world.judged(*version, &like).await;
            }
            world.clock.advance(10 * DAY);
            world.app.collect_evidence().await.unwrap();
            let kept: Vec<Digest> =
                young.iter().flat_map(|version| named.get(version)).flatten().copied().collect();
            for (version, digest) in
                named.iter().flat_map(|(v, all)| all.iter().map(move |digest| (v, digest)))
            {
                let expect = young.contains(version) || kept.contains(digest);
                prop_assert_eq!(world.has(*digest).is_ok(), expect, "version {}", version);
            }
            prop_assert_eq!(world.breaches().await, Vec::<String>::new());
            Ok(())
        })
    };
    runner.run(&given, law).unwrap();
}
