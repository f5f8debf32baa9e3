//! The symbolic unpickler: one pickle, from its first opcode to `STOP`.

use std::io::{self, ErrorKind};

use super::Walk;
use super::array::{self, State};
use super::memo::Memo;
use super::opcode as op;
use super::read::{byte, integer, line, memo_index, number};
use super::text::{LONGEST, Texts};
use super::value::Value;
use crate::source::Stream;

/// Deeper stacks than any pickler makes; a bound on memory.
const DEEPEST: usize = 1 << 20;
/// Pickles within pickles (arrays of objects in joblib files).
const MOST_NESTED: u32 = 8;
/// Tables of joblib's arrays: one entry per array.
const MOST_ARRAYS: usize = 1 << 16;

pub(crate) struct Machine<'w> {
    pub(super) walk: &'w mut Walk,
    pub(super) depth: u32,
    /// This is a second reading, of bytes that are probably an array: what Python would refuse ends it.
    pub(super) doubtful: bool,
    pub(super) stack: Vec<Value>,
    pub(super) memo: Memo,
    pub(super) texts: Texts,
    pub(super) products: Vec<u64>,
    pub(super) states: Vec<State>,
}

/// Why a walk ends early.
pub(crate) enum Stop {
    /// The bytes are no pickle, or end too soon.
    Broken(String),
    /// The bytes could not be fetched.
    Access(io::Error),
}

pub(crate) fn broken(why: impl Into<String>) -> Stop {
    Stop::Broken(why.into())
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            ErrorKind::UnexpectedEof => broken("the data ends in the middle of a pickle"),
            ErrorKind::InvalidData => broken("the compressed data is damaged"),
            _ => Self::Access(error),
        }
    }
}

impl<'w> Machine<'w> {
    pub(crate) fn new(walk: &'w mut Walk, depth: u32) -> Self {
        Self {
            walk,
            depth,
            doubtful: false,
            stack: Vec::new(),
            memo: Memo::default(),
            texts: Texts::new(),
            products: Vec::new(),
            states: Vec::new(),
        }
    }

    pub(crate) fn run<S: Stream>(&mut self, stream: &mut S) -> Result<(), Stop> {
        loop {
            let opcode = byte(stream)?;
            if opcode == op::STOP {
                return Ok(());
            }
            self.step(opcode, stream)?;
            if self.stack.len() > DEEPEST {
                return Err(broken("its stack is deeper than any pickler makes"));
            }
        }
    }

    /// A pickle in the middle of this one.
    pub(crate) fn nested<S: Stream>(&mut self, stream: &mut S) -> Result<(), Stop> {
        if self.depth >= MOST_NESTED {
            return Err(broken("pickles are nested too deeply"));
        }
        Machine::new(self.walk, self.depth + 1).run(stream)
    }

    /// Reads on in plain opcodes from here, in a copy of this machine, and keeps what that would import.
    pub(crate) fn read_plainly<S: Stream>(&mut self, stream: &mut S) -> Result<(), Stop> {
        let mut walk = Walk::default();
        let mut plain = Machine {
            walk: &mut walk,
            depth: self.depth,
            doubtful: true,
            stack: self.stack.clone(),
            memo: self.memo.clone(),
            texts: self.texts.clone(),
            products: Vec::new(),
            states: Vec::new(),
        };
        let ended = plain.run(stream);
        self.walk.unresolved += walk.unresolved;
        self.walk.doubtful.append(&mut walk.globals);
        match ended {
            Err(Stop::Access(error)) => Err(Stop::Access(error)),
            Ok(()) | Err(Stop::Broken(_)) => Ok(()),
        }
    }

