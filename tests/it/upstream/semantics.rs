//! Headers, framing, trailers: RFC 9110 and 9112, byte by byte.

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::{exchange, origin, proxy, read_until};

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
const END: &str = "\r\n\r\n";

#[tokio::test]
async fn hop_by_hop_headers_stay_on_their_hop() {
    let request = "GET /a?b=%20c HTTP/1.1\r\nHost: models.example\r\nConnection: close, X-Hop\r\nX-Hop: 1\r\n\
        Keep-Alive: timeout=5\r\nProxy-Connection: keep-alive\r\nUpgrade: h2c\r\nX-Kept: yes\r\nX-Kept: again\r\n\r\n";
    let response = "HTTP/1.1 200 OK\r\nConnection: X-Answer\r\nX-Answer: 1\r\nKeep-Alive: timeout=5\r\n\
        Date: Sun, 22 Nov 2026 20:00:00 GMT\r\nDate: Sun, 22 Nov 2026 20:00:01 GMT\r\nX-Kept: yes\r\n\
        Content-Length: 2\r\n\r\nok";
    let (seen, answer) = exchange(request, END, response).await;
    assert!(seen.starts_with("GET /a?b=%20c HTTP/1.1\r\n"), "{seen}");
    for gone in ["x-hop", "keep-alive", "proxy-connection", "upgrade", "connection:", "models.example"] {
        let head = seen.to_ascii_lowercase().replace("x-forwarded-host", "");
        assert!(!head.contains(gone), "{gone} in {seen}");
    }
    assert!(seen.contains("x-kept: yes\r\nx-kept: again\r\n"), "{seen}");
    assert!(seen.contains("x-forwarded-for: 127.0.0.1\r\n"), "{seen}");
    assert!(!answer.to_ascii_lowercase().contains("x-answer"), "{answer}");
    assert_eq!(answer.matches("date: ").count(), 2, "{answer}");
    assert!(answer.contains("x-kept: yes\r\n") && answer.ends_with("\r\n\r\nok"), "{answer}");
}

#[tokio::test]
async fn a_client_cannot_take_framing_or_forwarding_away() {
    let request = "POST /a HTTP/1.1\r\nHost: h\r\nConnection: close, Content-Length, X-Forwarded-For\r\n\
        X-Forwarded-For: 127.0.0.1\r\nContent-Length: 4\r\n\r\nbody";
    let (seen, _) = exchange(request, "body", OK).await;
    assert!(seen.contains("content-length: 4\r\n") && seen.ends_with("\r\n\r\nbody"), "{seen}");
    assert_eq!(seen.matches("x-forwarded-for").count(), 1, "{seen}");
}

#[tokio::test]
async fn chunks_get_a_length_except_for_artifacts() {
    let body = "Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
    let json = format!("POST /api/2.0/mlflow/runs/create HTTP/1.1\r\nHost: h\r\n{body}");
    let (seen, answer) = exchange(&json, "abcde", OK).await;
    assert!(seen.contains("content-length: 5\r\n") && !seen.contains("chunked"), "{seen}");
    assert!(answer.ends_with("ok"), "{answer}");

    let artifact = format!("PUT /api/2.0/mlflow-artifacts/artifacts/1/a HTTP/1.1\r\nHost: h\r\n{body}");
    let (seen, _) = exchange(&artifact, "0\r\n\r\n", OK).await;
    assert!(seen.contains("transfer-encoding: chunked\r\n") && !seen.contains("content-length"), "{seen}");
}

#[tokio::test]
async fn two_lengths_never_reach_the_upstream() {
    for lengths in [
        "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n",
    ] {
        let request = format!(
            "POST /a HTTP/1.1\r\nHost: h\r\nConnection: close\r\n{lengths}\r\n5\r\nabcde\r\n0\r\n\r\n"
        );
        let (seen, answer) = exchange(&request, "abcde", OK).await;
        let lengths: Vec<_> = seen.lines().filter(|line| line.starts_with("content-length")).collect();
        assert!(lengths == ["content-length: 5"] && !seen.contains("chunked"), "{seen} {answer}");
    }
}

