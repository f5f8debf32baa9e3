//! HTTP: the main listener, where MLflow's clients and browsers come, and the admin listener.
//!
//! Reaches the rest through `app` alone. Only [`error`] says which status an error has.

pub mod admin;
pub mod api;
pub mod assets;
mod databricks;
mod error;
pub mod front;
mod lanes;
pub mod negotiate;
pub mod pages;
mod patience;
mod proxy;
pub mod server;
mod site;
mod streamed;

/// Where everything of ours lies, below MLflow's static prefix.
pub const OUR_PATH: &str = "/_countersign";
