//! The only place that prints: results to standard output, complaints to standard error.

use std::fmt::Display;
use std::io::{self, IsTerminal as _, Write};

use anyhow::{Context as _, Result};
use serde::Serialize;

use super::args::Output;

/// Where results go, and in which form.
#[derive(Debug, Clone, Copy)]
pub(super) struct Out {
    form: Output,
}

impl Out {
    pub(super) const fn new(form: Output) -> Self {
        Self { form }
    }

    pub(super) const fn form(self) -> Output {
        self.form
    }

    /// Prints a result: the text for people, or the value as JSON.
    pub(super) fn tell(self, text: &dyn Display, value: &impl Serialize) -> Result<()> {
        match self.form {
            Output::Text => write(&text.to_string()),
            Output::Json => self.json(value),
        }
    }

    /// Prints a value as JSON in both forms: for results that are JSON by nature.
    pub(super) fn json(self, value: &impl Serialize) -> Result<()> {
        write(&serde_json::to_string_pretty(value).context("writing the result as JSON")?)
    }

    /// One line as soon as it is known; in JSON the whole result comes at the end.
    pub(super) fn line(self, text: &dyn Display) -> Result<()> {
        match self.form {
            Output::Text => write(&text.to_string()),
            Output::Json => Ok(()),
        }
    }

    /// Prints a value as JSON, and nothing where lines have been printed.
    pub(super) fn whole(self, value: &impl Serialize) -> Result<()> {
        match self.form {
            Output::Text => Ok(()),
            Output::Json => self.json(value),
        }
    }

    /// Standard output itself, for exports.
    pub(super) fn raw() -> impl Write {
        io::BufWriter::with_capacity(64 << 10, io::stdout())
    }
}

/// With one newline at the end.
fn write(text: &str) -> Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.trim_end_matches('\n').as_bytes())?;
    out.write_all(b"\n")?;
    out.flush().context("writing to standard output")
}

/// Writes to standard error; a closed one hears nothing.
pub(super) fn complain(text: &str) {
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

/// Paints a word on a terminal, and nowhere else (<https://no-color.org>). `code` is that of SGR.
pub(super) fn painted(word: &str, code: u8) -> String {
    let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    if io::stdout().is_terminal() && !refused {
        format!("\x1b[{code}m{word}\x1b[0m")
    } else {
        word.to_owned()
    }
}

/// `1 entry`, `2 entries`.
pub(super) fn counted(count: impl Into<u64>, one: &str, many: &str) -> String {
    let count = count.into();
    format!("{count} {}", if count == 1 { one } else { many })
}

/// Rows in columns two blanks apart. The first row is the heading.
pub(super) fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width =
        |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
    let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
    let line = |row: &Vec<String>| {
        let cells: String = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}  ")).collect();
        cells.trim_end().to_owned() + "\n"
    };
    rows.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_line_up() {
        let row = |cells: &[&str]| cells.iter().map(ToString::to_string).collect::<Vec<_>>();
        let rows = [row(&["NAME", "KIND"]), row(&["ana", "person"]), row(&["ci-bot", ""])];
        assert_eq!(table(&rows), "NAME    KIND\nana     person\nci-bot\n");
        assert_eq!(table(&[]), "");
    }
}