#[tokio::test]
async fn a_long_body_of_unknown_length_is_refused_with_advice() {
    let port = origin(|connection| async move { drop(connection) }).await;
    let mut client = TcpStream::connect(("127.0.0.1", proxy(port).await.port)).await.unwrap();
    let head =
        "POST /api/2.0/mlflow/runs/log-batch HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
    client.write_all(head.as_bytes()).await.unwrap();
    let chunk = format!("100000\r\n{}\r\n", "x".repeat(0x10_0000));
    for _ in 0..17 {
        // The proxy may have answered and closed before the last of it.
        let _ = client.write_all(chunk.as_bytes()).await;
    }
    assert!(read_until(&mut client, END).await.starts_with("HTTP/1.1 413 "));
}

#[tokio::test]
async fn trailers_pass_both_ways() {
    let request = "PUT /api/2.0/mlflow-artifacts/artifacts/1/a HTTP/1.1\r\nHost: h\r\nConnection: close, TE\r\nTE: trailers\r\n\
        Trailer: x-sum\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nx-sum: 6\r\n\r\n";
    let response = "HTTP/1.1 200 OK\r\nTrailer: x-count\r\nTransfer-Encoding: chunked\r\n\r\n\
        2\r\nok\r\n0\r\nx-count: 2\r\n\r\n";
    let (seen, answer) = exchange(request, "x-sum: 6\r\n\r\n", response).await;
    assert!(seen.contains("te: trailers\r\n") && seen.contains("trailer: x-sum\r\n"), "{seen}");
    assert!(answer.ends_with("0\r\nx-count: 2\r\n\r\n"), "{answer}");
}

#[tokio::test]
async fn a_client_that_waits_for_100_gets_it() {
    let port = origin(|mut connection| async move {
        let seen = read_until(&mut connection, "body").await;
        assert!(!seen.contains("expect"), "{seen}");
        connection.write_all(OK.as_bytes()).await.unwrap();
    })
    .await;
    let mut client = TcpStream::connect(("127.0.0.1", proxy(port).await.port)).await.unwrap();
    let head = "PUT /a HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n";
    client.write_all(head.as_bytes()).await.unwrap();
    assert_eq!(read_until(&mut client, END).await, "HTTP/1.1 100 Continue\r\n\r\n");
    client.write_all(b"body").await.unwrap();
    assert!(read_until(&mut client, "ok").await.starts_with("HTTP/1.1 200 OK\r\n"));
}

#[tokio::test]
async fn request_lines_of_64_kb_pass() {
    let query = "x".repeat(64_000);
    let request = format!("GET /q?{query} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    let (seen, answer) = exchange(&request, END, OK).await;
    assert!(seen.starts_with(&format!("GET /q?{query} HTTP/1.1\r\n")));
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
}

#[tokio::test]
async fn responses_without_a_body_keep_their_headers() {
    for (method, response, kept) in [
        (
            "HEAD",
            "HTTP/1.1 200 OK\r\ncontent-length: 1159\r\netag: \"a\"\r\n\r\n",
            "content-length: 1159\r\n",
        ),
        ("GET", "HTTP/1.1 304 Not Modified\r\netag: \"a\"\r\n\r\n", "etag: \"a\"\r\n"),
        ("OPTIONS", "HTTP/1.1 204 No Content\r\nallow: GET\r\n\r\n", "allow: GET\r\n"),
        ("GET", "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", "content-length: 0\r\n"),
    ] {
        let request = format!("{method} /a HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
        let (_, answer) = exchange(&request, END, response).await;
        assert!(answer.contains(kept) && answer.ends_with(END), "{method} {answer}");
        assert_eq!(answer.lines().next(), response.lines().next());
    }
}

#[tokio::test]
async fn a_browser_on_our_own_page_needs_no_origin_upstream() {
    let port = origin(|mut connection| async move {
        let seen = read_until(&mut connection, "{}").await;
        let kept = u8::from(seen.contains("origin: "));
        let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n{kept}");
        connection.write_all(answer.as_bytes()).await.unwrap();
    })
    .await;
    let proxy = proxy(port).await;
    for (from, expect) in [(proxy.url(), "0"), ("https://elsewhere.example".to_owned(), "1")] {
        let mut client = TcpStream::connect(("127.0.0.1", proxy.port)).await.unwrap();
        let request = format!(
            "POST /a HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nOrigin: {from}\r\nContent-Length: 2\r\n\r\n{{}}",
            proxy.port
        );
        client.write_all(request.as_bytes()).await.unwrap();
        let answer = read_until(&mut client, &format!("{END}{expect}")).await;
        assert!(answer.ends_with(expect), "{from} {answer}");
    }
}
