//! Budget 10: whether anything grows with the number of governed models and the length of the ledger. One server on
//! one store that is filled further and further: requests through its own port, ledger entries through the ledger's
//! own batches. Each figure stands beside that of the smallest size.
//!
//! `cargo bench -p countersign --bench growth`; `-- --entries 1000000` for a longer ledger at the end. With
//! `--profile dev` the ratios are the same and the build is shorter.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    unreachable_pub,
    reason = "a benchmark prints, and stops at the first surprise"
)]

#[path = "growth/mlflow.rs"]
mod mlflow;
#[path = "shared/place.rs"]
mod place;
#[path = "growth/server.rs"]
mod server;
#[expect(dead_code, reason = "the other benches use all of it")]
#[path = "shared/table.rs"]
mod table;

use std::path::Path;
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use serde_json::json;

use server::Server;
use table::{Row, median};

/// Of each figure: the least of the medians of so many rounds, which others on the machine disturb least.
const ROUNDS: usize = 5;
const CALLS: usize = 21;
const AT_ONCE: usize = 16;

/// Governed models, each with a request, and entries of the ledger.
const SIZES: [(usize, u64); 3] = [(10, 1_000), (1_000, 100_000), (10_000, 100_000)];

fn main() {
    rustls::crypto::ring::default_provider().install_default().unwrap();
    place::within("growth", async |dir| grow(&dir, place::entries()).await);
}

async fn grow(dir: &Path, more: Option<u64>) {
    let upstream = mlflow::start().await;
    let mut server = Server::create(dir, &upstream);
    let (mut models, mut smallest) = (0, Vec::new());
    let last = more.map(|entries| (SIZES[SIZES.len() - 1].0, entries));
    for (wanted, entries) in SIZES.into_iter().chain(last) {
        server.start().await;
        fill(&server, models..wanted).await;
        models = wanted;
        server.stop();
        server.lengthen(entries).await;
        server.start().await;
        let figures = measure(&server).await;
        server.stop();
        if smallest.is_empty() {
            smallest.clone_from(&figures);
        }
        println!("\n{models} models, {entries} entries");
        table::print(&rows(&figures, &smallest));
    }
}

/// Each model's champion is asked for, and held: a request in review.
async fn fill(server: &Server, models: std::ops::Range<usize>) {
    let each = futures_util::stream::iter(models);
    each.for_each_concurrent(AT_ONCE, |n| async move {
        let body = json!({"name": format!("model-{n}"), "alias": "champion", "version": "1"});
        assert_eq!(server.alias(&body).await, 403);
    })
    .await;
}

/// What ruth reads, and what is in it.
const PAGES: [(&str, &str); 12] = [
    ("inbox, waiting for me", "/_countersign/?tab=review"),
    ("inbox, asked by me: nothing", "/_countersign/?tab=mine"),
    ("inbox, all", "/_countersign/?tab=all"),
    ("API: requests in review", "/_countersign/api/v1/requests?state=in-review"),
    ("API: requests applied: none", "/_countersign/api/v1/requests?state=applied"),
    ("API: status of one version", "/_countersign/api/v1/models/model-3/versions/1"),
    ("API: decisions", "/_countersign/api/v1/decisions"),
    ("page of one model", "/_countersign/models/model-3"),
    ("page of the ledger", "/_countersign/ledger"),
    ("page of the people", "/_countersign/people"),
    ("page of the insights", "/_countersign/insights"),
    ("page of the insights, one tier", "/_countersign/insights?tier=low&since=all"),
];

/// Names and milliseconds.
async fn measure(server: &Server) -> Vec<(&'static str, f64)> {
    let oldest = format!("/_countersign/requests/{}", server.oldest_request().await);
    let pages: Vec<_> = PAGES.into_iter().chain([("page of the oldest request", oldest.as_str())]).collect();
    let mut figures = vec![("allowed write: decide, append, forward", f64::MAX)];
    figures.extend(pages.iter().map(|(name, _)| (*name, f64::MAX)));
    for round in 0..ROUNDS {
        let mut taken = vec![writes(server, round).await];
        for (_, path) in &pages {
            taken.push(timed(server, path).await);
        }
        figures.iter_mut().zip(taken).for_each(|((_, least), now)| *least = least.min(now));
    }
    figures
}

/// Another alias each time: none was decided before.
async fn writes(server: &Server, round: usize) -> f64 {
    let mut taken = Vec::new();
    for n in 0..CALLS {
        let body = json!({"name": "model-3", "alias": format!("shadow-{round}-{n}"), "version": "1"});
        let begun = Instant::now();
        assert_eq!(server.alias(&body).await, 200);
        taken.push(millis(begun.elapsed()));
    }
    median(&taken)
}

async fn timed(server: &Server, path: &str) -> f64 {
    let mut taken = Vec::new();
    for _ in 0..CALLS {
        let begun = Instant::now();
        server.get(path).await;
        taken.push(millis(begun.elapsed()));
    }
    median(&taken)
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

fn rows(figures: &[(&'static str, f64)], smallest: &[(&'static str, f64)]) -> Vec<Row> {
    let each = figures.iter().zip(smallest);
    let row = |((name, now), (_, first)): (&(&str, f64), &(&str, f64))| Row {
        name: (*name).to_owned(),
        ours: format!("{now:.2} ms"),
        baseline: format!("{first:.2} ms"),
        ratio: format!("{:.2}", now / first),
        target: "≤ logarithmic, goal flat",
    };
    each.map(row).collect()
}
