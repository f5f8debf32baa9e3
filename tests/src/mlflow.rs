//! A real MLflow server: SQLite, artifacts served by MLflow, one worker, on a free port of 127.0.0.1.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE;

use crate::child::{self, Kept};
use crate::venv::Venv;
use crate::{console, http};

const PATIENCE: Duration = Duration::from_secs(180);

/// Quiet, small, and free to call webhooks on 127.0.0.1 at once.
const ENVIRONMENT: [(&str, &str); 6] = [
    ("MLFLOW_SERVER_ENABLE_JOB_EXECUTION", "false"),
    ("MLFLOW_DISABLE_TELEMETRY", "true"),
    ("DO_NOT_TRACK", "true"),
    ("MLFLOW_WEBHOOK_ALLOW_PRIVATE_IPS", "true"),
    ("MLFLOW_WEBHOOK_ALLOWED_SCHEMES", "http,https"),
    ("MLFLOW_WEBHOOK_CACHE_TTL", "0"),
];

/// A running server.
#[derive(Debug)]
pub struct Mlflow {
    port: u16,
    server: Option<Kept>,
    dir: PathBuf,
}

/// The server that all tests of this process share, so give your models names of your own. It is the one at
/// `COUNTERSIGN_TEST_MLFLOW` (a port on 127.0.0.1) when `cargo verify` has started one for all processes.
pub fn shared() -> Result<&'static Mlflow> {
    static SHARED: OnceLock<Result<Mlflow>> = OnceLock::new();
    SHARED.get_or_init(Mlflow::of_this_process).as_ref().map_err(|error| anyhow!("{error:#}"))
}

// === impl Served ===

/// How a server is started that is not as all others are.
#[derive(Debug, Clone, Copy, Default)]
pub struct Served {
    /// `--static-prefix`; none where it is empty.
    pub prefix: &'static str,
}

impl Served {
    fn arguments(self) -> Vec<&'static str> {
        let prefix = Some(self.prefix).filter(|prefix| !prefix.is_empty());
        prefix.into_iter().flat_map(|prefix| ["--static-prefix", prefix]).collect()
    }
}

// === impl Mlflow ===

impl Mlflow {
    /// Starts one with its database, artifacts and log under `dir`, and waits until it answers.
    pub fn start(venv: &Venv, dir: &Path) -> Result<Self> {
        console::step("MLflow starts", |progress| {
            let mut mlflow = Self::launch(venv, dir)?;
            mlflow.wait(|last| progress.at(last))?;
            Ok(mlflow)
        })
    }

    /// The same, served in this way.
    pub fn start_served(served: Served, venv: &Venv, dir: &Path) -> Result<Self> {
        let arguments = served.arguments();
        if arguments.is_empty() {
            return Self::start(venv, dir);
        }
        console::step(format!("MLflow starts with {}", arguments.join(" ")), |progress| {
            let mut mlflow = Self::launch_on(http::free_port()?, venv, dir, &arguments, &[])?;
            mlflow.wait(|last| progress.at(last))?;
            Ok(mlflow)
        })
    }

    /// As [`Mlflow::start`], without waiting: see [`Mlflow::wait`].
    pub fn launch(venv: &Venv, dir: &Path) -> Result<Self> {
        Self::launch_on(http::free_port()?, venv, dir, &[], &[])
    }

    /// The same on a port of the caller's choice, with more arguments and more environment.
    pub fn launch_on(
        port: u16,
        venv: &Venv,
        dir: &Path,
        arguments: &[&str],
        environment: &[(&str, &str)],
    ) -> Result<Self> {
        std::fs::create_dir_all(dir).with_context(|| format!("cannot create {}", dir.display()))?;
        let key = random_key()?;
        let environment =
            [&ENVIRONMENT[..], &[("MLFLOW_WEBHOOK_SECRET_ENCRYPTION_KEY", key.as_str())], environment]
                .concat();
        let (port_text, database) =
            (port.to_string(), format!("sqlite:///{}", dir.join("mlflow.db").display()));
        let artifacts = dir.join("artifacts").display().to_string();
        let arguments = [
            ["-m", "mlflow", "server", "--workers", "1"].as_slice(),
            &["--host", "127.0.0.1", "--port", &port_text],
            &["--backend-store-uri", &database, "--artifacts-destination", &artifacts],
            arguments,
        ]
        .concat();
        let server = child::keep(&venv.python(), &arguments, &environment, &dir.join("mlflow.log"))?;
        Ok(Self { port, server: Some(server), dir: dir.to_path_buf() })
    }

    /// Waits until it answers; `see` gets the last line of its log now and then.
    pub fn wait(&mut self, mut see: impl FnMut(String)) -> Result<()> {
        let begun = Instant::now();
        while !matches!(http::get(self.port, "/health"), Ok((200, _))) {
            let Some(server) = &mut self.server else { bail!("no MLflow answers on {}", self.url()) };
            if !server.alive() {
                bail!("MLflow ended before it was ready. Its log ends with:\n{}", server.tail(30));
            }
            if begun.elapsed() > PATIENCE {
                bail!("MLflow is not ready after {PATIENCE:?}. Its log ends with:\n{}", server.tail(30));
            }
            see(server.tail(1));
            std::thread::sleep(Duration::from_millis(100));
        }
        Ok(())
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// Without a slash at the end.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The folder that MLflow keeps the artifacts in.
    pub fn artifacts(&self) -> PathBuf {
        self.dir.join("artifacts")
    }

    /// The last lines of its log.
    pub fn tail(&self, lines: usize) -> String {
        self.server.as_ref().map(|server| server.tail(lines)).unwrap_or_default()
    }

    /// SIGKILL, as a power cut would have it. Its database stays.
    pub fn kill(&mut self) -> Result<()> {
        self.server.take().context("this MLflow is not ours to kill")?.kill()
    }

    /// Stops it; dropping does the same.
    pub fn stop(self) {}

    fn of_this_process() -> Result<Self> {
        if let Ok(port) = std::env::var("COUNTERSIGN_TEST_MLFLOW") {
            let port = port.parse().context("COUNTERSIGN_TEST_MLFLOW must be a port on 127.0.0.1")?;
            let dir = std::env::var_os("COUNTERSIGN_TEST_MLFLOW_DIR").map(PathBuf::from).unwrap_or_default();
            let mut mlflow = Self { port, server: None, dir };
            mlflow.wait(|_| ())?;
            return Ok(mlflow);
        }
        let dir = crate::paths::target().join(format!("test-mlflow-{}", std::process::id()));
        Self::start(&Venv::for_tests()?, &dir)
    }
}

/// 32 random bytes, URL-safe base64: what MLflow takes as a Fernet key to encrypt webhook secrets with, and good as
/// such a secret.
pub(crate) fn random_key() -> Result<String> {
    use std::io::Read;
    let mut key = [0; 32];
    std::fs::File::open("/dev/urandom")?.read_exact(&mut key)?;
    Ok(URL_SAFE.encode(key))
}
