//! Stacked bars that lie: something for each of a few names.

use plotters::prelude::{ChartBuilder, IntoDrawingArea, IntoFont};
use plotters::style::{Color as _, TRANSPARENT};

use super::canvas::{Canvas, Ink};
use super::{Band, Bars, Failure, Frame, Series, both, framed, mark, shortened, write_text};

const ROW: u32 = 28;
const AXIS: u32 = 28;
const WIDE: Frame = Frame { class: "wide", ending: "", width: 560, name: 132, letters: 17, labels: 5 };

/// One bar for each label, from above. Empty where it cannot be drawn.
#[must_use]
pub fn lanes(bars: &Bars) -> String {
    both(WIDE, |frame| in_frame(bars, frame))
}

fn in_frame(bars: &Bars, frame: &Frame) -> String {
    let rows = u32::try_from(bars.labels.len().max(1)).unwrap_or(1);
    let size = (frame.width, rows * ROW + AXIS + 8);
    framed(frame, bars.id, &bars.title, &bars.description, size, |out| draw(bars, frame, size, out))
}

fn draw(bars: &Bars, frame: &Frame, size: (u32, u32), out: &mut String) -> Result<(), Failure> {
    let count = bars.labels.len().max(1);
    let usual = bars.band.as_ref().map_or(0.0, |band| band.until);
    let most = bars.most().max(usual);
    let scale = bars.unit.scale(most);
    let mut marks = String::new();
    {
        let root = Canvas { out, size }.into_drawing_area();
        let mut chart = ChartBuilder::on(&root)
            .margin_top(4)
            .margin_right(56)
            .x_label_area_size(AXIS)
            .y_label_area_size(frame.name)
            .build_cartesian_2d(0.0..(most / scale).max(0.001), places(count)..0.0)?;
        chart
            .configure_mesh()
            .disable_y_mesh()
            .disable_y_axis()
            .x_labels(frame.labels)
            .y_labels(0)
            .x_label_formatter(&|value| bars.unit.axis(scale, *value))
            .axis_style(Ink::Axis.color())
            .bold_line_style(Ink::Grid.color())
            .light_line_style(TRANSPARENT)
            .label_style(("sans-serif", 12).into_font().color(&Ink::Label.color().to_rgba()))
            .draw()?;
        let place = |x: f64, y: f64| chart.plotting_area().map_coordinate(&(x / scale, y));
        bars.band.iter().for_each(|usual| band(usual, &place, &mut marks));
        for (at, label) in bars.labels.iter().enumerate() {
            lane(bars, (at, &shortened(label, frame.letters)), label, &place, &mut marks);
        }
    }
    out.push_str(&marks);
    Ok(())
}

type Place<'a> = dyn Fn(f64, f64) -> (i32, i32) + 'a;

fn band(usual: &Band, place: &Place<'_>, marks: &mut String) {
    let from = place(usual.from, places(usual.row) + 0.05);
    mark(marks, from, place(usual.until, places(usual.row) + 0.95), Ink::Band, &usual.words);
}

fn lane(bars: &Bars, (at, short): (usize, &str), label: &str, place: &Place<'_>, marks: &mut String) {
    let mut before = 0.0;
    for Series { words, ink, values } in &bars.series {
        let value = values.get(at).copied().unwrap_or_default();
        if value <= 0.0 {
            continue;
        }
        let (left, top) = place(before, places(at) + 0.2);
        let (right, bottom) = place(before + value, places(at) + 0.8);
        mark(
            marks,
            (left, top),
            (right, bottom),
            *ink,
            &format!("{label}: {words} {}", bars.unit.say(value)),
        );
        before += value;
    }
    let (end, middle) = place(before, places(at) + 0.5);
    let (begin, _) = place(0.0, places(at));
    write_text(marks, (begin - 8, middle + 4), "end", short);
    let all = if before > 0.0 { bars.unit.say(before) } else { bars.none.to_owned() };
    write_text(marks, (end + 6, middle + 4), "start", &all);
}

#[expect(clippy::cast_precision_loss, reason = "a picture has tens of rows")]
const fn places(at: usize) -> f64 {
    at as f64
}
