//! What a person sees: steps with a spinner on a terminal, plain lines elsewhere. Data and results go to standard
//! output, progress to standard error.

use std::fmt::Display;
use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use anyhow::Result;
use indicatif::{ProgressBar, ProgressStyle};

/// Writes one line to standard output. A closed pipe is not worth an error.
pub fn say(line: impl Display) {
    let mut out = io::stdout().lock();
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

/// Writes one line to standard error.
pub fn note(line: impl Display) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}

/// `text` in a terminal's colour (`32` green, `31` red, `2` faint) when standard output is one and `NO_COLOR` is
/// not set.
pub fn colour(code: &str, text: impl Display) -> String {
    if io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none() {
        format!("\x1b[{code}m{text}\x1b[0m")
    } else {
        text.to_string()
    }
}

/// Seconds with one decimal, as every table here prints them.
pub fn seconds(elapsed: Duration) -> String {
    format!("{:.1} s", elapsed.as_secs_f64())
}

/// Something that takes a while, and its spinner.
pub struct Progress {
    bar: ProgressBar,
    what: String,
    begun: Instant,
}

/// Does `work` while saying what it is. On success a line with the time it took; on failure the error stays the
/// caller's to print.
pub fn step<T>(what: impl Into<String>, work: impl FnOnce(&Progress) -> Result<T>) -> Result<T> {
    let progress = Progress::begin(what.into());
    let result = work(&progress);
    progress.end(result.is_ok());
    result
}

/// Does `work` that draws its own progress, between a line that begins it and one that ends it.
pub fn heading<T>(what: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    note(format_args!("… {what}"));
    let begun = Instant::now();
    let done = work()?;
    note(format_args!("{} {what} {}", colour("32", "✓"), colour("2", seconds(begun.elapsed()))));
    Ok(done)
}

// === impl Progress ===

impl Progress {
    fn begin(what: String) -> Self {
        let bar = if io::stderr().is_terminal() { ProgressBar::new_spinner() } else { ProgressBar::hidden() };
        if let Ok(style) = ProgressStyle::with_template("{spinner} {prefix} {elapsed:.dim} {wide_msg:.dim}") {
            bar.set_style(style);
        }
        bar.set_prefix(what.clone());
        if bar.is_hidden() {
            note(format_args!("… {what}"));
        }
        bar.enable_steady_tick(Duration::from_millis(120));
        Self { bar, what, begun: Instant::now() }
    }

    /// Shows what is happening right now; nothing when there is no terminal.
    pub fn at(&self, detail: impl Into<String>) {
        self.bar.set_message(detail.into());
    }

    fn end(self, good: bool) {
        self.bar.finish_and_clear();
        let mark = if good { colour("32", "✓") } else { colour("31", "✗") };
        note(format_args!("{mark} {} {}", self.what, colour("2", seconds(self.begun.elapsed()))));
    }
}

/// Does `work` behind a spinner that leaves nothing; nothing at all without a terminal.
pub fn quietly<T>(what: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    let bar = if io::stderr().is_terminal() { ProgressBar::new_spinner() } else { ProgressBar::hidden() };
    bar.set_message(what.to_owned());
    bar.enable_steady_tick(Duration::from_millis(120));
    let result = work();
    bar.finish_and_clear();
    result
}
