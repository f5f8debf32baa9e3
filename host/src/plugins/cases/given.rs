//! What a case gives a plugin: the subject, the other versions that the registry holds, and the files.

use std::collections::BTreeMap;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use countersign_core::action::{Action, Registration};
use countersign_core::check::Conclusion;
use countersign_core::digest::Digest;
use countersign_core::facts::{self, MetricOrigin, Missing, Subject, VersionFacts};
use countersign_core::names::{
    Alias, ModelName, PersonId, PluginName, Seat, Stage, Tier, Version, Workspace,
};
use countersign_core::time::Millis;
use serde::Deserialize;
use serde_json::Value;

use super::super::input::{RuleCheck, RuleReview, Vote};
use super::shelf::{GivenHistory, Shelf};

type Texts = BTreeMap<String, String>;

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Given {
    version: GivenVersion,
    /// Other versions that the registry holds. Aliases and stages are taken from them.
    others: Vec<GivenVersion>,
    artifacts: BTreeMap<String, Content>,
    history: GivenHistory,
    pub(super) action: GivenAction,
    pub(super) tier: Option<Tier>,
    pub(super) config: Value,
    pub(super) now_ms: i64,
    pub(super) requester: Option<PersonId>,
    checks: Vec<GivenCheck>,
    reviews: Vec<GivenReview>,
}

impl Default for Given {
    fn default() -> Self {
        Self {
            version: GivenVersion::default(),
            others: Vec::new(),
            artifacts: BTreeMap::new(),
            history: GivenHistory::default(),
            action: GivenAction::default(),
            tier: None,
            config: Value::Object(serde_json::Map::new()),
            now_ms: 0,
            requester: None,
            checks: Vec::new(),
            reviews: Vec::new(),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Content {
    Text(String),
    Base64(String),
    /// Below the case's folder.
    File(String),
}

#[derive(Debug, Default, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct GivenVersion {
    workspace: Option<Workspace>,
    model: ModelName,
    version: String,
    created_ms: i64,
    source: String,
    manifest_digest: Option<Digest>,
    description: Option<String>,
    stage: Option<String>,
    status: Option<String>,
    tags: Texts,
    aliases: Vec<String>,
    run: Option<GivenRun>,
    logged_model: Option<GivenLoggedModel>,
    metrics: Vec<GivenMetric>,
    files: Vec<GivenFile>,
    mlmodel: Option<String>,
    missing: Vec<GivenMissing>,
}

#[derive(Debug, Default, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct GivenRun {
    id: String,
    user: Option<String>,
    status: Option<String>,
    params: Texts,
    tags: Texts,
    datasets: Vec<GivenDataset>,
}

#[derive(Debug, Default, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct GivenDataset {
    name: String,
    digest: String,
    source_type: String,
    source: String,
    context: Option<String>,
}

#[derive(Debug, Default, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct GivenLoggedModel {
    id: String,
    status: Option<String>,
    params: Texts,
    tags: Texts,
}

#[derive(Debug, Default, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct GivenMetric {
    name: String,
    value: String,
    step: i64,
    timestamp_ms: i64,
    origin: Option<MetricOrigin>,
    dataset_name: Option<String>,
    dataset_digest: Option<String>,
}

#[derive(Debug, Default, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct GivenFile {
    path: String,
    size: u64,
    digest: Option<Digest>,
}

#[derive(Debug, Default, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct GivenMissing {
    name: String,
    reason: String,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct GivenAction {
    kind: String,
    target: Option<String>,
}

impl Default for GivenAction {
    fn default() -> Self {
        Self { kind: "set-alias".to_owned(), target: Some("champion".to_owned()) }
    }
}

#[derive(Debug, Default, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct GivenCheck {
    plugin: PluginName,
    required: bool,
    conclusion: Option<String>,
    summary: String,
}

#[derive(Debug, Default, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct GivenReview {
    reviewer: PersonId,
    seat: Option<Seat>,
    vote: String,
    at_ms: i64,
}

impl Given {
    /// # Errors
    /// Says which file or version cannot be made sense of.
    pub(super) fn shelf(&self, folder: &Path) -> Result<Shelf, String> {
        let contents =
            self.artifacts.iter().map(|(path, content)| Ok((path.clone(), content.bytes(folder)?)));
        let files: BTreeMap<String, Bytes> = contents.collect::<Result<_, String>>()?;
        let mut subject = self.version.facts()?;
        for (path, bytes) in &files {
            if !subject.files.iter().any(|file| file.path == *path) {
                let (size, digest) = (bytes.len() as u64, Some(Digest::of(bytes)));
                subject.files.push(facts::File { path: path.clone(), size, digest });
            }
        }
        subject.files.sort_by(|a, b| a.path.cmp(&b.path));
        let others = self.others.iter().map(GivenVersion::facts).collect::<Result<_, _>>()?;
        let history = self.history.clone();
        Ok(Shelf { subject, others, files, history })
    }

    pub(super) fn checks(&self) -> Result<Vec<RuleCheck>, String> {
        self.checks.iter().map(GivenCheck::check).collect()
    }

    pub(super) fn reviews(&self) -> Result<Vec<RuleReview>, String> {
        self.reviews.iter().map(GivenReview::review).collect()
    }
}

