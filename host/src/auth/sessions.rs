//! Session cookies: who signed in, signed by us, good until a time.
//!
//! The cookie is `v1.<person>.<epoch>.<expires>.<id>.<HMAC-SHA256>`; nothing about it is kept on the server but the
//! ids of sessions that were ended early. A user's `session_epoch` ends all sessions of that user.

use std::collections::HashMap;
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_core::names::PersonId;
use countersign_core::time::{Millis, Span};
use http::HeaderMap;
use http::header::COOKIE;
use ring::hmac;

use super::tokens::random_word;
use crate::clock::{Clock, NoRandomness};

/// A working day.
pub const LIFETIME: Span = Span::from_millis(12 * 3_600_000);
/// Both names are ours, whatever the scheme is now: a stale one must not reach MLflow.
pub const PLAIN_NAME: &str = "countersign_session";
pub const HOST_NAME: &str = "__Host-countersign_session";

#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    #[error("cannot {doing} the session key {}: {source}", path.display())]
    Io { doing: &'static str, path: PathBuf, source: std::io::Error },
    #[error("the session key {} has {bytes} bytes instead of 32: delete it, and everyone signs in again", path.display())]
    Length { path: PathBuf, bytes: usize },
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
}

/// Signs and verifies session cookies.
pub struct Sessions {
    key: hmac::Key,
    secure: bool,
    lifetime: Span,
    ended: Mutex<HashMap<String, Millis>>,
}

/// What a valid cookie says. Whether the person still exists, and in this epoch, is for the caller to check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    pub person: PersonId,
    pub epoch: u32,
    pub expires: Millis,
    pub id: String,
}

impl Sessions {
    /// `secure` when browsers come by https: the cookie then binds to this host alone (`__Host-`, RFC 6265bis §4.1.3).
    #[must_use]
    pub fn new(key: &[u8; 32], secure: bool) -> Self {
        Self {
            key: hmac::Key::new(hmac::HMAC_SHA256, key),
            secure,
            lifetime: LIFETIME,
            ended: Mutex::default(),
        }
    }

    /// With the key in `path`, which is made (mode 0600) at the first start.
    ///
    /// # Errors
    /// When the key cannot be read or made.
    pub fn open(path: &Path, secure: bool, clock: &dyn Clock) -> Result<Self, KeyError> {
        Ok(Self::new(&read_or_make_key(path, clock)?, secure))
    }

    /// With sessions of another length than [`LIFETIME`].
    #[must_use]
    pub const fn lasting(mut self, lifetime: Span) -> Self {
        self.lifetime = lifetime;
        self
    }

    /// A `Set-Cookie` value that starts a session.
    ///
    /// # Errors
    /// When the machine gives no randomness.
    pub fn start(&self, person: &PersonId, epoch: u32, clock: &dyn Clock) -> Result<String, NoRandomness> {
        let claim = Claim {
            person: person.clone(),
            epoch,
            expires: clock.now().plus(self.lifetime),
            id: random_word(clock, 16)?,
        };
        Ok(self.set_cookie(&self.seal(&claim), self.lifetime.as_millis() / 1000))
    }

    /// The session that these headers carry, when it is ours and not over.
    #[must_use]
    pub fn verify(&self, headers: &HeaderMap, now: Millis) -> Option<Claim> {
        let claim = cookies(headers)
            .find_map(|(name, value)| (name == self.name()).then(|| self.unseal(value)))??;
        let ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner).contains_key(&claim.id);
        (now < claim.expires && !ended).then_some(claim)
    }

    /// Ends a session and gives the `Set-Cookie` value that removes its cookie.
    pub fn end(&self, claim: Option<&Claim>, now: Millis) -> String {
        if let Some(claim) = claim {
            let mut ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
            ended.retain(|_, expires| now < *expires);
            ended.insert(claim.id.clone(), claim.expires);
        }
        self.set_cookie("", 0)
    }

    const fn name(&self) -> &'static str {
        if self.secure { HOST_NAME } else { PLAIN_NAME }
    }

    fn set_cookie(&self, value: &str, max_age: i64) -> String {
        let secure = if self.secure { "; Secure" } else { "" };
        format!("{}={value}; Path=/; Max-Age={max_age}; HttpOnly; SameSite=Lax{secure}", self.name())
    }

    fn seal(&self, claim: &Claim) -> String {
        let body = format!("v1.{}.{}.{}.{}", claim.person, claim.epoch, claim.expires.get(), claim.id);
        let tag = URL_SAFE_NO_PAD.encode(hmac::sign(&self.key, body.as_bytes()));
        format!("{body}.{tag}")
    }

    fn unseal(&self, sealed: &str) -> Option<Claim> {
        let (body, tag) = sealed.rsplit_once('.')?;
        let tag = URL_SAFE_NO_PAD.decode(tag).ok()?;
        hmac::verify(&self.key, body.as_bytes(), &tag).ok()?;
        let mut parts = body.strip_prefix("v1.")?.split('.');
        let claim = Claim {
            person: PersonId::new(parts.next()?),
            epoch: parts.next()?.parse().ok()?,
            expires: Millis::new(parts.next()?.parse().ok()?),
            id: parts.next()?.to_owned(),
        };
        parts.next().is_none().then_some(claim)
    }
}

