//! What a component says about itself: the section `countersign:manifest` of the outermost component, and the
//! names of what it imports and exports.
//!
//! Only depth 0 counts. A section of the same name inside a nested module or component belongs to whoever wrote
//! that part, and must not speak for the whole.

use std::collections::BTreeSet;

use countersign_core::policy::Grant;
use countersign_core::reads::Reads;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use wasmparser::{Chunk, Parser, Payload};

/// The largest component that is read.
pub const MAX_COMPONENT_BYTES: usize = 32 << 20;

const SECTION: &str = "countersign:manifest";
const ARTIFACTS: &str = "countersign:plugin/artifacts";
const MAX_MANIFEST_BYTES: usize = 64 << 10;
pub(super) const FORMAT: u32 = 1;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    Check,
    Rule,
}

impl Kind {
    /// The word in a manifest's `kinds`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Check => "check",
            Self::Rule => "rule",
        }
    }

    const fn export(self) -> &'static str {
        match self {
            Self::Check => "countersign:plugin/checks",
            Self::Rule => "countersign:plugin/rules",
        }
    }
}

/// The manifest, as JSON in the section.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    pub format: u32,
    pub name: String,
    pub version: String,
    pub description: String,
    pub kinds: BTreeSet<Kind>,
    /// What the plugin asks for. Only the policy grants.
    #[serde(default)]
    pub capabilities: BTreeSet<Grant>,
    /// What a check reads of a version, and is shown of it: everything without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reads: Option<Reads>,
    /// JSON Schema 2020-12 of the configuration.
    pub config_schema: Value,
    /// Smoke cases: see [`super::Case`].
    #[serde(default)]
    pub cases: Vec<Value>,
}

/// What can be known of a component without compiling it.
#[derive(Debug, Clone, PartialEq)]
pub struct Outline {
    pub manifest: Manifest,
    /// `namespace:package/interface@version`, in the component's order.
    pub imports: Vec<String>,
    pub exports: Vec<String>,
}

#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    #[error(
        "it is {0} bytes long and at most {MAX_COMPONENT_BYTES} are read: build it with `opt-level = \"s\"`, `lto` and `strip`"
    )]
    TooLarge(usize),
    #[error("it is not a WebAssembly component")]
    NotAComponent(#[source] Option<wasmparser::BinaryReaderError>),
    #[error("it has no section `{SECTION}`: build it with `countersign plugin build`")]
    Missing,
    #[error("it has more than one section `{SECTION}`, and none can be believed")]
    Duplicate,
    #[error("its section `{SECTION}` is {0} bytes long and at most {MAX_MANIFEST_BYTES} are read")]
    ManifestTooLarge(usize),
    #[error("its manifest cannot be read")]
    Json(#[source] serde_json::Error),
    #[error(
        "its manifest has format {0} and this server reads format {FORMAT}: update the server or rebuild the plugin"
    )]
    Format(u32),
    #[error("its manifest says `{}` in `kinds`, and the component {} `{}`", .kind.as_str(), if *.exported { "does export" } else { "does not export" }, .kind.export())]
    Kinds { kind: Kind, exported: bool },
    #[error(
        "its manifest has `reads`, which is for checks: rules see everything. Take it out of `plugin.toml`"
    )]
    ReadsOfRule,
    #[error(
        "it imports `{0}`, and `reads` in its manifest lacks `files`, without which there is none to open: write \
         \"files\" there in `plugin.toml`, or do not import it"
    )]
    ReadsNoFiles(String),
}

impl Outline {
    /// Reads the outermost component.
    ///
    /// # Errors
    /// See [`ManifestError`]: too large, not a component, or a manifest that is missing, doubled or wrong.
    pub fn read(component: &[u8]) -> Result<Self, ManifestError> {
        if component.len() > MAX_COMPONENT_BYTES {
            return Err(ManifestError::TooLarge(component.len()));
        }
        let surface = Surface::read(component)?;
        let manifest = parse(surface.manifest.ok_or(ManifestError::Missing)?)?;
        let outline = Self { manifest, imports: surface.imports, exports: surface.exports };
        outline.check_kinds()?;
        outline.check_reads()?;
        Ok(outline)
    }

