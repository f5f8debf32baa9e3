//! One check over facts and files that somebody has at hand. Files are read where the guest reads, never whole.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use countersign_core::check::Outcome;
use countersign_core::facts;
use serde::Deserialize;
use serde_json::{Value, json};

use super::super::engine::Engine;
use super::super::evaluate::Evaluation;
use super::super::input::CheckInput;
use super::super::loader::{Plugin, ValidateError};
use super::super::sources::{
    AccessError, Answer, HistoryAnswer, HistoryQuery, RegistryAnswer, RegistryQuery, Sources,
};
use super::check_record;
use super::given::Given;
use super::shelf::Shelf;

/// What a check is tried on.
#[derive(Debug)]
pub struct Trial {
    given: Given,
    shelf: Shelf,
    files: BTreeMap<String, PathBuf>,
}

#[derive(Debug, thiserror::Error)]
pub enum TrialError {
    #[error("the facts cannot be made sense of: {0}")]
    Facts(String),
    #[error("the configuration is refused")]
    Config(#[from] ValidateError),
    #[error("`{0}` is no check: a rule is tried by its cases, with `countersign plugin test`")]
    NoCheck(String),
}

impl Trial {
    /// With facts in the form of a case's `given`; without any, a version about which nothing is known.
    ///
    /// # Errors
    /// When the facts are not in that form.
    pub fn given(facts: Option<&Value>) -> Result<Self, TrialError> {
        let nothing = json!({"version": {"model": "model", "version": "1"}});
        let given = Given::deserialize(facts.unwrap_or(&nothing));
        let given = given.map_err(|error| TrialError::Facts(error.to_string()))?;
        let shelf = given.shelf(Path::new(".")).map_err(TrialError::Facts)?;
        Ok(Self { given, shelf, files: BTreeMap::new() })
    }

    /// Replaces the configuration.
    pub fn configure(&mut self, config: Value) {
        self.given.config = config;
    }

    /// Adds every file below a directory to the version. Digests are not computed: that would read everything.
    ///
    /// # Errors
    /// When the directory cannot be listed.
    pub fn add_files(&mut self, folder: &Path) -> io::Result<()> {
        let listed = &mut self.shelf.subject.files;
        for (path, file) in walk(folder)? {
            if !listed.iter().any(|known| known.path == path) {
                let size = fs::metadata(&file)?.len();
                listed.push(facts::File { path: path.clone(), size, digest: None });
            }
            self.files.insert(path, file);
        }
        listed.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(())
    }
}

impl Engine {
    /// Runs a check once over what is given.
    ///
    /// # Errors
    /// When the plugin is no check, or it refuses the configuration.
    pub async fn try_check(
        &self,
        plugin: &Arc<Plugin>,
        trial: Trial,
    ) -> Result<Evaluation<Outcome>, TrialError> {
        if plugin.check().is_none() {
            return Err(TrialError::NoCheck(plugin.name().to_string()));
        }
        let Trial { given, shelf, files } = trial;
        let config = self.validate_config(plugin, &given.config).await?;
        let record = check_record(plugin, &given, shelf.clone(), config).map_err(TrialError::Facts)?;
        let sources = Arc::new(Directory { shelf, files });
        Ok(self.evaluate_check(plugin, &Arc::new(CheckInput::new(record)), sources).await)
    }
}

/// The registry of a case, with files on disk.
struct Directory {
    shelf: Shelf,
    files: BTreeMap<String, PathBuf>,
}

impl Sources for Directory {
    fn query(&self, query: RegistryQuery) -> Answer<RegistryAnswer> {
        self.shelf.query(query)
    }

    fn history(&self, query: HistoryQuery) -> Answer<HistoryAnswer> {
        self.shelf.history(query)
    }

    fn read(&self, path: &str, offset: u64, len: u32) -> Answer<Bytes> {
        let Some(file) = self.files.get(path) else { return self.shelf.read(path, offset, len) };
        let unavailable =
            |error: io::Error| AccessError::Unavailable(format!("`{}`: {error}", file.display()));
        let read = read(file, offset, len).map_err(unavailable);
        Box::pin(async { read })
    }

    /// A disk answers small questions as fast as large ones.
    fn block_bytes(&self) -> u32 {
        0
    }
}

fn read(file: &Path, offset: u64, len: u32) -> io::Result<Bytes> {
    let mut bytes = BytesMut::zeroed(len as usize);
    File::open(file)?.read_exact_at(&mut bytes, offset)?;
    Ok(bytes.freeze())
}

/// The files below a directory by their path within it, with `/` between its parts. A link to a file is that file; a
/// link to a directory is not followed, for it may lead back.
fn walk(folder: &Path) -> io::Result<Vec<(String, PathBuf)>> {
    let mut found = Vec::new();
    let mut left = vec![(String::new(), folder.to_owned())];
    while let Some((prefix, folder)) = left.pop() {
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            let path = format!("{prefix}{}", entry.file_name().to_string_lossy());
            if entry.file_type()?.is_dir() {
                left.push((format!("{path}/"), entry.path()));
            } else if entry.path().is_file() {
                found.push((path, entry.path()));
            }
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn files_are_found_below_a_directory_and_read_by_ranges() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("data")).unwrap();
        fs::write(dir.path().join("data/model.pkl"), b"0123456789").unwrap();
        std::os::unix::fs::symlink("data/model.pkl", dir.path().join("link.pkl")).unwrap();
        std::os::unix::fs::symlink("..", dir.path().join("data/loop")).unwrap();
        let mut trial = Trial::given(None).unwrap();
        trial.add_files(dir.path()).unwrap();
        let files: Vec<_> = trial.shelf.subject.files.iter().map(|file| (&*file.path, file.size)).collect();
        assert_eq!(files, [("data/model.pkl", 10), ("link.pkl", 10)]);
        let directory = Directory { shelf: trial.shelf, files: trial.files };
        assert_eq!(directory.read("data/model.pkl", 3, 4).await.unwrap(), "3456");
        assert!(matches!(directory.read("data/model.pkl", 8, 4).await, Err(AccessError::Unavailable(_))));
        assert!(matches!(directory.read("other", 0, 1).await, Err(AccessError::NotFound(_))));
    }

    #[test]
    fn facts_that_are_not_facts_are_refused() {
        let check = |facts: Value, text: &str| {
            let error = Trial::given(Some(&facts)).unwrap_err().to_string();
            assert!(error.contains(text), "{error}");
        };
        check(json!({"versoin": {}}), "versoin");
        check(json!({"version": {"model": "m", "version": "x"}}), "`x` is not a version's number");
    }
}
