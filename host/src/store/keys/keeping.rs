//! Keys of what is kept how long, of what replays found, and of digests that spare a reading.

use countersign_core::digest::Digest;
use uuid::Uuid;

use super::Key;

/// The first entry that the replays in the background have not looked at.
#[must_use]
pub fn replayed_up_to() -> Key {
    Key::space("replay/up-to")
}

/// Plugins that did not give the same bytes again.
#[must_use]
pub fn unstable_plugins() -> Key {
    Key::space("replay/unstable")
}

#[must_use]
pub fn unstable_plugin(name: &str, digest: &Digest) -> Key {
    unstable_plugins().text(name).digest(digest)
}

/// Which entry tells of the collection of a blob.
#[must_use]
pub fn collected(digest: &Digest) -> Key {
    Key::space("evidence/collected").digest(digest)
}

/// What is known of the bytes of MLflow's files. Of use for as long as a file has not changed; nothing is lost without.
#[must_use]
pub fn file_digests() -> Key {
    Key::space("file/digest")
}

#[must_use]
pub fn file_digest(file: &Digest) -> Key {
    file_digests().digest(file)
}

/// Legal holds that are in force, oldest first.
#[must_use]
pub fn legal_holds() -> Key {
    Key::space("retention/hold")
}

#[must_use]
pub fn legal_hold(id: Uuid) -> Key {
    legal_holds().id(id)
}

/// What is known of people, each sealed under their own key.
#[must_use]
pub fn sealed_profiles() -> Key {
    Key::space("person/profile")
}

#[must_use]
pub fn sealed_profile(person: &str) -> Key {
    sealed_profiles().text(person)
}

/// People who were erased.
#[must_use]
pub fn erased_people() -> Key {
    Key::space("person/erased")
}

#[must_use]
pub fn erased_person(person: &str) -> Key {
    erased_people().text(person)
}

/// The words of a comment, sealed under its author's key.
#[must_use]
pub fn sealed_comment(id: Uuid) -> Key {
    Key::space("comment/sealed").id(id)
}
