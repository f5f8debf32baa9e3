//! Answers of any length that somebody writes: they go out as they come in. One that cannot be finished breaks off, which
//! every verifier sees.

use std::future::Future;
use std::io::{self, BufWriter, Write};
use std::pin::Pin;
use std::sync::mpsc::{SyncSender, sync_channel};

use axum::body::Body;
use bytes::Bytes;
use futures_util::stream;

use crate::app::AppError;

/// In bytes.
const CHUNK: usize = 64 << 10;
/// Chunks that wait for a slow reader.
const WAITING: usize = 8;

type Chunk = Result<Bytes, io::Error>;
pub(super) type Written<'w> = Pin<Box<dyn Future<Output = Result<(), AppError>> + 'w>>;

/// A body that `work` writes, on a thread where it may wait.
pub(super) fn streamed<F>(what: &'static str, work: F) -> Body
where
    F: for<'w> FnOnce(&'w mut (dyn Write + Send)) -> Written<'w> + Send + 'static,
{
    let (chunks, waiting) = sync_channel(WAITING);
    let runtime = tokio::runtime::Handle::current();
    tokio::task::spawn_blocking(move || {
        if let Err(error) = runtime.block_on(write(work, chunks)) {
            tracing::warn!(error = %error, "{what} broke off");
        }
    });
    Body::from_stream(stream::unfold(waiting, |waiting| async {
        let next = tokio::task::spawn_blocking(move || (waiting.recv().ok(), waiting)).await;
        let (chunk, waiting) = next.ok()?;
        Some((chunk?, waiting))
    }))
}

async fn write<F>(work: F, chunks: SyncSender<Chunk>) -> Result<(), AppError>
where
    F: for<'w> FnOnce(&'w mut (dyn Write + Send)) -> Written<'w>,
{
    let mut out = BufWriter::with_capacity(CHUNK, Chunks(chunks.clone()));
    let written = work(&mut out).await;
    if let Err(error) = &written {
        // The reader may be gone, which is then why.
        let _ = chunks.send(Err(io::Error::other(error.to_string())));
    }
    written
}

struct Chunks(SyncSender<Chunk>);

impl Write for Chunks {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let sent = self.0.send(Ok(Bytes::copy_from_slice(bytes)));
        sent.map_err(|_| io::ErrorKind::BrokenPipe)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
