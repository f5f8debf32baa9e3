//! What entries say of evidence: what a replay found, what was taken out, what must stay, and who was forgotten.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::digest::Digest;
use crate::names::{ModelName, PersonId, PluginName, Tier, Workspace};
use crate::request::RequestId;
use crate::time::{Millis, Span};

/// A plugin did not give the bytes that were recorded, from the same input and the same answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unstable {
    pub plugin: PluginName,
    pub plugin_digest: Digest,
    /// The `check-run` or `rule-run` entry that was replayed.
    pub run: u64,
    pub recorded: Digest,
    pub replayed: Digest,
    /// What a second replay gave. The same as the first: the code is steady, and the record, or the host, is not what
    /// it was. Another one: the code itself is not.
    pub again: Digest,
    /// The first difference, as a sentence fragment.
    pub difference: String,
    /// What replayed it.
    pub software: String,
}

impl Unstable {
    /// Whether two replays by the same host differ: nothing but the plugin can be behind that.
    #[must_use]
    pub fn is_by_itself(&self) -> bool {
        self.replayed != self.again
    }
}

/// Evidence that was taken out, because its time by the policy was over. Entries stay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Collected {
    /// The rule: versions of this tier keep their evidence so long after the last entry about them.
    pub tier: Tier,
    pub keep: Span,
    pub policy: Digest,
    /// Of this rule, whose evidence this was.
    pub versions: u64,
    pub blobs: u64,
    pub bytes: u64,
    /// Over the digests of the blobs, sorted, one a line, each line ended.
    pub list: Digest,
}

/// What must be kept, whatever the policy says of its age.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    pub id: Uuid,
    pub workspace: Workspace,
    pub model: ModelName,
    /// Only what this request is about; without it all of the model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<RequestId>,
    pub reason: String,
    pub by: PersonId,
    pub at: Millis,
}

/// The end of a hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Released {
    pub hold: Uuid,
    pub by: PersonId,
    pub reason: String,
}

/// What was known of a person can be read no more, by anybody: their key is gone. The entries that name the id stay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Erased {
    pub person: PersonId,
    /// `None`: an operator, by a command on the machine.
    pub by: Option<PersonId>,
}
