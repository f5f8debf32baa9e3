//! The ledger as a whole: appended to by many, reopened, exported, tampered with.

use std::sync::Arc;

use countersign_core::time::Millis;
use proptest::prelude::*;
use serde_json::json;
use tokio::runtime::Runtime;

use crate::store::memory::MemoryStore;
use crate::store::sled::SledStore;
use crate::store::{Batch, CommitError, Key, Scan, Store, Write, codec, keys};

use super::export::{self, ExportError, Verified};
use super::*;

mod earlier;

fn key() -> SigningKey {
    SigningKey::from_seed("ledger.example", [3; 32]).unwrap()
}

fn draft(n: u64) -> Draft {
    Draft::new(Millis::new(1000 + n as i64), "test.entry", &json!({"n": n, "text": "a \"b\" \\ \u{1} ü"}))
        .unwrap()
}

async fn ledger_of(entries: u64) -> Ledger {
    let ledger = Ledger::open(Arc::new(MemoryStore::new()), key()).await.unwrap();
    let drafts = (0..entries).map(draft).collect();
    assert_eq!(ledger.append(drafts, Batch::new()).await.unwrap(), 0..entries);
    ledger
}

async fn exported(ledger: &Ledger) -> Vec<u8> {
    let mut out = Vec::new();
    ledger.export(&mut out, &mut |_| {}).await.unwrap();
    out
}

fn verified(bytes: &[u8]) -> Result<Verified, ExportError> {
    export::verify(&mut &*bytes, None, &mut |_| {})
}

fn whole(ledger: &Ledger) -> Result<verify::Whole, LedgerError> {
    verify::store(&**ledger.store(), &mut |_| {})
}

#[tokio::test(flavor = "multi_thread")]
async fn many_writers_make_one_chain() {
    let dir = tempfile::tempdir().unwrap();
    let stores: [Arc<dyn Store>; 2] =
        [Arc::new(MemoryStore::new()), Arc::new(SledStore::open(dir.path()).unwrap())];
    for store in stores {
        let ledger = Arc::new(Ledger::open(store, key()).await.unwrap());
        let append = |n: u64| {
            let ledger = Arc::clone(&ledger);
            let batch = Batch::new().put(Key::space("state").number(n), vec![1]);
            tokio::spawn(async move { ledger.append(vec![draft(n), draft(n)], batch).await.unwrap() })
        };
        let mut indexes = Vec::new();
        for task in (0..100).map(append).collect::<Vec<_>>() {
            indexes.extend(task.await.unwrap());
        }
        indexes.sort_unstable();
        assert_eq!(indexes, (0..200).collect::<Vec<_>>());
        let whole = whole(&ledger).unwrap();
        assert_eq!((whole.entries, whole.root), (200, ledger.root().unwrap()));
        let reread = verified(&exported(&ledger).await).unwrap();
        assert_eq!((reread.entries, reread.root), (200, ledger.root().unwrap()));
    }
}

#[tokio::test]
async fn a_conflict_enters_nothing_and_leaves_no_gap() {
    let ledger = ledger_of(3).await;
    let taken = Key::space("state").text("a");
    ledger.store().commit(Batch::new().put(taken.clone(), vec![1])).await.unwrap();
    let refused = ledger.append(vec![draft(3)], Batch::new().expect_absent(taken)).await;
    assert!(matches!(refused, Err(LedgerError::Commit(CommitError::Conflict { .. }))), "{refused:?}");
    assert_eq!(ledger.append(vec![draft(3)], Batch::new()).await.unwrap(), 3..4);
    whole(&ledger).unwrap();
}

#[tokio::test]
async fn linked_writes_know_the_index() {
    let ledger = ledger_of(5).await;
    let at = Key::space("state").text("entry");
    let put = at.clone();
    let link = move |range: Range<u64>| vec![Write::Put(put.clone(), range.start.to_be_bytes().to_vec())];
    ledger.append_linked(vec![draft(5)], Batch::new(), link).await.unwrap();
    assert_eq!(ledger.store().get(&at).unwrap(), Some(5_u64.to_be_bytes().to_vec()));
}

