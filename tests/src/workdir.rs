//! One Countersign's directory: its configuration, its policy and the ports it was given. The only place that spells
//! configuration keys.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::mlflow::{self, Served};
use crate::{http, paths, plugins};

/// The metric and the bound that the story's weak model misses and its strong ones meet.
pub const METRIC: &str = "auc";
pub const THRESHOLD: &str = "0.85";

/// A directory with `countersign.toml`, `policy.toml` and, later, `users.toml`, `data/` and a log.
#[derive(Debug, Clone)]
pub struct Workdir {
    pub dir: PathBuf,
    pub port: u16,
    pub admin_port: u16,
    /// MLflow's `--static-prefix`.
    pub prefix: String,
}

// === impl Workdir ===

impl Workdir {
    /// Writes the configuration for a Countersign before `upstream` (a URL), on free ports.
    pub fn create(dir: &Path, upstream: &str, policy: &str) -> Result<Self> {
        fs::create_dir_all(dir).with_context(|| format!("cannot create {}", dir.display()))?;
        let workdir = Self {
            dir: dir.to_path_buf(),
            port: http::free_port()?,
            admin_port: http::free_port()?,
            prefix: String::new(),
        };
        fs::write(workdir.config(), workdir.configuration(upstream, &mlflow::random_key()?))?;
        fs::write(workdir.policy(), policy)?;
        Ok(workdir)
    }

    /// The same before an MLflow that is served in this way.
    pub fn before(self, served: Served) -> Result<Self> {
        if served.prefix.is_empty() {
            return Ok(self);
        }
        let text = fs::read_to_string(self.config())?;
        let line = format!("[server]\nstatic_prefix = \"{}\"\n", served.prefix);
        fs::write(self.config(), text.replacen("[server]\n", &line, 1))?;
        Ok(Self { prefix: served.prefix.to_owned(), ..self })
    }

    pub fn config(&self) -> PathBuf {
        self.dir.join("countersign.toml")
    }

    pub fn policy(&self) -> PathBuf {
        self.dir.join("policy.toml")
    }

    pub fn log(&self) -> PathBuf {
        self.dir.join("countersign.log")
    }

    /// What MLflow's clients use: its REST API does not move below the prefix.
    pub fn root(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// What browsers use, without a slash at the end; and clients where there is no prefix.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}{}", self.port, self.prefix)
    }

    fn configuration(&self, upstream: &str, secret: &str) -> String {
        let (port, admin_port, url) = (self.port, self.admin_port, self.url());
        format!(
            r#"[server]
listen = "127.0.0.1:{port}"
admin_listen = "127.0.0.1:{admin_port}"
public_url = "{url}"

[upstream]
url = "{upstream}"

[store]
url = "sled:./data"

[policy]
file = "./policy.toml"

[auth]
mode = "local"
users_file = "./users.toml"

[reconcile]
interval = "2s"

[webhook]
secret = "{secret}"
"#
        )
    }
}

/// The policy of the story: three checks and one signature before anything is promoted, two for what is risky.
pub fn story_policy() -> Result<String> {
    let pinned = [
        pinned("metric-threshold", &["registry"])?,
        pinned("model-card", &["artifacts"])?,
        pinned("artifact-safety", &["artifacts"])?,
    ]
    .concat();
    Ok(format!(
        r#"{pinned}[[seat]]
name = "risk"
members = ["ruth", "omar", "ana", "ci-bot"]

[[seat]]
name = "legal"
members = ["lea"]

[waivers]
seat = "risk"
max = "30d"

[[tier]]
name = "high"
when = "'risk' in model.tags && model.tags['risk'] == 'high'"

[[tier]]
name = "low"

[[gate]]
name = "production"
mode = "enforce"
models = ["*"]
guards = [{{ alias = "champion" }}, {{ alias = "prod-*" }}, {{ stage = "Production" }}, {{ register_into = "prod.*" }}]

  [[gate.check]]
  plugin = "metric-threshold"
  required = true
  config = {{ metric = "{METRIC}", min = "{THRESHOLD}" }}

  [[gate.check]]
  plugin = "model-card"
  required = true
  config = {{ sections = ["Intended use", "Training data", "Limitations"], owner_tag = "owner", min_words = 40 }}

  [[gate.check]]
  plugin = "artifact-safety"
  required = true

  [gate.approvals.high]
  seats = {{ risk = 1, legal = 1 }}

  [gate.approvals.low]
  seats = {{ risk = 1 }}
"#
    ))
}

/// What the policy of the story must decide: its `policy.tests.toml`.
pub const STORY_CASES: &str = r#"[defaults]
action = "alias=champion"
requester = "ana"
facts = { model = "credit", version = 2 }

[[case]]
name = "the weak version is refused"
checks = { metric-threshold = "fail" }
  [case.expect]
  decision = "deny"
  violations = ["check metric-threshold failed"]

[[case]]
name = "the strong version waits for one of risk"
  [case.expect]
  decision = "hold"
  tier = "low"
  needs = ["1 signature from seat risk"]

[[case]]
name = "ruth lets it through"
reviews = [{ by = "ruth", seat = "risk" }]
  [case.expect]
  decision = "allow"

[[case]]
name = "ana cannot sign what she asked for"
reviews = [{ by = "ana", seat = "risk" }]
  [case.expect]
  decision = "hold"

[[case]]
name = "a machine signs nothing"
machines = ["ci-bot"]
reviews = [{ by = "ci-bot", seat = "risk" }]
  [case.expect]
  decision = "hold"

[[case]]
name = "a model of high risk asks for two seats"
facts = { model_tags = { risk = "high" } }
  [case.expect]
  decision = "hold"
  tier = "high"
  seats = { risk = 1, legal = 1 }

[[case]]
name = "a waiver of one check is all that it is"
checks = { model-card = "fail" }
waivers = [{ check = "model-card", approved_by = "ruth" }]
  [case.expect]
  decision = "hold"
  violations = []

[[case]]
name = "deleting the champion is asked of its people"
action = "change=delete"
facts = { aliases = { champion = 2 } }
  [case.expect]
  decision = "hold"

[[case]]
name = "dev is nobody's business"
action = "alias=dev"
  [case.expect]
  decision = "ungoverned"
"#;

/// A `[[plugin]]` for a component that `cargo xt plugins` has built.
pub fn pinned(name: &str, grants: &[&str]) -> Result<String> {
    let component = paths::plugin(name);
    let digest = plugins::digest(&component)?;
    Ok(format!(
        "[[plugin]]\nname = \"{name}\"\nsource = \"file:{}\"\ndigest = \"{digest}\"\ngrants = {grants:?}\n\n",
        component.display()
    ))
}
