//! One connection to the upstream, kept between requests.
//!
//! It has no task of its own: whoever has a request on it drives it, in the task that waits for the answer anyway,
//! so that an exchange wakes nobody else. It knows nothing of MLflow, and of HTTP only what hyper tells.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use futures_util::task::AtomicWaker;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::body::Body;

/// An open connection.
pub(super) struct Connection {
    /// `None` once it has ended.
    driver: Option<Box<http1::Connection<TokioIo<TcpStream>, Body>>>,
    sender: http1::SendRequest<Body>,
    bell: Arc<Bell>,
    /// Rings the bell.
    cord: Waker,
}

/// Wakes whoever drives a connection, while somebody does. Between two requests it is quiet: the reader of the last
/// answer, who takes it out of a channel, would otherwise be woken for having done so.
#[derive(Default)]
struct Bell {
    rings: AtomicBool,
    driver: AtomicWaker,
}

/// Why a request got no answer on a connection.
pub(super) enum Failed {
    /// The connection had ended before anything of the request was written: here it is back.
    NotSent(Box<Request<Body>>),
    /// The upstream may have acted on it.
    Broken(hyper::Error),
}

// === impl Connection ===

impl Connection {
    pub(super) async fn open(stream: TokioIo<TcpStream>) -> hyper::Result<Self> {
        let (sender, driver) = http1::handshake(stream).await?;
        let bell = Arc::<Bell>::default();
        Ok(Self { driver: Some(Box::new(driver)), sender, cord: Waker::from(Arc::clone(&bell)), bell })
    }

    /// Sends a request and waits for the head of its answer. The connection must be idle or new.
    pub(super) async fn exchange(&mut self, request: Request<Body>) -> Result<Response<Incoming>, Failed> {
        let mut answer = pin!(self.sender.try_send_request(request));
        let answered = poll_fn(|cx| {
            self.drive(cx);
            // What answers is the driver, which has just been polled: nobody has to be woken for it.
            answer.as_mut().poll(&mut Context::from_waker(Waker::noop()))
        });
        answered.await.map_err(|mut failed| match failed.take_message() {
            Some(request) => Failed::NotSent(Box::new(request)),
            None => Failed::Broken(failed.into_error()),
        })
    }

    /// Moves bytes both ways until it has to wait; `cx` is woken when there is more to do.
    pub(super) fn drive(&mut self, cx: &Context<'_>) {
        // First, so that nothing that happens from now on goes unheard.
        self.bell.driver.register(cx.waker());
        self.bell.rings.store(true, Ordering::Release);
        self.advance();
    }

    fn advance(&mut self) {
        let Some(driver) = &mut self.driver else { return };
        if let Poll::Ready(ended) = Pin::new(driver).poll(&mut Context::from_waker(&self.cord)) {
            if let Err(error) = ended {
                tracing::debug!(%error, "connection to the upstream ended");
            }
            // Whoever waits for an answer learns only now that none will come.
            self.driver = None;
        }
    }

    /// Whether the last exchange is over, both ways, and another may follow.
    pub(super) fn is_idle(&self) -> bool {
        self.driver.is_some() && self.sender.is_ready()
    }

    pub(super) const fn has_ended(&self) -> bool {
        self.driver.is_none()
    }

    /// Looks whether an idle connection still is one: the upstream may have closed it.
    pub(super) fn is_still_idle(&mut self) -> bool {
        self.advance();
        self.is_idle()
    }

    /// Nobody drives it until its next exchange.
    pub(super) fn rest(&self) {
        self.bell.rings.store(false, Ordering::Release);
    }
}

// === impl Bell ===

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if self.rings.load(Ordering::Acquire) {
            self.driver.wake();
        }
    }
}
