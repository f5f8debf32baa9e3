//! How requests to a provider look on the wire, and how its answers are read.

use http::header::{ACCEPT, CONTENT_TYPE};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;

use super::provider::{ProviderError, TIMEOUT};
use crate::config::Secret;

/// Everything but RFC 3986's unreserved characters.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// The longest answer that is read, in bytes.
const MAX_ANSWER: usize = 1 << 20;

/// Us, as the provider knows us.
#[derive(Debug, Clone)]
pub struct Client {
    pub id: String,
    /// A public client has none and relies on PKCE.
    pub secret: Option<Secret>,
    /// Where the provider sends browsers back to.
    pub redirect: String,
}

pub(super) fn http(issuer: &str) -> Result<reqwest::Client, reqwest::Error> {
    // Fails only if a provider is set already, which is then as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut builder = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).timeout(TIMEOUT);
    if is_loopback(issuer) {
        builder = builder.no_proxy();
    }
    builder.build()
}

/// Whether a URL stays on this machine.
#[must_use]
pub fn is_loopback(url: &str) -> bool {
    let host = url.parse::<http::Uri>().ok().and_then(|url| url.host().map(str::to_owned));
    let host = host.unwrap_or_default();
    let address = host.trim_matches(['[', ']']).parse::<std::net::IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

/// `application/x-www-form-urlencoded`, with `%20` for spaces, which every reader takes.
pub(super) fn form(pairs: &[(&str, &str)]) -> String {
    let encoded = |text| utf8_percent_encode(text, RESERVED);
    let pairs: Vec<String> =
        pairs.iter().map(|(name, value)| format!("{}={}", encoded(name), encoded(value))).collect();
    pairs.join("&")
}

/// The client proves itself by HTTP Basic, the default (OpenID Connect Core §9), or in the form where the provider
/// takes nothing else.
pub(super) fn exchange(
    request: reqwest::RequestBuilder,
    client: &Client,
    methods: Option<&[String]>,
    code: &str,
    verifier: &str,
) -> reqwest::RequestBuilder {
    let mut pairs = vec![
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", &client.redirect),
        ("code_verifier", verifier),
    ];
    let basic = methods.is_none_or(|methods| methods.iter().any(|method| method == "client_secret_basic"));
    let request = match &client.secret {
        Some(secret) if basic => {
            // RFC 6749 §2.3.1: both are form-encoded first.
            let encoded = |text| utf8_percent_encode(text, RESERVED).to_string();
            request.basic_auth(encoded(&client.id), Some(encoded(secret.expose())))
        }
        Some(secret) => {
            pairs.extend([("client_id", client.id.as_str()), ("client_secret", secret.expose())]);
            request
        }
        None => {
            pairs.push(("client_id", &client.id));
            request
        }
    };
    request.header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(form(&pairs))
}

/// The body of a successful answer.
pub(super) async fn body(url: &str, request: reqwest::RequestBuilder) -> Result<Vec<u8>, ProviderError> {
    let unreachable = |error: reqwest::Error| ProviderError::Unreachable {
        url: url.to_owned(),
        reason: chain(&error.without_url()),
    };
    let mut response = request.header(ACCEPT, "application/json").send().await.map_err(unreachable)?;
    let status = response.status();
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
        if bytes.len() + chunk.len() > MAX_ANSWER {
            let reason = "it is longer than 1 MiB".to_owned();
            return Err(ProviderError::Malformed { url: url.to_owned(), reason });
        }
        bytes.extend_from_slice(&chunk);
    }
    if status.is_success() {
        return Ok(bytes);
    }
    Err(ProviderError::Refused { url: url.to_owned(), status: status.as_u16(), said: said(&bytes) })
}

/// An OAuth error (RFC 6749 §5.2), or the beginning of whatever it is.
fn said(bytes: &[u8]) -> String {
    #[derive(Deserialize)]
    struct OAuthError {
        error: String,
        #[serde(default)]
        error_description: String,
    }
    match serde_json::from_slice::<OAuthError>(bytes) {
        Ok(OAuthError { error, error_description }) if error_description.is_empty() => error,
        Ok(OAuthError { error, error_description }) => format!("{error}: {error_description}"),
        Err(_) => String::from_utf8_lossy(bytes).chars().take(200).collect(),
    }
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        line.push_str(": ");
        line.push_str(&error.to_string());
        cause = error.source();
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopbacks() {
        for (url, expect) in [
            ("http://127.0.0.1:3000", true),
            ("http://[::1]:3000/x", true),
            ("http://localhost", true),
            ("https://id.example.com", false),
            ("http://127.0.0.1.example.com", false),
        ] {
            assert_eq!(is_loopback(url), expect, "{url}");
        }
    }

    #[test]
    fn forms_and_errors() {
        assert_eq!(form(&[("a_b", "x y&z"), ("b", "ü-1")]), "a_b=x%20y%26z&b=%C3%BC-1");
        assert_eq!(
            said(br#"{"error":"invalid_grant","error_description":"too old"}"#),
            "invalid_grant: too old"
        );
        assert_eq!(said(b"<html>"), "<html>");
    }
}
