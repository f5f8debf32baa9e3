//! A body that is kept back until its write may happen.
//!
//! The head of a request goes ahead, so that the upstream has found its way to the place where it waits for the body
//! by the time that the body may come. Without it nothing can be done: it says what is to be changed. This module must
//! not know what is waited for.

use std::future::Future as _;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use tokio::sync::oneshot;

use super::body::{Body, BoxError};

/// Lets the body go. Dropped, it ends the exchange without it.
#[must_use = "a body that is never let go breaks its exchange off"]
#[derive(Debug)]
pub struct Release(oneshot::Sender<()>);

/// Waits for the release.
#[derive(Debug)]
pub struct Withheld(oneshot::Receiver<()>);

/// A body with its lock.
#[derive(Debug)]
pub struct WithheldBody {
    bytes: Bytes,
    until: Withheld,
}

/// A release, and what waits for it.
pub fn withheld() -> (Release, Withheld) {
    let (release, until) = oneshot::channel();
    (Release(release), Withheld(until))
}

impl Release {
    pub fn let_go(self) {
        // Nobody waits any more where the upstream did not: it has answered, or is gone.
        let _ = self.0.send(());
    }
}

impl Withheld {
    /// Keeps these bytes back. Where there are none the head alone is the whole request: nothing of it may be sent
    /// before the release, which is waited for here.
    pub(super) async fn over(self, bytes: Bytes) -> Result<Body, BoxError> {
        if bytes.is_empty() {
            return self.0.await.map(|()| Body::Empty).map_err(|_| called_off());
        }
        Ok(Body::Withheld(WithheldBody { bytes, until: self }))
    }
}

impl WithheldBody {
    pub(super) fn poll_bytes(&mut self, cx: &mut Context<'_>) -> Poll<Result<Bytes, BoxError>> {
        let released = std::task::ready!(Pin::new(&mut self.until.0).poll(cx));
        let bytes = std::mem::take(&mut self.bytes);
        Poll::Ready(released.map(|()| bytes).map_err(|_| called_off()))
    }

    pub(super) fn len(&self) -> u64 {
        u64::try_from(self.bytes.len()).unwrap_or(u64::MAX)
    }
}

fn called_off() -> BoxError {
    "the write was called off before its body was sent".into()
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;
    use http_body_util::BodyExt as _;

    use std::time::Duration;

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::super::{Base, Caller, Canonical, Credentials, Origins, Settings, Upstream};
    use super::*;

    #[tokio::test]
    async fn a_body_comes_when_it_is_let_go_and_breaks_off_when_it_never_is() {
        for (let_go, expect) in [(true, Some("abc")), (false, None)] {
            let (release, until) = withheld();
            let mut body = until.over(Bytes::from_static(b"abc")).await.unwrap();
            assert_eq!(hyper::body::Body::size_hint(&body).exact(), Some(3));
            assert!(body.frame().now_or_never().is_none());
            if let_go {
                release.let_go()
            } else {
                drop(release)
            }
            let read = body.collect().await.ok().map(|read| read.to_bytes());
            assert_eq!(read.as_deref(), expect.map(str::as_bytes));
        }
    }

    /// A write to an upstream that listens here.
    fn call_to(listener: &TcpListener) -> (Upstream, Canonical, Caller) {
        let base = format!("http://{}", listener.local_addr().unwrap()).parse::<Base>().unwrap();
        let upstream =
            Upstream::new(&Settings::new(base.clone()), &base, Origins::new(&base, Vec::new(), Vec::new()))
                .unwrap();
        let request = Canonical {
            method: http::Method::POST,
            path_and_query: "/alias".parse().unwrap(),
            content_type: http::HeaderValue::from_static("application/json"),
            body: Bytes::from_static(b"{\"alias\":\"champion\"}"),
        };
        let caller =
            Caller { peer: [127, 0, 0, 1].into(), peer_is_trusted: false, credentials: Credentials::Keep };
        (upstream, request, caller)
    }

    /// One exchange with an upstream that reads, for a while, whatever comes. Gives what it had read when the body was
    /// let go or called off, and what had come in the end.
    async fn exchanged(let_go: bool) -> (String, String) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (upstream, request, caller) = call_to(&listener);
        let (release, until) = withheld();
        let headers = http::HeaderMap::new();
        let sent = upstream.forward_withheld(request, until, (&headers, &caller));
        let reader = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut read = Vec::new();
            while !read.ends_with(b"\r\n\r\n") {
                stream.read_buf(&mut read).await.unwrap();
            }
            let more = tokio::time::timeout(Duration::from_millis(100), stream.read_buf(&mut read)).await;
            assert!(more.is_err(), "something came before the release");
            let before = String::from_utf8(read.clone()).unwrap();
            if let_go {
                release.let_go()
            } else {
                drop(release)
            }
            stream.read_buf(&mut read).await.unwrap();
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}").await.ok();
            (before, String::from_utf8(read).unwrap())
        };
        let (answered, read) = tokio::join!(sent, reader);
        assert_eq!(answered.is_ok(), let_go);
        read
    }

    #[tokio::test]
    async fn the_head_goes_ahead_and_the_body_only_when_it_is_let_go() {
        let (before, after) = exchanged(true).await;
        assert!(
            before.starts_with("POST /alias HTTP/1.1\r\n") && before.contains("content-length: 20"),
            "{before}"
        );
        assert_eq!(after.strip_prefix(&before), Some("{\"alias\":\"champion\"}"));
        let (before, after) = exchanged(false).await;
        assert_eq!(before, after, "called off, and a body came");
    }

    #[tokio::test]
    async fn the_head_of_an_answer_is_given_before_its_body() {
        for (rest, expect) in [(&b"{}"[..], true), (b"{", false)] {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let (upstream, request, caller) = call_to(&listener);
            let (release, until) = withheld();
            release.let_go();
            let headers = http::HeaderMap::new();
            let sent = upstream.forward_withheld(request, until, (&headers, &caller));
            let answerer = async {
                let (mut stream, _) = listener.accept().await.unwrap();
                stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n").await.unwrap();
                stream
            };
            let (answered, mut stream) = tokio::join!(sent, answerer);
            let answered = answered.unwrap();
            assert_eq!(answered.status(), 200);
            stream.write_all(rest).await.unwrap();
            drop(stream);
            let whole = upstream.whole(answered).await.map(http::Response::into_body);
            assert_eq!(whole.is_ok_and(|body| &body[..] == b"{}"), expect);
        }
    }

    #[tokio::test]
    async fn nothing_of_a_request_without_a_body_is_sent_before_its_release() {
        for (let_go, expect) in [(true, true), (false, false)] {
            let (release, until) = withheld();
            let mut body = Box::pin(until.over(Bytes::new()));
            assert!(body.as_mut().now_or_never().is_none());
            if let_go {
                release.let_go()
            } else {
                drop(release)
            }
            assert_eq!(body.await.is_ok(), expect);
        }
    }
}
