//! The journal: two segment files in the store's directory, written in turn.
//!
//! A group is durable when its record is: one write and one `fdatasync` of a file whose blocks were allocated and
//! zeroed before, so that the sync has no metadata to write. When a segment is full the other one is begun, which
//! must not happen before everything in it is durable in sled: see [`checkpoint`](super::checkpoint).
//!
//! This module must not know sled, nor what a change means.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::super::Key;
use super::recent::Table;
use super::record::{self, Mark, Records};

/// The files, in the order of their first use.
pub(super) const SEGMENTS: [&str; 2] = ["journal.0", "journal.1"];

/// How large a segment is. A larger record makes its segment larger until that is used again.
pub(super) const SEGMENT_BYTES: u64 = 4 << 20;

/// How much room for a record is kept from one to the next.
const KEPT_BYTES: usize = 1 << 20;
/// What one governed write takes, and more, in bytes.
const ROOM: u64 = 64 << 10;

/// The calls that decide what survives a power cut, so that tests can watch them and make them fail.
pub(super) trait Disk: Send + Sync {
    fn write(&self, _name: &str, file: &File, bytes: &[u8], at: u64) -> io::Result<()> {
        file.write_all_at(bytes, at)
    }

    /// Returns when what was written to the file is on the disk.
    fn sync(&self, _name: &str, file: &File) -> io::Result<()> {
        file.sync_data()
    }
}

/// The machine's own.
pub(super) struct Machine;

impl Disk for Machine {}

/// Takes records, one after another.
pub(super) struct Journal {
    dir: PathBuf,
    disk: Arc<dyn Disk>,
    segment_bytes: u64,
    current: Segment,
    /// After the last durable record.
    mark: Mark,
    record: Vec<u8>,
}

struct Segment {
    name: &'static str,
    file: File,
    /// Where the next record goes; 0 when not even the start is written.
    end: u64,
}

impl Journal {
    /// Begins after `mark`. Everything up to there must be durable in sled: the files are used again.
    pub(super) fn begin(dir: &Path, disk: Arc<dyn Disk>, segment_bytes: u64, mark: Mark) -> io::Result<Self> {
        let [first, _] = SEGMENTS;
        let current = Segment::prepare(dir, first, &*disk, segment_bytes)?;
        Ok(Self { dir: dir.to_owned(), disk, segment_bytes, current, mark, record: Vec::new() })
    }

    /// After the last durable record.
    pub(super) const fn mark(&self) -> Mark {
        self.mark
    }

    /// Whether the next record, unless it is unusually long, goes into the current segment.
    pub(super) const fn has_room(&self) -> bool {
        self.current.end > 0 && self.current.end + ROOM <= self.segment_bytes
    }

    /// Writes changes down and waits for the disk. `turn` is called first where the other segment has to be begun;
    /// when it returns, everything up to the mark it was given is safe elsewhere, but for what this segment holds.
    pub(super) fn append(
        &mut self,
        changes: &Table,
        turn: impl FnOnce(Mark) -> io::Result<()>,
    ) -> io::Result<()> {
        let cells = changes.iter().map(|(key, value)| (key.as_bytes(), value.as_deref()));
        let next = record::write(&self.mark, cells, &mut self.record)
            .map_err(|_| io::Error::other("a group of more than 4 GiB"))?;
        if self.current.end > 0 && self.current.end + self.record.len() as u64 > self.segment_bytes {
            turn(self.mark)?;
            crash_point!(SegmentTurned);
            self.switch()?;
        }
        self.write()?;
        self.mark = next;
        Ok(())
    }

    fn switch(&mut self) -> io::Result<()> {
        let [first, second] = SEGMENTS;
        let other = if self.current.name == first { second } else { first };
        self.current = Segment::prepare(&self.dir, other, &*self.disk, self.segment_bytes)?;
        Ok(())
    }

    fn write(&mut self) -> io::Result<()> {
        let Segment { name, file, end } = &mut self.current;
        if *end == 0 {
            let start = record::start(&self.mark);
            self.disk.write(name, file, &start, 0)?;
            *end = start.len() as u64;
        }
        self.disk.write(name, file, &self.record, *end)?;
        crash_point!(JournalWritten);
        self.disk.sync(name, file)?;
        *end += self.record.len() as u64;
        self.record.shrink_to(KEPT_BYTES);
        Ok(())
    }
}

