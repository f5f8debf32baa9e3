//! The journal's bytes: a segment is a start and then records, each the changes of one group.
//!
//! | part | bytes |
//! |---|---|
//! | start | `CSJRNL` 0 1, the mark before the first record, SHA-256 of both |
//! | mark | sequence (8), digest (32) |
//! | record | length of the changes (4), digest (32), the changes |
//! | change | length of the key (4), key, 0 for deleted or 1, length of the value (4), value |
//!
//! A record's digest covers the digest before it, its sequence, its length and its changes. So what a segment held
//! before it was used again can never follow what it holds now, not even where a value was made to look like a
//! record. Reading ends at the first record that is not whole: nobody was told that it is done.
//!
//! This module must not know files, nor what keys mean.

use std::fmt;

use ring::digest::{Context, SHA256};

const MAGIC: &[u8; 8] = b"CSJRNL\x00\x01";
const DIGEST: usize = 32;
pub(super) const MARK_BYTES: usize = 8 + DIGEST;

/// The length of a segment's start.
pub(super) const START_BYTES: usize = MAGIC.len() + MARK_BYTES + DIGEST;

const DELETED: u8 = 0;
const PUT: u8 = 1;

/// A place in the journal: after the record of that number. The digest is of everything before.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Mark {
    pub(super) sequence: u64,
    pub(super) digest: [u8; DIGEST],
}

/// The last state of a key in a group; `None` is deleted.
pub(super) type Change = (Vec<u8>, Option<Vec<u8>>);

/// A group that is too large to be written down: more than 4 GiB.
#[derive(Debug)]
pub(super) struct TooLarge;

impl Mark {
    pub(super) fn encode(&self) -> [u8; MARK_BYTES] {
        let mut out = [0; MARK_BYTES];
        let (sequence, digest) = out.split_at_mut(8);
        sequence.copy_from_slice(&self.sequence.to_be_bytes());
        digest.copy_from_slice(&self.digest);
        out
    }

    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let (sequence, digest) = bytes.split_first_chunk()?;
        Some(Self { sequence: u64::from_be_bytes(*sequence), digest: digest.try_into().ok()? })
    }

    /// After one more record.
    fn next(&self, changes: &[u8]) -> Self {
        let sequence = self.sequence.saturating_add(1);
        let length = (changes.len() as u64).to_be_bytes();
        Self { sequence, digest: digest(&[&self.digest, &sequence.to_be_bytes(), &length, changes]) }
    }
}

impl fmt::Debug for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.sequence)
    }
}

/// The start of a segment whose first record follows `mark`.
pub(super) fn start(mark: &Mark) -> Vec<u8> {
    let mut out = [MAGIC.as_slice(), &mark.encode()].concat();
    let check = digest(&[&out]);
    out.extend_from_slice(&check);
    out
}

/// Writes the record after `mark` to `out`, which is cleared. Returns the mark after it.
///
/// # Errors
/// When the changes are more than a record can hold; `out` is then of no use.
pub(super) fn write<'a, I>(mark: &Mark, changes: I, out: &mut Vec<u8>) -> Result<Mark, TooLarge>
where
    I: Iterator<Item = (&'a [u8], Option<&'a [u8]>)>,
{
    out.clear();
    out.resize(4 + DIGEST, 0);
    for (key, value) in changes {
        push(out, key)?;
        match value {
            None => out.push(DELETED),
            Some(value) => {
                out.push(PUT);
                push(out, value)?;
            }
        }
    }
    let (head, changes) = out.split_at_mut(4 + DIGEST);
    let length = u32::try_from(changes.len()).map_err(|_| TooLarge)?;
    let next = mark.next(changes);
    let (at_length, at_digest) = head.split_at_mut(4);
    at_length.copy_from_slice(&length.to_be_bytes());
    at_digest.copy_from_slice(&next.digest);
    Ok(next)
}

/// The whole records of a segment, in order.
pub(super) struct Records<'a> {
    rest: &'a [u8],
    mark: Mark,
}

impl<'a> Records<'a> {
    /// `None` when the bytes are not a segment.
    pub(super) fn of(segment: &'a [u8]) -> Option<Self> {
        let (begin, rest) = segment.split_at_checked(START_BYTES)?;
        let (mark, _) = begin.strip_prefix(MAGIC)?.split_at_checked(MARK_BYTES)?;
        let mark = Mark::decode(mark)?;
        (begin == start(&mark)).then_some(Self { rest, mark })
    }

    /// Where the last record that was given ends.
    pub(super) const fn mark(&self) -> Mark {
        self.mark
    }
}

