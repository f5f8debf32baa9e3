//! The whole store as JSON Lines, and back: sled's files have no promise of a future, this form has.
//!
//! First `{"format":1,"store":"countersign"}`, then `{"key":"<percent-encoded>","value":"<base64>"}` per key in order,
//! last `{"records":n,"digest":"sha256:…"}` over all lines before it.

use std::collections::BTreeMap;
use std::io::{self, BufRead, Write};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_core::digest::Digest;
use percent_encoding::percent_decode_str;
use ring::digest::{Context, SHA256};
use serde::{Deserialize, Serialize};

use super::{Batch, CommitError, Key, Scan, Store, StoreError};

const FORMAT: u64 = 1;
const STORE: &str = "countersign";

/// Keys per page read, and per batch written. A value may be megabytes.
const PAGE: usize = 64;

#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("writing the export")]
    Write(#[source] io::Error),
}

#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    #[error(transparent)]
    Commit(#[from] CommitError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("store is not empty: import into a new directory (`url` under `[store]`)")]
    NotEmpty,
    #[error("reading line {line} of the export")]
    Read { line: u64, source: io::Error },
    #[error(
        "line {line} is not of a store export: {reason}; the import is incomplete, so delete the new store"
    )]
    Line { line: u64, reason: String },
    #[error(
        "export is damaged: {reason}; the import cannot be trusted, so delete the new store and take another export"
    )]
    Damaged { reason: String },
}

/// What a store holds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Info {
    pub keys: u64,
    /// Of all values together.
    pub bytes: u64,
    /// Keys and bytes per space, by name.
    pub spaces: BTreeMap<String, (u64, u64)>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    format: u64,
    store: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Cell {
    key: String,
    value: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Footer {
    records: u64,
    digest: Digest,
}

/// Writes every key and value. Returns how many there were. Nobody should write to the store meanwhile.
///
/// # Errors
/// When the store cannot be read, or the output not written.
pub fn export(store: &dyn Store, out: &mut dyn Write) -> Result<u64, ExportError> {
    let mut out = Hashed { out, hash: Context::new(&SHA256) };
    out.line(&Header { format: FORMAT, store: STORE.to_owned() })?;
    let mut records = 0;
    for_each(store, |key, value| {
        records += 1;
        out.line(&Cell { key: key.to_string(), value: STANDARD.encode(value) })
    })?;
    let digest = digest_of(&out.hash);
    out.line(&Footer { records, digest })?;
    out.out.flush().map_err(ExportError::Write)?;
    Ok(records)
}

/// Fills an empty store from an export. Returns how many keys it has now.
///
/// # Errors
/// See [`ImportError`]; where it says so, the store is incomplete and must be deleted.
pub async fn import(store: &dyn Store, input: &mut (dyn BufRead + Send)) -> Result<u64, ImportError> {
    if !store.scan(&everything().limit(1))?.is_empty() {
        return Err(ImportError::NotEmpty);
    }
    let mut lines = Lines { input, line: String::new(), number: 0, hash: Context::new(&SHA256) };
    lines.header()?;
    let (mut records, mut batch, mut waiting) = (0, Batch::new(), 0);
    loop {
        match lines.cell()? {
            Ok((key, value)) => batch = batch.expect_absent(key.clone()).put(key, value),
            Err(footer) => {
                store.commit(batch).await?;
                return footer.check(records, &mut lines);
            }
        }
        (records, waiting) = (records + 1, waiting + 1);
        if waiting == PAGE {
            store.commit(std::mem::take(&mut batch)).await?;
            waiting = 0;
        }
    }
}

/// Counts what is in a store.
///
/// # Errors
/// When the store cannot be read.
pub fn info(store: &dyn Store) -> Result<Info, StoreError> {
    let mut info = Info::default();
    for_each(store, |key, value| {
        let bytes = value.len() as u64;
        let (keys, size) = info.spaces.entry(key.space_name()).or_default();
        (*keys, *size) = (*keys + 1, *size + bytes);
        (info.keys, info.bytes) = (info.keys + 1, info.bytes + bytes);
        Ok(())
    })?;
    Ok(info)
}

fn everything() -> Scan {
    Scan::prefix(Key::from_bytes(Vec::new())).limit(PAGE)
}

fn for_each<E: From<StoreError>>(
    store: &dyn Store,
    mut each: impl FnMut(&Key, &[u8]) -> Result<(), E>,
) -> Result<(), E> {
    let mut scan = everything();
    loop {
        let page = store.scan(&scan)?;
        let Some((last, _)) = page.last() else { return Ok(()) };
        scan = everything().after(last.clone());
        for (key, value) in &page {
            each(key, value)?;
        }
    }
}

/// Hashes the lines that it writes.
struct Hashed<'a> {
    out: &'a mut dyn Write,
    hash: Context,
}

impl Hashed<'_> {
    fn line<T: Serialize>(&mut self, value: &T) -> Result<(), ExportError> {
        let mut line = serde_json::to_vec(value).map_err(|error| ExportError::Write(error.into()))?;
        line.push(b'\n');
        self.hash.update(&line);
        self.out.write_all(&line).map_err(ExportError::Write)
    }
}

