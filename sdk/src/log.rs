//! Lines for the operator. They are kept with the check run, bounded in number and length.

pub use crate::bindings::check::countersign::plugin::log::Level;

pub fn debug(message: impl AsRef<str>) {
    write(Level::Debug, message.as_ref());
}

pub fn info(message: impl AsRef<str>) {
    write(Level::Info, message.as_ref());
}

pub fn warn(message: impl AsRef<str>) {
    write(Level::Warn, message.as_ref());
}

pub fn error(message: impl AsRef<str>) {
    write(Level::Error, message.as_ref());
}

#[cfg(target_arch = "wasm32")]
pub fn write(level: Level, message: &str) {
    crate::bindings::check::countersign::plugin::log::write(level, message);
}

#[cfg(not(target_arch = "wasm32"))]
pub fn write(level: Level, message: &str) {
    crate::testing::fixture::log(level, message);
}