impl Content {
    fn bytes(&self, folder: &Path) -> Result<Bytes, String> {
        match self {
            Self::Text(text) => Ok(Bytes::copy_from_slice(text.as_bytes())),
            Self::Base64(text) => STANDARD.decode(text).map(Bytes::from).map_err(|error| error.to_string()),
            Self::File(path) => {
                let path = folder.join(path);
                let failed = |error| format!("cannot read `{}`: {error}", path.display());
                std::fs::read(&path).map(Bytes::from).map_err(failed)
            }
        }
    }
}

impl GivenVersion {
    fn facts(&self) -> Result<VersionFacts, String> {
        let number = Version::parse(&self.version);
        let stage = self.stage.as_deref().map_or(Some(Stage::None), Stage::parse);
        Ok(VersionFacts {
            subject: Subject {
                workspace: self.workspace.clone().unwrap_or_else(|| Workspace::new("default")),
                model: self.model.clone(),
                version: number.ok_or_else(|| format!("`{}` is not a version's number", self.version))?,
                created: Millis::new(self.created_ms),
                source: self.source.clone(),
                manifest: self.manifest_digest,
            },
            description: self.description.clone(),
            stage: stage
                .ok_or_else(|| format!("`{}` is not a stage", self.stage.as_deref().unwrap_or("")))?,
            status: self.status.clone().unwrap_or_else(|| "READY".to_owned()),
            tags: self.tags.clone(),
            aliases: self.aliases.clone(),
            run: self.run.as_ref().map(GivenRun::run),
            logged_model: self.logged_model.as_ref().map(GivenLoggedModel::logged_model),
            metrics: self.metrics.iter().map(GivenMetric::metric).collect(),
            files: self.files.iter().map(GivenFile::file).collect(),
            mlmodel: self.mlmodel.clone(),
            missing: self.missing.iter().map(GivenMissing::missing).collect(),
        })
    }
}

impl GivenRun {
    fn run(&self) -> facts::Run {
        let dataset = |given: &GivenDataset| facts::Dataset {
            name: given.name.clone(),
            digest: given.digest.clone(),
            source_type: given.source_type.clone(),
            source: given.source.clone(),
            context: given.context.clone(),
        };
        facts::Run {
            id: self.id.clone(),
            user: self.user.clone(),
            status: self.status.clone().unwrap_or_else(|| "FINISHED".to_owned()),
            params: self.params.clone(),
            tags: self.tags.clone(),
            datasets: self.datasets.iter().map(dataset).collect(),
        }
    }
}

impl GivenLoggedModel {
    fn logged_model(&self) -> facts::LoggedModel {
        let status = self.status.clone().unwrap_or_else(|| "READY".to_owned());
        let (params, tags) = (self.params.clone(), self.tags.clone());
        facts::LoggedModel { id: self.id.clone(), status, params, tags }
    }
}

impl GivenMetric {
    fn metric(&self) -> facts::Metric {
        facts::Metric {
            name: self.name.clone(),
            value: self.value.clone(),
            step: self.step,
            timestamp: Millis::new(self.timestamp_ms),
            origin: self.origin.unwrap_or(MetricOrigin::Run),
            dataset_name: self.dataset_name.clone(),
            dataset_digest: self.dataset_digest.clone(),
        }
    }
}

impl GivenFile {
    fn file(&self) -> facts::File {
        facts::File { path: self.path.clone(), size: self.size, digest: self.digest }
    }
}

impl GivenMissing {
    fn missing(&self) -> Missing {
        Missing { fact: self.name.clone(), reason: self.reason.clone() }
    }
}

impl GivenAction {
    /// The action of that kind on the subject.
    pub(super) fn action(&self, subject: &VersionFacts) -> Result<Action, String> {
        let (model, version) = (subject.subject.model.clone(), subject.subject.version);
        let target = self.target.clone().unwrap_or_default();
        Ok(match self.kind.as_str() {
            "set-alias" => Action::SetAlias { model, alias: Alias::new(target), version },
            "transition-stage" => {
                let stage = Stage::parse(&target).ok_or_else(|| format!("`{target}` is not a stage"))?;
                Action::TransitionStage { model, version, stage, archive_existing: false }
            }
            "register-version" => Action::RegisterVersion(Registration {
                source: format!("models:/{model}/{version}"),
                model: ModelName::new(target),
                run_id: None,
                model_id: None,
                tags: BTreeMap::new(),
            }),
            other => return Err(format!("cases know no action `{other}`")),
        })
    }
}

impl GivenCheck {
    fn check(&self) -> Result<RuleCheck, String> {
        let conclusion = match self.conclusion.as_deref() {
            None => Conclusion::Error,
            Some("pass") => Conclusion::Pass,
            Some("warn") => Conclusion::Warn,
            Some("fail") => Conclusion::Fail,
            Some("skipped") => Conclusion::Skipped,
            Some(other) => return Err(format!("`{other}` is not a conclusion")),
        };
        let (plugin, summary) = (self.plugin.clone(), self.summary.clone());
        Ok(RuleCheck { plugin, required: self.required, conclusion, summary, findings: Vec::new() })
    }
}

impl GivenReview {
    fn review(&self) -> Result<RuleReview, String> {
        let vote = match self.vote.as_str() {
            "approve" => Vote::Approve,
            "reject" => Vote::Reject,
            "comment" => Vote::Comment,
            "recuse" => Vote::Recuse,
            other => return Err(format!("`{other}` is not a vote")),
        };
        let at = Millis::new(self.at_ms);
        Ok(RuleReview { reviewer: self.reviewer.clone(), seat: self.seat.clone(), vote, at })
    }
}
