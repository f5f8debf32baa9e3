//! Whether a person with a browser or a program is calling, and what each gets who must sign in first.

use http::header::ACCEPT;
use http::{HeaderMap, Method, Uri};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;

use crate::auth::origin::local_path;

/// Who reads the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience {
    /// Gets pages and redirects.
    Browser,
    /// Gets JSON in the form that it knows: MLflow's, or ours.
    Program,
}

/// What a caller gets who must sign in first.
#[derive(Debug, PartialEq, Eq)]
pub enum Challenge {
    /// 303 with this `Location`.
    SignIn { location: String },
    /// 401 with this `WWW-Authenticate` and JSON body.
    Unauthorized { www_authenticate: String, body: String },
}

/// A browser is whoever navigates: a GET that asks for HTML, outside the paths that only scripts fetch.
#[must_use]
pub fn audience(method: &Method, uri: &Uri, headers: &HeaderMap) -> Audience {
    let navigates = matches!(*method, Method::GET | Method::HEAD);
    let asks_for_html = headers
        .get_all(ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|range| range.split(';').next().is_some_and(|kind| kind.trim() == "text/html"));
    // MLflow's own pages fetch below `/ajax-api` and must get JSON, whatever they accept.
    let scripted = uri.path().split('/').any(|part| matches!(part, "api" | "ajax-api" | "graphql"));
    if navigates && asks_for_html && !scripted { Audience::Browser } else { Audience::Program }
}

/// `why` is one sentence for people. `base` is where our pages begin (`/_countersign`); `None` when there is no
/// login page and the browser's own prompt must do. `header` is the `WWW-Authenticate` that asks for it.
#[must_use]
pub fn challenge(audience: Audience, uri: &Uri, base: Option<&str>, header: &str, why: &str) -> Challenge {
    match (audience, base) {
        (Audience::Browser, Some(base)) => {
            let here = uri.path_and_query().map_or("/", |path| path.as_str());
            Challenge::SignIn { location: login_url(base, here) }
        }
        _ => Challenge::Unauthorized { www_authenticate: header.to_owned(), body: unauthenticated(why) },
    }
}

/// The login page that leads back to `next`, where that is a place on this server.
#[must_use]
pub fn login_url(base: &str, next: &str) -> String {
    match local_path(next) {
        Some(next) => format!("{base}/login?next={}", encoded(next)),
        None => format!("{base}/login"),
    }
}

/// A path as the value of a query.
pub(super) fn encoded(path: &str) -> impl std::fmt::Display {
    const QUERY: &AsciiSet =
        &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'_').remove(b'.').remove(b'~');
    utf8_percent_encode(path, QUERY)
}

/// MLflow's error form. Its client raises it as `RestException: UNAUTHENTICATED: …`, and does not retry a 401.
fn unauthenticated(why: &str) -> String {
    #[derive(Serialize)]
    struct MlflowError<'a> {
        error_code: &'static str,
        message: &'a str,
    }
    serde_json::to_string(&MlflowError { error_code: "UNAUTHENTICATED", message: why }).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(method: Method, path: &str, accept: &str, expect: Audience) {
        let headers = HeaderMap::from_iter([(ACCEPT, accept.parse().unwrap())]);
        assert_eq!(audience(&method, &path.parse().unwrap(), &headers), expect, "{method} {path} {accept}");
    }

    #[test]
    fn audiences() {
        let html = "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8";
        check(Method::GET, "/", html, Audience::Browser);
        check(Method::GET, "/_countersign/requests/1", "text/html;q=0.9", Audience::Browser);
        check(Method::GET, "/", "*/*", Audience::Program);
        check(Method::POST, "/", html, Audience::Program);
        check(Method::GET, "/ajax-api/2.0/mlflow/registered-models/search", html, Audience::Program);
        check(Method::GET, "/prefix/api/2.0/mlflow/runs/get", html, Audience::Program);
        check(Method::GET, "/_countersign/api/v1/requests", html, Audience::Program);
        check(Method::GET, "/apis", html, Audience::Browser);
    }

    #[test]
    fn browsers_are_sent_to_the_login_page_and_back() {
        let uri: Uri = "/_countersign/requests/7?tab=all&x=1".parse().unwrap();
        let browser = challenge(Audience::Browser, &uri, Some("/_countersign"), "Basic", "sign in");
        let location = "/_countersign/login?next=/_countersign/requests/7%3Ftab%3Dall%26x%3D1".to_owned();
        assert_eq!(browser, Challenge::SignIn { location });
        assert_eq!(login_url("/_countersign", "//evil.example"), "/_countersign/login");
    }

    #[test]
    fn programs_get_mlflows_error_form() {
        let uri: Uri = "/api/2.0/mlflow/runs/get".parse().unwrap();
        let Challenge::Unauthorized { www_authenticate, body } =
            challenge(Audience::Program, &uri, Some("/_countersign"), "Bearer", "no \"credentials\"")
        else {
            panic!("programs are not redirected");
        };
        assert_eq!(www_authenticate, "Bearer");
        assert_eq!(body, r#"{"error_code":"UNAUTHENTICATED","message":"no \"credentials\""}"#);
        let no_login_page = challenge(Audience::Browser, &uri, None, "mlflow", "x");
        assert!(matches!(no_login_page, Challenge::Unauthorized { .. }));
    }
}
