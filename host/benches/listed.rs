//! Questions about one model and one request among very many: from the lists of entries, beside the same question to
//! the whole ledger.
//!
//! `cargo bench -p countersign --bench listed`; `-- --entries 200000` for a shorter ledger. Half as many models as there
//! are thousands of entries, each with versions that were checked, asked for, refused, signed and written.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    unreachable_pub,
    reason = "a benchmark prints, and stops at the first surprise"
)]

#[path = "shared/ledger.rs"]
mod disk;
#[path = "shared/place.rs"]
mod place;
#[expect(dead_code, reason = "the other benches use all of it")]
#[path = "shared/table.rs"]
mod table;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use countersign::app::{account_of, check_lists, has_lists, list_again, lists_of, unlisted};
use countersign::app::{evidence_file::export_evidence, made};
use countersign::clock::SystemClock;
use countersign::ledger::{Draft, Ledger};
use countersign::store::{Batch, Store, codec, keys};
use countersign::vault::Vault;
use countersign_core::audit::Range;
use countersign_core::digest::Digest;
use countersign_core::entry::Entry;
use countersign_core::names::ModelName;
use countersign_core::request::RequestId;
use countersign_core::time::Millis;
use serde_json::{Value, json};

use table::{Row, median};

/// The allocator of the binary.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

const CALLS: usize = 9;
const PER_VERSION: u64 = 7;
const APPENDS: usize = 2_000;

fn main() {
    let entries = place::entries().unwrap_or(1_000_000);
    place::within("listed", async |dir| ask(&dir, entries).await);
}

struct World {
    store: Arc<dyn Store>,
    ledger: Ledger,
    vault: Vault,
    models: u64,
}

async fn ask(dir: &Path, entries: u64) {
    let ledger = disk::open(&dir.join("data")).await;
    let store = Arc::clone(ledger.store());
    let vault = Vault::open(&dir.join("people.keys"), Arc::new(SystemClock::new())).unwrap();
    check_lists(&*store).await.unwrap();
    let world = World { store, ledger, vault, models: (entries / 2_000).max(2) };
    world.fill(entries).await;
    let mut rows = Vec::new();
    rows.push(world.row("held", async |world: &World| world.held()).await);
    rows.push(world.row("audit", async |world: &World| world.audit().await).await);
    rows.push(world.row("evidence export", async |world: &World| world.evidence().await).await);
    println!("{entries} entries, {} models", world.models);
    let begun = Instant::now();
    assert_eq!(unlisted(&*world.store, 0, &mut |_| ()).unwrap(), None);
    println!("looking whether each entry is in its lists: {:.1} s", begun.elapsed().as_secs_f64());
    let begun = Instant::now();
    list_again(&*world.store, &mut |_| ()).await.unwrap();
    println!("listing every entry again: {:.1} s", begun.elapsed().as_secs_f64());
    // Last: half of what it appends is in no list.
    rows.push(world.appends().await);
    table::print(&rows);
}

impl World {
    async fn fill(&self, entries: u64) {
        let (mut version, mut drafts) = (0, Vec::new());
        while version * PER_VERSION < entries {
            drafts.extend(told(version % self.models, version).iter().map(draft));
            version += 1;
            if drafts.len() > 900 {
                self.ledger.append(std::mem::take(&mut drafts), Batch::new()).await.unwrap();
            }
        }
        self.ledger.append(drafts, Batch::new()).await.unwrap();
        let (id, request) = (request_id(self.models), request(self.models));
        let put = Batch::new().put(keys::request(id.0), codec::encode(&request).unwrap());
        self.store.commit(put).await.unwrap();
    }

    fn held(&self) -> usize {
        account_of(&self.ledger, &"default".into(), &ModelName::new("model-0")).unwrap().entries().len()
    }

    async fn audit(&self) -> usize {
        let note = self.ledger.checkpoint().await.unwrap();
        let made = made(Millis::new(1), Range::default());
        let of = ("default".into(), ModelName::new("model-0"));
        let audit =
            countersign::app::audit_of(&self.ledger, &*self.store, (&of.0, &of.1), (note, made)).unwrap();
        serde_json::to_vec(&audit).unwrap().len()
    }

    /// Of the second version of the first model.
    async fn evidence(&self) -> usize {
        let (mut out, kept) = (Vec::new(), (&*self.store, &self.vault));
        let request = request_id(self.models);
        export_evidence(kept, &self.ledger, request, &mut out, &mut |_| ()).await.unwrap();
        out.len()
    }

    /// A question with and without lists. Both must give as much.
    async fn row(&self, name: &str, question: impl AsyncFn(&Self) -> usize) -> Row {
        let (ours, found) = self.p50(&question, CALLS).await;
        let mark = keys::entries_listed();
        let kept = self.store.get(&mark).unwrap().unwrap();
        self.store.commit(Batch::new().delete(mark.clone())).await.unwrap();
        assert!(!has_lists(&*self.store).unwrap());
        let (baseline, scanned) = self.p50(&question, CALLS / 3).await;
        self.store.commit(Batch::new().put(mark, kept)).await.unwrap();
        assert_eq!(found, scanned, "{name}");
        let shown = |time: f64| format!("{:.2} ms", time * 1e3);
        let ratio = format!("{:.4}", ours / baseline);
        let (ours, baseline) = (shown(ours), shown(baseline));
        Row { name: format!("{name}, whole ledger"), ours, baseline, ratio, target: "" }
    }

