//! The contract of [`Store`], as one suite that every engine must pass.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use proptest::prelude::*;
use tokio::runtime::Runtime;

use super::memory::MemoryStore;
use super::sled::SledStore;
use super::*;

/// Opens an engine; what is on disk lies in the directory.
type Open = fn(&Path) -> Arc<dyn Store>;

fn in_memory(_: &Path) -> Arc<dyn Store> {
    Arc::new(MemoryStore::new())
}

fn on_sled(dir: &Path) -> Arc<dyn Store> {
    Arc::new(SledStore::open(dir).unwrap())
}

const ENGINES: [Open; 2] = [in_memory, on_sled];

/// Runs a part of the suite on a fresh store of every engine.
fn on_every_engine<F, R>(part: F)
where
    F: Fn(Arc<dyn Store>) -> R,
    R: Future<Output = ()>,
{
    for open in ENGINES {
        let dir = tempfile::tempdir().unwrap();
        Runtime::new().unwrap().block_on(part(open(dir.path())));
    }
}

fn key(name: &str) -> Key {
    Key::space("test").text(name)
}

fn conflict(outcome: Result<(), CommitError>) -> Key {
    match outcome {
        Err(CommitError::Conflict { key }) => key,
        other => panic!("{other:?}"),
    }
}

#[test]
fn expectations_hold_or_nothing_happens() {
    on_every_engine(async |store| {
        let put = |value: &[u8]| Batch::new().put(key("a"), value.to_vec()).put(key("b"), value.to_vec());
        store.commit(put(b"1").expect_absent(key("a"))).await.unwrap();
        assert_eq!(conflict(store.commit(put(b"2").expect_absent(key("a"))).await), key("a"));
        assert_eq!(conflict(store.commit(put(b"2").expect_value(key("c"), b"1".to_vec())).await), key("c"));
        let mixed = put(b"2").expect_value(key("a"), b"1".to_vec()).expect_value(key("b"), b"0".to_vec());
        assert_eq!(conflict(store.commit(mixed).await), key("b"));
        assert_eq!(store.get(&key("a")).unwrap(), Some(b"1".to_vec()));
        store.commit(put(b"2").expect_unchanged(key("a"), store.get(&key("a")).unwrap())).await.unwrap();
        assert_eq!(store.get(&key("b")).unwrap(), Some(b"2".to_vec()));
        store.commit(Batch::new().delete(key("a"))).await.unwrap();
        assert_eq!(store.get(&key("a")).unwrap(), None);
        store.flush().await.unwrap();
        store.health().unwrap();
    });
}

#[test]
fn a_batch_in_conflict_spoils_no_other_of_its_group() {
    on_every_engine(async |store| {
        store.commit(Batch::new().put(key("taken"), vec![0])).await.unwrap();
        let commit = |i: u64| {
            let store = Arc::clone(&store);
            let batch = Batch::new().put(Key::space("n").number(i), vec![1]);
            let batch = if i.is_multiple_of(2) { batch } else { batch.expect_absent(key("taken")) };
            tokio::spawn(async move { store.commit(batch).await })
        };
        let commits: Vec<_> = (0..100).map(commit).collect();
        for (i, commit) in commits.into_iter().enumerate() {
            let outcome = commit.await.unwrap();
            assert_eq!(outcome.is_ok(), i % 2 == 0, "{i}: {outcome:?}");
            let value = store.get(&Key::space("n").number(i as u64)).unwrap();
            assert_eq!(value.is_some(), i % 2 == 0, "{i}");
        }
    });
}

