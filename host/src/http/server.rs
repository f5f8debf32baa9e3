//! Listening: connections in, one task each, until told to stop.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use super::front::Front;

/// How long open connections may finish what they are at, once told to stop.
const GRACE: std::time::Duration = std::time::Duration::from_secs(10);

/// Request heads of up to this many bytes: MLflow's history calls carry a thousand run ids in their line.
const HEAD_BYTES: usize = 256 << 10;

/// Serves the main listener.
pub async fn serve(listener: TcpListener, front: Arc<Front>, stop: CancellationToken) {
    let graceful = GracefulShutdown::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => break,
        };
        match accepted {
            Ok((stream, peer)) => converse(stream, peer, &front, &graceful),
            Err(error) => {
                tracing::warn!(%error, "connection not accepted");
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
        }
    }
    drop(listener);
    if tokio::time::timeout(GRACE, graceful.shutdown()).await.is_err() {
        tracing::warn!("connections were still busy and have been closed");
    }
}

fn converse(stream: TcpStream, peer: SocketAddr, front: &Arc<Front>, graceful: &GracefulShutdown) {
    let _ = stream.set_nodelay(true);
    let front = Arc::clone(front);
    let service = service_fn(move |request: http::Request<Incoming>| {
        let front = Arc::clone(&front);
        async move { Ok::<_, Infallible>(front.answer(request, peer).await) }
    });
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).max_buf_size(HEAD_BYTES).max_headers(128).pipeline_flush(true);
    let connection = graceful.watch(builder.serve_connection(TokioIo::new(stream), service));
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "connection ended");
        }
    });
}
