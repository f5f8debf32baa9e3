//! 500 MB up and down: throughput, and how much our memory grows.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use super::{Bench, Row, median, nginx, paired, rig};
use crate::run;

const MEGABYTES: u64 = 500;

pub(super) fn run(bench: &Bench) -> Result<Vec<Row>> {
    rig::need(&[("curl", "curl"), ("nginx", "nginx-light")])?;
    rig::within("stream", |dir| {
        let file = dir.join("artifact.bin");
        std::fs::File::create(&file)?.set_len(MEGABYTES * 1_000_000)?;
        let (upstream, _tiny) = rig::upstream(dir, None)?;
        let (buffered, _buffered) = nginx::start(dir, upstream, true)?;
        let (unbuffered, _unbuffered) = nginx::start(dir, upstream, false)?;
        let (host, token) = rig::countersign(dir, &format!("http://127.0.0.1:{upstream}"), &rig::gate(&[]))?;
        let pid = host.pid().context("Countersign does not run")?;
        let mut rows = Vec::new();
        // One that came whole into memory would show in the first round: the peak counts, from before it.
        crate::http::get(host.port(), "/health")?;
        let before = rig::resident_kib(pid)?;
        for way in [Way::Get, Way::Put] {
            let (mut ours, mut best) = (Vec::new(), Vec::new());
            for _ in 0..bench.rounds {
                ours.push(way.megabytes_per_second(host.port(), &file, &token)?);
                let rates = [buffered, unbuffered].map(|port| way.megabytes_per_second(port, &file, &token));
                let [one, other] = rates;
                best.push(one?.max(other?));
            }
            let grown = (rig::peak_kib(pid)? - before) / 1024.0;
            rows.push(Row {
                name: format!("{way:?} {MEGABYTES} MB / nginx at its best"),
                ours: format!("{:.0} MB/s", median(ours.clone())),
                baseline: format!("{:.0} MB/s", median(best.clone())),
                ratio: format!("{:.2}", paired(&ours, &best)),
                target: "≥ 1.0, goal 1.3",
            });
            rows.push(Row {
                name: format!("{way:?} {MEGABYTES} MB, memory growth"),
                ours: format!("{grown:.1} MB"),
                baseline: "–".to_owned(),
                ratio: "–".to_owned(),
                target: "≤ 16 MB",
            });
        }
        Ok(rows)
    })
}

#[derive(Debug, Clone, Copy)]
enum Way {
    Get,
    Put,
}

// === impl Way ===

impl Way {
    fn megabytes_per_second(self, port: u16, file: &Path, token: &str) -> Result<f64> {
        let mut curl = Command::new("curl");
        curl.args(["--silent", "--show-error", "--fail", "--output", "/dev/null"]);
        curl.args(["--header", &format!("Authorization: Bearer {token}"), "--write-out", "%{time_total}"]);
        match self {
            Self::Get => curl.arg(format!("http://127.0.0.1:{port}/bytes/{}", MEGABYTES * 1_000_000)),
            Self::Put => {
                let path = "api/2.0/mlflow-artifacts/artifacts/1/bench/artifacts/artifact.bin";
                curl.arg("--upload-file").arg(file).arg(format!("http://127.0.0.1:{port}/{path}"))
            }
        };
        let seconds: f64 = run::quietly(&mut curl)?.trim().parse().context("curl printed no time")?;
        Ok(MEGABYTES as f64 / seconds)
    }
}
