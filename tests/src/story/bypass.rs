//! Item 7: somebody goes round Countersign.

use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::json;

use super::Step;
use crate::stage::{Stage, eventually};

pub(super) const STEPS: &[Step] =
    &[Step { title: "somebody moves `champion` on MLflow's own port: recorded as bypassed", play: bypass }];

fn bypass(stage: &mut Stage) -> Result<String> {
    let before = stage.ledger_size()?;
    let arguments = [("model", json!("credit")), ("alias", json!("champion")), ("version", json!("1"))];
    stage.insider.does("set-alias", &arguments)?;
    eventually(Duration::from_secs(20), || {
        let status = stage.read("ruth", "models/credit/versions/1")?.to_string();
        ensure!(
            status.contains("\"bypassed\":true"),
            "the version's status says nothing of a bypass: {status}"
        );
        let size = stage.ledger_size()?;
        ensure!(size > before, "the ledger still has {size} entries");
        Ok(format!("shown at models/credit/versions/1; the ledger grew from {before} to {size} entries"))
    })
}
