//! Where bytes come from: a file read by ranges, a part of it, or a compressed stream. Lengths that the data
//! claims are never trusted: nothing here allocates by them.

use std::io::{self, BufRead, Cursor, ErrorKind, Read};

use countersign_sdk::artifacts::Reader;
use miniz_oxide::inflate::stream::{InflateState, inflate};
use miniz_oxide::{DataFormat, MZError, MZFlush, MZStatus};

/// Fetched at once when reading on, in bytes.
pub(crate) const CHUNK: u32 = 1 << 20;

/// Bytes in order, where a part can be passed over.
pub(crate) trait Stream: BufRead {
    /// Passes over `count` bytes, or fails where fewer are left.
    fn skip(&mut self, count: u64) -> io::Result<()>;

    /// How joblib's inline arrays are to be read here. [`Arrays::Both`] needs `position` and `go_back`.
    fn arrays(&self) -> Arrays;

    fn position(&self) -> u64 {
        0
    }

    fn go_back(&mut self, _position: u64) {}
}

/// Who might load a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Arrays {
    /// `pickle.load` only: a member of an archive.
    Plain,
    /// `joblib.load` only: a file that it compressed.
    Joblib,
    /// Either of them.
    Both,
}

/// A file, or the unpacked content of a small member of an archive.
pub(crate) enum Source {
    Artifact(Reader),
    Memory(Cursor<Vec<u8>>),
}

impl Source {
    pub(crate) fn size(&self) -> u64 {
        match self {
            Self::Artifact(reader) => reader.size(),
            Self::Memory(bytes) => bytes.get_ref().len() as u64,
        }
    }

    /// The bytes from `start` to `end`, as far as they exist.
    pub(crate) fn part(&mut self, start: u64, end: u64) -> Part<'_> {
        let end = end.min(self.size());
        self.go_to(start.min(end));
        Part { source: self, at: start.min(end), end }
    }

    pub(crate) fn whole(&mut self) -> Part<'_> {
        self.part(0, u64::MAX)
    }

    /// At most `count` bytes from `start`; fewer at the end.
    pub(crate) fn bytes(&mut self, start: u64, count: u64) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.part(start, start.saturating_add(count)).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn go_to(&mut self, position: u64) {
        match self {
            Self::Artifact(reader) => reader.go_to(position),
            Self::Memory(bytes) => bytes.set_position(position),
        }
    }

    #[inline]
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        match self {
            Self::Artifact(reader) => reader.fill_buf(),
            Self::Memory(bytes) => bytes.fill_buf(),
        }
    }

    #[inline]
    fn consume(&mut self, amount: usize) {
        match self {
            Self::Artifact(reader) => reader.consume(amount),
            Self::Memory(bytes) => bytes.consume(amount),
        }
    }
}

/// A part of a source.
pub(crate) struct Part<'a> {
    source: &'a mut Source,
    at: u64,
    end: u64,
}

impl Stream for Part<'_> {
    fn arrays(&self) -> Arrays {
        Arrays::Both
    }

    fn position(&self) -> u64 {
        self.at
    }

    fn go_back(&mut self, position: u64) {
        self.source.go_to(position);
        self.at = position;
    }

    #[inline]
    fn skip(&mut self, count: u64) -> io::Result<()> {
        let to = self.at.checked_add(count).filter(|to| *to <= self.end).ok_or(ErrorKind::UnexpectedEof)?;
        self.source.go_to(to);
        self.at = to;
        Ok(())
    }
}

impl BufRead for Part<'_> {
    #[inline]
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        let left = usize::try_from(self.end - self.at).unwrap_or(usize::MAX);
        if left == 0 {
            return Ok(&[]);
        }
        let buffer = self.source.fill_buf()?;
        Ok(buffer.get(..left.min(buffer.len())).unwrap_or_default())
    }

    #[inline]
    fn consume(&mut self, amount: usize) {
        self.source.consume(amount);
        self.at += amount as u64;
    }
}

impl Read for Part<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let read = self.fill_buf()?.read(out)?;
        self.consume(read);
        Ok(read)
    }
}

/// What deflate's data is wrapped in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wrapping {
    Raw,
    Zlib,
    /// Raw, after a header that the caller has passed over; the checksum at the end is not looked at.
    Gzip,
}

/// The unpacked bytes of a deflated part.
pub(crate) struct Inflated<'a> {
    packed: Part<'a>,
    wrapping: Wrapping,
    state: Box<InflateState>,
    out: Box<[u8]>,
    at: usize,
    filled: usize,
    done: bool,
}

impl<'a> Inflated<'a> {
    pub(crate) fn new(packed: Part<'a>, wrapping: Wrapping) -> Self {
        let format = match wrapping {
            Wrapping::Raw | Wrapping::Gzip => DataFormat::Raw,
            Wrapping::Zlib => DataFormat::Zlib,
        };
        let out = vec![0; 64 << 10].into_boxed_slice();
        Self { packed, wrapping, state: InflateState::new_boxed(format), out, at: 0, filled: 0, done: false }
    }

    fn refill(&mut self) -> io::Result<()> {
        (self.at, self.filled) = (0, 0);
        while self.filled == 0 && !self.done {
            let input = self.packed.fill_buf()?;
            let ended = input.is_empty();
            let result = inflate(&mut self.state, input, &mut self.out, MZFlush::None);
            self.packed.consume(result.bytes_consumed);
            self.filled = result.bytes_written;
            let stuck = result.bytes_consumed == 0 && result.bytes_written == 0;
            match result.status {
                Ok(MZStatus::StreamEnd) => self.done = true,
                Ok(_) if stuck && ended => return Err(ErrorKind::UnexpectedEof.into()),
                Err(MZError::Buf) if !ended && !stuck => {}
                Err(MZError::Buf) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(_) if stuck => return Err(ErrorKind::InvalidData.into()),
                Ok(_) => {}
                Err(_) => return Err(ErrorKind::InvalidData.into()),
            }
        }
        Ok(())
    }
}

impl Stream for Inflated<'_> {
    fn arrays(&self) -> Arrays {
        match self.wrapping {
            Wrapping::Raw => Arrays::Plain,
            Wrapping::Zlib | Wrapping::Gzip => Arrays::Joblib,
        }
    }

    fn skip(&mut self, mut count: u64) -> io::Result<()> {
        while count > 0 {
            let here = self.fill_buf()?.len();
            if here == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
            let step = here.min(usize::try_from(count).unwrap_or(usize::MAX));
            self.consume(step);
            count -= step as u64;
        }
        Ok(())
    }
}

impl BufRead for Inflated<'_> {
    #[inline]
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.at >= self.filled {
            self.refill()?;
        }
        Ok(self.out.get(self.at..self.filled).unwrap_or_default())
    }

    #[inline]
    fn consume(&mut self, amount: usize) {
        self.at = (self.at + amount).min(self.filled);
    }
}

impl Read for Inflated<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let read = self.fill_buf()?.read(out)?;
        self.consume(read);
        Ok(read)
    }
}
