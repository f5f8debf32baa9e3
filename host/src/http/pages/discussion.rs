//! What people said to each other about a request, thread by thread, and the forms to say more.

use super::{Person, When};

/// The discussion as one visitor sees it.
#[derive(Debug, Clone, Default)]
pub struct Discussion {
    pub threads: Vec<Thread>,
    /// What a comment can be about besides the request: the checks that ran.
    pub checks: Vec<String>,
    /// The visitor has a name to say something under.
    pub may_write: bool,
    /// What was typed, when it was not taken.
    pub typed: CommentForm,
}

#[derive(Debug, Clone, Default)]
pub struct CommentForm {
    pub text: String,
    pub about: String,
    /// The id of the thread that it answers.
    pub answers: String,
    pub error: Option<String>,
}

impl Discussion {
    /// What was typed as an answer to a thread, or, with an empty id, to begin one.
    pub(super) fn typed_for(&self, thread: &str) -> Option<&CommentForm> {
        Some(&self.typed).filter(|typed| typed.answers == thread && !typed.text.is_empty())
    }
}

#[derive(Debug, Clone)]
pub struct Thread {
    /// The id of the comment that began it.
    pub id: String,
    /// The check whose findings it is about.
    pub about: Option<String>,
    pub resolved: Option<Person>,
    pub comments: Vec<Remark>,
    pub may_settle: bool,
}

#[derive(Debug, Clone)]
pub struct Remark {
    pub by: Person,
    pub at: When,
    /// `None` for one that was taken back, or whose author was erased.
    pub words: Option<String>,
    pub erased: bool,
    pub edited: bool,
}
