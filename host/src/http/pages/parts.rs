//! What every page is made of: the frame, chips, people, times.

use std::fmt::Write as _;

use askama::Template;
use countersign_core::check::Conclusion;
use countersign_core::request::State;
use countersign_core::time::Millis;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::ModelAt;
use crate::http::assets;

const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// The frame around a page.
#[derive(Debug, Clone)]
pub struct Chrome {
    /// Where our pages begin: `/_countersign`, after MLflow's static prefix if it has one.
    pub base: String,
    /// Where MLflow's own pages begin.
    pub mlflow: String,
    pub viewer: Option<Viewer>,
    /// The highlighted place.
    pub nav: Nav,
    /// Whether a sign-in page exists (`mode = "local"`).
    pub can_sign_in: bool,
    /// Where a sign-in leads back to.
    pub here: String,
}

/// Who looks at the page.
#[derive(Debug, Clone)]
pub struct Viewer {
    pub name: String,
    pub machine: bool,
    /// Whether there is a session that can be ended.
    pub can_sign_out: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nav {
    Inbox,
    Ledger,
    Plugins,
    Policy,
    People,
    Exceptions,
    Insights,
    Health,
    SignIn,
    None,
}

impl Chrome {
    #[must_use]
    pub fn style_sheet(&self) -> String {
        format!("{}/assets/{}", self.base, assets::style_sheet().file_name)
    }

    #[must_use]
    pub fn script(&self) -> String {
        format!("{}/assets/{}", self.base, assets::script().file_name)
    }

    #[must_use]
    pub fn mark(&self) -> String {
        format!("{}/assets/{}", self.base, assets::mark().file_name)
    }

    #[must_use]
    pub fn sign_in(&self) -> String {
        crate::http::negotiate::login_url(&self.base, &self.here)
    }

    /// Address, words, and whether the viewer is there.
    #[must_use]
    pub fn places(&self) -> [(String, &'static str, bool); 8] {
        [
            ("/", "Inbox", Nav::Inbox),
            ("/ledger", "Ledger", Nav::Ledger),
            ("/plugins", "Plugins", Nav::Plugins),
            ("/policy", "Policy", Nav::Policy),
            ("/people", "People", Nav::People),
            ("/exceptions", "Exceptions", Nav::Exceptions),
            ("/insights", "Insights", Nav::Insights),
            ("/health", "Health", Nav::Health),
        ]
        .map(|(path, words, nav)| (format!("{}{path}", self.base), words, self.nav == nav))
    }

    /// The sign-in page itself does not offer to go there.
    #[must_use]
    pub fn is_sign_in(&self) -> bool {
        self.nav == Nav::SignIn
    }

    #[must_use]
    pub fn request_url(&self, id: &str) -> String {
        format!("{}/requests/{}", self.base, utf8_percent_encode(id, SEGMENT))
    }

    #[must_use]
    pub fn entry_url(&self, index: &u64) -> String {
        format!("{}/ledger/{index}", self.base)
    }

    #[must_use]
    pub fn model_url(&self, model: &ModelAt) -> String {
        self.model_path(&model.name) + &model.query()
    }

    /// The same in any workspace: an address below it says which.
    #[must_use]
    pub fn model_path(&self, name: &str) -> String {
        format!("{}/models/{}", self.base, utf8_percent_encode(name, SEGMENT))
    }

    #[must_use]
    pub fn plugin_url(&self, name: &str) -> String {
        format!("{}/plugins/{}", self.base, utf8_percent_encode(name, SEGMENT))
    }

    /// MLflow's page of a version.
    #[must_use]
    pub fn mlflow_version_url(&self, model: &ModelAt, version: &str) -> String {
        let (name, query) = (utf8_percent_encode(&model.name, SEGMENT), model.query());
        format!("{}#/models/{name}/versions/{}{query}", self.mlflow, utf8_percent_encode(version, SEGMENT))
    }
}

/// What a colour stands for; never the only carrier of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    Good,
    Warning,
    Bad,
    Waiting,
    Quiet,
}

impl Tone {
    #[must_use]
    pub const fn class(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Warning => "warning",
            Self::Bad => "bad",
            Self::Waiting => "waiting",
            Self::Quiet => "quiet",
        }
    }
}

/// Icon, word and colour of a state.
#[derive(Debug, Clone, PartialEq, Eq, Template)]
#[template(path = "partials/chip.html")]
pub struct Chip {
    pub word: &'static str,
    pub icon: &'static str,
    pub tone: Tone,
}

impl Chip {
    #[must_use]
    pub const fn new(word: &'static str, icon: &'static str, tone: Tone) -> Self {
        Self { word, icon, tone }
    }

