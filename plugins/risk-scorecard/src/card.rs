//! Questions, their answers in the facts, and their points.

use std::collections::BTreeMap;

use countersign_sdk::prelude::*;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Question {
    pub(crate) id: String,
    /// For whoever reads the policy.
    #[serde(default, rename = "ask")]
    _ask: String,
    read: String,
    #[serde(default = "one")]
    weight: u64,
    answers: Option<BTreeMap<String, u64>>,
    below: Option<Vec<Below>>,
    otherwise: Option<u64>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Below {
    value: Decimal,
    points: u64,
}

/// Where an answer is.
#[derive(Clone, Copy)]
enum Place<'a> {
    Tag(&'a str),
    Param(&'a str),
    Metric(&'a str),
    RunTag(&'a str),
    Description,
    Run,
    LoggedModel,
    Status,
}

/// What a question adds to the score.
pub(crate) struct Scored {
    pub(crate) points: u64,
    /// Whether the facts answer it. If not, the points are those of the worst answer.
    pub(crate) answered: bool,
}

impl Question {
    pub(crate) fn problem(&self) -> Option<String> {
        if place(&self.read).is_none() {
            return Some(format!(
                "`{}` is nowhere to read: give `tag.NAME`, `param.NAME`, `metric.NAME`, `run_tag.NAME`, `fact.description`, `fact.run`, `fact.logged_model` or `fact.status`",
                self.read
            ));
        }
        match (&self.answers, &self.below) {
            (Some(_), None) if self.otherwise.is_some() => Some("`otherwise` goes with `below`".to_owned()),
            (Some(_), None) | (None, Some(_)) => None,
            _ => Some("a question has either `answers` or `below`".to_owned()),
        }
    }

    /// The most that this question can add.
    pub(crate) fn worst(&self) -> u64 {
        let answers = self.answers.iter().flat_map(BTreeMap::values).copied();
        let below = self.below.iter().flatten().map(|step| step.points);
        answers.chain(below).chain(self.otherwise).max().unwrap_or(0) * self.weight
    }

    pub(crate) fn score(&self, version: &ModelVersion) -> Scored {
        let values = place(&self.read).map(|place| read(place, version)).unwrap_or_default();
        let points: Option<Vec<u64>> = values.iter().map(|value| self.points(value)).collect();
        match points.as_deref().and_then(|points| points.iter().max()) {
            Some(points) => Scored { points: points * self.weight, answered: true },
            None => Scored { points: self.worst(), answered: false },
        }
    }

    /// `None` for an answer that the card does not know.
    fn points(&self, value: &str) -> Option<u64> {
        if let Some(answers) = &self.answers {
            let known =
                answers.iter().filter(|(answer, _)| answer.to_lowercase() == value.trim().to_lowercase());
            return known.map(|(_, points)| *points).max();
        }
        let number: Decimal = value.trim().parse().ok()?;
        let step = self.below.iter().flatten().find(|step| number < step.value);
        Some(step.map_or(self.otherwise.unwrap_or(0), |step| step.points))
    }
}

fn place(text: &str) -> Option<Place<'_>> {
    let (kind, name) = text.split_once('.').filter(|(_, name)| !name.is_empty())?;
    match (kind, name) {
        ("tag", name) => Some(Place::Tag(name)),
        ("param", name) => Some(Place::Param(name)),
        ("metric", name) => Some(Place::Metric(name)),
        ("run_tag", name) => Some(Place::RunTag(name)),
        ("fact", "description") => Some(Place::Description),
        ("fact", "run") => Some(Place::Run),
        ("fact", "logged_model") => Some(Place::LoggedModel),
        ("fact", "status") => Some(Place::Status),
        _ => None,
    }
}

/// Every value that the facts have there; none when nobody has answered, or the fact could not be read.
fn read(place: Place<'_>, version: &ModelVersion) -> Vec<String> {
    let one = |value: Option<&str>| value.map(str::to_owned).into_iter().collect();
    let known = |fact: &str, there: bool| match version.require(&[fact]) {
        Ok(()) => vec![if there { "yes" } else { "no" }.to_owned()],
        Err(_) => Vec::new(),
    };
    match place {
        Place::Tag(name) => one(version.tag(name)),
        Place::Param(name) => one(version.param(name)),
        Place::Metric(name) => version.metrics_named(name).map(|metric| metric.value.clone()).collect(),
        Place::RunTag(name) => one(version.run.as_ref().and_then(|run| run.tag(name))),
        Place::Description => {
            known("description", version.description.as_ref().is_some_and(|text| !text.trim().is_empty()))
        }
        Place::Run => known("run", version.run.is_some()),
        Place::LoggedModel => known("logged-model", version.logged_model.is_some()),
        Place::Status => one(Some(version.status.as_str())),
    }
}

const fn one() -> u64 {
    1
}
