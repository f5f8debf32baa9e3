//! The stage of the story: MLflow, Countersign before it, and the people.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::actor::Actor;
use crate::console;
use crate::host::Countersign;
use crate::http::{self, Response};
use crate::mlflow::{Mlflow, Served};
use crate::venv::Venv;
use crate::workdir::{self, Workdir};

/// Everything that a step needs, and what earlier steps found out.
pub struct Stage {
    pub dir: PathBuf,
    pub host: Countersign,
    pub mlflow: Mlflow,
    /// The data scientist, at Countersign.
    pub ana: Actor,
    /// Somebody who knows MLflow's own port.
    pub insider: Actor,
    pub browser: Actor,
    pub tokens: BTreeMap<&'static str, String>,
    /// Of every model that `ana` registered, the run's id by version.
    pub runs: BTreeMap<String, String>,
    /// Promotion requests by what they are about.
    pub requests: BTreeMap<&'static str, String>,
}

/// Name and password of those who sign in; a machine has none.
pub const PEOPLE: [(&str, Option<&str>); 5] = [
    ("ana", Some("ana likes long passwords")),
    ("ruth", Some("ruth reads every report")),
    ("omar", Some("omar counts to ten first")),
    ("lea", Some("lea knows the small print")),
    ("ci-bot", None),
];

// === impl Stage ===

impl Stage {
    /// Sets it up under `dir`: an empty MLflow, an empty Countersign.
    pub fn set(venv: &Venv, dir: &Path) -> Result<Self> {
        Self::set_before(venv, venv, dir, Served::default())
    }

    /// The same before an MLflow of another environment than the clients', served in this way.
    pub fn set_before(venv: &Venv, mlflow: &Venv, dir: &Path, served: Served) -> Result<Self> {
        let mlflow = Mlflow::start_served(served, mlflow, &dir.join("mlflow"))?;
        console::step("Countersign starts", |_| {
            let workdir =
                Workdir::create(&dir.join("countersign"), &mlflow.url(), &workdir::story_policy()?)?
                    .before(served)?;
            std::fs::write(workdir.dir.join("policy.tests.toml"), workdir::STORY_CASES)?;
            let mut host = Countersign::on(workdir);
            let mut tokens = BTreeMap::new();
            for (name, password) in PEOPLE {
                tokens.insert(name, host.add_user(name, password)?);
            }
            host.start()?;
            host.does(&["webhook", "register"], None)?;
            let log = dir.join("actors.log");
            let ana = Actor::start(
                venv,
                "ana",
                &host.workdir().root(),
                tokens.get("ana").map(String::as_str),
                &log,
            )?;
            let insider = Actor::start(venv, "insider", &mlflow.url(), None, &log)?;
            let browser = Actor::browser(venv, "ruth", &log)?;
            let (runs, requests) = (BTreeMap::new(), BTreeMap::new());
            Ok(Self { dir: dir.to_path_buf(), host, mlflow, ana, insider, browser, tokens, runs, requests })
        })
    }

    pub fn token(&self, name: &str) -> Result<&str> {
        self.tokens.get(name).map(String::as_str).with_context(|| format!("nobody is called {name}"))
    }

    /// A request to Countersign's main listener as `name`.
    pub fn call(&self, name: &str, method: &str, path: &str, body: Option<&Value>) -> Result<Response> {
        let request =
            http::request(method, path).bearer(self.token(name)?).header("Accept", "application/json");
        let request = match body {
            Some(body) => request.json(body),
            None => request,
        };
        request.send(self.host.port())
    }

    /// GETs a resource of Countersign's API, which must exist.
    pub fn read(&self, name: &str, resource: &str) -> Result<Value> {
        let response = self.call(
            name,
            "GET",
            &format!("{}/_countersign/api/v1/{resource}", self.host.workdir().prefix),
            None,
        )?;
        if response.status != 200 {
            bail!("GET {resource} as {name} answered {}: {}", response.status, response.text());
        }
        response.json()
    }

    /// How many entries the ledger has: the second line of its checkpoint (C2SP tlog-checkpoint).
    pub fn ledger_size(&self) -> Result<u64> {
        let response = self.call("ruth", "GET", "/_countersign/api/v1/ledger/checkpoint", None)?;
        let text = response.text();
        let size = text.lines().nth(1).and_then(|line| line.parse().ok());
        size.with_context(|| format!("no checkpoint: {} {text}", response.status))
    }

    /// The tails of the logs, for whoever has to find out what went wrong.
    pub fn tails(&self) -> String {
        let actors = crate::child::tail(&self.dir.join("actors.log"), 15);
        let (host, mlflow) = (self.host.tail(40), self.mlflow.tail(15));
        format!("--- Countersign's log\n{host}\n--- MLflow's log\n{mlflow}\n--- clients\n{actors}")
    }
}

/// Asks again and again until there is something, for at most `patience`; the last answer tells what was missing.
pub fn eventually<T>(patience: Duration, mut ask: impl FnMut() -> Result<T>) -> Result<T> {
    let begun = Instant::now();
    loop {
        match ask() {
            Ok(found) => return Ok(found),
            Err(error) if begun.elapsed() > patience => {
                return Err(error.context(format!("still so after {patience:?}")));
            }
            Err(_) => std::thread::sleep(Duration::from_millis(100)),
        }
    }
}
