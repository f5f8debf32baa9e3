//! A wire between Countersign and the real MLflow that records what goes through it, and can be cut where a test
//! wants it: before a request reaches MLflow, or before its answer comes back.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex};

/// Where the wire is cut, for requests that set an alias.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Cut {
    Nowhere,
    /// MLflow never gets the request.
    Request,
    /// MLflow carries it out, and nobody hears of it.
    Answer,
}

pub(crate) struct Relay {
    pub(crate) port: u16,
    cut: Arc<AtomicU8>,
    seen: Arc<Mutex<Vec<u8>>>,
}

const SETS_ALIAS: &[u8] = b"POST /api/2.0/mlflow/registered-models/alias ";

impl Relay {
    /// To MLflow on this port of 127.0.0.1.
    pub(crate) fn to(upstream: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let relay = Self { port, cut: Arc::new(AtomicU8::new(Cut::Nowhere as u8)), seen: Arc::default() };
        let (cut, seen) = (Arc::clone(&relay.cut), Arc::clone(&relay.seen));
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let Ok(server) = TcpStream::connect(("127.0.0.1", upstream)) else { continue };
                let (cut, seen) = (Arc::clone(&cut), Arc::clone(&seen));
                std::thread::spawn(move || carry(client, server, &cut, &seen));
            }
        });
        relay
    }

    pub(crate) fn cut(&self, at: Cut) {
        self.cut.store(at as u8, Ordering::SeqCst);
    }

    /// All that Countersign has sent to MLflow since the last time.
    pub(crate) fn sent(&self) -> String {
        let bytes = std::mem::take(&mut *self.seen.lock().unwrap());
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Whether a request to set an alias has come this far.
    pub(crate) fn saw_alias(&self) -> bool {
        let seen = self.seen.lock().unwrap();
        seen.windows(SETS_ALIAS.len()).any(|window| window == SETS_ALIAS)
    }
}

fn carry(mut client: TcpStream, mut server: TcpStream, cut: &AtomicU8, seen: &Mutex<Vec<u8>>) {
    let (mut back_to, mut from) = (client.try_clone().unwrap(), server.try_clone().unwrap());
    let mute = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let muted = Arc::clone(&mute);
    let back = std::thread::spawn(move || {
        let mut buffer = [0; 1 << 16];
        while let Ok(read @ 1..) = from.read(&mut buffer) {
            if !muted.load(Ordering::SeqCst) && back_to.write_all(&buffer[..read]).is_err() {
                break;
            }
        }
        let _ = back_to.shutdown(Shutdown::Both);
    });
    let mut buffer = [0; 1 << 16];
    while let Ok(read @ 1..) = client.read(&mut buffer) {
        let chunk = &buffer[..read];
        seen.lock().unwrap().extend_from_slice(chunk);
        let here = cut.load(Ordering::SeqCst);
        if chunk.starts_with(SETS_ALIAS) && here == Cut::Request as u8 {
            // As far as Countersign can tell, MLflow is busy with it.
            while matches!(client.read(&mut buffer), Ok(1..)) {}
            break;
        }
        mute.fetch_or(chunk.starts_with(SETS_ALIAS) && here == Cut::Answer as u8, Ordering::SeqCst);
        if server.write_all(chunk).is_err() {
            break;
        }
    }
    let _ = server.shutdown(Shutdown::Both);
    let _ = back.join();
}
