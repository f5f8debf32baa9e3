//! The texts of a pickle, in bounded memory: a ring of the last ones, and a table of those that a later global
//! may need again.

use std::collections::BTreeMap;

use super::value::Value;

const RING: usize = 1024;
/// The longest text that can be a module or a name, in bytes.
pub(crate) const LONGEST: usize = 255;
/// How many distinct texts are kept for good before only those that globals have used are.
const MOST_KEPT: usize = 1 << 16;

#[derive(Clone)]
pub(crate) struct Texts {
    ring: Vec<Slot>,
    next: u32,
    ids: BTreeMap<Box<str>, u32>,
    kept: Vec<Box<str>>,
}

#[derive(Default, Clone)]
struct Slot {
    text: String,
    /// Where the memo holds it.
    memo: Option<u32>,
}

impl Texts {
    pub(crate) fn new() -> Self {
        Self { ring: Vec::new(), next: 0, ids: BTreeMap::new(), kept: Vec::new() }
    }

    /// A text that has just been read.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Value {
        let Ok(text) = std::str::from_utf8(bytes) else { return Value::Lost };
        let id = self.next;
        if self.ring.len() < RING {
            self.ring.push(Slot::default());
        }
        let Some(slot) = self.ring.get_mut(id as usize % RING) else { return Value::Lost };
        slot.text.clear();
        slot.text.push_str(text);
        slot.memo = None;
        self.next = self.next.wrapping_add(1);
        Value::Fresh(id)
    }

    pub(crate) fn get(&self, value: Value) -> Option<&str> {
        match value {
            Value::Fresh(id) => self.slot(id).map(|slot| slot.text.as_str()),
            Value::Kept(id) => self.kept.get(id as usize).map(AsRef::as_ref),
            _ => None,
        }
    }

    /// What the memo remembers of a value that is put at `index`.
    pub(crate) fn memoized(&mut self, value: Value, index: u32) -> Value {
        let Value::Fresh(id) = value else { return value };
        if let Some(slot) = self.slot_mut(id) {
            slot.memo = Some(index);
        }
        match self.slot(id).map(|slot| slot.text.clone()) {
            Some(text) if is_dotted_name(&text) => match self.keep(&text, MOST_KEPT) {
                // No room: it can still be used while it is fresh.
                Value::Lost => value,
                kept => kept,
            },
            _ => value,
        }
    }

    /// Keeps a text that a global has used. Says where in the memo it stands too.
    pub(crate) fn used(&mut self, value: Value) -> Option<(u32, Value)> {
        let Value::Fresh(id) = value else { return None };
        let slot = self.slot(id)?.clone();
        let kept = self.keep(&slot.text, 2 * MOST_KEPT);
        slot.memo.map(|index| (index, kept))
    }

    fn keep(&mut self, text: &str, most: usize) -> Value {
        if let Some(id) = self.ids.get(text) {
            return Value::Kept(*id);
        }
        match u32::try_from(self.kept.len()) {
            Ok(id) if self.kept.len() < most => {
                self.ids.insert(text.into(), id);
                self.kept.push(text.into());
                Value::Kept(id)
            }
            _ => Value::Lost,
        }
    }

    fn slot(&self, id: u32) -> Option<&Slot> {
        let is_recent = self.next.wrapping_sub(id) as usize <= RING;
        self.ring.get(id as usize % RING).filter(|_| is_recent)
    }

    fn slot_mut(&mut self, id: u32) -> Option<&mut Slot> {
        let is_recent = self.next.wrapping_sub(id) as usize <= RING;
        self.ring.get_mut(id as usize % RING).filter(|_| is_recent)
    }
}

pub(crate) fn is_dotted_name(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'<' | b'>'))
}
