//! Typed access to a TOML table that notes a fault where the text says something else.
//!
//! A method gives `None` both for what is absent and for what is wrong; in the second case the fault is noted.

use std::ops::Range;
use std::str::FromStr;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::choices;
use super::fault::Faults;

/// A value and where it stands, in bytes.
pub(super) struct At<T> {
    pub(super) value: T,
    pub(super) span: Range<usize>,
}

impl<T> At<T> {
    pub(super) const fn start(&self) -> usize {
        self.span.start
    }
}

pub(super) struct Table<'t> {
    pub(super) faults: &'t Faults<'t>,
    table: &'t DeTable<'t>,
    span: Range<usize>,
    /// What this is, for errors: `gate `production``.
    what: String,
}

impl<'t> Table<'t> {
    pub(super) const fn new(
        faults: &'t Faults<'t>,
        table: &'t DeTable<'t>,
        span: Range<usize>,
        what: String,
    ) -> Self {
        Self { faults, table, span, what }
    }

    /// The same table under a better name, once that is known.
    pub(super) fn called(self, what: String) -> Self {
        Self { what, ..self }
    }

    pub(super) const fn start(&self) -> usize {
        self.span.start
    }

    pub(super) fn fault(&self, offset: usize, message: impl Into<String>) {
        self.faults.add(offset, message.into());
    }

    /// Notes keys that do not belong here.
    pub(super) fn only(&self, keys: &[&str]) {
        for (key, _) in self.table.iter() {
            if !keys.contains(&key.get_ref().as_ref()) {
                let listed = choices(keys.iter().copied());
                self.fault(
                    key.span().start,
                    format!("unknown key `{}` in {}: {listed}", key.get_ref(), self.what),
                );
            }
        }
    }

    /// All entries: key, where it stands, value. In the order of the file.
    pub(super) fn entries(&self) -> Vec<(At<&'t str>, &'t Spanned<DeValue<'t>>)> {
        let at = |key: &'t Spanned<std::borrow::Cow<'t, str>>| At {
            value: key.get_ref().as_ref(),
            span: key.span(),
        };
        let mut entries: Vec<_> = self.table.iter().map(|(key, value)| (at(key), value)).collect();
        entries.sort_by_key(|(key, _)| key.start());
        entries
    }

    pub(super) fn get(&self, key: &str) -> Option<&'t Spanned<DeValue<'t>>> {
        self.table.get(key)
    }

    /// A text that must be there.
    pub(super) fn required(&self, key: &str, example: &str) -> Option<At<&'t str>> {
        if self.get(key).is_none() {
            self.missing(key, example);
        }
        self.text(key)
    }

    pub(super) fn missing(&self, key: &str, example: &str) {
        self.fault(self.start(), format!("{} has no `{key}`: add `{key} = {example}`", self.what));
    }

    /// For a key whose absence and whose emptiness are equally wrong. A value of another type was noted already.
    pub(super) fn missing_or_empty(&self, key: &str, example: &str) {
        match self.get(key).map(Spanned::get_ref) {
            None => self.missing(key, example),
            Some(DeValue::Array(list)) if list.is_empty() => {
                self.fault(
                    self.start(),
                    format!("`{key}` of {} is empty: write `{key} = {example}`", self.what),
                );
            }
            Some(_) => {}
        }
    }

    pub(super) fn text(&self, key: &str) -> Option<At<&'t str>> {
        self.get(key).and_then(|value| self.as_text(key, value))
    }

    pub(super) fn as_text(&self, key: &str, value: &'t Spanned<DeValue<'t>>) -> Option<At<&'t str>> {
        let text = value.get_ref().as_str();
        if text.is_none() {
            self.wrong(key, value, "a text");
        }
        text.map(|text| At { value: text, span: value.span() })
    }

    pub(super) fn boolean(&self, key: &str) -> Option<bool> {
        let value = self.get(key)?;
        let boolean = value.get_ref().as_bool();
        if boolean.is_none() {
            self.wrong(key, value, "`true` or `false`");
        }
        boolean
    }

    /// A text that stands for one of a few values.
    pub(super) fn one_of<T: Copy>(
        &self,
        key: &str,
        all: &[T],
        name: impl Fn(T) -> &'static str,
    ) -> Option<T> {
        let text = self.text(key)?;
        self.pick(key, &text, all, name)
    }

    pub(super) fn pick<T: Copy>(
        &self,
        key: &str,
        text: &At<&str>,
        all: &[T],
        name: impl Fn(T) -> &'static str,
    ) -> Option<T> {
        let found = all.iter().copied().find(|value| name(*value) == text.value);
        if found.is_none() {
            let listed = choices(all.iter().map(|value| name(*value)));
            self.fault(text.start(), format!("`{}` is no `{key}` of {}: {listed}", text.value, self.what));
        }
        found
    }

    /// A text that is parsed by its type; the type's error says what to write.
    pub(super) fn parsed<T: FromStr<Err: std::fmt::Display>>(&self, key: &str) -> Option<At<T>> {
        let text = self.text(key)?;
        match text.value.parse() {
            Ok(value) => Some(At { value, span: text.span }),
            Err(error) => {
                self.fault(text.start(), format!("`{key}` of {}: {error}", self.what));
                None
            }
        }
    }

    /// A list of texts; absent means empty.
    pub(super) fn texts(&self, key: &str) -> Vec<At<&'t str>> {
        let Some(value) = self.get(key) else { return Vec::new() };
        let Some(array) = value.get_ref().as_array() else {
            self.wrong(key, value, "a list of texts");
            return Vec::new();
        };
        array.iter().filter_map(|element| self.as_text(key, element)).collect()
    }

    /// The tables under `[[key]]`, or of a list of inline tables.
    pub(super) fn tables(&self, key: &str, what: &str) -> Vec<Table<'t>> {
        let Some(value) = self.get(key) else { return Vec::new() };
        let Some(array) = value.get_ref().as_array() else {
            self.wrong(key, value, "a list of tables");
            return Vec::new();
        };
        array.iter().filter_map(|element| self.as_table(key, element, what)).collect()
    }

    pub(super) fn table(&self, key: &str, what: &str) -> Option<Table<'t>> {
        self.get(key).and_then(|value| self.as_table(key, value, what))
    }

    pub(super) fn as_table(
        &self,
        key: &str,
        value: &'t Spanned<DeValue<'t>>,
        what: &str,
    ) -> Option<Table<'t>> {
        let table = value.get_ref().as_table();
        if table.is_none() {
            self.wrong(key, value, "a table");
        }
        table.map(|table| Table::new(self.faults, table, value.span(), what.to_owned()))
    }

    pub(super) fn wrong(&self, key: &str, value: &Spanned<DeValue<'_>>, want: &str) {
        let got = value.get_ref().type_str();
        self.fault(value.span().start, format!("`{key}` of {} must be {want}, not {got}", self.what));
    }
}
