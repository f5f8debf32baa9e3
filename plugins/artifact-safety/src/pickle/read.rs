//! The arguments of opcodes, read from the stream.

use super::machine::{Stop, broken};
use super::opcode as op;
use super::value::Value;
use crate::source::Stream;

/// The longest line of the text opcodes that is looked at, in bytes; longer ones are passed over.
const LONGEST_LINE: usize = 4 << 10;

#[inline]
pub(super) fn byte<S: Stream>(stream: &mut S) -> Result<u8, Stop> {
    let first = stream.fill_buf()?.first().copied();
    stream.consume(usize::from(first.is_some()));
    first.ok_or_else(|| broken("the data ends in the middle of a pickle"))
}

/// A little-endian number of `width` bytes.
pub(super) fn number<S: Stream>(stream: &mut S, width: usize) -> Result<u64, Stop> {
    let mut bytes = [0; 8];
    stream.read_exact(bytes.get_mut(..width).unwrap_or_default())?;
    Ok(u64::from_le_bytes(bytes))
}

pub(super) fn integer<S: Stream>(opcode: u8, stream: &mut S) -> Result<Value, Stop> {
    let value = match opcode {
        op::BININT1 => number(stream, 1)?,
        op::BININT2 => number(stream, 2)?,
        op::BININT => number(stream, 4)?,
        op::LONG1 | op::LONG4 => {
            let length = number(stream, if opcode == op::LONG1 { 1 } else { 4 })?;
            if length > 4 {
                stream.skip(length)?;
                return Ok(Value::Other);
            }
            number(stream, usize::try_from(length).unwrap_or(0))?
        }
        _ => return Ok(decimal(&line(stream)?).map_or(Value::Other, Value::Int)),
    };
    // A negative number is large here, and no shape.
    Ok(u32::try_from(value).ok().filter(|n| *n <= i32::MAX as u32).map_or(Value::Other, Value::Int))
}

pub(super) fn memo_index<S: Stream>(opcode: u8, stream: &mut S) -> Result<u32, Stop> {
    match opcode {
        op::BINPUT | op::BINGET => Ok(u32::try_from(number(stream, 1)?).unwrap_or(u32::MAX)),
        op::LONG_BINPUT | op::LONG_BINGET => Ok(u32::try_from(number(stream, 4)?).unwrap_or(u32::MAX)),
        _ => decimal(&line(stream)?).ok_or_else(|| broken("an index that is no number")),
    }
}

pub(super) fn decimal(line: &[u8]) -> Option<u32> {
    std::str::from_utf8(line).ok()?.trim().trim_end_matches('L').parse().ok()
}

/// Up to the next line feed, without it. Of a very long line only the beginning is kept.
pub(super) fn line<S: Stream>(stream: &mut S) -> Result<Vec<u8>, Stop> {
    let mut line = Vec::new();
    loop {
        let buffer = stream.fill_buf()?;
        if buffer.is_empty() {
            return Err(broken("the data ends in the middle of a pickle"));
        }
        let end = buffer.iter().position(|b| *b == b'\n');
        let here = buffer.get(..end.unwrap_or(buffer.len())).unwrap_or_default();
        let room = LONGEST_LINE.saturating_sub(line.len()).min(here.len());
        line.extend_from_slice(here.get(..room).unwrap_or_default());
        let used = here.len() + usize::from(end.is_some());
        stream.consume(used);
        if end.is_some() {
            return Ok(line);
        }
    }
}
