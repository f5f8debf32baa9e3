//! What the lists of entries give is what the whole ledger gives.

use std::collections::BTreeSet;

use countersign_core::digest::Digest;
use countersign_core::evidence_file::belongs::Belongs;
use countersign_core::names::{ModelName, Workspace};
use countersign_core::time::Millis;
use proptest::prelude::*;

use super::*;
use crate::app::account::account_scanned;
use crate::app::listed::{Listed, list_again, list_entries, lists_of, unlisted};
use crate::app::{account_of, check_lists};
use crate::ledger::{Draft, Ledger, SigningKey};
use crate::store::memory::MemoryStore;
use crate::store::{Batch, Key, Scan, Store, keys};

const MODELS: [&str; 3] = ["credit", "fraud", "churn"];
const WORKSPACES: [&str; 2] = ["default", "other"];

/// Which kind, and the numbers of what it is about: workspace, model, another model, a thing.
type Seed = (usize, usize, usize, usize, u8);

fn id(of: u128, number: u8) -> String {
    uuid::Uuid::from_u128(of * 16 + u128::from(number)).to_string()
}

/// An entry of one of these kinds. Requests, intents, waivers and emergencies have three ids each.
fn told((kind, workspace, model, other, number): Seed) -> Entry {
    let (workspace, model, other) = (WORKSPACES[workspace], MODELS[model], MODELS[other]);
    let digest = Digest::of(&[number]);
    let (request, intent, waiver, used) = (id(1, number), id(2, number), id(3, number), id(4, number));
    let maybe = (number != 0).then_some(&request);
    let word = json!({"by": "ruth", "at": 1, "rationale": "seen"});
    let subject = |model: &str| json!({"workspace": workspace, "model": model, "version": "1", "created": 1, "source": "s", "manifest": null});
    let action = match number {
        0 => json!({"kind": "rename-model", "model": model, "new_name": other}),
        1 => json!({"kind": "delete-model", "model": model}),
        _ => json!({"kind": "set-alias", "model": model, "alias": "champion", "version": "1"}),
    };
    let placed = json!({"workspace": workspace, "action": action});
    let (kind, body) = match kind {
        0 => ("started", json!({"software": "s", "policy": digest})),
        1 => ("policy-loaded", json!({"policy": digest})),
        2 => ("policy-refused", json!({"kept": digest, "reason": "r"})),
        3 => ("version-created", json!({"workspace": workspace, "model": model, "version": "1", "by": null})),
        4 => (
            "check-run",
            json!({"workspace": workspace, "model": model, "version": "1", "plugin": "p", "plugin_digest": digest,
                "config_digest": digest, "input_digest": digest, "transcript_digest": digest,
                "outcome_digest": digest, "conclusion": "pass"}),
        ),
        5 => (
            "request-opened",
            json!({"request": request, "placed": placed, "subject": subject(other), "binding": digest,
                "policy": digest, "facts": digest, "authors": authors()}),
        ),
        6 => (
            "refused",
            json!({"request": maybe, "placed": placed, "by": null, "decision": "hold", "gates": [], "reason": "r"}),
        ),
        7 => (
            "reviewed",
            json!({"request": request, "review": {"id": request, "reviewer": "ruth", "seat": null, "vote": "approve",
                "rationale": "r", "at": 1, "binding": digest}}),
        ),
        8 => (
            "intent",
            json!({"id": intent, "request": maybe, "placed": placed, "subject": null, "binding": digest,
                "policy": digest, "by": null, "gates": [], "authors": authors(), "body": digest,
                "break_glass": (number == 2).then_some(&used), "also": [subject(other)]}),
        ),
        9 => ("outcome", json!({"intent": intent, "result": {"result": "applied"}})),
        10 => (
            "waiver-asked",
            json!({"waiver": {"id": waiver, "requirement": {"of": "seat", "gate": "g", "seat": "risk"},
                "scope": {"workspace": workspace, "model": model}, "reason": "r", "owner": "ana", "author": "ana",
                "asked_at": 1, "expires": 2, "approvals": []}}),
        ),
        11 => ("waiver-approved", json!({"waiver": waiver, "word": word})),
        12 => (
            "broke-glass",
            json!({"used": {"id": used, "request": request, "placed": placed, "by": "otto", "reason": "r",
                "ticket": "t", "at": 1, "until": 2, "drill": false, "skipped": []}}),
        ),
        13 => ("break-glass-reviewed", json!({"used": used, "word": word})),
        14 => (
            "bypassed",
            json!({"workspace": workspace, "model": model, "what": "alias:champion", "was": null, "is": "2"}),
        ),
        15 => ("withdrawn", json!({"request": request, "by": "ana"})),
        16 => ("would-refuse", json!({"placed": placed, "by": null, "gates": []})),
        17 => ("window-closed", json!({"request": request, "changed": [subject(model), subject(other)]})),
        _ => ("stale", json!({"request": request, "was": digest, "is": Digest::of(&[number + 1])})),
    };
    serde_json::from_value(json!({"kind": kind, "body": body})).unwrap_or_else(|e| panic!("{kind}: {e}"))
}

