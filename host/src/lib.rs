//! Countersign: a host in front of an unmodified MLflow server.
//!
//! Modules in the order in which they may import each other; a test holds us to it:
//! `core ← {store, ledger, plugins, mlflow, facts, inject, notify} ← app ← http ← cli ← main`.

// Whether the future that serves a connection is `Send` is asked through every type down to wasmtime's.
#![recursion_limit = "256"]

#[macro_use]
mod crash_point;

pub mod app;
pub mod auth;
pub mod cli;
pub mod clock;
pub mod config;
pub mod facts;
pub mod http;
pub mod inject;
pub mod ledger;
pub mod mlflow;
pub mod notify;
pub mod operator;
pub mod plugins;
pub mod store;
pub mod telemetry;
pub mod vault;
