//! The body of an answer that is still arriving, with the connection on which it arrives.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use bytes::Bytes;
use hyper::body::{Body as _, Frame, Incoming, SizeHint};

use super::connection::Connection;
use super::pool::Pool;

/// Whoever reads this drives the connection; whoever drops it before its end closes it.
pub struct Relayed {
    body: Incoming,
    /// Until the body has ended.
    connection: Option<(Connection, Arc<Pool>)>,
    broken: Option<hyper::Error>,
}

// === impl Relayed ===

impl Relayed {
    pub(super) fn new(body: Incoming, connection: Connection, pool: &Arc<Pool>) -> Self {
        Self { body, connection: Some((connection, Arc::clone(pool))), broken: None }
    }

    pub(super) fn poll_frame(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        if let Some(error) = self.broken.take() {
            return Poll::Ready(Some(Err(error)));
        }
        let frame = match self.arrived() {
            Poll::Pending => {
                if let Some((connection, _)) = &mut self.connection {
                    connection.drive(cx);
                }
                ready!(self.arrived())
            }
            Poll::Ready(frame) => frame,
        };
        if let Some(Err(error)) = frame {
            return self.break_off(error, cx);
        }
        if (frame.is_none() || self.body.is_end_stream())
            && let Some((connection, pool)) = self.connection.take()
        {
            pool.keep(connection);
        }
        Poll::Ready(frame)
    }

    /// The reader is told a moment later: so it has passed on what came before.
    fn break_off<T>(&mut self, error: hyper::Error, cx: &Context<'_>) -> Poll<T> {
        self.broken = Some(error);
        self.connection = None;
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// What the connection has already brought. It brings more only when it is driven: nobody has to be woken.
    fn arrived(&mut self) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        Pin::new(&mut self.body).poll_frame(&mut Context::from_waker(Waker::noop()))
    }

    pub(super) fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    pub(super) fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl fmt::Debug for Relayed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Relayed").field("body", &self.body).finish_non_exhaustive()
    }
}
