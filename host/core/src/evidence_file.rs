//! The evidence file: everything that one decision rests on, in lines that anybody can check without us.
//!
//! JSON Lines, in this order, and each line in one spelling only (`host/schemas/evidence.v1.json`):
//!
//! ```text
//! {"evidence":1,"request":…,"origin":…,"vkey":…}            the request, and who signs the ledger
//! {"checkpoint":"<signed note>"}                             C2SP tlog-checkpoint
//! {"index":n,"entry":"<its exact bytes>","path":[…]}         each entry, by index, with its RFC 6962 audit path
//! {"policy":"sha256:…","sha256":"sha256:…","text":"…"}       each policy that an entry names
//! {"blob":"sha256:…","text":"…"} or {"blob":…,"base64":"…"}  each blob that something before names, by digest
//! {"missing":"sha256:…"}                                     in the place of a policy or a blob that is not kept
//! {"statement":"<a DSSE envelope>"}                          optional, any number, by the digest of its text
//! {"end":n,"sha256":"sha256:…"}                              the number of lines before it, and their digest
//! ```
//!
//! [`line`] has the shapes, [`read`] takes lines in and names the one that is wrong, [`write`] gives them out,
//! [`refer`] says which blobs entries and blobs name, [`belongs`] which entries a request rests on, [`covered`] whether
//! they cover its writes, [`again`] whether a decision comes out as it was recorded, [`beside`] the same of the further
//! versions that it is about, [`story`] what they tell. This module must not know: where lines and blobs lie, how notes
//! are signed, how entries are hashed into the ledger's tree.

pub mod again;
pub mod belongs;
pub mod beside;
pub mod covered;
pub mod line;
pub mod read;
pub mod refer;
pub mod story;
pub mod write;

#[cfg(test)]
mod tests;

/// The version of the form.
pub const FORMAT: u64 = 1;

/// The longest line: the largest plugin in base64, or as much text of which every byte is escaped.
pub const MAX_LINE_BYTES: usize = 64 << 20;

/// All blobs and texts of one file together.
pub const MAX_KEPT_BYTES: usize = 1 << 30;

/// What is wrong with a file, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place} (line {line}): {reason}")]
pub struct Fault {
    /// `entry 17`, `blob sha256:…`, `checkpoint`, …
    pub place: String,
    pub line: u64,
    pub reason: String,
}
