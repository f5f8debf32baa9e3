//! Integration tests, in one binary. Those whose path contains `mlflow` talk to the shared real MLflow.
#![cfg(test)] // so that clippy knows the functions beside the tests as test code, too

mod browser;
mod child;
mod cli;
mod clients;
mod facts;
mod fate;
mod mlflow;
mod plugins;
mod routes;
mod spellings;
mod structure;
mod upstream;