    fn check_kinds(&self) -> Result<(), ManifestError> {
        for kind in [Kind::Check, Kind::Rule] {
            let exported = self.exports.iter().any(|name| interface(name) == kind.export());
            if exported != self.manifest.kinds.contains(&kind) {
                return Err(ManifestError::Kinds { kind, exported });
            }
        }
        Ok(())
    }

    /// What it opens must be among what it reads: a run is used again while that is as it was.
    fn check_reads(&self) -> Result<(), ManifestError> {
        let Some(reads) = &self.manifest.reads else { return Ok(()) };
        if !self.manifest.kinds.contains(&Kind::Check) {
            return Err(ManifestError::ReadsOfRule);
        }
        let opens = self.imports.iter().find(|import| interface(import) == ARTIFACTS);
        match opens.filter(|_| !reads.has("files")) {
            Some(import) => Err(ManifestError::ReadsNoFiles(import.clone())),
            None => Ok(()),
        }
    }
}

/// The component with a manifest in a section at its end.
pub(super) fn embed(component: &[u8], manifest: &Manifest) -> Result<Vec<u8>, ManifestError> {
    if Surface::read(component)?.manifest.is_some() {
        return Err(ManifestError::Duplicate);
    }
    let json = serde_json::to_vec(manifest).map_err(ManifestError::Json)?;
    if json.len() > MAX_MANIFEST_BYTES {
        return Err(ManifestError::ManifestTooLarge(json.len()));
    }
    let mut content = leb128(SECTION.len());
    content.extend_from_slice(SECTION.as_bytes());
    content.extend_from_slice(&json);
    // Id 0 is a custom section.
    Ok([component, &[0], &leb128(content.len()), &content].concat())
}

/// An unsigned LEB128 number, as WebAssembly writes lengths.
fn leb128(mut number: usize) -> Vec<u8> {
    let mut out = Vec::new();
    while number > 0x7f {
        out.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
    out
}

fn interface(name: &str) -> &str {
    name.split_once('@').map_or(name, |(name, _)| name)
}

fn parse(section: &[u8]) -> Result<Manifest, ManifestError> {
    if section.len() > MAX_MANIFEST_BYTES {
        return Err(ManifestError::ManifestTooLarge(section.len()));
    }
    #[derive(Deserialize)]
    struct Format {
        format: u32,
    }
    let Format { format } = serde_json::from_slice(section).map_err(ManifestError::Json)?;
    if format != FORMAT {
        return Err(ManifestError::Format(format));
    }
    serde_json::from_slice(section).map_err(ManifestError::Json)
}

#[derive(Default)]
struct Surface<'a> {
    manifest: Option<&'a [u8]>,
    imports: Vec<String>,
    exports: Vec<String>,
}

impl<'a> Surface<'a> {
    /// What is nested is passed over: whoever compiles the component looks at it.
    fn read(component: &'a [u8]) -> Result<Self, ManifestError> {
        if !Parser::is_component(component) {
            return Err(ManifestError::NotAComponent(None));
        }
        let (mut surface, mut parser, mut rest) = (Self::default(), Parser::new(0), component);
        loop {
            let chunk = parser.parse(rest, true);
            let Chunk::Parsed { mut consumed, payload } =
                chunk.map_err(|error| ManifestError::NotAComponent(Some(error)))?
            else {
                return Err(ManifestError::NotAComponent(None));
            };
            match payload {
                Payload::End(_) => return Ok(surface),
                Payload::ModuleSection { unchecked_range: nested, .. }
                | Payload::ComponentSection { unchecked_range: nested, .. } => consumed += nested.len(),
                payload => surface.take(payload)?,
            }
            rest = rest.get(consumed..).ok_or(ManifestError::NotAComponent(None))?;
        }
    }

    fn take(&mut self, payload: Payload<'a>) -> Result<(), ManifestError> {
        let broken = |error| ManifestError::NotAComponent(Some(error));
        match payload {
            Payload::CustomSection(section)
                if section.name() == SECTION && self.manifest.replace(section.data()).is_some() =>
            {
                return Err(ManifestError::Duplicate);
            }
            Payload::ComponentImportSection(section) => {
                for import in section {
                    self.imports.push(import.map_err(broken)?.name.name.to_owned());
                }
            }
            Payload::ComponentExportSection(section) => {
                for export in section {
                    self.exports.push(export.map_err(broken)?.name.name.to_owned());
                }
            }
            _ => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