    #[must_use]
    pub const fn of_state(state: &State) -> Self {
        match state {
            State::Open => Self::new("Blocked", "cross", Tone::Bad),
            State::InReview => Self::new("In review", "clock", Tone::Waiting),
            State::Approved { .. } => Self::new("Approved", "check", Tone::Good),
            State::Applied { .. } => Self::new("Applied", "seal", Tone::Good),
            State::Rejected { .. } => Self::new("Rejected", "cross", Tone::Bad),
            State::Withdrawn { .. } => Self::new("Withdrawn", "dash", Tone::Quiet),
            State::Superseded { .. } => Self::new("Superseded", "dash", Tone::Quiet),
            State::Applying { .. } => Self::new("Being applied", "clock", Tone::Waiting),
            State::Lapsed { .. } => Self::new("Lapsed", "dash", Tone::Quiet),
            State::Expired { .. } => Self::new("Expired", "alert", Tone::Warning),
            State::Suspended { .. } => Self::new("Suspended", "alert", Tone::Warning),
            State::Revoked { .. } => Self::new("Revoked", "cross", Tone::Bad),
        }
    }

    #[must_use]
    pub const fn of_conclusion(conclusion: Conclusion) -> Self {
        match conclusion {
            Conclusion::Pass => Self::new("Passed", "check", Tone::Good),
            Conclusion::Warn => Self::new("Warning", "alert", Tone::Warning),
            Conclusion::Fail => Self::new("Failed", "cross", Tone::Bad),
            Conclusion::Error => Self::new("Could not judge", "alert", Tone::Bad),
            Conclusion::Skipped => Self::new("Skipped", "dash", Tone::Quiet),
        }
    }

    /// What was reviewed has changed since.
    #[must_use]
    pub const fn stale() -> Self {
        Self::new("Stale", "alert", Tone::Warning)
    }

    /// Nobody signed it, and somebody is to look at it after the fact.
    #[must_use]
    pub const fn sampled() -> Self {
        Self::new("Sampled", "eye", Tone::Waiting)
    }

    /// The registry was changed past us.
    #[must_use]
    pub const fn bypassed() -> Self {
        Self::new("Bypassed", "alert", Tone::Bad)
    }

    /// A waiver takes out something that is not met.
    #[must_use]
    pub const fn waived() -> Self {
        Self::new("Waived", "alert", Tone::Warning)
    }

    /// Somebody opened the gate in an emergency.
    #[must_use]
    pub const fn break_glass() -> Self {
        Self::new("Glass broken", "alert", Tone::Bad)
    }

    /// The approval ends within thirty days.
    #[must_use]
    pub const fn expiring() -> Self {
        Self::new("Expiring", "clock", Tone::Warning)
    }

    #[must_use]
    pub const fn of_mode(enforced: bool) -> Self {
        if enforced {
            Self::new("Enforced", "lock", Tone::Waiting)
        } else {
            Self::new("Monitors only", "eye", Tone::Quiet)
        }
    }
}

/// Somebody, by the name that they have now.
#[derive(Debug, Clone, PartialEq, Eq, Template)]
#[template(path = "partials/person.html")]
pub struct Person {
    pub name: String,
    pub machine: bool,
}

/// A time: how long ago for people, exact for machines and for those who point at it.
#[derive(Debug, Clone, PartialEq, Eq, Template)]
#[template(path = "partials/when.html")]
pub struct When {
    /// RFC 3339.
    pub exact: String,
    pub ago: String,
}

impl When {
    #[must_use]
    pub fn new(at: Millis, now: Millis) -> Self {
        Self { exact: at.to_string(), ago: ago(now.since(at)) }
    }

    /// `2026-11-22 20:40 UTC`.
    #[must_use]
    pub fn plain(&self) -> String {
        match (self.exact.get(..10), self.exact.get(11..16)) {
            (Some(day), Some(minute)) => format!("{day} {minute} UTC"),
            _ => self.exact.clone(),
        }
    }
}

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

fn ago(millis: i64) -> String {
    match millis {
        i64::MIN..MINUTE if millis <= -MINUTE => ahead(millis.saturating_neg()),
        i64::MIN..MINUTE => "just now".to_owned(),
        MINUTE..HOUR => format!("{} min ago", millis / MINUTE),
        HOUR..DAY => format!("{} h ago", millis / HOUR),
        _ if millis < 2 * DAY => "yesterday".to_owned(),
        _ => format!("{} days ago", millis / DAY),
    }
}

fn ahead(millis: i64) -> String {
    match millis {
        ..HOUR => format!("in {} min", millis / MINUTE),
        HOUR..DAY => format!("in {} h", millis / HOUR),
        _ => format!("in {}", count(usize::try_from(millis / DAY).unwrap_or(0), "day", "days")),
    }
}

/// Text as HTML, with what stands between backticks set as code: sentences are the same here and in a terminal.
#[must_use]
pub fn ticks(text: &str) -> String {
    let mut html = String::with_capacity(text.len() + 16);
    let paired = text.matches('`').count() / 2 * 2;
    for (index, part) in text.splitn(paired + 1, '`').enumerate() {
        if index > 0 {
            html.push_str(if index % 2 == 1 { "<code>" } else { "</code>" });
        }
        let Ok(escaped) = askama::filters::escape(part, askama::filters::Html);
        // Writing to a string cannot fail.
        let _ = write!(html, "{escaped}");
    }
    html
}

/// The same without markup: for a window's title.
#[must_use]
pub fn plain(text: &str) -> String {
    text.replace('`', "")
}

/// `1 signature`, `2 signatures`.
#[must_use]
pub fn count(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}