#[test]
fn no_update_is_lost_when_many_race() {
    const TASKS: u64 = 16;
    const ROUNDS: u64 = 20;
    on_every_engine(async |store| {
        let add_one = |store: Arc<dyn Store>| async move {
            loop {
                let seen = store.get(&key("n")).unwrap();
                let next = seen.as_deref().map_or(0, |n| u64::from_be_bytes(n.try_into().unwrap())) + 1;
                let batch =
                    Batch::new().expect_unchanged(key("n"), seen).put(key("n"), next.to_be_bytes().to_vec());
                if store.commit(batch).await.is_ok() {
                    return;
                }
            }
        };
        let tasks: Vec<_> = (0..TASKS)
            .map(|_| {
                let store = Arc::clone(&store);
                tokio::spawn(async move {
                    for _ in 0..ROUNDS {
                        add_one(Arc::clone(&store)).await;
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(store.get(&key("n")).unwrap(), Some((TASKS * ROUNDS).to_be_bytes().to_vec()));
    });
}

#[test]
fn derived_writes_see_every_batch_before() {
    on_every_engine(async |store| {
        let append = || {
            Batch::new().derive(|view| {
                let n = view.get(&key("n"))?.map_or(0, |n| n[0]);
                Ok(vec![
                    Write::Put(key("n"), vec![n + 1]),
                    Write::Put(Key::space("log").number(n.into()), vec![n]),
                ])
            })
        };
        let tasks: Vec<_> = (0..200)
            .map(|_| {
                let (store, batch) = (Arc::clone(&store), append());
                tokio::spawn(async move { store.commit(batch).await.unwrap() })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        let log = store.scan(&Scan::prefix(Key::space("log"))).unwrap();
        assert_eq!(log.into_iter().map(|(_, n)| n[0]).collect::<Vec<_>>(), (0..200).collect::<Vec<u8>>());

        let refuse = append().put(key("side"), vec![1]).derive(|_| Err("refused".into()));
        assert!(matches!(store.commit(refuse).await, Err(CommitError::Derive(_))));
        assert_eq!(
            (store.get(&key("n")).unwrap(), store.get(&key("side")).unwrap()),
            (Some(vec![200]), None)
        );
        store.commit(append()).await.unwrap();
    });
}

#[test]
fn scans_go_both_ways_page_by_page() {
    on_every_engine(async |store| {
        let mut batch =
            Batch::new().put(Key::space("m").number(0), vec![]).put(Key::space("o").number(0), vec![]);
        for i in 0..10 {
            batch = batch.put(Key::space("n").number(i), vec![i as u8]);
        }
        store.commit(batch).await.unwrap();
        let at = |i: u64| Key::space("n").number(i);
        let all = || Scan::prefix(Key::space("n"));
        let check = |scan: Scan, expect: &[u8]| {
            let found = store.scan(&scan).unwrap();
            assert_eq!(found.iter().map(|(_, value)| value[0]).collect::<Vec<_>>(), expect, "{scan:?}");
        };
        check(all(), &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
        check(all().limit(3), &[0, 1, 2]);
        check(all().limit(0), &[]);
        check(all().after(at(6)), &[7, 8, 9]);
        check(all().starting_at(at(6)).limit(2), &[6, 7]);
        check(all().after(at(9)), &[]);
        check(all().newest_first().limit(3), &[9, 8, 7]);
        check(all().newest_first().after(at(2)), &[1, 0]);
        check(all().newest_first().starting_at(at(2)), &[2, 1, 0]);
        check(all().newest_first().after(at(0)), &[]);
        check(Scan::prefix(Key::space("nn")), &[]);
        assert_eq!(store.scan(&Scan::prefix(Key::from_bytes(Vec::new()))).unwrap().len(), 12);
    });
}

#[test]
fn large_values_are_values_like_any_other() {
    on_every_engine(async |store| {
        let value = |n: usize| (0..n).map(|i| (i % 251) as u8).collect::<Vec<_>>();
        for size in [4095, 4096, 4097, 300_000, 5_000_000, 10, 9000] {
            store.commit(Batch::new().put(key("large"), value(size))).await.unwrap();
            assert_eq!(store.get(&key("large")).unwrap(), Some(value(size)), "{size}");
            assert_eq!(
                store.scan(&Scan::prefix(Key::from_bytes(Vec::new()))).unwrap(),
                [(key("large"), value(size))]
            );
        }
        store
            .commit(Batch::new().expect_value(key("large"), value(9000)).delete(key("large")))
            .await
            .unwrap();
        assert_eq!(store.get(&key("large")).unwrap(), None);
    });
}

/// A batch of the property test: small numbers, so that keys and values meet often.
#[derive(Debug, Clone)]
struct Step {
    expect: Vec<(u8, Option<u8>)>,
    writes: Vec<(u8, Option<u8>)>,
    long: bool,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let cells = |n| proptest::collection::vec((0..6_u8, proptest::option::of(0..3_u8)), n);
    let step = (cells(0..2), cells(0..4), any::<bool>());
    proptest::collection::vec(step.prop_map(|(expect, writes, long)| Step { expect, writes, long }), 1..24)
}

impl Step {
    fn value(&self, n: u8) -> Vec<u8> {
        vec![n; if self.long { 10_000 } else { 1 }]
    }

    fn batch(&self) -> Batch {
        let at = |n: u8| Key::space("p").number(n.into());
        let mut batch = Batch::new();
        for (key, value) in &self.expect {
            batch = batch.expect_unchanged(at(*key), value.map(|n| self.value(n)));
        }
        for (key, value) in &self.writes {
            batch = match value {
                Some(n) => batch.put(at(*key), self.value(*n)),
                None => batch.delete(at(*key)),
            };
        }
        batch
    }

    /// What a batch means, on a plain map.
    fn apply(&self, model: &mut BTreeMap<Key, Vec<u8>>) -> bool {
        let at = |n: u8| Key::space("p").number(n.into());
        let holds =
            |(key, value): &(u8, Option<u8>)| model.get(&at(*key)).cloned() == value.map(|n| self.value(n));
        if !self.expect.iter().all(holds) {
            return false;
        }
        for (key, value) in &self.writes {
            match value {
                Some(n) => drop(model.insert(at(*key), self.value(*n))),
                None => drop(model.remove(&at(*key))),
            }
        }
        true
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn random_batches_do_what_they_do_to_a_map(steps in steps(), reopen_after in 0..24_usize) {
        for (open, on_disk) in [(in_memory as Open, false), (on_sled, true)] {
            let dir = tempfile::tempdir().unwrap();
            let mut store = open(dir.path());
            let mut model = BTreeMap::new();
            let runtime = Runtime::new().unwrap();
            for (i, step) in steps.iter().enumerate() {
                let applied = runtime.block_on(store.commit(step.batch())).is_ok();
                prop_assert_eq!(applied, step.apply(&mut model));
                if on_disk && i == reopen_after {
                    drop(store);
                    store = open(dir.path());
                }
                let found = store.scan(&Scan::prefix(Key::space("p"))).unwrap();
                prop_assert_eq!(found, model.clone().into_iter().collect::<Vec<_>>());
            }
        }
    }
}
