//! The little of Markdown that a card needs: headings, and how many words stand under them.

use std::io::Read;

use countersign_sdk::{CannotJudge, artifacts};

/// The longest card that is read, in bytes.
const LONGEST: u64 = 1 << 20;

pub(crate) struct Card {
    words: usize,
    sections: Vec<Section>,
}

struct Section {
    /// In its normal form.
    title: String,
    level: usize,
    words: usize,
}

/// # Errors
/// When the file could not be read or is no text.
pub(crate) fn read(path: &str) -> Result<String, CannotJudge> {
    let mut bytes = Vec::new();
    artifacts::open(path)?.reader(64 << 10).take(LONGEST).read_to_end(&mut bytes)?;
    // The last character may be cut in two by the limit.
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Letters and digits in lower case, single spaces between: how headings are compared.
pub(crate) fn normal(text: &str) -> String {
    let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_lowercase).collect::<Vec<_>>().join(" ")
}

impl Card {
    pub(crate) fn parse(text: &str) -> Self {
        let mut card = Self { words: 0, sections: Vec::new() };
        let mut in_code = false;
        let mut in_comment = false;
        for line in text.lines() {
            in_code ^= line.trim_start().starts_with("```");
            let line = without_comments(line, &mut in_comment);
            match heading(&line).filter(|_| !in_code) {
                Some((level, title)) => card.begin(level, title),
                None => card.count(&line),
            }
        }
        card
    }

    pub(crate) fn words(&self) -> usize {
        self.words
    }

    /// How many words stand under a heading and its own subheadings; `None` when there is no such heading.
    pub(crate) fn section_words(&self, title: &str) -> Option<usize> {
        let wanted = normal(title);
        let matching = self.sections.iter().enumerate().filter(|(_, section)| section.title == wanted);
        matching.map(|(at, section)| self.words_from(at, section.level)).max()
    }

    fn words_from(&self, at: usize, level: usize) -> usize {
        let mut below = self.sections.iter().skip(at);
        let own = below.next().map_or(0, |section| section.words);
        own + below.take_while(|section| section.level > level).map(|section| section.words).sum::<usize>()
    }

    fn begin(&mut self, level: usize, title: &str) {
        self.sections.push(Section { title: normal(title), level, words: 0 });
    }

    fn count(&mut self, line: &str) {
        let words = line.split_whitespace().filter(|word| word.chars().any(char::is_alphanumeric)).count();
        self.words += words;
        if let Some(section) = self.sections.last_mut() {
            section.words += words;
        }
    }
}

/// `## Intended use ##` gives level 2 and the title.
fn heading(line: &str) -> Option<(usize, &str)> {
    let line = line.trim();
    let level = line.bytes().take_while(|b| *b == b'#').count();
    let title = line.get(level..).filter(|rest| (1..=6).contains(&level) && rest.starts_with([' ', '\t']))?;
    Some((level, title.trim().trim_end_matches('#').trim_end()))
}

/// A comment is not read by anyone, so its words do not count.
fn without_comments(line: &str, inside: &mut bool) -> String {
    let mut rest = line;
    let mut kept = String::new();
    loop {
        let (marker, keep) = if *inside { ("-->", false) } else { ("<!--", true) };
        let (before, after) =
            rest.split_once(marker).map_or((rest, None), |(before, after)| (before, Some(after)));
        if keep {
            kept.push_str(before);
        }
        let Some(after) = after else { return kept };
        *inside = !*inside;
        rest = after;
    }
}

#[cfg(test)]
mod tests {
    use super::Card;

    #[test]
    fn words_are_counted_per_section() {
        let card = Card::parse(
            "A model.\n# Intended Use:\nFor fraud.\n## Limits ##\nNot for **credit** — ever.\n# Data\n<!-- to be\nwritten -->\n```\n# not a heading\n```\n#hashtag",
        );
        let check =
            |title: &str, expect: Option<usize>| assert_eq!(card.section_words(title), expect, "{title}");
        check("intended use", Some(6));
        check("LIMITS", Some(4));
        check("Data", Some(4));
        check("not a heading", None);
        check("hashtag", None);
        check("Owner", None);
        assert_eq!(card.words(), 12);
    }
}
