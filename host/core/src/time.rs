//! Points in time and spans, as plain numbers: nothing here knows what time it is.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Milliseconds since 1970-01-01 UTC. Prints as RFC 3339.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Millis(i64);

impl Millis {
    #[must_use]
    pub const fn new(millis: i64) -> Self {
        Self(millis)
    }

    #[must_use]
    pub const fn get(self) -> i64 {
        self.0
    }

    /// This time plus a span; saturates.
    #[must_use]
    pub const fn plus(self, span: Span) -> Self {
        Self(self.0.saturating_add(span.0))
    }

    /// How long after `earlier` this is; negative when it is before.
    #[must_use]
    pub const fn since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a point in time: write a day, as in `2026-12-24`, or `2026-12-24T18:00:00Z`")]
pub struct MomentError(String);

impl FromStr for Millis {
    type Err = MomentError;

    /// A day begins at midnight UTC.
    fn from_str(text: &str) -> Result<Self, MomentError> {
        let day = |text: &str| {
            let midnight = text.parse::<jiff::civil::Date>().ok()?.to_zoned(jiff::tz::TimeZone::UTC);
            Some(midnight.ok()?.timestamp())
        };
        let is_day = text.len() == "2026-12-24".len();
        let found = if is_day { day(text) } else { text.parse::<jiff::Timestamp>().ok() };
        found.map(|moment| Self(moment.as_millisecond())).ok_or_else(|| MomentError(text.to_owned()))
    }
}

impl fmt::Display for Millis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_millisecond(self.0) {
            Ok(timestamp) => write!(f, "{timestamp:.0}"),
            Err(_) => write!(f, "{} ms", self.0),
        }
    }
}

impl Millis {
    /// RFC 3339 to the millisecond, as documents for others have it.
    #[must_use]
    pub fn exact(self) -> String {
        let moment = jiff::Timestamp::from_millisecond(self.0);
        moment.map_or_else(|_| self.to_string(), |moment| format!("{moment:.3}"))
    }
}

/// Points in time as RFC 3339, in documents that people read without us.
pub mod rfc3339 {
    use serde::{Deserialize as _, Deserializer, Serializer};

    use super::Millis;

    /// # Errors
    /// When the serializer fails.
    pub fn serialize<S: Serializer>(at: &Millis, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&at.exact())
    }

    /// # Errors
    /// When it is not a point in time.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Millis, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }

    /// The same where there may be none.
    pub mod option {
        use serde::{Deserialize as _, Deserializer, Serializer};

        use crate::time::Millis;

        /// # Errors
        /// When the serializer fails.
        pub fn serialize<S: Serializer>(at: &Option<Millis>, serializer: S) -> Result<S::Ok, S::Error> {
            match at {
                Some(at) => super::serialize(at, serializer),
                None => serializer.serialize_none(),
            }
        }

        /// # Errors
        /// When it is neither nothing nor a point in time.
        pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Millis>, D::Error> {
            let text = Option::<String>::deserialize(deserializer)?;
            text.map(|text| text.parse().map_err(serde::de::Error::custom)).transpose()
        }
    }
}

/// A length of time in milliseconds, written `90d`, `12h`, `30m`, `10s` or `250ms`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span(i64);

impl Span {
    #[must_use]
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    #[must_use]
    pub const fn as_millis(self) -> i64 {
        self.0
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a span of time: write a whole number and one of ms, s, m, h, d, as in `90d`")]
pub struct SpanError(String);

impl FromStr for Span {
    type Err = SpanError;

    fn from_str(text: &str) -> Result<Self, SpanError> {
        let error = || SpanError(text.to_owned());
        let digits = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(error)?;
        let (number, unit) = text.split_at(digits);
        let factor = match unit {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => return Err(error()),
        };
        number.parse::<i64>().ok().and_then(|n| n.checked_mul(factor)).map(Self).ok_or_else(error)
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (number, unit) = match self.0 {
            n if n != 0 && n % 86_400_000 == 0 => (n / 86_400_000, "d"),
            n if n != 0 && n % 3_600_000 == 0 => (n / 3_600_000, "h"),
            n if n != 0 && n % 60_000 == 0 => (n / 60_000, "m"),
            n if n % 1_000 == 0 => (n / 1_000, "s"),
            n => (n, "ms"),
        };
        write!(f, "{number}{unit}")
    }
}

impl Serialize for Span {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expect: Result<i64, ()>) {
        assert_eq!(text.parse::<Span>().map(Span::as_millis).map_err(|_| ()), expect, "{text}");
    }

    #[test]
    fn spans() {
        check("90d", Ok(7_776_000_000));
        check("250ms", Ok(250));
        check("0s", Ok(0));
        check("10", Err(()));
        check("-1s", Err(()));
        check("1w", Err(()));
        check("99999999999999999d", Err(()));
    }

    #[test]
    fn moments() {
        let check = |text: &str, expect: Option<i64>| {
            assert_eq!(text.parse::<Millis>().ok().map(Millis::get), expect, "{text}");
        };
        check("1970-01-02", Some(86_400_000));
        check("1970-01-01T00:00:01Z", Some(1_000));
        check("1970-01-01T01:00:00+01:00", Some(0));
        check("1970-13-01", None);
        check("1970-01-01T00:00:01", None);
        check("tomorrow", None);
    }

    #[test]
    fn prints_rfc_3339() {
        assert_eq!(Millis::new(0).to_string(), "1970-01-01T00:00:00Z");
        assert_eq!("90d".parse::<Span>().unwrap().to_string(), "90d");
    }
}
