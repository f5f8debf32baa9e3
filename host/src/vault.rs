//! What is said of a person lies in the store encrypted under a key of their own; the keys lie beside the store, each
//! in a file of its own. Whoever is forgotten loses their key: every copy of what was said of them, in the store's
//! files, in its journal and in every export ever made, is then bytes that nobody can read.
//!
//! Keys are never in the store, because its files keep what was deleted for a while, and its exports for ever. This
//! module must not know what is said of people.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use countersign_core::digest::Digest;
use countersign_core::names::PersonId;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};

use crate::clock::{Clock, NoRandomness};

const KEY_BYTES: usize = 32;
/// The first byte of what is sealed.
const FORMAT: u8 = 1;

/// The keys of all people.
pub struct Vault {
    dir: PathBuf,
    clock: Arc<dyn Clock>,
    /// As they were last read; `None`: there is none.
    keys: Mutex<HashMap<PersonId, Option<Arc<LessSafeKey>>>>,
}

#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    #[error("cannot {doing} `{}`: {source}; it holds the keys of people's profiles", path.display())]
    Io { doing: &'static str, path: PathBuf, source: io::Error },
    #[error("`{}` is no key of {KEY_BYTES} bytes: put it back from a backup, or delete it to forget that person", .0.display())]
    NotAKey(PathBuf),
    #[error("something about a person cannot be encrypted")]
    Seal,
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
}

