//! Compiled code on disk, so that a start maps files instead of compiling.
//!
//! Compiled code is trusted code: whoever can change it runs in this process. The directory is ours alone, every
//! file carries a MAC under a key of this installation, and a file whose MAC does not hold is deleted and compiled
//! again. The MAC is keyed BLAKE3, because a start waits for it: it runs at the speed of memory on one core, needs no
//! nonce that must never come twice, and stays a MAC if it is ever cut short.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use countersign_core::digest::Digest;
use wasmtime::component::Component;

use super::engine;
use crate::clock::{Clock, NoRandomness};

const KEY_FILE: &str = "mac.key";
const KEY_BYTES: usize = 32;
/// Bytes that are read at once for a MAC.
const PART: usize = 64 << 10;
/// Part of the files' names: what an older version wrote is not looked at. Its MACs were HMAC-SHA256.
const FORMAT: u32 = 2;
/// What the MAC's key is derived for.
const PURPOSE: &str = "countersign 2026-11 compiled plugins, MAC of the code";

#[derive(Debug, thiserror::Error)]
pub enum CacheError {
    #[error("cannot use `{}` for compiled plugins", .path.display())]
    Io { path: PathBuf, source: io::Error },
    #[error("the key `{}` is not {KEY_BYTES} bytes long: delete the directory and start again", .path.display())]
    Key { path: PathBuf },
    #[error("cannot make a key for compiled plugins")]
    Random(#[from] NoRandomness),
}

/// The directory of compiled code.
pub struct CodeCache {
    dir: PathBuf,
    key: [u8; blake3::KEY_LEN],
    written: AtomicU64,
}

impl std::fmt::Debug for CodeCache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CodeCache").field("dir", &self.dir).finish_non_exhaustive()
    }
}

impl CodeCache {
    /// Opens the directory, making it and its key where there are none.
    ///
    /// # Errors
    /// When the directory cannot be read or written, or the key is not one.
    pub fn open(dir: impl Into<PathBuf>, clock: &dyn Clock) -> Result<Self, CacheError> {
        let dir = dir.into();
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| CacheError::Io { path, source }
        };
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&dir).map_err(failed(&dir))?;
        let path = dir.join(KEY_FILE);
        if !path.exists() {
            let mut key = vec![0; KEY_BYTES];
            clock.fill_random(&mut key)?;
            write_once(&path, &key).map_err(failed(&path))?;
        }
        let key = fs::read(&path).map_err(failed(&path))?;
        if key.len() != KEY_BYTES {
            return Err(CacheError::Key { path });
        }
        Ok(Self { dir, key: blake3::derive_key(PURPOSE, &key), written: AtomicU64::new(0) })
    }

    /// The compiled form of a component, where there is one that this process may trust and this engine can run.
    pub(super) fn load(&self, engine: &wasmtime::Engine, digest: Digest) -> Option<Component> {
        let (code, mac) = self.paths(engine, digest);
        let found = self.tag(&code, File::open(&code).ok()?).ok()?;
        if !same(found, &fs::read(&mac).unwrap_or_default()) {
            tracing::warn!(
                file = %code.display(),
                "compiled code does not carry our MAC: it is deleted and compiled again. Find out who wrote it"
            );
            self.forget(&code, &mac);
            return None;
        }
        match map(engine, &code) {
            Ok(component) => Some(component),
            Err(error) => {
                tracing::warn!(file = %code.display(), error = format!("{error:#}"), "compiled code cannot be used");
                self.forget(&code, &mac);
                None
            }
        }
    }

    /// Keeps the compiled form of a component.
    pub(super) fn store(&self, engine: &wasmtime::Engine, digest: Digest, compiled: &[u8]) -> io::Result<()> {
        let (code, mac) = self.paths(engine, digest);
        let tag = self.tag(&code, compiled)?;
        let n = self.written.fetch_add(1, Relaxed);
        write(&mac, tag.as_bytes(), n)?;
        write(&code, compiled, n)
    }

    fn paths(&self, engine: &wasmtime::Engine, digest: Digest) -> (PathBuf, PathBuf) {
        let stem =
            format!("{}-{:016x}-{FORMAT}", hex::encode(digest.as_bytes()), engine::compatibility(engine));
        (self.dir.join(format!("{stem}.cwasm")), self.dir.join(format!("{stem}.mac")))
    }

    /// The MAC of compiled code. It covers the file's name as well, so that one plugin's code cannot be put in
    /// another's place. Read in small parts: a buffer for all of it would cost more than the MAC.
    fn tag(&self, code: &Path, mut compiled: impl Read) -> io::Result<blake3::Hash> {
        let mut mac = blake3::Hasher::new_keyed(&self.key);
        mac.update(code.file_name().unwrap_or_default().as_encoded_bytes());
        mac.update(&[0]);
        let mut part = vec![0; PART];
        loop {
            match compiled.read(&mut part)? {
                0 => return Ok(mac.finalize()),
                read => mac.update(part.get(..read).unwrap_or_default()),
            };
        }
    }

    fn forget(&self, code: &Path, mac: &Path) {
        for path in [code, mac] {
            if let Err(error) = fs::remove_file(path) {
                tracing::debug!(file = %path.display(), %error, "nothing to delete");
            }
        }
    }
}