#[tokio::test]
async fn entries_are_read_in_both_directions() {
    let ledger = ledger_of(40).await;
    let indexes = |records: Vec<Record>| records.iter().map(|record| record.index).collect::<Vec<_>>();
    assert_eq!(indexes(ledger.range(37, 9).unwrap()), [37, 38, 39]);
    assert_eq!(indexes(ledger.newest(None, 2).unwrap()), [39, 38]);
    assert_eq!(indexes(ledger.newest(Some(2), 9).unwrap()), [1, 0]);
    assert_eq!(ledger.get(40).unwrap(), None);
    let entry = ledger.get(7).unwrap().unwrap().parse().unwrap();
    assert_eq!((entry.index, entry.kind.as_str(), &entry.body["n"]), (7, "test.entry", &json!(7)));
    assert_eq!(entry.prev.as_bytes(), &ledger.get(6).unwrap().unwrap().leaf_hash());
}

#[tokio::test]
async fn proofs_hold_under_the_signed_checkpoint() {
    let ledger = ledger_of(300).await;
    for index in [0, 15, 16, 255, 256, 299] {
        let mut proof = ledger.prove(index).await.unwrap();
        assert_eq!(proof.verify(ledger.verifier()), Ok(true));
        proof.entry.push(' ');
        assert_eq!(proof.verify(ledger.verifier()), Ok(false));
        let stranger = SigningKey::from_seed("ledger.example", [4; 32]).unwrap();
        assert!(proof.verify(stranger.verifier()).is_err());
    }
    for from in [0, 1, 16, 100, 300] {
        let root = ledger.root_at(from).unwrap();
        let proof = ledger.prove_consistency(from).await.unwrap();
        assert_eq!(proof.verify(&root, ledger.verifier()), Ok(true), "{from}");
        assert_eq!(proof.verify(&[9; 32], ledger.verifier()), Ok(false), "{from}");
    }
    assert!(matches!(ledger.prove(300).await, Err(LedgerError::NoEntry { index: 300, size: 300 })));
    assert!(ledger.prove_consistency(301).await.is_err());
}

#[tokio::test]
async fn a_checkpoint_is_signed_once_per_size_and_kept() {
    let ledger = ledger_of(3).await;
    let first = ledger.checkpoint().await.unwrap();
    assert_eq!(ledger.checkpoint().await.unwrap(), first);
    ledger.append(vec![draft(3)], Batch::new()).await.unwrap();
    let second = Checkpoint::open(&ledger.checkpoint().await.unwrap(), ledger.verifier()).unwrap();
    assert_eq!((second.size, second.root), (4, ledger.root().unwrap()));
    assert_eq!(whole(&ledger).unwrap().checkpoint, Some(second));
}

#[tokio::test]
async fn another_key_does_not_open_the_ledger() {
    let ledger = ledger_of(1).await;
    let stranger = SigningKey::from_seed("ledger.example", [4; 32]).unwrap();
    let error = Ledger::open(Arc::clone(ledger.store()), stranger).await.err().unwrap();
    assert!(error.to_string().contains("key file"), "{error}");
    let bytes = exported(&ledger).await;
    let other = SigningKey::from_seed("ledger.example", [4; 32]).unwrap();
    let trusted = |key: &SigningKey| export::verify(&mut &*bytes, Some(key.verifier()), &mut |_| {});
    assert!(matches!(trusted(&other), Err(ExportError::Key { .. })));
    assert_eq!(trusted(&key()).unwrap().entries, 1);
}

#[tokio::test]
async fn an_empty_ledger_is_whole() {
    let ledger = ledger_of(0).await;
    assert_eq!((ledger.len().unwrap(), ledger.root().unwrap()), (0, tree::empty_root()));
    assert_eq!(verified(&exported(&ledger).await).unwrap().entries, 0);
    assert_eq!(whole(&ledger).unwrap().entries, 0);
    assert!(matches!(verify::store(&MemoryStore::new(), &mut |_| {}), Err(LedgerError::NoLedger)));
}

/// Changes one cell of a ledger's store, and looks whether the whole check and the check at open see it.
async fn check_damage(
    entries: u64,
    at: Key,
    change: fn(Vec<u8>) -> Option<Vec<u8>>,
    expect: u64,
    seen_at_open: bool,
) {
    let ledger = ledger_of(entries).await;
    ledger.checkpoint().await.unwrap();
    let changed = change(ledger.store().get(&at).unwrap().unwrap());
    let batch = match changed {
        Some(value) => Batch::new().put(at.clone(), value),
        None => Batch::new().delete(at.clone()),
    };
    ledger.store().commit(batch).await.unwrap();
    match whole(&ledger) {
        Err(LedgerError::Damaged { index, .. }) => assert_eq!(index, expect, "{at}"),
        Err(LedgerError::Store(error)) => assert!(error.to_string().contains(&at.to_string()), "{error}"),
        other => panic!("{at}: {other:?}"),
    }
    assert_eq!(Ledger::open(Arc::clone(ledger.store()), key()).await.is_err(), seen_at_open, "{at}");
}

