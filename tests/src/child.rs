//! Long-running processes that cannot outlive us: each runs under `tests/python/keep.py`, which stops it when our
//! end of its pipe closes, however we end.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context, Result, bail};

/// One kept process.
#[derive(Debug)]
pub struct Kept {
    pid: u32,
    keeper: std::process::Child,
    orders: Option<ChildStdin>,
    reports: BufReader<ChildStdout>,
    log: PathBuf,
}

/// Starts `program arguments…`; what it writes goes to the end of `log`. `environment` is added to ours.
pub fn keep(program: &Path, arguments: &[&str], environment: &[(&str, &str)], log: &Path) -> Result<Kept> {
    let mut command = Command::new("python3");
    command.arg(crate::paths::python("keep.py")).arg(log).arg(program).args(arguments);
    // Not our standard error: whoever waits for its end would wait for the keeper too.
    let errors = fs::File::options().create(true).append(true).open(log);
    let errors = errors.with_context(|| format!("cannot write {}", log.display()))?;
    command.envs(environment.iter().copied()).process_group(0);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(errors);
    if let Some(dir) = log.parent() {
        command.current_dir(dir);
    }
    let mut keeper = command.spawn().context("cannot start `python3`: install Python 3.10 or newer")?;
    let orders = keeper.stdin.take();
    let mut reports = BufReader::new(keeper.stdout.take().context("no standard output")?);
    let pid = match next(&mut reports, "pid ")? {
        Some(pid) => pid,
        None => bail!("cannot start `{}`", program.display()),
    };
    Ok(Kept { pid: pid.parse()?, keeper, orders, reports, log: log.to_path_buf() })
}

// === impl Kept ===

impl Kept {
    /// The process itself, not its keeper.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Whether it still runs.
    pub fn alive(&mut self) -> bool {
        matches!(self.keeper.try_wait(), Ok(None))
    }

    /// SIGKILL, to the process and all that it started; returns when it is gone.
    pub fn kill(&mut self) -> Result<()> {
        self.order("kill")
    }

    /// SIGTERM; returns its exit code (negative: the signal that ended it) when it is gone.
    pub fn stop(&mut self) -> Result<i32> {
        self.order("term")?;
        Ok(self.code().unwrap_or_default())
    }

    /// The last lines of its log, for an error message.
    pub fn tail(&self, lines: usize) -> String {
        tail(&self.log, lines)
    }

    fn order(&mut self, order: &str) -> Result<()> {
        if let Some(orders) = &mut self.orders {
            // A process that ended by itself has closed the pipe: what was ordered has happened.
            let _ = writeln!(orders, "{order}").and_then(|()| orders.flush());
        }
        self.keeper.wait().context("cannot wait for the keeper")?;
        self.orders = None;
        Ok(())
    }

    fn code(&mut self) -> Option<i32> {
        next(&mut self.reports, "exit ").ok().flatten()?.parse().ok()
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.orders = None;
        let _ = self.keeper.wait();
    }
}

fn next(reports: &mut BufReader<ChildStdout>, word: &str) -> Result<Option<String>> {
    let mut line = String::new();
    reports.read_line(&mut line).context("cannot read from the keeper")?;
    Ok(line.trim().strip_prefix(word).map(str::to_owned))
}

/// The last lines of a file; empty when there is none.
pub fn tail(file: &Path, lines: usize) -> String {
    let text = fs::read(file).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
    let all: Vec<&str> = text.lines().collect();
    all.get(all.len().saturating_sub(lines)..).unwrap_or_default().join("\n")
}
