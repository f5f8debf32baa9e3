//! How a command on this machine shows the running server that the operator sent it: by a key that only the owner of
//! the files can read. A pass is `Operator EXPIRY.HMAC`: the milliseconds at which it ends, and hex HMAC-SHA256 over them.
//!
//! Must not know what passes are good for.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use countersign_core::time::{Millis, Span};
use ring::hmac;

use crate::clock::{Clock, NoRandomness};

const KEY_BYTES: usize = 32;
const SCHEME: &str = "Operator ";
/// So that nothing else that is ever signed with this key can be taken for a pass.
const PURPOSE: &str = "countersign operator pass ";

/// How long a pass is good.
pub const LIFETIME: Span = Span::from_millis(60_000);

/// The key of one installation.
#[derive(Debug)]
pub struct OperatorKey {
    key: hmac::Key,
}

#[derive(Debug, thiserror::Error)]
pub enum OperatorKeyError {
    #[error("cannot use the operator key `{}`", path.display())]
    Io { path: PathBuf, source: io::Error },
    #[error("operator key `{}` is not {KEY_BYTES} bytes long: delete it, and restart the server", path.display())]
    Length { path: PathBuf },
    #[error("operator key `{}` can be read by others (mode {mode:o}): run `chmod 600` on it", path.display())]
    Mode { path: PathBuf, mode: u32 },
    #[error(transparent)]
    Random(#[from] NoRandomness),
}

/// Why a pass is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PassRefused {
    #[error("an operator's pass is needed: only the `countersign` command on this machine has one")]
    Missing,
    #[error(
        "the operator's pass was not made with this server's key: is the configuration the server's own?"
    )]
    Wrong,
    #[error("the operator's pass has expired, or the clock was set: try again")]
    Expired,
}

impl OperatorKey {
    /// The key in the file; where there is no file, a new key is put there first, readable by its owner only.
    ///
    /// # Errors
    /// See [`OperatorKeyError`].
    pub fn load_or_create(path: &Path, clock: &dyn Clock) -> Result<Self, OperatorKeyError> {
        if !path.exists() {
            let mut bytes = [0; KEY_BYTES];
            clock.fill_random(&mut bytes)?;
            let created = create(path, &bytes);
            created.map_err(|source| OperatorKeyError::Io { path: path.to_owned(), source })?;
        }
        Self::read(path)
    }

    /// The key in a file that exists.
    ///
    /// # Errors
    /// See [`OperatorKeyError`].
    pub fn read(path: &Path) -> Result<Self, OperatorKeyError> {
        let failed = |source| OperatorKeyError::Io { path: path.to_owned(), source };
        let mut file = File::open(path).map_err(failed)?;
        let mode = file.metadata().map_err(failed)?.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(OperatorKeyError::Mode { path: path.to_owned(), mode });
        }
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(failed)?;
        if bytes.len() != KEY_BYTES {
            return Err(OperatorKeyError::Length { path: path.to_owned() });
        }
        Ok(Self { key: hmac::Key::new(hmac::HMAC_SHA256, &bytes) })
    }

    /// A pass that is good for [`LIFETIME`]: the value of `Authorization`.
    #[must_use]
    pub fn mint(&self, now: Millis) -> String {
        let expiry = now.plus(LIFETIME).get();
        let tag = hmac::sign(&self.key, format!("{PURPOSE}{expiry}").as_bytes());
        format!("{SCHEME}{expiry}.{}", hex::encode(tag))
    }

    /// Checks the value of `Authorization`.
    ///
    /// # Errors
    /// See [`PassRefused`].
    pub fn verify(&self, authorization: &str, now: Millis) -> Result<(), PassRefused> {
        let pass = authorization.strip_prefix(SCHEME).ok_or(PassRefused::Missing)?;
        let (expiry, tag) = pass.split_once('.').ok_or(PassRefused::Wrong)?;
        let tag = hex::decode(tag).map_err(|_| PassRefused::Wrong)?;
        hmac::verify(&self.key, format!("{PURPOSE}{expiry}").as_bytes(), &tag)
            .map_err(|_| PassRefused::Wrong)?;
        let left = Millis::new(expiry.parse().map_err(|_| PassRefused::Wrong)?).since(now);
        if (1..=LIFETIME.as_millis()).contains(&left) { Ok(()) } else { Err(PassRefused::Expired) }
    }
}

/// Written aside and linked into place: whole or not at all, and whoever comes second uses the first one's.
fn create(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let aside = path.with_extension(format!("{}.new", std::process::id()));
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&aside)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    let linked = std::fs::hard_link(&aside, path);
    std::fs::remove_file(&aside)?;
    match linked {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualClock;

    #[test]
    fn passes_are_good_for_a_minute_and_for_one_key() {
        let dir = tempfile::tempdir().unwrap();
        let clock = ManualClock::at(Millis::new(1_000_000));
        let path = dir.path().join("operator.key");
        let key = OperatorKey::load_or_create(&path, &clock).unwrap();
        let other = OperatorKey::load_or_create(&dir.path().join("other.key"), &clock).unwrap();
        let pass = key.mint(clock.now());
        let check = |key: &OperatorKey, pass: &str, expect| {
            assert_eq!(key.verify(pass, clock.now()), expect, "{pass}")
        };
        check(&key, &pass, Ok(()));
        check(&OperatorKey::read(&path).unwrap(), &pass, Ok(()));
        check(&other, &pass, Err(PassRefused::Wrong));
        check(&key, "Bearer x", Err(PassRefused::Missing));
        check(&key, "Operator 99999999999999.00", Err(PassRefused::Wrong));
        check(&key, &pass.replacen("1060000", "1060001", 1), Err(PassRefused::Wrong));
        let later = key.mint(clock.now().plus(LIFETIME));
        check(&key, &later, Err(PassRefused::Expired));
        clock.advance(LIFETIME.as_millis());
        check(&key, &pass, Err(PassRefused::Expired));
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 2);
    }

    #[test]
    fn a_key_that_others_can_read_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("operator.key");
        std::fs::write(&path, [1; KEY_BYTES]).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        assert!(OperatorKey::read(&path).unwrap_err().to_string().contains("chmod 600"));
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        assert!(OperatorKey::read(&path).is_ok());
        std::fs::write(&path, b"short").unwrap();
        assert!(OperatorKey::read(&path).unwrap_err().to_string().contains("32 bytes"));
    }
}
