//! A Countersign of one's own before the shared MLflow, and versions to promote: what the tests of bad input share.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use countersign_tests::host::Countersign;
use countersign_tests::http::{self, Response};
use countersign_tests::stage::eventually;
use countersign_tests::workdir::{self, Workdir};
use countersign_tests::{mlflow, paths, run};
use serde_json::{Value, json};
use tempfile::TempDir;

pub(crate) mod relay;

pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// Name and password; a machine has none.
const PEOPLE: [(&str, Option<&str>); 2] = [("ana", None), ("ruth", Some("ruth reads every report"))];

/// Countersign, its people, and the port of the MLflow behind it.
pub(crate) struct Scene {
    pub(crate) host: Countersign,
    pub(crate) tokens: BTreeMap<&'static str, String>,
    /// MLflow's own port, for whoever goes round Countersign.
    pub(crate) mlflow: u16,
    /// The beginning of every model's name: several tests share one MLflow.
    pub(crate) name: String,
    dir: TempDir,
}

/// A name that nothing else in this MLflow has.
pub(crate) fn unique(name: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("{name}{}x{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// One check and one signature before `champion` or `Production`, for the models of this test only.
pub(crate) fn policy(name: &str) -> String {
    let pinned = workdir::pinned("metric-threshold", &["registry"]).unwrap();
    format!(
        r#"{pinned}[[seat]]
name = "risk"
members = ["ruth"]

[[tier]]
name = "low"

[[gate]]
name = "production"
mode = "enforce"
models = ["{name}*", "prod.{name}*"]
guards = [{{ alias = "champion" }}, {{ stage = "Production" }}, {{ register_into = "prod.{name}*" }}]

  [[gate.check]]
  plugin = "metric-threshold"
  required = true
  config = {{ metric = "auc", min = "0.85" }}

  [gate.approvals.low]
  seats = {{ risk = 1 }}
"#
    )
}

/// The same gate without people: what passes its check passes.
pub(crate) fn policy_without_people(name: &str) -> String {
    let policy = policy(name);
    policy.split("  [gate.approvals.low]").next().unwrap_or_default().to_owned()
}

/// Sends a signal to a process, or to a group when the id begins with a minus.
pub(crate) fn signal(name: &str, process: &str) {
    let mut kill = Command::new("kill");
    run::quietly(kill.args(["-s", name, "--", process])).unwrap();
}

// === impl Scene ===

impl Scene {
    /// Running, before the shared MLflow.
    pub(crate) fn start(name: &str, policy: impl Fn(&str) -> String) -> Self {
        let mut scene = Self::before(mlflow::shared().unwrap().port(), name, policy);
        scene.host.start().unwrap();
        scene
    }

    /// Not running yet, before an MLflow on this port. `policy` gets the scene's unique name.
    pub(crate) fn before(upstream: u16, name: &str, policy: impl Fn(&str) -> String) -> Self {
        let name = unique(name);
        let dir = tempfile::Builder::new().prefix("test-").tempdir_in(target()).unwrap();
        let upstream_url = format!("http://127.0.0.1:{upstream}");
        let workdir = Workdir::create(dir.path(), &upstream_url, &policy(&name)).unwrap();
        let host = Countersign::on(workdir);
        let mut scene = Self { host, tokens: BTreeMap::new(), mlflow: upstream, name, dir };
        let cache = target().join("test-plugin-cache");
        scene.configure(&format!("[plugins]\ncache_dir = {:?}\n", cache.display().to_string()));
        for (name, password) in PEOPLE {
            let token = scene.host.add_user(name, password).unwrap();
            scene.tokens.insert(name, token);
        }
        scene
    }

    pub(crate) fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// Adds a section to `countersign.toml`.
    pub(crate) fn configure(&self, section: &str) {
        let file = self.host.workdir().config();
        let text = std::fs::read_to_string(&file).unwrap();
        std::fs::write(&file, format!("{text}\n{section}")).unwrap();
    }

    /// Replaces something that must be there in `countersign.toml`.
    pub(crate) fn reconfigure(&self, from: &str, to: &str) {
        replace(&self.host.workdir().config(), from, to);
    }

    pub(crate) fn write_policy(&self, text: &str) {
        std::fs::write(self.host.workdir().policy(), text).unwrap();
    }

    pub(crate) fn token(&self, who: &str) -> &str {
        self.tokens.get(who).map(String::as_str).unwrap()
    }

    /// A request to Countersign's main listener.
    pub(crate) fn call(&self, who: &str, method: &str, path: &str, body: Option<&Value>) -> Response {
        self.request(who, method, path, body).send(self.host.port()).unwrap()
    }

    pub(crate) fn request(&self, who: &str, method: &str, path: &str, body: Option<&Value>) -> http::Request {
        let request = http::request(method, path).bearer(self.token(who));
        match body {
            Some(body) => request.json(body),
            None => request,
        }
    }

    /// POSTs to MLflow's API through Countersign; it must answer 200.
    pub(crate) fn post(&self, path: &str, body: &Value) -> Value {
        let response = self.call("ana", "POST", &format!("/api/2.0/mlflow/{path}"), Some(body));
        assert_eq!(response.status, 200, "{path} {body}: {}", response.text());
        response.json().unwrap()
    }

    /// The same on MLflow's own port, as somebody does who goes round us.
    pub(crate) fn round(&self, method: &str, path: &str, body: &Value) -> Value {
        let request = http::request(method, &format!("/api/2.0/mlflow/{path}")).json(body);
        let response = request.send(self.mlflow).unwrap();
        assert_eq!(response.status, 200, "{path} {body}: {}", response.text());
        response.json().unwrap()
    }

    /// GETs a resource of our API, which must exist.
    pub(crate) fn read(&self, resource: &str) -> Value {
        let response = self.call("ruth", "GET", &format!("/_countersign/api/v1/{resource}"), None);
        assert_eq!(response.status, 200, "{resource}: {}", response.text());
        response.json().unwrap()
    }

    /// A model of this scene.
    pub(crate) fn model(&self, name: &str) -> String {
        format!("{}-{name}", self.name)
    }

    /// Logs a run with a metric and one artifact, and registers it as a new version of a model, which is created
    /// where it is missing. Everything through Countersign, as ana.
    pub(crate) fn register(&self, model: &str, auc: f64) -> Registered {
        let found =
            self.call("ana", "GET", &format!("/api/2.0/mlflow/registered-models/get?name={model}"), None);
        if found.status != 200 {
            self.post("registered-models/create", &json!({ "name": model }));
        }
        let run = self.logged(auc);
        let body = json!({"name": model, "source": run.source, "run_id": run.run_id});
        let created = self.post("model-versions/create", &body);
        let version = created["model_version"]["version"].as_str().map(str::to_owned).unwrap();
        Registered { version, ..run }
    }

    /// A run that nothing is registered from yet.
    pub(crate) fn logged(&self, auc: f64) -> Registered {
        let created = self.post("runs/create", &json!({"experiment_id": "0", "user_id": "ana"}));
        let info = &created["run"]["info"];
        let run_id = info["run_id"].as_str().unwrap().to_owned();
        let root = info["artifact_uri"].as_str().unwrap().to_owned();
        let metric = json!({"run_id": run_id, "key": "auc", "value": auc, "timestamp": 1});
        self.post("runs/log-metric", &metric);
        let folder = root.strip_prefix("mlflow-artifacts:/").unwrap().trim_matches('/').to_owned();
        let file = format!("/api/2.0/mlflow-artifacts/artifacts/{folder}/model/MLmodel");
        let put = self.request("ana", "PUT", &file, None).body(b"flavors: {}\n".to_vec());
        let put = put.send(self.host.port()).unwrap();
        assert_eq!(put.status, 200, "{}", put.text());
        Registered { version: String::new(), run_id, source: format!("{root}/model"), file }
    }

    /// ana's governed call.
    pub(crate) fn alias(&self, model: &str, alias: &str, version: &str) -> Response {
        let body = json!({"name": model, "alias": alias, "version": version});
        self.call("ana", "POST", "/api/2.0/mlflow/registered-models/alias", Some(&body))
    }

    /// What an alias is on MLflow's own port; `None` where there is none.
    pub(crate) fn holder(&self, model: &str, alias: &str) -> Option<String> {
        let path = format!("/api/2.0/mlflow/registered-models/alias?name={model}&alias={alias}");
        let response = http::request("GET", &path).send(self.mlflow).unwrap();
        response.json().unwrap()["model_version"]["version"].as_str().map(str::to_owned)
    }

    /// Every entry of the ledger, oldest first.
    pub(crate) fn entries(&self) -> Vec<Value> {
        let (mut all, mut from) = (Vec::new(), Some(0));
        while let Some(at) = from {
            let page = self.read(&format!("ledger/entries?limit=1000&from={at}"));
            from = page["next"].as_u64();
            let texts = page["entries"].as_array().unwrap().iter();
            all.extend(texts.map(|e| serde_json::from_str::<Value>(e["entry"].as_str().unwrap()).unwrap()));
        }
        all
    }

    /// The bodies of the entries of one kind.
    pub(crate) fn of_kind(&self, kind: &str) -> Vec<Value> {
        let all = self.entries().into_iter();
        all.filter(|entry| entry["kind"] == kind).map(|entry| entry["body"].clone()).collect()
    }

    /// Waits until the ledger has an entry of this kind whose text has these words, and gives its body.
    pub(crate) fn awaits(&self, kind: &str, words: &[&str]) -> Value {
        let found = eventually(PATIENCE, || {
            let all = self.of_kind(kind);
            let fits = |body: &&Value| words.iter().all(|word| body.to_string().contains(word));
            all.iter().find(fits).cloned().ok_or_else(|| anyhow::anyhow!("no {kind} {words:?} among {all:?}"))
        });
        found.unwrap()
    }

    /// Approves, rejects or comments on a request as `who`, on what they see now.
    pub(crate) fn vote(&self, who: &str, request: &str, vote: &str) -> Response {
        let seen = self.read(&format!("requests/{request}"))["subject_digest"].clone();
        // Nobody may give the same reasons twice.
        let rationale = format!("looked at {request} as {seen}: {vote}");
        let body = json!({"vote": vote, "rationale": rationale, "subject_digest": seen});
        self.call(who, "POST", &format!("/_countersign/api/v1/requests/{request}/reviews"), Some(&body))
    }

    /// The id of the request that a refusal names, which must be one.
    pub(crate) fn request_of(&self, refusal: &Response) -> String {
        assert_eq!(refusal.status, 403, "{}", refusal.text());
        let body = refusal.json().unwrap();
        let id = body["countersign"]["request_id"].as_str().map(str::to_owned);
        id.unwrap_or_else(|| panic!("no request in {body}"))
    }

    /// What `/readyz` says of us.
    pub(crate) fn readiness(&self) -> Value {
        let (_, text) = http::get(self.host.workdir().admin_port, "/readyz").unwrap();
        serde_json::from_str(&text).unwrap()
    }

    /// The chain must be whole; the server may run or not.
    pub(crate) fn verify(&self) {
        self.host.does(&["ledger", "verify"], None).unwrap();
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("--- Countersign's log of {}\n{}", self.name, self.host.tail(60));
        }
    }
}

/// A version, what it was made of, and where its one file can be written.
#[derive(Debug, Clone)]
pub(crate) struct Registered {
    pub(crate) version: String,
    pub(crate) run_id: String,
    pub(crate) source: String,
    pub(crate) file: String,
}

pub(crate) fn replace(file: &Path, from: &str, to: &str) {
    let text = std::fs::read_to_string(file).unwrap();
    assert!(text.contains(from), "no `{from}` in {text}");
    std::fs::write(file, text.replace(from, to)).unwrap();
}

fn target() -> std::path::PathBuf {
    let target = paths::target();
    std::fs::create_dir_all(&target).unwrap();
    target
}

/// A refusal of a governed write in MLflow's own form, which its client does not repeat; gives the sentence.
pub(crate) fn refused(response: &Response) -> String {
    assert_eq!(response.status, 403, "{}", response.text());
    let body = response.json().unwrap();
    assert_eq!(body["error_code"], "PERMISSION_DENIED", "{body}");
    body["message"].as_str().unwrap().to_owned()
}

pub(crate) fn contains(text: &str, words: &[&str]) {
    for word in words {
        assert!(text.contains(word), "it does not say `{word}`: {text}");
    }
}
