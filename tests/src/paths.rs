//! Where things are. Knows the layout of the repository and of the build directory, nothing else.

use std::env;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// The root of the workspace.
pub fn root() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().unwrap_or(tests).to_path_buf()
}

/// `target/` of the workspace: built plugins, demo directories and, unless `COUNTERSIGN_CACHE` says otherwise,
/// virtual environments.
pub fn target() -> PathBuf {
    root().join("target")
}

/// Where cargo puts what it builds.
pub fn cargo_target() -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(target, |dir| root().join(dir))
}

/// What survives `cargo clean` when the operator wants it to.
pub fn cache() -> PathBuf {
    env::var_os("COUNTERSIGN_CACHE").map_or_else(target, |dir| root().join(dir))
}

/// The binary that everything runs: `COUNTERSIGN_BIN`, what [`use_countersign`] has said, or cargo's debug build.
pub fn countersign() -> PathBuf {
    if let Some(binary) = env::var_os("COUNTERSIGN_BIN") {
        return root().join(binary);
    }
    CHOSEN.get().cloned().unwrap_or_else(|| cargo_target().join("debug/countersign"))
}

/// From now on everything runs this binary. The first choice stands.
pub fn use_countersign(binary: PathBuf) {
    // A second choice is a second call with the same build, so there is nothing to lose.
    let _ = CHOSEN.set(binary);
}

static CHOSEN: OnceLock<PathBuf> = OnceLock::new();

/// One of the scripts in `tests/python`.
pub fn python(script: &str) -> PathBuf {
    root().join("tests/python").join(script)
}

/// The built component of a plugin.
pub fn plugin(name: &str) -> PathBuf {
    target().join("plugins").join(format!("{name}.wasm"))
}
