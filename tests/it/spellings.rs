//! For every spelling of a write: either MLflow leaves the registry alone, or we govern it as what it is, or
//! we refuse it. Against the real MLflow, with the bytes on the wire as they stand here.

mod artifacts;
mod fuzz;
mod registry;
mod table;

use countersign_core::action::Action;
use countersign_core::classify::CanonicalBody;
use countersign_tests::http;

use crate::fate::{Fate, fate};
use registry::Registry;

/// A request, odd or not.
#[derive(Debug, Clone)]
struct Spelling {
    method: String,
    target: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Spelling {
    /// As a client spells it.
    fn plain(method: &str, call: &str, body: &str) -> Self {
        Self {
            method: method.to_owned(),
            target: format!("/api/2.0/mlflow/{call}"),
            headers: vec![("content-type".to_owned(), "application/json".to_owned())],
            body: body.as_bytes().to_vec(),
        }
    }

    fn fate(&self) -> Fate {
        fate(&self.method, &self.target, &self.headers, &self.body)
    }

    /// Sends the bytes as they are. What MLflow answers, if it answers at all, is its own affair.
    fn send(&self, port: u16) {
        let request = http::request(&self.method, &self.target).body(self.body.clone());
        let request = self.headers.iter().fold(request, |r, (name, value)| r.header(name, value));
        drop(request.send(port));
    }

    /// What Countersign would send instead.
    fn canonical(&self) -> Option<Self> {
        let Fate::Governed(classified) = self.fate() else { return None };
        let canonical = classified.canonical;
        let json = ("content-type".to_owned(), "application/json".to_owned());
        let (headers, body) = match canonical.body {
            CanonicalBody::Json(bytes) => (vec![json], bytes),
            CanonicalBody::Empty => (Vec::new(), Vec::new()),
            CanonicalBody::AsSent => (self.headers.clone(), self.body.clone()),
        };
        Some(Self { method: canonical.method.to_owned(), target: canonical.path_and_query, headers, body })
    }
}

/// The law. Returns whether MLflow took the request.
fn obey(registry: &Registry, spelling: &Spelling) -> bool {
    let before = registry.last();
    spelling.send(registry.port());
    let after = registry.state();
    let taken = before != after;
    match spelling.fate() {
        Fate::Refused { .. } => {}
        Fate::Governed(classified) => {
            let action = &classified.placed.action;
            assert!(
                !taken || shows(&after, action),
                "{spelling:?} did something else than {action:?}:\n{after}"
            );
        }
        fate => assert!(!taken, "{spelling:?} changed the registry and is {fate:?}:\n{before}\n{after}"),
    }
    if taken {
        registry.reset(&after);
    }
    taken
}

/// Whether the state is what the action leads to.
fn shows(state: &str, action: &Action) -> bool {
    let holds = |words: &str| state.contains(words);
    match action {
        Action::SetAlias { alias, version, .. } => holds(&format!("alias {alias} = {version}\n")),
        Action::DeleteAlias { alias, .. } => !holds(&format!("alias {alias} = ")),
        Action::TransitionStage { version, stage, .. } => {
            holds(&format!("version {version} stage {stage}\n"))
        }
        Action::SetVersionTag { version, key, value, .. } => {
            holds(&format!("version {version} tag {key} = {value}\n"))
        }
        Action::DeleteVersionTag { version, key, .. } => !holds(&format!("version {version} tag {key} = ")),
        Action::RenameModel { new_name, .. } => holds(&format!("model {new_name}\n")),
        Action::RegisterVersion(registration) => holds(&format!(" source {}\n", registration.source)),
        Action::UpdateVersion { .. } | Action::UpdateModel { .. } => true,
        _ => false,
    }
}

/// One test, so that it needs one MLflow.
#[test]
fn mlflow_changes_nothing_that_we_did_not_see() {
    let registry = Registry::new();
    table::check(&registry);
    artifacts::check(&registry);
    fuzz::check(&registry, 0x5eed);
}
