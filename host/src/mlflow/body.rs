//! One body type for both directions. Bytes that only pass through are never boxed.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Frame, Incoming, SizeHint};

use super::relayed::Relayed;
use super::withheld::WithheldBody;

pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A request or response body.
#[derive(Debug, Default)]
pub enum Body {
    #[default]
    Empty,
    Whole(Bytes),
    /// All of it, once it may be sent.
    Withheld(WithheldBody),
    /// Straight from a connection, frame by frame.
    Streamed(Incoming),
    /// The same, with the connection that has to be driven meanwhile.
    Relayed(Box<Relayed>),
    /// Through a layer of axum's.
    Boxed(axum::body::Body),
}

impl Body {
    /// Whether it comes bit by bit, at its sender's pace.
    pub(super) const fn is_streamed(&self) -> bool {
        matches!(self, Self::Withheld(_) | Self::Streamed(_) | Self::Relayed(_) | Self::Boxed(_))
    }
}

impl hyper::body::Body for Body {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match &mut *self {
            Self::Empty => Poll::Ready(None),
            Self::Whole(bytes) => {
                let bytes = std::mem::take(bytes);
                *self = Self::Empty;
                Poll::Ready((!bytes.is_empty()).then(|| Ok(Frame::data(bytes))))
            }
            Self::Withheld(body) => {
                let bytes = std::task::ready!(body.poll_bytes(cx));
                *self = Self::Empty;
                Poll::Ready(Some(bytes.map(Frame::data)))
            }
            Self::Streamed(body) => Pin::new(body).poll_frame(cx).map_err(Into::into),
            Self::Relayed(body) => body.poll_frame(cx).map_err(Into::into),
            Self::Boxed(body) => Pin::new(body).poll_frame(cx).map_err(Into::into),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Empty => true,
            Self::Whole(bytes) => bytes.is_empty(),
            Self::Withheld(_) => false,
            Self::Streamed(body) => body.is_end_stream(),
            Self::Relayed(body) => body.is_end_stream(),
            Self::Boxed(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Empty => SizeHint::with_exact(0),
            Self::Whole(bytes) => SizeHint::with_exact(u64::try_from(bytes.len()).unwrap_or(u64::MAX)),
            Self::Withheld(body) => SizeHint::with_exact(body.len()),
            Self::Streamed(body) => body.size_hint(),
            Self::Relayed(body) => body.size_hint(),
            Self::Boxed(body) => body.size_hint(),
        }
    }
}

impl From<Incoming> for Body {
    fn from(body: Incoming) -> Self {
        Self::Streamed(body)
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        Self::Whole(bytes)
    }
}

impl From<String> for Body {
    fn from(text: String) -> Self {
        Self::Whole(text.into())
    }
}

impl From<axum::body::Body> for Body {
    fn from(body: axum::body::Body) -> Self {
        Self::Boxed(body)
    }
}

impl From<Body> for axum::body::Body {
    fn from(body: Body) -> Self {
        match body {
            Body::Empty => Self::empty(),
            Body::Boxed(body) => body,
            other => Self::new(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    #[tokio::test]
    async fn whole_bodies_come_out_once() {
        for text in ["", "abc"] {
            let body = Body::from(text.to_owned());
            assert_eq!(hyper::body::Body::size_hint(&body).exact(), Some(text.len() as u64));
            assert_eq!(body.collect().await.unwrap().to_bytes(), text);
        }
    }
}
