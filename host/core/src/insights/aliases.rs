//! Who held each name when, and by what right: what [`crate::held`] tells, up to the position of the projection.

use super::Projection;
pub use crate::held::{How, Name, Spell, Standing};
use crate::names::{ModelName, Version, Workspace};

impl Projection {
    /// What the names of a model held, by name, each oldest first.
    #[must_use]
    pub fn spells(&self, workspace: &Workspace, model: &ModelName) -> Vec<Spell> {
        self.timeline().spells(workspace, model)
    }

    /// By what right an alias holds a version now.
    #[must_use]
    pub fn standing(
        &self,
        workspace: &Workspace,
        model: &ModelName,
        alias: &str,
        version: Version,
    ) -> Standing {
        self.timeline().standing(workspace, model, &Name::Alias(alias.to_owned()), version)
    }
}
