//! A tiny fast upstream for benches: what it costs is little, so that what a proxy costs shows.
//!
//!     upstream PORT [MLFLOW_PORT]
//!
//! `GET /bytes/N` answers N bytes, `PUT` swallows its body, everything else answers 1 KB of JSON. With a second port
//! it asks the MLflow there once per method, target and body, and gives that answer from then on.

use std::collections::HashMap;
use std::io;
use std::process::ExitCode;
use std::sync::{Arc, PoisonError, RwLock};

use countersign_tests::console::note;
use countersign_tests::http;
use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// What MLflow has said, by method, target and body.
#[derive(Default)]
struct Memory {
    mlflow: Option<u16>,
    answers: RwLock<HashMap<Question, Arc<Vec<u8>>>>,
}

/// Method and target, and the body.
type Question = (String, Vec<u8>);

struct Head {
    method: String,
    target: String,
    length: usize,
    chunked: bool,
    expects: bool,
    last: bool,
}

fn main() -> ExitCode {
    let mut ports = std::env::args().skip(1).map(|port| port.parse::<u16>().ok());
    let (Some(Some(port)), mlflow) = (ports.next(), ports.next().flatten()) else {
        note("usage: upstream PORT [MLFLOW_PORT]");
        return ExitCode::from(2);
    };
    let memory = Arc::new(Memory { mlflow, ..Memory::default() });
    let served = tokio::runtime::Runtime::new().and_then(|runtime| runtime.block_on(serve(port, memory)));
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            note(format_args!("upstream: {error}"));
            ExitCode::FAILURE
        }
    }
}

async fn serve(port: u16, memory: Arc<Memory>) -> io::Result<()> {
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        // A peer that goes away ends its own connection only.
        tokio::spawn(talk(stream, Arc::clone(&memory)));
    }
}

async fn talk(stream: TcpStream, memory: Arc<Memory>) -> io::Result<()> {
    let mut stream = BufReader::with_capacity(256 * 1024, stream);
    while let Some(head) = read_head(&mut stream).await? {
        if head.expects {
            stream.get_mut().write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
        }
        let keep = head.method != "PUT";
        let body = if head.chunked {
            swallow_chunks(&mut stream).await?;
            Vec::new()
        } else {
            read_body(&mut stream, head.length, keep).await?
        };
        answer(stream.get_mut(), &head, body, &memory).await?;
        if head.last {
            break;
        }
    }
    Ok(())
}

async fn read_head(stream: &mut BufReader<TcpStream>) -> io::Result<Option<Head>> {
    let mut text = Vec::with_capacity(512);
    while !text.ends_with(b"\r\n\r\n") {
        let line = text.len();
        read_line(stream, &mut text).await?;
        if text.len() == line {
            return Ok(None);
        }
    }
    let text = String::from_utf8_lossy(&text).into_owned();
    let mut lines = text.split("\r\n");
    let mut words = lines.next().unwrap_or_default().split(' ').map(str::to_owned);
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let mut head = Head { method, target, length: 0, chunked: false, expects: false, last: false };
    for (name, value) in lines.filter_map(|line| line.split_once(':')) {
        match name.to_ascii_lowercase().as_str() {
            "content-length" => head.length = value.trim().parse().unwrap_or(0),
            "transfer-encoding" => head.chunked = true,
            "connection" => head.last = value.trim().eq_ignore_ascii_case("close"),
            "expect" => head.expects = true,
            _ => {}
        }
    }
    Ok(Some(head))
}

async fn read_line(stream: &mut BufReader<TcpStream>, line: &mut Vec<u8>) -> io::Result<()> {
    tokio::io::AsyncBufReadExt::read_until(stream, b'\n', line).await.map(drop)
}

async fn read_body(stream: &mut BufReader<TcpStream>, length: usize, keep: bool) -> io::Result<Vec<u8>> {
    if keep {
        let mut body = vec![0; length];
        stream.read_exact(&mut body).await?;
        return Ok(body);
    }
    let mut rest = stream.take(length as u64);
    tokio::io::copy_buf(&mut rest, &mut tokio::io::sink()).await?;
    Ok(Vec::new())
}

async fn swallow_chunks(stream: &mut BufReader<TcpStream>) -> io::Result<()> {
    loop {
        let mut line = Vec::new();
        read_line(stream, &mut line).await?;
        let size = usize::from_str_radix(String::from_utf8_lossy(&line).trim(), 16).unwrap_or(0);
        read_body(stream, size + 2, false).await?;
        if size == 0 {
            return Ok(());
        }
    }
}

async fn answer(stream: &mut TcpStream, head: &Head, body: Vec<u8>, memory: &Arc<Memory>) -> io::Result<()> {
    if let Some(length) = head.target.strip_prefix("/bytes/").and_then(|length| length.parse::<u64>().ok()) {
        stream.write_all(opening(200, length).as_bytes()).await?;
        let mut bytes = tokio::io::repeat(b'x').take(length);
        return tokio::io::copy(&mut bytes, stream).await.map(drop);
    }
    match memory.mlflow {
        Some(mlflow) if head.method != "PUT" => {
            let bytes = memory.recall(mlflow, head, body).await?;
            stream.write_all(&bytes).await
        }
        _ => stream.write_all(KILOBYTE.as_bytes()).await,
    }
}

static KILOBYTE: std::sync::LazyLock<String> =
    std::sync::LazyLock::new(|| format!("{}{{\"x\":\"{}\"}}", opening(200, 1024), "x".repeat(1024 - 8)));

fn opening(status: u16, length: u64) -> String {
    format!("HTTP/1.1 {status} OK\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n")
}

// === impl Memory ===

impl Memory {
    async fn recall(self: &Arc<Self>, mlflow: u16, head: &Head, body: Vec<u8>) -> io::Result<Arc<Vec<u8>>> {
        // MLflow's answer to setting an alias is always the same, and not worth asking for each alias.
        let remembered = if head.target.ends_with("/alias") { Vec::new() } else { body.clone() };
        let key = (format!("{} {}", head.method, head.target), remembered);
        let known = self.answers.read().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
        if let Some(known) = known {
            return Ok(known);
        }
        let (method, target, sent) = (head.method.clone(), head.target.clone(), body);
        let asked = tokio::task::spawn_blocking(move || {
            let request = http::request(&method, &target).header("Content-Type", "application/json");
            request.body(sent).send(mlflow)
        });
        let response = asked.await?.map_err(io::Error::other)?;
        let mut bytes = opening(response.status, response.body.len() as u64).into_bytes();
        bytes.extend_from_slice(&response.body);
        let bytes = Arc::new(bytes);
        self.answers.write().unwrap_or_else(PoisonError::into_inner).insert(key, Arc::clone(&bytes));
        Ok(bytes)
    }
}
