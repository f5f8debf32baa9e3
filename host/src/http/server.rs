//! Listening: connections in, dealt to the lanes, until told to stop.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use super::front::{Front, Lane};
use super::lanes::{Lanes, Place};
use super::patience::Patience;

/// How long open connections may finish what they are at, once told to stop.
pub(super) const GRACE: Duration = Duration::from_secs(10);

/// Request heads of up to this many bytes: MLflow's history calls carry a thousand run ids in their line.
const HEAD_BYTES: usize = 256 << 10;

/// Serves the main listener on so many threads.
///
/// # Errors
/// When the machine gives no threads.
pub async fn serve(
    listener: TcpListener,
    front: Arc<Front>,
    threads: NonZeroUsize,
    stop: CancellationToken,
) -> io::Result<()> {
    let lanes = Lanes::start(threads, &front)?;
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => break,
        };
        match accepted.and_then(|(stream, peer)| Ok((stream.into_std()?, peer))) {
            Ok((stream, peer)) => lanes.admit(stream, peer),
            Err(error) => {
                tracing::warn!(%error, "connection not accepted");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    }
    drop(listener);
    lanes.close().await;
    Ok(())
}

/// The client connections of one lane.
#[derive(Default)]
pub(super) struct Connections(GracefulShutdown);

// === impl Connections ===

impl Connections {
    /// Serves one client, in a task of its own.
    pub(super) fn converse(&self, stream: TcpStream, peer: SocketAddr, lane: &Arc<Lane>, place: Place) {
        let _ = stream.set_nodelay(true);
        let lane = Arc::clone(lane);
        let service = service_fn(move |request: http::Request<Incoming>| {
            let lane = Arc::clone(&lane);
            async move { Ok::<_, Infallible>(lane.answer(request, peer).await) }
        });
        let mut builder = http1::Builder::new();
        // Never `pipeline_flush`: with it hyper keeps no limit on what waits for a slow client, a whole artifact even.
        builder.timer(Patience::default()).max_buf_size(HEAD_BYTES);
        let connection = self.0.watch(builder.serve_connection(TokioIo::new(stream), service));
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "connection ended");
            }
            drop(place);
        });
    }

    /// Lets everybody finish, for so long.
    pub(super) async fn close(self, grace: Duration) {
        if tokio::time::timeout(grace, self.0.shutdown()).await.is_err() {
            tracing::warn!("connections were still busy and have been closed");
        }
    }
}
