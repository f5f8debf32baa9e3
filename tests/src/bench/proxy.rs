//! Small GETs: what a request costs when nothing is governed.

use anyhow::Result;

use super::load::Load;
use super::{Bench, Row, median, nginx, paired, rig};

const PATH: &str = "/api/2.0/mlflow/experiments/get?experiment_id=1";

pub(super) fn run(bench: &Bench) -> Result<Vec<Row>> {
    rig::need(&[("wrk", "wrk"), ("nginx", "nginx-light")])?;
    rig::within("proxy", |dir| {
        let (upstream, _tiny) = rig::upstream(dir, None)?;
        let (buffered, _buffered) = nginx::start(dir, upstream, true)?;
        let (unbuffered, _unbuffered) = nginx::start(dir, upstream, false)?;
        let (host, token) = rig::countersign(dir, &format!("http://127.0.0.1:{upstream}"), &rig::gate(&[]))?;
        let rate = |port: u16| {
            let url = format!("http://127.0.0.1:{port}{PATH}");
            Load { url, connections: 32, seconds: bench.seconds, token: Some(&token), script: None }.measure()
        };
        let (mut ours, mut nginx, mut direct) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..bench.rounds {
            ours.push(rate(host.port())?);
            nginx.push(rate(buffered)?.max(rate(unbuffered)?));
            direct.push(rate(upstream)?);
        }
        let row = |name: &str, baseline: &[f64], target| Row {
            name: name.to_owned(),
            ours: format!("{:.0}/s", median(ours.clone())),
            baseline: format!("{:.0}/s", median(baseline.to_vec())),
            ratio: format!("{:.2}", paired(&ours, baseline)),
            target,
        };
        Ok(vec![
            row("GET 1 KB, 32 conn. / nginx at its best", &nginx, "≥ 0.8, goal 1.0"),
            row("GET 1 KB, 32 conn. / direct", &direct, "–"),
        ])
    })
}
