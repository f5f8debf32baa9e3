//! Our own form of MLflow's Host and Origin checks.
//!
//! MLflow accepts only local names by default. Since we rewrite `Host` to the upstream's, its check against DNS
//! rebinding would always pass, and since it does not know our public URL, its check of `Origin` would refuse the
//! UI that we serve. So both are made here, by the same rules, with our public URL added.

use http::header::{HOST, HeaderMap, ORIGIN};
use http::{Method, Uri, request};

use super::Base;

/// Who may call us by which name, and from which pages.
#[derive(Debug, Clone)]
pub struct Origins {
    public_host: String,
    public_origin: String,
    hosts: Vec<String>,
    origins: Vec<String>,
}

/// Answer 403 with this text, which is MLflow's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OriginRefused {
    #[error("Invalid Host header - possible DNS rebinding attack detected")]
    Host,
    #[error("Cross-origin request blocked")]
    Origin,
}

impl Origins {
    /// `hosts` and `origins` are allowed besides the public URL and local names; `*` in them stands for any text.
    #[must_use]
    pub fn new(public: &Base, hosts: Vec<String>, origins: Vec<String>) -> Self {
        Self {
            public_host: public.authority.as_str().to_ascii_lowercase(),
            public_origin: format!("{}://{}", public.scheme, public.authority).to_ascii_lowercase(),
            hosts,
            origins,
        }
    }

    /// # Errors
    /// When MLflow would refuse the request for its `Host` or `Origin`, were it at our public URL.
    pub fn check(&self, head: &request::Parts) -> Result<(), OriginRefused> {
        if !is_health(head.uri.path()) && !self.knows_host(host(&head.uri, &head.headers)) {
            return Err(OriginRefused::Host);
        }
        let writes = matches!(head.method, Method::POST | Method::PUT | Method::PATCH | Method::DELETE);
        let mut origins = head.headers.get_all(ORIGIN).iter();
        let known = origins.all(|origin| origin.to_str().is_ok_and(|origin| self.knows_origin(origin, head)));
        if writes && !known {
            return Err(OriginRefused::Origin);
        }
        Ok(())
    }

    /// The `Origin` is our own page's. MLflow need not judge it, and must not: it does not know our name.
    pub(super) fn is_ours(&self, headers: &HeaderMap) -> bool {
        let Some(origin) = headers.get(ORIGIN).and_then(|value| value.to_str().ok()) else { return false };
        self.is_public(origin) || is_same(origin, host(&Uri::default(), headers))
    }

    fn knows_host(&self, host: &str) -> bool {
        !host.is_empty()
            && (host.eq_ignore_ascii_case(&self.public_host)
                || is_local_host(host)
                || self.hosts.iter().any(|pattern| matches(pattern, host)))
    }

    fn knows_origin(&self, origin: &str, head: &request::Parts) -> bool {
        origin.is_empty()
            || self.is_public(origin)
            || is_same(origin, host(&head.uri, &head.headers))
            || is_local_origin(origin)
            || self.origins.iter().any(|pattern| matches(pattern, origin))
    }

    fn is_public(&self, origin: &str) -> bool {
        origin.eq_ignore_ascii_case(&self.public_origin)
    }
}

/// RFC 9112 §3.2.2: an absolute request target counts for more than `Host`.
fn host<'a>(uri: &'a Uri, headers: &'a HeaderMap) -> &'a str {
    let header = || headers.get(HOST).and_then(|value| value.to_str().ok()).unwrap_or_default();
    uri.authority().map_or_else(header, http::uri::Authority::as_str)
}

fn is_health(path: &str) -> bool {
    path == "/health" || path == "/version"
}

fn is_same(origin: &str, host: &str) -> bool {
    !host.is_empty() && origin.split_once("://").is_some_and(|(_, rest)| rest.eq_ignore_ascii_case(host))
}

/// MLflow's `get_default_allowed_hosts`, with numeric addresses read as addresses: `10.evil.example` is not one.
fn is_local_host(host: &str) -> bool {
    let name = without_port(host);
    if name.eq_ignore_ascii_case("localhost") {
        return true;
    }
    let name = name.trim_start_matches('[').trim_end_matches(']');
    match name.parse() {
        Ok(std::net::IpAddr::V4(ip)) => ip.is_loopback() || ip.is_private() || ip.is_unspecified(),
        Ok(std::net::IpAddr::V6(ip)) => ip.is_loopback() || ip.is_unique_local(),
        Err(_) => false,
    }
}

fn is_local_origin(origin: &str) -> bool {
    let Some((_, rest)) = origin.split_once("://") else { return false };
    matches!(without_port(rest).to_ascii_lowercase().as_str(), "localhost" | "127.0.0.1" | "[::1]")
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    }
}

fn matches(pattern: &str, text: &str) -> bool {
    countersign_core::names::Pattern::new(pattern).matches(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(method: Method, path: &str, headers: &[(&str, &str)], expect: Result<(), OriginRefused>) {
        let public: Base = "https://models.example".parse().unwrap();
        let origins =
            Origins::new(&public, vec!["mlflow.internal".into()], vec!["https://*.ui.example".into()]);
        let mut request = http::Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (head, ()) = request.body(()).unwrap().into_parts();
        assert_eq!(origins.check(&head), expect, "{head:?}");
    }

    #[test]
    fn hosts() {
        for (host, expect) in [
            ("models.example", Ok(())),
            ("MODELS.example", Ok(())),
            ("localhost:8080", Ok(())),
            ("127.0.0.1:8080", Ok(())),
            ("[::1]:8080", Ok(())),
            ("192.168.7.7", Ok(())),
            ("mlflow.internal", Ok(())),
            ("evil.example", Err(OriginRefused::Host)),
            ("10.evil.example", Err(OriginRefused::Host)),
            ("models.example.evil.example", Err(OriginRefused::Host)),
            ("8.8.8.8", Err(OriginRefused::Host)),
        ] {
            check(Method::GET, "/", &[("host", host)], expect);
        }
        check(Method::GET, "/", &[], Err(OriginRefused::Host));
        check(Method::GET, "/health", &[("host", "evil.example")], Ok(()));
    }

    #[test]
    fn origins() {
        let refused = Err(OriginRefused::Origin);
        for (origin, expect) in [
            ("https://models.example", Ok(())),
            ("http://localhost:3000", Ok(())),
            ("https://a.ui.example", Ok(())),
            ("https://evil.example", refused),
            ("http://localhost.evil.example", refused),
            ("null", refused),
        ] {
            let headers = [("host", "models.example"), ("origin", origin)];
            check(Method::POST, "/api/2.0/mlflow/runs/create", &headers, expect);
            check(Method::GET, "/api/2.0/mlflow/runs/get", &headers, Ok(()));
        }
        let by_address = [("host", "10.0.0.5:8080"), ("origin", "http://10.0.0.5:8080")];
        check(Method::POST, "/api/2.0/mlflow/runs/create", &by_address, Ok(()));
    }
}
