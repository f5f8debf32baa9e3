//! The ledger as JSON Lines, and its check without a store, without a network and without us.
//!
//! First `{"format":1,"origin":…,"vkey":…}`, then `{"index":n,"entry":"<the entry's bytes, as a string>"}` for each
//! entry, last `{"checkpoint":"<signed note>"}`. Every line ends in a newline, and there is one way to write it.

use std::io::{self, BufRead, Read as _, Write};

use countersign_core::separation::Breach;
use serde::{Deserialize, Serialize};

use super::against::{Earlier, NotTheBeginning};
use super::chain::{Chain, Fault};
use super::checkpoint::Checkpoint;
use super::duties::Duties;
use super::entry::{MAX_ENTRY_BYTES, is_decimal};
use super::escape::{escape, unescape};
use super::note::VerifierKey;
use super::tree::Hash;
use super::{Ledger, LedgerError, head};

const FORMAT: u64 = 1;
/// An entry holds no control characters, so no byte of it takes more than two in a line.
const MAX_LINE_BYTES: u64 = 2 * MAX_ENTRY_BYTES as u64 + 64;

/// How the line of an entry begins.
const ENTRY: &str = r#"{"index":"#;

/// How many entries are read and written between two calls of a progress callback.
pub(super) const STEP: u64 = 256;

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    format: u64,
    origin: String,
    vkey: String,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Footer {
    checkpoint: String,
}

/// What an export was found to hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    pub origin: String,
    pub vkey: String,
    /// The number of entries.
    pub entries: u64,
    pub root: Hash,
    /// The signed note over it.
    pub checkpoint: String,
    /// Writes that were made although their signatures do not cover them.
    pub breaches: Vec<Breach>,
}

/// Why an export does not hold.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    #[error("reading the export")]
    Read(#[source] io::Error),
    #[error("line 1 is not the header of a ledger export: {0}")]
    Header(String),
    #[error(
        "export is signed by `{found}`, you trust `{trusted}`: it is of another ledger, or somebody signed it anew"
    )]
    Key { found: String, trusted: String },
    #[error("entry {index} (line {line}): {reason}")]
    Entry { index: u64, line: u64, reason: String },
    #[error("checkpoint (line {line}): {reason}")]
    Checkpoint { line: u64, reason: String },
    #[error(transparent)]
    NotTheBeginning(#[from] NotTheBeginning),
}

