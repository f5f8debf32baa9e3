//! A table of numbers: what stands behind each picture, and what CSV and JSON give.

use serde::Serialize;
use serde_json::{Map, Value, json};

/// One value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cell {
    Text(String),
    Count(u64),
    /// A length of time in milliseconds.
    Millis(i64),
    /// So many of so many.
    Share(u64, u64),
    /// There is none, or too few to tell without telling of somebody.
    Silent,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Column {
    /// In CSV and JSON. Lengths of time end in `_s`.
    pub key: &'static str,
    /// On the page.
    pub words: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    pub name: &'static str,
    pub title: &'static str,
    /// What exactly is counted.
    pub meaning: String,
    pub columns: Vec<Column>,
    pub rows: Vec<Vec<Cell>>,
}

pub(crate) fn columns(given: &[(&'static str, &'static str)]) -> Vec<Column> {
    given.iter().map(|&(key, words)| Column { key, words }).collect()
}

impl Cell {
    #[must_use]
    pub fn text(value: impl ToString) -> Self {
        Self::Text(value.to_string())
    }

    #[must_use]
    pub fn count(value: usize) -> Self {
        Self::Count(value as u64)
    }

    /// A share of nothing says nothing.
    #[must_use]
    pub const fn share(part: u64, of: u64) -> Self {
        if of == 0 { Self::Silent } else { Self::Share(part, of) }
    }

    #[must_use]
    pub fn millis(value: Option<i64>) -> Self {
        value.map_or(Self::Silent, Self::Millis)
    }

    /// As a number: milliseconds, counts, a share between 0 and 1.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "nobody sees the sixteenth digit in a picture")]
    pub fn number(&self) -> Option<f64> {
        match self {
            Self::Count(count) => Some(*count as f64),
            Self::Millis(millis) => Some(*millis as f64),
            Self::Share(part, of) => Some(*part as f64 / (*of).max(1) as f64),
            Self::Text(_) | Self::Silent => None,
        }
    }

    /// Seconds for lengths of time, fractions for shares.
    #[must_use]
    pub fn plain(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Count(count) => count.to_string(),
            Self::Millis(millis) => {
                let sign = if *millis < 0 { "-" } else { "" };
                format!("{sign}{}.{:03}", millis.unsigned_abs() / 1_000, millis.unsigned_abs() % 1_000)
            }
            Self::Share(part, of) => {
                let parts = part.saturating_mul(10_000) / (*of).max(1);
                format!("{}.{:04}", parts / 10_000, parts % 10_000)
            }
            Self::Silent => String::new(),
        }
    }

    fn json(&self) -> Value {
        match self {
            Self::Text(text) => json!(text),
            Self::Count(count) => json!(count),
            Self::Silent => Value::Null,
            Self::Millis(_) | Self::Share(..) => self.plain().parse::<f64>().map_or(Value::Null, Value::from),
        }
    }
}

impl Table {
    /// By RFC 4180. A text that a spreadsheet would take for a formula gets an apostrophe before it.
    #[must_use]
    pub fn csv(&self) -> String {
        let head: Vec<String> = self.columns.iter().map(|column| column.key.to_owned()).collect();
        let rows = self.rows.iter().map(|row| row.iter().map(field).collect());
        let lines = std::iter::once(head).chain(rows).map(|fields: Vec<String>| fields.join(",") + "\r\n");
        lines.collect()
    }

    /// Rows as objects.
    #[must_use]
    pub fn json(&self) -> Value {
        let row = |cells: &Vec<Cell>| {
            let members =
                self.columns.iter().zip(cells).map(|(column, cell)| (column.key.to_owned(), cell.json()));
            Value::Object(members.collect::<Map<_, _>>())
        };
        let rows: Vec<Value> = self.rows.iter().map(row).collect();
        json!({ "name": self.name, "title": self.title, "meaning": self.meaning, "columns": self.columns, "rows": rows })
    }

    /// The cells of one column.
    pub fn column<'a>(&'a self, key: &str) -> impl Iterator<Item = &'a Cell> + use<'a> {
        let place = self.columns.iter().position(|column| column.key == key);
        self.rows.iter().filter_map(move |row| row.get(place?))
    }
}

fn field(cell: &Cell) -> String {
    let text = match cell {
        Cell::Text(text) if text.starts_with(['=', '+', '-', '@', '\t', '\r']) => format!("'{text}"),
        cell => cell.plain(),
    };
    if text.contains([',', '"', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}
