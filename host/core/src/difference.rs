//! What has changed between what somebody signed and what is there now, fact by fact.
//!
//! Two snapshots become two lists of lines, and their difference is the lines that are not alike: enough to turn
//! the one into the other. This module must not know: where snapshots are kept, who signed.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::action::Action;
use crate::digest::Digest;
use crate::facts::{LoggedModel, Metric, MetricOrigin, ModelFacts, Run, VersionFacts};

/// A snapshot as lines: the name of a fact and what it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lines(BTreeMap<String, String>);

impl FromIterator<(String, String)> for Lines {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(lines: I) -> Self {
        Self(lines.into_iter().collect())
    }
}

/// One fact that is not what it was. `None`: it was not there, or is not any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// As people read it: `tag risk`, `metric auc`, `file model.pkl`.
    pub fact: String,
    pub was: Option<String>,
    pub is: Option<String>,
}

/// What turns the one into the other, by the names of the facts. Nothing where they are alike.
#[must_use]
pub fn between(was: &Lines, is: &Lines) -> Vec<Change> {
    let mut facts: Vec<&String> = was.0.keys().chain(is.0.keys()).collect();
    facts.sort();
    facts.dedup();
    let change = |fact: &String| {
        let (before, after) = (was.0.get(fact), is.0.get(fact));
        let change = || Change { fact: fact.clone(), was: before.cloned(), is: after.cloned() };
        (before != after).then(change)
    };
    facts.into_iter().filter_map(change).collect()
}

/// What a write would change of what is said about a version and its model. Nothing for writes that change something
/// else, and where it says already what it would say.
#[must_use]
pub fn of_write(action: &Action, version: &VersionFacts, model: &ModelFacts) -> Vec<Change> {
    let tag = |kind: &str, key: &String, was: Option<&String>, is: Option<&String>| {
        (format!("{kind} {key}"), was.cloned(), is.cloned())
    };
    let words = |fact: &str, was: &Option<String>, is: &Option<String>| {
        let is = is.clone().filter(|text| !text.is_empty());
        (fact.to_owned(), was.clone(), is)
    };
    let (fact, was, is) = match action {
        Action::SetVersionTag { key, value, .. } => tag("tag", key, version.tags.get(key), Some(value)),
        Action::DeleteVersionTag { key, .. } => tag("tag", key, version.tags.get(key), None),
        Action::SetModelTag { key, value, .. } => tag("model tag", key, model.tags.get(key), Some(value)),
        Action::DeleteModelTag { key, .. } => tag("model tag", key, model.tags.get(key), None),
        Action::UpdateVersion { description, .. } => words("description", &version.description, description),
        Action::UpdateModel { description, .. } => {
            words("model description", &model.description, description)
        }
        _ => return Vec::new(),
    };
    if was == is { Vec::new() } else { vec![Change { fact, was, is }] }
}

impl Lines {
    /// What the registry says of a version.
    #[must_use]
    pub fn of(version: &VersionFacts, model: &ModelFacts) -> Self {
        let mut lines = Self::default();
        let subject = &version.subject;
        lines.say("created", subject.created.to_string());
        lines.say("source", subject.source.clone());
        lines.say("stage", version.stage.to_string());
        lines.say("status", version.status.clone());
        lines.say_some("description", version.description.as_ref());
        lines.say_each("tag", &version.tags);
        lines.say_some("model description", model.description.as_ref());
        lines.say_each("model tag", &model.tags);
        version.run.iter().for_each(|run| lines.run(run));
        version.logged_model.iter().for_each(|logged| lines.logged(logged));
        version.metrics.iter().for_each(|metric| lines.metric(metric));
        for file in &version.files {
            let digest = file.digest.map_or_else(|| "not read".to_owned(), |digest| digest.to_string());
            lines.say(&format!("file {}", file.path), format!("{digest}, {} bytes", file.size));
        }
        version
            .missing
            .iter()
            .for_each(|fact| lines.say(&format!("missing {}", fact.fact), fact.reason.clone()));
        lines
    }

    /// What it was judged by.
    #[must_use]
    pub fn judged_by(mut self, policy: Digest, tiers: &BTreeMap<String, String>) -> Self {
        self.say("policy", policy.to_string());
        self.say_each("tier at gate", tiers);
        self
    }

    /// The lines as they are after some changes.
    #[must_use]
    pub fn changed(mut self, changes: &[Change]) -> Self {
        for Change { fact, is, .. } in changes {
            match is {
                Some(is) => self.0.insert(fact.clone(), is.clone()),
                None => self.0.remove(fact),
            };
        }
        self
    }

