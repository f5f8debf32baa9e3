//! Reading a file in blocks: a guest that walks through a file in small steps costs few reads upstream, and one that
//! reads it from end to end has its digest checked on the way.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use countersign_core::digest::Digest;
use countersign_core::facts::File;
use sha2::{Digest as _, Sha256};

use super::sources::{AccessError, Sources};

/// The block that was read last. One per evaluation, so that many open files cost no memory.
#[derive(Debug, Default)]
pub(super) struct Block {
    path: String,
    at: u64,
    bytes: Bytes,
}

/// One open file of the subject.
#[derive(Debug)]
pub(super) struct Reader {
    pub(super) file: File,
    hashed: u64,
    hasher: Sha256,
}

impl Reader {
    pub(super) fn new(file: File) -> Self {
        Self { file, hashed: 0, hasher: Sha256::new() }
    }

    /// At most `len` bytes from `offset`; fewer at the end of the file.
    pub(super) async fn read(
        &mut self,
        sources: &Arc<dyn Sources>,
        last: &mut Block,
        (offset, len): (u64, u32),
    ) -> Result<Bytes, AccessError> {
        let len = u64::from(len).min(self.file.size.saturating_sub(offset));
        let bytes = match sources.block_bytes() {
            0 => fetch(sources, &self.file.path, offset, len).await?,
            block => self.gather(sources, last, (offset, len), u64::from(block)).await?,
        };
        self.verify(offset, &bytes)?;
        Ok(bytes)
    }

    async fn gather(
        &self,
        sources: &Arc<dyn Sources>,
        last: &mut Block,
        (offset, len): (u64, u64),
        block: u64,
    ) -> Result<Bytes, AccessError> {
        let path = &self.file.path;
        if let Some(bytes) = last.range(path, offset, len) {
            return Ok(bytes);
        }
        let mut bytes = BytesMut::new();
        while (bytes.len() as u64) < len {
            let (from, left) = (offset + bytes.len() as u64, len - bytes.len() as u64);
            let part_len = left.min(block - from % block);
            if last.range(path, from, part_len).is_none() {
                let at = from - from % block;
                let read = fetch(sources, path, at, block.min(self.file.size - at)).await?;
                *last = Block { path: path.clone(), at, bytes: read };
            }
            let part = last.range(path, from, part_len).ok_or_else(|| changed(path))?;
            bytes.extend_from_slice(&part);
        }
        Ok(bytes.freeze())
    }

    /// Follows a guest that reads from the beginning to the end without a gap.
    fn verify(&mut self, offset: u64, bytes: &Bytes) -> Result<(), AccessError> {
        if offset != self.hashed || self.file.digest.is_none() {
            return Ok(());
        }
        self.hasher.update(bytes);
        self.hashed += bytes.len() as u64;
        if self.hashed < self.file.size {
            return Ok(());
        }
        let found = Digest::from_bytes(self.hasher.clone().finalize().into());
        if self.file.digest == Some(found) { Ok(()) } else { Err(changed(&self.file.path)) }
    }
}

impl Block {
    /// The range, where this block covers it.
    fn range(&self, path: &str, offset: u64, len: u64) -> Option<Bytes> {
        let from = usize::try_from(offset.checked_sub(self.at)?).ok()?;
        let until = from.checked_add(usize::try_from(len).ok()?)?;
        (self.path == path && until <= self.bytes.len()).then(|| self.bytes.slice(from..until))
    }
}

async fn fetch(sources: &Arc<dyn Sources>, path: &str, at: u64, len: u64) -> Result<Bytes, AccessError> {
    if len == 0 {
        return Ok(Bytes::new());
    }
    let len = u32::try_from(len).unwrap_or(u32::MAX);
    let bytes = sources.read(path, at, len).await?;
    if bytes.len() == len as usize { Ok(bytes) } else { Err(changed(path)) }
}

fn changed(path: &str) -> AccessError {
    AccessError::Unavailable(format!(
        "the file `{path}` is no longer what it was when the facts were taken: take them again"
    ))
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use proptest::prelude::*;

    use super::super::sources::{Answer, RegistryAnswer, RegistryQuery};
    use super::*;

    struct InMemory {
        bytes: Bytes,
        block: u32,
        reads: Mutex<Vec<(u64, u32)>>,
    }

    impl Sources for InMemory {
        fn query(&self, _: RegistryQuery) -> Answer<RegistryAnswer> {
            Box::pin(async { Err(AccessError::Unavailable(String::new())) })
        }

        fn read(&self, _: &str, offset: u64, len: u32) -> Answer<Bytes> {
            self.reads.lock().unwrap().push((offset, len));
            let from = usize::try_from(offset).unwrap();
            let bytes = self.bytes.slice(from..from + len as usize);
            Box::pin(async { Ok(bytes) })
        }

        fn block_bytes(&self) -> u32 {
            self.block
        }
    }

    fn open(bytes: &[u8], block: u32) -> (Arc<InMemory>, File) {
        let file = File { path: "f".into(), size: bytes.len() as u64, digest: Some(Digest::of(bytes)) };
        (Arc::new(InMemory { bytes: Bytes::copy_from_slice(bytes), block, reads: Mutex::default() }), file)
    }

    #[tokio::test]
    async fn small_steps_cost_one_read_per_block() {
        let data: Vec<u8> = (0..=255).collect();
        let (source, file) = open(&data, 64);
        let sources: Arc<dyn Sources> = source.clone();
        let (mut reader, mut last) = (Reader::new(file), Block::default());
        for at in (0..256).step_by(8) {
            let got = reader.read(&sources, &mut last, (at, 8)).await.unwrap();
            assert_eq!(got.as_ref(), &data[usize::try_from(at).unwrap()..][..8]);
        }
        assert_eq!(*source.reads.lock().unwrap(), [(0, 64), (64, 64), (128, 64), (192, 64)]);
    }

    #[tokio::test]
    async fn a_file_that_changed_is_found_at_its_end() {
        let (source, mut file) = open(b"hello world", 4);
        file.digest = Some(Digest::of(b"hello earth"));
        let sources: Arc<dyn Sources> = source;
        let (mut reader, mut last) = (Reader::new(file), Block::default());
        assert!(reader.read(&sources, &mut last, (0, 6)).await.is_ok());
        assert!(matches!(reader.read(&sources, &mut last, (6, 100)).await, Err(AccessError::Unavailable(_))));
    }

    proptest! {
        #[test]
        fn any_range_is_the_same_range_of_the_file(
            data in proptest::collection::vec(any::<u8>(), 1..200),
            ranges in proptest::collection::vec((0_u64..220, 0_u32..220), 1..10),
            block in 0_u32..50,
        ) {
            let (source, file) = open(&data, block);
            let sources: Arc<dyn Sources> = source;
            let (mut reader, mut last) = (Reader::new(file), Block::default());
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            for (offset, len) in ranges {
                let got = runtime.block_on(reader.read(&sources, &mut last, (offset, len))).unwrap();
                let from = usize::try_from(offset).unwrap().min(data.len());
                let until = (from + len as usize).min(data.len());
                prop_assert_eq!(got.as_ref(), &data[from..until]);
            }
        }
    }
}