fn digest_of(hash: &Context) -> Digest {
    let mut bytes = [0; 32];
    bytes.copy_from_slice(hash.clone().finish().as_ref());
    Digest::from_bytes(bytes)
}

/// Hashes the lines that it reads; the hash is of all lines before the present one.
struct Lines<'a> {
    input: &'a mut (dyn BufRead + Send),
    line: String,
    number: u64,
    hash: Context,
}

impl Lines<'_> {
    fn next(&mut self) -> Result<bool, ImportError> {
        self.hash.update(self.line.as_bytes());
        self.line.clear();
        self.number += 1;
        let read = self.input.read_line(&mut self.line);
        Ok(read.map_err(|source| ImportError::Read { line: self.number, source })? > 0)
    }

    fn header(&mut self) -> Result<(), ImportError> {
        self.next()?;
        match serde_json::from_str::<Header>(&self.line) {
            Ok(Header { format: FORMAT, store }) if store == STORE => Ok(()),
            Ok(other) => Err(self.bad(format!("store `{}`, format {}", other.store, other.format))),
            Err(error) => Err(self.bad(error.to_string())),
        }
    }

    /// The next key and value, or the footer.
    fn cell(&mut self) -> Result<Result<(Key, Vec<u8>), Footer>, ImportError> {
        if !self.next()? {
            return Err(ImportError::Damaged { reason: "it was cut off before its last line".to_owned() });
        }
        if let Ok(footer) = serde_json::from_str(&self.line) {
            return Ok(Err(footer));
        }
        let cell: Cell = serde_json::from_str(&self.line).map_err(|error| self.bad(error.to_string()))?;
        let value = STANDARD.decode(&cell.value).map_err(|error| self.bad(error.to_string()))?;
        Ok(Ok((Key::from_bytes(percent_decode_str(&cell.key).collect()), value)))
    }

    fn bad(&self, reason: String) -> ImportError {
        ImportError::Line { line: self.number, reason }
    }
}

impl Footer {
    fn check(&self, records: u64, lines: &mut Lines<'_>) -> Result<u64, ImportError> {
        let damaged = |reason: &str| Err(ImportError::Damaged { reason: reason.to_owned() });
        match () {
            () if self.digest != digest_of(&lines.hash) => damaged("its digest is another"),
            () if self.records != records => damaged("it has another number of records"),
            () if lines.next()? => damaged("more lines follow its last"),
            () => Ok(records),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tokio::runtime::Runtime;

    use super::super::memory::MemoryStore;
    use super::*;

    fn filled(cells: &BTreeMap<Vec<u8>, Vec<u8>>) -> MemoryStore {
        let store = MemoryStore::new();
        let put = |batch: Batch, (key, value): (&Vec<u8>, &Vec<u8>)| {
            batch.put(Key::from_bytes(key.clone()), value.clone())
        };
        Runtime::new().unwrap().block_on(store.commit(cells.iter().fold(Batch::new(), put))).unwrap();
        store
    }

    fn exported(store: &dyn Store) -> Vec<u8> {
        let mut out = Vec::new();
        export(store, &mut out).unwrap();
        out
    }

    fn imported(bytes: &[u8]) -> Result<MemoryStore, ImportError> {
        let store = MemoryStore::new();
        Runtime::new().unwrap().block_on(import(&store, &mut &*bytes))?;
        Ok(store)
    }

    fn bytes() -> impl Strategy<Value = Vec<u8>> {
        proptest::collection::vec(any::<u8>(), 0..12)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn what_goes_out_comes_in(cells in proptest::collection::btree_map(bytes(), bytes(), 0..200)) {
            let before = filled(&cells);
            let after = imported(&exported(&before)).unwrap();
            prop_assert_eq!(before.scan(&everything().limit(999)).unwrap(), after.scan(&everything().limit(999)).unwrap());
        }
    }

    #[test]
    fn a_damaged_export_is_refused() {
        let cells = (0..70_u8).map(|i| (vec![b'k', i], vec![i; 3])).collect();
        let good = exported(&filled(&cells));
        for at in 0..good.len() - 1 {
            let mut bad = good.clone();
            bad[at] ^= 1;
            assert!(imported(&bad).is_err(), "byte {at} of {}", String::from_utf8_lossy(&good));
        }
        assert!(matches!(
            imported(&good[..good.len() / 2]),
            Err(ImportError::Line { .. } | ImportError::Damaged { .. })
        ));
        let message =
            Runtime::new().unwrap().block_on(import(&filled(&cells), &mut &*good)).unwrap_err().to_string();
        assert!(message.contains("not empty"), "{message}");
    }

    #[test]
    fn spaces_are_counted() {
        let cell = |space: &str, n: u64| (Key::space(space).number(n).as_bytes().to_vec(), vec![0; 10]);
        let info = info(&filled(&BTreeMap::from([cell("a", 1), cell("a", 2), cell("b", 1)]))).unwrap();
        assert_eq!((info.keys, info.bytes), (3, 30));
        assert_eq!(info.spaces, BTreeMap::from([("a".to_owned(), (2, 20)), ("b".to_owned(), (1, 10))]));
    }
}
