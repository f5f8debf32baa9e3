//! Facts about a version that does not exist yet: of what would be registered.

use countersign_core::action::Registration;
use countersign_core::facts::Facts;
use countersign_core::names::{Version, Workspace};
use countersign_core::time::Millis;
use tokio::time::Instant;

use super::cache::Subject;
use super::collect::{Around, Collector, model};
use super::error::{FactsError, failure};
use super::snapshot::Snapshot;
use crate::mlflow::types;

/// Stands for the version that would be created.
const UNBORN: Version = Version::new(0);

impl Collector {
    /// Reads everything about a source before it is registered: a run's or a logged model's files. The subject's
    /// version is 0 and its creation time 0, because it has neither yet.
    ///
    /// # Errors
    /// As [`Collector::collect`], of the model that would get the version.
    pub async fn collect_source(
        &self,
        workspace: &Workspace,
        registration: &Registration,
        now: Millis,
    ) -> Result<Snapshot, FactsError> {
        let (workspace, name) = (workspace.clone(), registration.model.clone());
        let subject = Subject { workspace, model: name, version: UNBORN };
        let deadline = Instant::now() + self.shared.limits.deadline;
        let found = self.shared.client.model(&subject.workspace, &subject.model).await;
        let found = found.map_err(|error| failure(&subject, error))?;
        let head = head_of(registration);
        let uri = self.source_uri(&subject.workspace, registration).await;
        let around = Around { shared: &self.shared, subject: &subject, now, deadline };
        let (version, files) = around.version(&head, uri).await;
        Ok(files.seen(Facts { taken_at: now, version, model: model(&found) }))
    }

    /// Where the files of a source lie.
    async fn source_uri(&self, workspace: &Workspace, registration: &Registration) -> Result<String, String> {
        let client = &self.shared.client;
        if let Some(id) = registration.logged_model() {
            let logged = client.logged_model(workspace, id).await.map_err(|error| error.reason())?;
            return Ok(logged.info.artifact_uri);
        }
        let Some(rest) = registration.source.strip_prefix("runs:/") else {
            return Ok(registration.source.clone());
        };
        let (id, path) = rest.split_once('/').unwrap_or((rest, ""));
        let run = client.run(workspace, id).await.map_err(|error| error.reason())?;
        Ok(format!("{}/{path}", run.info.artifact_uri.trim_end_matches('/')))
    }
}

fn head_of(registration: &Registration) -> types::ModelVersion {
    let tags = registration.tags.iter();
    types::ModelVersion {
        name: registration.model.to_string(),
        version: UNBORN.to_string(),
        creation_timestamp: 0,
        last_updated_timestamp: 0,
        current_stage: String::new(),
        description: String::new(),
        source: registration.source.clone(),
        run_id: registration.run_id.clone().unwrap_or_default(),
        status: "UNREGISTERED".to_owned(),
        tags: tags.map(|(key, value)| types::KeyValue { key: key.clone(), value: value.clone() }).collect(),
        aliases: Vec::new(),
    }
}
