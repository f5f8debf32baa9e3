//! The Merkle tree of RFC 6962 §2.1: hashes, the right edge that an append needs, and reading any node back.
//!
//! Hashes are kept in tiles of 16, as `c2sp.org/tlog-tiles` keeps them in tiles of 256: tile `i` of level `l`
//! holds the hashes of 16 neighbouring subtrees of 16^l leaves each. Full tiles never change. The unfinished
//! tile of each level is the [`Edge`]; it is all that an append has to know.
//!
//! This module must not know where tiles are kept or what a leaf means.

use ring::digest::{Context, SHA256, digest};

pub type Hash = [u8; 32];

/// Hashes per tile.
pub const WIDTH: u64 = 16;
/// Levels of the binary tree per level of tiles.
const HEIGHT: u32 = 4;

/// RFC 6962 §2.1: SHA-256(0x00 ‖ entry).
#[must_use]
pub fn leaf_hash(entry: &[u8]) -> Hash {
    let mut hash = leaf_context();
    hash.update(entry);
    finish(hash)
}

/// A leaf hash that is still being fed.
#[must_use]
pub fn leaf_context() -> Context {
    let mut hash = Context::new(&SHA256);
    hash.update(&[0]);
    hash
}

#[must_use]
pub fn finish(hash: Context) -> Hash {
    let mut out = Hash::default();
    out.copy_from_slice(hash.finish().as_ref());
    out
}

/// RFC 6962 §2.1: SHA-256(0x01 ‖ left ‖ right).
#[must_use]
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    let mut node = [1; 1 + 2 * size_of::<Hash>()];
    let (at_left, at_right) = node.split_at_mut(1 + size_of::<Hash>());
    if let Some(place) = at_left.get_mut(1..) {
        place.copy_from_slice(left);
    }
    at_right.copy_from_slice(right);
    let mut out = Hash::default();
    out.copy_from_slice(digest(&SHA256, &node).as_ref());
    out
}

/// RFC 6962 §2.1: the hash of the empty tree is that of the empty string.
#[must_use]
pub fn empty_root() -> Hash {
    finish(Context::new(&SHA256))
}

/// A tile that is complete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tile {
    pub level: u8,
    pub index: u64,
    pub hashes: Vec<Hash>,
}

/// The right edge of a tree: its size and the unfinished tile of each level.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Edge {
    size: u64,
    levels: Vec<Vec<Hash>>,
}

impl Edge {
    /// The number of leaves.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// The hashes of the unfinished tile of a level, fewer than 16.
    #[must_use]
    pub fn level(&self, level: usize) -> &[Hash] {
        self.levels.get(level).map_or(&[], Vec::as_slice)
    }

    /// The number of levels that hold or held anything.
    #[must_use]
    pub const fn depth(&self) -> usize {
        self.levels.len()
    }

    /// Appends a leaf; the tiles that it completes go to `full`.
    pub fn push(&mut self, leaf: Hash, full: &mut Vec<Tile>) {
        self.size += 1;
        let (mut carry, mut level) = (leaf, 0_u8);
        loop {
            let at = usize::from(level);
            if self.levels.len() == at {
                self.levels.push(Vec::with_capacity(WIDTH as usize));
            }
            let Some(hashes) = self.levels.get_mut(at) else { return };
            hashes.push(carry);
            if (hashes.len() as u64) < WIDTH {
                return;
            }
            let hashes = std::mem::take(hashes);
            carry = fold(&hashes);
            let index = (self.size >> (HEIGHT * (u32::from(level) + 1))) - 1;
            full.push(Tile { level, index, hashes });
            level += 1;
        }
    }

