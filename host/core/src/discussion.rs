//! Discussion: what people say to each other about a version or a request, in threads.
//!
//! A comment keeps the digest of its text, never the text: that lies apart, so that it can be erased while every
//! entry still holds. This module must not know: where texts lie, who may read them.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::digest::Digest;
use crate::names::{PersonId, PluginName};
use crate::request::RequestId;
use crate::time::Millis;

/// The longest text, in characters.
const MAX_CHARS: usize = 10_000;

/// One thing that somebody said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Comment {
    pub id: Uuid,
    /// `None` where it is about the version as such.
    pub request: Option<RequestId>,
    pub author: PersonId,
    pub at: Millis,
    /// The check whose findings it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<PluginName>,
    /// The comment that began the thread; `None` for that one itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thread: Option<Uuid>,
    pub text: Digest,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edited: Option<Millis>,
    /// Its author took it back; the text is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deleted: Option<Millis>,
    /// Who settled the thread that it began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolved: Option<PersonId>,
}

/// Why something cannot be said, or taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CannotSay {
    #[error("a comment needs words: write at least one")]
    Empty,
    #[error("a comment has at most {MAX_CHARS} characters: shorten it")]
    Long,
    #[error("only its author can change or delete a comment: answer it instead")]
    NotYours,
    #[error("this comment was deleted: write a new one")]
    Deleted,
    #[error("a thread is settled at the comment that began it: name that one")]
    NotAThread,
}

/// Takes a text.
///
/// # Errors
/// When it is empty or too long.
pub fn text(text: &str) -> Result<&str, CannotSay> {
    let text = text.trim();
    if text.is_empty() {
        Err(CannotSay::Empty)
    } else if text.chars().count() > MAX_CHARS {
        Err(CannotSay::Long)
    } else {
        Ok(text)
    }
}

impl Comment {
    /// The same with other words.
    ///
    /// # Errors
    /// When it is somebody else's, or gone.
    pub fn reworded(self, by: &PersonId, text: Digest, now: Millis) -> Result<Self, CannotSay> {
        self.theirs(by)?;
        Ok(Self { text, edited: Some(now), ..self })
    }

    /// Taken back.
    ///
    /// # Errors
    /// When it is somebody else's, or gone.
    pub fn taken_back(self, by: &PersonId, now: Millis) -> Result<Self, CannotSay> {
        self.theirs(by)?;
        Ok(Self { deleted: Some(now), ..self })
    }

    /// Settled, or open again.
    ///
    /// # Errors
    /// When it began no thread.
    pub fn settled(self, by: Option<PersonId>) -> Result<Self, CannotSay> {
        if self.thread.is_some() { Err(CannotSay::NotAThread) } else { Ok(Self { resolved: by, ..self }) }
    }

    fn theirs(&self, by: &PersonId) -> Result<(), CannotSay> {
        if &self.author != by {
            Err(CannotSay::NotYours)
        } else if self.deleted.is_some() {
            Err(CannotSay::Deleted)
        } else {
            Ok(())
        }
    }
}

/// How many threads of a request nobody has settled. A thread in which nothing is left is none.
#[must_use]
pub fn unresolved(comments: &[Comment], request: RequestId) -> u32 {
    let of = |comment: &&Comment| comment.request == Some(request);
    let begins = |comment: &&Comment| comment.thread.is_none() && comment.resolved.is_none();
    let left = |thread: &Comment| {
        comments.iter().any(|c| c.deleted.is_none() && (c.id == thread.id || c.thread == Some(thread.id)))
    };
    let open = comments.iter().filter(of).filter(begins).filter(|thread| left(thread)).count();
    u32::try_from(open).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
