//! Any bytes as a request: classification never panics, and what it would send on means the same once more.
//!
//! Input: method, target, headers (`name: value` by line) and body, separated by NUL bytes.

#![no_main]

use countersign_core::classify::{CanonicalBody, Classified, Head, Routed, classify, route};
use libfuzzer_sys::fuzz_target;

type Headers<'a> = Vec<(&'a str, &'a str)>;

fuzz_target!(|data: &[u8]| {
    let mut parts = data.splitn(4, |byte| *byte == 0);
    let mut text = || std::str::from_utf8(parts.next().unwrap_or_default()).unwrap_or_default();
    let (method, target, lines) = (text(), text(), text());
    let headers: Headers<'_> = lines.lines().filter_map(|line| line.split_once(": ")).collect();
    let body = parts.next().unwrap_or_default();
    if let Some(first) = governed(method, target, &headers, body) {
        let canonical = &first.canonical;
        let (headers, body) = match &canonical.body {
            CanonicalBody::Json(bytes) => (json(&headers), bytes.as_slice()),
            CanonicalBody::Empty | CanonicalBody::AsSent => (headers, &[][..]),
        };
        let again = governed(canonical.method, &canonical.path_and_query, &headers, body);
        assert_eq!(again.as_ref(), Some(&first));
    }
});

fn governed(method: &str, target: &str, headers: &Headers<'_>, body: &[u8]) -> Option<Classified> {
    let values = |name: &str| {
        headers.iter().filter(|(own, _)| *own == name).map(|(_, v)| v.as_bytes()).collect::<Vec<_>>()
    };
    let head = Head { method, target, headers: &values };
    match route(&head, "") {
        Routed::Governed(classified) => Some(*classified),
        Routed::NeedsBody(route) => classify(&route, &head, body).ok(),
        Routed::PassThrough | Routed::Watched(_) | Routed::Databricks(_) | Routed::Refused(_) => None,
    }
}

/// The client's own headers, but for those that describe its body.
fn json<'a>(headers: &Headers<'a>) -> Headers<'a> {
    let kept = headers.iter().filter(|(name, _)| !name.starts_with("content-")).copied();
    kept.chain([("content-type", "application/json")]).collect()
}
