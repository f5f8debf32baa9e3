//! Strips over time: who held what when, one lane for each name and version.

use std::fmt::Write as _;

use countersign_core::time::Millis;
use plotters::prelude::{ChartBuilder, IntoDrawingArea, IntoFont};
use plotters::style::{Color as _, TRANSPARENT};

use super::canvas::{Canvas, Ink};
use super::{Failure, Frame, both, escaped, framed, mark, shortened, write_text};

const ROW: u32 = 40;
const AXIS: u32 = 28;
const WIDE: Frame = Frame { class: "wide", ending: "", width: 1120, name: 176, letters: 22, labels: 10 };
const DAY: i64 = 86_400_000;
/// Distances between ticks, in milliseconds.
const STEPS: [i64; 11] = [
    60_000,
    10 * 60_000,
    3_600_000,
    6 * 3_600_000,
    DAY,
    2 * DAY,
    7 * DAY,
    14 * DAY,
    28 * DAY,
    91 * DAY,
    364 * DAY,
];

/// A time in one lane. It leads somewhere, so that a keyboard reaches it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Strip {
    pub from: Millis,
    pub until: Millis,
    pub ink: Ink,
    pub words: String,
    pub href: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lane {
    pub label: String,
    pub strips: Vec<Strip>,
}

/// From the first moment that there is to `now`. Empty where there is none, or where it cannot be drawn.
#[must_use]
pub fn strips(id: &str, title: &str, description: &str, lanes: &[Lane], now: Millis) -> String {
    both(WIDE, |frame| in_frame(frame, (id, title, description), lanes, now))
}

fn in_frame(
    frame: &Frame,
    (id, title, description): (&str, &str, &str),
    lanes: &[Lane],
    now: Millis,
) -> String {
    let first = lanes.iter().flat_map(|lane| &lane.strips).map(|strip| strip.from).min();
    let Some(first) = first else { return String::new() };
    // The newest moment is not at the very edge, and a picture of one moment has a width.
    let room = (now.since(first) / 50).max(60_000);
    let (from, until) = (first.get() - room, now.get() + room);
    let size = (frame.width, u32::try_from(lanes.len()).unwrap_or(1) * ROW + AXIS + 8);
    let drawn =
        framed(frame, id, title, description, size, |out| draw(lanes, (from, until), frame, size, out));
    // Its strips are links: to be an image would hide them.
    drawn.replacen("role=\"img\"", "role=\"group\"", 1)
}

fn draw(
    lanes: &[Lane],
    (from, until): (i64, i64),
    frame: &Frame,
    size: (u32, u32),
    out: &mut String,
) -> Result<(), Failure> {
    let count = i32::try_from(lanes.len()).unwrap_or(i32::MAX);
    let mut marks = String::new();
    {
        let root = Canvas { out, size }.into_drawing_area();
        let mut chart = ChartBuilder::on(&root)
            .margin_top(4)
            .margin_right(16)
            .x_label_area_size(AXIS)
            .y_label_area_size(frame.name)
            .build_cartesian_2d(0.0..after(until, from), f64::from(count)..0.0)?;
        chart
            .configure_mesh()
            .disable_mesh()
            .disable_y_axis()
            .x_labels(0)
            .y_labels(0)
            .axis_style(Ink::Axis.color())
            .light_line_style(TRANSPARENT)
            .label_style(("sans-serif", 12).into_font().color(&Ink::Label.color().to_rgba()))
            .draw()?;
        let place = |x: i64, y: f64| chart.plotting_area().map_coordinate(&(after(x, from), y));
        ticks((from, until), frame, f64::from(count), &place, &mut marks);
        for (at, lane) in (0_i32..).zip(lanes) {
            of_lane(lane, frame, f64::from(at), &place, &mut marks);
        }
    }
    out.push_str(&marks);
    Ok(())
}

/// Milliseconds as plotters can count them.
#[expect(clippy::cast_precision_loss, reason = "a picture has a thousand places")]
const fn after(at: i64, from: i64) -> f64 {
    at.saturating_sub(from) as f64
}

type Place<'a> = dyn Fn(i64, f64) -> (i32, i32) + 'a;

/// Round days, or round times where all of it was within a few.
fn ticks((from, until): (i64, i64), frame: &Frame, bottom: f64, place: &Place<'_>, marks: &mut String) {
    let most = i64::try_from(frame.labels).unwrap_or(1);
    let step = STEPS.into_iter().find(|step| (until - from) / step < most).unwrap_or(364 * DAY);
    let mut at = from.div_euclid(step) * step + step;
    while at < until {
        let ((x, y), (_, top)) = (place(at, bottom), place(at, 0.0));
        let _ = write!(marks, "<line class=\"ink-grid\" x1=\"{x}\" y1=\"{top}\" x2=\"{x}\" y2=\"{y}\"/>");
        let exact = Millis::new(at).to_string();
        let label = if step >= DAY { exact.get(..10) } else { exact.get(11..16) };
        write_text(marks, (x, y + 18), "middle", label.unwrap_or(&exact));
        at += step;
    }
}

fn of_lane(lane: &Lane, frame: &Frame, at: f64, place: &Place<'_>, marks: &mut String) {
    for strip in &lane.strips {
        let (left, top) = place(strip.from.get(), at + 0.1);
        let (right, bottom) = place(strip.until.get(), at + 0.9);
        let right = right.max(left + 4);
        let (href, words) = (escaped(&strip.href), escaped(&strip.words));
        let _ = write!(marks, "<a href=\"{href}\" aria-label=\"{words}\">");
        mark(marks, (left, top), (right, bottom), strip.ink, &strip.words);
        marks.push_str("</a>");
    }
    let first = lane.strips.first().map_or(0, |strip| strip.from.get());
    let (_, middle) = place(first, at + 0.5);
    let begin = i32::try_from(frame.name).unwrap_or_default() - 12;
    write_text(marks, (begin, middle + 4), "end", &shortened(&lane.label, frame.letters));
}
