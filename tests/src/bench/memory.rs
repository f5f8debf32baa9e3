//! Resident memory with ten plugins loaded, after one evaluation of each: by a process that compiled them, and by one
//! that found them compiled.

use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::json;

use super::{Bench, Row, median, rig};
use crate::actor::Actor;
use crate::host::Countersign;
use crate::mlflow::Mlflow;
use crate::venv::Venv;

pub(super) fn run(bench: &Bench) -> Result<Vec<Row>> {
    let venv = Venv::for_tests()?;
    let (mut compiled, mut found) = (Vec::new(), Vec::new());
    for _ in 0..bench.rounds {
        rig::within("memory", |dir| {
            let (plugins, names) = rig::many_plugins(dir, 10)?;
            let policy = format!("{plugins}{}", rig::gate(&names));
            let mlflow = Mlflow::start(&venv, &dir.join("mlflow"))?;
            let (mut host, token) = rig::countersign(dir, &mlflow.url(), &policy)?;
            let url = host.workdir().url();
            let mut ana = Actor::start(&venv, "ana", &url, Some(&token), &dir.join("actor.log"))?;
            ana.does("train", &[("model", json!("credit"))])?;
            compiled.push(idle_after_one_write(&host, &mut ana, "champion")?);
            host.stop()?;
            host.start()?;
            found.push(idle_after_one_write(&host, &mut ana, "prod-a")?);
            Ok(())
        })?;
    }
    let row = |name: &str, megabytes: Vec<f64>, target| Row {
        name: name.to_owned(),
        ours: format!("{:.0} MB", median(megabytes)),
        baseline: "–".to_owned(),
        ratio: "–".to_owned(),
        target,
    };
    Ok(vec![
        row("resident, idle, 10 plugins compiled", compiled, "≤ 100 MB, goal 60 MB"),
        row("the same, found in the cache", found, "–"),
    ])
}

/// Megabytes, three seconds after a write for which every check ran.
fn idle_after_one_write(host: &Countersign, ana: &mut Actor, alias: &str) -> Result<f64> {
    ana.does("set-alias", &[("model", json!("credit")), ("alias", json!(alias)), ("version", json!("2"))])?;
    std::thread::sleep(Duration::from_secs(3));
    Ok(rig::resident_kib(host.pid().context("Countersign does not run")?)? / 1024.0)
}
