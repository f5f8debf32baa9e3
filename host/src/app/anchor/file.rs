//! A file that checkpoints are appended to, one after the other with a blank line between: what `ledger verify
//! --against` reads.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::{NotTaken, Note};

#[derive(Debug)]
pub struct AnchorFile(PathBuf);

impl AnchorFile {
    #[must_use]
    pub const fn new(path: PathBuf) -> Self {
        Self(path)
    }

    pub(super) async fn put(&self, note: &Note) -> Result<(), NotTaken> {
        let (path, text) = (self.0.clone(), note.text.clone());
        let written = tokio::task::spawn_blocking(move || append(&path, &text)).await;
        let written = written.map_err(io::Error::other).and_then(|written| written);
        written.map_err(|error| {
            let path = self.0.display();
            NotTaken(format!(
                "`{path}` cannot be appended to: {error}; set `file` under `[anchor]` to one that can"
            ))
        })
    }
}

/// In one write, and on disk when this returns. The file may be one that the system lets grow only.
fn append(path: &Path, note: &str) -> io::Result<()> {
    let before = match std::fs::read_to_string(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        read => read?,
    };
    if before.ends_with(&format!("{note}\n")) {
        return Ok(());
    }
    // A crash may have left a part: what follows stands apart from it.
    let apart = if before.is_empty() || before.ends_with("\n\n") { "" } else { "\n\n" };
    let mut file = std::fs::OpenOptions::new().append(true).create(true).open(path)?;
    file.write_all(format!("{apart}{note}\n").as_bytes())?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_ever_grows_and_a_part_stays_apart() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("checkpoints");
        let check = |note: &str, expect: &str| {
            append(&path, note).unwrap();
            assert_eq!(std::fs::read_to_string(&path).unwrap(), expect);
        };
        check("a\n1\n\n\u{2014} a x\n", "a\n1\n\n\u{2014} a x\n\n");
        check("a\n1\n\n\u{2014} a x\n", "a\n1\n\n\u{2014} a x\n\n");
        std::fs::write(&path, "a\n1").unwrap();
        check("a\n2\n\n\u{2014} a x\n", "a\n1\n\na\n2\n\n\u{2014} a x\n\n");
        assert!(append(dir.path(), "x").is_err());
    }
}
