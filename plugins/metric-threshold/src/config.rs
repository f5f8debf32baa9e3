//! What a gate configures, and what of it contradicts itself.

use countersign_sdk::prelude::*;

/// The configuration of one gate.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MetricThreshold {
    /// The name of the metric, exactly as MLflow has it.
    pub metric: String,
    pub min: Option<Decimal>,
    pub max: Option<Decimal>,
    /// Whose metric counts.
    #[serde(default)]
    pub origin: Origin,
    /// Only values measured on the dataset of this name count.
    pub dataset: Option<String>,
    pub relative: Option<Relative>,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    Run,
    LoggedModel,
    #[default]
    Any,
}

/// How far the metric may fall or rise from what the holder of an alias has.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Relative {
    /// The alias.
    pub to: String,
    pub max_drop: Option<Decimal>,
    /// Of the absolute value that the holder has.
    pub max_drop_percent: Option<Decimal>,
    pub max_rise: Option<Decimal>,
    /// Of the absolute value that the holder has.
    pub max_rise_percent: Option<Decimal>,
}

impl Origin {
    /// The facts without which no verdict is possible.
    pub(crate) fn facts(self) -> &'static [&'static str] {
        match self {
            Self::Run => &["run"],
            Self::LoggedModel => &["logged-model"],
            Self::Any => &["run", "logged-model"],
        }
    }

    pub(crate) fn admits(self, origin: MetricOrigin) -> bool {
        match self {
            Self::Any => true,
            Self::Run => origin == MetricOrigin::Run,
            Self::LoggedModel => origin == MetricOrigin::LoggedModel,
        }
    }
}

impl MetricThreshold {
    pub(crate) fn contradictions(&self) -> Vec<ConfigError> {
        let mut problems = Vec::new();
        if self.min.is_none() && self.max.is_none() && self.relative.is_none() {
            problems.push(ConfigError::at("", "give at least one of `min`, `max` and `relative`"));
        }
        if let (Some(min), Some(max)) = (&self.min, &self.max)
            && min > max
        {
            problems.push(ConfigError::at("/min", format!("`min` {min} is above `max` {max}")));
        }
        if let Some(relative) = &self.relative {
            relative.contradictions(&mut problems);
        }
        problems
    }
}

impl Relative {
    fn contradictions(&self, problems: &mut Vec<ConfigError>) {
        let limits = [
            ("max_drop", &self.max_drop),
            ("max_drop_percent", &self.max_drop_percent),
            ("max_rise", &self.max_rise),
            ("max_rise_percent", &self.max_rise_percent),
        ];
        if limits.iter().all(|(_, limit)| limit.is_none()) {
            let names = limits.map(|(name, _)| format!("`{name}`")).join(", ");
            problems.push(ConfigError::at("/relative", format!("give at least one of {names}")));
        }
        for (name, limit) in limits {
            if limit.as_ref().is_some_and(Decimal::is_negative) {
                problems.push(ConfigError::at(format!("/relative/{name}"), format!("`{name}` is negative")));
            }
        }
    }
}