const KINDS: usize = 19;

fn authors() -> Value {
    serde_json::to_value(countersign_core::review::Authors::default()).unwrap()
}

fn seeds() -> impl Strategy<Value = Vec<Seed>> {
    proptest::collection::vec((0..KINDS, 0..2_usize, 0..3_usize, 0..3_usize, 0..3_u8), 0..48)
}

fn draft(entry: &Entry) -> Draft {
    Draft::of_canonical(Millis::new(1), entry.kind(), &entry.body().unwrap()).unwrap()
}

async fn ledger(entries: &[Entry]) -> Ledger {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
    let key = SigningKey::from_seed("ledger.example", [7; 32]).unwrap();
    let ledger = Ledger::open(store, key).await.unwrap();
    check_lists(&**ledger.store()).await.unwrap();
    let drafts = entries.iter().map(|entry| draft(entry).listed_in(lists_of(entry))).collect();
    ledger.append(drafts, Batch::new()).await.unwrap();
    ledger
}

fn done<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(work)
}

/// What belongs to a request, once from the lists and once from all entries.
fn belonging(ledger: &Ledger, entries: &[Entry], request: RequestId) -> [BTreeSet<u64>; 2] {
    let own = || (0..).zip(entries).filter(|(_, entry)| entry.request() == Some(request));
    let size = entries.len() as u64;
    let listed = Listed::of(&**ledger.store()).unwrap().unwrap();
    let found = listed.beside(&Belongs::to(request, own()), size).unwrap();
    [found.keys().copied().collect::<Vec<u64>>(), (0..size).collect()].map(|looked_at| {
        let mut belongs = Belongs::to(request, own());
        for index in looked_at {
            belongs.look(index, &entries[index as usize], &mut |_| None);
        }
        belongs.finish()
    })
}

fn agrees(ledger: &Ledger, workspace: &str, model: &str) {
    let (workspace, model) = (Workspace::new(workspace), ModelName::new(model));
    let listed = account_of(ledger, &workspace, &model).unwrap();
    let scanned = account_scanned(ledger, &workspace, &model).unwrap();
    assert_eq!(listed.entries(), scanned.entries(), "{workspace} {model}");
    assert_eq!((listed.size(), listed.spells()), (scanned.size(), scanned.spells()));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn the_lists_give_what_the_whole_ledger_gives(seeds in seeds()) {
        let entries: Vec<Entry> = seeds.into_iter().map(told).collect();
        let ledger = done(ledger(&entries));
        prop_assert_eq!(unlisted(&**ledger.store(), 0, &mut |_| ()).unwrap(), None);
        for workspace in WORKSPACES {
            MODELS.iter().for_each(|model| agrees(&ledger, workspace, model));
        }
        for number in 0..3 {
            let request = RequestId(id(1, number).parse().unwrap());
            let [listed, scanned] = belonging(&ledger, &entries, request);
            prop_assert_eq!(listed, scanned);
        }
    }
}

fn every_kind() -> Vec<Entry> {
    (0..KINDS).flat_map(|kind| (0..3).map(move |number| told((kind, 0, 0, 1, number)))).collect()
}

