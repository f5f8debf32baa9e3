//! What a guest logs: kept with the check run, bounded in number and length, never part of a transcript.

use serde::{Deserialize, Serialize};

use super::limits::Limits;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    Debug,
    Info,
    Warn,
    Error,
}

/// One line for the operator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine {
    pub level: Level,
    pub message: String,
}

/// The lines so far. Lines past the limit are counted, not kept.
#[derive(Debug, Default)]
pub(super) struct Log {
    pub(super) lines: Vec<LogLine>,
    pub(super) dropped: u64,
}

impl Log {
    pub(super) fn write(&mut self, limits: &Limits, level: Level, mut message: String) {
        if self.lines.len() >= limits.log_lines as usize {
            self.dropped += 1;
            return;
        }
        truncate(&mut message, limits.log_line_bytes as usize);
        self.lines.push(LogLine { level, message });
    }
}

/// Cuts a text at a character boundary and says so.
pub(super) fn truncate(text: &mut String, bytes: usize) {
    if text.len() > bytes {
        text.truncate(text.floor_char_boundary(bytes.saturating_sub('…'.len_utf8())));
        text.push('…');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_bounded_in_number_and_length() {
        let limits = Limits { log_lines: 2, log_line_bytes: 8, ..Limits::default() };
        let mut log = Log::default();
        for text in ["short", "größer als acht", "third"] {
            log.write(&limits, Level::Info, text.to_owned());
        }
        let texts: Vec<&str> = log.lines.iter().map(|l| l.message.as_str()).collect();
        assert_eq!(texts, ["short", "grö…"]);
        assert_eq!(log.dropped, 1);
    }
}
