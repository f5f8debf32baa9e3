//! What the operator demands: `policy.toml`, parsed once into values that need no further checking.
//!
//! [`parse`](Policy::parse) either gives a policy in which every reference resolves, or every error of the
//! file at once. What a policy says about an action is in [`governance`], about a subject's risk in [`tier`].
//! This module must not know: where the file lies, how plugins run, who the caller is.

pub mod cases;
pub mod changes;
mod demand;
pub mod exceptions;
pub mod expiry;
pub mod explain;
pub mod gate;
pub mod governance;
mod parse;
pub mod plugin;
pub mod sample;
pub mod seat;
mod several;
pub mod tier;

use serde::Serialize;

pub use self::changes::{Changes, OnChange};
pub use self::exceptions::{BreakGlassRule, WaiverRule};
pub use self::expiry::{FallbackTo, OnExpiry};
pub use self::gate::{
    Approvals, Check, Gate, Guard, Mode, OnApproval, OnBypass, Rule, SignatureKind, UnknownAuthor,
};
pub use self::governance::{GateMatch, Governance, Held, Holdings, ProtectedReason};
pub use self::parse::{Fault, PolicyError};
pub use self::plugin::{FailurePolicy, Grant, OnFailure, Plugin, Source};
pub use self::sample::{Rate, Sample};
pub use self::seat::{Delegation, Directory, SeatHolders};
pub use self::several::Judging;
pub use self::tier::{FactRead, TierOutcome, TierRule};

use crate::canonical::CanonicalError;
use crate::check::FailureClass;
use crate::digest::Digest;
use crate::names::{GateName, PluginName, Seat, Tier};

/// The policy in force. Every name in it resolves; see [`Policy::parse`].
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Policy {
    plugins: Vec<Plugin>,
    seats: Vec<SeatHolders>,
    tiers: Vec<TierRule>,
    gates: Vec<Gate>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    delegations: Vec<Delegation>,
    #[serde(skip_serializing_if = "Option::is_none")]
    waivers: Option<WaiverRule>,
    #[serde(skip_serializing_if = "Option::is_none")]
    break_glass: Option<BreakGlassRule>,
    #[serde(skip)]
    digest: PolicyDigest,
}

/// SHA-256 over the canonical JSON of a parsed policy: comments, white space and spelled-out defaults do not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct PolicyDigest(pub Digest);

impl std::fmt::Display for PolicyDigest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl Policy {
    /// Reads the text of a policy. `file` is only named in errors.
    ///
    /// # Errors
    /// Every fault of the text, each with its line and column, not only the first.
    pub fn parse(file: &str, text: &str) -> Result<Self, PolicyError> {
        parse::policy(file, text)
    }

    /// The same with its digest.
    fn digested(self) -> Result<Self, CanonicalError> {
        let digest = PolicyDigest(Digest::of_json(&self)?);
        Ok(Self { digest, ..self })
    }

    #[must_use]
    pub const fn digest(&self) -> PolicyDigest {
        self.digest
    }

    #[must_use]
    pub fn plugins(&self) -> &[Plugin] {
        &self.plugins
    }

    #[must_use]
    pub fn plugin(&self, name: &PluginName) -> Option<&Plugin> {
        self.plugins.iter().find(|plugin| &plugin.name == name)
    }

    #[must_use]
    pub fn seats(&self) -> &[SeatHolders] {
        &self.seats
    }

    #[must_use]
    pub fn seat(&self, name: &Seat) -> Option<&SeatHolders> {
        self.seats.iter().find(|seat| &seat.name == name)
    }

    #[must_use]
    pub fn delegations(&self) -> &[Delegation] {
        &self.delegations
    }

    #[must_use]
    pub const fn waivers(&self) -> Option<&WaiverRule> {
        self.waivers.as_ref()
    }

    #[must_use]
    pub const fn break_glass(&self) -> Option<&BreakGlassRule> {
        self.break_glass.as_ref()
    }

    /// In the order in which they are tried.
    #[must_use]
    pub fn tiers(&self) -> &[TierRule] {
        &self.tiers
    }

    /// All gates, those that are `off` included.
    #[must_use]
    pub fn gates(&self) -> &[Gate] {
        &self.gates
    }

    #[must_use]
    pub fn gate(&self, name: &GateName) -> Option<&Gate> {
        self.gates.iter().find(|gate| &gate.name == name)
    }

    /// What a gate asks of people for a subject of this tier; `None` when it asks nothing.
    #[must_use]
    pub fn approvals<'p>(&self, gate: &'p Gate, tier: &Tier) -> Option<&'p Approvals> {
        gate.approvals.get(tier)
    }

    /// What follows when a check gives no result: the gate's word on it, else the plugin's, else deny.
    #[must_use]
    pub fn on_failure(&self, check: &Check, class: FailureClass) -> OnFailure {
        let plugin = || self.plugin(&check.plugin).and_then(|plugin| plugin.on_failure.get(class));
        check.on_failure.get(class).or_else(plugin).unwrap_or_default()
    }
}
