//! The threads on which clients are served.
//!
//! A lane is one thread with a runtime, client connections and upstream connections of its own: a request that only
//! passes through never changes threads. Whatever else is asked is answered on the runtime that starts the lanes.

use std::io;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::{mpsc, oneshot};

use super::front::{Front, Lane};
use super::server::{Connections, GRACE};

/// A client that has just come.
type Arrival = (std::net::TcpStream, SocketAddr, Place);

/// All lanes of the main listener.
pub(super) struct Lanes(Vec<Entrance>);

/// How clients get to a lane.
struct Entrance {
    arrivals: mpsc::UnboundedSender<Arrival>,
    open: Arc<AtomicUsize>,
    ended: oneshot::Receiver<()>,
}

/// One of the connections that a lane has open, for as long as this lives.
pub(super) struct Place(Arc<AtomicUsize>);

// === impl Lanes ===

impl Lanes {
    /// # Errors
    /// When the machine gives no threads.
    pub(super) fn start(count: NonZeroUsize, front: &Arc<Front>) -> io::Result<Self> {
        let house = Handle::current();
        (0..count.get())
            .map(|number| Entrance::open(number, front, &house))
            .collect::<io::Result<_>>()
            .map(Self)
    }

    /// Gives a client to the lane that has the fewest.
    pub(super) fn admit(&self, stream: std::net::TcpStream, peer: SocketAddr) {
        let open = |entrance: &&Entrance| entrance.open.load(Ordering::Relaxed);
        let alive = self.0.iter().filter(|entrance| !entrance.arrivals.is_closed());
        match alive.min_by_key(open) {
            Some(entrance) => drop(entrance.arrivals.send((stream, peer, Place::take(&entrance.open)))),
            None => tracing::error!("no thread is left to serve clients: restart countersign"),
        }
    }

    /// Waits until all clients have been answered, or for as long as they may take.
    pub(super) async fn close(self) {
        for Entrance { arrivals, ended, .. } in self.0 {
            drop(arrivals);
            let _ = ended.await;
        }
    }
}

// === impl Entrance ===

impl Entrance {
    fn open(number: usize, front: &Arc<Front>, house: &Handle) -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let (arrivals, arriving) = mpsc::unbounded_channel();
        let (ending, ended) = oneshot::channel();
        let lane = Lane::new(Arc::clone(front), house.clone());
        std::thread::Builder::new().name(format!("lane-{number}")).spawn(move || {
            run(runtime, arriving, Arc::new(lane));
            let _ = ending.send(());
        })?;
        Ok(Self { arrivals, open: Arc::default(), ended })
    }
}

fn run(runtime: Runtime, mut arriving: mpsc::UnboundedReceiver<Arrival>, lane: Arc<Lane>) {
    runtime.block_on(async {
        let connections = Connections::default();
        while let Some((stream, peer, place)) = arriving.recv().await {
            match tokio::net::TcpStream::from_std(stream) {
                Ok(stream) => connections.converse(stream, peer, &lane, place),
                Err(error) => tracing::warn!(%error, "connection not accepted"),
            }
        }
        connections.close(GRACE).await;
    });
    // A name that is being looked up must not hold up the end.
    runtime.shutdown_background();
}

// === impl Place ===

impl Place {
    fn take(open: &Arc<AtomicUsize>) -> Self {
        open.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(open))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
