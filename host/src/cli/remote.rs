//! A running Countersign, over HTTP, as the person whose token it is.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use anyhow::{Context as _, Result, anyhow};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::args::Remote as Given;
use super::context::Context;
use super::failure::{OrHint as _, hinted};

pub(super) struct Remote {
    http: reqwest::Client,
    base: String,
    token: String,
}

/// What of RFC 9457 §3.1 we print.
#[derive(Deserialize)]
struct Problem {
    title: Option<String>,
    detail: Option<String>,
}

impl Remote {
    pub(super) fn new(context: &Context, given: Given) -> Result<Self> {
        let base = match given.url {
            Some(url) => url,
            None => context.config()?.server.public_url.to_string(),
        };
        let token = given.token.ok_or_else(|| {
            hinted(
                "no token says who you are",
                "set COUNTERSIGN_TOKEN or `--token` to what `countersign token new NAME` printed",
            )
        })?;
        let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build()?;
        Ok(Self { http, base: base.trim_end_matches('/').to_owned(), token })
    }

    pub(super) async fn get<T: DeserializeOwned>(&self, path: &str, query: &[(&str, &str)]) -> Result<T> {
        self.send(self.http.get(self.url(path)).query(query)).await
    }

    pub(super) async fn post<T: DeserializeOwned>(&self, path: &str, body: &Value) -> Result<T> {
        self.send(self.http.post(self.url(path)).json(body)).await
    }

    /// What is not JSON.
    pub(super) async fn text(&self, path: &str, query: &[(&str, &str)]) -> Result<String> {
        let request = self.http.get(self.url(path)).query(query);
        self.answer(request).await?.text().await.context("reading the server's answer")
    }

    fn url(&self, path: &str) -> String {
        format!("{}/_countersign/api/v1/{path}", self.base)
    }

    async fn send<T: DeserializeOwned>(&self, request: reqwest::RequestBuilder) -> Result<T> {
        self.answer(request).await?.json().await.context("reading the server's answer")
    }

    async fn answer(&self, request: reqwest::RequestBuilder) -> Result<reqwest::Response> {
        let sent = request.bearer_auth(&self.token).send().await;
        let response = sent
            .with_context(|| format!("nobody answers at {}", self.base))
            .or_hint("is `countersign serve` running there? `--url` or COUNTERSIGN_URL says where")?;
        accept(response).await
    }
}

/// A successful answer; any other is an error in the server's own words.
pub(super) async fn accept(response: reqwest::Response) -> Result<reqwest::Response> {
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let text = response.text().await.unwrap_or_default();
    let problem = serde_json::from_str::<Problem>(&text).ok();
    let words = problem.and_then(|problem| problem.detail.or(problem.title));
    Err(match words {
        Some(words) => anyhow!("{words}"),
        None => anyhow!("the server answered {status}: {}", text.chars().take(300).collect::<String>()),
    })
}

/// The URL of a listener on this machine: one that listens everywhere listens here.
pub(super) fn here(mut listen: SocketAddr) -> String {
    if listen.ip().is_unspecified() {
        let local = if listen.is_ipv4() { Ipv4Addr::LOCALHOST.into() } else { Ipv6Addr::LOCALHOST.into() };
        listen.set_ip(local);
    }
    format!("http://{listen}")
}
