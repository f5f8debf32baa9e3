//! Resolves the names of a condition, and gives absent tags and parameters their meaning.
//!
//! A lookup `T[k]` in a map of texts becomes `k in T ? T[k] : ""`. `has(T.k)` and `k in T` stay as they are.

use cel::common::ast::operators::{CONDITIONAL, IN, INDEX};
use cel::common::ast::{CallExpr, ComprehensionExpr, EntryExpr, Expr, IdedExpr, LiteralValue, SourceInfo};

use super::schema::{self, Kind};
use super::{ConditionError, offset_of};

/// Gives the number of comprehensions: how often an evaluation goes over the facts at most.
pub(super) fn resolve(expr: &mut IdedExpr, source: &SourceInfo) -> Result<usize, Vec<ConditionError>> {
    let mut scope = Scope { source, bound: Vec::new(), depth: 0, loops: 0, errors: Vec::new() };
    scope.visit(expr);
    if scope.errors.is_empty() { Ok(scope.loops) } else { Err(scope.errors) }
}

struct Scope<'s> {
    source: &'s SourceInfo,
    /// Variables of the comprehensions around this place.
    bound: Vec<String>,
    depth: usize,
    loops: usize,
    errors: Vec<ConditionError>,
}

impl Scope<'_> {
    fn visit(&mut self, node: &mut IdedExpr) {
        if matches!(node.expr, Expr::Ident(_)) || member(&node.expr).is_some() {
            self.path(node);
            return;
        }
        let offset = offset_of(self.source, node);
        match &mut node.expr {
            Expr::Call(_) => self.call(node),
            Expr::Comprehension(comprehension) => {
                if self.depth > 0 {
                    self.error(
                        offset,
                        "macros such as `exists` may not stand inside one another here".to_owned(),
                    );
                    return;
                }
                self.comprehension(comprehension);
            }
            Expr::Select(select) => self.visit(&mut select.operand),
            Expr::List(list) => list.elements.iter_mut().for_each(|element| self.visit(element)),
            Expr::Map(map) => map.entries.iter_mut().for_each(|entry| self.entry(&mut entry.expr)),
            Expr::Struct(record) => record.entries.iter_mut().for_each(|entry| self.entry(&mut entry.expr)),
            Expr::Ident(_) | Expr::Literal(_) | Expr::Unspecified => {}
        }
    }

    fn entry(&mut self, entry: &mut EntryExpr) {
        match entry {
            EntryExpr::StructField(field) => self.visit(&mut field.value),
            EntryExpr::MapEntry(entry) => {
                self.visit(&mut entry.key);
                self.visit(&mut entry.value);
            }
        }
    }

    fn call(&mut self, node: &mut IdedExpr) {
        let offset = offset_of(self.source, node);
        let Expr::Call(call) = &mut node.expr else { return };
        let operator = call.func_name.contains(['_', '@']);
        if !operator && !schema::FUNCTIONS.contains(&call.func_name.as_str()) {
            let choices = schema::FUNCTIONS.join("`, `");
            self.error(offset, format!("unknown function `{}`: choose one of `{choices}`", call.func_name));
        }
        call.target.iter_mut().for_each(|target| self.visit(target));
        call.args.iter_mut().for_each(|argument| self.visit(argument));
    }

    fn comprehension(&mut self, comprehension: &mut ComprehensionExpr) {
        self.visit(&mut comprehension.iter_range);
        let outer = self.bound.len();
        self.bound.extend([comprehension.iter_var.clone(), comprehension.accu_var.clone()]);
        self.bound.extend(comprehension.iter_var2.clone());
        self.depth += 1;
        self.loops += 1;
        self.visit(&mut comprehension.accu_init);
        self.visit(&mut comprehension.loop_cond);
        self.visit(&mut comprehension.loop_step);
        self.visit(&mut comprehension.result);
        self.depth -= 1;
        self.bound.truncate(outer);
    }

    /// A name with its members, from the outside in; what it stands for where that is known.
    fn path(&mut self, node: &mut IdedExpr) -> Option<Kind> {
        let offset = offset_of(self.source, node);
        if let Expr::Ident(name) = &node.expr {
            return self.root(name.clone(), offset);
        }
        let key = member(&node.expr)?;
        let of = self.operand(node)?;
        match (of, key) {
            (Kind::Record(fields), Some(key)) => {
                let kind = schema::field(fields, &key);
                if kind.is_none() {
                    let choices = schema::choices(fields);
                    self.error(offset, format!("there is no `{key}` here: choose one of {choices}"));
                }
                kind
            }
            (Kind::Record(fields), None) => {
                let choices = schema::choices(fields);
                self.error(offset, format!("name the field, one of {choices}"));
                None
            }
            (Kind::Texts, _) if has_plain_key(&node.expr) => {
                default_to_empty(node);
                None
            }
            (Kind::Texts, _) => {
                self.error(offset, "write the key out, as in `tags[\"risk\"]`".to_owned());
                None
            }
            (Kind::Numbers | Kind::Leaf, _) => None,
        }
    }

    fn root(&mut self, name: String, offset: usize) -> Option<Kind> {
        if self.bound.contains(&name) {
            return None;
        }
        let kind = schema::field(schema::ROOT, &name);
        if kind.is_none() {
            let choices = schema::choices(schema::ROOT);
            self.error(offset, format!("unknown name `{name}`: choose one of {choices}"));
        }
        kind
    }

    /// Visits what is before the last `.key` or `[key]`, and the key.
    fn operand(&mut self, node: &mut IdedExpr) -> Option<Kind> {
        match &mut node.expr {
            Expr::Select(select) => self.part(&mut select.operand),
            Expr::Call(call) => {
                let mut parts = call.args.iter_mut();
                let (operand, key) = (parts.next()?, parts.next()?);
                self.visit(key);
                self.part(operand)
            }
            _ => None,
        }
    }

    fn part(&mut self, node: &mut IdedExpr) -> Option<Kind> {
        if matches!(node.expr, Expr::Ident(_)) || member(&node.expr).is_some() {
            return self.path(node);
        }
        self.visit(node);
        None
    }

    fn error(&mut self, offset: usize, message: String) {
        self.errors.push(ConditionError { offset, message });
    }
}

