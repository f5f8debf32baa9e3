//! `init`: a folder to begin in.

use clap::Args;

use super::policy::Preset;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  countersign init
  countersign init --upstream http://mlflow:5000 --preset bank

Writes `countersign.toml`, `policy.toml` and `policy.tests.toml`, never over other files. Then: people (`countersign user
add`), `countersign doctor`, `countersign serve`.")]
pub struct Init {
    /// Where MLflow listens.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:5000")]
    pub upstream: String,
    /// For whom the policy is a beginning.
    #[arg(long, value_enum, default_value = "startup")]
    pub preset: Preset,
}
