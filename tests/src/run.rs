//! Runs other programs and says clearly what went wrong. Knows nothing of what they do.

use std::io::{self, BufRead, BufReader, Read};
use std::os::fd::AsFd;
use std::process::{Command, ExitStatus, Stdio};

use anyhow::{Context, Result, bail};

/// What a program wrote, and how it ended.
#[derive(Debug)]
pub struct Output {
    pub status: ExitStatus,
    pub stdout: String,
    pub stderr: String,
}

/// Runs to the end and keeps the output, whatever the exit code.
pub fn capture(command: &mut Command) -> Result<Output> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot start `{}`", spelled(command)))?;
    Ok(Output {
        status: output.status,
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    })
}

/// Runs to the end; an exit code other than zero is an error with everything that the program wrote.
pub fn quietly(command: &mut Command) -> Result<String> {
    let output = capture(command)?;
    if !output.status.success() {
        bail!("`{}` ended with {}\n{}{}", spelled(command), output.status, output.stdout, output.stderr);
    }
    Ok(output.stdout)
}

/// Runs to the end and shows each line of standard output to `see`; on failure the error holds all of them.
pub fn watched(command: &mut Command, mut see: impl FnMut(&str)) -> Result<()> {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start `{}`", spelled(command)))?;
    let mut stderr = child.stderr.take().context("no standard error")?;
    let errors = std::thread::spawn(move || {
        let mut text = String::new();
        stderr.read_to_string(&mut text).map(|_| text)
    });
    let mut said = String::new();
    for line in BufReader::new(child.stdout.take().context("no standard output")?).lines() {
        let line = line?;
        see(&line);
        said.push_str(&line);
        said.push('\n');
    }
    let status = child.wait()?;
    if !status.success() {
        let errors = errors.join().ok().and_then(Result::ok).unwrap_or_default();
        bail!("`{}` ended with {status}\n{said}{errors}", spelled(command));
    }
    Ok(())
}

/// Runs to the end on our own standard output, both streams of it and untouched, so that whoever reads the output
/// of a test runner finds every line of it in one place.
pub fn aloud(command: &mut Command) -> Result<()> {
    let stdout = io::stdout().as_fd().try_clone_to_owned().context("cannot share standard output")?;
    let status = command
        .stdin(Stdio::null())
        .stderr(stdout)
        .status()
        .with_context(|| format!("cannot start `{}`", spelled(command)))?;
    if !status.success() {
        bail!("`{}` ended with {status}", spelled(command));
    }
    Ok(())
}

/// Runs to the end on our own terminal, so that its own progress shows.
pub fn in_place(command: &mut Command) -> Result<()> {
    let status = command
        .stdin(Stdio::null())
        .status()
        .with_context(|| format!("cannot start `{}`", spelled(command)))?;
    if !status.success() {
        bail!("`{}` ended with {status}", spelled(command));
    }
    Ok(())
}

/// The command as a person would type it.
pub fn spelled(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
}

/// Whether the program can be found.
pub fn exists(program: &str) -> bool {
    std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|dir| dir.join(program).is_file()))
}