impl Ledger {
    /// Writes everything up to a fresh checkpoint. `progress` is told the number of entries written.
    ///
    /// # Errors
    /// When the store cannot be read, or the output not written.
    pub async fn export(
        &self,
        out: &mut dyn Write,
        progress: &mut dyn FnMut(u64),
    ) -> Result<(), LedgerError> {
        let note = self.checkpoint().await?;
        let size = Checkpoint::open(&note, self.verifier())?.size;
        let (origin, vkey) = (self.verifier().name().to_owned(), self.verifier().to_string());
        write_line(out, &Header { format: FORMAT, origin, vkey })?;
        let mut written = 0;
        while written < size {
            let page = self.range(written, STEP.min(size - written) as usize)?;
            if page.is_empty() {
                return Err(head::damaged(written, "it is missing"));
            }
            for record in page {
                let entry = escape(&record.json);
                writeln!(out, r#"{{"index":{written},"entry":"{entry}"}}"#).map_err(LedgerError::Write)?;
                written += 1;
            }
            progress(written);
        }
        write_line(out, &Footer { checkpoint: note })?;
        out.flush().map_err(LedgerError::Write)
    }
}

/// Checks an export from beginning to end, in memory that grows only with what people signed. Without a key to trust, it is checked against the
/// key that it brings along: that shows that it is whole, not whose it is.
///
/// # Errors
/// The first thing that is wrong, and where: see [`ExportError`].
pub fn verify(
    input: &mut dyn BufRead,
    trusted: Option<&VerifierKey>,
    progress: &mut dyn FnMut(u64),
) -> Result<Verified, ExportError> {
    verify_against(input, trusted, None, progress)
}

/// As [`verify`], and whether the ledgers that these notes sign are beginnings of this one.
///
/// # Errors
/// As [`verify`]; [`ExportError::NotTheBeginning`] where they are not.
pub fn verify_against(
    input: &mut dyn BufRead,
    trusted: Option<&VerifierKey>,
    notes: Option<&str>,
    progress: &mut dyn FnMut(u64),
) -> Result<Verified, ExportError> {
    go_through(input, (trusted, notes), progress, &mut |_, _| ())
}

/// As [`verify`], and hands over every entry as it comes by. Only what this returns says whether they hold.
///
/// # Errors
/// As [`verify`].
pub fn read(
    input: &mut dyn BufRead,
    trusted: Option<&VerifierKey>,
    progress: &mut dyn FnMut(u64),
    each: &mut dyn FnMut(u64, &str),
) -> Result<Verified, ExportError> {
    go_through(input, (trusted, None), progress, each)
}

fn go_through(
    input: &mut dyn BufRead,
    (trusted, notes): (Option<&VerifierKey>, Option<&str>),
    progress: &mut dyn FnMut(u64),
    each: &mut dyn FnMut(u64, &str),
) -> Result<Verified, ExportError> {
    let mut lines = Lines { input, line: String::new(), number: 0 };
    let key = header(&mut lines, trusted)?;
    let earlier = notes.map(|notes| Earlier::open(notes, &key)).transpose()?.unwrap_or_default();
    let (mut chain, mut entry, mut full) = (Chain::against(earlier), String::new(), Vec::new());
    let mut duties = Duties::default();
    loop {
        let index = chain.size();
        let found = lines.next();
        if found == Ok(false) {
            return Err(
                lines.at_checkpoint(format!("it is missing: the export was cut off after {index} entries"))
            );
        }
        if found.is_ok() && lines.line.starts_with(r#"{"checkpoint":"#) {
            return footer(&mut lines, &key, chain, duties);
        }
        if let Err(reason) = found.and_then(|_| unwrap_entry(&lines.line, index, &mut entry)) {
            let last = !lines.line.starts_with(ENTRY) && lines.is_last()?;
            return Err(if last { lines.at_checkpoint(reason) } else { lines.at_entry(index, reason) });
        }
        chain.push(&entry, &mut full).map_err(entry_error)?;
        duties.read(&entry);
        each(index, &entry);
        full.clear();
        if (index + 1).is_multiple_of(STEP) {
            progress(index + 1);
        }
    }
}

fn header(lines: &mut Lines<'_>, trusted: Option<&VerifierKey>) -> Result<VerifierKey, ExportError> {
    if !lines.next().map_err(ExportError::Header)? {
        return Err(ExportError::Header("the export is empty".to_owned()));
    }
    let header: Header = strictly(&lines.line).map_err(ExportError::Header)?;
    if header.format != FORMAT {
        let reason = format!("its format is {}, this version reads {FORMAT}", header.format);
        return Err(ExportError::Header(reason));
    }
    let key: VerifierKey = header.vkey.parse().map_err(|error| ExportError::Header(format!("{error}")))?;
    if key.name() != header.origin {
        return Err(ExportError::Header(format!("its origin is not the name of its key, `{}`", key.name())));
    }
    match trusted {
        Some(trusted) if *trusted != key => {
            Err(ExportError::Key { found: key.to_string(), trusted: trusted.to_string() })
        }
        _ => Ok(key),
    }
}

fn footer(
    lines: &mut Lines<'_>,
    key: &VerifierKey,
    chain: Chain,
    duties: Duties,
) -> Result<Verified, ExportError> {
    let footer: Footer = strictly(&lines.line).map_err(|reason| lines.at_checkpoint(reason))?;
    let signed =
        Checkpoint::open(&footer.checkpoint, key).map_err(|error| lines.at_checkpoint(error.to_string()))?;
    if !lines.is_last()? {
        return Err(lines.at_checkpoint("more lines follow it".to_owned()));
    }
    let (edge, earlier) = chain.finish(signed.size, &signed.root, &mut Vec::new()).map_err(entry_error)?;
    earlier.settle(&edge)?;
    let (origin, vkey, breaches) = (signed.origin, key.to_string(), duties.finish());
    let checkpoint = footer.checkpoint;
    Ok(Verified { origin, vkey, entries: edge.size(), root: signed.root, checkpoint, breaches })
}

/// Line 1 is the header, so entry `n` is on line `n + 2`.
fn entry_error(fault: Fault) -> ExportError {
    ExportError::Entry { index: fault.index, line: fault.index + 2, reason: fault.reason }
}

/// Lines of bounded length, in a buffer that is used again.
struct Lines<'a> {
    input: &'a mut dyn BufRead,
    line: String,
    number: u64,
}

