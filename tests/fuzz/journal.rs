//! Any bytes as a segment of the store's journal: reading never panics, and writing what was read gives the bytes
//! that were read.

#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../host/src/store/sled/record.rs"]
mod record;

use record::{Records, start, write};

fuzz_target!(|data: &[u8]| {
    let Some(mut records) = Records::of(data) else { return };
    let mut mark = records.mark();
    let (mut written, mut bytes) = (start(&mark), Vec::new());
    while let Some(changes) = records.next() {
        let cells = changes.iter().map(|(key, value)| (key.as_slice(), value.as_deref()));
        mark = write(&mark, cells, &mut bytes).unwrap();
        written.extend_from_slice(&bytes);
        assert_eq!(mark, records.mark());
    }
    assert!(data.starts_with(&written));
});
