//! What happens when one side goes away.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::unbounded_channel;

use super::{exchange, origin, proxy, read_until};

const GET: &str = "GET /a HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
const END: &str = "\r\n\r\n";
/// Only a hang gets this far.
const PATIENCE: Duration = Duration::from_secs(20);

#[tokio::test]
async fn a_client_that_leaves_takes_its_upstream_call_along() {
    for begun in ["", "HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\nsome"] {
        let (reached, mut seen) = unbounded_channel();
        let (ended, mut end) = unbounded_channel();
        let port = origin(move |mut connection| {
            let (reached, ended) = (reached.clone(), ended.clone());
            async move {
                read_until(&mut connection, END).await;
                connection.write_all(begun.as_bytes()).await.unwrap();
                reached.send(()).unwrap();
                let rest = connection.read(&mut [0; 1]).await;
                ended.send(rest.unwrap_or(0)).unwrap();
            }
        })
        .await;
        let mut client = TcpStream::connect(("127.0.0.1", proxy(port).await.port)).await.unwrap();
        client.write_all(GET.as_bytes()).await.unwrap();
        seen.recv().await.unwrap();
        if !begun.is_empty() {
            read_until(&mut client, "some").await;
        }
        drop(client);
        let left = tokio::time::timeout(PATIENCE, end.recv()).await;
        assert_eq!(left.expect("the upstream call goes on"), Some(0), "{begun:?}");
    }
}

#[tokio::test]
async fn an_upstream_that_is_not_there_is_told_apart_from_one_that_breaks() {
    let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let mut client = TcpStream::connect(("127.0.0.1", proxy(port).await.port)).await.unwrap();
    client.write_all(GET.as_bytes()).await.unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 502 ") && answer.contains("Unreachable"), "{answer}");
    assert!(answer.contains("may_have_acted=false"), "{answer}");

    let (_, answer) = exchange(GET, END, "").await;
    assert!(answer.starts_with("HTTP/1.1 502 ") && answer.contains("Broken"), "{answer}");
    assert!(answer.contains("may_have_acted=true"), "{answer}");
}

#[tokio::test]
async fn an_upstream_that_breaks_within_a_body_breaks_the_clients() {
    let (_, answer) = exchange(GET, END, "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nsome").await;
    assert!(answer.ends_with("some"), "the client must see that bytes lack: {answer}");
}

#[tokio::test]
async fn a_write_that_left_is_never_sent_twice() {
    let received = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&received);
    let port = origin(move |mut connection| {
        let counter = Arc::clone(&counter);
        async move {
            while read_until(&mut connection, "{}").await.ends_with("{}") {
                // The first is answered and the connection kept; the second meets a server that dies on it.
                if counter.fetch_add(1, Ordering::SeqCst) > 0 {
                    return;
                }
                let ok = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
                connection.write_all(ok).await.unwrap();
            }
        }
    })
    .await;
    let mut client = TcpStream::connect(("127.0.0.1", proxy(port).await.port)).await.unwrap();
    let post = "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n{}";
    client.write_all(post.as_bytes()).await.unwrap();
    assert!(read_until(&mut client, "ok").await.starts_with("HTTP/1.1 200 "));
    client.write_all(post.as_bytes()).await.unwrap();
    assert!(read_until(&mut client, END).await.starts_with("HTTP/1.1 502 "));
    assert_eq!(received.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_kept_connection_that_was_closed_costs_no_request() {
    let port = origin(|mut connection| async move {
        read_until(&mut connection, END).await;
        let ok = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
        connection.write_all(ok).await.unwrap();
        // Closed without a word, as servers do to idle connections.
    })
    .await;
    let proxy = proxy(port).await;
    for _ in 0..50 {
        let mut client = TcpStream::connect(("127.0.0.1", proxy.port)).await.unwrap();
        client.write_all(GET.as_bytes()).await.unwrap();
        let mut answer = String::new();
        client.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    }
}
