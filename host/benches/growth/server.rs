//! The binary on a directory of its own, and a client with one connection to it.

use std::io::Write as _;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use countersign::clock::SystemClock;
use countersign::ledger::{Draft, Ledger, key_file};
use countersign::store::Batch;
use countersign::store::sled::SledStore;
use countersign_core::time::Millis;
use serde_json::{Value, json};

/// The binary of this build, unless `COUNTERSIGN_BIN` names another to compare with.
fn binary() -> std::ffi::OsString {
    std::env::var_os("COUNTERSIGN_BIN").unwrap_or_else(|| env!("CARGO_BIN_EXE_countersign").into())
}

const POLICY: &str = r#"
[[seat]]
name = "risk"
members = ["ruth", "omar"]

[[tier]]
name = "low"

[[gate]]
name = "production"
mode = "enforce"
models = ["*"]
guards = [{ alias = "champion" }]

  [gate.approvals.low]
  seats = { risk = 1 }

[[gate]]
name = "shadow"
mode = "enforce"
models = ["*"]
guards = [{ alias = "shadow-*" }]
"#;

pub struct Server {
    dir: PathBuf,
    port: u16,
    ana: String,
    ruth: String,
    client: reqwest::Client,
    running: Option<Child>,
}

impl Server {
    pub fn create(dir: &Path, upstream: &str) -> Self {
        std::fs::create_dir_all(dir).unwrap();
        let (port, admin) = (free_port(), free_port());
        let config = format!(
            "[server]\nlisten = \"127.0.0.1:{port}\"\nadmin_listen = \"127.0.0.1:{admin}\"\n\
             public_url = \"http://127.0.0.1:{port}\"\n[upstream]\nurl = \"{upstream}\"\n\
             [store]\nurl = \"sled:./data\"\n[policy]\nfile = \"./policy.toml\"\n\
             [auth]\nmode = \"local\"\nusers_file = \"./users.toml\"\n[log]\nlevel = \"warn\"\n"
        );
        std::fs::write(dir.join("countersign.toml"), config).unwrap();
        std::fs::write(dir.join("policy.toml"), POLICY).unwrap();
        let (ana, ruth) = (account(dir, "ana"), account(dir, "ruth"));
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { dir: dir.to_owned(), port, ana, ruth, client, running: None }
    }

    pub async fn start(&mut self) {
        let log = std::fs::File::options().create(true).append(true).open(self.dir.join("log")).unwrap();
        let mut serve = command(&self.dir, &["serve"]);
        serve.stdout(log.try_clone().unwrap()).stderr(log);
        self.running = Some(serve.spawn().unwrap());
        for _ in 0..3_000 {
            if self.client.get(self.url("/health")).send().await.is_ok() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("the server did not start: see {}", self.dir.join("log").display());
    }

    /// SIGTERM, so that the store is closed.
    pub fn stop(&mut self) {
        let mut child = self.running.take().expect("it runs");
        let pid = child.id().to_string();
        assert!(Command::new("kill").arg(pid).status().unwrap().success());
        assert!(child.wait().unwrap().success());
    }

    /// Fills the ledger up to a length, a thousand entries in a batch.
    pub async fn lengthen(&self, entries: u64) {
        let store = Arc::new(SledStore::open(&self.dir.join("data")).unwrap());
        let origin = format!("127.0.0.1:{}/countersign", self.port);
        let key =
            key_file::load_or_create(&self.dir.join("ledger.key"), &origin, &SystemClock::new()).unwrap();
        let ledger = Ledger::open(store, key).await.unwrap();
        let body = json!({"workspace": "default", "model": "model-0", "version": 1, "by": "ana"});
        while ledger.len().unwrap() < entries {
            let number = (entries - ledger.len().unwrap()).min(1_000);
            let draft = |_| Draft::new(Millis::new(1_795_381_030_000), "version-created", &body).unwrap();
            ledger.append((0..number).map(draft).collect(), Batch::new()).await.unwrap();
        }
    }

    /// The status of a governed call of ana's.
    pub async fn alias(&self, body: &Value) -> u16 {
        let url = self.url("/api/2.0/mlflow/registered-models/alias");
        let sent = self.client.post(url).bearer_auth(&self.ana).json(body).send().await.unwrap();
        let status = sent.status().as_u16();
        sent.bytes().await.unwrap();
        status
    }

    /// What ruth reads.
    pub async fn get(&self, path: &str) -> Vec<u8> {
        let sent = self.client.get(self.url(path)).bearer_auth(&self.ruth).send().await.unwrap();
        assert_eq!(sent.status(), 200, "{path}");
        sent.bytes().await.unwrap().to_vec()
    }

    pub async fn oldest_request(&self) -> String {
        let answer = self.get("/_countersign/api/v1/requests?model=model-0").await;
        let answer: Value = serde_json::from_slice(&answer).unwrap();
        answer["requests"][0]["id"].as_str().unwrap().to_owned()
    }

    fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(mut running) = self.running.take() {
            let _ = running.kill();
            let _ = running.wait();
        }
    }
}

/// Makes an account and gives a token of theirs.
fn account(dir: &Path, name: &str) -> String {
    let mut child = command(dir, &["user", "add", name, "--password-stdin"]);
    let mut child = child.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    writeln!(child.stdin.take().unwrap(), "{name} has a long password").unwrap();
    assert!(child.wait().unwrap().success());
    let printed = command(dir, &["token", "new", name]).output().unwrap().stdout;
    String::from_utf8(printed).unwrap().split_whitespace().last().unwrap().to_owned()
}

fn command(dir: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(binary());
    command.args(arguments).arg("--config").arg(dir.join("countersign.toml")).current_dir(dir);
    command
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
