//! What the walk knows of a value: enough to resolve globals and to measure arrays that joblib writes inline.

/// Small and copied freely; texts and lengths are in tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Value {
    /// Something whose content does not matter.
    Other,
    Mark,
    /// A text that is no longer, or never was, kept: a global that needs it cannot be resolved.
    Lost,
    /// A text among the last ones read.
    Fresh(u32),
    /// A text that is kept for good.
    Kept(u32),
    Int(u32),
    /// A tuple of integers, by the index of their product.
    Shape(u32),
    /// A tuple that begins with a text: the arguments of `numpy.dtype`.
    Arguments(Text),
    /// The class `numpy.dtype`, and an instance of it.
    DtypeClass,
    Dtype(Item),
    /// joblib's class for an array whose bytes follow, an instance of it, and the index of its state.
    WrapperClass,
    Wrapper,
    ArrayState(u32),
}

impl Value {
    pub(crate) fn is_text(self) -> bool {
        matches!(self, Self::Lost | Self::Fresh(_) | Self::Kept(_))
    }
}

/// The item size of a dtype in bytes, or that it holds Python objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Item {
    Bytes(u16),
    Objects,
}

/// A dtype's own text is short: `f8`, `|O`, `<U12`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Text(pub(crate) Option<Item>);
