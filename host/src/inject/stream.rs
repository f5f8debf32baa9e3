//! A body that begins with frames that were read already, and goes on as it comes.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::Frame;

use super::Next;
use crate::mlflow::{Body, BoxError};

pub(super) struct Stream {
    read: VecDeque<Next>,
    rest: Body,
}

impl Stream {
    pub(super) const fn new(read: VecDeque<Next>, rest: Body) -> Self {
        Self { read, rest }
    }
}

impl hyper::body::Body for Stream {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match self.read.pop_front() {
            Some(next) => Poll::Ready(Some(next)),
            None => Pin::new(&mut self.rest).poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.read.is_empty() && self.rest.is_end_stream()
    }
}
