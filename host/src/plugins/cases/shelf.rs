//! What a case's plugin can ask for: the registry, the files and the records of one case.

use std::collections::BTreeMap;

use bytes::Bytes;
use countersign_core::facts::VersionFacts;
use countersign_core::names::Stage;
use countersign_core::time::Millis;
use serde::Deserialize;

use super::super::sources::{
    AccessError, AliasHolding, Answer, HistoryAnswer, HistoryQuery, PastDecision, RegistryAnswer,
    RegistryQuery, Sources,
};

/// The registry, the files and the records of one case.
#[derive(Debug, Clone)]
pub(super) struct Shelf {
    pub(super) subject: VersionFacts,
    pub(super) others: Vec<VersionFacts>,
    pub(super) files: BTreeMap<String, Bytes>,
    pub(super) history: GivenHistory,
}

/// What the capability `history` answers.
#[derive(Debug, Default, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct GivenHistory {
    holdings: Vec<GivenHolding>,
    decisions: Vec<GivenDecision>,
}

#[derive(Debug, Default, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct GivenHolding {
    model: String,
    version: String,
    alias: String,
    since_ms: i64,
    until_ms: Option<i64>,
    bypassed: bool,
}

#[derive(Debug, Default, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct GivenDecision {
    model: String,
    version: String,
    kind: String,
    target: Option<String>,
    state: String,
    opened_ms: i64,
}

impl GivenHistory {
    fn answer(&self, query: &HistoryQuery) -> HistoryAnswer {
        match query {
            HistoryQuery::AliasHoldings { model, version } => {
                let of = |held: &&GivenHolding| (&held.model, &held.version) == (model, version);
                HistoryAnswer::Holdings(self.holdings.iter().filter(of).map(GivenHolding::holding).collect())
            }
            HistoryQuery::Decisions { model, version } => {
                let of = |made: &&GivenDecision| (&made.model, &made.version) == (model, version);
                let made = self.decisions.iter().filter(of).map(GivenDecision::decision);
                HistoryAnswer::Decisions(made.collect())
            }
        }
    }
}

impl GivenHolding {
    fn holding(&self) -> AliasHolding {
        let (since, until) = (Millis::new(self.since_ms), self.until_ms.map(Millis::new));
        AliasHolding { alias: self.alias.clone(), since, until, bypassed: self.bypassed }
    }
}

impl GivenDecision {
    fn decision(&self) -> PastDecision {
        PastDecision {
            kind: self.kind.clone(),
            target: self.target.clone(),
            state: self.state.clone(),
            opened: Millis::new(self.opened_ms),
        }
    }
}

impl Shelf {
    fn find(&self, query: &RegistryQuery) -> Option<&VersionFacts> {
        let mut all = std::iter::once(&self.subject).chain(&self.others);
        let of = |facts: &VersionFacts, model: &str| facts.subject.model.as_str() == model;
        match query {
            RegistryQuery::GetVersion { model, version } => {
                all.find(|facts| of(facts, model) && facts.subject.version.to_string() == *version)
            }
            RegistryQuery::VersionByAlias { model, alias } => {
                all.find(|facts| of(facts, model) && facts.aliases.contains(alias))
            }
            RegistryQuery::VersionInStage { model, stage } => {
                let there = all.filter(|facts| of(facts, model) && Some(facts.stage) == Stage::parse(stage));
                there.max_by_key(|facts| facts.subject.version)
            }
            RegistryQuery::MetricHistory { run_id, .. } => {
                all.find(|facts| facts.run.as_ref().is_some_and(|run| run.id == *run_id))
            }
        }
    }

    fn answer(&self, query: &RegistryQuery) -> Result<RegistryAnswer, AccessError> {
        let found = self.find(query);
        let RegistryQuery::MetricHistory { run_id, metric } = query else {
            return Ok(RegistryAnswer::Version(found.cloned().map(Box::new)));
        };
        let run = found.ok_or_else(|| AccessError::NotFound(format!("there is no run `{run_id}`")))?;
        Ok(RegistryAnswer::History(run.metrics.iter().filter(|m| m.name == *metric).cloned().collect()))
    }
}

impl Sources for Shelf {
    fn query(&self, query: RegistryQuery) -> Answer<RegistryAnswer> {
        let answer = self.answer(&query);
        Box::pin(async { answer })
    }

    fn history(&self, query: HistoryQuery) -> Answer<HistoryAnswer> {
        let answer = self.history.answer(&query);
        Box::pin(async { Ok(answer) })
    }

    fn read(&self, path: &str, offset: u64, len: u32) -> Answer<Bytes> {
        let range = usize::try_from(offset).ok().and_then(|from| Some(from..from.checked_add(len as usize)?));
        let held = self.files.get(path).filter(|file| range.as_ref().is_some_and(|r| r.end <= file.len()));
        let bytes = range.as_ref().and_then(|range| Some(held?.slice(range.clone())));
        let missing = AccessError::NotFound(format!("the case has no content for `{path}`"));
        Box::pin(async { bytes.ok_or(missing) })
    }
}
