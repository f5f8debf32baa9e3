//! NumPy's own format: a pickle follows the header when the array holds objects.

use crate::source::Source;

/// NumPy itself refuses headers over 10,000 bytes unless told otherwise.
const LONGEST_HEADER: u64 = 1 << 20;

/// Where the pickle of an object array begins; `None` when the array is plain numbers.
///
/// # Errors
/// Why the header makes no sense.
pub(crate) fn pickle_start(source: &mut Source, start: u64) -> Result<Option<u64>, String> {
    let head = source.bytes(start, 12).map_err(|e| e.to_string())?;
    let (length, begin) = match head.as_slice() {
        [_, _, _, _, _, _, 1, _, a, b, ..] => (u64::from(u16::from_le_bytes([*a, *b])), 10),
        [_, _, _, _, _, _, 2 | 3, _, a, b, c, d] => (u64::from(u32::from_le_bytes([*a, *b, *c, *d])), 12),
        _ => return Err("its NumPy version is not known".to_owned()),
    };
    if length > LONGEST_HEADER {
        return Err("its NumPy header is longer than any".to_owned());
    }
    let header = source.bytes(start + begin, length).map_err(|e| e.to_string())?;
    if header.len() as u64 != length {
        return Err("it ends within its NumPy header".to_owned());
    }
    // Types are quoted: '|O', '<f8', 'object'. A field's name with a capital O only costs a look.
    let text = String::from_utf8_lossy(&header);
    let has_objects = text.split(['\'', '"']).any(|part| {
        let code =
            part.trim_start_matches(['|', '<', '>', '=']).trim_start_matches(|c: char| c.is_ascii_digit());
        code.starts_with('O') || part == "object"
    });
    Ok(has_objects.then_some(start + begin + length))
}