    fn run(&mut self, run: &Run) {
        self.say("run", run.id.clone());
        self.say("run status", run.status.clone());
        self.say_some("run user", run.user.as_ref());
        self.say_each("run parameter", &run.params);
        self.say_each("run tag", &run.tags);
        for set in &run.datasets {
            self.say(&format!("dataset {}", set.name), format!("{} ({})", set.digest, set.source));
        }
    }

    fn logged(&mut self, logged: &LoggedModel) {
        self.say("logged model", logged.id.clone());
        self.say("logged model status", logged.status.clone());
        self.say_each("logged model parameter", &logged.params);
        self.say_each("logged model tag", &logged.tags);
    }

    fn metric(&mut self, metric: &Metric) {
        let of = if metric.origin == MetricOrigin::Run { "" } else { " of the logged model" };
        let on = metric.dataset_name.as_ref().map(|name| format!(" on {name}")).unwrap_or_default();
        self.say(&format!("metric {}{of}{on}, step {}", metric.name, metric.step), metric.value.clone());
    }

    fn say_each(&mut self, kind: &str, named: &BTreeMap<String, String>) {
        named.iter().for_each(|(name, value)| self.say(&format!("{kind} {name}"), value.clone()));
    }

    fn say_some(&mut self, fact: &str, value: Option<&String>) {
        value.into_iter().for_each(|value| self.say(fact, value.clone()));
    }

    /// A fact that is said twice stands twice.
    fn say(&mut self, fact: &str, value: String) {
        let mut name = fact.to_owned();
        let mut times = 1;
        while self.0.contains_key(&name) {
            times += 1;
            name = format!("{fact} ({times})");
        }
        self.0.insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_a_write_changes() {
        let (version, model) = crate::facts::tests::described();
        let check = |action: Action, expect: Option<(&str, Option<&str>, Option<&str>)>| {
            let change = |(fact, was, is): (&str, Option<&str>, Option<&str>)| Change {
                fact: fact.to_owned(),
                was: was.map(str::to_owned),
                is: is.map(str::to_owned),
            };
            let expect: Vec<Change> = expect.map(change).into_iter().collect();
            assert_eq!(of_write(&action, &version, &model), expect, "{action:?}");
        };
        let (name, number) = (|| "credit".into(), version.subject.version);
        let tag = |value: &str| Action::SetVersionTag {
            model: name(),
            version: number,
            key: "risk".to_owned(),
            value: value.to_owned(),
        };
        check(tag("low"), Some(("tag risk", Some("high"), Some("low"))));
        check(tag("high"), None);
        let key = "owner".to_owned();
        check(Action::DeleteModelTag { model: name(), key }, Some(("model tag owner", Some("ana"), None)));
        let words = |text: &str| Some(text.to_owned());
        let update = |description| Action::UpdateVersion { model: name(), version: number, description };
        check(update(words("better")), Some(("description", Some("first"), Some("better"))));
        check(update(words("")), Some(("description", Some("first"), None)));
        let update = |description| Action::UpdateModel { model: name(), description };
        check(update(words("new")), Some(("model description", None, Some("new"))));
        check(Action::DeleteModel { model: name() }, None);
    }

    fn lines() -> impl Strategy<Value = Lines> {
        proptest::collection::btree_map("[a-d]{1,2}", "[x-z]{0,2}", 0..8).prop_map(Lines)
    }

    proptest! {
        #[test]
        fn equals_differ_in_nothing(one in lines()) {
            prop_assert_eq!(between(&one, &one), vec![]);
        }

        #[test]
        fn applying_a_difference_gives_the_other(one in lines(), other in lines()) {
            prop_assert_eq!(one.clone().changed(&between(&one, &other)), other);
        }

        #[test]
        fn the_way_back_says_the_same_the_other_way_round(one in lines(), other in lines()) {
            let back = between(&other, &one).into_iter();
            let back: Vec<Change> = back.map(|c| Change { was: c.is, is: c.was, ..c }).collect();
            prop_assert_eq!(between(&one, &other), back);
        }

        #[test]
        fn what_is_said_twice_is_not_lost(values in proptest::collection::vec("[x-z]{1,2}", 0..6)) {
            let mut lines = Lines::default();
            values.iter().for_each(|value| lines.say("metric auc", value.clone()));
            prop_assert_eq!(lines.0.len(), values.len());
        }
    }
}
