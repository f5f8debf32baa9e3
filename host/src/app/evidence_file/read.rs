//! Reads an evidence file and holds every line against what vouches for it: the signature, the root, its own digest,
//! and the entry that names it.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, BufRead, Read as _};

use bytes::Bytes;
use countersign_core::digest::Digest;
use countersign_core::entry::Entry;
use countersign_core::evidence_file::belongs::{Aimed, Belongs};
use countersign_core::evidence_file::line::{Header, Proven};
use countersign_core::evidence_file::read::{Item, Reader};
use countersign_core::evidence_file::refer::{self, Named, Purpose};
use countersign_core::evidence_file::{Fault, MAX_LINE_BYTES};
use countersign_core::policy::Policy;
use countersign_core::time::Millis;

use super::statement;
use crate::ledger::{Checkpoint, Hash, Record, VerifierKey, proof};

/// Why a file does not hold.
#[derive(Debug, thiserror::Error)]
pub enum EvidenceError {
    #[error("reading the file")]
    Read(#[source] io::Error),
    #[error(transparent)]
    Fault(#[from] Fault),
    #[error(
        "file is signed by `{found}`, you trust `{trusted}`: it is of another ledger, or somebody signed it anew"
    )]
    Key { found: String, trusted: String },
}

/// An entry that the checkpoint's root vouches for.
#[derive(Debug)]
pub struct Told {
    pub index: u64,
    pub at: Millis,
    pub entry: Entry,
    line: u64,
}

/// A file of which every line was found to hold.
#[derive(Debug)]
pub struct EvidenceFile {
    pub header: Header,
    pub key: VerifierKey,
    /// Whether whoever verifies said which key they trust.
    pub trusted: bool,
    pub checkpoint: Checkpoint,
    pub entries: Vec<Told>,
    pub policies: BTreeMap<Digest, Policy>,
    pub blobs: BTreeMap<Digest, Bytes>,
    pub missing: BTreeSet<Digest>,
    pub named: BTreeMap<Digest, Named>,
    /// Types of the statements' predicates.
    pub statements: Vec<String>,
    /// How long it is.
    pub bytes: u64,
}

/// Reads a file from beginning to end. Without a key to trust it is held against the key that it brings along: that
/// shows that it is whole, not whose it is. `progress` is told how many bytes were read.
///
/// # Errors
/// The first thing that is wrong, and where: see [`EvidenceError`].
pub fn read(
    input: &mut dyn BufRead,
    trusted: Option<&VerifierKey>,
    progress: &mut dyn FnMut(u64),
) -> Result<EvidenceFile, EvidenceError> {
    let mut lines = Lines { input, reader: Reader::default(), read: 0 };
    let (header, key) = begin(&mut lines, trusted)?;
    let checkpoint = checkpoint(&mut lines, &key)?;
    let mut file = EvidenceFile {
        header,
        key,
        trusted: trusted.is_some(),
        checkpoint,
        entries: Vec::new(),
        policies: BTreeMap::new(),
        blobs: BTreeMap::new(),
        missing: BTreeSet::new(),
        named: BTreeMap::new(),
        statements: Vec::new(),
        bytes: 0,
    };
    let mut places = BTreeMap::new();
    let sealed = loop {
        match lines.next() {
            Ok(Some(item)) => file.take(item, lines.reader.lines(), &mut places)?,
            Ok(None) => {
                lines.reader.finish()?;
                break Ok(());
            }
            // That lines are others than were written is told of the line, where one can be named.
            Err(EvidenceError::Fault(fault)) if fault.place == "end" => break Err(fault),
            Err(error) => return Err(error),
        }
        progress(lines.read);
    };
    file.bytes = lines.read;
    file.belongs()?;
    file.refers(&places)?;
    sealed?;
    Ok(file)
}

