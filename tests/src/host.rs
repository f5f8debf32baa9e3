//! The binary `countersign`, as an operator runs it: built by cargo, started on a directory, killed, started again.

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::child::{self, Kept};
use crate::run::{self, Output};
use crate::workdir::Workdir;
use crate::{http, paths};

const PATIENCE: Duration = Duration::from_secs(60);

/// Countersign on one working directory: running, or stopped for the moment.
#[derive(Debug)]
pub struct Countersign {
    workdir: Workdir,
    server: Option<Kept>,
}

/// cargo, in the workspace.
pub fn cargo() -> Command {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(paths::root());
    // What `cargo run` sets for us would make the inner cargo believe in another package.
    for (name, _) in std::env::vars_os() {
        if name
            .to_str()
            .is_some_and(|name| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_"))
        {
            cargo.env_remove(name);
        }
    }
    cargo
}

/// Builds the binary; cargo's own progress shows.
pub fn build() -> Result<()> {
    run::in_place(cargo().args(["build", "--package", "countersign", "--bin", "countersign"]))
}

/// Builds what ships, and from now on runs that.
pub fn build_release() -> Result<()> {
    run::in_place(cargo().args(["build", "--release", "--package", "countersign", "--bin", "countersign"]))?;
    paths::use_countersign(paths::cargo_target().join("release/countersign"));
    Ok(())
}

// === impl Countersign ===

impl Countersign {
    /// Stopped, for now.
    pub fn on(workdir: Workdir) -> Self {
        Self { workdir, server: None }
    }

    pub fn workdir(&self) -> &Workdir {
        &self.workdir
    }

    /// The port that MLflow's clients use.
    pub fn port(&self) -> u16 {
        self.workdir.port
    }

    /// Starts it and waits until `/readyz` says yes.
    pub fn start(&mut self) -> Result<()> {
        let config = self.workdir.config().display().to_string();
        let arguments = ["serve", "--config", &config];
        let server = child::keep(&paths::countersign(), &arguments, &[], &self.workdir.log())?;
        self.server = Some(server);
        self.wait()
    }

    /// SIGKILL, as a power cut would have it.
    pub fn kill(&mut self) -> Result<()> {
        self.server.take().context("Countersign does not run")?.kill()
    }

    /// SIGTERM; it must end with exit code 0.
    pub fn stop(&mut self) -> Result<()> {
        let mut server = self.server.take().context("Countersign does not run")?;
        let code = server.stop()?;
        ensure!(code == 0, "Countersign ended with {code} when it was asked to stop:\n{}", server.tail(20));
        Ok(())
    }

    /// SIGKILL, then a new start on the same directory.
    pub fn kill_and_start(&mut self) -> Result<()> {
        self.kill()?;
        self.start()
    }

    pub fn pid(&self) -> Option<u32> {
        self.server.as_ref().map(Kept::pid)
    }

    /// The last lines of its log.
    pub fn tail(&self, lines: usize) -> String {
        child::tail(&self.workdir.log(), lines)
    }

    /// Runs a command of the binary on this directory's configuration, as the person whose token it is.
    pub fn command(&self, arguments: &[&str], token: Option<&str>) -> Result<Output> {
        let mut command = self.invocation(arguments);
        command.env("COUNTERSIGN_URL", self.workdir.url());
        if let Some(token) = token {
            command.env("COUNTERSIGN_TOKEN", token);
        }
        run::capture(&mut command)
    }

    /// The same for a command that must succeed; returns its standard output.
    pub fn does(&self, arguments: &[&str], token: Option<&str>) -> Result<String> {
        let output = self.command(arguments, token)?;
        ensure!(
            output.status.success(),
            "`countersign {}` ended with {}\n{}{}",
            arguments.join(" "),
            output.status,
            output.stdout,
            output.stderr
        );
        Ok(output.stdout)
    }

    /// Makes a user, a machine when there is no password, and returns an API token of theirs.
    pub fn add_user(&self, name: &str, password: Option<&str>) -> Result<String> {
        let kind = if password.is_some() { "--password-stdin" } else { "--machine" };
        let mut command = self.invocation(&["user", "add", name, kind]);
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        if let (Some(mut stdin), Some(password)) = (child.stdin.take(), password) {
            writeln!(stdin, "{password}")?;
        }
        let output = child.wait_with_output()?;
        ensure!(output.status.success(), "`user add {name}`: {}", String::from_utf8_lossy(&output.stderr));
        let said = self.does(&["token", "new", name], None)?;
        said.split_whitespace().last().map(str::to_owned).context("`token new` printed no token")
    }

    fn invocation(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(paths::countersign());
        command.args(arguments).arg("--config").arg(self.workdir.config()).current_dir(&self.workdir.dir);
        command
    }

    fn wait(&mut self) -> Result<()> {
        let begun = Instant::now();
        loop {
            let ready = http::get(self.workdir.admin_port, "/readyz");
            if matches!(ready, Ok((200, _))) {
                return Ok(());
            }
            let server = self.server.as_mut().context("Countersign does not run")?;
            if !server.alive() {
                bail!("Countersign ended before it was ready. Its log ends with:\n{}", server.tail(30));
            }
            if begun.elapsed() > PATIENCE {
                bail!(
                    "Countersign is not ready after {PATIENCE:?} ({ready:?}). Its log ends with:\n{}",
                    server.tail(30)
                );
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// A place for one run: `target/NAME-XXXXXX`.
pub fn scratch(name: &str) -> Result<PathBuf> {
    let parent = paths::target();
    std::fs::create_dir_all(&parent)?;
    Ok(tempfile::Builder::new().prefix(&format!("{name}-")).tempdir_in(parent)?.keep())
}
