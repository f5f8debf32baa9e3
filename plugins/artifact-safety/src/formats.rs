//! The containers that models come in, and how a file is told to be one.

pub(crate) mod keras;
pub(crate) mod npy;
pub(crate) mod safetensors;
pub(crate) mod skops;
pub(crate) mod zip;

/// What the first bytes say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Zip,
    Npy,
    Safetensors,
    Hdf5,
    Zlib,
    Gzip,
    /// A compression or archive that is not read here.
    Packed(&'static str),
    /// A pickle by its own first bytes.
    Pickle,
    Unknown,
}

/// How surely a file of this name is loaded as a pickle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Named {
    Pickle,
    /// Weights that may be pickled or may be raw.
    Weights,
    Other,
}

const PACKED: &[(&[u8], &str)] = &[
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ\0", "xz"),
    (b"\x5d\0\0", "lzma"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"\x04\x22\x4d\x18", "lz4"),
    (b"7z\xbc\xaf\x27\x1c", "7z"),
    (b"Rar!", "rar"),
];

pub(crate) fn kind(head: &[u8]) -> Kind {
    let starts = |magic: &[u8]| head.starts_with(magic);
    if let Some((_, name)) = PACKED.iter().find(|(magic, _)| starts(magic)) {
        return Kind::Packed(name);
    }
    match head {
        _ if starts(b"PK\x03\x04") || starts(b"PK\x05\x06") => Kind::Zip,
        _ if starts(b"\x93NUMPY") => Kind::Npy,
        _ if starts(b"\x89HDF\r\n\x1a\n") => Kind::Hdf5,
        [0x1f, 0x8b, ..] => Kind::Gzip,
        [0x78, 0x01 | 0x5e | 0x9c | 0xda, ..] => Kind::Zlib,
        [0x80, 0..=5, ..] => Kind::Pickle,
        [_, _, _, _, _, 0, 0, 0, b'{', ..] => Kind::Safetensors,
        _ if head.get(257..262) == Some(b"ustar") => Kind::Packed("tar"),
        _ if is_old_pickle(head) => Kind::Pickle,
        _ => Kind::Unknown,
    }
}

/// A pickle of protocol 0 or 1 that begins with an import: `cposix\nsystem\n`, also after a few marks.
fn is_old_pickle(head: &[u8]) -> bool {
    let marks = head.iter().take_while(|b| matches!(b, b'(' | b']' | b'}' | b')')).count();
    let Some([b'c' | b'i', lines @ ..]) = head.get(marks..) else { return false };
    let mut lines = lines.split(|b| *b == b'\n');
    let is_name = |line: Option<&[u8]>| {
        line.is_some_and(|l| !l.is_empty() && l.len() < 256 && l.iter().all(|b| is_name_byte(*b)))
    };
    is_name(lines.next()) && is_name(lines.next()) && lines.next().is_some()
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.')
}

pub(crate) fn named(path: &str) -> Named {
    let extension =
        path.rsplit('/').next().and_then(|name| name.rsplit_once('.')).map(|(_, e)| e.to_ascii_lowercase());
    match extension.as_deref() {
        Some("pkl" | "pickle" | "joblib" | "p" | "pck" | "pcl" | "dill" | "cloudpickle") => Named::Pickle,
        Some("pt" | "pth" | "bin" | "ckpt" | "dat" | "data" | "model" | "sav" | "npy" | "npz" | "skops")
        | None => Named::Weights,
        Some(_) => Named::Other,
    }
}
