//! Keys of the approval workflow: what people said, exceptions, and what time ends.

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
