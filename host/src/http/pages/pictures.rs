//! Pictures as SVG, drawn on the server: numbers in, markup out.
//!
//! `plotters` lays the plot out and draws its axes, through a backend of ours (`canvas`) that writes classes instead
//! of colours: one picture serves light and dark, and no style stands in the markup, as the pages' policy asks. The
//! marks themselves are ours, so that each has a title and may be a link. This module must not know: what is
//! shown, who looks, translations of names.

mod canvas;
mod columns;
mod lanes;
mod strips;

use std::fmt::Write as _;

pub use self::canvas::Ink;
pub use self::columns::columns;
pub use self::lanes::lanes;
pub use self::strips::{Lane, Strip, strips};

/// One kind of mark, stacked upon those before it.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    pub words: String,
    pub ink: Ink,
    pub values: Vec<f64>,
}

/// What a bar chart shows.
#[derive(Debug, Clone)]
pub struct Bars {
    /// What stands in the markup for those who do not see it.
    pub title: String,
    pub description: String,
    /// Tells the ids of one picture from those of another on the same page.
    pub id: &'static str,
    pub labels: Vec<String>,
    pub series: Vec<Series>,
    pub unit: Unit,
    /// What a row without a value says.
    pub none: &'static str,
    /// Behind one of the rows, where they lie.
    pub band: Option<Band>,
}

impl Bars {
    /// The length of the longest bar.
    fn most(&self) -> f64 {
        let total = |at: usize| self.series.iter().filter_map(|series| series.values.get(at)).sum::<f64>();
        (0..self.labels.len()).map(total).fold(0.0, f64::max)
    }
}

/// What is usual for one row.
#[derive(Debug, Clone, PartialEq)]
pub struct Band {
    pub row: usize,
    pub from: f64,
    pub until: f64,
    pub words: String,
}

/// How large a picture is drawn, and what fits into it. Each is drawn for a wide screen and for a phone, and the style
/// sheet shows one of them: shrunk letters cannot be read, and what must be scrolled is not seen.
#[derive(Debug, Clone, Copy)]
struct Frame {
    class: &'static str,
    /// Tells its ids from those of the other.
    ending: &'static str,
    width: u32,
    /// What names may take of the width, and how many letters of them that is.
    name: u32,
    letters: usize,
    /// How many labels an axis has at most.
    labels: usize,
}

const NARROW: Frame = Frame { class: "narrow", ending: "-n", width: 320, name: 108, letters: 14, labels: 3 };

fn both(wide: Frame, drawn: impl Fn(&Frame) -> String) -> String {
    [wide, NARROW].iter().map(drawn).collect()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    Count,
    /// Milliseconds.
    Time,
    /// Between 0 and 1.
    Share,
}

impl Unit {
    /// A value in words: `12`, `3.5 h`, `87 %`.
    #[must_use]
    pub fn say(self, value: f64) -> String {
        match self {
            Self::Count => format!("{value:.0}"),
            Self::Share => format!("{:.0} %", value * 100.0),
            Self::Time => time(value),
        }
    }

    /// What one step of an axis is worth, so that its labels are round.
    fn scale(self, most: f64) -> f64 {
        match self {
            Self::Count => 1.0,
            Self::Share => 0.01,
            Self::Time => UNITS.iter().find(|(unit, _)| most >= 2.0 * unit).map_or(1.0, |(unit, _)| *unit),
        }
    }

    fn axis(self, scale: f64, value: f64) -> String {
        let round = if value.fract().abs() < 0.01 { format!("{value:.0}") } else { format!("{value:.1}") };
        match self {
            Self::Count if value.fract().abs() > 0.01 => String::new(),
            Self::Count => round,
            Self::Share => format!("{round} %"),
            Self::Time => {
                let unit = UNITS.iter().find(|(unit, _)| (*unit - scale).abs() < 0.5).map_or("ms", |u| u.1);
                format!("{round} {unit}")
            }
        }
    }
}

const UNITS: [(f64, &str); 4] = [(86_400_000.0, "d"), (3_600_000.0, "h"), (60_000.0, "min"), (1_000.0, "s")];

fn time(millis: f64) -> String {
    let unit = UNITS.iter().find(|(unit, _)| millis >= *unit);
    match unit {
        None => format!("{millis:.0} ms"),
        Some((unit, word)) if millis / unit < 10.0 => format!("{:.1} {word}", millis / unit),
        Some((unit, word)) => format!("{:.0} {word}", millis / unit),
    }
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// The `svg` element around a drawing; nothing where it cannot be drawn.
fn framed(
    frame: &Frame,
    id: &str,
    title: &str,
    description: &str,
    (width, height): (u32, u32),
    draw: impl FnOnce(&mut String) -> Result<(), Failure>,
) -> String {
    let mut drawn = String::new();
    if let Err(error) = draw(&mut drawn) {
        tracing::error!(%error, picture = id, "a picture could not be drawn");
        return String::new();
    }
    let (title, description) = (escaped(title), escaped(description));
    let (class, id) = (frame.class, format!("{id}{}", frame.ending));
    format!(
        "<svg class=\"plot {class}\" viewBox=\"0 0 {width} {height}\" role=\"img\" aria-labelledby=\"{id}-t {id}-d\">\
         <title id=\"{id}-t\">{title}</title><desc id=\"{id}-d\">{description}</desc>{drawn}</svg>"
    )
}

/// A rectangle that says what it is.
fn mark(out: &mut String, (left, top): (i32, i32), (right, bottom): (i32, i32), ink: Ink, words: &str) {
    let (width, height) = ((right - left).max(1), (bottom - top).max(1));
    let (class, words) = (ink.class(), escaped(words));
    let _ = write!(
        out,
        "<rect class=\"{class}\" x=\"{left}\" y=\"{top}\" width=\"{width}\" height=\"{height}\">\
         <title>{words}</title></rect>"
    );
}

/// `anchor` is `start`, `middle` or `end`; `y` is the base line.
fn write_text(out: &mut String, (x, y): (i32, i32), anchor: &str, text: &str) {
    let _ = write!(out, "<text x=\"{x}\" y=\"{y}\" text-anchor=\"{anchor}\">{}</text>", escaped(text));
}

/// As much of a name as fits.
fn shortened(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most.saturating_sub(1)).chain(['…']).collect()
}

fn escaped(text: &str) -> String {
    let Ok(escaped) = askama::filters::escape(text, askama::filters::Html);
    escaped.to_string()
}

#[cfg(test)]
mod tests;
