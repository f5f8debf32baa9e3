//! What a proxy changes in a request's and a response's headers, and nothing else.

use std::net::IpAddr;

use http::header::{
    AUTHORIZATION, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, COOKIE, EXPECT, Entry, HOST, HeaderMap,
    HeaderName, HeaderValue, TE, TRANSFER_ENCODING, UPGRADE,
};

use super::Base;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");

/// Who a forwarded request comes from, and with what it goes on.
#[derive(Debug, Clone)]
pub struct Caller {
    pub peer: IpAddr,
    /// The peer is a proxy of the operator's: what it says in `X-Forwarded-For` is kept.
    pub peer_is_trusted: bool,
    pub credentials: Credentials,
}

/// What happens to the caller's `Authorization` and session cookie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credentials {
    /// The upstream signs callers in.
    Keep,
    /// We did: the upstream never sees them. `Authorization` becomes the one in
    /// [`Settings`](super::Settings), and the cookie of this name is taken out.
    Ours { session_cookie: &'static str },
}

/// The values that are the same for every request.
#[derive(Debug, Clone)]
pub(super) struct Fixed {
    pub(super) host: HeaderValue,
    pub(super) credentials: Option<HeaderValue>,
    pub(super) public_proto: HeaderValue,
    pub(super) public_host: HeaderValue,
}

impl Fixed {
    pub(super) fn new(base: &Base, credentials: Option<HeaderValue>, public: &Base) -> Self {
        let https = public.scheme == http::uri::Scheme::HTTPS;
        Self {
            host: base.host.clone(),
            credentials,
            public_proto: HeaderValue::from_static(if https { "https" } else { "http" }),
            public_host: public.host.clone(),
        }
    }

    /// The same values in memory of their own: a shared one's count of uses travels between the cores that count.
    pub(super) fn another(&self) -> Self {
        Self {
            host: detached(&self.host),
            credentials: self.credentials.as_ref().map(detached),
            public_proto: self.public_proto.clone(),
            public_host: detached(&self.public_host),
        }
    }
}

fn detached(value: &HeaderValue) -> HeaderValue {
    let mut copy = HeaderValue::from_bytes(value.as_bytes()).unwrap_or_else(|_| value.clone());
    copy.set_sensitive(value.is_sensitive());
    copy
}

/// Makes a client's headers the upstream's. Credentials, hop-by-hop headers (RFC 9110 §7.6.1), `Host`,
/// `Expect` (we have answered it by reading the body) and `X-Forwarded-*` change; everything else stays.
pub(super) fn outbound(headers: &mut HeaderMap, fixed: &Fixed, caller: &Caller) {
    let trailers = accepts_trailers(headers);
    strip_hop_by_hop(headers);
    headers.remove(EXPECT);
    if trailers {
        headers.insert(TE, HeaderValue::from_static("trailers"));
        headers.insert(CONNECTION, HeaderValue::from_static("te"));
    }
    headers.insert(HOST, fixed.host.clone());
    swap_credentials(headers, fixed, &caller.credentials);
    forwarded(headers, fixed, caller);
}

/// Takes the hop-by-hop headers out. `Trailer` is end-to-end and stays.
pub(super) fn strip_hop_by_hop(headers: &mut HeaderMap) {
    if headers.contains_key(CONNECTION) {
        for name in named_by_connection(headers) {
            headers.remove(name);
        }
        headers.remove(CONNECTION);
    }
    for name in [&TRANSFER_ENCODING, &KEEP_ALIVE, &TE, &UPGRADE, &PROXY_CONNECTION] {
        headers.remove(name);
    }
}

/// Headers that `Connection` names. Framing, routing and identity are not the sender's to take away.
fn named_by_connection(headers: &HeaderMap) -> Vec<HeaderName> {
    headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .filter(|name| !name.eq_ignore_ascii_case("close") && !name.eq_ignore_ascii_case("keep-alive"))
        .filter_map(|name| HeaderName::from_bytes(name.as_bytes()).ok())
        .filter(|name| {
            ![CONTENT_LENGTH, CONTENT_TYPE, AUTHORIZATION].contains(name) && name != super::WORKSPACE_HEADER
        })
        .collect()
}

fn accepts_trailers(headers: &HeaderMap) -> bool {
    headers.get_all(TE).iter().filter_map(|value| value.to_str().ok()).any(|value| {
        value.split(',').any(|coding| {
            coding.split(';').next().is_some_and(|name| name.trim().eq_ignore_ascii_case("trailers"))
        })
    })
}

fn swap_credentials(headers: &mut HeaderMap, fixed: &Fixed, credentials: &Credentials) {
    let Credentials::Ours { session_cookie } = credentials else { return };
    match &fixed.credentials {
        Some(value) => drop(headers.insert(AUTHORIZATION, value.clone())),
        None => drop(headers.remove(AUTHORIZATION)),
    }
    drop_cookie(headers, session_cookie);
}

