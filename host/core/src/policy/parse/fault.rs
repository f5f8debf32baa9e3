//! What is wrong with a policy, and where.

use std::cell::RefCell;
use std::fmt;

/// One fault of a policy file. Displays as `FILE:LINE:COLUMN: what is wrong: what to do`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    pub file: String,
    /// From 1.
    pub line: usize,
    /// In characters, from 1.
    pub column: usize,
    pub message: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: {}", self.file, self.line, self.column, self.message)
    }
}

/// Every fault of a policy file, in the order of the file. Never empty; displays as one line per fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct PolicyError {
    pub faults: Vec<Fault>,
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, fault) in self.faults.iter().enumerate() {
            if i > 0 {
                writeln!(f)?;
            }
            fault.fmt(f)?;
        }
        Ok(())
    }
}

/// Collects faults while a text is read.
pub(super) struct Faults<'t> {
    file: &'t str,
    text: &'t str,
    found: RefCell<Vec<(usize, String)>>,
}

impl<'t> Faults<'t> {
    pub(super) const fn new(file: &'t str, text: &'t str) -> Self {
        Self { file, text, found: RefCell::new(Vec::new()) }
    }

    /// `offset` is in bytes of the text.
    pub(super) fn add(&self, offset: usize, message: String) {
        self.found.borrow_mut().push((offset, message));
    }

    /// The text itself between two offsets.
    pub(super) fn text(&self, span: &std::ops::Range<usize>) -> &'t str {
        self.text.get(span.clone()).unwrap_or_default()
    }

    pub(super) fn line(&self, offset: usize) -> usize {
        self.position(offset).0
    }

    /// # Errors
    /// When there are faults.
    pub(super) fn none_so_far(&self) -> Result<(), PolicyError> {
        let mut found = self.found.borrow().clone();
        if found.is_empty() {
            return Ok(());
        }
        found.sort();
        found.dedup();
        Err(PolicyError { faults: found.into_iter().map(|(at, message)| self.fault(at, message)).collect() })
    }

    /// For a text that gave neither a policy nor a fault, which would be an error of this parser.
    pub(super) fn unexplained(&self) -> PolicyError {
        let message = "the policy could not be read; please report this with the file".to_owned();
        PolicyError { faults: vec![self.fault(0, message)] }
    }

    fn fault(&self, offset: usize, message: String) -> Fault {
        let (line, column) = self.position(offset);
        Fault { file: self.file.to_owned(), line, column, message }
    }

    fn position(&self, offset: usize) -> (usize, usize) {
        let before = self.text.get(..offset).unwrap_or(self.text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        (line, column)
    }
}
