//! A store as version 0.1.0 left it, before there was a journal: it opens, is brought to the format of today, and
//! everything in it reads. What it is and how it was made: `tests/fixtures/formats/README.md`.

use std::path::Path;

use countersign_core::digest::Digest;

use super::*;
use crate::app::{account_of, blob, check_lists, list_entries, unlisted};
use crate::ledger::{Ledger, SigningKey, verify};
use crate::store::sled::SledStore;
use crate::store::{Scan, Store, codec, keys};

const FIXTURE: &str = "../tests/fixtures/formats/store.v1";

fn unpacked(into: &Path) {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join(FIXTURE);
    for file in ["conf", "db"] {
        std::fs::copy(from.join(file), into.join(file)).unwrap();
    }
}

#[tokio::test]
async fn a_store_of_the_first_format_is_upgraded_and_whole() {
    let dir = tempfile::tempdir().unwrap();
    unpacked(dir.path());
    let store: Arc<dyn Store> = Arc::new(SledStore::open(dir.path()).unwrap());
    let found = verify::store(&*store, &mut |_| ()).unwrap();
    let signed = found.checkpoint.as_ref().map(|checkpoint| checkpoint.size);
    assert_eq!((found.entries, signed, found.breaches.len()), (21, Some(21), 0));

    let requests = store.scan(&Scan::prefix(keys::requests())).unwrap();
    let read = requests.iter().map(|(key, value)| codec::decode::<PromotionRequest>(key, value).unwrap());
    assert_eq!(read.map(|request| request.subject.version.get()).collect::<Vec<_>>(), [1, 2, 3, 4]);
    let kept: Vec<u8> = b"{\"auc\":\"0.91\"} ".iter().copied().cycle().take(9_000).collect();
    assert_eq!(blob(&*store, Digest::of(&kept)).unwrap(), kept, "a value in parts");

    let key = SigningKey::from_seed("ledger.example", [7; 32]).unwrap();
    let ledger = Ledger::open(Arc::clone(&store), key).await.unwrap();
    let (workspace, model) = ("default".into(), "credit".into());
    let before = account_of(&ledger, &workspace, &model).unwrap();
    check_lists(&*store).await.unwrap();
    list_entries(&*store, &mut |_| ()).await.unwrap();
    assert_eq!(unlisted(&*store, 0, &mut |_| ()).unwrap(), None);
    let after = account_of(&ledger, &workspace, &model).unwrap();
    assert_eq!((before.entries().len(), before.entries()), (21, after.entries()));
    assert_eq!(before.spells().len(), 4);

    // Closed and opened again, it is of the format of today.
    drop((ledger, store));
    let store = SledStore::open(dir.path()).unwrap();
    assert_eq!(verify::store(&store, &mut |_| ()).unwrap().entries, 21);
    assert!(dir.path().join("journal.0").exists());
}
