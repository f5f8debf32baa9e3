//! When a page cannot be shown: the reason, and what to do.

use axum::response::{IntoResponse, Response};
use http::StatusCode;

use super::request::capital;
use super::{Visitor, page};
use crate::app::AppError;
use crate::http::error;
use crate::http::pages::problem::ProblemPage;
use crate::http::pages::{Chrome, Nav};

/// An error that becomes a page.
pub(in crate::http) struct Trouble {
    chrome: Box<Chrome>,
    error: AppError,
}

impl Trouble {
    pub(in crate::http) fn new(visitor: &Visitor, error: impl Into<AppError>) -> Self {
        Self { chrome: Box::new(visitor.chrome(Nav::None)), error: error.into() }
    }
}

impl IntoResponse for Trouble {
    fn into_response(self) -> Response {
        let (status, _, title) = error::kind(&self.error);
        let detail = error::chain(&self.error);
        if status.is_server_error() {
            tracing::error!(error = %detail, "page not shown");
        }
        problem(*self.chrome, status, title, sentence(&detail))
    }
}

/// A fragment of an error as a sentence of its own.
pub(super) fn sentence(detail: &str) -> String {
    let stop = if detail.ends_with(['.', '!', '?']) { "" } else { "." };
    format!("{}{stop}", capital(detail))
}

pub(super) async fn nothing_here(visitor: Visitor) -> Response {
    let detail = "There is no page at this address.".to_owned();
    problem(visitor.chrome(Nav::None), StatusCode::NOT_FOUND, "There is no such page", detail)
}

fn problem(chrome: Chrome, status: StatusCode, title: &str, what_happened: String) -> Response {
    let what_to_do = match status {
        StatusCode::CONFLICT => "Go back, reload the page, and look again before you decide.",
        StatusCode::FORBIDDEN => "Ask somebody who may, or sign in as somebody else.",
        StatusCode::NOT_FOUND => "Look for it in the inbox.",
        StatusCode::BAD_GATEWAY => "Ask the operator whether MLflow is up, then try again.",
        _ if status.is_server_error() => "Tell the operator: the log says more.",
        _ => "Go back and correct it.",
    };
    let shown = ProblemPage {
        chrome,
        status: status.as_u16(),
        title: title.to_owned(),
        what_happened,
        what_to_do: what_to_do.to_owned(),
        action: None,
    };
    page(status, &shown)
}
