//! `countersign ledger`: at rest from the store, else from the server that has it open; an export from its file alone.

mod lists;

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use countersign_core::digest::Digest;
use countersign_core::separation::Breach;
use serde::Serialize;

use super::args::Ledger as Command;
use super::context::Context;
use super::failure::OrHint as _;
use super::machinery::runtime;
use super::operator::Operator;
use super::output::{Out, counted, painted};
use super::place::{self, Found};
use super::progress;
use crate::ledger::export::{self, ExportError, Verified};
use crate::ledger::{Head, InclusionProof, VerifierKey, against, verify};

/// Where the server answers with an export.
const EXPORT: &str = "/operator/ledger/export";

pub(super) fn run(context: &Context, command: Command) -> Result<()> {
    match command {
        Command::Verify { export, vkey, against } => {
            let trusted = trusted(vkey)?;
            let earlier = against.as_deref().map(kept).transpose()?;
            match export {
                Some(file) => verify_file(context, &file, trusted.as_ref(), earlier.as_deref()),
                None => verify_own(context, trusted, earlier),
            }
        }
        Command::Prove { index: Some(index), .. } => prove(context, index),
        Command::Prove { index: None, from, to } => prove_beginning(context, from.unwrap_or_default(), to),
        Command::Export { out } => export(context, out),
        Command::Index => lists::make(context),
    }
}

/// A ledger that was found whole.
#[derive(Serialize)]
struct Whole {
    whole: bool,
    origin: String,
    entries: u64,
    root: Digest,
    vkey: String,
    /// Entries that a signed checkpoint covers.
    signed: u64,
    /// The sizes of earlier checkpoints that were given, whose entries are the beginning of these.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    goes_on_from: Vec<u64>,
    /// Writes that were made although their signatures do not cover them, by the entry that announced each.
    breaches: Vec<Breach>,
}

impl Whole {
    /// With the checkpoints that it was held against.
    fn going_on_from(self, earlier: Option<&str>) -> Result<Self> {
        let Some(notes) = earlier else { return Ok(self) };
        let key: VerifierKey = self.vkey.parse()?;
        let mut sizes: Vec<u64> =
            against::checkpoints(notes, &key)?.iter().map(|checkpoint| checkpoint.size).collect();
        sizes.sort_unstable();
        Ok(Self { goes_on_from: sizes, ..self })
    }

    /// As a line of its own.
    fn before(&self) -> String {
        match self.goes_on_from.as_slice() {
            [] => String::new(),
            [size] => format!("\nafter the checkpoint that you kept, of {}", entries(*size)),
            [first, .., last] => format!(
                "\nafter each of the {} checkpoints that you kept, of {first} to {}",
                self.goes_on_from.len(),
                entries(*last)
            ),
        }
    }
}

fn entries(number: u64) -> String {
    counted(number, "entry", "entries")
}

impl From<Verified> for Whole {
    fn from(found: Verified) -> Self {
        let Verified { origin, vkey, entries, root, breaches, .. } = found;
        let (signed, root, goes_on_from) = (entries, Digest::from_bytes(root), Vec::new());
        Self { whole: true, origin, entries, root, vkey, signed, goes_on_from, breaches }
    }
}

impl From<verify::Whole> for Whole {
    fn from(found: verify::Whole) -> Self {
        Self {
            whole: true,
            origin: found.vkey.name().to_owned(),
            entries: found.entries,
            root: Digest::from_bytes(found.root),
            vkey: found.vkey.to_string(),
            signed: found.checkpoint.map_or(0, |checkpoint| checkpoint.size),
            goes_on_from: Vec::new(),
            breaches: found.breaches,
        }
    }
}

fn tell(context: &Context, found: &Whole, note: &str) -> Result<()> {
    let Whole { origin, entries, root, vkey, signed, breaches, .. } = found;
    let (good, entries, before) = (painted("whole", 32), self::entries(*entries), found.before());
    let text = format!(
        "the ledger `{origin}` is {good}: {entries}, {signed} of them under a signed checkpoint\n\
         root  {root}\nvkey  {vkey}{before}{note}{}",
        broken(breaches)
    );
    context.out.tell(&text, found)?;
    ensure!(breaches.is_empty(), "{} not covered by the signatures on it", counted_writes(breaches.len()));
    Ok(())
}

fn broken(breaches: &[Breach]) -> String {
    let line = |breach: &Breach| format!("\nSOD-VIOLATION entry {}: {}", breach.entry, breach.reason);
    breaches.iter().map(line).collect()
}

fn counted_writes(number: usize) -> String {
    counted(u64::try_from(number).unwrap_or(u64::MAX), "fault: a write is", "faults: writes are")
}

/// Checkpoints in a file, or as they are given.
fn kept(against: &str) -> Result<String> {
    if against.contains('\n') {
        return Ok(against.to_owned());
    }
    let read = std::fs::read_to_string(against).with_context(|| format!("cannot read `{against}`"));
    read.or_hint("`--against` is a file with a checkpoint, or the text of one with its line breaks")
}

fn verify_file(
    context: &Context,
    file: &Path,
    trusted: Option<&VerifierKey>,
    earlier: Option<&str>,
) -> Result<()> {
    let opened = File::open(file).with_context(|| format!("cannot read `{}`", file.display()))?;
    let found = check(&mut BufReader::new(opened), trusted, earlier)
        .with_context(|| format!("`{}` does not hold", file.display()))?;
    let own = "\nnote  this key came with the export: `--vkey` checks that it is the one you trust";
    let found = Whole::from(found).going_on_from(earlier)?;
    tell(context, &found, if trusted.is_some() { "" } else { own })
}

