//! What is read of the registry and of runs, one call of MLflow's each.

use countersign_core::names::{Alias, ModelName, Stage, Version, Workspace};
use http::{HeaderValue, StatusCode};
use serde::Deserialize;

use super::{Call, Client, Page, Probe, ReadError, accept, parse, segment, token};
use crate::mlflow::types::{LoggedModel, Metric, ModelVersion, RegisteredModel, Run, User};

impl Client {
    /// MLflow's version, as in `3.17.2`.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub async fn server_version(&self) -> Result<String, ReadError> {
        let path = format!("{}/version", self.prefix);
        let call = Call::get("MLflow's version".to_owned(), &path, &[]);
        let bytes = self.bytes(call).await?;
        Ok(String::from_utf8_lossy(&bytes).trim().to_owned())
    }

    /// # Errors
    /// See [`ReadError`].
    pub async fn version(
        &self,
        workspace: &Workspace,
        model: &ModelName,
        version: Version,
    ) -> Result<ModelVersion, ReadError> {
        #[derive(Deserialize)]
        struct Answer {
            model_version: ModelVersion,
        }
        let number = version.to_string();
        let query = [("name", model.as_str()), ("version", &number)];
        let what = format!("version {version} of model `{model}`");
        let call = Call::get(what, "/api/2.0/mlflow/model-versions/get", &query).within(workspace);
        self.json::<Answer>(call).await.map(|answer| answer.model_version)
    }

    /// # Errors
    /// See [`ReadError`].
    pub async fn model(
        &self,
        workspace: &Workspace,
        model: &ModelName,
    ) -> Result<RegisteredModel, ReadError> {
        #[derive(Deserialize)]
        struct Answer {
            registered_model: RegisteredModel,
        }
        let query = [("name", model.as_str())];
        let what = format!("model `{model}`");
        let call = Call::get(what, "/api/2.0/mlflow/registered-models/get", &query).within(workspace);
        self.json::<Answer>(call).await.map(|answer| answer.registered_model)
    }

    /// One page of all registered models, with their aliases and the newest version in each stage.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub async fn search_models(
        &self,
        workspace: &Workspace,
        page: Option<&str>,
    ) -> Result<Page<RegisteredModel>, ReadError> {
        #[derive(Deserialize)]
        struct Answer {
            #[serde(default)]
            registered_models: Vec<RegisteredModel>,
            next_page_token: Option<String>,
        }
        let query = [("max_results", "1000"), ("page_token", page.unwrap_or_default())];
        let what = "the list of registered models".to_owned();
        let call = Call::get(what, "/api/2.0/mlflow/registered-models/search", &query).within(workspace);
        let answer: Answer = self.json(call).await?;
        Ok(Page { items: answer.registered_models, next: token(answer.next_page_token) })
    }

    /// # Errors
    /// See [`ReadError`].
    pub async fn run(&self, workspace: &Workspace, id: &str) -> Result<Run, ReadError> {
        #[derive(Deserialize)]
        struct Answer {
            run: Run,
        }
        let query = [("run_id", id)];
        let call = Call::get(format!("run `{id}`"), "/api/2.0/mlflow/runs/get", &query).within(workspace);
        self.json::<Answer>(call).await.map(|answer| answer.run)
    }

    /// # Errors
    /// See [`ReadError`].
    pub async fn logged_model(&self, workspace: &Workspace, id: &str) -> Result<LoggedModel, ReadError> {
        #[derive(Deserialize)]
        struct Answer {
            model: LoggedModel,
        }
        let path = format!("/api/2.0/mlflow/logged-models/{}", segment(id));
        let call = Call::get(format!("logged model `{id}`"), &path, &[]).within(workspace);
        self.json::<Answer>(call).await.map(|answer| answer.model)
    }

    /// The version that holds an alias; `None` when none does.
    ///
    /// # Errors
    /// See [`ReadError`]; a missing model is an error, a missing alias is not.
    pub async fn version_by_alias(
        &self,
        workspace: &Workspace,
        model: &ModelName,
        alias: &Alias,
    ) -> Result<Option<Version>, ReadError> {
        let model = self.model(workspace, model).await?;
        let held = model.aliases.iter().find(|held| held.alias == alias.as_str());
        Ok(held.and_then(|held| Version::parse(&held.version)))
    }

    /// The newest version in a stage; `None` when there is none.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub async fn version_in_stage(
        &self,
        workspace: &Workspace,
        model: &ModelName,
        stage: Stage,
    ) -> Result<Option<Version>, ReadError> {
        let model = self.model(workspace, model).await?;
        let newest = model.latest_versions.iter().filter(|v| Stage::parse(&v.current_stage) == Some(stage));
        Ok(newest.filter_map(|v| Version::parse(&v.version)).max())
    }

    /// Where a version's files are: MLflow's own URI, with `models:/` resolved.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub async fn download_uri(
        &self,
        workspace: &Workspace,
        model: &ModelName,
        version: Version,
    ) -> Result<String, ReadError> {
        #[derive(Deserialize)]
        struct Answer {
            artifact_uri: String,
        }
        let number = version.to_string();
        let query = [("name", model.as_str()), ("version", &number)];
        let what = format!("where the files of version {version} of model `{model}` are");
        let call =
            Call::get(what, "/api/2.0/mlflow/model-versions/get-download-uri", &query).within(workspace);
        self.json::<Answer>(call).await.map(|answer| answer.artifact_uri)
    }

    /// Every recorded value of one metric of one run, oldest step first.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub async fn metric_history(
        &self,
        workspace: &Workspace,
        run_id: &str,
        metric: &str,
    ) -> Result<Vec<Metric>, ReadError> {
        #[derive(Deserialize)]
        struct Answer {
            #[serde(default)]
            metrics: Vec<Metric>,
            next_page_token: Option<String>,
        }
        let mut all = Vec::new();
        let mut page = String::new();
        loop {
            let query = [
                ("run_id", run_id),
                ("metric_key", metric),
                ("max_results", "25000"),
                ("page_token", page.as_str()),
            ];
            let what = format!("the history of metric `{metric}` of run `{run_id}`");
            let call = Call::get(what, "/api/2.0/mlflow/metrics/get-history", &query).within(workspace);
            let answer: Answer = self.json(call).await?;
            all.extend(answer.metrics);
            match token(answer.next_page_token) {
                Some(next) => page = next,
                None => break,
            }
        }
        all.sort_by_key(|metric| (metric.step, metric.timestamp));
        Ok(all)
    }

    /// Asks MLflow who a caller is, with the caller's own `Authorization` (or none).
    ///
    /// # Errors
    /// See [`ReadError`].
    pub async fn current_user(&self, authorization: Option<&HeaderValue>) -> Result<Probe, ReadError> {
        #[derive(Deserialize)]
        struct Answer {
            user: User,
        }
        let call = Call::get("the caller's account".to_owned(), "/api/2.0/mlflow/users/current", &[]);
        let what = call.what.clone();
        let response = self.send(call, authorization).await?;
        match response.status() {
            StatusCode::UNAUTHORIZED => return Ok(Probe::Rejected),
            StatusCode::NOT_FOUND => return Ok(Probe::NoAccounts),
            _ => {}
        }
        let bytes = accept(&what, response).await?;
        parse::<Answer>(&what, &bytes).map(|answer| Probe::Known(answer.user))
    }
}
