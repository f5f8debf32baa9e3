//! A policy that took effect: which, instead of which, who had it taken up, and where its text came from.

use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::names::PersonId;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyLoad {
    pub policy: Digest,
    /// What was in force before; `None` at the very beginning, and in entries of before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<Digest>,
    /// The text of the file, kept as evidence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<Digest>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<TakenUpBy>,
    /// What git says of the file, where it lies in a work tree.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<PolicyCommit>,
}

/// How a policy came to be taken up, and by whom.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TakenUpBy {
    pub cause: Cause,
    /// Somebody who was signed in: proved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<PersonId>,
    /// `operator:ACCOUNT`, as the operating system says: a claim, not a proof.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claim: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// The server started and found another file than it had when it stopped.
    Start,
    FileChanged,
    /// SIGHUP. Nobody knows who sent it: the account is the one that the server runs as.
    Signal,
    /// Somebody asked the running server, by a command, the API or a page.
    Command,
}

/// The commit that last changed the file, as git tells it: a claim, as every author in git is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyCommit {
    pub id: String,
    /// An id, so that the name and the address of the author can be erased.
    pub author: PersonId,
    /// The file is not as it was committed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub modified: bool,
}

impl PolicyLoad {
    /// As entries of version 0.1 had it.
    #[must_use]
    pub const fn of(policy: Digest) -> Self {
        Self { policy, previous: None, text: None, by: None, commit: None }
    }
}

impl Cause {
    /// As entries spell it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::FileChanged => "file-changed",
            Self::Signal => "signal",
            Self::Command => "command",
        }
    }
}

impl TakenUpBy {
    #[must_use]
    pub const fn claimed(cause: Cause, claim: Option<String>) -> Self {
        Self { cause, person: None, claim }
    }

    /// Whatever is known of who it was, short of their name.
    #[must_use]
    pub fn phrase(&self) -> String {
        let how = match self.cause {
            Cause::Start => "found at a start",
            Cause::FileChanged => "the file changed",
            Cause::Signal => "by SIGHUP",
            Cause::Command => "by a command",
        };
        match (&self.person, &self.claim) {
            (Some(_), _) => "by somebody who was signed in".to_owned(),
            (None, Some(claim)) => format!("{how}, {claim} (a claim)"),
            (None, None) => how.to_owned(),
        }
    }
}