impl Lines<'_> {
    /// Reads the next line, without its newline. False at the end.
    fn next(&mut self) -> Result<bool, String> {
        self.number += 1;
        let mut bytes = std::mem::take(&mut self.line).into_bytes();
        bytes.clear();
        let mut bounded = (&mut *self.input).take(MAX_LINE_BYTES + 1);
        bounded.read_until(b'\n', &mut bytes).map_err(|error| format!("it cannot be read: {error}"))?;
        if bytes.is_empty() {
            return Ok(false);
        }
        let whole = bytes.pop_if(|last| *last == b'\n').is_some();
        // Kept even when it is not text, so that the fault can be placed by how the line begins.
        let (line, text) = match String::from_utf8(bytes) {
            Ok(line) => (line, true),
            Err(error) => (String::from_utf8_lossy(error.as_bytes()).into_owned(), false),
        };
        self.line = line;
        match (whole, text) {
            (true, true) => Ok(true),
            (true, false) => Err("the line is not UTF-8".to_owned()),
            (false, _) => Err("the line is cut off or too long".to_owned()),
        }
    }

    fn is_last(&mut self) -> Result<bool, ExportError> {
        Ok(self.input.fill_buf().map_err(ExportError::Read)?.is_empty())
    }

    fn at_entry(&self, index: u64, reason: String) -> ExportError {
        ExportError::Entry { index, line: self.number, reason }
    }

    fn at_checkpoint(&self, reason: String) -> ExportError {
        ExportError::Checkpoint { line: self.number, reason }
    }
}

/// The entry in a line, into `entry`.
fn unwrap_entry(line: &str, index: u64, entry: &mut String) -> Result<(), String> {
    let form = || r#"the line is not `{"index":…,"entry":"…"}`"#.to_owned();
    let rest = line.strip_prefix(ENTRY).ok_or_else(form)?;
    let (found, rest) = rest.split_once(r#","entry":""#).ok_or_else(form)?;
    let escaped = rest.strip_suffix(r#""}"#).ok_or_else(form)?;
    if !is_decimal(found) {
        return Err(form());
    }
    if found.parse() != Ok(index) {
        return Err(format!("the line has index {found}: entries are missing, doubled or out of order"));
    }
    unescape(escaped, entry).ok_or_else(form)
}

/// A line that says this and is written as we write it, so that no changed byte goes unseen.
fn strictly<T: for<'de> Deserialize<'de> + Serialize>(line: &str) -> Result<T, String> {
    let value: T = serde_json::from_str(line).map_err(|error| error.to_string())?;
    match serde_json::to_string(&value) {
        Ok(written) if written == line => Ok(value),
        _ => Err("it is not written as an export writes it".to_owned()),
    }
}

fn write_line<T: Serialize>(out: &mut dyn Write, value: &T) -> Result<(), LedgerError> {
    let line = serde_json::to_string(value).map_err(|error| LedgerError::Write(error.into()))?;
    writeln!(out, "{line}").map_err(LedgerError::Write)
}