impl Vault {
    /// The keys in a directory, which is made where it is missing.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn open(dir: &Path, clock: Arc<dyn Clock>) -> Result<Self, VaultError> {
        if !dir.is_dir() {
            let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(dir);
            made.map_err(|source| io_error("make", dir, source))?;
        }
        Ok(Self { dir: dir.to_owned(), clock, keys: Mutex::default() })
    }

    /// Encrypts something about a person. `place` is where it is kept: moved elsewhere it cannot be read.
    ///
    /// # Errors
    /// When a new key cannot be written, or the one that there is cannot be read.
    pub fn seal(&self, person: &PersonId, place: &[u8], plain: &[u8]) -> Result<Vec<u8>, VaultError> {
        let key = match self.key(person)? {
            Some(key) => key,
            None => self.new_key(person)?,
        };
        let mut nonce = [0; NONCE_LEN];
        self.clock.fill_random(&mut nonce)?;
        let mut bytes = plain.to_vec();
        key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), aad(person, place), &mut bytes)
            .map_err(|_| VaultError::Seal)?;
        Ok([&[FORMAT], nonce.as_slice(), &bytes].concat())
    }

    /// What was sealed; `None` where the key is gone, or this is not what was kept at that place.
    ///
    /// # Errors
    /// When the key is there and cannot be read.
    pub fn read(
        &self,
        person: &PersonId,
        place: &[u8],
        sealed: &[u8],
    ) -> Result<Option<Vec<u8>>, VaultError> {
        let Some(key) = self.key(person)? else { return Ok(None) };
        let parts = sealed.strip_prefix(&[FORMAT]).and_then(<[u8]>::split_first_chunk::<NONCE_LEN>);
        let Some((nonce, bytes)) = parts else { return Ok(None) };
        let (nonce, mut bytes) = (Nonce::assume_unique_for_key(*nonce), bytes.to_vec());
        let plain = key.open_in_place(nonce, aad(person, place), &mut bytes).ok();
        Ok(plain.map(|plain| plain.to_vec()))
    }

    /// Whether anything about a person can be read.
    ///
    /// # Errors
    /// As [`Vault::read`].
    pub fn knows(&self, person: &PersonId) -> Result<bool, VaultError> {
        Ok(self.key(person)?.is_some())
    }

    /// Destroys a person's key, durably: written over, taken out. Whether there was one.
    ///
    /// # Errors
    /// When it is still there.
    pub fn erase(&self, person: &PersonId) -> Result<bool, VaultError> {
        let path = self.file(person);
        let mut keys = self.lock();
        keys.remove(person);
        let opened = OpenOptions::new().write(true).open(&path);
        let mut file = match opened {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            opened => opened.map_err(|source| io_error("open", &path, source))?,
        };
        let over = file.write_all(&[0; KEY_BYTES]).and_then(|()| file.sync_all());
        over.map_err(|source| io_error("write over", &path, source))?;
        fs::remove_file(&path).map_err(|source| io_error("delete", &path, source))?;
        self.sync()?;
        keys.insert(person.clone(), None);
        Ok(true)
    }

    fn key(&self, person: &PersonId) -> Result<Option<Arc<LessSafeKey>>, VaultError> {
        if let Some(known) = self.lock().get(person) {
            return Ok(known.clone());
        }
        let path = self.file(person);
        let found = match fs::read(&path) {
            Ok(bytes) => Some(Arc::new(key_of(&bytes).ok_or(VaultError::NotAKey(path))?)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(source) => return Err(io_error("read", &path, source)),
        };
        self.lock().insert(person.clone(), found.clone());
        Ok(found)
    }

    /// Durable before anything is sealed by it.
    fn new_key(&self, person: &PersonId) -> Result<Arc<LessSafeKey>, VaultError> {
        let mut keys = self.lock();
        if let Some(Some(known)) = keys.get(person) {
            return Ok(Arc::clone(known));
        }
        let (path, mut bytes) = (self.file(person), [0; KEY_BYTES]);
        self.clock.fill_random(&mut bytes)?;
        let fresh = path.with_extension("new");
        let options = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&fresh);
        let written = options.and_then(|mut file| file.write_all(&bytes).and_then(|()| file.sync_all()));
        let placed = written.and_then(|()| fs::rename(&fresh, &path));
        placed.map_err(|source| io_error("write", &path, source))?;
        self.sync()?;
        let key = Arc::new(key_of(&bytes).ok_or(VaultError::NotAKey(path))?);
        keys.insert(person.clone(), Some(Arc::clone(&key)));
        Ok(key)
    }

    /// An id may have any characters, and says nothing in this form either.
    fn file(&self, person: &PersonId) -> PathBuf {
        let name = hex::encode(Digest::of(person.as_str().as_bytes()).as_bytes());
        self.dir.join(format!("{name}.key"))
    }

    /// Makes what has changed in the directory last.
    fn sync(&self) -> Result<(), VaultError> {
        let synced = File::open(&self.dir).and_then(|dir| dir.sync_all());
        synced.map_err(|source| io_error("sync", &self.dir, source))
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<PersonId, Option<Arc<LessSafeKey>>>> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn key_of(bytes: &[u8]) -> Option<LessSafeKey> {
    Some(LessSafeKey::new(UnboundKey::new(&AES_256_GCM, bytes).ok()?))
}

fn aad(person: &PersonId, place: &[u8]) -> Aad<Vec<u8>> {
    Aad::from([person.as_str().as_bytes(), &[0], place].concat())
}

fn io_error(doing: &'static str, path: &Path, source: io::Error) -> VaultError {
    VaultError::Io { doing, path: path.to_owned(), source }
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Vault").field("dir", &self.dir).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tempfile::TempDir;

    use super::*;
    use crate::clock::SystemClock;

    fn vault() -> (Vault, TempDir) {
        let dir = tempfile::tempdir().unwrap();
        (Vault::open(&dir.path().join("keys"), Arc::new(SystemClock::new())).unwrap(), dir)
    }

    fn again(dir: &TempDir) -> Vault {
        Vault::open(&dir.path().join("keys"), Arc::new(SystemClock::new())).unwrap()
    }

    #[test]
    fn what_is_sealed_reads_until_its_key_is_gone() {
        let ((vault, dir), ana, ruth) = (vault(), PersonId::new("ana"), PersonId::new("../ruth\0"));
        let sealed = vault.seal(&ana, b"name", b"Ana Silva").unwrap();
        let other = vault.seal(&ruth, b"name", b"Ruth").unwrap();
        let read = |vault: &Vault, who, place: &[u8], sealed: &[u8]| vault.read(who, place, sealed).unwrap();
        for vault in [&vault, &again(&dir)] {
            assert_eq!(read(vault, &ana, b"name", &sealed).as_deref(), Some(b"Ana Silva".as_slice()));
            assert_eq!(read(vault, &ana, b"elsewhere", &sealed), None);
            assert_eq!(read(vault, &ruth, b"name", &sealed), None);
        }
        assert_eq!((vault.erase(&ana).unwrap(), vault.erase(&ana).unwrap()), (true, false));
        for vault in [&vault, &again(&dir)] {
            assert_eq!((read(vault, &ana, b"name", &sealed), vault.knows(&ana).unwrap()), (None, false));
            assert_eq!(read(vault, &ruth, b"name", &other).as_deref(), Some(b"Ruth".as_slice()));
        }
        // Whoever comes back has another key.
        vault.seal(&ana, b"name", b"Ana again").unwrap();
        assert_eq!(read(&vault, &ana, b"name", &sealed), None);
    }

    #[test]
    fn a_key_is_its_owners_alone_and_a_damaged_one_is_named() {
        use std::os::unix::fs::PermissionsExt as _;
        let (vault, dir) = vault();
        vault.seal(&"ana".into(), b"", b"").unwrap();
        let file = vault.file(&"ana".into());
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&file), mode(&dir.path().join("keys"))), (0o600, 0o700));
        fs::write(&file, b"short").unwrap();
        let error = again(&dir).knows(&"ana".into()).unwrap_err().to_string();
        assert!(error.contains("is no key of 32 bytes"), "{error}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16))]

        /// Nothing of what is said stands in what is kept, and a changed byte makes it unreadable.
        #[test]
        fn nothing_shows_and_nothing_can_be_changed(plain in proptest::collection::vec(any::<u8>(), 4..60), at in any::<prop::sample::Index>()) {
            let (vault, _dir) = vault();
            let mut sealed = vault.seal(&"ana".into(), b"p", &plain).unwrap();
            prop_assert!(!sealed.windows(plain.len()).any(|window| window == plain));
            let at = at.index(sealed.len());
            sealed[at] ^= 1;
            prop_assert_eq!(vault.read(&"ana".into(), b"p", &sealed).unwrap(), None);
        }
    }
}
