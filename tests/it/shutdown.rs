//! Told to stop: what is on its way is answered, nobody else is let in, and then the process ends well.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};

use countersign_tests::http;
use countersign_tests::stage::eventually;

use crate::scene::{PATIENCE, Scene, policy, signal};

const SLOW: &str = "/api/2.0/mlflow/slow";
const AT_ONCE: usize = 4;

/// An upstream that answers `SLOW` when it is told to, and anything else at once.
struct Upstream {
    port: u16,
    arrived: Receiver<()>,
    answer: Sender<()>,
}

impl Upstream {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let ((arriving, arrived), (answer, answering)) = (channel(), channel());
        let answering = Arc::new(Mutex::new(answering));
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let (arriving, answering) = (arriving.clone(), Arc::clone(&answering));
                std::thread::spawn(move || converse(client, &arriving, &answering));
            }
        });
        Self { port, arrived, answer }
    }
}

fn converse(mut client: TcpStream, arriving: &Sender<()>, answering: &Mutex<Receiver<()>>) -> Option<()> {
    loop {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            client.read_exact(&mut byte).ok()?;
            head.push(byte[0]);
        }
        if head.starts_with(format!("GET {SLOW}").as_bytes()) {
            arriving.send(()).ok()?;
            answering.lock().ok()?.recv().ok()?;
        }
        client.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}").ok()?;
    }
}

#[test]
fn what_is_on_its_way_is_answered_and_nobody_else_is_let_in() {
    let upstream = Upstream::start();
    let mut scene = Scene::before(upstream.port, "stop", policy);
    scene.host.start().unwrap();
    let port = scene.host.port();
    // A client that keeps its connection and asks for nothing more holds nobody up.
    let mut idle = TcpStream::connect(("127.0.0.1", port)).unwrap();
    idle.write_all(b"GET /health HTTP/1.1\r\nHost: h\r\n\r\n").unwrap();
    assert!(idle.read(&mut [0; 64]).unwrap() > 0);
    let slow = http::request("GET", SLOW).bearer(scene.token("ana"));
    std::thread::scope(|threads| {
        let asking: Vec<_> = (0..AT_ONCE).map(|_| threads.spawn(|| slow.send(port).unwrap())).collect();
        (0..AT_ONCE).for_each(|_| upstream.arrived.recv_timeout(PATIENCE).unwrap());
        signal("TERM", &scene.host.pid().unwrap().to_string());
        eventually(PATIENCE, || match TcpStream::connect(("127.0.0.1", port)) {
            Ok(_) => Err(anyhow::anyhow!("a new client is let in")),
            Err(_) => Ok(()),
        })
        .unwrap();
        assert!(asking.iter().all(|client| !client.is_finished()), "nobody was sent away");
        (0..AT_ONCE).for_each(|_| upstream.answer.send(()).unwrap());
        for client in asking {
            let answer = client.join().unwrap();
            assert_eq!((answer.status, answer.text().as_str()), (200, "{}"));
        }
    });
    // Its exit code is 0.
    scene.host.stop().unwrap();
    scene.verify();
}
