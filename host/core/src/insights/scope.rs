//! What the numbers are about: a model, a tier, a time; and the time cut into equal pieces.

use std::str::FromStr;

use serde::Serialize;

use crate::names::{ModelName, Tier};
use crate::time::Millis;

const DAY: i64 = 86_400_000;
/// 1970-01-05, a Monday.
const MONDAY: i64 = 4 * DAY;
/// No picture has more pieces than this.
const MOST: i64 = 31;
const WIDTHS: [i64; 5] = [DAY, 7 * DAY, 28 * DAY, 91 * DAY, 364 * DAY];

/// How far back the numbers go.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub enum Since {
    #[serde(rename = "7d")]
    Week,
    #[serde(rename = "30d")]
    Month,
    #[default]
    #[serde(rename = "90d")]
    Quarter,
    #[serde(rename = "365d")]
    Year,
    #[serde(rename = "all")]
    All,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no time range: write one of 7d, 30d, 90d, 365d, all")]
pub struct SinceError(String);

impl Since {
    pub const ALL: [Self; 5] = [Self::Week, Self::Month, Self::Quarter, Self::Year, Self::All];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Week => "7d",
            Self::Month => "30d",
            Self::Quarter => "90d",
            Self::Year => "365d",
            Self::All => "all",
        }
    }

    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Week => "last 7 days",
            Self::Month => "last 30 days",
            Self::Quarter => "last 90 days",
            Self::Year => "last year",
            Self::All => "all time",
        }
    }

    const fn days(self) -> Option<i64> {
        match self {
            Self::Week => Some(7),
            Self::Month => Some(30),
            Self::Quarter => Some(90),
            Self::Year => Some(365),
            Self::All => None,
        }
    }
}

impl FromStr for Since {
    type Err = SinceError;

    fn from_str(text: &str) -> Result<Self, SinceError> {
        let found = Self::ALL.into_iter().find(|since| since.as_str() == text);
        found.ok_or_else(|| SinceError(text.to_owned()))
    }
}

/// Which of all that happened counts. `None` takes everything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    pub model: Option<ModelName>,
    pub tier: Option<Tier>,
    pub since: Since,
    pub now: Millis,
}

impl Scope {
    /// The first moment that counts.
    #[must_use]
    pub fn from(&self) -> Millis {
        let back = |days: i64| Millis::new(self.now.get().saturating_sub(days.saturating_mul(DAY)));
        self.since.days().map_or(Millis::new(i64::MIN), back)
    }

    #[must_use]
    pub fn has(&self, at: Millis) -> bool {
        self.from() <= at && at <= self.now
    }

    #[must_use]
    pub fn is_about(&self, model: &ModelName, tier: Option<&Tier>) -> bool {
        self.is_of(model) && self.tier.as_ref().is_none_or(|wanted| Some(wanted) == tier)
    }

    #[must_use]
    pub fn is_of(&self, model: &ModelName) -> bool {
        self.model.as_ref().is_none_or(|wanted| wanted == model)
    }
}

/// Equal pieces of time, on days or Mondays (UTC), oldest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Buckets {
    start: i64,
    width: i64,
    count: usize,
}

impl Buckets {
    /// From the beginning of the scope, or of what is known, to now.
    #[must_use]
    pub fn new(scope: &Scope, first: Option<Millis>) -> Self {
        let now = scope.now.get();
        let from = match scope.since {
            Since::All => first.map_or(now, Millis::get).min(now),
            _ => scope.from().get(),
        };
        let pieces = |width: i64| (now - begin(from, width)) / width + 1;
        let width = WIDTHS.into_iter().find(|width| pieces(*width) <= MOST).unwrap_or(364 * DAY);
        let count = usize::try_from(pieces(width)).unwrap_or(1);
        Self { start: begin(from, width), width, count }
    }

    /// The piece that a moment is in.
    #[must_use]
    pub fn index(&self, at: Millis) -> Option<usize> {
        let piece = at.get().checked_sub(self.start)?.div_euclid(self.width);
        usize::try_from(piece).ok().filter(|index| *index < self.count)
    }

    /// The first day of each piece: `2026-11-23`.
    pub fn labels(&self) -> impl Iterator<Item = String> + use<> {
        let Self { start, width, count } = *self;
        (0_i64..).take(count).map(move |piece| {
            let day = Millis::new(start + piece * width).to_string();
            day.get(..10).unwrap_or(&day).to_owned()
        })
    }

    #[must_use]
    pub const fn len(&self) -> usize {
        self.count
    }

    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// `day`, `week`, or how many of them.
    #[must_use]
    pub fn piece(&self) -> String {
        match self.width / DAY {
            1 => "day".to_owned(),
            7 => "week".to_owned(),
            days => format!("{} weeks", days / 7),
        }
    }
}

const fn begin(at: i64, width: i64) -> i64 {
    let origin = if width == DAY { 0 } else { MONDAY };
    origin + (at - origin).div_euclid(width) * width
}
