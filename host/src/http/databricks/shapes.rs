//! The words of Databricks' API as its SDK spells them: `databricks.sdk.service.ml`, version 0.162.
//!
//! This module must not know: what they mean here.

use serde::{Deserialize, Serialize};

/// A version, a stage, and what somebody says about moving the one to the other.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TransitionBody {
    pub(super) name: String,
    pub(super) version: Numeral,
    pub(super) stage: String,
    #[serde(default)]
    pub(super) archive_existing_versions: Option<bool>,
    #[serde(default)]
    pub(super) comment: Option<String>,
    /// Who opened the request that is to be deleted.
    #[serde(default)]
    pub(super) creator: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct VersionQuery {
    pub(super) name: String,
    pub(super) version: Numeral,
}

/// A version, as clients write it: a number or its text.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Numeral {
    Text(String),
    Number(u32),
}

/// What Databricks calls an activity; a transition request is one, too.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Activity {
    pub(super) id: String,
    pub(super) activity_type: ActivityType,
    pub(super) creation_timestamp: i64,
    pub(super) last_updated_timestamp: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) user_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) comment: Option<String>,
    /// Where it stands, by us.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) system_comment: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) from_stage: Option<&'static str>,
    pub(super) to_stage: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) available_actions: Vec<ActivityAction>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum ActivityType {
    RequestedTransition,
    ApprovedRequest,
    RejectedRequest,
    CancelledRequest,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(super) enum ActivityAction {
    #[serde(rename = "APPROVE_TRANSITION_REQUEST")]
    Approve,
    #[serde(rename = "REJECT_TRANSITION_REQUEST")]
    Reject,
    #[serde(rename = "CANCEL_TRANSITION_REQUEST")]
    Cancel,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CommentBody {
    pub(super) name: String,
    pub(super) version: Numeral,
    pub(super) comment: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RewordBody {
    pub(super) id: String,
    pub(super) comment: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CommentQuery {
    pub(super) id: String,
}

#[derive(Debug, Serialize)]
pub(super) struct CommentObject {
    pub(super) id: String,
    pub(super) comment: String,
    pub(super) user_id: String,
    pub(super) creation_timestamp: i64,
    pub(super) last_updated_timestamp: i64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) available_actions: Vec<CommentAction>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum CommentAction {
    EditComment,
    DeleteComment,
}

/// The answer to `comments/create` and `comments/update`.
#[derive(Debug, Serialize)]
pub(super) struct Commented {
    pub(super) comment: CommentObject,
}

/// The answer to `create`.
#[derive(Debug, Serialize)]
pub(super) struct Requested {
    pub(super) request: Activity,
}

/// The answer to `list`: all at once, as Databricks does.
#[derive(Debug, Serialize)]
pub(super) struct Listed {
    pub(super) requests: Vec<Activity>,
}

/// The answer to `approve`, `reject` and `delete`.
#[derive(Debug, Serialize)]
pub(super) struct Done {
    pub(super) activity: Activity,
}
