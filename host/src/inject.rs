//! MLflow's one HTML document with one element more: the script that shows, in MLflow's own pages, where versions stand.
//!
//! The element is inserted before `</head>` while the document streams through; every other byte stays. A document in
//! which anything is odd passes as it came. This module must not know: what the script does, who looks, any route but
//! the document's.

mod headers;
mod place;
mod stream;

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};
use countersign_core::digest::Digest;
use http::request::Parts;
use http::{HeaderMap, Method, Response};
use http_body_util::BodyExt as _;

use self::place::{Place, Search};
use self::stream::Stream;
use crate::mlflow::Body;

/// The longest document head, in bytes. MLflow's has 500.
const MAX_HEAD: usize = 64 << 10;

/// What is inserted, and where.
#[derive(Debug, Clone)]
pub struct Injection {
    /// The document's path.
    path: String,
    /// The script's address, relative to the document.
    script: String,
    /// What the document's `ETag` ends with, so that a copy from before another script is not taken for this one.
    mark: String,
}

impl Injection {
    /// `static_prefix` is MLflow's; `script` must need no escaping in HTML.
    #[must_use]
    pub fn new(static_prefix: &str, script: &str) -> Self {
        let mark = format!("-countersign-{}", Digest::of(script.as_bytes()).short());
        Self { path: format!("{static_prefix}/"), script: script.to_owned(), mark }
    }

    /// Whether somebody asks for the document.
    #[must_use]
    pub fn is_wanted(&self, head: &Parts) -> bool {
        head.method == Method::GET && head.uri.path() == self.path
    }

    /// Makes a request for the document one for all of it, as it is: not compressed, not in part, and not compared with
    /// a copy that had no element of ours, or another.
    pub fn ask(&self, request: &mut HeaderMap) {
        headers::ask(request, &self.mark);
    }

    /// The document with the element; anything else as it came.
    pub async fn insert(&self, response: Response<Body>) -> Response<Body> {
        let (mut head, body) = response.into_parts();
        if head.status == http::StatusCode::NOT_MODIFIED {
            headers::mark(&mut head.headers, &self.mark);
            return Response::from_parts(head, body);
        }
        if !headers::is_plain_document(&head) {
            return Response::from_parts(head, body);
        }
        let element = self.element(headers::nonce(&head.headers).as_deref());
        let (body, inserted) = splice(body, &element).await;
        if inserted {
            headers::changed(&mut head.headers, element.len(), &self.mark);
        }
        Response::from_parts(head, body)
    }

    /// A policy of the upstream's that asks scripts for a nonce gets the one it names.
    fn element(&self, nonce: Option<&str>) -> String {
        let nonce = nonce.map(|nonce| format!(" nonce=\"{nonce}\"")).unwrap_or_default();
        format!("<script type=\"module\" src=\"{}\"{nonce}></script>", self.script)
    }
}

/// Reads a body up to the end of the document's head and puts the element there; the rest follows as it comes.
async fn splice(mut body: Body, element: &str) -> (Body, bool) {
    let (mut read, mut search) = (BytesMut::new(), Search::default());
    loop {
        let found = match body.frame().await {
            None => return (Body::Whole(read.freeze()), false),
            Some(Err(error)) => return (broken(read, error), false),
            Some(Ok(frame)) => match frame.into_data() {
                Ok(data) => {
                    read.extend_from_slice(&data);
                    search.look(&read)
                }
                Err(trailers) => return (queued([Ok(data_frame(read.freeze())), Ok(trailers)], body), false),
            },
        };
        match found {
            Place::Before(at) if at <= MAX_HEAD => {
                return (inserted(&read.freeze(), at, element, body), true);
            }
            Place::Unknown if read.len() <= MAX_HEAD => {}
            _ => return (queued([Ok(data_frame(read.freeze()))], body), false),
        }
    }
}

fn inserted(read: &Bytes, at: usize, element: &str, rest: Body) -> Body {
    let (before, after) = (read.slice(..at), read.slice(at..));
    let whole = Bytes::from([&before[..], element.as_bytes(), &after[..]].concat());
    if hyper::body::Body::is_end_stream(&rest) {
        Body::Whole(whole)
    } else {
        queued([Ok(data_frame(whole))], rest)
    }
}

type Frame = hyper::body::Frame<Bytes>;
type Next = Result<Frame, crate::mlflow::BoxError>;

fn data_frame(bytes: Bytes) -> Frame {
    Frame::data(bytes)
}

fn queued<const N: usize>(frames: [Next; N], rest: Body) -> Body {
    Body::Boxed(axum::body::Body::new(Stream::new(VecDeque::from(frames), rest)))
}

/// What was read, and then the same error that ended it.
fn broken(read: BytesMut, error: crate::mlflow::BoxError) -> Body {
    queued([Ok(data_frame(read.freeze())), Err(error)], Body::Empty)
}

#[cfg(test)]
mod tests;
