//! Connections to the upstream that are kept: which request goes over which, and whose answer is whose.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::unbounded_channel;

use super::{exchange, origin, proxy, read_until};

const END: &str = "\r\n\r\n";
const GET: &str = "GET /a HTTP/1.1\r\nHost: h\r\n\r\n";

/// An origin that answers every request with the number of the connection on which it came, and then sends
/// `afterwards`.
async fn numbering(afterwards: &'static str) -> u16 {
    let opened = Arc::new(AtomicUsize::new(0));
    origin(move |mut connection| {
        let number = opened.fetch_add(1, Ordering::SeqCst);
        async move {
            while read_until(&mut connection, END).await.ends_with(END) {
                let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\n#{number}.{afterwards}");
                if connection.write_all(answer.as_bytes()).await.is_err() {
                    return;
                }
            }
        }
    })
    .await
}

async fn client(upstream: u16) -> TcpStream {
    TcpStream::connect(("127.0.0.1", proxy(upstream).await.port)).await.unwrap()
}

/// The last three bytes of an answer to one more request.
async fn ask(client: &mut TcpStream) -> String {
    client.write_all(GET.as_bytes()).await.unwrap();
    read_until(client, END).await;
    read_until(client, ".").await
}

#[tokio::test]
async fn one_connection_serves_request_after_request() {
    let mut client = client(numbering("").await).await;
    for _ in 0..50 {
        assert_eq!(ask(&mut client).await, "#0.");
    }
}

#[tokio::test]
async fn an_answer_that_nobody_asked_for_is_nobodys() {
    let port = numbering("HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\n#x.").await;
    let mut client = client(port).await;
    for number in 0..9 {
        assert_eq!(ask(&mut client).await, format!("#{number}."));
    }
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_their_order() {
    let port = origin(|mut connection| async move {
        loop {
            let head = read_until(&mut connection, END).await;
            let Some(target) = head.split(' ').nth(1) else { return };
            let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{target}", target.len());
            connection.write_all(answer.as_bytes()).await.unwrap();
        }
    })
    .await;
    let mut client = client(port).await;
    let lines: String = (0..20).map(|n| format!("GET /{n:02} HTTP/1.1\r\nHost: h\r\n\r\n")).collect();
    client.write_all(lines.as_bytes()).await.unwrap();
    for n in 0..20 {
        let target = format!("/{n:02}");
        assert!(read_until(&mut client, &format!("{END}{target}")).await.starts_with("HTTP/1.1 200 "));
    }
}

#[tokio::test]
async fn an_upstream_that_was_started_again_is_found() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut client = client(address.port()).await;
    drop(listener);
    for _ in 0..3 {
        let listener = TcpListener::bind(address).await.unwrap();
        client.write_all(GET.as_bytes()).await.unwrap();
        let (mut connection, _) = listener.accept().await.unwrap();
        read_until(&mut connection, END).await;
        connection.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await.unwrap();
        assert!(read_until(&mut client, "ok").await.starts_with("HTTP/1.1 200 "));
        drop((connection, listener));
        client.write_all(GET.as_bytes()).await.unwrap();
        let refused = read_until(&mut client, "may_have_acted=false").await;
        assert!(refused.starts_with("HTTP/1.1 502 "), "{refused}");
    }
}

#[tokio::test]
async fn an_answer_without_a_length_ends_with_its_connection() {
    let request = "GET /a HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
    let (_, answer) = exchange(request, END, "HTTP/1.1 200 OK\r\n\r\nall there is").await;
    assert!(answer.ends_with("C\r\nall there is\r\n0\r\n\r\n"), "{answer}");
}

#[tokio::test]
async fn an_answer_may_come_before_the_body_has_left() {
    const LENGTH: usize = 4 << 20;
    let (got, mut received) = unbounded_channel();
    let port = origin(move |mut connection| {
        let got = got.clone();
        async move {
            read_until(&mut connection, END).await;
            let early = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nearly";
            connection.write_all(early.as_bytes()).await.unwrap();
            let mut body = vec![0; LENGTH];
            got.send(connection.read_exact(&mut body).await.is_ok()).unwrap();
            // The connection is kept: another request comes on it.
            read_until(&mut connection, END).await;
            connection.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nnext").await.unwrap();
        }
    })
    .await;
    let proxy = proxy(port).await;
    let mut client = TcpStream::connect(("127.0.0.1", proxy.port)).await.unwrap();
    let head = format!("PUT /a HTTP/1.1\r\nHost: h\r\nContent-Length: {LENGTH}\r\n\r\n");
    client.write_all(head.as_bytes()).await.unwrap();
    assert!(read_until(&mut client, "early").await.starts_with("HTTP/1.1 200 "));
    client.write_all(&vec![7; LENGTH]).await.unwrap();
    assert_eq!(received.recv().await, Some(true), "the rest of the body must arrive");
    let mut client = TcpStream::connect(("127.0.0.1", proxy.port)).await.unwrap();
    client.write_all(GET.as_bytes()).await.unwrap();
    assert!(read_until(&mut client, "next").await.starts_with("HTTP/1.1 200 "));
}

#[tokio::test]
async fn both_ways_flow_at_once() {
    const LENGTH: usize = 16 << 20;
    let port = origin(|mut connection| async move {
        read_until(&mut connection, END).await;
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {LENGTH}\r\n\r\n");
        connection.write_all(head.as_bytes()).await.unwrap();
        let (mut reading, mut writing) = connection.into_split();
        let echo = tokio::io::copy(&mut reading, &mut writing).await;
        assert_eq!(echo.unwrap_or_default(), LENGTH as u64);
    })
    .await;
    let mut client = client(port).await;
    let head = format!("PUT /a HTTP/1.1\r\nHost: h\r\nContent-Length: {LENGTH}\r\n\r\n");
    client.write_all(head.as_bytes()).await.unwrap();
    let (mut reading, mut writing) = client.into_split();
    let sending = tokio::spawn(async move { writing.write_all(&vec![7; LENGTH]).await.map(|()| writing) });
    let mut answer = vec![0; LENGTH];
    let mut head = Vec::new();
    while !head.ends_with(END.as_bytes()) {
        head.push(reading.read_u8().await.unwrap());
    }
    reading.read_exact(&mut answer).await.unwrap();
    assert!(answer.iter().all(|byte| *byte == 7));
    sending.await.unwrap().unwrap();
}
