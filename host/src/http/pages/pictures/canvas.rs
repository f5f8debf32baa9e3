//! What plotters draws on: SVG elements whose look is a class. A colour is only the number of an ink.

use std::fmt::{self, Write as _};

use plotters::style::RGBColor;
use plotters::style::text_anchor::{HPos, VPos};
use plotters_backend::{
    BackendColor, BackendCoord, BackendStyle, BackendTextStyle, DrawingBackend, DrawingErrorKind,
};

use super::escaped;

/// What a mark stands for. The style sheet knows what it looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Ink {
    Axis,
    Grid,
    Label,
    One,
    Two,
    Three,
    Four,
    Five,
    Six,
    Good,
    Warning,
    Bad,
    Waiting,
    Quiet,
    /// What is usual, behind what is.
    Band,
}

const INKS: [Ink; 15] = [
    Ink::Axis,
    Ink::Grid,
    Ink::Label,
    Ink::One,
    Ink::Two,
    Ink::Three,
    Ink::Four,
    Ink::Five,
    Ink::Six,
    Ink::Good,
    Ink::Warning,
    Ink::Bad,
    Ink::Waiting,
    Ink::Quiet,
    Ink::Band,
];

impl Ink {
    /// For things that are only different from one another.
    pub const SERIES: [Self; 6] = [Self::One, Self::Two, Self::Three, Self::Four, Self::Five, Self::Six];

    #[must_use]
    pub const fn class(self) -> &'static str {
        match self {
            Self::Axis => "ink-axis",
            Self::Grid => "ink-grid",
            Self::Label => "ink-label",
            Self::One => "ink-1",
            Self::Two => "ink-2",
            Self::Three => "ink-3",
            Self::Four => "ink-4",
            Self::Five => "ink-5",
            Self::Six => "ink-6",
            Self::Good => "ink-good",
            Self::Warning => "ink-warning",
            Self::Bad => "ink-bad",
            Self::Waiting => "ink-waiting",
            Self::Quiet => "ink-quiet",
            Self::Band => "ink-band",
        }
    }

    pub(super) const fn color(self) -> RGBColor {
        RGBColor(self as u8, 0, 0)
    }

    fn of(color: BackendColor) -> Self {
        INKS.get(usize::from(color.rgb.0)).copied().unwrap_or(Self::Label)
    }
}

/// Writes what is drawn to the end of a string.
pub(super) struct Canvas<'a> {
    pub(super) out: &'a mut String,
    pub(super) size: (u32, u32),
}

type Drawn = Result<(), DrawingErrorKind<fmt::Error>>;

impl Canvas<'_> {
    /// What is not seen is not written.
    fn write(&mut self, color: BackendColor, element: fmt::Arguments<'_>) -> Drawn {
        if color.alpha == 0.0 {
            return Ok(());
        }
        self.out.write_fmt(element).map_err(DrawingErrorKind::DrawingError)
    }
}

impl DrawingBackend for Canvas<'_> {
    type ErrorType = fmt::Error;

    fn get_size(&self) -> (u32, u32) {
        self.size
    }

    fn ensure_prepared(&mut self) -> Drawn {
        Ok(())
    }

    fn present(&mut self) -> Drawn {
        Ok(())
    }

    fn draw_pixel(&mut self, (x, y): BackendCoord, color: BackendColor) -> Drawn {
        let class = Ink::of(color).class();
        self.write(
            color,
            format_args!("<rect class=\"{class}\" x=\"{x}\" y=\"{y}\" width=\"1\" height=\"1\"/>"),
        )
    }

    fn draw_line<S: BackendStyle>(&mut self, from: BackendCoord, to: BackendCoord, style: &S) -> Drawn {
        let class = Ink::of(style.color()).class();
        let ((x1, y1), (x2, y2)) = (from, to);
        self.write(
            style.color(),
            format_args!("<line class=\"{class}\" x1=\"{x1}\" y1=\"{y1}\" x2=\"{x2}\" y2=\"{y2}\"/>"),
        )
    }

    fn draw_path<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(
        &mut self,
        path: I,
        style: &S,
    ) -> Drawn {
        let points: Vec<String> = path.into_iter().map(|(x, y)| format!("{x},{y}")).collect();
        let (class, points) = (Ink::of(style.color()).class(), points.join(" "));
        self.write(
            style.color(),
            format_args!("<polyline class=\"{class}\" fill=\"none\" points=\"{points}\"/>"),
        )
    }

    fn draw_text<T: BackendTextStyle>(&mut self, text: &str, style: &T, (x, y): BackendCoord) -> Drawn {
        let anchor = match style.anchor().h_pos {
            HPos::Left => "start",
            HPos::Center => "middle",
            HPos::Right => "end",
        };
        // `dominant-baseline` is drawn differently by every browser; a shift is not.
        let shift = match style.anchor().v_pos {
            VPos::Top => "0.8em",
            VPos::Center => "0.35em",
            VPos::Bottom => "0",
        };
        let text = escaped(text);
        self.write(
            style.color(),
            format_args!("<text x=\"{x}\" y=\"{y}\" dy=\"{shift}\" text-anchor=\"{anchor}\">{text}</text>"),
        )
    }
}
