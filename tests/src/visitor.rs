//! A browser without a screen: keeps cookies, follows redirects, fills forms; on 127.0.0.1 only. It stops at
//! nothing that a browser would stop at but scripts.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};

use crate::http::{self, Response};

/// Somebody with a browser.
#[derive(Debug, Default, Clone)]
pub struct Visitor {
    cookies: BTreeMap<(u16, String), Cookie>,
}

#[derive(Debug, Clone)]
struct Cookie {
    value: String,
    path: String,
}

/// Where somebody ended up.
#[derive(Debug, Clone)]
pub struct Page {
    pub port: u16,
    pub path: String,
    pub response: Response,
}

const REDIRECTS: usize = 20;
/// A place that exists nowhere: who is sent there has arrived.
pub const NOWHERE: &str = "/nowhere";

// === impl Visitor ===

impl Visitor {
    /// Goes to an address of `port`, and wherever it leads.
    pub fn get(&mut self, port: u16, path: &str) -> Result<Page> {
        self.go(port, "GET", path, Vec::new())
    }

    pub fn post(&mut self, port: u16, path: &str, fields: &[(&str, &str)]) -> Result<Page> {
        let body: Vec<String> =
            fields.iter().map(|(name, value)| format!("{}={}", encoded(name), encoded(value))).collect();
        self.go(port, "POST", path, body.join("&").into_bytes())
    }

    /// Signs in at a provider that asks, until it leads away.
    pub fn sign_in(&mut self, mut page: Page, name: &str) -> Result<Page> {
        let provider = page.port;
        for _ in 0..5 {
            if page.port != provider || page.path.starts_with(NOWHERE) {
                return Ok(page);
            }
            let text = page.response.text();
            let action = attribute(&text, "action=\"").with_context(|| format!("no form in {text}"))?;
            let (_, action) = address(page.port, action)?;
            page = if text.contains("name=\"login\"") {
                self.post(provider, &action, &[("prompt", "login"), ("login", name), ("password", "any")])?
            } else {
                self.post(provider, &action, &[("prompt", "consent")])?
            };
        }
        bail!("the provider asks and asks: {}", page.response.text())
    }

    /// The value of a cookie, for whoever wants to steal it.
    pub fn cookie(&self, port: u16, name: &str) -> Option<&str> {
        self.cookies.get(&(port, name.to_owned())).map(|cookie| cookie.value.as_str())
    }

    /// Drops every cookie of a port, as who signs out there.
    pub fn forget(&mut self, port: u16) {
        self.cookies.retain(|(at, _), _| *at != port);
    }

    /// One request, without going where it leads.
    pub fn once(&mut self, port: u16, method: &str, path: &str, body: Vec<u8>) -> Result<Response> {
        let mut request = http::request(method, path).header("Accept", "text/html");
        let carried: Vec<String> = self.carried(port, path);
        if !carried.is_empty() {
            request = request.header("Cookie", &carried.join("; "));
        }
        if method == "POST" {
            request = request.header("Origin", &format!("http://127.0.0.1:{port}"));
            request = request.header("Content-Type", "application/x-www-form-urlencoded").body(body);
        }
        let response = request.send(port)?;
        for (_, set) in response.headers.iter().filter(|(name, _)| name == "set-cookie") {
            self.take(port, set)?;
        }
        Ok(response)
    }

    fn go(&mut self, port: u16, method: &str, path: &str, body: Vec<u8>) -> Result<Page> {
        let (mut port, mut path, mut response) =
            (port, path.to_owned(), self.once(port, method, path, body)?);
        for _ in 0..REDIRECTS {
            let Some(location) = response.header("location").map(str::to_owned) else {
                return Ok(Page { port, path, response });
            };
            (port, path) = address(port, &location)?;
            if path.starts_with(NOWHERE) {
                return Ok(Page { port, path, response });
            }
            response = self.once(port, "GET", &path, Vec::new())?;
        }
        bail!("redirected in a circle, at last to {path}")
    }

    fn carried(&self, port: u16, path: &str) -> Vec<String> {
        let ours =
            self.cookies.iter().filter(|((at, _), cookie)| *at == port && path.starts_with(&cookie.path));
        ours.map(|((_, name), cookie)| format!("{name}={}", cookie.value)).collect()
    }

    fn take(&mut self, port: u16, set: &str) -> Result<()> {
        let mut parts = set.split(';').map(str::trim);
        let (name, value) =
            parts.next().and_then(|pair| pair.split_once('=')).context("a cookie without =")?;
        let mut path = "/".to_owned();
        let mut over = value.is_empty();
        for part in parts {
            let (key, value) = part.split_once('=').unwrap_or((part, ""));
            match key.to_ascii_lowercase().as_str() {
                "path" => value.clone_into(&mut path),
                "max-age" => over |= value == "0",
                "expires" => over |= value.contains("1970"),
                _ => {}
            }
        }
        let key = (port, name.to_owned());
        if over {
            self.cookies.remove(&key);
        } else {
            self.cookies.insert(key, Cookie { value: value.to_owned(), path });
        }
        Ok(())
    }
}

/// Port and path of a URL on 127.0.0.1, or of a path.
fn address(port: u16, url: &str) -> Result<(u16, String)> {
    let Some(rest) = url.strip_prefix("http://127.0.0.1:") else {
        return if url.starts_with('/') { Ok((port, url.to_owned())) } else { bail!("led astray to {url}") };
    };
    let (port, path) = rest.split_once('/').unwrap_or((rest, ""));
    Ok((port.parse()?, format!("/{path}")))
}

fn attribute<'t>(text: &'t str, before: &str) -> Option<&'t str> {
    text.split_once(before)?.1.split('"').next()
}

/// Percent-encodes everything that is not a letter or digit.
pub fn encoded(text: &str) -> String {
    text.bytes()
        .map(
            |byte| {
                if byte.is_ascii_alphanumeric() {
                    char::from(byte).to_string()
                } else {
                    format!("%{byte:02X}")
                }
            },
        )
        .collect()
}
