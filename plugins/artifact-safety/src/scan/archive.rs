//! The members of zip archives: which of them are looked into, and how.

use std::io::{Cursor, Read};

use super::{HEAD, Place, Scan};
use crate::formats::{self, Kind, Named, npy, zip};
use crate::source::{Inflated, Source, Stream, Wrapping};

/// Archives within archives.
const MOST_NESTED: u32 = 3;
/// The largest member that is unpacked into memory, in bytes; pickles are unpacked as they are walked.
const LARGEST_IN_MEMORY: u64 = 8 << 20;

impl Scan<'_> {
    pub(super) fn archive(&mut self, source: &mut Source, place: Place<'_>) {
        if place.depth >= MOST_NESTED {
            return self.unreadable(place.path, "archives are nested too deeply");
        }
        match zip::members(source) {
            Ok(members) => members.iter().for_each(|member| self.member(source, member, place)),
            Err(why) => self.unreadable(place.path, &why),
        }
    }

    fn member(&mut self, source: &mut Source, member: &zip::Member, place: Place<'_>) {
        if member.packed == 0 || member.name.ends_with('/') {
            return;
        }
        let path = format!("{} » {}", place.path, member.name);
        let inner = Place { path: &path, depth: place.depth + 1 };
        let (start, end) = match member.range(source) {
            Ok(range) => range,
            Err(why) => return self.unreadable(&path, &why),
        };
        match member.method {
            _ if member.encrypted && formats::named(&path) != Named::Other => {
                self.unreadable(&path, "it is encrypted")
            }
            zip::STORED => {
                let head = source.bytes(start, HEAD.min(member.packed)).unwrap_or_default();
                self.stored(source, (start, end), &head, member, inner);
            }
            zip::DEFLATED => self.deflated(source, (start, end), member, inner),
            method => self.unreadable(&path, &format!("its compression method {method} is not read here")),
        }
    }

    fn stored(
        &mut self,
        source: &mut Source,
        (start, end): (u64, u64),
        head: &[u8],
        member: &zip::Member,
        place: Place<'_>,
    ) {
        match formats::kind(head) {
            Kind::Pickle => self.pickles(&mut source.part(start, end), is_pickle(place.path), place),
            Kind::Npy => match npy::pickle_start(source, start) {
                Ok(Some(begin)) => self.pickles(&mut source.part(begin, end), true, place),
                Ok(None) => {}
                Err(why) => self.unreadable(place.path, &why),
            },
            _ if is_pickle(place.path) => self.pickles(&mut source.part(start, end), true, place),
            Kind::Zip | Kind::Gzip | Kind::Zlib | Kind::Hdf5 => {
                self.in_memory(source.part(start, end), member, place)
            }
            _ if is_configuration(&member.name) => self.in_memory(source.part(start, end), member, place),
            _ => {}
        }
    }

    fn deflated(
        &mut self,
        source: &mut Source,
        (start, end): (u64, u64),
        member: &zip::Member,
        place: Place<'_>,
    ) {
        let mut head = Vec::new();
        let peeked = Inflated::new(source.part(start, end), Wrapping::Raw).take(HEAD).read_to_end(&mut head);
        if peeked.is_err() && head.is_empty() {
            return self.unreadable(place.path, "its compressed data is damaged");
        }
        let mut inflated = Inflated::new(source.part(start, end), Wrapping::Raw);
        match formats::kind(&head) {
            Kind::Pickle => self.pickles(&mut inflated, is_pickle(place.path), place),
            _ if is_pickle(place.path) => self.pickles(&mut inflated, true, place),
            Kind::Npy if member.unpacked > LARGEST_IN_MEMORY => self.large_npy(&head, &mut inflated, place),
            Kind::Zip | Kind::Npy | Kind::Gzip | Kind::Zlib | Kind::Hdf5 => {
                self.in_memory(inflated, member, place)
            }
            _ if is_configuration(&member.name) => self.in_memory(inflated, member, place),
            _ => {}
        }
    }

    /// The header of a compressed array, and the pickle behind it where there is one.
    fn large_npy<S: Stream>(&mut self, head: &[u8], stream: &mut S, place: Place<'_>) {
        let mut header = Source::Memory(Cursor::new(head.to_vec()));
        match npy::pickle_start(&mut header, 0) {
            Ok(None) => {}
            Ok(Some(start)) if stream.skip(start).is_ok() => self.pickles(stream, true, place),
            Ok(Some(_)) => self.unreadable(place.path, "it ends within its NumPy header"),
            Err(why) => self.unreadable(place.path, &why),
        }
    }

    fn in_memory(&mut self, content: impl Read, member: &zip::Member, place: Place<'_>) {
        let mut bytes = Vec::new();
        let read = content.take(LARGEST_IN_MEMORY + 1).read_to_end(&mut bytes);
        match read {
            Err(error) => self.unreadable(place.path, &error.to_string()),
            Ok(_) if bytes.len() as u64 > LARGEST_IN_MEMORY => {
                self.unreadable(place.path, "it is too large to be unpacked here");
            }
            Ok(_) if member.name == "schema.json" => self.skops(&bytes, place),
            Ok(_) if member.name == "config.json" => self.keras(&bytes, place),
            Ok(_) => self.source(&mut Source::Memory(Cursor::new(bytes)), place),
        }
    }
}

fn is_pickle(path: &str) -> bool {
    formats::named(path) == Named::Pickle
}

/// The members of archives that say what is made at loading: of skops and of Keras.
fn is_configuration(name: &str) -> bool {
    matches!(name, "schema.json" | "config.json")
}
