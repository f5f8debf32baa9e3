//! The names that a condition may use. [`super::super::view`] fills them.

/// What stands behind a name.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    /// Named fields, and no others.
    Record(&'static [(&'static str, Kind)]),
    /// Any key; an absent one reads as the empty text.
    Texts,
    /// Any key; an absent one is an error at evaluation.
    Numbers,
    Leaf,
}

pub(super) const ROOT: &[(&str, Kind)] =
    &[("action", Kind::Record(ACTION)), ("model", Kind::Record(MODEL)), ("version", Kind::Record(VERSION))];

const ACTION: &[(&str, Kind)] = &[("kind", Kind::Leaf), ("target", Kind::Leaf)];

const MODEL: &[(&str, Kind)] =
    &[("aliases", Kind::Leaf), ("description", Kind::Leaf), ("name", Kind::Leaf), ("tags", Kind::Texts)];

const VERSION: &[(&str, Kind)] = &[
    ("aliases", Kind::Leaf),
    ("description", Kind::Leaf),
    ("metrics", Kind::Numbers),
    ("number", Kind::Leaf),
    ("run", Kind::Record(RUN)),
    ("source", Kind::Leaf),
    ("stage", Kind::Leaf),
    ("status", Kind::Leaf),
    ("tags", Kind::Texts),
];

const RUN: &[(&str, Kind)] = &[
    ("id", Kind::Leaf),
    ("params", Kind::Texts),
    ("status", Kind::Leaf),
    ("tags", Kind::Texts),
    ("user", Kind::Leaf),
];

/// Functions that a condition may call. Operators and the macros need no listing.
pub(super) const FUNCTIONS: &[&str] =
    &["bool", "contains", "double", "endsWith", "int", "matches", "size", "startsWith", "string", "uint"];

/// The choices, for an error.
pub(super) fn choices(fields: &[(&str, Kind)]) -> String {
    let names: Vec<String> = fields.iter().map(|(name, _)| format!("`{name}`")).collect();
    names.join(", ")
}

pub(super) fn field(fields: &[(&'static str, Kind)], name: &str) -> Option<Kind> {
    fields.iter().find(|(field, _)| *field == name).map(|(_, kind)| *kind)
}

/// Whether any key may stand behind these members.
pub(super) fn is_map(path: &[String]) -> bool {
    let mut kind = Kind::Record(ROOT);
    for key in path {
        match kind {
            Kind::Record(fields) => match field(fields, key) {
                Some(inner) => kind = inner,
                None => return false,
            },
            Kind::Texts | Kind::Numbers | Kind::Leaf => return false,
        }
    }
    matches!(kind, Kind::Texts | Kind::Numbers)
}
