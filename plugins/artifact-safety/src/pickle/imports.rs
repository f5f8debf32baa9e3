//! The opcodes that import, call or make objects.

use super::Global;
use super::machine::{Machine, Stop, broken};
use super::opcode as op;
use super::read::line;
use super::text::is_dotted_name;
use super::value::{Text, Value};
use crate::source::Stream;

/// More distinct globals than any model has.
const MOST_GLOBALS: usize = 1 << 12;

impl Machine<'_> {
    /// The opcodes that import, call or make objects.
    pub(super) fn imports<S: Stream>(&mut self, opcode: u8, stream: &mut S) -> Result<(), Stop> {
        match opcode {
            op::GLOBAL => {
                let value = self.global_lines(stream)?;
                self.push(value)
            }
            op::INST => {
                self.global_lines(stream)?;
                self.take_to_mark()?;
                self.push(Value::Other)
            }
            op::STACK_GLOBAL => self.stack_global(),
            op::EXT1 => self.extension(stream, 1),
            op::EXT2 => self.extension(stream, 2),
            op::EXT4 => self.extension(stream, 4),
            op::REDUCE | op::NEWOBJ => self.call(1),
            op::NEWOBJ_EX => self.call(2),
            op::OBJ => {
                self.take_to_mark()?;
                self.push(Value::Other)
            }
            op::PERSID => self.pass_line(stream),
            op::BINPERSID => {
                self.pop()?;
                self.push(Value::Other)
            }
            other => Err(broken(format!("0x{other:02x} is no opcode"))),
        }
    }

    fn global_lines<S: Stream>(&mut self, stream: &mut S) -> Result<Value, Stop> {
        let (module, name) = (line(stream)?, line(stream)?);
        match (String::from_utf8(module), String::from_utf8(name)) {
            (Ok(module), Ok(name))
                if !self.doubtful || (is_dotted_name(&module) && is_dotted_name(&name)) =>
            {
                self.found(&module, &name)
            }
            // Python refuses it too: it decodes both before it imports.
            _ => Err(broken("a global whose name is no text")),
        }
    }

    fn stack_global(&mut self) -> Result<(), Stop> {
        let (name, module) = (self.pop()?, self.pop()?);
        for value in [name, module] {
            if let Some((index, kept)) = self.texts.used(value) {
                self.memo.replace(index, value, kept);
            }
        }
        let pair = self.texts.get(module).zip(self.texts.get(name));
        let value = match pair.map(|(module, name)| (module.to_owned(), name.to_owned())) {
            Some((module, name)) => self.found(&module, &name)?,
            None if self.doubtful && !(module.is_text() && name.is_text()) => {
                return Err(broken("a global that is named by no text"));
            }
            None => self.unresolved()?,
        };
        self.push(value)
    }

    fn found(&mut self, module: &str, name: &str) -> Result<Value, Stop> {
        let global = Global { module: module.to_owned(), name: name.to_owned() };
        self.walk.globals.insert(global);
        if self.walk.globals.len() > MOST_GLOBALS {
            return Err(broken("it names more globals than any model has"));
        }
        Ok(match (module, name) {
            ("numpy", "dtype") => Value::DtypeClass,
            ("joblib.numpy_pickle", "NumpyArrayWrapper") => Value::WrapperClass,
            _ => Value::Other,
        })
    }

    fn unresolved(&mut self) -> Result<Value, Stop> {
        self.walk.unresolved += 1;
        Ok(Value::Other)
    }

    /// A number in a registry that only the loading program has.
    fn extension<S: Stream>(&mut self, stream: &mut S, width: u64) -> Result<(), Stop> {
        stream.skip(width)?;
        if self.doubtful {
            return Err(broken("an extension code in bytes that are probably an array"));
        }
        let value = self.unresolved()?;
        self.push(value)
    }

    fn call(&mut self, arguments: usize) -> Result<(), Stop> {
        let mut first = Value::Other;
        for _ in 0..arguments {
            first = self.pop()?;
        }
        let made = match (self.pop()?, first) {
            (Value::DtypeClass, Value::Arguments(Text(Some(item)))) => Value::Dtype(item),
            (Value::WrapperClass, _) => Value::Wrapper,
            _ => Value::Other,
        };
        self.push(made)
    }

    pub(super) fn build<S: Stream>(&mut self, stream: &mut S) -> Result<(), Stop> {
        let state = self.pop()?;
        let object = *self.stack.last().ok_or_else(|| broken("it takes from an empty stack"))?;
        match (object, state) {
            (Value::Wrapper, Value::ArrayState(index)) if !self.doubtful => {
                self.stack.pop();
                self.push(Value::Other)?;
                let state = self.states.get(index as usize).copied().unwrap_or_default();
                self.pass_array(state, stream)
            }
            _ => Ok(()),
        }
    }
}
