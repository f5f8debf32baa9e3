//! How the server runs: `countersign.toml`, the environment, and flags, in rising order of authority.
//!
//! Everything is parsed here, once, into values that need no further checking. What is governed, and how, is not
//! here but in the policy. This module must not know what the values are used for.

mod fault;
mod file;
mod layers;
mod secret;

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Duration;

use countersign_core::policy::Rate;
use http::{HeaderName, Uri};
use ipnet::IpNet;

pub use self::fault::{ConfigError, ConfigFault};
pub use self::file::File;
pub use self::secret::Secret;

/// The configuration in force. Paths are absolute or relative to the working directory.
#[derive(Debug, Clone)]
pub struct Config {
    pub server: Server,
    pub upstream: Upstream,
    pub store: StoreLocation,
    pub policy_file: PathBuf,
    /// Whether it takes effect when it changes.
    pub policy_watch: bool,
    pub auth: Auth,
    pub facts: Facts,
    pub reconcile: Reconcile,
    pub schedule: Schedule,
    pub webhook: Webhook,
    /// `None`: nobody is told.
    pub notify: Option<NotifyTo>,
    pub anchor: Anchor,
    pub plugins: Plugins,
    pub replay: Replay,
    pub ui: Ui,
    pub log: Log,
    /// As it was written, secrets masked.
    written: File,
}

#[derive(Debug, Clone)]
pub struct Server {
    /// For MLflow's clients and browsers.
    pub listen: SocketAddr,
    /// For `/livez`, `/readyz` and `/metrics`.
    pub admin_listen: SocketAddr,
    /// Absolute, used in links; without a trailing slash.
    pub public_url: Uri,
    /// Empty, or begins with a slash and does not end with one.
    pub static_prefix: String,
    /// Hosts that browsers may send, beside that of the public URL, of `listen`, and loopback.
    pub allowed_hosts: Vec<String>,
    /// Threads that serve requests; `None`: one per core.
    pub workers: Option<NonZeroUsize>,
}

#[derive(Debug, Clone)]
pub struct Upstream {
    /// Absolute; may have a path when MLflow runs under a prefix.
    pub url: Uri,
    /// For our own calls, never for those of clients.
    pub credentials: Credentials,
    /// For one of our own calls; a client's request has no limit but the client's.
    pub timeout: Duration,
    /// Those that the reconciler looks at.
    pub workspaces: Vec<String>,
}

/// How we sign our own calls to MLflow.
#[derive(Debug, Clone)]
pub enum Credentials {
    None,
    Basic { username: String, password: Secret },
    Bearer(Secret),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreLocation {
    /// One directory.
    Sled(PathBuf),
}

#[derive(Debug, Clone)]
pub struct Auth {
    pub mode: AuthMode,
    pub users_file: PathBuf,
    pub anonymous: Anonymous,
    /// How long a browser stays signed in.
    pub session: Duration,
    /// How long what was last seen of somebody's groups counts.
    pub groups_max_age: Duration,
}

#[derive(Debug, Clone)]
pub enum AuthMode {
    /// Users and tokens of our own.
    Local,
    /// MLflow's accounts.
    Upstream,
    /// An OpenID provider's.
    Oidc(Oidc),
    /// Those of a reverse proxy in front of us.
    ProxyHeader(ProxyHeader),
    /// Everyone is anonymous: nobody can sign.
    None,
}

#[derive(Debug, Clone)]
pub struct Oidc {
    /// As it is written: the provider writes it exactly so.
    pub issuer: String,
    pub client_id: String,
    pub client_secret: Option<Secret>,
    pub audience: Vec<String>,
    pub scopes: Vec<String>,
    pub groups_claim: String,
    pub name_claim: String,
    pub machine_claim: Option<String>,
    pub machine_clients: Vec<String>,
    /// Where the provider sends browsers back to; an absolute URL.
    pub redirect: Uri,
}

#[derive(Debug, Clone)]
pub struct ProxyHeader {
    /// Not empty.
    pub trusted_proxies: Vec<IpNet>,
    pub user_header: HeaderName,
    pub groups_header: HeaderName,
    pub machine_header: Option<HeaderName>,
    pub machines: Vec<String>,
}

/// What those may do who do not say who they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Anonymous {
    None,
    Read,
}

