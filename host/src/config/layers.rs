//! The layers of the configuration, and which of them a value comes from.

use std::path::Path;

use figment::providers::Serialized;
use figment::value::{Dict, Map, Value};
use figment::{Figment, Metadata, Profile, Provider};

use super::fault::{ConfigError, ConfigFault};
use super::file::File;

/// `COUNTERSIGN__SECTION__KEY`.
const PREFIX: &str = "COUNTERSIGN__";

/// Keys whose values are not texts. All others are taken as they stand, so that a password of digits stays one.
const NOT_TEXT: &[&str] = &[
    "server.allowed_hosts",
    "server.workers",
    "upstream.workspaces",
    "oidc.audience",
    "oidc.scopes",
    "oidc.machine_clients",
    "proxy_header.trusted_proxies",
    "proxy_header.machines",
    "plugins.threads",
    "plugins.max_concurrent",
];

pub(super) struct Layers {
    pub(super) figment: Figment,
    pub(super) file: File,
    /// Where a key that is missing would be written.
    place: String,
}

impl Layers {
    pub(super) fn read(
        file: Option<&Path>,
        environment: impl IntoIterator<Item = (String, String)>,
        flags: &[(&str, String)],
    ) -> Result<Self, ConfigError> {
        let place = file.map_or_else(|| "the defaults".to_owned(), |path| path.display().to_string());
        let mut figment = Figment::from(Serialized::defaults(File::default()));
        if let Some(path) = file {
            figment = figment.merge(Layer::file(path)?);
        }
        for (name, value) in environment {
            if let Some(key) = name.strip_prefix(PREFIX) {
                let key = key.to_lowercase().replace("__", ".");
                figment = figment.merge(Layer::one(format!("environment variable {name}"), &key, &value));
            }
        }
        for (key, value) in flags {
            figment = figment.merge(Layer::one("command line".to_owned(), key, value));
        }
        let file = figment.extract().map_err(ConfigError::from_figment)?;
        Ok(Self { figment, file, place })
    }

    /// The layer that a value comes from, for errors.
    pub(super) fn origin(&self, key: &str) -> String {
        self.figment.find_metadata(key).map_or_else(|| self.place.clone(), |from| from.name.to_string())
    }
}

/// Values of one origin.
struct Layer {
    origin: String,
    values: Dict,
}

impl Layer {
    fn file(path: &Path) -> Result<Self, ConfigError> {
        let origin = path.display().to_string();
        let text = std::fs::read_to_string(path).map_err(|error| {
            let message = format!("the file cannot be read: {error}: name another with `--config`");
            ConfigError::one(ConfigFault { origin: origin.clone(), key: None, message })
        })?;
        match toml::from_str(&text) {
            Ok(values) => Ok(Self { origin, values }),
            Err(error) => {
                let at = error.span().map_or(0, |span| span.start);
                let line = text.get(..at).unwrap_or_default().matches('\n').count() + 1;
                let message = format!("line {line} is not TOML: {}", error.message());
                Err(ConfigError::one(ConfigFault { origin, key: None, message }))
            }
        }
    }

    fn one(origin: String, key: &str, value: &str) -> Self {
        let text = || Value::from(value);
        let value = if NOT_TEXT.contains(&key) { value.parse().unwrap_or_else(|_| text()) } else { text() };
        let values = figment::util::nest(key, value).into_dict().unwrap_or_default();
        Self { origin, values }
    }
}

impl Provider for Layer {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.origin.clone())
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        Ok(Profile::Default.collect(self.values.clone()))
    }
}
