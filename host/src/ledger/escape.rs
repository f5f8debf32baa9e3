//! An entry as a JSON string and back, for the lines of an export.

/// A canonical entry holds no control characters, so there are two characters to escape.
pub(super) fn escape(json: &str) -> String {
    let mut out = String::with_capacity(json.len() + json.len() / 8);
    for part in json.split_inclusive(['"', '\\']) {
        let (plain, last) = part.split_at(part.len() - usize::from(part.ends_with(['"', '\\'])));
        out.push_str(plain);
        if !last.is_empty() {
            out.push('\\');
            out.push_str(last);
        }
    }
    out
}

/// One copy for each backslash: what stands behind it is taken together with what follows. An entry has one for every
/// twenty bytes or so, so this is where the time of a check goes beside the hashing.
pub(super) fn unescape(text: &str, out: &mut String) -> Option<()> {
    out.clear();
    let (mut rest, mut from) = (text, 0);
    loop {
        let next = from + plain(rest.as_bytes().get(from..)?);
        let (part, after) = rest.split_at_checked(next)?;
        out.push_str(part);
        match after.as_bytes() {
            [] => return Some(()),
            [b'\\', b'"' | b'\\', ..] => (rest, from) = (after.get(1..)?, 1),
            _ => return None,
        }
    }
}

/// How many bytes stand before the first quote or backslash: eight at a time, because they stand close together.
fn plain(bytes: &[u8]) -> usize {
    const ONES: u64 = u64::from_le_bytes([1; 8]);
    const HIGH: u64 = u64::from_le_bytes([0x80; 8]);
    const QUOTES: u64 = u64::from_le_bytes([b'"'; 8]);
    const BACKSLASHES: u64 = u64::from_le_bytes([b'\\'; 8]);
    // The lowest byte that is marked is zero: a borrow marks none below it.
    let zeros = |word: u64| word.wrapping_sub(ONES) & !word & HIGH;
    let (words, rest) = bytes.as_chunks::<8>();
    for (nth, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        let found = zeros(word ^ QUOTES) | zeros(word ^ BACKSLASHES);
        if found != 0 {
            return nth * 8 + found.trailing_zeros() as usize / 8;
        }
    }
    let tail = rest.iter().position(|byte| matches!(byte, b'"' | b'\\')).unwrap_or(rest.len());
    words.len() * 8 + tail
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_escaped_is_read_back(text in r#"[a-zü"\\]{0,60}"#) {
            let mut out = "left over".to_owned();
            prop_assert_eq!(unescape(&escape(&text), &mut out), Some(()));
            prop_assert_eq!(out, text);
        }

        #[test]
        fn there_is_one_way_to_write_it(text in r#"[a-zü"\\]{0,40}"#) {
            let mut out = String::new();
            if unescape(&text, &mut out).is_some() {
                prop_assert_eq!(escape(&out), text);
            }
        }
    }
}
