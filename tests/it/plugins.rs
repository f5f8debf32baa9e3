//! The plugin host against real components: every way to misbehave has its class, and none outlives its evaluation.

mod hostile;
mod loading;
mod replay;
mod subject;
