//! Trying a configuration on a plugin, without putting anything in force.

use countersign_core::names::PluginName;
use serde_json::Value;

use super::{App, AppError, Generation};
use crate::plugins::ValidateError;

impl App {
    /// What is wrong with a configuration, by its JSON pointer; nothing where the plugin takes it.
    ///
    /// # Errors
    /// When there is no such plugin, or it failed when it was asked.
    pub async fn try_config(
        &self,
        generation: &Generation,
        plugin: &PluginName,
        config: &Value,
    ) -> Result<Vec<(String, String)>, AppError> {
        let loaded = generation.plugin(plugin)?;
        match self.engine.validate_config(loaded, config).await {
            Ok(_) => Ok(Vec::new()),
            Err(ValidateError::Refused(errors)) => {
                Ok(errors.0.into_iter().map(|error| (error.pointer, error.message)).collect())
            }
            Err(
                error @ (ValidateError::Schema(_) | ValidateError::Canonical(_) | ValidateError::Failed(_)),
            ) => Err(AppError::Invalid(format!("plugin `{plugin}`: {error}"))),
        }
    }
}
