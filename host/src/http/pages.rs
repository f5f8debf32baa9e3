//! Pages for people: plain data in, HTML out. Server-rendered, complete without JavaScript.
//!
//! Each page is a struct whose fields are what it shows; whoever serves it fills them and calls `render`. The
//! templates in `ui/templates` escape every value. This module must not know: stores, requests, who is allowed what.

pub mod audit;
pub mod discussion;
pub mod entry;
pub mod exceptions;
pub mod health;
pub mod inbox;
pub mod insights;
pub mod ledger;
pub mod login;
pub mod model;
pub mod model_at;
pub mod panel;
pub mod parts;
pub mod people;
pub mod pictures;
pub mod plugin;
pub mod plugins;
pub mod policy;
pub mod policy_change;
pub mod problem;
pub mod request;
pub mod retention;
pub mod what_if;

use askama::Template;

pub use model_at::ModelAt;
pub use parts::{Chip, Chrome, Nav, Person, Tone, Viewer, When, plain, ticks};

/// Goes out with every page: our script and style sheet, nothing inline, nothing from elsewhere, no framing.
pub const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// A page that can be shown.
pub trait Page {
    /// The whole document.
    fn render(&self) -> String;
}

impl<T: Template> Page for T {
    fn render(&self) -> String {
        // Writing to memory fails only when a value's own `Display` does, and ours do not.
        Template::render(self).unwrap_or_else(|error| {
            tracing::error!(%error, "a page could not be rendered");
            "<!doctype html><title>Countersign</title><p>This page could not be shown. The log says why."
                .to_owned()
        })
    }
}

#[cfg(test)]
mod tests;
