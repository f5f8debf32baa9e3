//! Integration tests, in one binary. Those whose path contains `mlflow` talk to the shared real MLflow.

mod browser;
mod child;
mod clients;
mod facts;
mod fate;
mod mlflow;
mod plugins;
mod routes;
mod spellings;
mod structure;
mod upstream;
