//! The files of the subject, read by ranges so that gigabytes need no memory in the guest.

use std::io::{self, BufRead, Read, Seek, SeekFrom};

use crate::types::AccessError;

#[cfg(target_arch = "wasm32")]
use crate::bindings::check::countersign::plugin::artifacts as source;
#[cfg(not(target_arch = "wasm32"))]
use crate::testing::fixture as source;

/// The most that one [`Artifact::read`] returns, in bytes.
pub const MAX_READ: u32 = 4 << 20;

/// What a reader fetches first, and first after a jump, in bytes.
const AFTER_A_JUMP: u32 = 8 << 10;

/// # Errors
/// When there is no such file, or it may not or could not be read.
pub fn open(path: &str) -> Result<Artifact, AccessError> {
    source::open(path).map(Artifact)
}

/// One open file.
#[derive(Debug)]
pub struct Artifact(source::Artifact);

impl Artifact {
    #[must_use]
    pub fn path(&self) -> String {
        self.0.path()
    }

    /// Bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.0.size()
    }

    /// `sha256:…` of the whole file.
    #[must_use]
    pub fn digest(&self) -> Option<String> {
        self.0.digest()
    }

    /// At most `len` bytes from `offset`; shorter at the end of the file, empty past it.
    ///
    /// # Errors
    /// When the bytes could not be read or the budget is used up.
    pub fn read(&self, offset: u64, len: u32) -> Result<Vec<u8>, AccessError> {
        self.0.read(offset, len.min(MAX_READ))
    }

    /// A reader that fetches up to `chunk` bytes at a time: few after a jump, more the longer it reads on.
    /// Seeking fetches nothing.
    #[must_use]
    pub fn reader(self, chunk: u32) -> Reader {
        let size = self.size();
        let chunk = chunk.clamp(1, MAX_READ);
        Reader {
            artifact: self,
            size,
            chunk,
            next: chunk.min(AFTER_A_JUMP),
            start: 0,
            at: 0,
            buffer: Vec::new(),
        }
    }
}

/// A buffered [`Read`] and [`Seek`] over an artifact. A seek inside the buffer keeps it.
#[derive(Debug)]
pub struct Reader {
    artifact: Artifact,
    size: u64,
    chunk: u32,
    /// How much the next fetch asks for.
    next: u32,
    /// Where the buffer begins in the file.
    start: u64,
    /// The position inside the buffer; never past its end.
    at: usize,
    buffer: Vec<u8>,
}

impl Reader {
    /// Bytes of the whole file.
    #[must_use]
    #[inline]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Where the next byte is read.
    #[must_use]
    #[inline]
    pub fn position(&self) -> u64 {
        self.start + self.at as u64
    }

    /// Goes to `position`, which may lie past the end: then nothing more is read.
    pub fn go_to(&mut self, position: u64) {
        let inside = position.checked_sub(self.start).filter(|at| *at <= self.buffer.len() as u64);
        if let Some(at) = inside.and_then(|at| usize::try_from(at).ok()) {
            self.at = at;
        } else {
            self.start = position;
            self.at = 0;
            self.buffer.clear();
            self.next = self.chunk.min(AFTER_A_JUMP);
        }
    }
}

impl BufRead for Reader {
    #[inline]
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.at >= self.buffer.len() {
            let from = self.position();
            self.start = from;
            self.at = 0;
            // Freed before the next is asked for: one chunk in memory, not two.
            self.buffer = Vec::new();
            if from < self.size {
                self.buffer = self.artifact.read(from, self.next).map_err(io_error)?;
                self.next = self.next.saturating_mul(4).min(self.chunk);
            }
        }
        Ok(self.buffer.get(self.at..).unwrap_or_default())
    }

    #[inline]
    fn consume(&mut self, amount: usize) {
        self.at = (self.at + amount).min(self.buffer.len());
    }
}

impl Read for Reader {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let read = self.fill_buf()?.read(out)?;
        self.consume(read);
        Ok(read)
    }
}

impl Seek for Reader {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::Current(by) => self.position().checked_add_signed(by),
            SeekFrom::End(by) => self.size.checked_add_signed(by),
        };
        let position = position.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        self.go_to(position);
        Ok(position)
    }
}

fn io_error(error: AccessError) -> io::Error {
    let kind = match error {
        AccessError::NotFound(_) => io::ErrorKind::NotFound,
        AccessError::Denied(_) => io::ErrorKind::PermissionDenied,
        AccessError::Budget(_) => io::ErrorKind::QuotaExceeded,
        AccessError::Unavailable(_) => io::ErrorKind::Other,
    };
    io::Error::new(kind, error.sentence())
}