fn drop_cookie(headers: &mut HeaderMap, name: &str) {
    let Entry::Occupied(entry) = headers.entry(COOKIE) else { return };
    let kept: Vec<HeaderValue> =
        entry.remove_entry_mult().1.filter_map(|value| without_cookie(&value, name)).collect();
    for value in kept {
        headers.append(COOKIE, value);
    }
}

/// A value that is not text may hide the cookie, so it goes as a whole.
fn without_cookie(value: &HeaderValue, name: &str) -> Option<HeaderValue> {
    let text = value.to_str().ok()?;
    let is_ours = |pair: &str| pair.split('=').next().is_some_and(|key| key.trim() == name);
    if !text.split(';').any(is_ours) {
        return Some(value.clone());
    }
    let kept: Vec<&str> = text.split(';').filter(|pair| !is_ours(pair)).map(str::trim).collect();
    HeaderValue::try_from(kept.join("; ")).ok().filter(|value| !value.is_empty())
}

/// Always sent: without `X-Forwarded-For` MLflow takes every caller of a proxy on its own host for a local user,
/// and local users may run commands through its Assistant.
fn forwarded(headers: &mut HeaderMap, fixed: &Fixed, caller: &Caller) {
    let earlier =
        headers.get(X_FORWARDED_FOR).filter(|_| caller.peer_is_trusted).and_then(|v| v.to_str().ok());
    let chain = match earlier {
        Some(earlier) => HeaderValue::try_from(format!("{earlier}, {}", caller.peer)),
        None => HeaderValue::try_from(caller.peer.to_string()),
    };
    if let Ok(chain) = chain {
        headers.insert(X_FORWARDED_FOR, chain);
    }
    headers.insert(X_FORWARDED_PROTO, fixed.public_proto.clone());
    headers.insert(X_FORWARDED_HOST, fixed.public_host.clone());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(lines: &[(&str, &str)]) -> HeaderMap {
        let pairs = lines.iter();
        pairs.map(|(n, v)| (n.parse::<HeaderName>().unwrap(), v.parse::<HeaderValue>().unwrap())).collect()
    }

    fn check(given: &[(&str, &str)], trusted: bool, credentials: Credentials, expect: &[(&str, &str)]) {
        let base: Base = "http://mlflow:5000".parse().unwrap();
        let public: Base = "https://models.example".parse().unwrap();
        let fixed = Fixed::new(&base, Some("Basic b3Vycw==".parse().unwrap()), &public);
        let caller = Caller { peer: "192.0.2.1".parse().unwrap(), peer_is_trusted: trusted, credentials };
        let mut headers = map(given);
        outbound(&mut headers, &fixed, &caller);
        let mut expected = map(expect);
        for (name, value) in
            [("host", "mlflow:5000"), ("x-forwarded-proto", "https"), ("x-forwarded-host", "models.example")]
        {
            expected.insert(name, value.parse().unwrap());
        }
        expected.entry("x-forwarded-for").or_insert("192.0.2.1".parse().unwrap());
        assert_eq!(headers, expected, "{given:?}");
    }

    #[test]
    fn requests() {
        let keep = || Credentials::Keep;
        check(&[("host", "models.example"), ("accept", "*/*")], false, keep(), &[("accept", "*/*")]);
        check(
            &[("connection", "close, X-Hop"), ("x-hop", "1"), ("keep-alive", "timeout=5")],
            false,
            keep(),
            &[],
        );
        check(
            &[("connection", "Upgrade"), ("upgrade", "websocket"), ("x-a", "1")],
            false,
            keep(),
            &[("x-a", "1")],
        );
        check(
            &[("connection", "content-length"), ("content-length", "3")],
            false,
            keep(),
            &[("content-length", "3")],
        );
        check(&[("te", "gzip, trailers;q=0.5")], false, keep(), &[("te", "trailers"), ("connection", "te")]);
        check(&[("te", "gzip")], false, keep(), &[]);
        check(&[("expect", "100-continue"), ("transfer-encoding", "chunked")], false, keep(), &[]);
        check(&[("x-forwarded-for", "127.0.0.1")], false, keep(), &[]);
        check(
            &[("x-forwarded-for", "10.0.0.9")],
            true,
            keep(),
            &[("x-forwarded-for", "10.0.0.9, 192.0.2.1")],
        );
        check(&[("authorization", "Bearer theirs")], false, keep(), &[("authorization", "Bearer theirs")]);
    }

    #[test]
    fn our_credentials_stay_with_us() {
        let ours = || Credentials::Ours { session_cookie: "countersign" };
        let swapped = ("authorization", "Basic b3Vycw==");
        check(&[("authorization", "Bearer theirs")], false, ours(), &[swapped]);
        check(&[("cookie", "countersign=secret")], false, ours(), &[swapped]);
        check(
            &[("cookie", "a=1; countersign=secret;b=2")],
            false,
            ours(),
            &[swapped, ("cookie", "a=1; b=2")],
        );
        check(&[("cookie", "mycountersign=x")], false, ours(), &[swapped, ("cookie", "mycountersign=x")]);
    }
}
