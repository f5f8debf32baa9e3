//! Asking the running server, as its operator, for what only it can read: the store is open to one process.

use std::io::{self, BufRead, Read, Write};

use anyhow::{Context as _, Result};
use bytes::{Buf as _, Bytes};
use http::header::AUTHORIZATION;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::mpsc;

use super::failure::OrHint as _;
use super::place;
use super::remote::{accept, here};
use crate::clock::{Clock as _, SystemClock};
use crate::config::Config;
use crate::operator::OperatorKey;

/// Chunks of an answer on their way to its reader.
const WAITING: usize = 16;

/// The admin listener of the server that has the store open.
pub(super) struct Operator {
    http: reqwest::Client,
    base: String,
    key: OperatorKey,
}

impl Operator {
    pub(super) fn new(config: &Config) -> Result<Self> {
        let key = OperatorKey::read(&place::operator_key(config)).or_hint(
            "the store is in use, so the running server is asked: do so as the user who runs it, or stop it first",
        )?;
        let http = reqwest::Client::builder().no_proxy().build()?;
        Ok(Self { http, base: here(config.server.admin_listen), key })
    }

    pub(super) async fn get<T: DeserializeOwned>(&self, path: &str, query: &[(&str, &str)]) -> Result<T> {
        self.send(path, query).await?.json().await.context("reading the server's answer")
    }

    pub(super) async fn post<T: DeserializeOwned>(&self, path: &str, query: &[(&str, &str)]) -> Result<T> {
        let asked = self.http.post(format!("{}{path}", self.base)).query(query);
        self.sent(asked).await?.json().await.context("reading the server's answer")
    }

    /// Copies an answer of any length.
    pub(super) async fn copy(&self, path: &str, query: &[(&str, &str)], out: &mut dyn Write) -> Result<()> {
        let mut response = self.send(path, query).await?;
        while let Some(chunk) = response.chunk().await.context("reading the server's answer")? {
            out.write_all(&chunk)?;
        }
        Ok(out.flush()?)
    }

    /// Hands an answer of any length to a reader on a thread of its own.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        path: &str,
        reader: impl FnOnce(&mut dyn BufRead) -> T + Send + 'static,
    ) -> Result<T> {
        let mut response = self.send(path, &[]).await?;
        let (chunks, waiting) = mpsc::channel(WAITING);
        let mut input = io::BufReader::new(Chunks { waiting, current: Bytes::new() });
        let reading = tokio::task::spawn_blocking(move || reader(&mut input));
        loop {
            let chunk = response.chunk().await.map_err(io::Error::other).transpose();
            let Some(chunk) = chunk else { break };
            // A reader that has seen enough hangs up.
            if chunks.send(chunk).await.is_err() {
                break;
            }
        }
        drop(chunks);
        reading.await.context("reading the server's answer")
    }

    /// Hands something over and takes the answer.
    pub(super) async fn hand_over<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T> {
        let request = self.http.post(format!("{}{path}", self.base)).json(body);
        self.sent(request).await?.json().await.context("reading the server's answer")
    }

    async fn send(&self, path: &str, query: &[(&str, &str)]) -> Result<reqwest::Response> {
        self.sent(self.http.get(format!("{}{path}", self.base)).query(query)).await
    }

    async fn sent(&self, request: reqwest::RequestBuilder) -> Result<reqwest::Response> {
        let pass = self.key.mint(SystemClock::new().now());
        let response = request
            .header(AUTHORIZATION, pass)
            .send()
            .await
            .with_context(|| format!("the store is in use, and nobody answers at {}", self.base))
            .or_hint("is `admin_listen` under `[server]` that of the running server?")?;
        accept(response).await
    }
}

/// What arrives in chunks, as something to read.
struct Chunks {
    waiting: mpsc::Receiver<io::Result<Bytes>>,
    current: Bytes,
}

impl Read for Chunks {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.current.is_empty() {
            match self.waiting.blocking_recv() {
                Some(chunk) => self.current = chunk?,
                None => return Ok(0),
            }
        }
        let count = into.len().min(self.current.len());
        self.current.copy_to_slice(into.get_mut(..count).unwrap_or_default());
        Ok(count)
    }
}
