//! What the element changes in the headers of the document and of the request for it.

use http::header::{
    ACCEPT_ENCODING, ACCEPT_RANGES, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_SECURITY_POLICY,
    CONTENT_TYPE, ETAG, HeaderName, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE,
    IF_UNMODIFIED_SINCE, LAST_MODIFIED, RANGE,
};
use http::response::Parts;
use http::{HeaderMap, HeaderValue, StatusCode};

/// About exactly these bytes (RFC 9530, RFC 3230, RFC 1864).
const DIGESTS: [HeaderName; 4] = [
    HeaderName::from_static("content-digest"),
    HeaderName::from_static("repr-digest"),
    HeaderName::from_static("digest"),
    HeaderName::from_static("content-md5"),
];

pub(super) fn ask(request: &mut HeaderMap, mark: &str) {
    request.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    // The file's own date says nothing about the element.
    for name in [RANGE, IF_RANGE, IF_MATCH, IF_MODIFIED_SINCE, IF_UNMODIFIED_SINCE] {
        request.remove(name);
    }
    let tags: Vec<String> = request
        .get_all(IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|tag| unmarked(tag.trim(), mark))
        .collect();
    request.remove(IF_NONE_MATCH);
    if let Ok(value) = HeaderValue::try_from(tags.join(", "))
        && !tags.is_empty()
    {
        request.insert(IF_NONE_MATCH, value);
    }
}

/// The upstream's tag in one of ours.
fn unmarked(tag: &str, mark: &str) -> Option<String> {
    Some(format!("{}\"", tag.strip_suffix('"')?.strip_suffix(mark)?))
}

/// Makes the upstream's tag ours.
pub(super) fn mark(response: &mut HeaderMap, mark: &str) {
    let marked = response.get(ETAG).and_then(|tag| {
        let tag = tag.to_str().ok()?.strip_suffix('"')?;
        HeaderValue::try_from(format!("{tag}{mark}\"")).ok()
    });
    match marked {
        Some(marked) => drop(response.insert(ETAG, marked)),
        None => drop(response.remove(ETAG)),
    }
    response.remove(LAST_MODIFIED);
}

/// The whole of an HTML document, in an encoding in which ASCII is ASCII.
pub(super) fn is_plain_document(head: &Parts) -> bool {
    let plain = head.headers.get(CONTENT_ENCODING).is_none_or(|coding| coding == "identity");
    head.status == StatusCode::OK
        && plain
        && !head.headers.contains_key(CONTENT_RANGE)
        && is_html(&head.headers)
}

fn is_html(headers: &HeaderMap) -> bool {
    let Some(text) = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()) else { return false };
    let mut parts = text.split(';').map(str::trim);
    let html = parts.next().is_some_and(|essence| essence.eq_ignore_ascii_case("text/html"));
    let charset = parts.find_map(|part| {
        let (name, value) = part.split_once('=')?;
        name.eq_ignore_ascii_case("charset").then(|| value.trim_matches('"').to_ascii_lowercase())
    });
    html && charset.is_none_or(|charset| ["utf-8", "us-ascii", "iso-8859-1"].contains(&charset.as_str()))
}

/// The nonce that the upstream's policy asks of scripts.
pub(super) fn nonce(headers: &HeaderMap) -> Option<String> {
    let policies = headers.get_all(CONTENT_SECURITY_POLICY).iter().filter_map(|value| value.to_str().ok());
    let directives = policies.flat_map(|policy| policy.split([';', ',']));
    let about_scripts = directives.filter(|directive| {
        let name = directive.split_ascii_whitespace().next().unwrap_or_default().to_ascii_lowercase();
        ["script-src", "script-src-elem", "default-src"].contains(&name.as_str())
    });
    let mut nonces = about_scripts.flat_map(str::split_ascii_whitespace).filter_map(|source| {
        let nonce = source.strip_prefix("'nonce-")?.strip_suffix('\'')?;
        let is_base64 = |byte: u8| byte.is_ascii_alphanumeric() || b"+/-_=".contains(&byte);
        nonce.bytes().all(is_base64).then(|| nonce.to_owned())
    });
    nonces.next()
}

/// What is no longer so of a document that has so many bytes more.
pub(super) fn changed(response: &mut HeaderMap, more: usize, by: &str) {
    mark(response, by);
    response.remove(ACCEPT_RANGES);
    DIGESTS.iter().for_each(|name| drop(response.remove(name)));
    let length = response.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    match length.and_then(|length| length.checked_add(more)) {
        Some(length) => drop(response.insert(CONTENT_LENGTH, HeaderValue::from(length))),
        None => drop(response.remove(CONTENT_LENGTH)),
    }
}
