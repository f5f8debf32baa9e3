//! Where things are. Knows the layout of the repository and of the build directory, nothing else.

use std::env;
use std::path::{Path, PathBuf};

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

/// The binary that `cargo build -p countersign` makes, or another one, for benches, at `COUNTERSIGN_BIN`.
pub fn countersign() -> PathBuf {
    let built = || cargo_target().join("debug/countersign");
    env::var_os("COUNTERSIGN_BIN").map_or_else(built, |binary| root().join(binary))
}

/// One of the scripts in `tests/python`.
pub fn python(script: &str) -> PathBuf {
    root().join("tests/python").join(script)
}

/// The built component of a plugin.
pub fn plugin(name: &str) -> PathBuf {
    target().join("plugins").join(format!("{name}.wasm"))
}