/// Whether a stored tag is the one that was found. Comparing takes as long wherever they differ: that is how
/// BLAKE3's hashes compare.
fn same(found: blake3::Hash, stored: &[u8]) -> bool {
    blake3::Hash::from_slice(stored).is_ok_and(|stored| stored == found)
}

/// Writes a file that appears whole, unless another process was first.
fn write_once(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let ours = path.with_extension(format!("{}.new", std::process::id()));
    write(&ours, bytes, 0)?;
    let linked = fs::hard_link(&ours, path);
    fs::remove_file(&ours)?;
    match linked {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

/// Writes a file that appears whole or not at all: it may be mapped while it is replaced.
fn write(path: &Path, bytes: &[u8], n: u64) -> io::Result<()> {
    let temporary = path.with_extension(format!("{}-{n}.tmp", std::process::id()));
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&temporary)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&temporary, path)
}

#[expect(unsafe_code, reason = "mapping compiled code is running it")]
fn map(engine: &wasmtime::Engine, code: &Path) -> wasmtime::Result<Component> {
    // SAFETY: the file is what `Engine::precompile_component` of this installation wrote: its MAC, under a key that
    // only this user can read, was verified just now. It is never written in place, only renamed over, and lies in
    // a directory with mode 0700; who can change it in between can change this process as well.
    unsafe { Component::deserialize_file(engine, code) }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::clock::SystemClock;

    fn engine() -> wasmtime::Engine {
        wasmtime::Engine::default()
    }

    fn compiled(engine: &wasmtime::Engine) -> (Digest, Vec<u8>) {
        let component = [0, b'a', b's', b'm', 0x0d, 0, 1, 0];
        (Digest::of(&component), engine.precompile_component(&component).unwrap())
    }

    fn files(dir: &Path) -> Vec<PathBuf> {
        let mut files: Vec<PathBuf> = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        files
    }

    /// Stores a component, lets `tamper` at the files (code, then MAC), and says whether it still loads.
    fn loads_after(tamper: impl FnOnce(&Path, &Path)) -> bool {
        let dir = tempfile::tempdir().unwrap();
        let engine = engine();
        let cache = CodeCache::open(dir.path(), &SystemClock::new()).unwrap();
        let (digest, code) = compiled(&engine);
        cache.store(&engine, digest, &code).unwrap();
        let (code, mac) = cache.paths(&engine, digest);
        tamper(&code, &mac);
        let reopened = CodeCache::open(dir.path(), &SystemClock::new()).unwrap();
        let loaded = reopened.load(&engine, digest).is_some();
        assert_eq!(loaded, code.exists(), "what is not trusted is deleted");
        loaded
    }

    #[test]
    fn only_code_with_our_mac_is_mapped() {
        assert!(loads_after(|_, _| {}));
        assert!(!loads_after(|_, mac| fs::remove_file(mac).unwrap()));
        assert!(!loads_after(|_, mac| fs::write(mac, [0; 32]).unwrap()));
        assert!(!loads_after(|code, _| {
            let mut bytes = fs::read(code).unwrap();
            let last = bytes.len() - 1;
            bytes[last] ^= 1;
            fs::write(code, bytes).unwrap();
        }));
        assert!(!loads_after(|code, mac| {
            fs::write(code, b"other").unwrap();
            fs::copy(code, mac).unwrap();
        }));
    }

    #[test]
    fn the_directory_and_its_files_are_ours_alone() {
        let parent = tempfile::tempdir().unwrap();
        let dir = parent.path().join("code");
        let cache = CodeCache::open(&dir, &SystemClock::new()).unwrap();
        let engine = engine();
        let (digest, code) = compiled(&engine);
        cache.store(&engine, digest, &code).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&dir), 0o700);
        assert_eq!(files(&dir).len(), 3);
        assert!(files(&dir).iter().all(|file| mode(file) == 0o600));
    }
}
