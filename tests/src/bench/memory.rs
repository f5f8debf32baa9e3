//! Resident memory with ten plugins loaded, after one evaluation of each.

use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::json;

use super::{Bench, Row, rig};
use crate::actor::Actor;
use crate::mlflow::Mlflow;
use crate::venv::Venv;

pub(super) fn run(_: &Bench) -> Result<Vec<Row>> {
    let venv = Venv::for_tests()?;
    rig::within("memory", |dir| {
        let (plugins, names) = rig::many_plugins(dir, 10)?;
        let policy = format!("{plugins}{}", rig::gate(&names));
        let mlflow = Mlflow::start(&venv, &dir.join("mlflow"))?;
        let (host, token) = rig::countersign(dir, &mlflow.url(), &policy)?;
        let mut ana =
            Actor::start(&venv, "ana", &host.workdir().url(), Some(&token), &dir.join("actor.log"))?;
        ana.does("train", &[("model", json!("credit"))])?;
        let arguments = [("model", json!("credit")), ("alias", json!("champion")), ("version", json!("2"))];
        ana.does("set-alias", &arguments)?;
        std::thread::sleep(Duration::from_secs(3));
        let megabytes = rig::resident_kib(host.pid().context("Countersign does not run")?)? / 1024.0;
        Ok(vec![Row {
            name: "resident memory, idle, 10 plugins".to_owned(),
            ours: format!("{megabytes:.0} MB"),
            baseline: "–".to_owned(),
            ratio: "–".to_owned(),
            target: "≤ 100 MB, goal 60 MB",
        }])
    })
}
