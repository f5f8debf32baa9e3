//! Keys of the approval workflow: what people said, exceptions, and what time ends.

use countersign_core::digest::Digest;
use uuid::Uuid;

use super::Key;

/// Who changed the files of a run or of a logged model.
#[must_use]
pub fn file_writers(workspace: &str, owner: &str) -> Key {
    Key::space("author/files").text(workspace).text(owner)
}

/// The fingerprint of somebody's last rationale.
#[must_use]
pub fn last_rationale(person: &str) -> Key {
    Key::space("review/last-rationale").text(person)
}

/// Every comment.
#[must_use]
pub fn all_comments() -> Key {
    Key::space("comment")
}

/// What was said about a version, oldest first; the key ends in the comment's id.
#[must_use]
pub fn comments(workspace: &str, model: &str, version: u64) -> Key {
    all_comments().text(workspace).text(model).number(version)
}

/// Which version a comment is about.
#[must_use]
pub fn comment_place(id: Uuid) -> Key {
    Key::space("comment/place").id(id)
}

/// The words of a comment, as version 0.1 kept them, in the clear. Now: [`super::sealed_comment`].
#[must_use]
pub fn comment_text(id: Uuid) -> Key {
    Key::space("comment/text").id(id)
}

/// Waivers, by what they are about.
#[must_use]
pub fn waivers() -> Key {
    Key::space("waiver")
}

#[must_use]
pub fn waivers_of(workspace: &str, model: &str) -> Key {
    waivers().text(workspace).text(model)
}

#[must_use]
pub fn waiver(workspace: &str, model: &str, id: Uuid) -> Key {
    waivers_of(workspace, model).id(id)
}

/// Every use of break-glass, oldest first.
#[must_use]
pub fn emergencies() -> Key {
    Key::space("emergency")
}

#[must_use]
pub fn emergency(id: Uuid) -> Key {
    emergencies().id(id)
}

/// The use that nobody has reviewed yet: there is at most one.
#[must_use]
pub fn open_emergency() -> Key {
    Key::space("emergency/open")
}

/// Index: requests that time ends, soonest first; the key ends in the request's id.
#[must_use]
pub fn dues() -> Key {
    Key::space("request/due")
}

#[must_use]
pub fn due(at: u64, request: Uuid) -> Key {
    dues().number(at).id(request)
}

/// The windows in which files may be written now, by the requests that people agreed to.
#[must_use]
pub fn windows(workspace: &str) -> Key {
    Key::space("window").text(workspace)
}

#[must_use]
pub fn window(workspace: &str, request: Uuid) -> Key {
    windows(workspace).id(request)
}

/// That every request of this store is in the indexes below.
#[must_use]
pub fn requests_indexed() -> Key {
    Key::space("request/indexed")
}

/// Index: each request in a few words, to be searched; a key ends in the request's id.
#[must_use]
pub fn request_cards() -> Key {
    Key::space("request/card")
}

/// Index: the requests in one state; a key ends in the request's id.
#[must_use]
pub fn requests_in_state(state: &str) -> Key {
    Key::space("request/by-state").text(state)
}

/// Index: the requests that one person opened; a key ends in the request's id.
#[must_use]
pub fn requests_of_person(person: &str) -> Key {
    Key::space("request/by-requester").text(person)
}

/// Index: the requests that need a signature in one seat; a key ends in the request's id.
#[must_use]
pub fn requests_waiting(seat: &str) -> Key {
    Key::space("request/waiting").text(seat)
}

/// Every governed name, of all workspaces.
#[must_use]
pub fn all_holdings() -> Key {
    Key::space("holding")
}

/// Ledger indexes of the policies that took effect, oldest first.
#[must_use]
pub fn policy_loads() -> Key {
    Key::space("policy-loads")
}

/// Index: the ledger's entries about one request; a key ends in the entry's number.
#[must_use]
pub fn entries_of_request(request: Uuid) -> Key {
    Key::space("request/entry").id(request)
}

/// That every entry of the ledger is in the lists below, as this version keeps them.
#[must_use]
pub fn entries_listed() -> Key {
    Key::space("ledger/listed")
}

/// Index: the ledger's entries that name a model, of whatever workspace; a key ends in the entry's number.
#[must_use]
pub fn entries_of_model(model: &str) -> Key {
    Key::space("ledger/of-model").text(model)
}

/// Index: the ledger's entries that go on about an intent, a waiver or an emergency; a key ends in the entry's number.
#[must_use]
pub fn entries_about(id: Uuid) -> Key {
    Key::space("ledger/about").id(id)
}

/// Index: the ledger's reviews of one binding; a key ends in the entry's number.
#[must_use]
pub fn reviews_of(binding: &Digest) -> Key {
    Key::space("ledger/review").digest(binding)
}

/// Index: the ledger's entries that say which policy is in force; a key ends in the entry's number.
#[must_use]
pub fn entries_of_policy() -> Key {
    Key::space("ledger/of-policy")
}

/// Index: the ledger's entries that are in no other list; a key ends in the entry's number.
#[must_use]
pub fn other_entries() -> Key {
    Key::space("ledger/other")
}

/// What the aliases of a model have held, each step where it began.
#[must_use]
pub fn held_of(workspace: &str, model: &str) -> Key {
    Key::space("held").text(workspace).text(model)
}

/// One step: what the name held from that millisecond on.
#[must_use]
pub fn held(workspace: &str, model: &str, name: &str, since: u64) -> Key {
    held_of(workspace, model).text(name).number(since)
}

/// The last checkpoint that a place took.
#[must_use]
pub fn anchored(place: &str) -> Key {
    Key::space("ledger/anchored").text(place)
}

/// Notifications that were not taken yet, oldest first.
#[must_use]
pub fn messages() -> Key {
    Key::space("notify")
}

#[must_use]
pub fn message(id: Uuid) -> Key {
    messages().id(id)
}
