//! Keras models: a `Lambda` layer carries Python byte code that runs when the model is loaded.

use std::io::BufRead;

use crate::source::{Source, Stream};

/// The configuration of an HDF5 model is an attribute near the beginning of the file; this much is searched.
const SEARCHED: u64 = 32 << 20;
const NEEDLES: [&[u8]; 2] = [b"\"class_name\": \"Lambda\"", b"\"class_name\":\"Lambda\""];

pub(crate) fn has_lambda(text: &[u8]) -> bool {
    NEEDLES.iter().any(|needle| text.windows(needle.len()).any(|w| w == *needle))
}

/// # Errors
/// When the bytes could not be fetched.
pub(crate) fn hdf5_has_lambda(source: &mut Source) -> std::io::Result<bool> {
    let mut part = source.part(0, SEARCHED);
    let mut window: Vec<u8> = Vec::new();
    loop {
        let buffer = part.fill_buf()?;
        if buffer.is_empty() {
            return Ok(false);
        }
        let length = buffer.len();
        window.extend_from_slice(buffer);
        if has_lambda(&window) {
            return Ok(true);
        }
        // What may be the beginning of a match is kept for the next round.
        window.drain(..window.len().saturating_sub(32));
        part.skip(length as u64)?;
    }
}
