//! Checkpoints that somebody kept, against the ledger of now: is what they sign its beginning?
//!
//! Whoever holds an old checkpoint needs no proof from us: while the entries are checked one after the other, the tree
//! has at some point the size of the old one, and then it must have its root. This module must not know where
//! checkpoints were kept.

use super::checkpoint::Checkpoint;
use super::note::{NoteError, VerifierKey};
use super::tree::{Edge, Hash};

/// Why a ledger is not what it was.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotTheBeginning {
    #[error("there is no signed checkpoint in what was given to compare with")]
    Nothing,
    #[error("checkpoint {nth} of those to compare with: {source}")]
    Note { nth: usize, source: NoteError },
    #[error(
        "the ledger has {now} entries, and a checkpoint of it signs {then}: those from entry {now} on were taken out, \
         or this is an older copy"
    )]
    Shorter { then: u64, now: u64 },
    #[error(
        "the first {size} entries are not those that its checkpoint of that size signs (root {}, here {}): an entry \
         before {size} was rewritten since, and the rest signed anew",
        hex::encode(signed),
        hex::encode(found)
    )]
    Rewritten { size: u64, signed: Hash, found: Hash },
}

/// Checkpoints that are waited for while a ledger is read.
#[derive(Debug, Default)]
pub(super) struct Earlier {
    /// The smallest last.
    waiting: Vec<Checkpoint>,
    wrong: Option<NotTheBeginning>,
}

impl Earlier {
    pub(super) fn open(notes: &str, key: &VerifierKey) -> Result<Self, NotTheBeginning> {
        let mut earlier = Self { waiting: checkpoints(notes, key)?, wrong: None };
        earlier.waiting.sort_by_key(|checkpoint| std::cmp::Reverse(checkpoint.size));
        earlier.look(&Edge::default());
        Ok(earlier)
    }

    /// Compares the tree with the checkpoints of its size. The first that is wrong is the one that is told.
    pub(super) fn look(&mut self, edge: &Edge) {
        while let Some(signed) = self.waiting.pop_if(|next| next.size <= edge.size()) {
            let found = edge.root();
            if signed.root != found && self.wrong.is_none() {
                self.wrong =
                    Some(NotTheBeginning::Rewritten { size: signed.size, signed: signed.root, found });
            }
        }
    }

    pub(super) fn settle(mut self, edge: &Edge) -> Result<(), NotTheBeginning> {
        self.look(edge);
        let longer = self.waiting.first();
        let shorter = longer.map(|longest| NotTheBeginning::Shorter { then: longest.size, now: edge.size() });
        self.wrong.or(shorter).map_or(Ok(()), Err)
    }
}

/// Opens every note in a text.
///
/// # Errors
/// When there is none, or the key did not sign one of them.
pub fn checkpoints(notes: &str, key: &VerifierKey) -> Result<Vec<Checkpoint>, NotTheBeginning> {
    let opened = (1..).zip(split(notes)).map(|(nth, note)| {
        Checkpoint::open(&note, key).map_err(|source| NotTheBeginning::Note { nth, source })
    });
    let opened = opened.collect::<Result<Vec<_>, _>>()?;
    if opened.is_empty() { Err(NotTheBeginning::Nothing) } else { Ok(opened) }
}

/// The notes of a text in which they stand one after the other. Each is a block of text, a blank line, and a block of
/// signatures; text without signatures, as a crash may leave it at the end of a file, is no note.
fn split(notes: &str) -> Vec<String> {
    let blocks: Vec<&str> = notes.split("\n\n").map(|block| block.trim_matches('\n')).collect();
    let pairs = blocks.windows(2).filter_map(|pair| match pair {
        [text, signatures] if is_signed(signatures) && !is_signed(text) && !text.is_empty() => {
            Some(format!("{text}\n\n{signatures}\n"))
        }
        _ => None,
    });
    pairs.collect()
}

fn is_signed(block: &str) -> bool {
    !block.is_empty() && block.lines().all(|line| line.starts_with('\u{2014}'))
}

#[cfg(test)]
mod tests {
    use super::super::note::SigningKey;
    use super::super::tree::tests::grow;
    use super::*;

    fn key() -> SigningKey {
        SigningKey::from_seed("ledger.example", [1; 32]).unwrap()
    }

    fn note(size: u64, root: Hash) -> String {
        Checkpoint { origin: "ledger.example".to_owned(), size, root }.sign(&key())
    }

    /// Reads a ledger of ten entries against these notes.
    fn check(notes: &str, expect: Result<(), &str>) {
        let (leaves, ..) = grow(10);
        let mut edge = Edge::default();
        let found = Earlier::open(notes, key().verifier()).and_then(|mut earlier| {
            for leaf in leaves {
                edge.push(leaf, &mut Vec::new());
                earlier.look(&edge);
            }
            earlier.settle(&edge)
        });
        match (found, expect) {
            (Ok(()), Ok(())) => {}
            (Err(error), Err(words)) => assert!(error.to_string().contains(words), "{error}"),
            (found, _) => panic!("{found:?}, expected {expect:?}"),
        }
    }

    fn root(size: u64) -> Hash {
        grow(size).1.root()
    }

    #[test]
    fn a_beginning_is_told_from_what_was_rewritten_or_cut() {
        for size in 0..=10 {
            check(&note(size, root(size)), Ok(()));
            check(&note(size, [7; 32]), Err(&format!("the first {size} entries are not those")));
        }
        check(&note(11, root(11)), Err("has 10 entries, and a checkpoint of it signs 11"));
        let all = [note(7, root(7)), note(0, root(0)), note(3, root(3)), note(7, root(7))].join("\n");
        check(&all, Ok(()));
        check(&[note(3, [1; 32]), note(12, root(12))].join("\n"), Err("the first 3 entries"));
    }

    #[test]
    fn what_is_no_checkpoint_of_this_key_is_refused() {
        check("", Err("no signed checkpoint"));
        check("ledger.example\n3\nAAAA", Err("no signed checkpoint"));
        check(&format!("ledger.example\n3\n\n\n{}", note(3, root(3))), Ok(()));
        let other = SigningKey::from_seed("other.example", [1; 32]).unwrap();
        let theirs = Checkpoint { origin: "other.example".to_owned(), size: 3, root: root(3) }.sign(&other);
        check(&format!("{}\n{theirs}", note(3, root(3))), Err("checkpoint 2 of those to compare with"));
        check(&note(3, root(3)).replace("\n3\n", "\n4\n"), Err("does not fit"));
    }
}
