//! People at real clients: a Python process with an unmodified MLflow client each, or a browser without JavaScript.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::paths;
use crate::venv::Venv;

/// A running client.
#[derive(Debug)]
pub struct Actor {
    name: String,
    client: Child,
    orders: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

/// How a command ended, as the client's user sees it.
#[derive(Debug, Clone, Deserialize)]
pub struct Reply {
    pub ok: bool,
    #[serde(default)]
    pub value: Value,
    /// The class of the exception, like `RestException`.
    #[serde(default)]
    pub exception: Option<String>,
    #[serde(default)]
    pub error_code: Option<String>,
    /// What Python prints for the exception.
    #[serde(default)]
    pub message: String,
    /// The whole body of the refusal.
    #[serde(default)]
    pub json: Option<Value>,
}

/// What a browser shows.
#[derive(Debug, Clone, Deserialize)]
pub struct Page {
    pub status: u16,
    pub url: String,
    pub text: String,
}

// === impl Actor ===

impl Actor {
    /// Somebody at `uri` with a token, or without one.
    pub fn start(venv: &Venv, name: &str, uri: &str, token: Option<&str>, log: &Path) -> Result<Self> {
        let mut command = Command::new(venv.python());
        command.arg(paths::python("actor.py"));
        for stale in ["MLFLOW_TRACKING_TOKEN", "MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD"] {
            command.env_remove(stale);
        }
        command.env("MLFLOW_TRACKING_URI", uri).env_remove("MLFLOW_REGISTRY_URI");
        command.env("MLFLOW_DISABLE_TELEMETRY", "true").env("DO_NOT_TRACK", "true");
        if let Some(token) = token {
            command.env("MLFLOW_TRACKING_TOKEN", token);
        }
        Self::spawn(name, command, log)
    }

    /// Somebody at a browser.
    pub fn browser(venv: &Venv, name: &str, log: &Path) -> Result<Self> {
        let mut command = Command::new(venv.python());
        command.arg(paths::python("browser.py"));
        Self::spawn(name, command, log)
    }

    fn spawn(name: &str, mut command: Command, log: &Path) -> Result<Self> {
        let log = File::options().create(true).append(true).open(log)?;
        let mut client = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(log).spawn()?;
        let answers = BufReader::new(client.stdout.take().context("no standard output")?);
        Ok(Self { name: name.to_owned(), orders: client.stdin.take(), client, answers })
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// Does one command (see `tests/python/actor.py`) and returns how it ended.
    pub fn ask(&mut self, command: &str, arguments: &[(&str, Value)]) -> Result<Reply> {
        serde_json::from_value(self.exchange(command, arguments)?).context("not an answer")
    }

    /// Does one command that must succeed.
    pub fn does(&mut self, command: &str, arguments: &[(&str, Value)]) -> Result<Value> {
        let reply = self.ask(command, arguments)?;
        if !reply.ok {
            bail!("{}'s `{command}` failed: {}", self.name, reply.message);
        }
        Ok(reply.value)
    }

    /// Opens a page, or submits a form (see `tests/python/browser.py`).
    pub fn browses(&mut self, command: &str, arguments: &[(&str, Value)]) -> Result<Page> {
        let answer = self.exchange(command, arguments)?;
        if answer.get("ok") != Some(&Value::Bool(true)) {
            bail!(
                "{}'s browser cannot {command}: {}",
                self.name,
                answer.get("message").unwrap_or(&Value::Null)
            );
        }
        serde_json::from_value(answer).context("not a page")
    }

    fn exchange(&mut self, command: &str, arguments: &[(&str, Value)]) -> Result<Value> {
        let mut order: Map<String, Value> =
            arguments.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        order.insert("do".to_owned(), command.into());
        let orders = self.orders.as_mut().context("the client has been closed")?;
        writeln!(orders, "{}", Value::Object(order))
            .and_then(|()| orders.flush())
            .with_context(|| format!("{}'s client has ended", self.name))?;
        let mut line = String::new();
        self.answers.read_line(&mut line)?;
        serde_json::from_str(&line)
            .with_context(|| format!("{}'s client has ended during `{command}`", self.name))
    }
}

impl Drop for Actor {
    fn drop(&mut self) {
        self.orders = None;
        let _ = self.client.wait();
    }
}
