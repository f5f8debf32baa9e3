//! Facts, taken from the real MLflow.

mod mlflow;
