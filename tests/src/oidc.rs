//! The real OpenID provider of `tests/oidc`, on a port of its own.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::child::{self, Kept};
use crate::http;
use crate::node::{self, Packages};
use crate::visitor::{NOWHERE, Visitor, encoded};

const PATIENCE: Duration = Duration::from_secs(60);
/// Any 43 characters.
const VERIFIER: &str = "0123456789012345678901234567890123456789012";

/// A provider, running or not.
#[derive(Debug)]
pub struct Provider {
    pub port: u16,
    dir: PathBuf,
    redirect: String,
    server: Option<Kept>,
}

// === impl Provider ===

impl Provider {
    /// One that is not started. It will send browsers back to `redirect`.
    pub fn at(dir: &Path, redirect: &str) -> Result<Self> {
        let (port, dir) = (http::free_port()?, dir.join("oidc"));
        std::fs::create_dir_all(&dir)?;
        let packages = Packages::for_tests()?;
        std::fs::copy(node::source("provider.mjs"), dir.join("provider.mjs"))?;
        std::fs::copy(node::source("package.json"), dir.join("package.json"))?;
        std::os::unix::fs::symlink(packages.modules(), dir.join("node_modules"))?;
        Ok(Self { port, dir, redirect: redirect.to_owned(), server: None })
    }

    pub fn start(&mut self) -> Result<()> {
        let script = self.dir.join("provider.mjs").display().to_string();
        let (port, log) = (self.port.to_string(), self.dir.join("provider.log"));
        let arguments = [script.as_str(), &port, &self.redirect];
        self.server = Some(child::keep(Packages::for_tests()?.node(), &arguments, &[], &log)?);
        let begun = Instant::now();
        while !matches!(http::get(self.port, "/.well-known/openid-configuration"), Ok((200, _))) {
            if begun.elapsed() > PATIENCE {
                bail!("the OpenID provider does not start:\n{}", child::tail(&log, 30));
            }
            std::thread::sleep(Duration::from_millis(30));
        }
        Ok(())
    }

    pub fn kill(&mut self) -> Result<()> {
        self.server.take().context("the provider does not run")?.kill()
    }

    pub fn issuer(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// In which groups somebody is from now on.
    pub fn set_groups(&self, name: &str, groups: &[&str]) -> Result<()> {
        self.order("groups", &json!({"name": name, "groups": groups})).map(drop)
    }

    /// Signs with another key from now on, and takes the one before back.
    pub fn rotate(&self) -> Result<()> {
        self.order("rotate", &json!({})).map(drop)
    }

    /// A token with any claims, signed with the provider's key.
    pub fn mint(&self, claims: &Value, header: &Value) -> Result<String> {
        let minted = self.order("mint", &json!({"claims": claims, "header": header}))?;
        Ok(minted.get("token").and_then(Value::as_str).context("no token")?.to_owned())
    }

    /// What a machine gets that shows its secret, for the API that `resource` names.
    pub fn machine(&self, client: &str, resource: &str) -> Result<String> {
        let basic = format!("Basic {}", STANDARD.encode(format!("{}:a%20machine", encoded(client))));
        let body = format!("grant_type=client_credentials&scope=registry&resource={}", encoded(resource));
        self.token(http::request("POST", "/token").header("Authorization", &basic), body)
    }

    /// The access token of somebody who signs in for a program of theirs.
    pub fn person(&self, name: &str) -> Result<String> {
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(VERIFIER));
        let back = format!("{}{NOWHERE}", self.issuer());
        let query = format!(
            "response_type=code&client_id=notebook&scope=openid%20profile%20registry&resource=urn%3Amlflow&\
             redirect_uri={}&code_challenge={challenge}&code_challenge_method=S256",
            encoded(&back)
        );
        let mut visitor = Visitor::default();
        let page = visitor.get(self.port, &format!("/auth?{query}"))?;
        let page = visitor.sign_in(page, name)?;
        let code = page.path.split("code=").nth(1).and_then(|rest| rest.split('&').next());
        let code = code.with_context(|| format!("no code in {}", page.path))?;
        let body = format!(
            "grant_type=authorization_code&client_id=notebook&code={code}&code_verifier={VERIFIER}&\
             resource=urn%3Amlflow&redirect_uri={}",
            encoded(&back)
        );
        self.token(http::request("POST", "/token"), body)
    }

    fn token(&self, request: http::Request, body: String) -> Result<String> {
        let request = request.header("Content-Type", "application/x-www-form-urlencoded");
        let answer = request.body(body.into_bytes()).send(self.port)?;
        ensure!(answer.status == 200, "the provider gives no token: {}", answer.text());
        Ok(answer.json()?.get("access_token").and_then(Value::as_str).context("no access token")?.to_owned())
    }

    fn order(&self, what: &str, body: &Value) -> Result<Value> {
        let answer = http::request("POST", &format!("/test/{what}")).json(body).send(self.port)?;
        ensure!(answer.status == 200, "{what}: {}", answer.text());
        answer.json()
    }
}