    /// The root of the tree: the perfect subtrees, joined from the right.
    #[must_use]
    pub fn root(&self) -> Hash {
        let mut root: Option<Hash> = None;
        for hashes in &self.levels {
            let mut rest = hashes.as_slice();
            while !rest.is_empty() {
                let (left, last) = rest.split_at(rest.len() & (rest.len() - 1));
                let subtree = fold(last);
                root = Some(root.map_or(subtree, |right| node_hash(&subtree, &right)));
                rest = left;
            }
        }
        root.unwrap_or_else(empty_root)
    }

    /// Size, then per level the number of hashes and the hashes.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.size.to_be_bytes());
        for hashes in &self.levels {
            out.push(u8::try_from(hashes.len()).unwrap_or(u8::MAX));
            out.extend_from_slice(hashes.as_flattened());
        }
    }

    /// `None` when the bytes are not an edge.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let (size, mut rest) = bytes.split_first_chunk()?;
        let size = u64::from_be_bytes(*size);
        let mut levels = Vec::new();
        while let Some((&count, hashes)) = rest.split_first() {
            let (hashes, after) = hashes.split_at_checked(usize::from(count) * size_of::<Hash>())?;
            levels.push(split_hashes(hashes)?);
            rest = after;
        }
        let edge = Self { size, levels };
        edge.adds_up().then_some(edge)
    }

    /// Each level holds what the digits of the size in base 16 say.
    fn adds_up(&self) -> bool {
        let digit = |level: usize| self.size.checked_shr(HEIGHT * level as u32).unwrap_or(0);
        let held = self.levels.iter().enumerate().all(|(i, hashes)| hashes.len() as u64 == digit(i) % WIDTH);
        held && digit(self.levels.len()) == 0
    }
}

/// A tile's hashes as bytes, and back.
#[must_use]
pub fn join_hashes(hashes: &[Hash]) -> Vec<u8> {
    hashes.concat()
}

/// `None` when the bytes are not whole hashes.
#[must_use]
pub fn split_hashes(bytes: &[u8]) -> Option<Vec<Hash>> {
    let (hashes, rest) = bytes.as_chunks::<32>();
    rest.is_empty().then(|| hashes.to_vec())
}

/// Where full tiles are read from.
pub trait Tiles {
    type Error;

    /// The 16 hashes of a full tile.
    ///
    /// # Errors
    /// When it is missing or cannot be read.
    fn tile(&self, level: u8, index: u64) -> Result<Vec<Hash>, Self::Error>;
}

/// The hash of leaves `from..to`, where `from` is a multiple of the smallest power of two ≥ the length, as it
/// always is in RFC 6962's proofs. The leaves must lie within the edge's tree.
///
/// # Errors
/// When a tile cannot be read.
pub fn subtree<T: Tiles>(edge: &Edge, tiles: &T, from: u64, to: u64) -> Result<Hash, T::Error> {
    let length = to.saturating_sub(from);
    if length == 0 {
        return Ok(empty_root());
    }
    if length.is_power_of_two() {
        return node(edge, tiles, from, length.trailing_zeros());
    }
    let middle = from + split(length);
    Ok(node_hash(&subtree(edge, tiles, from, middle)?, &subtree(edge, tiles, middle, to)?))
}

/// RFC 6962 §2.1: the largest power of two smaller than `length`, for lengths from 2 on.
#[must_use]
pub const fn split(length: u64) -> u64 {
    1 << (u64::BITS - 1 - length.saturating_sub(1).leading_zeros())
}

/// The perfect subtree of 2^`height` leaves that begins at leaf `from`.
fn node<T: Tiles>(edge: &Edge, tiles: &T, from: u64, height: u32) -> Result<Hash, T::Error> {
    let level = height / HEIGHT;
    let first = from >> (HEIGHT * level);
    let (tile, offset) = (first / WIDTH, (first % WIDTH) as usize);
    let count = 1_usize << (height % HEIGHT);
    let full = edge.size >> (HEIGHT * level) >= (tile + 1) * WIDTH;
    let read;
    let hashes = if full {
        read = tiles.tile(level as u8, tile)?;
        read.as_slice()
    } else {
        edge.level(level as usize)
    };
    Ok(fold(hashes.get(offset..offset + count).unwrap_or_default()))
}

