//! What benches run on: the tiny upstream, Countersign before it, an operator's policy.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Result, bail};

use crate::child::{self, Kept};
use crate::host::{self, Countersign};
use crate::stage::eventually;
use crate::workdir::{self, Workdir};
use crate::{http, paths, run};

/// Fails with the Debian packages to install when a program is missing.
pub(super) fn need(programs: &[(&str, &str)]) -> Result<()> {
    let missing: Vec<_> =
        programs.iter().filter(|(program, _)| !run::exists(program)).map(|(_, package)| *package).collect();
    if missing.is_empty() {
        return Ok(());
    }
    bail!("this bench needs programs that are not installed\nhint: apt-get install {}", missing.join(" "))
}

/// Builds and starts the tiny upstream; with an MLflow it repeats that one's answers.
pub(super) fn upstream(dir: &Path, mlflow: Option<u16>) -> Result<(u16, Kept)> {
    run::in_place(host::cargo().args(["build", "--package", "countersign-tests", "--bin", "upstream"]))?;
    let port = http::free_port()?;
    let ports: Vec<String> = std::iter::once(port).chain(mlflow).map(|port| port.to_string()).collect();
    let ports: Vec<&str> = ports.iter().map(String::as_str).collect();
    let binary = paths::cargo_target().join("debug/upstream");
    let kept = child::keep(&binary, &ports, &[], &dir.join("upstream.log"))?;
    eventually(Duration::from_secs(10), || http::get(port, "/health"))?;
    Ok((port, kept))
}

/// Believes facts that are warm: what budgets 3 and 12 are about.
pub(super) const REMEMBERING: &str = "\n[facts]\nat_write = \"remembered\"\n";

/// A Countersign before `upstream` with this policy, started, and a token for it.
pub(super) fn countersign(dir: &Path, upstream: &str, policy: &str) -> Result<(Countersign, String)> {
    countersign_with(&dir.join("countersign"), upstream, policy, "")
}

/// As [`countersign`], with more settings.
pub(super) fn countersign_with(
    dir: &Path,
    upstream: &str,
    policy: &str,
    settings: &str,
) -> Result<(Countersign, String)> {
    let workdir = Workdir::create(dir, upstream, policy)?;
    let config = std::fs::read_to_string(workdir.config())?;
    std::fs::write(workdir.config(), config + settings)?;
    let mut host = Countersign::on(workdir);
    let token = host.add_user("bench", Some("bench has a long password"))?;
    host.start()?;
    Ok((host, token))
}

/// A gate on `champion` that one check guards and nobody has to sign.
pub(super) fn checked_policy() -> Result<String> {
    let plugin = workdir::pinned("metric-threshold", &["registry"])?;
    Ok(format!("{plugin}{}", gate(&["metric-threshold".to_owned()])))
}

/// The same gate with tiers by CEL, of which the last is found, and a calendar that is always asked and never in the
/// way.
pub(super) fn ruled_policy() -> Result<String> {
    const TIERS: &str = r#"[[tier]]
name = "critical"
when = 'model.tags["risk"] == "critical"'

[[tier]]
name = "high"
when = 'version.tags["pii"] == "yes" || version.run.tags["purpose"].startsWith("gdpr")'

[[tier]]
name = "medium"
when = 'version.metrics["auc"] < 0.5 && action.target != "shadow"'

[[tier]]
name = "low"
"#;
    const CALENDAR: &str = r#"
[[gate.rule]]
plugin = "change-freeze"
config = { windows = [{ name = "close", start = "2998-01-01T00:00Z", end = "3000-01-01T00:00Z", reason = "the books are closed" }] }
"#;
    let rule = workdir::pinned("change-freeze", &[])?;
    let checked = checked_policy()?.replace("[[tier]]\nname = \"low\"\n", TIERS);
    Ok(format!("{rule}{checked}{CALENDAR}"))
}

/// A gate on `champion` with these plugins as required checks of the story's threshold.
pub(super) fn gate(plugins: &[String]) -> String {
    let (metric, min) = (workdir::METRIC, workdir::THRESHOLD);
    let mut text = "[[tier]]\nname = \"low\"\n\n[[gate]]\nname = \"production\"\nmode = \"enforce\"\n\
                    models = [\"*\"]\nguards = [{ alias = \"champion\" }, { alias = \"prod-*\" }]\n"
        .to_owned();
    for plugin in plugins {
        text.push_str(&format!(
            "\n[[gate.check]]\nplugin = \"{plugin}\"\nrequired = true\n\
             config = {{ metric = \"{metric}\", min = \"{min}\" }}\n"
        ));
    }
    text
}

/// `count` plugins of different digests: copies of `metric-threshold`, each with a custom section of its own.
/// Returns the policy's `[[plugin]]` tables and their names.
pub(super) fn many_plugins(dir: &Path, count: u8) -> Result<(String, Vec<String>)> {
    let component = std::fs::read(paths::plugin("metric-threshold"))?;
    let (mut tables, mut names) = (String::new(), Vec::new());
    for number in 0..count {
        let name = format!("metric-threshold-{number}");
        let file = dir.join(format!("{name}.wasm"));
        // Core specification §5.5.3: id 0, size, then the name with its length, then anything.
        let section = [0, 7, 5, b'b', b'e', b'n', b'c', b'h', number];
        std::fs::write(&file, [component.as_slice(), &section].concat())?;
        let digest = crate::plugins::digest(&file)?;
        tables.push_str(&format!(
            "[[plugin]]\nname = \"{name}\"\nsource = \"file:{}\"\ndigest = \"{digest}\"\ngrants = [\"registry\"]\n\n",
            file.display()
        ));
        names.push(name);
    }
    Ok((tables, names))
}

/// Resident memory of a process, in KiB: `VmRSS` in proc(5).
pub(super) fn resident_kib(pid: u32) -> Result<f64> {
    status_kib(pid, "VmRSS:")
}

/// The most that it has ever been, in KiB.
pub(super) fn peak_kib(pid: u32) -> Result<f64> {
    status_kib(pid, "VmHWM:")
}

fn status_kib(pid: u32, what: &str) -> Result<f64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix(what));
    let number = line.and_then(|line| line.split_whitespace().next()).and_then(|number| number.parse().ok());
    number.ok_or_else(|| anyhow::anyhow!("no {what} of process {pid}"))
}

/// Runs a script of `tests/python` and reads the JSON that it prints.
pub(super) fn script(python: &Path, name: &str, arguments: &[String]) -> Result<serde_json::Value> {
    let printed = run::quietly(Command::new(python).arg(paths::python(name)).args(arguments))?;
    Ok(serde_json::from_str(printed.trim())?)
}

/// A directory that goes away when the bench ends well.
pub(super) fn within<T>(name: &str, work: impl FnOnce(&PathBuf) -> Result<T>) -> Result<T> {
    let dir = host::scratch(&format!("bench-{name}"))?;
    let done = work(&dir)?;
    std::fs::remove_dir_all(&dir)?;
    Ok(done)
}