/// Whatever key is lost, it is noticed, and made again.
#[tokio::test]
async fn a_number_that_is_lost_is_missed_and_made_again() {
    let entries = every_kind();
    let ledger = ledger(&entries).await;
    let store = &**ledger.store();
    let lists = [
        "ledger/of-model",
        "ledger/about",
        "ledger/review",
        "ledger/of-policy",
        "ledger/other",
        "request/entry",
    ];
    for list in lists {
        let kept = store.scan(&Scan::prefix(Key::space(list))).unwrap();
        let (key, _) = kept.first().unwrap();
        store.commit(Batch::new().delete(key.clone())).await.unwrap();
        assert_eq!(unlisted(store, 0, &mut |_| ()).unwrap(), key.last_number(), "{list}");
        list_again(store, &mut |_| ()).await.unwrap();
        assert_eq!(store.scan(&Scan::prefix(Key::space(list))).unwrap(), kept);
    }
}

/// A version that kept no lists was here last: nobody relies on them until they are made.
#[tokio::test]
async fn a_ledger_that_another_version_went_on_with_is_read_whole_until_it_is_listed() {
    let entries = every_kind();
    let ledger = ledger(&entries).await;
    let store = &**ledger.store();
    assert!(Listed::of(store).unwrap().is_some());
    let more = told((3, 0, 0, 1, 0));
    ledger.append(vec![draft(&more)], Batch::new()).await.unwrap();
    assert!(Listed::of(store).unwrap().is_none());
    agrees(&ledger, "default", "credit");
    check_lists(store).await.unwrap();
    assert_eq!(store.get(&keys::entries_listed()).unwrap(), None);
    // What comes while they are made is in its lists, and they do not count yet.
    ledger.append(vec![draft(&more).listed_in(lists_of(&more))], Batch::new()).await.unwrap();
    assert!(Listed::of(store).unwrap().is_none());
    list_entries(store, &mut |_| ()).await.unwrap();
    assert!(Listed::of(store).unwrap().is_some());
    assert_eq!(unlisted(store, 0, &mut |_| ()).unwrap(), None);
    agrees(&ledger, "default", "credit");
}

/// Every `model` member of a value.
fn models(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            found.extend(members.get("model").and_then(Value::as_str).map(str::to_owned));
            members.values().for_each(|value| models(value, found));
        }
        Value::Array(values) => values.iter().for_each(|value| models(value, found)),
        _ => {}
    }
}

/// The ledger's page looks for `"model":"…"` in the list of that model.
#[tokio::test]
async fn an_entry_is_in_the_list_of_every_model_that_it_names() {
    let (export, _) = super::formats::told_at_length().await;
    let lines = String::from_utf8(export).unwrap();
    let lines = lines.lines().filter(|line| line.starts_with("{\"index\""));
    let story = lines.map(|line| {
        let line: Value = serde_json::from_str(line).unwrap();
        serde_json::from_str::<Entry>(line["entry"].as_str().unwrap()).unwrap()
    });
    for entry in story.chain(every_kind()) {
        let mut named = BTreeSet::new();
        models(&serde_json::to_value(&entry).unwrap(), &mut named);
        let lists = lists_of(&entry);
        let missing = named.iter().find(|model| !lists.contains(&keys::entries_of_model(model)));
        assert_eq!(missing, None, "{entry:?}");
        assert!(!lists.is_empty());
    }
}

#[tokio::test]
async fn an_evidence_file_is_the_same_with_and_without_lists() {
    let world = World::new(POLICY).await;
    let (first, other) = (world.asked_for(7).await.id, world.asked_for(8).await.id);
    world.signed(first, "of version 7").await;
    world.app.apply(&caller("ana"), first).await.unwrap();
    world.app.withdraw(&caller("ana"), other).await.unwrap();
    for request in [first, other] {
        let (mut with, mut without) = (Vec::new(), Vec::new());
        world.app.write_evidence(request, &mut with).await.unwrap();
        let mark = keys::entries_listed();
        let kept = world.app.store.get(&mark).unwrap().unwrap();
        world.app.store.commit(Batch::new().delete(mark.clone())).await.unwrap();
        world.app.write_evidence(request, &mut without).await.unwrap();
        world.app.store.commit(Batch::new().put(mark, kept)).await.unwrap();
        assert_eq!(String::from_utf8(with).unwrap(), String::from_utf8(without).unwrap());
    }
}
