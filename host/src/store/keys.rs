//! Every key of the store, in one file: what lies where, and in which order it is found.
//!
//! A key is a space and parts. Texts end in `00 01`, so that the prefix of `fraud` does not find `fraud-2`; numbers,
//! ids and digests have a fixed length and sort as their values do.

mod keeping;
mod workflow;

use std::borrow::Borrow;
use std::fmt;

use countersign_core::digest::Digest;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};
use uuid::Uuid;

pub use self::keeping::*;
pub use self::workflow::*;

/// A key, or the prefix of keys.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(Vec<u8>);

impl Key {
    /// The prefix of a whole space.
    #[must_use]
    pub fn space(name: &str) -> Self {
        Self(Vec::with_capacity(64)).text(name)
    }

    /// Any bytes, as an import finds them.
    #[must_use]
    pub const fn from_bytes(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// A text. A zero byte within it is written `00 FF`, which keeps both order and boundaries.
    #[must_use]
    pub fn text(mut self, text: &str) -> Self {
        for byte in text.bytes() {
            self.0.push(byte);
            if byte == 0 {
                self.0.push(0xff);
            }
        }
        self.fixed(&[0, 1])
    }

    /// A number, smallest first.
    #[must_use]
    pub fn number(self, number: u64) -> Self {
        self.fixed(&number.to_be_bytes())
    }

    /// An id; UUIDv7 sorts oldest first.
    #[must_use]
    pub fn id(self, id: Uuid) -> Self {
        self.fixed(id.as_bytes())
    }

    #[must_use]
    pub fn digest(self, digest: &Digest) -> Self {
        self.fixed(digest.as_bytes())
    }

    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The last 16 bytes as an id: what an index that ends in an id points to.
    #[must_use]
    pub fn last_id(&self) -> Option<Uuid> {
        self.0.last_chunk().map(|bytes| Uuid::from_bytes(*bytes))
    }

    /// The last 8 bytes as a number.
    #[must_use]
    pub fn last_number(&self) -> Option<u64> {
        self.0.last_chunk().map(|bytes| u64::from_be_bytes(*bytes))
    }

    /// The text that follows a prefix.
    #[must_use]
    pub fn text_after(&self, prefix: &Self) -> Option<String> {
        let mut rest = self.0.strip_prefix(prefix.0.as_slice())?.iter();
        let mut text = Vec::new();
        while let Some(&byte) = rest.next() {
            match byte {
                0 if rest.next() == Some(&1) => return String::from_utf8(text).ok(),
                byte => text.push(byte),
            }
        }
        None
    }

    /// The name that [`Key::space`] was given.
    #[must_use]
    pub fn space_name(&self) -> String {
        let name = self.0.split(|&byte| byte == 0).next().unwrap_or_default();
        String::from_utf8_lossy(name).into_owned()
    }

    /// The smallest byte string after all keys that begin with this one.
    pub(super) fn successor(&self) -> Option<Vec<u8>> {
        let end = self.0.iter().rposition(|&byte| byte != 0xff)?;
        let mut bytes = self.0.get(..=end)?.to_vec();
        *bytes.last_mut()? += 1;
        Some(bytes)
    }

    fn fixed(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }
}

impl Borrow<[u8]> for Key {
    fn borrow(&self) -> &[u8] {
        &self.0
    }
}

const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'/').remove(b'@');

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&percent_encode(&self.0, PLAIN), f)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{self}`")
    }
}

// === ledger ===

/// Where the ledger ends: its size, its last leaf hash, the right edge of its tree.
#[must_use]
pub fn ledger_head() -> Key {
    Key::space("ledger/head")
}

/// Entries, in order.
#[must_use]
pub fn ledger_entries() -> Key {
    Key::space("ledger/entry")
}

#[must_use]
pub fn ledger_entry(index: u64) -> Key {
    ledger_entries().number(index)
}

/// A full tile of the Merkle tree.
#[must_use]
pub fn ledger_tile(level: u8, index: u64) -> Key {
    Key::space("ledger/tile").fixed(&[level]).number(index)
}

/// The newest signed checkpoint.
#[must_use]
pub fn ledger_checkpoint() -> Key {
    Key::space("ledger/checkpoint")
}

/// The key that signs this ledger, as a verifier key.
#[must_use]
pub fn ledger_vkey() -> Key {
    Key::space("ledger/vkey")
}

// === evidence ===

/// A blob of evidence.
#[must_use]
pub fn evidence(digest: &Digest) -> Key {
    Key::space("evidence").digest(digest)
}

/// The text of a policy that was in force, by the digest of what it says.
#[must_use]
pub fn policy_text(policy: &Digest) -> Key {
    Key::space("policy/text").digest(policy)
}

// === promotion requests ===

/// Promotion requests, oldest first.
#[must_use]
pub fn requests() -> Key {
    Key::space("request")
}

#[must_use]
pub fn request(id: Uuid) -> Key {
    requests().id(id)
}

/// Index: the requests about one model; the key ends in the request's id.
#[must_use]
pub fn requests_of_model(workspace: &str, model: &str) -> Key {
    Key::space("request/by-model").text(workspace).text(model)
}

#[must_use]
pub fn request_of_model(workspace: &str, model: &str, id: Uuid) -> Key {
    requests_of_model(workspace, model).id(id)
}

// === what MLflow told us ===

/// A webhook delivery that has been seen, so that a retry is not taken twice.
#[must_use]
pub fn webhook_delivery(id: &str) -> Key {
    Key::space("webhook/delivery").text(id)
}

// === who did what, as recorded by us ===

/// Who registered a version.
#[must_use]
pub fn creator(workspace: &str, model: &str, version: u64) -> Key {
    Key::space("author/creator").text(workspace).text(model).number(version)
}

/// Who last changed what is reviewed of a version.
#[must_use]
pub fn writer(workspace: &str, model: &str, version: u64) -> Key {
    Key::space("author/writer").text(workspace).text(model).number(version)
}

/// What to call people, as version 0.1 kept it, in the clear.
#[must_use]
pub fn profiles() -> Key {
    Key::space("profile")
}

#[must_use]
pub fn profile(person: &str) -> Key {
    profiles().text(person)
}

/// What a provider last said of a person, as version 0.1 kept it. Now all of it is under [`sealed_profile`].
#[must_use]
pub fn membership(person: &str) -> Key {
    Key::space("profile/membership").text(person)
}

/// Index: the members of a group; a key ends in the person's id.
#[must_use]
pub fn members_of(group: &str) -> Key {
    Key::space("profile/by-group").text(group)
}

#[must_use]
pub fn member_of(group: &str, person: &str) -> Key {
    members_of(group).text(person)
}

/// Index: the people of one folded name; a key ends in the person's id.
#[must_use]
pub fn people_named(folded: &str) -> Key {
    Key::space("profile/by-name").text(folded)
}

#[must_use]
pub fn person_named(folded: &str, person: &str) -> Key {
    people_named(folded).text(person)
}

// === the way of a governed write ===

/// The request in force for exactly one write, by the digest of that write.
#[must_use]
pub fn current_request(placed: &Digest) -> Key {
    Key::space("request/current").digest(placed)
}

/// A check run that may be used again, by the digest of what went into it.
#[must_use]
pub fn check_run(inputs: &Digest) -> Key {
    Key::space("check-run").digest(inputs)
}

/// The latest check run of each plugin and configuration on a version.
#[must_use]
pub fn check_runs_of(workspace: &str, model: &str, version: u64) -> Key {
    Key::space("check-run/by-version").text(workspace).text(model).number(version)
}

#[must_use]
pub fn open_intents() -> Key {
    Key::space("intent/open")
}

/// An intent whose outcome is not recorded yet.
#[must_use]
pub fn open_intent(id: Uuid) -> Key {
    open_intents().id(id)
}

// === what the registry held when we last looked ===

/// That it was looked at for the first time, and when.
#[must_use]
pub fn baseline() -> Key {
    Key::space("holding/baseline")
}

/// All governed names of a workspace.
#[must_use]
pub fn holdings_of(workspace: &str) -> Key {
    all_holdings().text(workspace)
}

/// All governed names of a model.
#[must_use]
pub fn holdings(workspace: &str, model: &str) -> Key {
    holdings_of(workspace).text(model)
}

/// Governed names of a workspace that are to be set back and are not yet.
#[must_use]
pub fn reverts_owed(workspace: &str) -> Key {
    Key::space("revert/owed").text(workspace)
}

#[must_use]
pub fn revert_owed(workspace: &str, model: &str, name: &str) -> Key {
    reverts_owed(workspace).text(model).text(name)
}

/// What holds a governed name, as in `alias:champion`.
#[must_use]
pub fn holding(workspace: &str, model: &str, name: &str) -> Key {
    holdings(workspace, model).text(name)
}

#[cfg(test)]
mod tests;
