//! A small blocking HTTP/1.1 client for 127.0.0.1: one connection per request, bodies in memory. Enough for tests
//! to say exactly what is on the wire, and nothing that hides it.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use serde_json::Value;

const PATIENCE: Duration = Duration::from_secs(60);

/// An answer, as it came.
#[derive(Debug, Clone)]
pub struct Response {
    pub status: u16,
    /// Names in lower case, in the order received.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

/// A request that is being put together.
#[derive(Debug, Clone)]
pub struct Request {
    method: String,
    path: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

/// A port on 127.0.0.1 that was free a moment ago, and that this process was not given before: whoever was may not
/// listen yet.
pub fn free_port() -> Result<u16> {
    static GIVEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());
    loop {
        let port = TcpListener::bind(("127.0.0.1", 0)).context("no free port")?.local_addr()?.port();
        if GIVEN.lock().unwrap_or_else(PoisonError::into_inner).insert(port) {
            return Ok(port);
        }
    }
}

/// `path` begins with a slash and may carry a query; it is sent as it is.
pub fn request(method: &str, path: &str) -> Request {
    Request { method: method.to_owned(), path: path.to_owned(), headers: Vec::new(), body: Vec::new() }
}

/// GETs and returns the status and the text; for probes.
pub fn get(port: u16, path: &str) -> Result<(u16, String)> {
    let response = request("GET", path).send(port)?;
    Ok((response.status, response.text()))
}

// === impl Request ===

impl Request {
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    #[must_use]
    pub fn bearer(self, token: &str) -> Self {
        self.header("Authorization", &format!("Bearer {token}"))
    }

    #[must_use]
    pub fn json(self, body: &Value) -> Self {
        self.body(body.to_string().into_bytes()).header("Content-Type", "application/json")
    }

    #[must_use]
    pub fn body(mut self, body: Vec<u8>) -> Self {
        self.body = body;
        self
    }

    /// Sends it to 127.0.0.1 and reads the whole answer.
    pub fn send(&self, port: u16) -> Result<Response> {
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let mut stream = TcpStream::connect_timeout(&address, PATIENCE)
            .with_context(|| format!("nobody listens on {address}"))?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        // A server may answer before it has read everything, and close.
        let written = stream.write_all(&self.bytes(port));
        let mut raw = Vec::new();
        let read = stream.read_to_end(&mut raw);
        if raw.is_empty() {
            written.and(read).with_context(|| format!("no answer to {} {}", self.method, self.path))?;
        }
        parse(&raw).with_context(|| format!("broken answer to {} {}", self.method, self.path))
    }

    fn bytes(&self, port: u16) -> Vec<u8> {
        let mut head = format!("{} {} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n", self.method, self.path);
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str(&format!("Content-Length: {}\r\nConnection: close\r\n\r\n", self.body.len()));
        [head.into_bytes(), self.body.clone()].concat()
    }
}

// === impl Response ===

impl Response {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn json(&self) -> Result<Value> {
        serde_json::from_slice(&self.body).with_context(|| format!("not JSON: {}", self.text()))
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }
}

fn parse(raw: &[u8]) -> Result<Response> {
    let end = raw.windows(4).position(|four| four == b"\r\n\r\n").context("no end of the head")?;
    let (head, rest) = raw.split_at(end);
    let body = rest.get(4..).unwrap_or_default();
    let head = std::str::from_utf8(head).context("the head is not UTF-8")?;
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).context("no status line")?.parse()?;
    let headers: Vec<(String, String)> = lines
        .map(|line| line.split_once(':').ok_or_else(|| anyhow!("a header without a colon: {line}")))
        .map(|pair| pair.map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned())))
        .collect::<Result<_>>()?;
    let mut response = Response { status, headers, body: body.to_vec() };
    if response.header("transfer-encoding").is_some_and(|value| value.eq_ignore_ascii_case("chunked")) {
        response.body = dechunk(body)?;
    }
    match response.header("content-length").map(str::parse::<usize>).transpose()? {
        Some(length) if length != response.body.len() => {
            bail!("{} bytes of {length} arrived", response.body.len())
        }
        _ => Ok(response),
    }
}

/// RFC 9112 §7.1; extensions and trailers are skipped.
fn dechunk(mut rest: &[u8]) -> Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let end = rest.windows(2).position(|two| two == b"\r\n").context("a chunk without a size")?;
        let (line, after) = rest.split_at(end);
        let size = std::str::from_utf8(line)?.split(';').next().unwrap_or_default().trim().to_owned();
        let size = usize::from_str_radix(&size, 16).with_context(|| format!("chunk size `{size}`"))?;
        if size == 0 {
            return Ok(body);
        }
        let data = after.get(2..2 + size).context("a chunk that ends early")?;
        body.extend_from_slice(data);
        rest = after.get(4 + size..).context("a chunk without an end")?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(raw: &str, expect: Option<(u16, &str)>) {
        let parsed = parse(raw.as_bytes()).ok().map(|response| (response.status, response.text()));
        assert_eq!(parsed, expect.map(|(status, body)| (status, body.to_owned())), "{raw:?}");
    }

    #[test]
    fn answers() {
        check("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", Some((200, "hi")));
        check("HTTP/1.1 204 No Content\r\n\r\n", Some((204, "")));
        check("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nhi", None);
        check(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n1;x=y\r\n!\r\n0\r\n\r\n",
            Some((200, "hi!")),
        );
        check("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhi", None);
        check("HTTP/1.1 200 OK\r\n", None);
    }
}