#[derive(Debug, Clone)]
pub struct Facts {
    pub at_write: AtWrite,
    /// How old a snapshot may be when it is used again.
    pub max_age: Duration,
    /// After which what is not known counts as missing.
    pub deadline: Duration,
}

/// Which facts let a governed write through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AtWrite {
    /// Read at that moment.
    Fresh,
    /// Of at most `max_age`.
    Remembered,
}

#[derive(Debug, Clone)]
pub struct Reconcile {
    pub interval: Duration,
}

#[derive(Debug, Clone)]
pub struct Schedule {
    pub interval: Duration,
}

#[derive(Debug, Clone)]
pub struct Webhook {
    /// Where MLflow reaches us; an absolute URL.
    pub url: Uri,
    /// Without one, webhooks are refused.
    pub secret: Option<Secret>,
}

/// Where notifications go.
#[derive(Debug, Clone)]
pub struct NotifyTo {
    /// An address of http or https; it may be a secret itself.
    pub webhook: Secret,
    /// What messages are signed with.
    pub secret: Option<Secret>,
}

/// A repository that checkpoints are committed to.
#[derive(Debug, Clone)]
pub struct AnchorGit {
    pub repository: PathBuf,
    pub branch: String,
    /// Where the branch goes from there.
    pub push: Option<String>,
}

/// Where checkpoints go.
#[derive(Debug, Clone)]
pub struct Anchor {
    pub file: Option<PathBuf>,
    pub git: Option<AnchorGit>,
    pub webhook: Option<NotifyTo>,
    pub interval: Duration,
}

#[derive(Debug, Clone)]
pub struct Plugins {
    /// Compiled code, safe to delete.
    pub cache_dir: PathBuf,
    /// Threads that evaluate; `None`: one per core.
    pub threads: Option<NonZeroUsize>,
    /// Evaluations at one time.
    pub max_concurrent: NonZeroUsize,
}

/// Which recorded runs are executed again in the background.
#[derive(Debug, Clone, Copy)]
pub struct Replay {
    /// `None`: none.
    pub sample: Option<Rate>,
    pub interval: Duration,
}

#[derive(Debug, Clone, Copy)]
pub struct Ui {
    /// Whether MLflow's own pages show where versions stand.
    pub inject: bool,
}

#[derive(Debug, Clone)]
pub struct Log {
    pub format: LogFormat,
    /// A directive of `tracing-subscriber`'s `EnvFilter`: `info`, `countersign=debug,info`.
    pub level: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    Text,
    Json,
}

impl Config {
    /// Reads the layers. `file` is `None` when there is none, which leaves the defaults, relative to the working
    /// directory. `environment` is all of it; only `COUNTERSIGN__…` is looked at. `flags` are pairs such as
    /// `("server.listen", "127.0.0.1:0")`.
    ///
    /// # Errors
    /// Every fault with the layer and the key that has it.
    pub fn load(
        file: Option<&Path>,
        environment: impl IntoIterator<Item = (String, String)>,
        flags: &[(&str, String)],
    ) -> Result<Self, ConfigError> {
        let layers = layers::Layers::read(file, environment, flags)?;
        let folder = file.and_then(Path::parent).unwrap_or_else(|| Path::new(""));
        fault::Reader::new(&layers, folder).config()
    }

    /// The whole configuration as TOML, defaults included, secrets masked.
    #[must_use]
    pub fn show(&self) -> String {
        toml::to_string(&self.written).unwrap_or_default()
    }

    /// The JSON Schema of `countersign.toml`.
    #[must_use]
    pub fn schema() -> serde_json::Value {
        schemars::schema_for!(File).to_value()
    }
}

// Not formatted: `expect-test` cannot update expectations that are broken over lines.
#[cfg(test)]
#[rustfmt::skip]
mod tests;
