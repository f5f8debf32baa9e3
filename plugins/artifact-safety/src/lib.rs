//! Looks into the files of a model version for what would run code when they are loaded, without loading them.
//!
//! Files are told by their content as well as by their names. Pickles are walked opcode by opcode, also inside
//! archives; safetensors headers are checked; what could not be read is listed and never counts as safe.

mod config;
mod formats;
mod globals;
mod pickle;
mod scan;
mod source;

use countersign_sdk::prelude::*;

pub use config::ArtifactSafety;
use scan::Scan;

impl Check for ArtifactSafety {
    fn problems(&self) -> Vec<ConfigError> {
        self.contradictions()
    }

    fn check(&self, input: &CheckInput) -> Result<Report, CannotJudge> {
        input.version.require(&["artifacts"])?;
        let mut scan = Scan::new(self);
        for file in &input.version.files {
            scan.file(&file.path);
        }
        Ok(scan.report(input.version.files.len()))
    }
}

countersign_sdk::check!(ArtifactSafety);

#[cfg(test)]
mod tests;
