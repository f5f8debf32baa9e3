//! Password hashes: argon2id in PHC strings, <https://github.com/P-H-C/phc-string-format>.

use argon2::password_hash::phc::PasswordHash;
use argon2::{Argon2, PasswordHasher, PasswordVerifier};

use crate::clock::{Clock, NoRandomness};

/// Longer ones only cost memory and time.
pub const MAX_BYTES: usize = 1024;
/// NIST SP 800-63B-4 asks for 8 and forbids composition rules.
pub const MIN_CHARS: usize = 8;

/// Nobody's hash: an unknown user costs the same as a wrong password, and a start computes none for that.
pub(super) const NOBODY: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5IGhhcyB0aGlzIQ$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

#[derive(Debug, thiserror::Error)]
pub enum PasswordError {
    #[error("the password is too short: choose at least {MIN_CHARS} characters")]
    TooShort,
    #[error("the password is too long: choose at most {MAX_BYTES} bytes")]
    TooLong,
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
    #[error("argon2 failed: {0}")]
    Hash(argon2::password_hash::Error),
}

/// Hashes with the parameters that OWASP recommends (19 MiB, two passes): about 30 ms of one core.
///
/// # Errors
/// When the password's length is out of bounds, or there is no randomness for the salt.
pub fn hash(password: &str, clock: &dyn Clock) -> Result<String, PasswordError> {
    if password.chars().count() < MIN_CHARS {
        return Err(PasswordError::TooShort);
    }
    if password.len() > MAX_BYTES {
        return Err(PasswordError::TooLong);
    }
    let mut salt = [0; 16];
    clock.fill_random(&mut salt)?;
    let hash: PasswordHash =
        Argon2::default().hash_password_with_salt(password.as_bytes(), &salt).map_err(PasswordError::Hash)?;
    Ok(hash.to_string())
}

/// Whether `password` gives this hash. Slow on purpose: call it where blocking is allowed.
#[must_use]
pub fn verify(password: &str, phc: &str) -> bool {
    let Ok(hash) = PasswordHash::new(phc) else { return false };
    password.len() <= MAX_BYTES && Argon2::default().verify_password(password.as_bytes(), &hash).is_ok()
}

/// Whether text from a file is a hash that [`verify`] can use.
#[must_use]
pub fn is_hash(phc: &str) -> bool {
    PasswordHash::new(phc).is_ok_and(|hash| hash.algorithm.as_str() == "argon2id" && hash.hash.is_some())
}

/// Compares without telling by its time where the two differ.
#[must_use]
pub fn same_bytes(left: &[u8], right: &[u8]) -> bool {
    let differences = left.iter().zip(right).fold(0, |sum, (l, r)| sum | (l ^ r));
    left.len() == right.len() && std::hint::black_box(differences) == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemClock;

    #[test]
    fn verifies_what_it_hashed_and_nothing_else() {
        let phc = hash("correct horse", &SystemClock::new()).unwrap();
        assert!(phc.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{phc}");
        assert!(is_hash(&phc));
        assert!(verify("correct horse", &phc));
        assert!(!verify("correct horsf", &phc));
        assert!(!verify("", &phc));
        assert_ne!(phc, hash("correct horse", &SystemClock::new()).unwrap(), "salted");
    }

    #[test]
    fn nobodys_hash_costs_what_everybodys_does() {
        let parameters = |phc: &str| phc.rsplitn(3, '$').last().map(str::to_owned);
        let ours = hash("correct horse", &SystemClock::new()).unwrap();
        assert_eq!((parameters(NOBODY), NOBODY.len()), (parameters(&ours), ours.len()));
        assert!(is_hash(NOBODY) && !verify("nobody has this password", NOBODY));
    }

    #[test]
    fn refuses_what_is_not_a_hash() {
        for text in
            ["", "hunter22", "$argon2id$v=19$m=19456,t=2,p=1", "$argon2i$v=19$m=16,t=2,p=1$c2FsdHNhbHQ$AAAA"]
        {
            assert!(!is_hash(text), "{text}");
        }
    }

    #[test]
    fn bounds() {
        let clock = SystemClock::new();
        assert!(matches!(hash("1234567", &clock), Err(PasswordError::TooShort)));
        assert!(matches!(hash(&"x".repeat(1025), &clock), Err(PasswordError::TooLong)));
    }

    #[test]
    fn compares() {
        assert!(same_bytes(b"abc", b"abc"));
        assert!(!same_bytes(b"abc", b"abd"));
        assert!(!same_bytes(b"abc", b"ab"));
        assert!(same_bytes(b"", b""));
    }
}