/// Name and value of every cookie (RFC 6265 §5.4); a nameless one has an empty name.
pub(super) fn cookies(headers: &HeaderMap) -> impl Iterator<Item = (&str, &str)> {
    headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|line| line.split(';'))
        .map(str::trim)
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or(("", pair)))
}

pub(super) fn read_or_make_key(path: &Path, clock: &dyn Clock) -> Result<[u8; 32], KeyError> {
    let io = |doing| move |source| KeyError::Io { doing, path: path.to_owned(), source };
    match fs::read(path) {
        Ok(bytes) => bytes
            .try_into()
            .map_err(|bytes: Vec<u8>| KeyError::Length { path: path.to_owned(), bytes: bytes.len() }),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let mut key = [0; 32];
            clock.fill_random(&mut key)?;
            make_key(path, &key).map_err(io("write"))?;
            Ok(key)
        }
        Err(error) => Err(io("read")(error)),
    }
}

fn make_key(path: &Path, key: &[u8; 32]) -> std::io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(key)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::clock::ManualClock;

    fn headers(cookie: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(COOKIE, cookie.parse().unwrap());
        headers
    }

    fn started() -> (Sessions, ManualClock, String) {
        let sessions = Sessions::new(&[7; 32], false);
        let clock = ManualClock::at(Millis::new(1_000));
        let set = sessions.start(&PersonId::from("p_ana"), 3, &clock).unwrap();
        assert!(set.ends_with("; Path=/; Max-Age=43200; HttpOnly; SameSite=Lax"), "{set}");
        let pair = set.split(';').next().unwrap().to_owned();
        (sessions, clock, pair)
    }

    #[test]
    fn a_session_lasts_until_it_expires_or_ends() {
        let (sessions, clock, pair) = started();
        let headers = headers(&format!("mlflow=1; {pair}"));
        let claim = sessions.verify(&headers, clock.now()).unwrap();
        assert_eq!((claim.person.as_str(), claim.epoch), ("p_ana", 3));
        assert!(sessions.verify(&headers, clock.now().plus(LIFETIME)).is_none());
        assert!(
            sessions.end(Some(&claim), clock.now()).starts_with("countersign_session=; Path=/; Max-Age=0")
        );
        assert!(sessions.verify(&headers, clock.now()).is_none());
    }

    #[test]
    fn another_key_or_another_name_is_not_ours() {
        let (_, clock, pair) = started();
        assert!(Sessions::new(&[8; 32], false).verify(&headers(&pair), clock.now()).is_none());
        assert!(Sessions::new(&[7; 32], true).verify(&headers(&pair), clock.now()).is_none());
        let secure = Sessions::new(&[7; 32], true).start(&PersonId::from("p_ana"), 0, &clock).unwrap();
        assert!(
            secure.starts_with("__Host-countersign_session=v1.") && secure.ends_with("; Secure"),
            "{secure}"
        );
    }

    #[test]
    fn the_key_is_made_once() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("session.key");
        let clock = ManualClock::at(Millis::new(0));
        let key = read_or_make_key(&path, &clock).unwrap();
        assert_eq!(read_or_make_key(&path, &clock).unwrap(), key);
        std::fs::write(&path, b"short").unwrap();
        assert!(matches!(read_or_make_key(&path, &clock), Err(KeyError::Length { bytes: 5, .. })));
    }

    proptest! {
        #[test]
        fn a_changed_cookie_is_refused(at in 0_usize..80, with in "[a-z0-9._-]") {
            let (sessions, clock, pair) = started();
            let value = pair.split_once('=').unwrap().1;
            let mut changed = value.to_owned();
            let at = at % changed.len();
            changed.replace_range(at..=at, &with);
            prop_assume!(changed != value);
            // The last character of unpadded base64 has unused bits: the decoder refuses those that are set.
            let cookie = format!("{PLAIN_NAME}={changed}");
            prop_assert!(sessions.verify(&headers(&cookie), clock.now()).is_none());
        }
    }
}
