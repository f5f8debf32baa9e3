//! Newtypes for every name and id, and the one place where names are compared.
//!
//! MLflow stores names as it got them and its databases compare them by rules of their own. A policy must not
//! be dodged by a spelling, so matching is on [`fold`]ed names and [`skeleton`]s tell look-alikes apart.

use std::fmt;

use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;

macro_rules! name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            #[must_use]
            pub fn new(text: impl Into<String>) -> Self {
                Self(text.into())
            }

            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.to_owned())
            }
        }
    };
}

name!(
    /// An MLflow workspace; the default one is `default`.
    Workspace
);
name!(
    /// A registered model, as MLflow spells it.
    ModelName
);
name!(
    /// An alias of a registered model, as MLflow spells it.
    Alias
);
name!(
    /// Opaque id of a person or machine. Ledger entries name people only by this.
    PersonId
);
name!(
    /// A role that an approval fills.
    Seat
);
name!(
    /// A risk class.
    Tier
);
name!(
    /// A gate of the policy.
    GateName
);
name!(
    /// A plugin, as the policy calls it.
    PluginName
);

/// A model version's number. MLflow prints it in decimal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Version(u32);

impl Version {
    #[must_use]
    pub const fn new(number: u32) -> Self {
        Self(number)
    }

    /// The number in the one spelling that clients send: `^[1-9][0-9]{0,9}$`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let canonical = !text.starts_with('0') && text.bytes().all(|b| b.is_ascii_digit());
        text.parse().ok().filter(|_| canonical).map(Self)
    }

    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl From<Version> for String {
    fn from(version: Version) -> Self {
        version.to_string()
    }
}

impl TryFrom<String> for Version {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Self::parse(&text).ok_or_else(|| format!("`{text}` is not a version: write a whole number from 1"))
    }
}

/// One of MLflow's stages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Stage {
    None,
    Staging,
    Production,
    Archived,
}

impl Stage {
    /// MLflow takes any case of an ASCII stage name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::None, Self::Staging, Self::Production, Self::Archived]
            .into_iter()
            .find(|stage| stage.as_str().eq_ignore_ascii_case(text))
    }

    /// MLflow's own spelling.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "None",
            Self::Staging => "Staging",
            Self::Production => "Production",
            Self::Archived => "Archived",
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A name as policies compare it: Unicode NFKC, then lower case, then NFKC again (a lower-cased letter may
/// decompose), without surrounding white space.
#[must_use]
pub fn fold(name: &str) -> String {
    let folded: String = name.nfkc().flat_map(char::to_lowercase).nfkc().collect();
    folded.trim().to_owned()
}

/// What a name looks like to a reader: UTS #39 §4. Two names with one skeleton cannot be told apart by eye.
#[must_use]
pub fn skeleton(name: &str) -> String {
    unicode_security::skeleton(&fold(name)).collect()
}

/// A pattern over folded names; `*` stands for any run of characters, everything else for itself.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct Pattern {
    written: String,
    folded: String,
}

impl Pattern {
    #[must_use]
    pub fn new(written: &str) -> Self {
        Self { written: written.to_owned(), folded: fold(written) }
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.written
    }

    #[must_use]
    pub fn matches(&self, name: &str) -> bool {
        glob(self.folded.as_bytes(), fold(name).as_bytes())
    }

    /// Whether `name` only looks as if it matched: its skeleton does, the name itself does not.
    #[must_use]
    pub fn resembles(&self, name: &str) -> bool {
        !self.matches(name) && glob(skeleton(&self.written).as_bytes(), skeleton(name).as_bytes())
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}

impl From<String> for Pattern {
    fn from(written: String) -> Self {
        Self::new(&written)
    }
}

impl From<Pattern> for String {
    fn from(pattern: Pattern) -> Self {
        pattern.written
    }
}

/// Linear in practice: remembers only the last star, which is enough because stars are greedy from the left.
fn glob(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while t < text.len() {
        if pattern.get(p) == Some(&b'*') {
            retry = Some((p, t));
            p += 1;
        } else if pattern.get(p) == text.get(t) {
            (p, t) = (p + 1, t + 1);
        } else if let Some((star, from)) = retry {
            retry = Some((star, from + 1));
            (p, t) = (star + 1, from + 1);
        } else {
            return false;
        }
    }
    pattern.iter().skip(p).all(|&b| b == b'*')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(pattern: &str, name: &str, expect: bool) {
        assert_eq!(Pattern::new(pattern).matches(name), expect, "{pattern} ~ {name}");
    }

    #[test]
    fn patterns() {
        check("champion", "champion", true);
        check("champion", "Champion", true);
        check("champion", "ｃｈａｍｐｉｏｎ", true); // full width
        check("champion", "champion2", false);
        check("prod-*", "prod-eu", true);
        check("prod-*", "prod", false);
        check("*", "", true);
        check("a*b*c", "a--b--b-c", true);
        check("a*b*c", "a--b--b-d", false);
        check("prod.*", "prod.credit", true);
    }

    #[test]
    fn look_alikes() {
        let champion = Pattern::new("champion");
        assert!(champion.resembles("ch\u{430}mpion")); // Cyrillic a
        assert!(!champion.resembles("champion"));
        assert!(!champion.resembles("challenger"));
    }

    #[test]
    fn versions() {
        for (text, expect) in
            [("1", Some(1)), ("01", None), ("0", None), ("+1", None), ("1.0", None), ("", None), ("٣", None)]
        {
            assert_eq!(Version::parse(text).map(Version::get), expect, "{text}");
        }
    }

    proptest! {
        #[test]
        fn folding_twice_changes_nothing(name in ".*") {
            prop_assert_eq!(fold(&fold(&name)), fold(&name));
        }

        #[test]
        fn a_name_matches_itself(name in "[^*]*") {
            prop_assert!(Pattern::new(&name).matches(&name));
        }
    }
}
