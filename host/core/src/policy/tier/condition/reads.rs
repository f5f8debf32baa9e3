//! Which facts a condition reads, found in its tree as it was written. Whether the names exist is for
//! [`super::scope`] to say.

use std::collections::BTreeSet;

use cel::common::ast::operators::{IN, INDEX};
use cel::common::ast::{CallExpr, ComprehensionExpr, EntryExpr, Expr, IdedExpr, LiteralValue};

use super::schema;

/// The members from a root down to a fact: `model`, `tags`, `risk`.
pub(in crate::policy::tier) type Path = Vec<String>;

/// Every fact that may be looked at. Where a key is computed, the whole that it is looked up in.
pub(super) fn of(expr: &IdedExpr) -> BTreeSet<Path> {
    let mut reader = Reader { bound: Vec::new(), found: BTreeSet::new() };
    reader.visit(expr);
    reader.found
}

/// As it is written in a condition: `model.tags["risk"]`.
pub(in crate::policy::tier) fn spelt(path: &[String]) -> String {
    let mut text = String::new();
    for (place, key) in path.iter().enumerate() {
        let before = path.get(..place).unwrap_or_default();
        match (place, schema::is_map(before)) {
            (0, _) => text.push_str(key),
            (_, true) => text.push_str(&format!("[{key:?}]")),
            (_, false) => text.push_str(&format!(".{key}")),
        }
    }
    text
}

struct Reader {
    /// Variables of the comprehensions around this place.
    bound: Vec<String>,
    found: BTreeSet<Path>,
}

impl Reader {
    fn visit(&mut self, node: &IdedExpr) {
        if let Some(path) = self.path(&node.expr) {
            self.found.insert(path);
            return self.computed_key(&node.expr);
        }
        match &node.expr {
            Expr::Select(select) => self.visit(&select.operand),
            Expr::Call(call) => self.call(call),
            Expr::Comprehension(comprehension) => self.comprehension(comprehension),
            Expr::List(list) => list.elements.iter().for_each(|element| self.visit(element)),
            Expr::Map(map) => map.entries.iter().for_each(|entry| self.entry(&entry.expr)),
            Expr::Struct(record) => record.entries.iter().for_each(|entry| self.entry(&entry.expr)),
            Expr::Ident(_) | Expr::Literal(_) | Expr::Unspecified => {}
        }
    }

    /// `"risk" in model.tags` asks for one of the tags only.
    fn call(&mut self, call: &CallExpr) {
        if call.func_name == IN
            && let [key, of] = call.args.as_slice()
            && let (Some(key), Some(mut path)) = (literal(key), self.path(&of.expr))
        {
            if schema::is_map(&path) {
                path.push(key.to_owned());
            }
            self.found.insert(path);
            return;
        }
        call.target.iter().for_each(|target| self.visit(target));
        call.args.iter().for_each(|argument| self.visit(argument));
    }

    fn entry(&mut self, entry: &EntryExpr) {
        match entry {
            EntryExpr::StructField(field) => self.visit(&field.value),
            EntryExpr::MapEntry(entry) => {
                self.visit(&entry.key);
                self.visit(&entry.value);
            }
        }
    }

    fn comprehension(&mut self, comprehension: &ComprehensionExpr) {
        self.visit(&comprehension.iter_range);
        let outer = self.bound.len();
        self.bound.extend([comprehension.iter_var.clone(), comprehension.accu_var.clone()]);
        self.bound.extend(comprehension.iter_var2.clone());
        self.visit(&comprehension.accu_init);
        self.visit(&comprehension.loop_cond);
        self.visit(&comprehension.loop_step);
        self.visit(&comprehension.result);
        self.bound.truncate(outer);
    }

    /// What a name with its members stands for, as far as its keys are written out.
    fn path(&self, expr: &Expr) -> Option<Path> {
        match expr {
            Expr::Ident(name) => (!self.bound.contains(name)).then(|| vec![name.clone()]),
            Expr::Select(select) => self.member(&select.operand, Some(&select.field)),
            Expr::Call(call) if call.func_name == INDEX => match call.args.as_slice() {
                [of, key] => self.member(of, literal(key)),
                _ => None,
            },
            _ => None,
        }
    }

    fn member(&self, of: &IdedExpr, key: Option<&str>) -> Option<Path> {
        let mut path = self.path(&of.expr)?;
        path.extend(key.map(str::to_owned));
        Some(path)
    }

    fn computed_key(&mut self, expr: &Expr) {
        match expr {
            Expr::Select(select) => self.computed_key(&select.operand.expr),
            Expr::Call(call) => {
                if let [of, key] = call.args.as_slice() {
                    self.computed_key(&of.expr);
                    self.visit(key);
                }
            }
            _ => {}
        }
    }
}

fn literal(node: &IdedExpr) -> Option<&str> {
    match &node.expr {
        Expr::Literal(LiteralValue::String(text)) => Some(text.inner()),
        _ => None,
    }
}
