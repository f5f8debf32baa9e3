//! Any text in the inbox's box: reading never panics, says what it read in a spelling that reads the same, and a refusal
//! has something to say.

#![no_main]

use countersign_core::search::Search;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    match text.parse::<Search>() {
        Ok(search) => assert_eq!(search.to_string().parse::<Search>().ok(), Some(search)),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});
