//! Standard output and error of a guest: the beginning and the end are kept, everything is accepted.
//!
//! A pipe that refuses when it is full makes `eprintln!` panic and so kills the guest for talking too much.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use tokio::io::AsyncWrite;
use wasmtime_wasi::async_trait;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamResult};

/// What a guest may write at once; WASI's own implementations use the same.
const PERMIT: usize = 64 << 10;

/// Keeps the first and the last bytes of what is written. Clones share what they keep.
#[derive(Debug, Clone)]
pub(super) struct Sink {
    kept: Arc<Mutex<Kept>>,
}

#[derive(Debug)]
struct Kept {
    room: usize,
    head: Vec<u8>,
    tail: VecDeque<u8>,
    dropped: u64,
}

impl Sink {
    /// A sink that keeps at most `bytes`, half from the beginning and half from the end.
    pub(super) fn new(bytes: u32) -> Self {
        let kept = Kept { room: bytes as usize / 2, head: Vec::new(), tail: VecDeque::new(), dropped: 0 };
        Self { kept: Arc::new(Mutex::new(kept)) }
    }

    pub(super) fn accept(&self, bytes: &[u8]) {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).accept(bytes);
    }

    /// What was kept, as text; says how much is missing in the middle.
    pub(super) fn text(&self) -> String {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).text()
    }
}

impl Kept {
    fn accept(&mut self, bytes: &[u8]) {
        let (head, rest) = bytes.split_at(bytes.len().min(self.room - self.head.len()));
        self.head.extend_from_slice(head);
        let skipped = rest.len().saturating_sub(self.room);
        self.tail.extend(rest.iter().skip(skipped));
        let over = self.tail.len().saturating_sub(self.room);
        self.tail.drain(..over);
        self.dropped += (skipped + over) as u64;
    }

    fn text(&self) -> String {
        let mut text = String::from_utf8_lossy(&self.head).into_owned();
        if self.dropped > 0 {
            text.push_str(&format!("\n[… {} bytes …]\n", self.dropped));
        }
        let tail: Vec<u8> = self.tail.iter().copied().collect();
        text.push_str(&String::from_utf8_lossy(&tail));
        text
    }
}

impl IsTerminal for Sink {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Sink {
    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }

    /// Not used by WASI 0.2.
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(tokio::io::sink())
    }
}

#[async_trait]
impl Pollable for Sink {
    async fn ready(&mut self) {}
}

impl OutputStream for Sink {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.accept(&bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(PERMIT)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn head_and_tail_are_kept() {
        let sink = Sink::new(8);
        sink.accept(b"abcd");
        sink.accept(b"efghij");
        sink.accept(b"kl");
        assert_eq!(sink.text(), "abcd\n[… 4 bytes …]\nijkl");
    }

    proptest! {
        #[test]
        fn never_keeps_more_than_asked_and_loses_nothing_below(
            writes in proptest::collection::vec("[a-z]{0,40}", 0..20),
            room in 0_u32..400,
        ) {
            let sink = Sink::new(room);
            for text in &writes {
                sink.accept(text.as_bytes());
            }
            let all = writes.concat();
            let kept = sink.kept.lock().unwrap();
            prop_assert!(kept.head.len() + kept.tail.len() <= room as usize);
            prop_assert_eq!(kept.head.len() + kept.tail.len() + kept.dropped as usize, all.len());
            drop(kept);
            if all.len() <= room as usize / 2 {
                prop_assert_eq!(sink.text(), all);
            }
        }
    }
}
