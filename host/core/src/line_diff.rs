//! Two texts line by line: what was taken out, what came in, what stayed.
//!
//! By the longest common subsequence. What both begin and end with is cut off first, so that the table stays small; for
//! texts that share too little for it, everything in between counts as replaced.

use serde::Serialize;

/// Cells of the table: two texts of two thousand lines each.
const MOST_CELLS: usize = 4_000_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "is", content = "line", rename_all = "kebab-case")]
pub enum Line<'t> {
    Same(&'t str),
    Removed(&'t str),
    Added(&'t str),
}

/// Every line of both texts, in order.
#[must_use]
pub fn line_diff<'t>(before: &'t str, after: &'t str) -> Vec<Line<'t>> {
    let (old, new): (Vec<&str>, Vec<&str>) = (before.lines().collect(), after.lines().collect());
    let head = common(old.iter().zip(&new));
    let (old_rest, new_rest) = (old.get(head..).unwrap_or_default(), new.get(head..).unwrap_or_default());
    let tail = common(old_rest.iter().rev().zip(new_rest.iter().rev()));
    let without_tail = |lines: &[&'t str]| lines.len() - tail;
    let (old_middle, _) = old_rest.split_at(without_tail(old_rest));
    let (new_middle, end) = new_rest.split_at(without_tail(new_rest));
    let mut lines: Vec<Line<'t>> = new.iter().take(head).copied().map(Line::Same).collect();
    lines.extend(middle(old_middle, new_middle));
    lines.extend(end.iter().copied().map(Line::Same));
    lines
}

fn common<'a, 't: 'a>(pairs: impl Iterator<Item = (&'a &'t str, &'a &'t str)>) -> usize {
    pairs.take_while(|(one, other)| one == other).count()
}

fn middle<'t>(old: &[&'t str], new: &[&'t str]) -> Vec<Line<'t>> {
    if old.len().saturating_mul(new.len()) > MOST_CELLS {
        return replaced(old, new);
    }
    let longest = Longest::of(old, new);
    let (mut at, mut lines) = ((0, 0), Vec::with_capacity(old.len() + new.len()));
    loop {
        let (i, j) = at;
        at = match (old.get(i), new.get(j)) {
            (None, None) => break lines,
            (Some(line), Some(other)) if line == other => {
                lines.push(Line::Same(line));
                (i + 1, j + 1)
            }
            (Some(line), other) if other.is_none() || longest.at(i + 1, j) >= longest.at(i, j + 1) => {
                lines.push(Line::Removed(line));
                (i + 1, j)
            }
            (_, Some(line)) => {
                lines.push(Line::Added(line));
                (i, j + 1)
            }
            (Some(_), None) => break lines,
        };
    }
}

fn replaced<'t>(old: &[&'t str], new: &[&'t str]) -> Vec<Line<'t>> {
    let removed = old.iter().copied().map(Line::Removed);
    removed.chain(new.iter().copied().map(Line::Added)).collect()
}

/// How many lines the rests of both have in common, for each pair of places.
struct Longest {
    width: usize,
    cells: Vec<u32>,
}

impl Longest {
    fn of(old: &[&str], new: &[&str]) -> Self {
        let width = new.len() + 1;
        let mut this = Self { width, cells: vec![0; width * (old.len() + 1)] };
        for (i, line) in old.iter().enumerate().rev() {
            for (j, other) in new.iter().enumerate().rev() {
                let best = if line == other {
                    this.at(i + 1, j + 1) + 1
                } else {
                    this.at(i + 1, j).max(this.at(i, j + 1))
                };
                if let Some(cell) = this.cells.get_mut(i * width + j) {
                    *cell = best;
                }
            }
        }
        this
    }

    fn at(&self, i: usize, j: usize) -> u32 {
        self.cells.get(i * self.width + j).copied().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(lines: &[Line<'_>]) -> String {
        let sign = |line: &Line<'_>| match line {
            Line::Same(text) => format!(" {text}"),
            Line::Removed(text) => format!("-{text}"),
            Line::Added(text) => format!("+{text}"),
        };
        lines.iter().map(sign).collect::<Vec<_>>().join("/")
    }

    fn check(before: &str, after: &str, expect: &str) {
        assert_eq!(written(&line_diff(before, after)), expect);
    }

    #[test]
    fn what_changed_between_two_texts() {
        check("", "", "");
        check("a\nb", "a\nb\n", " a/ b");
        check("a\nb\nc", "a\nx\nc", " a/-b/+x/ c");
        check("a\nc", "a\nb\nc", " a/+b/ c");
        check("a\nb\nc", "", "-a/-b/-c");
        check("a\na\nb", "a\nb\nb", " a/-a/+b/ b");
        check("a\nb\nc\nd", "b\nd\na", "-a/ b/-c/ d/+a");
    }

    proptest! {
        #[test]
        fn both_texts_can_be_read_out_of_it(
            before in prop::collection::vec("[ab]", 0..12),
            after in prop::collection::vec("[ab]", 0..12),
        ) {
            let (old, new) = (before.join("\n"), after.join("\n"));
            let lines = line_diff(&old, &new);
            let of = |wanted: fn(&Line<'_>) -> bool| -> Vec<&str> {
                let kept = lines.iter().filter(|line| wanted(line));
                kept.map(|(Line::Same(text) | Line::Removed(text) | Line::Added(text))| *text).collect()
            };
            prop_assert_eq!(of(|line| !matches!(line, Line::Added(_))), old.lines().collect::<Vec<_>>());
            prop_assert_eq!(of(|line| !matches!(line, Line::Removed(_))), new.lines().collect::<Vec<_>>());
        }
    }
}
