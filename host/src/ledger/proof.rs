//! Inclusion and consistency proofs, RFC 6962 §2.1, and how to check them (RFC 9162 §2.1.3.2 and §2.1.4.2).
//!
//! This module must not know where tiles are kept.

use super::tree::{Edge, Hash, Tiles, node_hash, split, subtree};

/// The audit path of leaf `index` in the tree of the first `size` leaves: PATH of RFC 6962 §2.1.1.
/// Wanted: `index < size ≤ edge.size()`.
///
/// # Errors
/// When a tile cannot be read.
pub fn inclusion<T: Tiles>(edge: &Edge, tiles: &T, index: u64, size: u64) -> Result<Vec<Hash>, T::Error> {
    let (mut from, mut to) = (0, size);
    let mut path = Vec::new();
    while to.saturating_sub(from) > 1 {
        let middle = from + split(to - from);
        if index < middle {
            path.push(subtree(edge, tiles, middle, to)?);
            to = middle;
        } else {
            path.push(subtree(edge, tiles, from, middle)?);
            from = middle;
        }
    }
    path.reverse();
    Ok(path)
}

/// What shows that the tree of the first `old` leaves is the beginning of that of the first `new`: PROOF of
/// RFC 6962 §2.1.2. Wanted: `old ≤ new ≤ edge.size()`.
///
/// # Errors
/// When a tile cannot be read.
pub fn consistency<T: Tiles>(edge: &Edge, tiles: &T, old: u64, new: u64) -> Result<Vec<Hash>, T::Error> {
    let (mut from, mut to) = (0, new);
    let mut path = Vec::new();
    if old == 0 {
        return Ok(path);
    }
    while old < to {
        let middle = from + split(to - from);
        if old <= middle {
            path.push(subtree(edge, tiles, middle, to)?);
            to = middle;
        } else {
            path.push(subtree(edge, tiles, from, middle)?);
            from = middle;
        }
    }
    // The old tree's own last subtree; when that is the whole old tree, the verifier has its root already.
    if from > 0 {
        path.push(subtree(edge, tiles, from, to)?);
    }
    path.reverse();
    Ok(path)
}

/// Whether `path` proves that `leaf` is at `index` in the tree of that size and root.
#[must_use]
pub fn verify_inclusion(leaf: &Hash, index: u64, size: u64, path: &[Hash], root: &Hash) -> bool {
    if index >= size {
        return false;
    }
    let (mut node, mut last, mut hash) = (index, size - 1, *leaf);
    for sibling in path {
        if last == 0 {
            return false;
        }
        if node & 1 == 1 || node == last {
            hash = node_hash(sibling, &hash);
            climb_to_right_child(&mut node, &mut last);
        } else {
            hash = node_hash(&hash, sibling);
        }
        (node, last) = (node >> 1, last >> 1);
    }
    last == 0 && hash == *root
}

/// Whether `path` proves that the tree of `old` leaves is the beginning of the tree of `new` leaves.
#[must_use]
pub fn verify_consistency(old: u64, old_root: &Hash, new: u64, new_root: &Hash, path: &[Hash]) -> bool {
    match old {
        0 => path.is_empty() && *old_root == super::tree::empty_root(),
        _ if old == new => path.is_empty() && old_root == new_root,
        _ if old > new => false,
        _ if old.is_power_of_two() => join_roots(old, old_root, new, new_root, old_root, path),
        _ => path
            .split_first()
            .is_some_and(|(first, rest)| join_roots(old, old_root, new, new_root, first, rest)),
    }
}

fn join_roots(old: u64, old_root: &Hash, new: u64, new_root: &Hash, first: &Hash, path: &[Hash]) -> bool {
    let (mut node, mut last) = (old - 1, new - 1);
    let skip = node.trailing_ones();
    (node, last) = (node >> skip, last >> skip);
    let (mut old_hash, mut new_hash) = (*first, *first);
    for sibling in path {
        if last == 0 {
            return false;
        }
        if node & 1 == 1 || node == last {
            old_hash = node_hash(sibling, &old_hash);
            new_hash = node_hash(sibling, &new_hash);
            climb_to_right_child(&mut node, &mut last);
        } else {
            new_hash = node_hash(&new_hash, sibling);
        }
        (node, last) = (node >> 1, last >> 1);
    }
    last == 0 && old_hash == *old_root && new_hash == *new_root
}

/// "If LSB(fn) is not set, then right-shift both fn and sn equally until either LSB(fn) is set or fn is 0."
const fn climb_to_right_child(node: &mut u64, last: &mut u64) {
    while *node & 1 == 0 && *node != 0 {
        *node >>= 1;
        *last >>= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::super::tree::tests::{grow, mth};
    use super::*;

    #[test]
    fn every_leaf_of_every_size_is_proved_and_no_other() {
        let (leaves, edge, tiles) = grow(70);
        for size in 1..=70_u64 {
            let root = mth(&leaves[..size as usize]);
            for index in 0..size {
                let path = inclusion(&edge, &tiles, index, size).unwrap();
                let leaf = &leaves[index as usize];
                assert!(verify_inclusion(leaf, index, size, &path, &root), "{index} of {size}");
                assert!(
                    !verify_inclusion(leaf, index ^ 1, size, &path, &root),
                    "{index} of {size}, misplaced"
                );
                assert!(
                    !verify_inclusion(&[0; 32], index, size, &path, &root),
                    "{index} of {size}, other leaf"
                );
                assert!(!verify_inclusion(leaf, index, size, &[path.clone(), vec![root]].concat(), &root));
                if let Some((_, shorter)) = path.split_last() {
                    assert!(
                        !verify_inclusion(leaf, index, size, shorter, &root),
                        "{index} of {size}, shortened"
                    );
                }
            }
        }
    }

    #[test]
    fn every_size_is_proved_to_be_the_beginning_of_every_later_one() {
        let (leaves, edge, tiles) = grow(70);
        let root = |size: u64| mth(&leaves[..size as usize]);
        for new in 0..=70_u64 {
            for old in 0..=new {
                let path = consistency(&edge, &tiles, old, new).unwrap();
                assert!(verify_consistency(old, &root(old), new, &root(new), &path), "{old} to {new}");
                if old < new {
                    assert!(
                        !verify_consistency(old, &[1; 32], new, &root(new), &path),
                        "{old} to {new}, old root"
                    );
                }
                if 0 < old && old < new {
                    assert!(
                        !verify_consistency(old, &root(old), new, &[1; 32], &path),
                        "{old} to {new}, new root"
                    );
                    assert!(
                        !verify_consistency(old, &root(old), new, &root(new), &path[1..]),
                        "{old} to {new}, cut"
                    );
                }
            }
        }
    }

    /// The proofs of the certificate-transparency implementations' tree of eight leaves.
    #[test]
    fn known_proofs() {
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
        let mut edge = Edge::default();
        for leaf in leaves {
            edge.push(super::super::tree::leaf_hash(&hex::decode(leaf).unwrap()), &mut Vec::new());
        }
        let tiles = super::super::tree::tests::MapTiles::default();
        let check = |path: Vec<Hash>, expect: &[&str]| {
            assert_eq!(path.iter().map(hex::encode).collect::<Vec<_>>(), expect);
        };
        check(
            inclusion(&edge, &tiles, 0, 8).unwrap(),
            &[
                "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
                "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
                "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
            ],
        );
        check(
            inclusion(&edge, &tiles, 5, 8).unwrap(),
            &[
                "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
                "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
                "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            ],
        );
        check(
            consistency(&edge, &tiles, 6, 8).unwrap(),
            &[
                "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
                "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
                "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            ],
        );
    }
}
