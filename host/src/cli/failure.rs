//! How a command fails: an error with its chain in one line each, and what to do about it.

use std::fmt::{self, Display};
use std::process::ExitCode;

use super::output;

/// An error and what to do about it.
#[derive(Debug)]
struct Hinted {
    error: anyhow::Error,
    hint: String,
}

impl Display for Hinted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl std::error::Error for Hinted {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.error.source()
    }
}

/// Adds what to do about an error.
pub(super) trait OrHint<T> {
    fn or_hint(self, hint: impl Display) -> anyhow::Result<T>;
}

impl<T, E: Into<anyhow::Error>> OrHint<T> for Result<T, E> {
    fn or_hint(self, hint: impl Display) -> anyhow::Result<T> {
        self.map_err(|error| Hinted { error: error.into(), hint: hint.to_string() }.into())
    }
}

/// An error with what to do about it.
pub(super) fn hinted(error: impl Display, hint: impl Display) -> anyhow::Error {
    Hinted { error: anyhow::anyhow!("{error}"), hint: hint.to_string() }.into()
}

/// What was given cannot be understood: the exit code is 2, as for a wrong argument.
#[derive(Debug)]
struct Misread(anyhow::Error);

impl Display for Misread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Misread {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source()
    }
}

/// An error in what was given.
pub(super) fn misread(error: impl Into<anyhow::Error>) -> anyhow::Error {
    Misread(error.into()).into()
}

/// Prints an error and gives the exit code. A reader that has gone away gets no message.
pub(super) fn report(error: &anyhow::Error) -> ExitCode {
    if !is_broken_pipe(error) {
        output::complain(&text(error));
    }
    if error.downcast_ref::<Misread>().is_some() { ExitCode::from(2) } else { ExitCode::FAILURE }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let broken = |e: &std::io::Error| e.kind() == std::io::ErrorKind::BrokenPipe;
    error.chain().filter_map(|cause| cause.downcast_ref::<std::io::Error>()).any(broken)
}

/// `error: ` before every line, `hint: ` before what to do.
fn text(error: &anyhow::Error) -> String {
    let lines: Vec<String> = chain(error).lines().map(|line| format!("error: {line}\n")).collect();
    let told = error.downcast_ref::<Misread>().map_or(error, |misread| &misread.0);
    let hint = told.downcast_ref::<Hinted>().map(|hinted| format!("hint: {}\n", hinted.hint));
    lines.concat() + &hint.unwrap_or_default()
}

/// Every cause once: some errors quote theirs.
fn chain(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain() {
        let cause = cause.to_string();
        if text.is_empty() {
            text = cause;
        } else if !text.contains(&cause) {
            text = format!("{text}: {cause}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use anyhow::Context as _;

    use super::*;

    fn check(error: &anyhow::Error, expect: &str) {
        assert_eq!(text(error), expect);
    }

    #[test]
    fn errors_are_printed_once_with_what_to_do() {
        let disk = || std::io::Error::other("disk full");
        check(&disk().into(), "error: disk full\n");
        check(&anyhow::anyhow!("one\ntwo"), "error: one\nerror: two\n");
        let told = Err::<(), _>(disk()).context("writing `x`").or_hint("free some space").unwrap_err();
        check(&told, "error: writing `x`: disk full\nhint: free some space\n");
        check(
            &told.context("exporting"),
            "error: exporting: writing `x`: disk full\nhint: free some space\n",
        );
        check(&misread(hinted("no file", "name one")), "error: no file\nhint: name one\n");
        check(&anyhow::Error::from(disk()).context("it says disk full"), "error: it says disk full\n");
        assert!(is_broken_pipe(&std::io::Error::from(std::io::ErrorKind::BrokenPipe).into()));
    }
}
