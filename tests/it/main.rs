//! Integration tests, in one binary. Those whose path contains `mlflow` talk to the shared real MLflow.

mod browser;
mod child;
mod clients;
mod fate;
mod mlflow;
mod routes;
mod facts;
mod mlflow;
mod upstream;
