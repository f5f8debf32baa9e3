//! Stacked columns: something over time, or over bands.

use plotters::prelude::{ChartBuilder, IntoDrawingArea, IntoFont};
use plotters::style::{Color as _, TRANSPARENT};

use super::canvas::{Canvas, Ink};
use super::{Bars, Failure, Frame, Series, both, framed, mark, write_text};

const HEIGHT: u32 = 240;
const WIDE: Frame = Frame { class: "wide", ending: "", width: 560, name: 48, letters: 0, labels: 7 };
/// So many labels fit on a phone, too: days, or bands of ages.
const FEWEST: usize = 5;

/// One column for each label. Empty where it cannot be drawn, which the table behind it survives.
#[must_use]
pub fn columns(bars: &Bars) -> String {
    both(WIDE, |frame| in_frame(bars, frame))
}

fn in_frame(bars: &Bars, frame: &Frame) -> String {
    let size = (frame.width, HEIGHT);
    framed(frame, bars.id, &bars.title, &bars.description, size, |out| draw(bars, frame, size, out))
}

fn draw(bars: &Bars, frame: &Frame, size: (u32, u32), out: &mut String) -> Result<(), Failure> {
    let count = bars.labels.len().max(1);
    let most = bars.most();
    let scale = bars.unit.scale(most);
    let top = (most / scale).max(1.0) * 1.05;
    let mut marks = String::new();
    {
        let root = Canvas { out, size }.into_drawing_area();
        let mut chart = ChartBuilder::on(&root)
            .margin_top(12)
            .margin_right(8)
            .x_label_area_size(28)
            .y_label_area_size(WIDE.name)
            .build_cartesian_2d(0.0..places(count), 0.0..top)?;
        chart
            .configure_mesh()
            .disable_x_mesh()
            .x_labels(0)
            .y_labels(5)
            .y_label_formatter(&|value| bars.unit.axis(scale, *value))
            .axis_style(Ink::Axis.color())
            .bold_line_style(Ink::Grid.color())
            .light_line_style(TRANSPARENT)
            .label_style(("sans-serif", 12).into_font().color(&Ink::Label.color().to_rgba()))
            .draw()?;
        let place = |x: f64, y: f64| chart.plotting_area().map_coordinate(&(x, y / scale));
        for at in 0..count {
            column(bars, at, &place, &mut marks);
        }
        label(bars, frame.labels.max(FEWEST), &place, &mut marks);
    }
    out.push_str(&marks);
    Ok(())
}

fn column(bars: &Bars, at: usize, place: &dyn Fn(f64, f64) -> (i32, i32), marks: &mut String) {
    let label = bars.labels.get(at).map_or("", String::as_str);
    let mut below = 0.0;
    for Series { words, ink, values } in &bars.series {
        let value = values.get(at).copied().unwrap_or_default();
        if value <= 0.0 {
            continue;
        }
        let (left, bottom) = place(places(at) + 0.15, below);
        let (right, top) = place(places(at) + 0.85, below + value);
        let words = format!("{label}: {words} {}", bars.unit.say(value));
        mark(marks, (left, top), (right, bottom), *ink, &words);
        below += value;
    }
}

/// As many labels as fit, the last one always: it is about now.
fn label(bars: &Bars, most: usize, place: &dyn Fn(f64, f64) -> (i32, i32), marks: &mut String) {
    let step = bars.labels.len().div_ceil(most).max(1);
    for (at, label) in bars.labels.iter().enumerate().rev().step_by(step) {
        let (x, y) = place(places(at) + 0.5, 0.0);
        write_text(marks, (x, y + 18), "middle", short_day(label));
    }
}

/// `11-23` of `2026-11-23`; anything else stays.
fn short_day(label: &str) -> &str {
    let is_day = label.len() == 10 && label.as_bytes().get(4) == Some(&b'-');
    if is_day { label.get(5..).unwrap_or(label) } else { label }
}

#[expect(clippy::cast_precision_loss, reason = "a picture has tens of columns")]
const fn places(at: usize) -> f64 {
    at as f64
}