    fn step<S: Stream>(&mut self, opcode: u8, stream: &mut S) -> Result<(), Stop> {
        match opcode {
            op::PROTO => Ok(stream.skip(1)?),
            op::FRAME => Ok(stream.skip(8)?),
            op::MARK => self.push(Value::Mark),
            op::NONE | op::NEWTRUE | op::NEWFALSE | op::EMPTY_LIST | op::EMPTY_SET | op::NEXT_BUFFER => {
                self.push(Value::Other)
            }
            op::EMPTY_DICT | op::EMPTY_TUPLE => self.push(Value::Other),
            op::READONLY_BUFFER | op::APPEND | op::APPENDS | op::ADDITEMS => self.collect(opcode),
            op::BININT | op::BININT1 | op::BININT2 | op::LONG1 | op::LONG4 | op::INT | op::LONG => {
                let value = integer(opcode, stream)?;
                self.push(value)
            }
            op::BINFLOAT => self.pass(stream, 8),
            op::FLOAT => self.pass_line(stream),
            op::BINBYTES8 | op::BYTEARRAY8 => {
                let length = number(stream, 8)?;
                self.pass(stream, length)
            }
            op::BINBYTES => {
                let length = number(stream, 4)?;
                self.pass(stream, length)
            }
            op::SHORT_BINBYTES => {
                let length = number(stream, 1)?;
                self.pass(stream, length)
            }
            op::SHORT_BINUNICODE | op::SHORT_BINSTRING => {
                let length = number(stream, 1)?;
                self.text(stream, length)
            }
            op::BINUNICODE | op::BINSTRING => {
                let length = number(stream, 4)?;
                self.text(stream, length)
            }
            op::BINUNICODE8 => {
                let length = number(stream, 8)?;
                self.text(stream, length)
            }
            op::UNICODE | op::STRING => self.text_line(opcode, stream),
            op::POP | op::POP_MARK | op::DUP => self.shuffle(opcode),
            op::TUPLE | op::TUPLE1 | op::TUPLE2 | op::TUPLE3 => self.tuple(opcode),
            op::LIST | op::DICT | op::FROZENSET => {
                self.take_to_mark()?;
                self.push(Value::Other)
            }
            op::SETITEM | op::SETITEMS => self.set_items(opcode),
            op::PUT | op::BINPUT | op::LONG_BINPUT | op::MEMOIZE => self.put(opcode, stream),
            op::GET | op::BINGET | op::LONG_BINGET => self.get(opcode, stream),
            op::BUILD => self.build(stream),
            _ => self.imports(opcode, stream),
        }
    }

    // === The stack ===

    pub(super) fn push(&mut self, value: Value) -> Result<(), Stop> {
        self.stack.push(value);
        Ok(())
    }

    pub(super) fn pop(&mut self) -> Result<Value, Stop> {
        self.stack.pop().ok_or_else(|| broken("it takes from an empty stack"))
    }

    /// Takes everything above the last mark, and the mark.
    pub(super) fn take_to_mark(&mut self) -> Result<Vec<Value>, Stop> {
        let at =
            self.stack.iter().rposition(|v| *v == Value::Mark).ok_or_else(|| broken("a mark is missing"))?;
        let above = self.stack.split_off(at + 1);
        self.stack.pop();
        Ok(above)
    }

    fn collect(&mut self, opcode: u8) -> Result<(), Stop> {
        match opcode {
            op::APPEND => self.pop().map(drop),
            op::APPENDS | op::ADDITEMS => self.take_to_mark().map(drop),
            _ => Ok(()),
        }
    }

    fn shuffle(&mut self, opcode: u8) -> Result<(), Stop> {
        match opcode {
            op::POP => self.pop().map(drop),
            op::POP_MARK => self.take_to_mark().map(drop),
            _ => {
                let top = self.pop()?;
                self.push(top)?;
                self.push(top)
            }
        }
    }

    fn tuple(&mut self, opcode: u8) -> Result<(), Stop> {
        let count = match opcode {
            op::TUPLE1 => 1,
            op::TUPLE2 => 2,
            op::TUPLE3 => 3,
            _ => {
                let parts = self.take_to_mark()?;
                let value = self.tuple_of(&parts);
                return self.push(value);
            }
        };
        let from =
            self.stack.len().checked_sub(count).ok_or_else(|| broken("it takes from an empty stack"))?;
        let parts = self.stack.split_off(from);
        let value = self.tuple_of(&parts);
        self.push(value)
    }

