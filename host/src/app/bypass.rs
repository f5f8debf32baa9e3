//! Governed names and who holds them: what each applied write changes, what the reconciler compares, and what a
//! move without a permit leads to.

use countersign_core::decide;
use countersign_core::digest::Digest;
use countersign_core::entry::{Bypass, Entry, Intent, OutcomeResult};
use countersign_core::names::{ModelName, Stage, Version, Workspace};
use countersign_core::policy::{Guard, OnBypass, Policy};
use countersign_core::review::Authors;

use super::history::put_holding;
use super::records::{Holding, put_request};
use super::{App, AppError};
use crate::mlflow::Canonical;
use crate::store::{Batch, Key, Scan, codec, keys};
use crate::telemetry::Drift;

/// A governed name of a model: `alias:champion`, `stage:Production` or `version:7`.
pub(super) type Name = String;

pub(super) fn alias_name(alias: &str) -> Name {
    format!("alias:{alias}")
}

pub(super) fn stage_name(stage: Stage, version: Version) -> Name {
    format!("stage:{stage}:{version}")
}

pub(super) fn version_name(version: Version) -> Name {
    format!("version:{version}")
}

/// Whether a gate that is not off watches this name, and what it does about a bypass.
pub(super) fn watched(policy: &Policy, model: &ModelName, name: &str) -> Option<OnBypass> {
    let guards = |guard: &Guard| match (guard, name.split_once(':')) {
        (Guard::Alias(pattern), Some(("alias", alias))) => pattern.matches(alias),
        (Guard::Stage(stage), Some(("stage", rest))) => rest.starts_with(stage.as_str()),
        (Guard::RegisterInto(pattern), Some(("version", _))) => pattern.matches(model.as_str()),
        _ => false,
    };
    let live = policy.gates().iter().filter(|gate| gate.mode != countersign_core::policy::Mode::Off);
    let found: Vec<OnBypass> = live
        .filter(|gate| gate.covers(model) && gate.guards.iter().any(guards))
        .map(|gate| gate.on_bypass)
        .collect();
    if found.contains(&OnBypass::Revert) { Some(OnBypass::Revert) } else { found.first().copied() }
}

impl App {
    /// A governed name moved without a permit: record it, mark the requests that it concerns, put it back if the
    /// policy says so.
    pub(super) async fn bypassed(
        &self,
        (workspace, model): (&Workspace, &ModelName),
        name: &str,
        was: Option<&Holding>,
        is: Option<Version>,
        on_bypass: OnBypass,
    ) -> Result<(), AppError> {
        let bypass = Bypass {
            workspace: workspace.clone(),
            model: model.clone(),
            what: name.to_owned(),
            was: was.and_then(|holding| holding.version),
            is,
        };
        let holding = Holding::unexplained(is, self.clock.now(), true);
        let mut batch = put_holding(Batch::new(), (workspace, model), name, &holding)?;
        for seen in self.requests_for(workspace, model, name, is)? {
            batch = put_request(batch, &seen.try_map(|request| Ok(request.bypassed()))?)?;
        }
        tracing::warn!(
            model.name = %model, bypass.name = name, bypass.was = ?bypass.was, bypass.is = ?is,
            "governed name moved without a permit"
        );
        self.metrics.drift(drift(name, is));
        let owed = match on_bypass {
            OnBypass::Revert => Some(self.owe(&bypass)?),
            OnBypass::Record => None,
        };
        if let Some(owed) = &owed {
            batch = batch.put(owed_key(owed), codec::encode(owed)?);
        }
        self.record(&[Entry::Bypassed(bypass)], batch).await?;
        crash_point!(BypassRecorded);
        match owed {
            Some(owed) => self.put_back(&owed).await,
            None => Ok(()),
        }
    }

    /// What is to be undone. A name that moved twice goes back to what was permitted, not to the first move.
    fn owe(&self, bypass: &Bypass) -> Result<Bypass, AppError> {
        let before: Option<Bypass> = self.read(&owed_key(bypass))?;
        let was = before.map_or(bypass.was, |before| before.was);
        Ok(Bypass { was, ..bypass.clone() })
    }