fn begin(
    lines: &mut Lines<'_>,
    trusted: Option<&VerifierKey>,
) -> Result<(Header, VerifierKey), EvidenceError> {
    let fault = |reason: String| Fault { place: "header".to_owned(), line: 1, reason };
    let Some(Item::Header(header)) = lines.next()? else {
        return Err(fault("it is missing: this is no evidence file".to_owned()).into());
    };
    let key: VerifierKey = header.vkey.parse().map_err(|error| fault(format!("{error}")))?;
    if key.name() != header.origin {
        return Err(fault(format!("its origin is not the name of its key, `{}`", key.name())).into());
    }
    match trusted {
        Some(trusted) if *trusted != key => {
            Err(EvidenceError::Key { found: key.to_string(), trusted: trusted.to_string() })
        }
        _ => Ok((header, key)),
    }
}

fn checkpoint(lines: &mut Lines<'_>, key: &VerifierKey) -> Result<Checkpoint, EvidenceError> {
    let fault = |reason: String| Fault { place: "checkpoint".to_owned(), line: 2, reason };
    match lines.next()? {
        Some(Item::Checkpoint(note)) => {
            Ok(Checkpoint::open(&note, key).map_err(|error| fault(error.to_string()))?)
        }
        _ => Err(fault("it is missing".to_owned()).into()),
    }
}

impl EvidenceFile {
    fn take(
        &mut self,
        item: Item,
        line: u64,
        places: &mut BTreeMap<Digest, u64>,
    ) -> Result<(), EvidenceError> {
        match item {
            Item::Entry(proven) => self.entries.push(self.proved(&proven, line)?),
            Item::Policy(digest, text) => {
                places.insert(digest, line);
                self.policies.insert(digest, read_policy(digest, &text, line)?);
            }
            Item::Blob(digest, bytes) => {
                places.insert(digest, line);
                self.blobs.insert(digest, bytes.into());
            }
            Item::Missing(digest) => {
                places.insert(digest, line);
                self.missing.insert(digest);
            }
            Item::Statement(envelope) => {
                let fault = |reason| Fault { place: "statement".to_owned(), line, reason };
                self.statements.push(statement::check(&envelope, &self.key).map_err(fault)?);
            }
            // The reader lets each of them stand once, and first.
            Item::Header(_) | Item::Checkpoint(_) | Item::End => {}
        }
        Ok(())
    }

    fn proved(&self, proven: &Proven, line: u64) -> Result<Told, Fault> {
        let fault = |reason: String| at_entry(proven.index, line, reason);
        let record = Record { index: proven.index, json: proven.entry.clone() };
        let path: Vec<Hash> = proven.path.iter().map(|digest| *digest.as_bytes()).collect();
        let Checkpoint { size, root, .. } = &self.checkpoint;
        if !proof::verify_inclusion(&record.leaf_hash(), proven.index, *size, &path, root) {
            return Err(fault("its proof does not lead to the checkpoint's root".to_owned()));
        }
        let parsed = record.parse().map_err(|error| fault(format!("it is no entry: {error}")))?;
        if parsed.index != proven.index {
            return Err(fault(format!("it says that it is entry {}", parsed.index)));
        }
        let unknown = |error| fault(format!("this version cannot read it: {error}; use a newer one"));
        let entry = serde_json::from_str(&proven.entry).map_err(unknown)?;
        Ok(Told { index: proven.index, at: parsed.at, entry, line })
    }

    /// Every entry is about the request, or something rests on it.
    fn belongs(&self) -> Result<(), Fault> {
        let request = self.header.request;
        let all = || self.entries.iter().map(|told| (told.index, &told.entry));
        let mut belongs = Belongs::to(request, all());
        if !belongs.is_known() {
            let reason = format!("no entry is about request {request}");
            return Err(Fault { place: "header".to_owned(), line: 1, reason });
        }
        let mut aimed = |input: &Digest| self.blobs.get(input).and_then(|bytes| Aimed::of_input(bytes));
        for (index, entry) in all() {
            belongs.look(index, entry, &mut aimed);
        }
        let belonging = belongs.finish();
        match self.entries.iter().find(|told| !belonging.contains(&told.index)) {
            None => Ok(()),
            Some(told) => {
                let reason = format!("it has nothing to do with request {request}");
                Err(at_entry(told.index, told.line, reason))
            }
        }
    }

