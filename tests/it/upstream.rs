//! The proxy against origins and clients that speak raw bytes, and against the real MLflow.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use countersign::mlflow::{Base, Body, Caller, Credentials, Origins, ProxyError, Settings, Upstream};
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

mod connections;
mod kept;
mod memory;
pub(crate) mod mlflow;
mod semantics;

/// The proxy on a port of its own, and how many requests have come through it.
#[derive(Clone)]
pub(crate) struct Proxy {
    pub(crate) port: u16,
    requests: Arc<AtomicUsize>,
}

impl Proxy {
    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Requests since the last time.
    pub(crate) fn requests(&self) -> usize {
        self.requests.swap(0, Ordering::SeqCst)
    }
}

pub(crate) async fn proxy(upstream: u16) -> Proxy {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let base: Base = format!("http://127.0.0.1:{upstream}").parse().unwrap();
    let public: Base = format!("http://127.0.0.1:{port}").parse().unwrap();
    let origins = Origins::new(&public, Vec::new(), Vec::new());
    let upstream = Upstream::new(&Settings::new(base), &public, origins).unwrap();
    let requests = Arc::new(AtomicUsize::new(0));
    let proxy = Proxy { port, requests: Arc::clone(&requests) };
    tokio::spawn(async move {
        loop {
            let (client, peer) = listener.accept().await.unwrap();
            client.set_nodelay(true).unwrap();
            let (upstream, requests) = (upstream.clone(), Arc::clone(&requests));
            let caller = Caller { peer: peer.ip(), peer_is_trusted: false, credentials: Credentials::Keep };
            let answer = service_fn(move |request: Request<Incoming>| {
                requests.fetch_add(1, Ordering::SeqCst);
                let (upstream, caller) = (upstream.clone(), caller.clone());
                async move { Ok::<_, std::convert::Infallible>(answer(&upstream, request, &caller).await) }
            });
            tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(client), answer));
        }
    });
    proxy
}

/// As the HTTP layer will, but with the error's name in the body.
async fn answer(upstream: &Upstream, request: Request<Incoming>, caller: &Caller) -> Response<Body> {
    let (status, error) = match upstream.stream(request, caller).await {
        Ok(response) => return response,
        Err(ProxyError::NeedsLength) => (413, "NeedsLength".to_owned()),
        Err(ProxyError::Upstream(error)) => {
            (502, format!("{error:?} may_have_acted={}", error.may_have_acted()))
        }
        Err(other) => (400, format!("{other:?}")),
    };
    Response::builder().status(status).body(error.into()).unwrap()
}

/// An origin that hands each connection to `serve`.
pub(crate) async fn origin<F, Fut>(serve: F) -> u16
where
    F: Fn(TcpStream) -> Fut + Send + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        loop {
            let (connection, _) = listener.accept().await.unwrap();
            tokio::spawn(serve(connection));
        }
    });
    port
}

/// Reads up to and including `end`.
pub(crate) async fn read_until(connection: &mut TcpStream, end: &str) -> String {
    let mut got = Vec::new();
    while !got.ends_with(end.as_bytes()) {
        match connection.read_u8().await {
            Ok(byte) => got.push(byte),
            Err(_) => break,
        }
    }
    String::from_utf8(got).unwrap()
}

/// One request's bytes through the proxy to an origin that answers with `response` and closes. Returns what the
/// origin got, up to `end`, and all that the client got.
async fn exchange(request: &str, end: &'static str, response: &'static str) -> (String, String) {
    let (got, mut seen) = tokio::sync::mpsc::unbounded_channel();
    let port = origin(move |mut connection| {
        let got = got.clone();
        async move {
            got.send(read_until(&mut connection, end).await).unwrap();
            connection.write_all(response.as_bytes()).await.unwrap();
        }
    })
    .await;
    let mut client = TcpStream::connect(("127.0.0.1", proxy(port).await.port)).await.unwrap();
    client.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    client.read_to_end(&mut answer).await.unwrap();
    (seen.recv().await.unwrap_or_default(), String::from_utf8(answer).unwrap())
}

/// Bytes that never end in each other's place: a counter.
fn block() -> Bytes {
    (0..65_536_u32).flat_map(u32::to_le_bytes).collect::<Vec<u8>>().into()
}
