//! From a plugin's folder to a component that carries its manifest: what `countersign plugin build` does after cargo.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use countersign_core::policy::Grant;
use countersign_core::reads::Reads;
use serde::Deserialize;
use serde_json::Value;

use super::manifest::{self, Kind, Manifest, ManifestError};

/// `plugin.toml`: the manifest, with files named where the manifest has their contents.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Description {
    name: String,
    version: String,
    description: String,
    kinds: BTreeSet<Kind>,
    #[serde(default)]
    capabilities: BTreeSet<Grant>,
    #[serde(default)]
    reads: Option<Reads>,
    /// A JSON file.
    config_schema: PathBuf,
    /// `FOLDER/*.json`.
    #[serde(default)]
    cases: Option<String>,
}

#[derive(Debug, thiserror::Error)]
pub enum PackageError {
    #[error("cannot read `{}`", .path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("`{}` is not a plugin's description", .path.display())]
    Toml { path: PathBuf, source: toml::de::Error },
    #[error("`{}` is not JSON", .path.display())]
    Json { path: PathBuf, source: serde_json::Error },
    #[error("`cases = \"{0}\"` is not understood: write a folder and `*.json`, as in `cases/*.json`")]
    Cases(String),
    #[error("the component cannot carry the manifest")]
    Embed(#[from] ManifestError),
}

/// Reads `plugin.toml` in a plugin's folder, with the schema and the cases that it names.
///
/// # Errors
/// Names the file that is missing or wrong.
pub fn read_manifest(folder: &Path) -> Result<Manifest, PackageError> {
    let path = folder.join("plugin.toml");
    let text = read(&path)?;
    let description: Description =
        toml::from_str(&text).map_err(|source| PackageError::Toml { path, source })?;
    Ok(Manifest {
        format: manifest::FORMAT,
        name: description.name,
        version: description.version,
        description: description.description,
        kinds: description.kinds,
        capabilities: description.capabilities,
        reads: description.reads,
        config_schema: json(&folder.join(description.config_schema))?,
        cases: description.cases.map_or(Ok(Vec::new()), |pattern| cases(folder, &pattern))?,
    })
}

/// The component with its manifest in a section at its end.
///
/// # Errors
/// When it is not a component, carries a manifest already, or the manifest is too large.
pub fn embed(component: &[u8], manifest: &Manifest) -> Result<Vec<u8>, PackageError> {
    Ok(manifest::embed(component, manifest)?)
}

fn cases(folder: &Path, pattern: &str) -> Result<Vec<Value>, PackageError> {
    let parent = pattern.strip_suffix("/*.json").ok_or_else(|| PackageError::Cases(pattern.to_owned()))?;
    let parent = folder.join(parent);
    let failed = |source| PackageError::Read { path: parent.clone(), source };
    let mut files = Vec::new();
    for entry in fs::read_dir(&parent).map_err(failed)? {
        files.push(entry.map_err(failed)?.path());
    }
    files.retain(|file| file.extension().is_some_and(|extension| extension == "json"));
    files.sort();
    files.iter().map(|file| json(file)).collect()
}

fn json(path: &Path) -> Result<Value, PackageError> {
    serde_json::from_str(&read(path)?).map_err(|source| PackageError::Json { path: path.to_owned(), source })
}

fn read(path: &Path) -> Result<String, PackageError> {
    fs::read_to_string(path).map_err(|source| PackageError::Read { path: path.to_owned(), source })
}
