//! Integration tests, in one binary. Those whose path contains `mlflow` talk to the shared real MLflow.
#![cfg(test)] // so that clippy knows the functions beside the tests as test code, too

mod approvals;
mod attested;
mod browser;
mod child;
mod cli;
mod clients;
mod crash;
mod facts;
mod failing;
mod fate;
mod files;
mod identity;
mod keeping;
mod lifecycle;
mod mlflow;
mod people;
mod plugins;
mod policy;
mod requests;
mod routes;
mod rules;
mod scene;
mod shutdown;
mod spellings;
mod stale;
mod storage;
mod structure;
mod tiers;
mod upstream;
mod upstream_down;
mod webhook;
