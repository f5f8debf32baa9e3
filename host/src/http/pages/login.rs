//! The sign-in page.

use askama::Template;

use super::Chrome;

#[derive(Debug, Template)]
#[template(path = "login.html")]
pub struct LoginPage {
    pub chrome: Chrome,
    /// The name that was tried, so that it need not be typed again.
    pub name: String,
    /// Where to go afterwards: a path that [`crate::auth::origin::local_path`] let through.
    pub next: String,
    /// Why the last attempt did not work.
    pub error: Option<String>,
    /// The provider where people sign in; `None` where we ask for a password.
    pub provider: Option<Provider>,
}

#[derive(Debug, Clone)]
pub struct Provider {
    /// Its host, as people know it.
    pub host: String,
    /// The page of ours that leads there.
    pub url: String,
}
