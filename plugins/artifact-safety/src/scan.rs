//! One look at the files of a version: from a file to its pickles, and from those to findings.

mod archive;

use countersign_sdk::artifacts::{self, Reader};
use countersign_sdk::prelude::*;

use crate::config::{ArtifactSafety, OnUnreadable, Verdict};
use crate::formats::{self, Kind, Named, keras, npy, safetensors, skops, zip};
use crate::globals::{Standing, standing};
use crate::pickle::{self, Global, Walk};
use crate::source::{CHUNK, Inflated, Source, Stream, Wrapping};

/// Findings beyond that are counted only.
const MOST_FINDINGS: usize = 200;
/// What a file's kind is told from, in bytes.
const HEAD: u64 = 512;

pub(crate) struct Scan<'a> {
    config: &'a ArtifactSafety,
    findings: Findings,
    left_out: usize,
    pickles: u64,
    globals: u64,
}

/// A place in a file: `model/archive.pt` or `archive.pt » data.pkl`.
#[derive(Clone, Copy)]
struct Place<'a> {
    path: &'a str,
    depth: u32,
}

impl<'a> Scan<'a> {
    pub(crate) fn new(config: &'a ArtifactSafety) -> Self {
        Self { config, findings: Findings::new(), left_out: 0, pickles: 0, globals: 0 }
    }

    pub(crate) fn file(&mut self, path: &str) {
        match artifacts::open(path) {
            Ok(artifact) => {
                let reader: Reader = artifact.reader(CHUNK);
                self.source(&mut Source::Artifact(reader), Place { path, depth: 0 });
            }
            Err(error) => self.unreadable(path, &error.sentence()),
        }
    }

    pub(crate) fn report(mut self, files: usize) -> Report {
        if self.left_out > 0 {
            let message = format!("{} more findings are left out", self.left_out);
            self.findings.push(Finding::warning("findings-left-out", message));
        }
        let (pickles, globals) = (self.pickles, self.globals);
        self.findings
            .report(format!("{files} files, {pickles} pickles with {globals} globals: nothing dangerous"))
    }

    // === Files and members ===

    fn source(&mut self, source: &mut Source, place: Place<'_>) {
        let head = match source.bytes(0, HEAD) {
            Ok(head) => head,
            Err(error) => return self.unreadable(place.path, &error.to_string()),
        };
        let named = formats::named(place.path);
        match formats::kind(&head) {
            Kind::Zip => self.archive(source, place),
            Kind::Npy => self.npy(source, place),
            Kind::Hdf5 => self.hdf5(source, place),
            Kind::Zlib if named != Named::Other => self.packed(source, 0, Wrapping::Zlib, place),
            Kind::Gzip if named != Named::Other => match gzip_header(&head) {
                Some(start) => self.packed(source, start, Wrapping::Gzip, place),
                None => self.unreadable(place.path, "its gzip header is damaged"),
            },
            Kind::Packed(format) if named != Named::Other => {
                self.unreadable(place.path, &format!("it is packed as {format}, which is not read here"));
            }
            Kind::Safetensors if named != Named::Pickle => self.safetensors(source, place),
            _ if place.path.ends_with(".safetensors") => self.safetensors(source, place),
            kind => {
                if named != Named::Other || kind == Kind::Pickle {
                    self.pickles(&mut source.whole(), named == Named::Pickle, place);
                }
                // An archive is found by its end: something else may come first, as in a polyglot.
                if named != Named::Other && zip::members(source).is_ok_and(|members| !members.is_empty()) {
                    self.archive(source, place);
                }
            }
        }
    }

    fn packed(&mut self, source: &mut Source, start: u64, wrapping: Wrapping, place: Place<'_>) {
        let certain = formats::named(place.path) == Named::Pickle;
        self.pickles(&mut Inflated::new(source.part(start, u64::MAX), wrapping), certain, place);
    }

    // === Formats ===

    fn npy(&mut self, source: &mut Source, place: Place<'_>) {
        match npy::pickle_start(source, 0) {
            Ok(Some(start)) => self.pickles(&mut source.part(start, u64::MAX), true, place),
            Ok(None) => {}
            Err(why) => self.unreadable(place.path, &why),
        }
    }

    fn safetensors(&mut self, source: &mut Source, place: Place<'_>) {
        match safetensors::verify(source) {
            Ok(()) => {}
            Err(safetensors::Fault::Unreadable(why)) => self.unreadable(place.path, &why),
            // Bytes that look like it by chance, under another name.
            Err(safetensors::Fault::Invalid(_)) if !place.path.ends_with(".safetensors") => {
                self.pickles(&mut source.whole(), false, place);
            }
            Err(safetensors::Fault::Invalid(why)) => {
                let finding =
                    Finding::error("safetensors-invalid", format!("`{}` is damaged: {why}", place.path));
                self.add(
                    finding
                        .segment(place.path)
                        .remediation("Save the file again with the safetensors library."),
                );
            }
        }
    }

    fn hdf5(&mut self, source: &mut Source, place: Place<'_>) {
        match keras::hdf5_has_lambda(source) {
            Ok(true) => self.lambda(place),
            Ok(false) => {}
            Err(error) => self.unreadable(place.path, &error.to_string()),
        }
    }

