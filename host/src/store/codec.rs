//! How values are written: one byte that names the format, then the bytes of that format.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Key, StoreError};

/// The format of values that are there as a whole.
const FORMAT: u8 = 1;

/// The format of bytes whose end is kept elsewhere, under a name of 32 bytes.
const FORMAT_HEAD: u8 = 2;

#[derive(Debug, thiserror::Error)]
pub enum EncodeError {
    #[error("value cannot be written as JSON")]
    Json(#[from] serde_json::Error),
}

/// A value as JSON.
///
/// # Errors
/// When it has no JSON form.
pub fn encode<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, EncodeError> {
    let mut out = vec![FORMAT];
    serde_json::to_writer(&mut out, value)?;
    Ok(out)
}

/// What [`encode`] wrote at `key`.
///
/// # Errors
/// [`StoreError::Value`], with the key, when the format or the JSON is not ours.
pub fn decode<T: DeserializeOwned>(key: &Key, bytes: &[u8]) -> Result<T, StoreError> {
    serde_json::from_slice(decode_raw(key, bytes)?).map_err(|error| unreadable(key, &error.to_string()))
}

/// Bytes that are kept as they are, such as evidence and ledger entries.
#[must_use]
pub fn encode_raw(bytes: &[u8]) -> Vec<u8> {
    let mut out = begin_raw(bytes.len());
    out.extend_from_slice(bytes);
    out
}

/// The beginning of what [`encode_raw`] writes, with room for the bytes that the caller appends.
#[must_use]
pub fn begin_raw(room: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(room + 1);
    out.push(FORMAT);
    out
}

/// What [`encode_raw`] wrote at `key`.
///
/// # Errors
/// [`StoreError::Value`], with the key, when the format is not ours.
pub fn decode_raw<'a>(key: &Key, bytes: &'a [u8]) -> Result<&'a [u8], StoreError> {
    match bytes.split_first() {
        Some((&FORMAT, rest)) => Ok(rest),
        Some((other, _)) => {
            Err(unreadable(key, &format!("format {other}, this version reads format {FORMAT}")))
        }
        None => Err(unreadable(key, "it is empty")),
    }
}

/// Bytes whose end lies under `tail`: many values that end alike are kept once.
#[must_use]
pub fn encode_head(head: &[u8], tail: &[u8; 32]) -> Vec<u8> {
    [&[FORMAT_HEAD], tail.as_slice(), head].concat()
}

/// What [`encode_head`] wrote: the head, and where the tail is. `None` for every other value.
#[must_use]
pub fn decode_head(bytes: &[u8]) -> Option<(&[u8], [u8; 32])> {
    let (tail, head) = bytes.strip_prefix(&[FORMAT_HEAD])?.split_first_chunk()?;
    Some((head, *tail))
}

/// The error for a value that does not say what its key promises.
#[must_use]
pub fn unreadable(key: &Key, reason: &str) -> StoreError {
    StoreError::Value { key: key.clone(), reason: reason.into() }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn reads_what_it_writes_and_nothing_else() {
        let key = Key::space("test").text("a");
        let bytes = encode(&json!({"a": 1})).unwrap();
        assert_eq!(decode::<Value>(&key, &bytes).unwrap(), json!({"a": 1}));
        assert_eq!(decode_raw(&key, &encode_raw(b"\0x")).unwrap(), b"\0x");
        let head = encode_head(b"ab", &[7; 32]);
        assert_eq!(decode_head(&head), Some((b"ab".as_slice(), [7; 32])));
        assert_eq!(decode_head(&bytes), None);
        check(&key, b"\x02{}", "format 2, this version reads format 1");
        check(&key, b"", "it is empty");
        check(&key, b"\x01{", "EOF while parsing");
    }

    fn check(key: &Key, bytes: &[u8], expect: &str) {
        let message = decode::<Value>(key, bytes).unwrap_err().to_string();
        assert!(message.contains(expect) && message.contains("store export"), "{message}");
    }
}