fn flip_middle(mut value: Vec<u8>) -> Option<Vec<u8>> {
    let middle = value.len() / 2;
    value[middle] ^= 1;
    Some(value)
}

#[tokio::test]
async fn damage_in_the_store_is_named() {
    check_damage(300, keys::ledger_entry(0), flip_middle, 0, false).await;
    check_damage(300, keys::ledger_entry(100), flip_middle, 100, false).await;
    check_damage(300, keys::ledger_entry(100), |_| None, 100, false).await;
    check_damage(300, keys::ledger_entry(298), flip_middle, 298, true).await;
    check_damage(300, keys::ledger_entry(299), flip_middle, 299, true).await;
    check_damage(300, keys::ledger_entry(299), |_| None, 299, true).await;
    check_damage(300, keys::ledger_tile(0, 3), flip_middle, 48, false).await;
    check_damage(300, keys::ledger_tile(0, 17), flip_middle, 272, true).await;
    check_damage(300, keys::ledger_tile(1, 0), |_| None, 0, true).await;
}

#[tokio::test]
async fn a_store_set_back_is_seen_at_open() {
    let ledger = ledger_of(20).await;
    let old_head = ledger.store().get(&keys::ledger_head()).unwrap().unwrap();
    ledger.append(vec![draft(20)], Batch::new()).await.unwrap();
    ledger.checkpoint().await.unwrap();
    let back = Batch::new().put(keys::ledger_head(), old_head).delete(keys::ledger_entry(20));
    ledger.store().commit(back).await.unwrap();
    let error = Ledger::open(Arc::clone(ledger.store()), key()).await.err().unwrap();
    assert!(matches!(error, LedgerError::Damaged { index: 20, .. }), "{error}");
}

#[tokio::test]
async fn a_value_of_a_later_format_is_not_misread() {
    let ledger = ledger_of(2).await;
    ledger.store().commit(Batch::new().put(keys::ledger_head(), vec![9, 9])).await.unwrap();
    let error = ledger.append(vec![draft(2)], Batch::new()).await.unwrap_err();
    assert!(matches!(error, LedgerError::Commit(CommitError::Derive(_))), "{error}");
    assert!(ledger.len().is_err());
    assert_eq!(ledger.store().scan(&Scan::prefix(keys::ledger_entries())).unwrap().len(), 2);
}

// === exports ===

/// Where a byte of an export lies.
#[derive(Debug, PartialEq)]
enum Part {
    Header,
    Entry(u64),
    Checkpoint,
}

fn part_of(bytes: &[u8], at: usize) -> Part {
    let line = bytes[..at].iter().filter(|&&byte| byte == b'\n').count();
    let last = bytes.iter().filter(|&&byte| byte == b'\n').count() - 1;
    match line {
        0 => Part::Header,
        _ if line == last => Part::Checkpoint,
        _ => Part::Entry(line as u64 - 1),
    }
}

/// As [`blamed`], in an export of so many entries. A newline put into the first bytes of the checkpoint's line
/// leaves a line that could have been meant as one entry more.
fn blamed_of(entries: u64, error: &ExportError) -> Part {
    match blamed(error) {
        Part::Entry(index) if index == entries => Part::Checkpoint,
        part => part,
    }
}

fn blamed(error: &ExportError) -> Part {
    match error {
        ExportError::Entry { index, .. } => Part::Entry(*index),
        ExportError::Checkpoint { .. } => Part::Checkpoint,
        ExportError::Header(_)
        | ExportError::Key { .. }
        | ExportError::Read(_)
        | ExportError::NotTheBeginning(_) => Part::Header,
    }
}

