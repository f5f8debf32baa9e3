//! Paths: the plain ones that clients write, and what any other may be taken for.

use percent_encoding::percent_decode_str;

use crate::names::fold;

/// Nobody nests percent-encodings deeper than this on the way to a server that decodes once.
const ROUNDS: usize = 8;

/// Path and query.
pub(super) fn split(target: &str) -> (&str, Option<&str>) {
    match target.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (target, None),
    }
}

/// The path below MLflow's `--static-prefix`. Without that prefix the path is left as it is: MLflow serves
/// artifacts at both places.
pub(super) fn without_prefix<'a>(path: &'a str, prefix: &str) -> &'a str {
    let prefix = prefix.trim_end_matches('/');
    match path.strip_prefix(prefix) {
        Some(inner) if inner.starts_with('/') => inner,
        _ => path,
    }
}

/// The segments of a path that needs no decoding and no resolving: `/a/b`, unreserved characters only
/// (RFC 3986 §2.3).
pub(super) fn plain(path: &str) -> Option<Vec<&str>> {
    let unreserved = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
    let is_name = |s: &&str| !s.is_empty() && *s != "." && *s != ".." && s.bytes().all(unreserved);
    let segments: Vec<&str> = path.strip_prefix('/')?.split('/').collect();
    segments.iter().all(is_name).then_some(segments)
}

/// What a path may be taken for by a reader that decodes more often than we, forgives case, merges slashes,
/// or resolves dots.
pub(super) struct Folded {
    /// Without empty and `.` segments; `..` stays.
    pub(super) segments: Vec<String>,
    /// As above, with `..` resolved.
    pub(super) resolved: Vec<String>,
    /// Any two segments, as `a/b`, that met while `..` were resolved: one reader's `..` is another's name (`..;`), so
    /// that somebody may stop on the way.
    pub(super) met: Vec<String>,
}

pub(super) fn folded(path: &str) -> Folded {
    let text = fold(&decoded(path)).replace('\\', "/");
    // To some readers the path ends at a fragment or a parameter; the words after it count here too.
    let is_end = |c| matches!(c, '/' | '#' | ';');
    let segments: Vec<String> =
        text.split(is_end).map(str::trim).filter(|s| !s.is_empty() && *s != ".").map(str::to_owned).collect();
    let (mut resolved, mut met) = (Vec::<String>::with_capacity(segments.len()), Vec::new());
    for segment in &segments {
        if segment == ".." {
            resolved.pop();
            continue;
        }
        met.extend(resolved.last().map(|before| format!("{before}/{segment}")));
        resolved.push(segment.clone());
    }
    Folded { segments, resolved, met }
}

/// Decoded until nothing is left to decode. Bytes that are no UTF-8 become U+FFFD, as in Python's `unquote`.
fn decoded(path: &str) -> String {
    let mut text = path.to_owned();
    for _ in 0..ROUNDS {
        let next = percent_decode_str(&text).decode_utf8_lossy().into_owned();
        if next == text {
            break;
        }
        text = next;
    }
    text
}
