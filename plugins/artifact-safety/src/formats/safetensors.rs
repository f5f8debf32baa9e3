//! The header of a safetensors file: its length, its JSON, and that the tensors cover the data exactly.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::source::Source;

/// The format allows 100 MB; headers of real models have kilobytes. A bound on memory.
const LONGEST_HEADER: u64 = 8 << 20;

#[derive(Deserialize)]
#[serde(untagged)]
enum Entry {
    Tensor(Tensor),
    /// `__metadata__`.
    Metadata(Metadata),
}

/// Texts by name, checked and dropped.
struct Metadata;

impl<'de> Deserialize<'de> for Metadata {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        BTreeMap::<String, String>::deserialize(deserializer).map(|_| Self)
    }
}

#[derive(Deserialize)]
struct Tensor {
    dtype: String,
    shape: Vec<u64>,
    data_offsets: (u64, u64),
}

/// Why a header is not read to its end.
pub(crate) enum Fault {
    Invalid(String),
    Unreadable(String),
}

/// # Errors
/// What is wrong with the header, for a reader.
pub(crate) fn verify(source: &mut Source) -> Result<(), Fault> {
    let unreadable = |e: std::io::Error| Fault::Unreadable(e.to_string());
    let size = source.size();
    let prefix = source.bytes(0, 8).map_err(unreadable)?;
    let length = prefix
        .try_into()
        .map(u64::from_le_bytes)
        .map_err(|_| invalid("it is shorter than its own prefix"))?;
    let data = size.checked_sub(8).and_then(|rest| rest.checked_sub(length));
    let Some(data) = data else {
        return Err(invalid(format!("it claims a header of {length} bytes and has only {size} in all")));
    };
    if length > LONGEST_HEADER {
        return Err(Fault::Unreadable(format!("its header of {length} bytes is longer than is read here")));
    }
    let header = source.bytes(8, length).map_err(unreadable)?;
    let entries: BTreeMap<String, Entry> = serde_json::from_slice(&header)
        .map_err(|e| invalid(format!("its header is no safetensors JSON: {e}")))?;
    covers(entries, data)
}

/// The tensors must lie in the data one after another, without a gap or an overlap, each as long as its shape says.
fn covers(entries: BTreeMap<String, Entry>, data: u64) -> Result<(), Fault> {
    let mut tensors = Vec::new();
    for (name, entry) in entries {
        match entry {
            Entry::Tensor(tensor) => tensors.push((name, tensor)),
            Entry::Metadata(_) if name == "__metadata__" => {}
            Entry::Metadata(_) => return Err(invalid(format!("its entry `{name}` is no tensor"))),
        }
    }
    tensors.sort_by_key(|(_, tensor)| tensor.data_offsets);
    let mut expected = 0;
    for (name, tensor) in tensors {
        let (begin, end) = tensor.data_offsets;
        if begin != expected || end < begin {
            return Err(invalid(format!("tensor `{name}` lies at {begin}..{end}, expected at {expected}")));
        }
        if let Some(bytes) = tensor.bytes()?.filter(|bytes| *bytes != end - begin) {
            return Err(invalid(format!(
                "tensor `{name}` has {} bytes, its shape needs {bytes}",
                end - begin
            )));
        }
        expected = end;
    }
    if expected == data {
        Ok(())
    } else {
        Err(invalid(format!("its tensors cover {expected} of {data} bytes of data")))
    }
}

impl Tensor {
    /// How long it should be; `None` for a type that is not known here.
    fn bytes(&self) -> Result<Option<u64>, Fault> {
        let bits: u64 = match self.dtype.as_str() {
            "F4" => 4,
            "F6_E2M3" | "F6_E3M2" => 6,
            "BOOL" | "U8" | "I8" | "F8_E5M2" | "F8_E4M3" | "F8_E8M0" => 8,
            "U16" | "I16" | "F16" | "BF16" => 16,
            "U32" | "I32" | "F32" => 32,
            "U64" | "I64" | "F64" | "C64" => 64,
            _ => return Ok(None),
        };
        let bits = self.shape.iter().try_fold(bits, |product, n| product.checked_mul(*n));
        bits.map(|bits| Some(bits.div_ceil(8))).ok_or_else(|| invalid("the shape of a tensor overflows"))
    }
}

fn invalid(why: impl Into<String>) -> Fault {
    Fault::Invalid(why.into())
}
