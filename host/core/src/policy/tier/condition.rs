//! One CEL condition: parsed, checked against the names that exist, evaluated within bounds.
//!
//! A condition sees `model`, `version` and `action`; [`schema`] says which fields. A tag or a parameter that is
//! not there reads as the empty text, so that `model.tags["risk"] != "low"` holds for a model without the tag.
//! A metric that is not there has no neutral value: the evaluation fails, and so does everything else that
//! cannot be told. Comprehensions do not nest, so that the cost stays proportional to the facts.

pub(super) mod reads;
mod schema;
mod scope;

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use cel::common::ast::{IdedExpr, SourceInfo};
use cel::parser::Parser;
use cel::{Context, Value};
use serde::{Serialize, Serializer};

use super::view::View;

/// Bytes.
const MAX_LEN: usize = 4 * 1024;

/// Entries that one evaluation looks at, over all its macros. A condition that would look at more is not begun: a
/// governed write waits for it.
const MAX_STEPS: usize = 100_000;

/// A condition as the operator wrote it, ready to be evaluated.
#[derive(Clone)]
pub struct Condition {
    text: String,
    expr: Arc<IdedExpr>,
    reads: Arc<BTreeSet<reads::Path>>,
    loops: usize,
}

/// What is wrong with the text of a condition.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ConditionError {
    /// In bytes of the text.
    pub offset: usize,
    pub message: String,
}

/// Why a condition has no answer for these facts.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot tell whether `{condition}` holds: {reason}")]
pub struct CannotTell {
    pub condition: String,
    pub reason: String,
}

impl Condition {
    /// Parses a condition.
    ///
    /// # Errors
    /// Every fault of the text: syntax, unknown names and functions, nesting, length.
    pub fn parse(text: &str) -> Result<Self, Vec<ConditionError>> {
        if text.len() > MAX_LEN {
            let message =
                format!("the condition is longer than {MAX_LEN} bytes: split it into several tiers");
            return Err(vec![ConditionError { offset: 0, message }]);
        }
        let (mut expr, source) = Parser::new()
            .parse_with_source_info(text)
            .map_err(|errors| errors.errors.iter().map(|error| syntax(text, error)).collect::<Vec<_>>())?;
        let reads = Arc::new(reads::of(&expr));
        let loops = scope::resolve(&mut expr, &source)?;
        let condition = Self { text: text.to_owned(), expr: Arc::new(expr), reads, loops };
        condition.rehearse().map_err(|message| vec![ConditionError { offset: 0, message }])?;
        Ok(condition)
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The facts that it may look at.
    pub(super) fn reads(&self) -> &BTreeSet<reads::Path> {
        &self.reads
    }

    /// Whether the condition holds.
    ///
    /// # Errors
    /// When the facts do not say: see [`CannotTell`].
    pub(super) fn holds(&self, view: &View) -> Result<bool, CannotTell> {
        let cannot = |reason| CannotTell { condition: self.text.clone(), reason };
        let steps = self.loops.saturating_mul(view.entries());
        if steps > MAX_STEPS {
            return Err(cannot(format!(
                "it would look at {steps} tags, parameters and metrics, more than the {MAX_STEPS} that one condition may: \
                 use fewer macros such as `exists`"
            )));
        }
        let context = view.context().map_err(cannot)?;
        match self.evaluate(&context) {
            Ok(Value::Bool(answer)) => Ok(answer),
            Ok(other) => Err(cannot(not_an_answer(&other))),
            Err(error) => {
                Err(cannot(view.why_missing(&error).unwrap_or_else(|| lower_first(&error.to_string()))))
            }
        }
    }

    /// Evaluates against facts that say nothing, which tells conditions that never give yes or no.
    fn rehearse(&self) -> Result<(), String> {
        match self.evaluate(&View::empty().context()?) {
            Ok(Value::Bool(_)) | Err(_) => Ok(()),
            Ok(other) => Err(not_an_answer(&other)),
        }
    }

    fn evaluate(&self, context: &Context<'_, '_>) -> cel::ResolveResult {
        Value::resolve(&self.expr, context)
    }
}

fn not_an_answer(value: &Value) -> String {
    format!("it gives a {}, not yes or no: write a comparison such as `… == \"high\"`", value.type_of())
}

fn lower_first(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_lowercase().chain(chars).collect()).unwrap_or_default()
}

fn syntax(text: &str, error: &cel::ParseError) -> ConditionError {
    let (line, column) =
        (usize::try_from(error.pos.0).unwrap_or(1), usize::try_from(error.pos.1).unwrap_or(1));
    let before: usize = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    let offset = (before + column.saturating_sub(1)).min(text.len());
    ConditionError { offset, message: format!("this is not CEL: {}", lower_first(&error.msg)) }
}

/// Where a node was written, in bytes.
fn offset_of(source: &SourceInfo, node: &IdedExpr) -> usize {
    source.offset_for(node.id).and_then(|(start, _)| usize::try_from(start).ok()).unwrap_or(0)
}

impl PartialEq for Condition {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl fmt::Debug for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Condition({:?})", self.text)
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Serialize for Condition {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}