    async fn p50(&self, question: &impl AsyncFn(&Self) -> usize, calls: usize) -> (f64, usize) {
        let (mut taken, mut found) = (Vec::new(), 0);
        for _ in 0..calls {
            let begun = Instant::now();
            found = question(self).await;
            taken.push(begun.elapsed().as_secs_f64());
        }
        (median(&taken), found)
    }

    /// One durable append of a check run, with and without its list, in turn.
    async fn appends(&self) -> Row {
        let entry = &told(0, 0)[1];
        let (mut ours, mut baseline) = (Vec::new(), Vec::new());
        for _ in 0..APPENDS {
            for (listed, taken) in [(true, &mut ours), (false, &mut baseline)] {
                let draft = if listed { draft(entry) } else { bare(entry) };
                let begun = Instant::now();
                self.ledger.append(vec![draft], Batch::new()).await.unwrap();
                taken.push(begun.elapsed().as_secs_f64());
            }
        }
        let shown = |taken: &[f64]| table::micros(Duration::from_secs_f64(median(taken)));
        let ratio = format!("{:.3}", median(&ours) / median(&baseline));
        let name = "durable append of one check run, no list".to_owned();
        Row { name, ours: shown(&ours), baseline: shown(&baseline), ratio, target: "" }
    }
}

fn bare(entry: &Entry) -> Draft {
    Draft::of_canonical(Millis::new(1), entry.kind(), &entry.body().unwrap()).unwrap()
}

fn draft(entry: &Entry) -> Draft {
    bare(entry).listed_in(lists_of(entry))
}

fn request_id(version: u64) -> RequestId {
    format!("0198a000-0000-7000-8000-{version:012x}").parse().unwrap()
}

/// The request for a version, in review.
fn request(id: u64) -> Value {
    let (digest, version) = (Digest::of(b"any"), u32::try_from(id + 1).unwrap());
    json!({"id": request_id(id), "opened_at": 1, "placed": placed("model-0", version),
        "subject": subject("model-0", version), "authors": authors(), "binding": digest, "policy": digest,
        "facts": digest, "gates": [], "check_runs": [], "reviews": [], "flags": {}, "state": {"is": "in-review"}})
}

fn subject(model: &str, version: u32) -> Value {
    json!({"workspace": "default", "model": model, "version": version.to_string(), "created": 1,
        "source": "s3://bucket/model", "manifest": null})
}

fn placed(model: &str, version: u32) -> Value {
    json!({"workspace": "default", "action": {"kind": "set-alias", "model": model, "alias": "champion",
        "version": version.to_string()}})
}

fn authors() -> Value {
    serde_json::to_value(countersign_core::review::Authors::default()).unwrap()
}

/// What is told of one version, the `id`-th of all.
fn told(model: u64, id: u64) -> Vec<Entry> {
    let (digest, own) = (Digest::of(b"any"), Digest::of(&id.to_be_bytes()));
    let (model, version) = (format!("model-{model}"), u32::try_from(id + 1).unwrap());
    let (request, intent) = (request_id(id), format!("0198b000-0000-7000-8000-{id:012x}"));
    let (subject, placed) = (subject(&model, version), placed(&model, version));
    let entries = json!([
        {"kind": "version-created", "body": {"workspace": "default", "model": model,
            "version": version.to_string(), "by": "ana"}},
        {"kind": "check-run", "body": {"workspace": "default", "model": model, "version": version.to_string(),
            "plugin": "metric-threshold", "plugin_digest": digest, "config_digest": digest, "input_digest": own,
            "transcript_digest": digest, "outcome_digest": digest, "conclusion": "pass"}},
        {"kind": "request-opened", "body": {"request": request, "placed": placed, "subject": subject,
            "binding": own, "policy": digest, "facts": own, "authors": authors()}},
        {"kind": "refused", "body": {"request": request, "placed": placed, "by": "ana", "decision": "hold",
            "gates": [], "reason": "needs a signature in seat risk"}},
        {"kind": "reviewed", "body": {"request": request, "review": {"id": intent, "reviewer": "ruth",
            "seat": "risk", "vote": "approve", "rationale": "it is fine for this use", "at": 1, "binding": own}}},
        {"kind": "intent", "body": {"id": intent, "request": request, "placed": placed, "subject": subject,
            "binding": own, "policy": digest, "by": "ana", "gates": [], "authors": authors(), "body": digest}},
        {"kind": "outcome", "body": {"intent": intent, "result": {"result": "applied"}}},
    ]);
    serde_json::from_value(entries).unwrap()
}
