//! Any bytes as an evidence file: reading never panics, and what is read to its end is exactly the lines that were there.

#![no_main]

use countersign_core::evidence_file::read::{Item, Reader};
use countersign_core::evidence_file::refer::by_transcript;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let mut reader = Reader::default();
    let mut blobs = Vec::new();
    for line in text.split_terminator('\n') {
        match reader.line(line) {
            Ok(Item::Blob(digest, bytes)) => {
                assert_eq!(countersign_core::digest::Digest::of(&bytes), digest);
                let _ = by_transcript(&bytes);
                assert!(!blobs.contains(&digest));
                blobs.push(digest);
            }
            Ok(_) => {}
            Err(fault) => {
                assert!(fault.line == reader.lines() + 1 && !fault.place.is_empty());
                return;
            }
        }
    }
    let lines = text.split_terminator('\n').count() as u64;
    assert!(reader.finish().is_err() || reader.lines() == lines);
});
