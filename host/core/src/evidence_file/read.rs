//! Takes lines in, one after another: each in its place, spelt as we spell it, each thing once and in order. The first
//! that is wrong is named by what it is.

use super::line::{Blob, Checkpoint, End, Header, Missing, PolicyText, Proven, Statement, strictly};
use super::write::Seal;
use super::{FORMAT, Fault, MAX_KEPT_BYTES};
use crate::digest::Digest;

/// What a line holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    Header(Header),
    Checkpoint(String),
    Entry(Proven),
    /// The digest of what it says, and its text.
    Policy(Digest, String),
    /// Its bytes have this digest.
    Blob(Digest, Vec<u8>),
    Missing(Digest),
    Statement(String),
    End,
}

/// Which lines may come next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
enum Part {
    #[default]
    Header,
    Checkpoint,
    Entries,
    Policies,
    Blobs,
    Statements,
    Over,
}

/// A file that is being read.
#[derive(Debug, Default)]
pub struct Reader {
    part: Part,
    seal: Seal,
    index: Option<u64>,
    policy: Option<Digest>,
    blob: Option<Digest>,
    statement: Option<Digest>,
    kept: usize,
    /// What the line before is called.
    last: String,
}

/// How each kind of line begins, and what it is called.
const KINDS: [(&str, &str, Part); 8] = [
    (r#"{"evidence":"#, "header", Part::Header),
    (r#"{"checkpoint":"#, "checkpoint", Part::Checkpoint),
    (r#"{"index":"#, "entry", Part::Entries),
    (r#"{"policy":"#, "policy", Part::Policies),
    (r#"{"blob":"#, "blob", Part::Blobs),
    (r#"{"missing":"#, "missing", Part::Blobs),
    (r#"{"statement":"#, "statement", Part::Statements),
    (r#"{"end":"#, "end", Part::Statements),
];

impl Reader {
    /// Takes the next line, without its newline.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn line(&mut self, line: &str) -> Result<Item, Fault> {
        let item = self.item(line).map_err(|reason| self.fault(line, reason))?;
        self.seal.take(line);
        self.last = place(line).unwrap_or_default();
        Ok(item)
    }

    /// How many lines were taken.
    #[must_use]
    pub const fn lines(&self) -> u64 {
        self.seal.lines()
    }

    /// The fault of a line that cannot be taken, such as one that is cut off.
    #[must_use]
    pub fn fault(&self, line: &str, reason: String) -> Fault {
        let place = place(line).unwrap_or_else(|| match self.last.as_str() {
            "" => "header".to_owned(),
            last => format!("line after {last}"),
        });
        Fault { place, line: self.seal.lines() + 1, reason }
    }

    /// Whether the last line was read.
    ///
    /// # Errors
    /// When it was not.
    pub fn finish(&self) -> Result<(), Fault> {
        if self.part == Part::Over {
            return Ok(());
        }
        let lines = self.seal.lines();
        let reason = format!("it is missing: the file was cut off after {lines} lines");
        Err(Fault { place: "end".to_owned(), line: lines + 1, reason })
    }

    fn item(&mut self, line: &str) -> Result<Item, String> {
        let found = KINDS.iter().find(|(begin, ..)| line.starts_with(begin));
        let (_, kind, part) = found.ok_or("it is no line of an evidence file")?;
        self.enter(*part)?;
        match *kind {
            "header" => self.header(line),
            "checkpoint" => Ok(Item::Checkpoint(strictly::<Checkpoint>(line)?.checkpoint)),
            "entry" => self.entry(line),
            "policy" => self.policy(line),
            "blob" => self.blob(line),
            "missing" => self.missing(line),
            "statement" => self.statement(line),
            _ => self.end(line),
        }
    }

    /// Lines of one part stand together, and the parts in their order.
    fn enter(&mut self, part: Part) -> Result<(), String> {
        let before = self.part;
        let (first, single) = (self.seal.lines() == 0, matches!(part, Part::Header | Part::Checkpoint));
        let misplaced =
            || "it stands in the wrong place: lines are missing, doubled or out of order".to_owned();
        if before == Part::Over {
            return Err("it follows the end of the file".to_owned());
        }
        let begun = first && part == Part::Header;
        let next = part as usize <= before as usize + 1 || before >= Part::Entries;
        if !begun && (first || part < before || (single && part == before) || !next) {
            return Err(misplaced());
        }
        self.part = part;
        Ok(())
    }

    fn header(&mut self, line: &str) -> Result<Item, String> {
        let header: Header = strictly(line)?;
        match header.evidence {
            FORMAT => Ok(Item::Header(header)),
            other => Err(format!("its form is {other}, this version reads {FORMAT}")),
        }
    }

    fn entry(&mut self, line: &str) -> Result<Item, String> {
        let proven: Proven = strictly(line)?;
        follows(&mut self.index, proven.index)?;
        self.keep(proven.entry.len())?;
        Ok(Item::Entry(proven))
    }

    fn policy(&mut self, line: &str) -> Result<Item, String> {
        let policy: PolicyText = strictly(line)?;
        follows(&mut self.policy, policy.policy)?;
        let (digest, text) = (policy.policy, policy.text()?);
        self.keep(text.len())?;
        Ok(Item::Policy(digest, text))
    }

    fn blob(&mut self, line: &str) -> Result<Item, String> {
        let blob: Blob = strictly(line)?;
        follows(&mut self.blob, blob.blob)?;
        let (digest, bytes) = (blob.blob, blob.bytes()?);
        self.keep(bytes.len())?;
        Ok(Item::Blob(digest, bytes))
    }

    fn missing(&mut self, line: &str) -> Result<Item, String> {
        let Missing { missing } = strictly(line)?;
        follows(&mut self.blob, missing)?;
        Ok(Item::Missing(missing))
    }

    fn statement(&mut self, line: &str) -> Result<Item, String> {
        let Statement { statement } = strictly(line)?;
        follows(&mut self.statement, Digest::of(statement.as_bytes()))?;
        self.keep(statement.len())?;
        Ok(Item::Statement(statement))
    }

    fn end(&mut self, line: &str) -> Result<Item, String> {
        let end: End = strictly(line)?;
        let found = self.seal.clone().close();
        if end.end != found.end {
            return Err(format!("{} lines stand before it, {} were written", found.end, end.end));
        }
        if end.sha256 != found.sha256 {
            return Err("the lines before it are not those that were written".to_owned());
        }
        self.part = Part::Over;
        Ok(Item::End)
    }

    fn keep(&mut self, bytes: usize) -> Result<(), String> {
        self.kept += bytes;
        if self.kept <= MAX_KEPT_BYTES {
            return Ok(());
        }
        Err(format!("the file holds more than {} MiB: no decision rests on so much", MAX_KEPT_BYTES >> 20))
    }
}

/// Strictly ascending: nothing twice, nothing out of order.
fn follows<T: Ord + Copy>(last: &mut Option<T>, next: T) -> Result<(), String> {
    match last.replace(next) {
        Some(before) if before == next => Err("it is there twice".to_owned()),
        Some(before) if before > next => Err("it is out of order".to_owned()),
        _ => Ok(()),
    }
}

/// What a line is called: `entry 17`, `blob sha256:…`, `checkpoint`. `None` where it is none of ours.
fn place(line: &str) -> Option<String> {
    let (begin, kind, _) = KINDS.iter().find(|(begin, ..)| line.starts_with(begin))?;
    let named = matches!(*kind, "entry" | "policy" | "blob" | "missing");
    let rest = line.get(begin.len()..).unwrap_or_default().trim_start_matches('"');
    let name: String = rest.chars().take(71).take_while(|c| c.is_ascii_alphanumeric() || *c == ':').collect();
    Some(if named && !name.is_empty() { format!("{kind} {name}") } else { (*kind).to_owned() })
}
