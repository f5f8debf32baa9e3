//! Where the head of an HTML document ends. Knows as much of HTML as MLflow's document needs, and says so where there is
//! more: what looks like a tag may stand in a comment or in a script.

const END: &[u8] = b"</head";

/// Where the element goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// Before this byte.
    Before(usize),
    /// It has not come yet.
    Unknown,
    /// It came where nobody can tell what it is.
    Odd,
}

/// A search that goes on where it was when there was less of the document.
#[derive(Debug, Default)]
pub(super) struct Search {
    looked: usize,
}

impl Search {
    /// `document` is all that has come so far.
    pub(super) fn look(&mut self, document: &[u8]) -> Place {
        let from = self.looked;
        // The byte after the name tells `</head>` from `</header>`.
        self.looked = document.len().saturating_sub(END.len());
        let tail = document.get(from..).unwrap_or_default();
        let ends = |window: &[u8]| {
            window.split_last().is_some_and(|(after, name)| {
                name.eq_ignore_ascii_case(END) && (b">/".contains(after) || after.is_ascii_whitespace())
            })
        };
        match tail.windows(END.len() + 1).position(ends) {
            None => Place::Unknown,
            Some(at) if is_markup(document.get(..from + at).unwrap_or_default()) => Place::Before(from + at),
            Some(_) => Place::Odd,
        }
    }
}

/// Whether what follows is read as markup: no comment, script, style or template is open.
fn is_markup(before: &[u8]) -> bool {
    let closed = |open: &[u8], close: &[u8]| last(before, open) <= last(before, close);
    closed(b"<!--", b"-->")
        && closed(b"<script", b"</script")
        && closed(b"<style", b"</style")
        && closed(b"<template", b"</template")
        && closed(b"<title", b"</title")
}

/// Where a word stands last, in either case; nowhere comes before everywhere.
fn last(text: &[u8], word: &[u8]) -> Option<usize> {
    text.windows(word.len()).rposition(|window| window.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(document: &str, expect: Place) {
        assert_eq!(Search::default().look(document.as_bytes()), expect, "{document}");
    }

    #[test]
    fn ends_of_heads() {
        check("<head></head>", Place::Before(6));
        check("<HEAD></HEAD>", Place::Before(6));
        check("<head></head\n>", Place::Before(6));
        check("<head><script>x</script></head>", Place::Before(24));
        check("<head><!-- a --></head>", Place::Before(16));
        check("<body><header></header>", Place::Unknown);
        check("<head></head", Place::Unknown);
        check("", Place::Unknown);
    }

    #[test]
    fn what_may_be_something_else_is_odd() {
        check("<head><!-- </head> -->", Place::Odd);
        check("<script>document.write('</head>')", Place::Odd);
        check("<style>/*</head>*/", Place::Odd);
        check("<title></head></title>", Place::Odd);
    }
}
