//! The arrays that joblib writes into the middle of a pickle: how many bytes follow the wrapper.
//!
//! `joblib.load` passes over those bytes, but `pickle.load` would run them. Both may be called on the same file,
//! so both readings are walked, except where only one of them is possible.

use super::machine::{Machine, Stop, broken};
use super::value::{Item, Text, Value};
use crate::source::{Arrays, Stream};

/// What is known of a wrapper's state.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct State {
    /// How many items, by the shape.
    items: Option<u64>,
    item: Option<Item>,
    /// Since joblib 1.2 a byte with the length of a padding comes first.
    padded: bool,
}

impl State {
    pub(crate) fn set(&mut self, key: &str, value: Value, products: &[u64]) {
        match (key, value) {
            ("shape", Value::Shape(index)) => self.items = products.get(index as usize).copied(),
            ("dtype", Value::Dtype(item)) => self.item = Some(item),
            ("numpy_array_alignment_bytes", Value::Int(_)) => self.padded = true,
            _ => {}
        }
    }
}

/// The item that a dtype's text stands for: `f8`, `<i4`, `|O`, `U12`.
pub(crate) fn item(text: &str) -> Option<Item> {
    let text = text.trim_start_matches(['<', '>', '|', '=']);
    let mut rest = text.chars();
    let kind = rest.next()?;
    let count: u16 = rest.as_str().parse().ok().or_else(|| (kind == 'O').then_some(8))?;
    match kind {
        'O' => Some(Item::Objects),
        'U' => count.checked_mul(4).map(Item::Bytes),
        'b' | 'i' | 'u' | 'f' | 'c' | 'S' | 'V' | 'm' | 'M' => Some(Item::Bytes(count)),
        _ => None,
    }
}

pub(crate) fn arguments(text: Option<&str>) -> Value {
    text.map_or(Value::Other, |text| Value::Arguments(Text(item(text))))
}

impl Machine<'_> {
    /// Passes over the bytes of an array. An array of objects is a pickle of its own.
    pub(crate) fn pass_array<S: Stream>(&mut self, state: State, stream: &mut S) -> Result<(), Stop> {
        match stream.arrays() {
            Arrays::Plain => return Ok(()),
            Arrays::Joblib => {}
            Arrays::Both => {
                let here = stream.position();
                self.read_plainly(stream)?;
                stream.go_back(here);
            }
        }
        let (Some(items), Some(item)) = (state.items, state.item) else {
            return Err(broken("an array of joblib whose size is not known"));
        };
        let Item::Bytes(size) = item else { return self.nested(stream) };
        if state.padded {
            let mut padding = [0];
            stream.read_exact(&mut padding)?;
            stream.skip(u64::from(padding[0]))?;
        }
        let bytes = items.checked_mul(size.into()).ok_or_else(|| broken("an array larger than any file"))?;
        Ok(stream.skip(bytes)?)
    }
}