    fn tuple_of(&mut self, parts: &[Value]) -> Value {
        let integers = parts.iter().map(|v| if let Value::Int(n) = v { Some(u64::from(*n)) } else { None });
        let product = integers.collect::<Option<Vec<u64>>>().filter(|all| !all.is_empty());
        match (product, parts.first()) {
            (Some(all), _) if self.products.len() < MOST_ARRAYS => {
                self.products.push(all.into_iter().fold(1, u64::saturating_mul));
                u32::try_from(self.products.len() - 1).map_or(Value::Other, Value::Shape)
            }
            (None, Some(first)) => array::arguments(self.texts.get(*first)),
            _ => Value::Other,
        }
    }

    fn set_items(&mut self, opcode: u8) -> Result<(), Stop> {
        let items = if opcode == op::SETITEM {
            let value = self.pop()?;
            vec![self.pop()?, value]
        } else {
            self.take_to_mark()?
        };
        let mut state = State::default();
        let mut known = false;
        for pair in items.chunks_exact(2) {
            let [key, value] = pair else { continue };
            if let (Some(key), Value::Shape(_) | Value::Dtype(_) | Value::Int(_)) =
                (self.texts.get(*key), value)
            {
                state.set(key, *value, &self.products);
                known |= key == "dtype";
            }
        }
        if known && self.states.len() < MOST_ARRAYS {
            self.states.push(state);
            self.pop()?;
            let index = u32::try_from(self.states.len() - 1).map_or(Value::Other, Value::ArrayState);
            self.push(index)?;
        }
        Ok(())
    }

    // === The memo ===

    fn put<S: Stream>(&mut self, opcode: u8, stream: &mut S) -> Result<(), Stop> {
        let index = match opcode {
            op::MEMOIZE => self.memo.next(),
            _ => memo_index(opcode, stream)?,
        };
        let top = *self.stack.last().ok_or_else(|| broken("it takes from an empty stack"))?;
        let kept = self.texts.memoized(top, index);
        self.memo.put(index, kept);
        Ok(())
    }

    fn get<S: Stream>(&mut self, opcode: u8, stream: &mut S) -> Result<(), Stop> {
        let index = memo_index(opcode, stream)?;
        let value =
            self.memo.get(index).ok_or_else(|| broken("it takes from the memo what was never put there"))?;
        self.push(value)
    }

    // === Payloads and texts ===

    fn pass<S: Stream>(&mut self, stream: &mut S, length: u64) -> Result<(), Stop> {
        stream.skip(length)?;
        self.push(Value::Other)
    }

    pub(super) fn pass_line<S: Stream>(&mut self, stream: &mut S) -> Result<(), Stop> {
        line(stream)?;
        self.push(Value::Other)
    }

    fn text<S: Stream>(&mut self, stream: &mut S, length: u64) -> Result<(), Stop> {
        let mut short = [0; LONGEST];
        let buffer = usize::try_from(length).ok().and_then(|length| short.get_mut(..length));
        let Some(buffer) = buffer else {
            stream.skip(length)?;
            return self.push(Value::Lost);
        };
        stream.read_exact(buffer)?;
        let value = self.texts.push(buffer);
        self.push(value)
    }

    /// The text forms of protocol 0. What has escapes in it is not resolved: no real name has.
    fn text_line<S: Stream>(&mut self, opcode: u8, stream: &mut S) -> Result<(), Stop> {
        let line = line(stream)?;
        let bare = match (opcode, line.as_slice()) {
            (op::STRING, [b'\'', inner @ .., b'\''] | [b'"', inner @ .., b'"']) => inner,
            (_, line) => line,
        };
        let value =
            if bare.contains(&b'\\') || bare.len() > LONGEST { Value::Lost } else { self.texts.push(bare) };
        self.push(value)
    }
}
