//! Writes that no gate has a word in: passed on, and watched for what they tell us.

use std::sync::Arc;

use bytes::Bytes;
use countersign_core::action::{Action, Placed};
use countersign_core::entry::Entry;
use countersign_core::names::{Version, Workspace};
use http::{Response, StatusCode};

use super::bypass::version_name;
use super::govern::{Answer, Call};
use super::records::{Creator, Holding, creator_key};
use super::{App, AppError};
use crate::auth::Caller;
use crate::mlflow::carry_out::CreatedVersion;
use crate::mlflow::{Body, Canonical};
use crate::store::{Batch, codec, keys};

impl App {
    /// Passes a write on in the client's own bytes.
    pub(super) async fn pass_on(self: &Arc<Self>, call: Call) -> Result<Answer, AppError> {
        let Some(received) = call.received.clone() else {
            self.registry.touch(&call.classified.placed);
            if let Some(identity) = call.caller.identity() {
                self.note_file_writer(&call.classified.placed, &identity.person);
            }
            return Ok(Answer::Untouched);
        };
        let odd = || AppError::Invalid("this write cannot be passed on: its path is not one".to_owned());
        let request =
            Canonical::as_received(&call.classified.canonical, &call.headers, received).ok_or_else(odd)?;
        let response = call.upstream.forward_canonical(request, &call.headers, &call.peer).await?;
        crash_point!(UngovernedForwarded);
        if response.status() == StatusCode::OK {
            self.after(&call, &response).await;
        }
        Ok(Answer::Forwarded(response.map(Body::Whole)))
    }

    /// What has changed must be read again; who changed it is remembered.
    async fn after(self: &Arc<Self>, call: &Call, response: &Response<Bytes>) {
        let placed = &call.classified.placed;
        self.registry.touch(placed);
        if let Some(identity) = call.caller.identity() {
            self.people.remember(identity).await;
        }
        self.note_registered(&call.caller, placed, response).await;
        if matches!(placed.action, Action::SetAlias { .. } | Action::DeleteAlias { .. })
            && let Err(error) = self.note_alias(placed).await
        {
            tracing::error!(error = %error, action.kind = placed.action.kind(), "alias not recorded");
        }
        self.note_changed(call).await;
    }

    /// Who changes what is reviewed of a version cannot sign it.
    pub(super) async fn note_changed(&self, call: &Call) {
        let placed = &call.classified.placed;
        let Some(version) = placed.action.version() else { return };
        if let Err(error) = self.note_written(call, version).await {
            tracing::error!(error = %error, action.kind = placed.action.kind(), "author not recorded");
        }
    }

    /// How long an alias is held is known only by who notes each move.
    async fn note_alias(&self, placed: &Placed) -> Result<(), AppError> {
        let batch = self.note_moved(Batch::new(), placed, (self.clock.now(), None))?;
        Ok(self.store.commit(batch).await?)
    }

    /// MLflow itself leaves "Created by" empty: this is the only record of who registered a version.
    pub(super) async fn note_registered(
        self: &Arc<Self>,
        caller: &Caller,
        placed: &Placed,
        answer: &Response<Bytes>,
    ) {
        if !matches!(placed.action, Action::RegisterVersion(_)) || answer.status() != StatusCode::OK {
            return;
        }
        let Some(created) = crate::mlflow::created_version(answer.body()) else { return };
        if let Err(error) = self.try_note_registered(caller, &placed.workspace, &created).await {
            tracing::error!(error = %error, "creator not recorded");
        }
        let (app, workspace) = (Arc::clone(self), placed.workspace.clone());
        tokio::spawn(async move { app.precheck_quietly(&workspace, &created.model, created.version).await });
    }

    async fn try_note_registered(
        &self,
        caller: &Caller,
        workspace: &Workspace,
        created: &CreatedVersion,
    ) -> Result<(), AppError> {
        let by = caller.identity().map(|identity| identity.person.clone());
        let (model, version) = (created.model.clone(), created.version);
        let creator = Creator { person: by.clone(), created: created.created };
        let holding = Holding::unexplained(Some(version), self.clock.now(), false);
        let name = version_name(version);
        let batch = Batch::new()
            .put(creator_key(workspace, &model, version), codec::encode(&creator)?)
            .put(keys::holding(workspace.as_str(), model.as_str(), &name), codec::encode(&holding)?);
        let workspace = workspace.clone();
        self.record(&[Entry::VersionCreated { workspace, model, version, by }], batch).await?;
        Ok(())
    }

    async fn note_written(&self, call: &Call, version: Version) -> Result<(), AppError> {
        let placed = &call.classified.placed;
        let (Some(model), Some(identity)) = (placed.action.model(), call.caller.identity()) else {
            return Ok(());
        };
        if !matches!(
            placed.action,
            Action::UpdateVersion { .. } | Action::SetVersionTag { .. } | Action::DeleteVersionTag { .. }
        ) {
            return Ok(());
        }
        let batch = self.note_writer(Batch::new(), (&placed.workspace, model, version), &identity.person)?;
        Ok(self.store.commit(batch).await?)
    }
}