/// The root of a perfect subtree over a power of two of hashes.
pub(super) fn fold(hashes: &[Hash]) -> Hash {
    match hashes {
        [] => empty_root(),
        [hash] => *hash,
        _ => {
            let (left, right) = hashes.split_at(hashes.len() / 2);
            node_hash(&fold(left), &fold(right))
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::collections::HashMap;

    use super::*;

    /// MTH of RFC 6962 §2.1, word for word.
    pub(in super::super) fn mth(leaves: &[Hash]) -> Hash {
        match leaves {
            [] => empty_root(),
            [leaf] => *leaf,
            _ => {
                let (left, right) = leaves.split_at(split(leaves.len() as u64) as usize);
                node_hash(&mth(left), &mth(right))
            }
        }
    }

    #[derive(Default)]
    pub(in super::super) struct MapTiles(pub(in super::super) HashMap<(u8, u64), Vec<Hash>>);

    impl Tiles for MapTiles {
        type Error = String;

        fn tile(&self, level: u8, index: u64) -> Result<Vec<Hash>, String> {
            self.0.get(&(level, index)).cloned().ok_or_else(|| format!("no tile {level}/{index}"))
        }
    }

    pub(in super::super) fn grow(size: u64) -> (Vec<Hash>, Edge, MapTiles) {
        let leaves: Vec<Hash> = (0..size).map(|i| leaf_hash(&i.to_be_bytes())).collect();
        let (mut edge, mut tiles, mut full) = (Edge::default(), MapTiles::default(), Vec::new());
        for leaf in &leaves {
            edge.push(*leaf, &mut full);
        }
        tiles.0.extend(full.into_iter().map(|tile| ((tile.level, tile.index), tile.hashes)));
        (leaves, edge, tiles)
    }

    /// The vectors of the certificate-transparency implementations for RFC 6962.
    #[test]
    fn known_roots() {
        let leaves = [
            "",
            "00",
            "10",
            "2021",
            "3031",
            "40414243",
            "5051525354555657",
            "606162636465666768696a6b6c6d6e6f",
        ];
        let roots = [
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
            "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
            "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
            "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
            "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
        ];
        let mut edge = Edge::default();
        assert_eq!(hex::encode(edge.root()), roots[0]);
        for (leaf, root) in leaves.iter().zip(&roots[1..]) {
            edge.push(leaf_hash(&hex::decode(leaf).unwrap()), &mut Vec::new());
            assert_eq!(hex::encode(edge.root()), *root);
        }
    }

    #[test]
    fn every_size_has_the_root_that_the_definition_says() {
        let mut edge = Edge::default();
        let (leaves, ..) = grow(600);
        for (size, leaf) in leaves.iter().enumerate() {
            assert_eq!(edge.root(), mth(&leaves[..size]), "{size}");
            edge.push(*leaf, &mut Vec::new());
        }
    }

    #[test]
    fn an_older_root_is_read_back_from_the_tiles() {
        let (leaves, edge, tiles) = grow(4200);
        for size in [0, 1, 2, 15, 16, 17, 255, 256, 257, 1000, 4095, 4096, 4097, 4200] {
            assert_eq!(subtree(&edge, &tiles, 0, size), Ok(mth(&leaves[..size as usize])), "{size}");
        }
    }

    #[test]
    fn an_edge_survives_its_encoding_and_nothing_else_decodes() {
        for size in [0, 1, 15, 16, 17, 256, 4200] {
            let (_, edge, _) = grow(size);
            let mut bytes = Vec::new();
            edge.encode(&mut bytes);
            assert_eq!(Edge::decode(&bytes).as_ref(), Some(&edge));
            bytes.push(1);
            assert_eq!(Edge::decode(&bytes), None);
        }
    }
}
