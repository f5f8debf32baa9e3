//! Walks pickles without running them and says which globals they would import.
//!
//! The walk is a symbolic run of Python's unpickler: every opcode of the protocols 0 to 5 has its effect on a
//! stack of [`Value`]s, so that the two strings which `STACK_GLOBAL` takes are the ones that Python would take,
//! through the memo too. Payloads are passed over, not read. What cannot be followed is said, never guessed.

mod array;
mod imports;
mod machine;
mod memo;
mod opcode;
mod read;
mod text;
mod value;

use std::collections::BTreeSet;
use std::io;

use crate::source::Stream;
use machine::{Machine, Stop};

/// What a stream of pickles would import.
#[derive(Debug, Default)]
pub(crate) struct Walk {
    pub(crate) globals: BTreeSet<Global>,
    /// What the bytes of an array would import if they were a pickle; numbers look like that by chance.
    pub(crate) doubtful: BTreeSet<Global>,
    /// Globals whose name could not be established.
    pub(crate) unresolved: u64,
    /// Pickles that ended properly.
    pub(crate) complete: u32,
    /// Why the walk ended before the data did.
    pub(crate) broken: Option<String>,
}

impl Walk {
    fn found(&self) -> (usize, u64) {
        (self.globals.len(), self.unresolved)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Global {
    pub(crate) module: String,
    pub(crate) name: String,
}

/// More pickles than that in a row are data, not pickles.
const MOST_PICKLES: u32 = 10_000;

/// Walks one pickle after another until what follows is none. PyTorch's old format is several in a row with
/// raw tensors after the last.
///
/// # Errors
/// When the bytes could not be fetched: `broken` is for bytes that are wrong.
pub(crate) fn walk<S: Stream>(stream: &mut S) -> io::Result<Walk> {
    let mut walk = Walk::default();
    while walk.complete < MOST_PICKLES {
        let next = stream.fill_buf()?.first().copied();
        let begins = if walk.complete == 0 {
            next.is_some()
        } else {
            next == Some(opcode::PROTO) || next.is_some_and(old_start)
        };
        if !begins {
            break;
        }
        let before = walk.found();
        match Machine::new(&mut walk, 0).run(stream) {
            Ok(()) => walk.complete += 1,
            Err(Stop::Access(error)) => return Err(error),
            // Raw data after a whole pickle may look like the start of another; it counts when it imports.
            Err(Stop::Broken(_)) if walk.complete > 0 && before == walk.found() => break,
            Err(Stop::Broken(why)) => {
                walk.broken = Some(why);
                break;
            }
        }
    }
    Ok(walk)
}

/// How a pickle of protocol 0 or 1 can begin and still do something.
fn old_start(byte: u8) -> bool {
    matches!(
        byte,
        opcode::GLOBAL
            | opcode::MARK
            | opcode::INST
            | opcode::UNICODE
            | opcode::STRING
            | opcode::EMPTY_DICT
            | opcode::EMPTY_LIST
    )
}
