//! Questions that authors ask of the facts, in the words of MLflow.

use crate::types::{AccessError, KeyValue, LoggedModel, Metric, ModelVersion, Run};
use crate::{CannotJudge, Decimal, DecimalError};

impl ModelVersion {
    /// The value of a tag of the version.
    #[must_use]
    pub fn tag(&self, key: &str) -> Option<&str> {
        value_of(&self.tags, key)
    }

    /// The first metric of this name, from whichever source it comes. See [`ModelVersion::metrics_named`] when
    /// there may be several.
    #[must_use]
    pub fn metric(&self, name: &str) -> Option<&Metric> {
        self.metrics.iter().find(|m| m.name == name)
    }

    /// Every metric of this name: of the run, of the logged model, of each dataset.
    pub fn metrics_named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Metric> {
        self.metrics.iter().filter(move |m| m.name == name)
    }

    /// A parameter of the logged model or, if it has none of that name, of the run.
    #[must_use]
    pub fn param(&self, key: &str) -> Option<&str> {
        let logged = self.logged_model.as_ref().and_then(|m| m.param(key));
        logged.or_else(|| self.run.as_ref().and_then(|r| r.param(key)))
    }

    #[must_use]
    pub fn has_alias(&self, alias: &str) -> bool {
        self.aliases.iter().any(|a| a == alias)
    }

    /// Whether both are the same version of the same model, made at the same time.
    #[must_use]
    pub fn is_same_version(&self, other: &Self) -> bool {
        let (a, b) = (&self.subject, &other.subject);
        (&a.workspace, &a.model, &a.version, a.created_ms)
            == (&b.workspace, &b.model, &b.version, b.created_ms)
    }

    /// Fails when one of the facts that the caller needs could not be established: `run`, `logged-model`,
    /// `artifacts`, `artifact:PATH`, `mlmodel`.
    ///
    /// # Errors
    /// Names the first of them that is missing, and why.
    pub fn require(&self, facts: &[&str]) -> Result<(), CannotJudge> {
        match self.missing.iter().find(|m| facts.contains(&m.name.as_str())) {
            Some(m) => Err(CannotJudge::new(format!("the fact `{}` is missing: {}", m.name, m.reason))),
            None => Ok(()),
        }
    }
}

impl Metric {
    /// The value as an exact decimal.
    ///
    /// # Errors
    /// [`DecimalError::NotFinite`] for NaN and the infinities.
    pub fn decimal(&self) -> Result<Decimal, DecimalError> {
        self.value.parse()
    }
}

impl Run {
    #[must_use]
    pub fn tag(&self, key: &str) -> Option<&str> {
        value_of(&self.tags, key)
    }

    #[must_use]
    pub fn param(&self, key: &str) -> Option<&str> {
        value_of(&self.params, key)
    }
}

impl LoggedModel {
    #[must_use]
    pub fn tag(&self, key: &str) -> Option<&str> {
        value_of(&self.tags, key)
    }

    #[must_use]
    pub fn param(&self, key: &str) -> Option<&str> {
        value_of(&self.params, key)
    }
}

impl AccessError {
    /// One sentence for a reader.
    #[must_use]
    pub fn sentence(&self) -> String {
        match self {
            Self::NotFound(what) => format!("not found: {what}"),
            Self::Denied(why) => format!("not granted: {why}"),
            Self::Budget(what) => format!("the budget of this evaluation is used up: {what}"),
            Self::Unavailable(why) => format!("not available: {why}"),
        }
    }
}

fn value_of<'a>(pairs: &'a [KeyValue], key: &str) -> Option<&'a str> {
    pairs.iter().find(|pair| pair.key == key).map(|pair| pair.value.as_str())
}