/// `Some` for `x.key` and `x[key]`; the inner value is the key where it is written out.
fn member(expr: &Expr) -> Option<Option<String>> {
    match expr {
        Expr::Select(select) if !select.test => Some(Some(select.field.clone())),
        Expr::Call(call) if call.func_name == INDEX && call.args.len() == 2 => {
            let key = call.args.get(1).map(|key| &key.expr);
            Some(match key {
                Some(Expr::Literal(LiteralValue::String(text))) => Some(text.inner().to_owned()),
                _ => None,
            })
        }
        _ => None,
    }
}

/// The key is written twice into the result, so that a computed one could make it grow without bound.
fn has_plain_key(lookup: &Expr) -> bool {
    match lookup {
        Expr::Call(call) => {
            matches!(call.args.get(1).map(|key| &key.expr), Some(Expr::Literal(_) | Expr::Ident(_)))
        }
        _ => true,
    }
}

fn default_to_empty(node: &mut IdedExpr) {
    let id = node.id;
    let lookup = std::mem::take(node);
    let Some((operand, key)) = parts(&lookup) else {
        *node = lookup;
        return;
    };
    let call = |func_name: &str, args| CallExpr { func_name: func_name.to_owned(), target: None, args };
    let present = IdedExpr { id, expr: Expr::Call(call(IN, vec![key, operand])) };
    let empty = IdedExpr { id, expr: text("") };
    *node = IdedExpr { id, expr: Expr::Call(call(CONDITIONAL, vec![present, lookup, empty])) };
}

fn parts(lookup: &IdedExpr) -> Option<(IdedExpr, IdedExpr)> {
    match &lookup.expr {
        Expr::Select(select) => {
            let key = IdedExpr { id: lookup.id, expr: text(&select.field) };
            Some(((*select.operand).clone(), key))
        }
        Expr::Call(call) => Some((call.args.first()?.clone(), call.args.get(1)?.clone())),
        _ => None,
    }
}

fn text(text: &str) -> Expr {
    Expr::Literal(LiteralValue::String(text.to_owned().into()))
}
