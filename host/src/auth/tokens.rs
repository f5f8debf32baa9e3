//! API tokens: what is printed once, and what is kept.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::passwords::same_bytes;
use crate::clock::{Clock, NoRandomness};

const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
const ID_CHARS: usize = 10;
/// 52 characters of 5 bits: 260 random bits.
const SECRET_CHARS: usize = 52;

/// `chars` unpredictable characters of 5 bits each, in the base32 alphabet of RFC 4648 §6 in lower case.
///
/// # Errors
/// When the machine gives no randomness.
pub fn random_word(clock: &dyn Clock, chars: usize) -> Result<String, NoRandomness> {
    let mut random = vec![0; chars];
    clock.fill_random(&mut random)?;
    let letter = |byte: u8| ALPHABET.get(usize::from(byte & 31)).copied().map_or('a', char::from);
    Ok(random.into_iter().map(letter).collect())
}

/// A token as its owner holds it: `cs_<id>_<secret>`. The prefix lets secret scanners find it.
#[derive(Clone, PartialEq, Eq)]
pub struct Token {
    pub id: String,
    secret: String,
}

impl Token {
    /// # Errors
    /// When the machine gives no randomness.
    pub fn fresh(clock: &dyn Clock) -> Result<Self, NoRandomness> {
        Ok(Self { id: random_word(clock, ID_CHARS)?, secret: random_word(clock, SECRET_CHARS)? })
    }

    /// What to keep. A plain SHA-256, not argon2: a slow hash protects secrets that can be guessed, and nobody
    /// guesses 260 random bits; tokens come with every call of every client, so verifying must cost nothing.
    #[must_use]
    pub fn digest(&self) -> TokenDigest {
        TokenDigest(Sha256::digest(self.secret.as_bytes()).into())
    }
}

/// Prints the whole secret: for the one time that its owner sees it.
impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cs_{}_{}", self.id, self.secret)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cs_{}_…", self.id)
    }
}

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a token: tokens look like `cs_<id>_<secret>`")]
pub struct NotAToken;

impl FromStr for Token {
    type Err = NotAToken;

    fn from_str(text: &str) -> Result<Self, NotAToken> {
        let (id, secret) = text.strip_prefix("cs_").and_then(|rest| rest.split_once('_')).ok_or(NotAToken)?;
        let is_word = |word: &str, chars| word.len() == chars && word.bytes().all(|b| ALPHABET.contains(&b));
        if !is_word(id, ID_CHARS) || !is_word(secret, SECRET_CHARS) {
            return Err(NotAToken);
        }
        Ok(Self { id: id.to_owned(), secret: secret.to_owned() })
    }
}

/// SHA-256 of a token's secret, 64 lower-case hex digits in the file.
#[derive(Clone, PartialEq, Eq)]
pub struct TokenDigest([u8; 32]);

impl TokenDigest {
    /// Belongs to no token; stands in for ids that do not exist, so that they cost the same.
    pub const NONE: Self = Self([0; 32]);

    #[must_use]
    pub fn matches(&self, token: &Token) -> bool {
        same_bytes(&self.0, &token.digest().0)
    }
}

impl fmt::Debug for TokenDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl Serialize for TokenDigest {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&hex::encode(self.0))
    }
}

impl<'de> Deserialize<'de> for TokenDigest {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let mut bytes = [0; 32];
        hex::decode_to_slice(&text, &mut bytes)
            .map_err(|_| serde::de::Error::custom("a token's `sha256` is 64 hex digits"))?;
        Ok(Self(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemClock;

    #[test]
    fn prints_and_parses() {
        let token = Token::fresh(&SystemClock::new()).unwrap();
        let text = token.to_string();
        assert_eq!(text.len(), 3 + ID_CHARS + 1 + SECRET_CHARS);
        let parsed: Token = text.parse().unwrap();
        assert_eq!(parsed, token);
        assert!(token.digest().matches(&parsed));
        assert!(!TokenDigest::NONE.matches(&parsed));
        assert!(!format!("{token:?}").contains(&token.secret), "debug output keeps the secret");
    }

    #[test]
    fn refuses_other_shapes() {
        let good = Token::fresh(&SystemClock::new()).unwrap().to_string();
        for text in ["", "cs_", "cs_a_b", "ghp_abc", &good[1..], &format!("{good}a"), &good.to_uppercase()] {
            assert_eq!(text.parse::<Token>(), Err(NotAToken), "{text}");
        }
    }
}