/// Every byte, changed to several others: the fault is seen and the right line is named.
#[test]
fn no_changed_byte_goes_unseen_and_the_entry_is_named() {
    let good = Runtime::new().unwrap().block_on(async { exported(&ledger_of(4).await).await });
    assert_eq!(verified(&good).unwrap().entries, 4);
    for at in 0..good.len() {
        for flip in [1, 2, 0x20, 0x80, good[at] ^ b' ', good[at] ^ b'\n', good[at] ^ b'0'] {
            let mut bad = good.clone();
            bad[at] ^= flip;
            if flip != 0 {
                let error = verified(&bad).unwrap_err();
                assert_eq!(blamed_of(4, &error), part_of(&good, at), "byte {at} ^ {flip}: {error}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn a_changed_byte_of_a_longer_export_is_named(at in any::<prop::sample::Index>(), flip in 1..=255_u8) {
        static GOOD: std::sync::LazyLock<Vec<u8>> =
            std::sync::LazyLock::new(|| Runtime::new().unwrap().block_on(async { exported(&ledger_of(90).await).await }));
        let at = at.index(GOOD.len());
        let mut bad = GOOD.clone();
        bad[at] ^= flip;
        let error = verified(&bad).unwrap_err();
        prop_assert_eq!(blamed_of(90, &error), part_of(&GOOD, at), "{}", error);
    }
}

/// Lines taken out, swapped, doubled, cut off.
#[tokio::test]
async fn missing_and_misplaced_lines_are_named() {
    let good = String::from_utf8(exported(&ledger_of(6).await).await).unwrap();
    let check = |change: fn(&mut Vec<&str>), expect: Part, reason: &str| {
        let mut lines: Vec<_> = good.split_inclusive('\n').collect();
        change(&mut lines);
        let error = verified(lines.concat().as_bytes()).unwrap_err();
        assert_eq!(blamed(&error), expect, "{error}");
        assert!(error.to_string().contains(reason), "{error}");
    };
    check(|lines| _ = lines.remove(3), Part::Entry(2), "index 3");
    check(|lines| lines.swap(3, 4), Part::Entry(2), "out of order");
    check(|lines| lines.insert(3, lines[3]), Part::Entry(3), "doubled");
    check(|lines| _ = lines.remove(6), Part::Entry(5), "6 entries were signed");
    check(|lines| lines.truncate(4), Part::Checkpoint, "cut off after 3 entries");
    check(|lines| lines.push(lines[7]), Part::Checkpoint, "more lines follow");
    check(|lines| _ = lines.remove(0), Part::Header, "header");
    check(|lines| lines.clear(), Part::Header, "empty");
}

/// Somebody who has no key renumbers and links everything anew: the root gives it away.
#[tokio::test]
async fn a_history_written_anew_does_not_fit_the_signed_root() {
    let good = String::from_utf8(exported(&ledger_of(6).await).await).unwrap();
    let forged = Ledger::open(Arc::new(MemoryStore::new()), key()).await.unwrap();
    forged.append((10..16).map(draft).collect(), Batch::new()).await.unwrap();
    let forged = String::from_utf8(exported(&forged).await).unwrap();
    let (_, signed) = good.trim_end().rsplit_once('\n').unwrap();
    let (entries, _) = forged.trim_end().rsplit_once('\n').unwrap();
    let error = verified(format!("{entries}\n{signed}\n").as_bytes()).unwrap_err();
    assert!(error.to_string().contains("rewritten"), "{error}");
}

#[tokio::test]
async fn entries_beyond_the_checkpoint_are_not_signed() {
    let ledger = ledger_of(3).await;
    let early = String::from_utf8(exported(&ledger).await).unwrap();
    ledger.append(vec![draft(3)], Batch::new()).await.unwrap();
    let late = String::from_utf8(exported(&ledger).await).unwrap();
    let (_, signed) = early.trim_end().rsplit_once('\n').unwrap();
    let (entries, _) = late.trim_end().rsplit_once('\n').unwrap();
    let error = verified(format!("{entries}\n{signed}\n").as_bytes()).unwrap_err();
    assert_eq!(blamed(&error), Part::Entry(3), "{error}");
}

/// What anybody can check with a JSON parser and SHA-256 alone.
#[tokio::test]
async fn an_export_is_what_its_description_says() {
    let text = String::from_utf8(exported(&ledger_of(2).await).await).unwrap();
    let lines: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(
        lines[0],
        json!({"format": 1, "origin": "ledger.example", "vkey": key().verifier().to_string()})
    );
    let leaves: Vec<_> =
        (1..3).map(|i| tree::leaf_hash(lines[i]["entry"].as_str().unwrap().as_bytes())).collect();
    assert_eq!((&lines[1]["index"], &lines[2]["index"]), (&json!(0), &json!(1)));
    let signed = Checkpoint::open(lines[3]["checkpoint"].as_str().unwrap(), key().verifier()).unwrap();
    assert_eq!((signed.size, signed.root), (2, tree::node_hash(&leaves[0], &leaves[1])));
    let stored = codec::encode_raw(lines[1]["entry"].as_str().unwrap().as_bytes());
    assert_eq!(ledger_of(2).await.store().get(&keys::ledger_entry(0)).unwrap(), Some(stored));
}