    fn keras(&mut self, config: &[u8], place: Place<'_>) {
        if keras::has_lambda(config) {
            self.lambda(place);
        }
    }

    fn lambda(&mut self, place: Place<'_>) {
        let message =
            format!("`{}` has a Keras Lambda layer, which is Python code that runs at loading", place.path);
        let finding = Finding::error("keras-lambda", message).segment(place.path);
        self.add(finding.remediation("Replace the Lambda layer by a registered layer class."));
    }

    fn skops(&mut self, schema: &[u8], place: Place<'_>) {
        match skops::types(schema) {
            Ok(types) => types.iter().for_each(|global| self.global(global, place)),
            Err(why) => self.unreadable(place.path, &why),
        }
    }

    // === Pickles ===

    /// `certain`: it is loaded as a pickle, so one that is damaged cannot be judged. Otherwise raw data is no
    /// finding.
    fn pickles<S: Stream>(&mut self, stream: &mut S, certain: bool, place: Place<'_>) {
        let walk = match pickle::walk(stream) {
            Ok(walk) => walk,
            Err(error) => return self.unreadable(place.path, &error.to_string()),
        };
        self.pickles += u64::from(walk.complete);
        self.globals += walk.globals.len() as u64;
        walk.globals.iter().for_each(|global| self.global(global, place));
        // Numbers and nested pickles look like imports by chance: there only what is known to be dangerous counts.
        let doubtful = walk.doubtful.difference(&walk.globals);
        doubtful.filter(|g| standing(g, self.config) == Standing::Denied).for_each(|g| self.global(g, place));
        self.unresolved(&walk, place);
        let counts = certain || walk.complete > 0 || !walk.globals.is_empty();
        if let Some(why) = walk.broken.as_ref().filter(|_| counts) {
            self.unreadable(place.path, &format!("the pickle cannot be followed: {why}"));
        }
    }

    fn global(&mut self, global: &Global, place: Place<'_>) {
        let standing = standing(global, self.config);
        let name = format!("{}.{}", global.module, global.name);
        let severity = match (standing, self.config.unknown) {
            (Standing::Allowed, _) | (Standing::Unknown, Verdict::Allow) => return,
            (Standing::Denied, _) | (Standing::Unknown, Verdict::Fail) => Severity::Error,
            (Standing::Unknown, Verdict::Warn) => Severity::Warning,
        };
        let finding = if standing == Standing::Denied {
            let message =
                format!("`{}` imports `{}` when it is loaded, which can run code", place.path, short(&name));
            Finding::new(severity, "dangerous-global", message)
                .remediation("Do not load this file. Save the model again in a format without code, or find out who changed it.")
        } else {
            let message =
                format!("`{}` imports `{}` when it is loaded, which is on no list", place.path, short(&name));
            Finding::new(severity, "unknown-global", message).remediation(format!(
                "If it is safe, add `{}` to `allow` in the configuration of this check.",
                short(&name)
            ))
        };
        self.add(finding.measured(short(&name)).segment(place.path));
    }

    fn unresolved(&mut self, walk: &Walk, place: Place<'_>) {
        if walk.unresolved > 0 {
            let message = format!(
                "`{}` imports {} globals whose names it makes up while loading",
                place.path, walk.unresolved
            );
            let finding = Finding::error("unresolved-global", message).segment(place.path);
            self.add(finding.remediation("No known library writes such files: do not load it."));
        }
    }

    // === Findings ===

    fn unreadable(&mut self, path: &str, why: &str) {
        let severity = match self.config.on_unreadable {
            OnUnreadable::Warn => Severity::Warning,
            OnUnreadable::Fail => Severity::Error,
        };
        let finding =
            Finding::new(severity, "unreadable", format!("`{path}` could not be read to its end: {why}"));
        self.add(
            finding
                .segment(path)
                .remediation("Replace the file, or set `on_unreadable` to `warn` for this gate."),
        );
    }

    fn add(&mut self, finding: Finding) {
        // Errors always find room: what is left out may not be what fails the check.
        let room = if finding.severity == Severity::Error { MOST_FINDINGS } else { MOST_FINDINGS / 2 };
        if self.findings.len() < room {
            self.findings.push(finding);
        } else {
            self.left_out += 1;
        }
    }
}

/// Names come from the file: a reader sees the beginning of a very long one.
fn short(name: &str) -> String {
    if name.chars().count() <= 160 {
        name.to_owned()
    } else {
        name.chars().take(160).chain(['…']).collect()
    }
}

/// Where the compressed data begins (RFC 1952, 2.3).
fn gzip_header(head: &[u8]) -> Option<u64> {
    let flags = *head.get(3)?;
    let mut at = 10;
    if flags & 4 != 0 {
        at += 2 + usize::from(u16::from_le_bytes([*head.get(at)?, *head.get(at + 1)?]));
    }
    for text in [8, 16] {
        if flags & text != 0 {
            at += head.get(at..)?.iter().position(|b| *b == 0)? + 1;
        }
    }
    if flags & 2 != 0 {
        at += 2;
    }
    u64::try_from(at).ok()
}