    /// Nothing that is named is left out unsaid, and nothing is there that nobody names.
    fn refers(&mut self, places: &BTreeMap<Digest, u64>) -> Result<(), Fault> {
        let all = self.entries.iter().map(|told| (told.index, &told.entry));
        let named = refer::everything(all, &mut |digest| self.blobs.get(digest).map(|bytes| bytes.to_vec()));
        let at_blob = |kind: &str, digest: &Digest, reason: String| {
            let line = places.get(digest).copied().unwrap_or_default();
            Fault { place: format!("{kind} {digest}"), line, reason }
        };
        let named = named.map_err(|digest| {
            at_blob("blob", &digest, "it is named as a transcript and is none".to_owned())
        })?;
        for (digest, Named { purpose, entry }) in &named {
            let there = match purpose {
                Purpose::Policy => self.policies.contains_key(digest),
                _ => self.blobs.contains_key(digest),
            };
            if !there && !self.missing.contains(digest) {
                let told = self.entries.iter().find(|told| told.index == *entry);
                let line = told.map_or(0, |told| told.line);
                return Err(at_entry(
                    *entry,
                    line,
                    format!("{} that it names, {digest}, is not in the file", purpose.phrase()),
                ));
            }
        }
        let is_policy = |digest: &Digest| named.get(digest).is_some_and(|n| n.purpose == Purpose::Policy);
        let is_blob = |digest: &Digest| named.get(digest).is_some_and(|n| n.purpose != Purpose::Policy);
        let surplus = |kind, digest| at_blob(kind, digest, "nothing in the file names it".to_owned());
        let policy = self.policies.keys().find(|digest| !is_policy(digest)).map(|d| surplus("policy", d));
        let blob = self.blobs.keys().find(|digest| !is_blob(digest)).map(|d| surplus("blob", d));
        let missing = self
            .missing
            .iter()
            .find(|digest| !named.contains_key(digest) || self.policies.contains_key(digest));
        match policy.or(blob).or(missing.map(|digest| surplus("missing", digest))) {
            Some(fault) => Err(fault),
            None => {
                self.named = named;
                Ok(())
            }
        }
    }
}

fn at_entry(index: u64, line: u64, reason: String) -> Fault {
    Fault { place: format!("entry {index}"), line, reason }
}

fn read_policy(digest: Digest, text: &str, line: u64) -> Result<Policy, Fault> {
    let fault = |reason: String| Fault { place: format!("policy {digest}"), line, reason };
    let parsed =
        Policy::parse("policy", text).map_err(|error| fault(format!("it cannot be read: {error}")))?;
    match parsed.digest().0 {
        found if found == digest => Ok(parsed),
        other => Err(fault(format!("its text says another policy, {other}"))),
    }
}

/// Lines of bounded length.
struct Lines<'i> {
    input: &'i mut dyn BufRead,
    reader: Reader,
    read: u64,
}

impl Lines<'_> {
    /// What the next line holds. `None` at the end.
    fn next(&mut self) -> Result<Option<Item>, EvidenceError> {
        let mut bytes = Vec::new();
        let mut bounded = (&mut *self.input).take(MAX_LINE_BYTES as u64 + 1);
        let count = bounded.read_until(b'\n', &mut bytes).map_err(EvidenceError::Read)?;
        if count == 0 {
            return Ok(None);
        }
        self.read += count as u64;
        let whole = bytes.pop_if(|last| *last == b'\n').is_some();
        match String::from_utf8(bytes) {
            Ok(line) if whole => Ok(Some(self.reader.line(&line)?)),
            Ok(line) => Err(self.reader.fault(&line, "the line is cut off or too long".to_owned()).into()),
            Err(error) => {
                let line = String::from_utf8_lossy(error.as_bytes()).into_owned();
                Err(self.reader.fault(&line, "the line is not UTF-8".to_owned()).into())
            }
        }
    }
}
