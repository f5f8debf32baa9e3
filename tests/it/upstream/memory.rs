//! Gigabytes in constant memory, both ways. Client, proxy and origin share this process, and all of them stream.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{block, origin, proxy, read_until};

const GIB: usize = 1 << 30;
/// Bytes. A body that is held anywhere would need a gigabyte.
const ALLOWED: usize = 24 << 20;

fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() << 10
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gigabyte_comes_down() {
    let port = origin(|mut connection| async move {
        read_until(&mut connection, "\r\n\r\n").await;
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {GIB}\r\n\r\n");
        connection.write_all(head.as_bytes()).await.unwrap();
        let block = block();
        for _ in 0..GIB / block.len() {
            connection.write_all(&block).await.unwrap();
        }
    })
    .await;
    let mut client = TcpStream::connect(("127.0.0.1", proxy(port).await.port)).await.unwrap();
    client.write_all(b"GET /a HTTP/1.1\r\nHost: h\r\n\r\n").await.unwrap();
    read_until(&mut client, "\r\n\r\n").await;
    let (block, mut got) = (block(), vec![0; 262_144]);
    let before = resident();
    for _ in 0..GIB / got.len() {
        client.read_exact(&mut got).await.unwrap();
        assert!(got == block, "the bytes differ");
    }
    assert!(resident() - before < ALLOWED, "{} bytes more", resident() - before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gigabyte_goes_up() {
    let port = origin(|mut connection| async move {
        read_until(&mut connection, "\r\n\r\n").await;
        let (block, mut got) = (block(), vec![0; 262_144]);
        for _ in 0..GIB / got.len() {
            connection.read_exact(&mut got).await.unwrap();
            assert!(got == block, "the bytes differ");
        }
        connection.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await.unwrap();
    })
    .await;
    let mut client = TcpStream::connect(("127.0.0.1", proxy(port).await.port)).await.unwrap();
    let head = format!("PUT /a HTTP/1.1\r\nHost: h\r\nContent-Length: {GIB}\r\n\r\n");
    client.write_all(head.as_bytes()).await.unwrap();
    let block = block();
    let before = resident();
    for _ in 0..GIB / block.len() {
        client.write_all(&block).await.unwrap();
    }
    assert!(read_until(&mut client, "ok").await.ends_with("\r\n\r\nok"));
    assert!(resident() - before < ALLOWED, "{} bytes more", resident() - before);
}
