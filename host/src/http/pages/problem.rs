//! When something is not as the caller thought: what happened, to what, and what to do next.

use askama::Template;

use super::Chrome;

#[derive(Debug, Template)]
#[template(path = "problem.html")]
pub struct ProblemPage {
    pub chrome: Chrome,
    /// The HTTP status.
    pub status: u16,
    pub title: String,
    pub what_happened: String,
    pub what_to_do: String,
    /// Address and words of the one thing to do.
    pub action: Option<(String, String)>,
}
