//! Canonical JSON, RFC 8785, for the values that we sign and hash.
//!
//! We write no fractional numbers: quantities are decimal strings, so that no reader rounds them and no two
//! languages print them differently. A fraction is therefore an error here rather than the ECMAScript number
//! format of RFC 8785 §3.2.2.3. Integers are limited to ±(2^53 − 1), as I-JSON (RFC 7493 §2.2) demands.

use serde::Serialize;
use serde_json::{Map, Number, Value};

const MAX_SAFE: i64 = (1 << 53) - 1;

#[derive(Debug, thiserror::Error)]
pub enum CanonicalError {
    #[error("number {0} is not an integer that every reader keeps exactly: write it as a string")]
    Number(Number),
    #[error("value cannot be written as JSON")]
    Json(#[from] serde_json::Error),
}

/// The canonical bytes of a value.
///
/// # Errors
/// See [`CanonicalError`].
pub fn to_vec<T: Serialize>(value: &T) -> Result<Vec<u8>, CanonicalError> {
    let mut out = Vec::new();
    append(value, &mut out)?;
    Ok(out)
}

/// As [`to_vec`], after what is in `out` already.
///
/// # Errors
/// See [`CanonicalError`]; `out` may then have a part of it.
pub fn append<T: Serialize>(value: &T, out: &mut Vec<u8>) -> Result<(), CanonicalError> {
    write_value(&serde_json::to_value(value)?, out)
}

/// As [`to_vec`], as text.
///
/// # Errors
/// See [`CanonicalError`].
pub fn to_string<T: Serialize>(value: &T) -> Result<String, CanonicalError> {
    let text = String::from_utf8(to_vec(value)?);
    Ok(text.unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()))
}

fn write_value(value: &Value, out: &mut Vec<u8>) -> Result<(), CanonicalError> {
    match value {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Bool(true) => out.extend_from_slice(b"true"),
        Value::Bool(false) => out.extend_from_slice(b"false"),
        Value::Number(number) => write_number(number, out)?,
        Value::String(text) => write_string(text, out),
        Value::Array(items) => write_array(items, out)?,
        Value::Object(members) => write_object(members, out)?,
    }
    Ok(())
}

fn write_number(number: &Number, out: &mut Vec<u8>) -> Result<(), CanonicalError> {
    match number.as_i64() {
        Some(n) if (-MAX_SAFE..=MAX_SAFE).contains(&n) => out.extend_from_slice(n.to_string().as_bytes()),
        _ => return Err(CanonicalError::Number(number.clone())),
    }
    Ok(())
}

/// RFC 8785 §3.2.2.2.
fn write_string(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    let mut rest = text.as_bytes();
    while let Some(at) = rest.iter().position(|byte| matches!(byte, b'"' | b'\\' | ..b' ')) {
        let (plain, special) = rest.split_at(at);
        out.extend_from_slice(plain);
        let Some((special, after)) = special.split_first() else { break };
        match special {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            0x08 => out.extend_from_slice(b"\\b"),
            b'\t' => out.extend_from_slice(b"\\t"),
            b'\n' => out.extend_from_slice(b"\\n"),
            0x0c => out.extend_from_slice(b"\\f"),
            b'\r' => out.extend_from_slice(b"\\r"),
            control => out.extend_from_slice(format!("\\u{control:04x}").as_bytes()),
        }
        rest = after;
    }
    out.extend_from_slice(rest);
    out.push(b'"');
}

fn write_array(items: &[Value], out: &mut Vec<u8>) -> Result<(), CanonicalError> {
    out.push(b'[');
    for (i, item) in items.iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        write_value(item, out)?;
    }
    out.push(b']');
    Ok(())
}

/// RFC 8785 §3.2.3: members sorted by the UTF-16 code units of their names.
fn write_object(members: &Map<String, Value>, out: &mut Vec<u8>) -> Result<(), CanonicalError> {
    let mut sorted: Vec<(&String, &Value)> = members.iter().collect();
    sorted.sort_by(|(a, _), (b, _)| match a.is_ascii() && b.is_ascii() {
        true => a.cmp(b),
        false => a.encode_utf16().cmp(b.encode_utf16()),
    });
    out.push(b'{');
    for (i, (name, value)) in sorted.into_iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        write_string(name, out);
        out.push(b':');
        write_value(value, out)?;
    }
    out.push(b'}');
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn check(value: Value, expect: &str) {
        assert_eq!(to_string(&value).unwrap(), expect);
    }

    #[test]
    fn sorts_members_by_utf_16_code_units() {
        // The order of RFC 8785 §3.2.3: U+1F600 is a surrogate pair and so sorts before U+FB33.
        check(
            json!({"\u{20ac}": 1, "\r": 2, "\u{fb33}": 3, "1": 4, "\u{1f600}": 5, "\u{80}": 6, "\u{f6}": 7}),
            "{\"\\r\":2,\"1\":4,\"\u{80}\":6,\"\u{f6}\":7,\"\u{20ac}\":1,\"\u{1f600}\":5,\"\u{fb33}\":3}",
        );
    }

    #[test]
    fn escapes_only_what_must_be() {
        check(json!("\u{20ac}$\u{f}\nA'B\"\\\\\"/"), "\"\u{20ac}$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\"");
    }

    #[test]
    fn refuses_numbers_that_readers_would_round() {
        assert!(to_vec(&json!(0.5)).is_err());
        assert!(to_vec(&json!(9_007_199_254_740_992_i64)).is_err());
        check(json!(9_007_199_254_740_991_i64), "9007199254740991");
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back_the_same(map in proptest::collection::btree_map(".*", ".*", 0..8)) {
            let value = serde_json::to_value(&map).unwrap();
            let bytes = to_vec(&value).unwrap();
            let again: Value = serde_json::from_slice(&bytes).unwrap();
            prop_assert_eq!(&value, &again);
            prop_assert_eq!(to_vec(&again).unwrap(), bytes);
        }
    }
}
