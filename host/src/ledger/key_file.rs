//! The file that holds the signing key: made at the first start, readable by its owner only.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use crate::clock::{Clock, NoRandomness};

use super::note::{NoteError, SigningKey};

#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    #[error("cannot use the signing key file `{}`", path.display())]
    Io { path: PathBuf, source: io::Error },
    #[error("signing key file `{}`", path.display())]
    Key { path: PathBuf, source: NoteError },
    #[error(
        "signing key file `{}` can be read by others (mode {mode:o}): run `chmod 600` on it, and consider \
         whether the key was copied", path.display()
    )]
    Mode { path: PathBuf, mode: u32 },
    #[error(transparent)]
    Random(#[from] NoRandomness),
}

/// The key in the file; where there is no file, a new key of that origin is put there first. A key that is there keeps
/// the origin that it was made with: that is what its ledger goes by, wherever the server is reached by now.
///
/// # Errors
/// See [`KeyFileError`].
pub fn load_or_create(path: &Path, origin: &str, clock: &dyn Clock) -> Result<SigningKey, KeyFileError> {
    match read(path) {
        Err(KeyFileError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
            create(path, origin, clock)
        }
        other => other,
    }
}

/// The key in a file that exists.
///
/// # Errors
/// See [`KeyFileError`].
pub fn read(path: &Path) -> Result<SigningKey, KeyFileError> {
    let io_error = |source| KeyFileError::Io { path: path.to_owned(), source };
    let mut file = File::open(path).map_err(io_error)?;
    let mode = file.metadata().map_err(io_error)?.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(KeyFileError::Mode { path: path.to_owned(), mode });
    }
    let mut text = String::new();
    io::Read::read_to_string(&mut file, &mut text).map_err(io_error)?;
    text.trim_end().parse().map_err(|source| KeyFileError::Key { path: path.to_owned(), source })
}

/// Written aside and linked into place, so that a crash leaves a whole key or none, and an existing one stands.
fn create(path: &Path, origin: &str, clock: &dyn Clock) -> Result<SigningKey, KeyFileError> {
    let mut seed = [0; 32];
    clock.fill_random(&mut seed)?;
    let key = SigningKey::from_seed(origin, seed)
        .map_err(|source| KeyFileError::Key { path: path.to_owned(), source })?;
    let aside = path.with_extension("new");
    let written = write(&aside, &key.encode()).and_then(|()| std::fs::hard_link(&aside, path));
    let removed = std::fs::remove_file(&aside);
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    written
        .and(removed)
        .and_then(|()| File::open(directory)?.sync_all())
        .map_err(|source| KeyFileError::Io { path: path.to_owned(), source })?;
    Ok(key)
}

fn write(path: &Path, line: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    writeln!(file, "{line}")?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use countersign_core::time::Millis;

    use crate::clock::ManualClock;

    use super::*;

    #[test]
    fn is_made_once_and_kept() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ledger.key");
        let clock = ManualClock::at(Millis::new(0));
        let first = load_or_create(&path, "ledger.example", &clock).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
        let again = load_or_create(&path, "ledger.example", &clock).unwrap();
        assert_eq!(first.verifier(), again.verifier());
        let moved = load_or_create(&path, "other.example", &clock).unwrap();
        assert_eq!(first.verifier(), moved.verifier(), "a server that moves keeps its ledger");
        let elsewhere = load_or_create(&dir.path().join("b.key"), "ledger.example", &clock).unwrap();
        assert_ne!(elsewhere.verifier(), first.verifier());
    }

    #[test]
    fn is_refused_when_others_can_read_it_or_it_is_none() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ledger.key");
        std::fs::write(&path, "PRIVATE+KEY+nonsense\n").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert!(read(&path).unwrap_err().to_string().contains("chmod 600"));
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        assert!(matches!(read(&path), Err(KeyFileError::Key { .. })));
    }
}
