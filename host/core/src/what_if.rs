//! `FACT=VALUE`: the same version, if one thing about it were otherwise. Nothing is written anywhere.

use std::str::FromStr;

use crate::facts::{Facts, Metric, MetricOrigin};
use crate::time::Millis;

/// One fact that is taken to be otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WhatIf {
    kind: Kind,
    name: String,
    value: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Tag,
    ModelTag,
    Param,
    Metric,
}

const KINDS: [(&str, Kind); 4] =
    [("tag", Kind::Tag), ("model_tag", Kind::ModelTag), ("param", Kind::Param), ("metric", Kind::Metric)];

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "give `tag.NAME=VALUE`, `model_tag.NAME=VALUE`, `param.NAME=VALUE` or `metric.NAME=NUMBER`, as in `tag.risk=high`"
)]
pub struct NotAFact;

impl FromStr for WhatIf {
    type Err = NotAFact;

    fn from_str(text: &str) -> Result<Self, NotAFact> {
        let (place, value) = text.split_once('=').ok_or(NotAFact)?;
        let (kind, name) = place.split_once('.').filter(|(_, name)| !name.is_empty()).ok_or(NotAFact)?;
        let kind = KINDS.iter().find(|(word, _)| *word == kind).map(|(_, kind)| *kind).ok_or(NotAFact)?;
        if kind == Kind::Metric && value.parse::<f64>().is_err() {
            return Err(NotAFact);
        }
        Ok(Self { kind, name: name.to_owned(), value: value.to_owned() })
    }
}

impl WhatIf {
    /// Changes the facts. A parameter is put where the version has parameters: its logged model, else its run.
    pub fn apply(&self, facts: &mut Facts) {
        let (name, value) = (self.name.clone(), self.value.clone());
        let version = &mut facts.version;
        match self.kind {
            Kind::Tag => drop(version.tags.insert(name, value)),
            Kind::ModelTag => drop(facts.model.tags.insert(name, value)),
            Kind::Param => {
                let logged = version.logged_model.as_mut().map(|model| &mut model.params);
                let params = logged.or_else(|| version.run.as_mut().map(|run| &mut run.params));
                params.map(|params| params.insert(name, value));
            }
            Kind::Metric => {
                version.metrics.retain(|metric| metric.name != name);
                version.metrics.push(metric(name, value));
            }
        }
    }
}

fn metric(name: String, value: String) -> Metric {
    Metric {
        name,
        value,
        step: 0,
        timestamp: Millis::new(0),
        origin: MetricOrigin::Run,
        dataset_name: None,
        dataset_digest: None,
    }
}

impl std::fmt::Display for WhatIf {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let word = KINDS.iter().find(|(_, kind)| *kind == self.kind).map_or("", |(word, _)| word);
        write!(f, "{word}.{}={}", self.name, self.value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expect: Option<&str>) {
        let read = text.parse::<WhatIf>().ok().map(|what_if| what_if.to_string());
        assert_eq!(read.as_deref(), expect, "{text}");
    }

    #[test]
    fn facts_are_spelt_one_way() {
        check("tag.risk=high", Some("tag.risk=high"));
        check("model_tag.a.b=c=d", Some("model_tag.a.b=c=d"));
        check("tag.risk=", Some("tag.risk="));
        check("metric.auc=0.9", Some("metric.auc=0.9"));
        check("metric.auc=good", None);
        check("tag.=high", None);
        check("risk=high", None);
        check("tag.risk", None);
    }
}
