//! What the task runner `xt` and the integration tests are made of: a real MLflow, a real Countersign, real
//! people at real clients, and the story that they play.
//!
//! Must not know the library `countersign`: it builds and runs the binary, as an operator would, so that `xt`
//! itself compiles in seconds.

pub mod actor;
pub mod bench;
pub mod child;
pub mod console;
pub mod demo;
pub mod host;
pub mod http;
pub mod log;
pub mod mlflow;
pub mod node;
pub mod oidc;
pub mod pages;
pub mod paths;
pub mod plugins;
pub mod run;
pub mod stage;
pub mod story;
pub mod venv;
pub mod verify;
pub mod visitor;
pub mod workdir;