impl Segment {
    /// A file of the full length, on the disk with its name. What it held before stays until it is written over.
    fn prepare(dir: &Path, name: &'static str, disk: &dyn Disk, bytes: u64) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        let file =
            options.read(true).write(true).create(true).truncate(false).mode(0o600).open(dir.join(name))?;
        let length = file.metadata()?.len();
        if length > bytes {
            file.set_len(bytes)?;
        }
        if length < bytes {
            zero(&file, name, disk, length, bytes)?;
            disk.sync(name, &file)?;
            File::open(dir)?.sync_all()?;
        }
        Ok(Self { name, file, end: 0 })
    }
}

/// Writes the zeros rather than asking for room: a block that was only allocated costs the first sync over it a
/// change of metadata.
fn zero(file: &File, name: &str, disk: &dyn Disk, from: u64, to: u64) -> io::Result<()> {
    let zeros = vec![0; 64 << 10];
    let mut at = from;
    while at < to {
        let part = zeros.get(..usize::try_from(to - at).unwrap_or(usize::MAX)).unwrap_or(&zeros);
        disk.write(name, file, part, at)?;
        at += part.len() as u64;
    }
    Ok(())
}

/// What the journal holds that sled may not.
#[derive(Debug, Default)]
pub(super) struct Replay {
    pub(super) changes: Table,
    /// After the last whole record.
    pub(super) mark: Mark,
}

/// The journal does not go on where sled ends: the files are not of one time.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Gap {
    /// The last record that sled holds, or that was read.
    pub(super) applied: u64,
    /// The record after which the journal goes on.
    pub(super) begins: u64,
}

/// After which record the journal begins, if it has one.
pub(super) fn first_record(dir: &Path) -> io::Result<Option<u64>> {
    let segments = read_segments(dir)?;
    let begins = segments.iter().filter_map(|bytes| Records::of(bytes)).filter_map(|mut records| {
        let begin = records.mark().sequence;
        records.next().map(|_| begin)
    });
    Ok(begins.min())
}

fn read_segments(dir: &Path) -> io::Result<Vec<Vec<u8>>> {
    let segments = SEGMENTS.iter().map(|name| match std::fs::read(dir.join(name)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        read => read,
    });
    segments.collect()
}

/// Reads what follows `applied`, the last record that sled holds in full.
pub(super) fn read(dir: &Path, applied: Mark) -> io::Result<Result<Replay, Gap>> {
    Ok(replay(&read_segments(dir)?, applied))
}

/// A segment that ends at or before `applied` was checkpointed: it waits to be used again. Of the others each must
/// follow the one before, because a segment is begun only after the last record of the other is durable.
fn replay(segments: &[Vec<u8>], applied: Mark) -> Result<Replay, Gap> {
    let mut starts = BTreeMap::<u64, Vec<Records<'_>>>::new();
    for records in segments.iter().filter_map(|bytes| Records::of(bytes)) {
        starts.entry(records.mark().sequence).or_default().push(records);
    }
    let mut replay = Replay { changes: Table::new(), mark: applied };
    for mut records in starts.into_values().flatten() {
        let mut begin = records.mark();
        while let Some(changes) = records.next() {
            if records.mark().sequence > replay.mark.sequence {
                if begin != replay.mark {
                    return Err(Gap { applied: replay.mark.sequence, begins: begin.sequence });
                }
                replay.mark = records.mark();
                replay.changes.extend(changes.into_iter().map(|(key, value)| (Key::from_bytes(key), value)));
            }
            begin = records.mark();
        }
    }
    Ok(replay)
}

/// Removes what an interrupted first open left.
pub(super) fn remove(dir: &Path) -> io::Result<()> {
    for name in SEGMENTS {
        match std::fs::remove_file(dir.join(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    File::open(dir)?.sync_all()
}

/// What the segments take, in bytes.
pub(super) fn size_on_disk(dir: &Path) -> u64 {
    SEGMENTS.iter().filter_map(|name| dir.join(name).metadata().ok()).map(|file| file.len()).sum()
}
