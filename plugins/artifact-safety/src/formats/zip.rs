//! Zip archives by their central directory, as Python and PyTorch read them. Members are found without reading
//! what lies between; zip64 included.

use std::io::{self, Read};

use crate::source::Source;

/// More members than any model has.
const MOST_MEMBERS: u64 = 1 << 16;
/// The largest central directory that is read, in bytes.
const LARGEST_DIRECTORY: u64 = 16 << 20;
const END: &[u8] = b"PK\x05\x06";
const END_LENGTH: usize = 22;

pub(crate) struct Member {
    pub(crate) name: String,
    pub(crate) method: u16,
    pub(crate) encrypted: bool,
    pub(crate) packed: u64,
    pub(crate) unpacked: u64,
    header: u64,
}

pub(crate) const STORED: u16 = 0;
pub(crate) const DEFLATED: u16 = 8;

/// # Errors
/// Why the archive has no readable directory.
pub(crate) fn members(source: &mut Source) -> Result<Vec<Member>, String> {
    let said = |e: io::Error| e.to_string();
    let size = source.size();
    let tail_start = size.saturating_sub((64 << 10) + END_LENGTH as u64 + 20);
    let tail = source.bytes(tail_start, u64::MAX).map_err(said)?;
    let at = tail.windows(END.len()).rposition(|w| w == END).ok_or("the zip archive has no end record")?;
    let end = tail.get(at..).unwrap_or_default();
    let (mut count, mut length, mut offset) = (field(end, 10, 2)?, field(end, 12, 4)?, field(end, 16, 4)?);
    let locator =
        at.checked_sub(20).and_then(|from| tail.get(from..at)).filter(|l| l.starts_with(b"PK\x06\x07"));
    let mut end_start = tail_start + at as u64;
    if let Some(locator) = locator {
        end_start = field(locator, 8, 8)?;
        let record = source.bytes(end_start, 56).map_err(said)?;
        (count, length, offset) = (field(&record, 32, 8)?, field(&record, 40, 8)?, field(&record, 48, 8)?);
    }
    if count > MOST_MEMBERS || length > LARGEST_DIRECTORY {
        return Err("the zip archive has more members than any model".to_owned());
    }
    // Python finds the directory by its length, before the end record, whatever its offset says.
    let start = end_start.checked_sub(length).ok_or("the zip archive's directory lies outside of it")?;
    let shift = start.checked_sub(offset).ok_or("the zip archive's directory overlaps its end record")?;
    let directory = source.bytes(start, length).map_err(said)?;
    entries(&directory, shift)
}

fn entries(mut directory: &[u8], shift: u64) -> Result<Vec<Member>, String> {
    let mut members = Vec::new();
    while !directory.is_empty() {
        if !directory.starts_with(b"PK\x01\x02") {
            return Err("the zip archive's directory is damaged".to_owned());
        }
        let lengths = [field(directory, 28, 2)?, field(directory, 30, 2)?, field(directory, 32, 2)?];
        let [name, extra, comment] = lengths.map(|l| usize::try_from(l).unwrap_or(usize::MAX));
        let name_bytes = directory.get(46..46 + name).ok_or("the zip archive's directory ends too soon")?;
        let extra_bytes = directory.get(46 + name..46 + name + extra).unwrap_or_default();
        let mut large = wide_fields(extra_bytes);
        let mut wide = |value: u64| if value == 0xFFFF_FFFF { large.next().unwrap_or(value) } else { value };
        let unpacked = wide(field(directory, 24, 4)?);
        let packed = wide(field(directory, 20, 4)?);
        let header = wide(field(directory, 42, 4)?).saturating_add(shift);
        members.push(Member {
            name: String::from_utf8_lossy(name_bytes).into_owned(),
            method: u16::try_from(field(directory, 10, 2)?).unwrap_or(u16::MAX),
            encrypted: field(directory, 8, 2)? & 1 == 1,
            packed,
            unpacked,
            header,
        });
        directory = directory
            .get(46 + name + extra + comment..)
            .ok_or("the zip archive's directory ends too soon")?;
    }
    Ok(members)
}

impl Member {
    /// Where its bytes begin and end.
    ///
    /// # Errors
    /// When its own header is not where the directory says.
    pub(crate) fn range(&self, source: &mut Source) -> Result<(u64, u64), String> {
        let header = source.bytes(self.header, 30).map_err(|e| e.to_string())?;
        if !header.starts_with(b"PK\x03\x04") {
            return Err("its header is not where the archive's directory says".to_owned());
        }
        let start = self.header.saturating_add(30 + field(&header, 26, 2)? + field(&header, 28, 2)?);
        Ok((start, start.saturating_add(self.packed)))
    }
}

/// The 64-bit values of the extra field 1, in their order.
fn wide_fields(mut extra: &[u8]) -> impl Iterator<Item = u64> {
    let mut values = Vec::new();
    while let (Ok(id), Ok(length)) = (field(extra, 0, 2), field(extra, 2, 2)) {
        let end = 4 + usize::try_from(length).unwrap_or(usize::MAX);
        let Some(body) = extra.get(4..end) else { break };
        if id == 1 {
            values.extend(body.chunks_exact(8).filter_map(|c| c.try_into().ok().map(u64::from_le_bytes)));
        }
        extra = extra.get(end..).unwrap_or_default();
    }
    values.into_iter()
}

/// A little-endian number at a place.
fn field(bytes: &[u8], at: usize, width: usize) -> Result<u64, String> {
    let mut number = [0; 8];
    let mut from = bytes.get(at..at + width).ok_or("the zip archive ends too soon")?;
    from.read_exact(number.get_mut(..width).unwrap_or_default()).map_err(|e| e.to_string())?;
    Ok(u64::from_le_bytes(number))
}
