//! Canonical JSON, RFC 8785, for the values that we sign and hash.
//!
//! We write no fractional numbers: quantities are decimal strings, so that no reader rounds them and no two
//! languages print them differently. A fraction is therefore an error here rather than the ECMAScript number
//! format of RFC 8785 §3.2.2.3. Integers are limited to ±(2^53 − 1), as I-JSON (RFC 7493 §2.2) demands.

use serde::Serialize;

use self::writer::Writer;

mod writer;

const MAX_SAFE: i64 = (1 << 53) - 1;

#[derive(Debug, thiserror::Error)]
pub enum CanonicalError {
    #[error("number {0} is not an integer that every reader keeps exactly: write it as a string")]
    Number(String),
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
    value.serialize(Writer { out })
}

/// As [`to_vec`], as text.
///
/// # Errors
/// See [`CanonicalError`].
pub fn to_string<T: Serialize>(value: &T) -> Result<String, CanonicalError> {
    let text = String::from_utf8(to_vec(value)?);
    Ok(text.unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()))
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;
    use serde_json::{Value, json};

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

    #[derive(Serialize)]
    enum Shape {
        Unit,
        Newtype(u8),
        Tuple(u8, bool),
        Struct { b: Option<u8>, a: char },
    }

    /// Written directly and by way of a tree of values: the same bytes.
    fn check_shape<T: Serialize>(value: &T, expect: &str) {
        check(serde_json::to_value(value).unwrap(), expect);
        assert_eq!(to_string(value).unwrap(), expect);
    }

    #[test]
    fn every_shape_takes_the_form_of_serde_json() {
        check_shape(&Shape::Unit, "\"Unit\"");
        check_shape(&Shape::Newtype(1), "{\"Newtype\":1}");
        check_shape(&Shape::Tuple(1, true), "{\"Tuple\":[1,true]}");
        check_shape(&Shape::Struct { b: None, a: 'x' }, "{\"Struct\":{\"a\":\"x\",\"b\":null}}");
        check_shape(&BTreeMap::from([(10, ()), (9, ())]), "{\"10\":null,\"9\":null}");
        check_shape(&[f64::NAN], "[null]");
        check_shape(&(1_u8, "a", [0_u8; 0]), "[1,\"a\",[]]");
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            (-MAX_SAFE..=MAX_SAFE).prop_map(Value::from),
            ".*".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 6, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                proptest::collection::hash_map(".*", inner, 0..6).prop_map(|m| m.into_iter().collect()),
            ]
        })
    }

    /// Canonical JSON the long way: sort by UTF-16, then let serde_json write the leaves.
    fn slowly(value: &Value) -> String {
        match value {
            Value::Array(items) => format!("[{}]", items.iter().map(slowly).collect::<Vec<_>>().join(",")),
            Value::Object(members) => {
                let mut members: Vec<_> = members.iter().collect();
                members.sort_by_key(|(name, _)| name.encode_utf16().collect::<Vec<_>>());
                let written =
                    members.iter().map(|(name, value)| format!("{}:{}", json!(name), slowly(value)));
                format!("{{{}}}", written.collect::<Vec<_>>().join(","))
            }
            leaf => leaf.to_string(),
        }
    }

    proptest! {
        #[test]
        fn any_value_is_written_as_the_long_way_would(value in any_json()) {
            prop_assert_eq!(to_string(&value).unwrap(), slowly(&value));
        }

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
