//! Reading words: `key:value`, `key:"a value"`, `value`.

use super::{Key, STATES, SearchError};
use crate::names::Pattern;

pub(super) fn words(text: &str) -> Result<Vec<(Key, Pattern)>, SearchError> {
    let mut words = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let (key, behind) = key(rest);
        let (value, behind) = value(behind)?;
        words.push(word(key, value)?);
        rest = behind.trim_start();
    }
    Ok(words)
}

/// What stands before a colon, if the colon comes before a space and a quotation mark.
fn key(text: &str) -> (Option<&str>, &str) {
    let ends = |c: char| c.is_whitespace() || c == ':' || c == '"';
    let cut = text.find(ends).and_then(|at| text.split_at_checked(at));
    match cut.and_then(|(key, rest)| Some((key, rest.strip_prefix(':')?))) {
        Some((key, rest)) => (Some(key), rest),
        None => (None, text),
    }
}

fn value(text: &str) -> Result<(String, &str), SearchError> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find(char::is_whitespace).unwrap_or(text.len());
        let (value, rest) = text.split_at_checked(end).unwrap_or((text, ""));
        return Ok((value.to_owned(), rest));
    };
    let (mut value, mut chars) = (String::new(), quoted.chars());
    while let Some(next) = chars.next() {
        match next {
            '"' => return Ok((value, chars.as_str())),
            '\\' => value.extend(chars.next()),
            other => value.push(other),
        }
    }
    Err(SearchError::Quote)
}

fn word(key: Option<&str>, value: String) -> Result<(Key, Pattern), SearchError> {
    let Some(named) = key else {
        // Alone, an empty word asks for nothing that could be missed.
        return Ok((Key::Model, Pattern::new(&format!("*{value}*"))));
    };
    let key = Key::ALL.into_iter().find(|key| key.as_str().eq_ignore_ascii_case(named));
    let key = key.ok_or_else(|| SearchError::Key(named.to_owned()))?;
    if value.is_empty() {
        return Err(SearchError::NoValue(key));
    }
    if key != Key::State {
        return Ok((key, Pattern::new(&value)));
    }
    let state = STATES.into_iter().find(|state| state.eq_ignore_ascii_case(&value));
    state.map(|state| (key, Pattern::new(state))).ok_or(SearchError::State(value))
}

/// A value as it is read again.
pub(super) fn quoted(value: &str) -> String {
    if !value.chars().any(char::is_whitespace) && !value.starts_with('"') {
        return value.to_owned();
    }
    format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""))
}