pub(super) fn trusted(vkey: Option<String>) -> Result<Option<VerifierKey>> {
    let parsed = vkey.map(|key| key.parse::<VerifierKey>()).transpose();
    parsed.context("`--vkey`").or_hint("a verifier key looks like `origin+1234abcd+base64`")
}

fn check(
    input: &mut dyn BufRead,
    trusted: Option<&VerifierKey>,
    earlier: Option<&str>,
) -> Result<Verified, ExportError> {
    let bar = progress::counting("entries", None);
    let found = export::verify_against(input, trusted, earlier, &mut |done| bar.set_position(done));
    bar.finish_and_clear();
    found
}

fn verify_own(context: &Context, trusted: Option<VerifierKey>, earlier: Option<String>) -> Result<()> {
    let config = context.config()?;
    match place::find_store(&config)? {
        Found::AtRest(store) => {
            let bar = progress::counting("entries", Some(Head::read(&*store)?.size()));
            let progress = &mut |done| bar.set_position(done);
            let found = match &earlier {
                None => verify::store(&*store, progress),
                Some(notes) => verify::store_against(&*store, notes, progress),
            };
            bar.finish_and_clear();
            let found = Whole::from(found?).going_on_from(earlier.as_deref())?;
            if let Some(trusted) = trusted.map(|key| key.to_string()) {
                ensure!(
                    trusted == found.vkey,
                    "this ledger is signed by `{}`, you trust `{trusted}`: it is another ledger",
                    found.vkey
                );
            }
            tell(context, &found, "")?;
            lists::check(&*store)
        }
        Found::Served => {
            let operator = Operator::new(&config)?;
            let notes = earlier.clone();
            let reading =
                operator.read(EXPORT, move |input| check(input, trusted.as_ref(), notes.as_deref()));
            let found = Whole::from(runtime()?.block_on(reading)??).going_on_from(earlier.as_deref())?;
            tell(context, &found, "\nnote  as the running server exported it")
        }
    }
}

fn prove(context: &Context, index: u64) -> Result<()> {
    let config = context.config()?;
    let proof: InclusionProof = match place::find_store(&config)? {
        Found::AtRest(store) => runtime()?.block_on(async {
            Ok::<_, anyhow::Error>(place::ledger(&config, store).await?.prove(index).await?)
        })?,
        Found::Served => {
            let operator = Operator::new(&config)?;
            let index = index.to_string();
            runtime()?.block_on(operator.get("/operator/ledger/proof", &[("index", &index)]))?
        }
    };
    context.out.json(&proof)
}

/// That the ledger of the first `from` entries is the beginning of a later one.
fn prove_beginning(context: &Context, from: u64, to: Option<u64>) -> Result<()> {
    let config = context.config()?;
    let proof: serde_json::Value = match place::find_store(&config)? {
        Found::AtRest(store) => runtime()?.block_on(async {
            let ledger = place::ledger(&config, store).await?;
            Ok::<_, anyhow::Error>(match to {
                None => serde_json::to_value(ledger.prove_consistency(from).await?)?,
                Some(to) => serde_json::to_value(ledger.prove_between(from, to)?)?,
            })
        })?,
        Found::Served => {
            let operator = Operator::new(&config)?;
            let sizes = [Some(("from", from.to_string())), to.map(|to| ("to", to.to_string()))];
            let sizes: Vec<(&str, &str)> =
                sizes.iter().flatten().map(|(name, size)| (*name, size.as_str())).collect();
            runtime()?.block_on(operator.get("/operator/ledger/consistency", &sizes))?
        }
    };
    context.out.json(&proof)
}

fn export(context: &Context, out: Option<PathBuf>) -> Result<()> {
    let config = context.config()?;
    let found = place::find_store(&config)?;
    let mut aside = Aside::open(out)?;
    let bar = progress::counting("entries", None);
    let exported = match found {
        Found::AtRest(store) => runtime()?.block_on(async {
            let ledger = place::ledger(&config, store).await?;
            Ok(ledger.export(&mut *aside.out, &mut |done| bar.set_position(done)).await?)
        }),
        Found::Served => {
            let operator = Operator::new(&config)?;
            runtime()?.block_on(operator.copy(EXPORT, &[], &mut *aside.out))
        }
    };
    bar.finish_and_clear();
    exported.and_then(|()| aside.keep())
}

/// An output that is in place only when it is whole.
pub(super) struct Aside {
    pub(super) out: Box<dyn Write + Send>,
    places: Option<(PathBuf, PathBuf)>,
}

impl Aside {
    /// Standard output where no file is named.
    pub(super) fn open(file: Option<PathBuf>) -> Result<Self> {
        let Some(file) = file else {
            return Ok(Self { out: Box::new(Out::raw()), places: None });
        };
        let aside = file.with_extension(format!("{}.new", std::process::id()));
        let opened = File::create(&aside).with_context(|| format!("cannot write `{}`", aside.display()))?;
        Ok(Self { out: Box::new(BufWriter::new(opened)), places: Some((aside, file)) })
    }

    pub(super) fn keep(mut self) -> Result<()> {
        self.out.flush()?;
        if let Some((aside, file)) = self.places.take() {
            std::fs::rename(&aside, &file).with_context(|| format!("cannot write `{}`", file.display()))?;
        }
        Ok(())
    }
}

impl Drop for Aside {
    fn drop(&mut self) {
        if let Some((aside, _)) = &self.places {
            let _ = std::fs::remove_file(aside);
        }
    }
}
