//! Whether a browser's request comes from our own pages, by the headers that a page cannot forge.
//!
//! Cookies travel with requests that other sites start. A write that a cookie proves is therefore honoured only
//! when the browser says that it comes from here: Fetch Metadata (W3C) first, `Origin` (RFC 6454) next. Browsers
//! have sent one of them with every POST for years; a cookie with neither is refused.

use http::header::{HOST, ORIGIN};
use http::uri::Authority;
use http::{HeaderMap, Uri};

/// Whether a page of ours started this request. Ask it for every write that a session cookie proves.
#[must_use]
pub fn same_origin(headers: &HeaderMap, public_url: &str) -> bool {
    match text(headers, "sec-fetch-site") {
        Some("same-origin") => true,
        Some(_) => false,
        None => text(headers, ORIGIN.as_str()).is_some_and(|origin| is_ours(origin, headers, public_url)),
    }
}

/// Whether a browser says that a page of another site started this request. Programs say nothing of the kind.
#[must_use]
pub fn from_elsewhere(headers: &HeaderMap, public_url: &str) -> bool {
    let by_browser = headers.contains_key("sec-fetch-site") || headers.contains_key(ORIGIN);
    by_browser && !same_origin(headers, public_url)
}

/// Ours is what the operator published, or the very host that the browser addressed: the cookie is bound to that
/// host, so a page of another name never sends it.
fn is_ours(origin: &str, headers: &HeaderMap, public_url: &str) -> bool {
    let Some(origin) = authority(origin) else { return false };
    let host = text(headers, HOST.as_str()).and_then(|host| host.parse::<Authority>().ok());
    authority(public_url).is_some_and(|(scheme, public)| origin == (scheme, public))
        || host.is_some_and(|host| origin.1 == with_port(&host, &origin.0))
}

/// Scheme and `host:port` in lower case, the default port filled in.
fn authority(url: &str) -> Option<(String, String)> {
    let uri: Uri = url.parse().ok()?;
    let scheme = uri.scheme_str()?.to_ascii_lowercase();
    let authority = with_port(uri.authority()?, &scheme);
    Some((scheme, authority))
}

fn with_port(authority: &Authority, scheme: &str) -> String {
    let default = if scheme == "https" { 443 } else { 80 };
    format!("{}:{}", authority.host().to_ascii_lowercase(), authority.port_u16().unwrap_or(default))
}

fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
}

/// A place on this server that a login may lead back to; anything else could send people elsewhere.
#[must_use]
pub fn local_path(next: &str) -> Option<&str> {
    let sound = next.starts_with('/')
        && !next.starts_with("//")
        && !next.contains('\\')
        && !next.chars().any(|c| c.is_control() || c.is_whitespace());
    sound.then_some(next)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(headers: &[(&str, &str)], expect: bool) {
        let map: HeaderMap = headers
            .iter()
            .map(|(name, value)| (name.parse::<http::HeaderName>().unwrap(), value.parse().unwrap()))
            .collect();
        assert_eq!(same_origin(&map, "https://models.example.org"), expect, "{headers:?}");
        let says = headers.iter().any(|(name, _)| *name != "host");
        assert_eq!(from_elsewhere(&map, "https://models.example.org"), says && !expect, "{headers:?}");
    }

    #[test]
    fn origins() {
        check(&[("sec-fetch-site", "same-origin")], true);
        check(&[("sec-fetch-site", "cross-site"), ("origin", "https://models.example.org")], false);
        check(&[("sec-fetch-site", "same-site")], false);
        check(&[("sec-fetch-site", "none")], false);
        check(&[("origin", "https://models.example.org")], true);
        check(&[("origin", "https://MODELS.example.org:443")], true);
        check(&[("origin", "http://models.example.org")], false);
        check(&[("origin", "https://evil.example")], false);
        check(&[("origin", "null")], false);
        check(&[("origin", "http://127.0.0.1:8080"), ("host", "127.0.0.1:8080")], true);
        check(&[("origin", "http://127.0.0.1:8081"), ("host", "127.0.0.1:8080")], false);
        check(&[], false);
        check(&[("host", "models.example.org")], false);
    }

    #[test]
    fn only_paths_of_this_server_are_returned_to() {
        for next in ["/", "/_countersign/requests/1?tab=all", "/#/models/a%20b"] {
            assert_eq!(local_path(next), Some(next));
        }
        for next in
            ["", "//evil", "/\\evil", "https://evil", "javascript:alert(1)", "/a\r\nb", "/\t/evil", "a"]
        {
            assert_eq!(local_path(next), None, "{next:?}");
        }
    }
}