    /// Sets back what an earlier attempt did not: its process ended, or MLflow was ill.
    pub(super) async fn put_back_owed(&self, workspace: &Workspace) -> Result<(), AppError> {
        let generation = self.generation.load_full();
        for (key, value) in self.store.scan(&Scan::prefix(keys::reverts_owed(workspace.as_str())))? {
            let owed: Bypass = codec::decode(&key, &value)?;
            if self.in_flight(&owed.model)? {
                continue;
            }
            let known = self.known_holdings(workspace, &owed.model)?;
            let stands = known.get(&owed.what).is_some_and(|is| is.bypassed && is.version == owed.is);
            if stands && watched(&generation.policy, &owed.model, &owed.what) == Some(OnBypass::Revert) {
                self.put_back(&owed).await?;
            } else {
                self.store.commit(Batch::new().delete(key)).await?;
            }
        }
        Ok(())
    }

    /// Sets an alias back to what was last permitted, as a write of its own with intent and outcome.
    async fn put_back(&self, bypass: &Bypass) -> Result<(), AppError> {
        let Some(placed) = bypass.undone_by() else { return Ok(()) };
        let policy = self.generation.load().policy.digest().0;
        let permit = decide::restore(bypass, &placed, policy)?;
        let Some(canonical) = Canonical::of_action(&placed) else { return Ok(()) };
        let intent = Intent {
            id: self.clock.new_id()?,
            request: None,
            placed,
            subject: None,
            binding: permit.binding(),
            policy,
            by: None,
            gates: Vec::new(),
            authors: Authors::default(),
            body: Digest::of(&canonical.body),
            break_glass: None,
            in_window: false,
            also: Vec::new(),
            basis: None,
        };
        let index = self.record_intent(Vec::new(), &intent, Batch::new()).await?;
        crash_point!(RevertAnnounced);
        let answered = self.proxy.carry_out_ourselves(permit, canonical, &bypass.workspace).await;
        crash_point!(RevertForwarded);
        let result = super::govern::outcome_of(&answered);
        self.registry.touch_model(&bypass.workspace, &bypass.model);
        self.try_conclude(&intent, index, None, &result).await?;
        if is_final(&result) {
            self.store.commit(Batch::new().delete(owed_key(bypass))).await?;
        }
        Ok(())
    }

    /// The requests that were about this name.
    pub(super) fn requests_for(
        &self,
        workspace: &Workspace,
        model: &ModelName,
        name: &str,
        is: Option<Version>,
    ) -> Result<Vec<super::records::Seen<countersign_core::request::PromotionRequest>>, AppError> {
        let prefix = keys::requests_of_model(workspace.as_str(), model.as_str());
        let mut found = Vec::new();
        for id in self.request_ids(prefix, None, 200)? {
            let seen = self.load_request(id)?;
            let named = seen.value.placed.action.target().is_some_and(|target| {
                name.split(':').nth(1).is_some_and(|of| of.eq_ignore_ascii_case(target))
            });
            if named && (is.is_some() && seen.value.placed.action.version() == is) {
                found.push(seen);
            }
        }
        Ok(found)
    }
}

fn owed_key(bypass: &Bypass) -> Key {
    keys::revert_owed(bypass.workspace.as_str(), bypass.model.as_str(), &bypass.what)
}

/// Whether asking MLflow again would change nothing.
fn is_final(result: &OutcomeResult) -> bool {
    match result {
        OutcomeResult::Refused { status, .. } => *status < 500,
        OutcomeResult::Unknown { .. } => false,
        _ => true,
    }
}

fn drift(name: &str, is: Option<Version>) -> Drift {
    match (name.split(':').next(), is) {
        (_, None) => Drift::Deleted,
        (Some("alias"), _) => Drift::Alias,
        (Some("stage"), _) => Drift::Stage,
        _ => Drift::Registration,
    }
}