impl Iterator for Records<'_> {
    type Item = Vec<Change>;

    fn next(&mut self) -> Option<Self::Item> {
        let (length, rest) = self.rest.split_first_chunk()?;
        let (digest, rest) = rest.split_first_chunk::<DIGEST>()?;
        let (bytes, rest) = rest.split_at_checked(u32::from_be_bytes(*length) as usize)?;
        let next = self.mark.next(bytes);
        if next.digest != *digest {
            return None;
        }
        let changes = read(bytes)?;
        (self.rest, self.mark) = (rest, next);
        Some(changes)
    }
}

fn read(mut bytes: &[u8]) -> Option<Vec<Change>> {
    let mut changes = Vec::new();
    while !bytes.is_empty() {
        let (key, rest) = pull(bytes)?;
        let (kind, rest) = rest.split_first()?;
        let (value, rest) = match *kind {
            DELETED => (None, rest),
            PUT => pull(rest).map(|(value, rest)| (Some(value.to_vec()), rest))?,
            _ => return None,
        };
        changes.push((key.to_vec(), value));
        bytes = rest;
    }
    Some(changes)
}

fn push(out: &mut Vec<u8>, bytes: &[u8]) -> Result<(), TooLarge> {
    let length = u32::try_from(bytes.len()).map_err(|_| TooLarge)?;
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(bytes);
    Ok(())
}

fn pull(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk()?;
    rest.split_at_checked(u32::from_be_bytes(*length) as usize)
}

fn digest(parts: &[&[u8]]) -> [u8; DIGEST] {
    let mut hash = Context::new(&SHA256);
    for part in parts {
        hash.update(part);
    }
    hash.finish().as_ref().first_chunk().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    type Group = Vec<Change>;

    fn segment(begin: &Mark, groups: &[Group]) -> (Vec<u8>, Vec<usize>) {
        let (mut out, mut mark, mut record) = (start(begin), *begin, Vec::new());
        let mut ends = Vec::new();
        for group in groups {
            let changes = group.iter().map(|(key, value)| (key.as_slice(), value.as_deref()));
            mark = write(&mark, changes, &mut record).unwrap();
            out.extend_from_slice(&record);
            ends.push(out.len());
        }
        (out, ends)
    }

    fn read_all(bytes: &[u8]) -> Option<Vec<Group>> {
        Records::of(bytes).map(Iterator::collect)
    }

    fn groups() -> impl Strategy<Value = Vec<Group>> {
        let bytes = |n| proptest::collection::vec(any::<u8>(), n);
        let change = (bytes(0..6), proptest::option::of(bytes(0..40)));
        proptest::collection::vec(proptest::collection::vec(change, 0..4), 0..6)
    }

    fn begin() -> Mark {
        Mark { sequence: 7, digest: [3; DIGEST] }
    }

    #[test]
    fn bytes_that_nobody_wrote_are_no_segment() {
        for bytes in [&[][..], &[0; 4096], b"CSJRNL\x00\x01", &[0xff; 500]] {
            assert_eq!(read_all(bytes), None);
        }
    }

    #[test]
    fn a_record_that_looks_right_and_follows_something_else_is_not_read() {
        let group = |n: u8| vec![(vec![n], Some(vec![n]))];
        let (now, ends) = segment(&begin(), &[group(1)]);
        let (before, _) = segment(&Mark::default(), &[group(1), group(2)]);
        let mixed = [&now[..], &before[ends[0]..]].concat();
        assert_eq!(read_all(&mixed), Some(vec![group(1)]));
    }

    proptest! {
        #[test]
        fn reads_what_it_writes(groups in groups(), zeros in 0..100_usize) {
            let (mut bytes, _) = segment(&begin(), &groups);
            bytes.resize(bytes.len() + zeros, 0);
            let mut records = Records::of(&bytes).unwrap();
            prop_assert_eq!(records.by_ref().collect::<Vec<_>>(), groups.clone());
            prop_assert_eq!(records.mark().sequence, 7 + groups.len() as u64);
        }

        /// Whole records before the fault are read, and nothing after it.
        #[test]
        fn a_cut_or_a_flipped_bit_ends_the_reading(groups in groups(), at in any::<prop::sample::Index>(), bit in 0..8) {
            let (bytes, ends) = segment(&begin(), &groups);
            let at = at.index(bytes.len());
            let whole = ends.iter().filter(|end| **end <= at).count();
            let expect = (at >= START_BYTES).then(|| groups[..whole].to_vec());
            prop_assert_eq!(&read_all(&bytes[..at]), &expect);
            let mut flipped = bytes;
            flipped[at] ^= 1_u8 << bit;
            prop_assert_eq!(&read_all(&flipped), &expect);
        }

        #[test]
        fn any_bytes_after_a_start_are_read_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let all = [start(&begin()), bytes].concat();
            prop_assert_eq!(read_all(&all), Some(Vec::new()));
        }
    }
}
