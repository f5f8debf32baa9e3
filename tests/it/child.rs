//! What we start does not outlive us.

use std::path::Path;
use std::time::Duration;

use anyhow::{Result, ensure};
use countersign_tests::child::keep;
use countersign_tests::stage::eventually;

fn gone(pid: u32) -> Result<()> {
    eventually(Duration::from_secs(5), || {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        ensure!(stat.is_empty() || stat.contains(") Z "), "process {pid} still runs");
        Ok(())
    })
}

fn sleeper(dir: &Path, script: &str) -> Result<countersign_tests::child::Kept> {
    let kept = keep(Path::new("/bin/sh"), &["-c", script], &[], &dir.join("log"))?;
    // The shell has installed its trap when it says so.
    eventually(Duration::from_secs(5), || {
        ensure!(kept.tail(1) == "ready", "the script has not begun");
        Ok(())
    })?;
    Ok(kept)
}

#[test]
fn a_kept_process_obeys_and_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let polite = "trap 'exit 7' TERM; echo ready; while :; do sleep 0.05; done";
    let mut kept = sleeper(dir.path(), polite).unwrap();
    assert!(kept.alive());
    assert_eq!(kept.stop().unwrap(), 7);
    gone(kept.pid()).unwrap();

    std::fs::remove_file(dir.path().join("log")).unwrap();
    let deaf = "trap '' TERM; echo ready; while :; do sleep 0.05; done";
    let mut kept = sleeper(dir.path(), deaf).unwrap();
    kept.kill().unwrap();
    gone(kept.pid()).unwrap();

    std::fs::remove_file(dir.path().join("log")).unwrap();
    let kept = sleeper(dir.path(), polite).unwrap();
    let pid = kept.pid();
    drop(kept);
    gone(pid).unwrap();
}

#[test]
fn a_keeper_stops_its_process_when_its_owner_is_killed() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("log");
    // The owner's end of the pipe closes with the owner: kill the owner with SIGKILL, find nobody left.
    let owner = format!(
        "import subprocess, sys, time\n\
         keeper = subprocess.Popen([sys.executable, {:?}, {:?}, 'sleep', '300'],\n\
         \x20   stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)\n\
         print(keeper.stdout.readline().split()[1], flush=True)\n\
         time.sleep(300)\n",
        countersign_tests::paths::python("keep.py"),
        log
    );
    let mut owner = std::process::Command::new("python3")
        .args(["-c", &owner])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(owner.stdout.take().unwrap()), &mut line)
        .unwrap();
    let pid: u32 = line.trim().parse().unwrap();
    assert!(gone_now(pid).is_err(), "it never ran");
    owner.kill().unwrap();
    owner.wait().unwrap();
    gone(pid).unwrap();
}

fn gone_now(pid: u32) -> Result<()> {
    ensure!(!Path::new(&format!("/proc/{pid}")).exists(), "process {pid} runs");
    Ok(())
}
