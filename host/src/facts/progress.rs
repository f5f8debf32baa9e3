//! How far the reading of a version's files has come, for whoever waits for it.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Bytes of one file that have been read so far. Goes on while others look.
#[derive(Debug, Clone, Default)]
pub(super) struct BytesRead(Arc<AtomicU64>);

impl BytesRead {
    pub(super) fn begin(&self) {
        self.0.store(0, Ordering::Relaxed);
    }

    pub(super) fn add(&self, bytes: u64) {
        self.0.fetch_add(bytes, Ordering::Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Of all files of a version. Those under way are looked at when it is shown, not when it was made.
#[derive(Debug, Clone, Default)]
pub struct Progress {
    files: usize,
    bytes: u64,
    /// Of files that are read to their end.
    done_bytes: u64,
    /// Files that are not, each with its length.
    under_way: Vec<(BytesRead, u64)>,
}

impl Progress {
    pub(super) fn done(&mut self, size: u64) {
        self.files += 1;
        self.bytes += size;
        self.done_bytes += size;
    }

    pub(super) fn under_way(&mut self, read: BytesRead, size: u64) {
        self.files += 1;
        self.bytes += size;
        self.under_way.push((read, size));
    }

    /// Whether some file was not read to its end when this was made.
    pub(super) const fn is_under_way(&self) -> bool {
        !self.under_way.is_empty()
    }
}

impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let read = |(read, size): &(BytesRead, u64)| read.get().min(*size);
        let left = self.under_way.iter().filter(|file| read(file) < file.1).count();
        let bytes = self.done_bytes + self.under_way.iter().map(read).sum::<u64>();
        let (unit, name) = unit(self.bytes);
        let (files, all) = (self.files - left, self.files);
        write!(
            f,
            "{files} of {all} to the end, {} of {} {name} so far",
            tenths(bytes, unit),
            tenths(self.bytes, unit)
        )
    }
}

/// As in `ls --si`: what people compare it with.
const fn unit(bytes: u64) -> (u64, &'static str) {
    match bytes {
        0..1_000_000 => (1_000, "kB"),
        1_000_000..1_000_000_000 => (1_000_000, "MB"),
        _ => (1_000_000_000, "GB"),
    }
}

fn tenths(bytes: u64, unit: u64) -> String {
    let tenths = bytes / (unit / 10);
    format!("{}.{}", tenths / 10, tenths % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(done: &[u64], under_way: &[(u64, u64)], expect: &str) {
        let mut progress = Progress::default();
        done.iter().for_each(|size| progress.done(*size));
        for (bytes, size) in under_way {
            let read = BytesRead::default();
            progress.under_way(read.clone(), *size);
            read.begin();
            read.add(*bytes);
        }
        assert_eq!((progress.to_string().as_str(), progress.is_under_way()), (expect, !under_way.is_empty()));
    }

    #[test]
    fn it_is_told_as_it_is_when_it_is_told() {
        check(&[1_000, 700], &[(1_230_000_000, 4_000_000_000)], "2 of 3 to the end, 1.2 of 4.0 GB so far");
        check(&[], &[(0, 999_949), (999_949, 999_949)], "1 of 2 to the end, 0.9 of 1.9 MB so far");
        check(&[500], &[(90, 20)], "2 of 2 to the end, 0.5 of 0.5 kB so far");
        check(&[], &[], "0 of 0 to the end, 0.0 of 0.0 kB so far");
    }
}
