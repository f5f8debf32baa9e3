//! Reads each key into its value and notes what is wrong, so that all faults are told at once.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Duration;

use countersign_core::time::Span;
use http::Uri;

use super::{ConfigError, ConfigFault, listed};
use crate::config::layers::Layers;
use crate::config::{
    AtWrite, Config, Credentials, Facts, Log, LogFormat, NotifyTo, Plugins, Reconcile, Schedule, Secret,
    Server, StoreLocation, Ui, Upstream, Webhook,
};

/// Where MLflow's webhooks go, below the public URL.
const WEBHOOK_PATH: &str = "/_countersign/webhooks/mlflow";

pub(in crate::config) struct Reader<'l> {
    pub(super) layers: &'l Layers,
    /// Relative paths start here.
    folder: &'l Path,
    faults: RefCell<Vec<ConfigFault>>,
}

impl<'l> Reader<'l> {
    pub(in crate::config) const fn new(layers: &'l Layers, folder: &'l Path) -> Self {
        Self { layers, folder, faults: RefCell::new(Vec::new()) }
    }

    pub(in crate::config) fn config(self) -> Result<Config, ConfigError> {
        let config = self.read();
        let faults = self.faults.into_inner();
        match config {
            Some(config) if faults.is_empty() => Ok(config),
            _ => Err(ConfigError { faults }),
        }
    }

    fn read(&self) -> Option<Config> {
        let file = &self.layers.file;
        // Every section is read before any of them may end the reading.
        let server = self.server();
        let public_url = server.as_ref().map(|server| &server.public_url);
        let (upstream, store, auth) = (self.upstream(), self.store(), self.auth(public_url));
        let (facts, webhook, plugins, log) =
            (self.facts(), self.webhook(public_url), self.plugins(), self.log());
        if let (Some(server), Some(upstream)) = (&server, &upstream) {
            self.apart(server, upstream);
        }
        let interval = self.span("reconcile.interval", &file.reconcile.interval);
        let replay = self.replay();
        let schedule = self.span("schedule.interval", &file.schedule.interval);
        let anchor = self.anchor();
        Some(Config {
            server: server?,
            upstream: upstream?,
            store: store?,
            policy_file: self.folder.join(&file.policy.file),
            policy_watch: file.policy.watch,
            auth: auth?,
            facts: facts?,
            reconcile: Reconcile { interval: interval? },
            schedule: Schedule { interval: schedule? },
            webhook: webhook?,
            notify: self.notify()?,
            anchor: anchor?,
            plugins: plugins?,
            replay: replay?,
            ui: Ui { inject: file.ui.inject },
            log: log?,
            written: file.masked(),
        })
    }

    fn server(&self) -> Option<Server> {
        let file = &self.layers.file.server;
        let listen = self.address("server.listen", &file.listen);
        let admin_listen = self.address("server.admin_listen", &file.admin_listen);
        let public_url = match &file.public_url {
            Some(url) => self.url("server.public_url", url),
            None => listen.and_then(|listen| self.url("server.public_url", &format!("http://{listen}"))),
        };
        let static_prefix = self.prefix(&file.static_prefix);
        let workers = self.count("server.workers", file.workers);
        Some(Server {
            listen: listen?,
            admin_listen: admin_listen?,
            public_url: public_url?,
            static_prefix: static_prefix?,
            allowed_hosts: file.allowed_hosts.clone(),
            workers: workers?,
        })
    }

    fn upstream(&self) -> Option<Upstream> {
        let file = &self.layers.file.upstream;
        let url = self.url("upstream.url", &file.url);
        let credentials = self.credentials();
        let timeout = self.span("upstream.timeout", &file.timeout);
        let workspaces = match file.workspaces.as_slice() {
            [] => self.fault("upstream.workspaces", "is empty: write `[\"default\"]`"),
            workspaces => Some(workspaces.to_vec()),
        };
        Some(Upstream { url: url?, credentials: credentials?, timeout: timeout?, workspaces: workspaces? })
    }

    fn credentials(&self) -> Option<Credentials> {
        let file = &self.layers.file.upstream;
        let username =
            self.secret("upstream.username", file.username.as_ref(), file.username_file.as_ref())?;
        let password =
            self.secret("upstream.password", file.password.as_ref(), file.password_file.as_ref())?;
        let token = self.secret("upstream.token", file.token.as_ref(), file.token_file.as_ref())?;
        match (username, password, token) {
            (None, None, None) => Some(Credentials::None),
            (None, None, Some(token)) => Some(Credentials::Bearer(token)),
            (Some(name), Some(password), None) => {
                Some(Credentials::Basic { username: name.expose().to_owned(), password })
            }
            (_, _, Some(_)) => {
                self.fault("upstream.token", "stands beside a user name or password: keep one kind")
            }
            (Some(_), None, None) => self.fault("upstream.username", "has no password: add `password_file`"),
            (None, Some(_), None) => self.fault("upstream.password", "has no user name: add `username`"),
        }
    }

    /// `None` when there is a fault, `Some(None)` when there is no secret.
    pub(super) fn secret(
        &self,
        key: &str,
        text: Option<&String>,
        file: Option<&String>,
    ) -> Option<Option<Secret>> {
        let Some(file) = file else { return Some(text.map(Secret::new)) };
        if text.is_some() {
            return self.fault(key, &format!("stands beside `{key}_file`: keep one of them"));
        }
        let path = self.folder.join(file);
        match std::fs::read_to_string(&path) {
            Ok(text) if text.trim().is_empty() => self
                .fault(&format!("{key}_file"), &format!("{} is empty: write the text there", path.display())),
            Ok(text) => Some(Some(Secret::new(text.trim_end_matches(['\r', '\n'])))),
            Err(error) => {
                let message =
                    format!("{} cannot be read: {error}: put it there, or name another file", path.display());
                self.fault(&format!("{key}_file"), &message)
            }
        }
    }

    fn store(&self) -> Option<StoreLocation> {
        let url = &self.layers.file.store.url;
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            return self
                .fault("store.url", "PostgreSQL is not available in this version: write `sled:DIRECTORY`");
        }
        match url.strip_prefix("sled:").filter(|path| !path.is_empty()) {
            Some(path) => Some(StoreLocation::Sled(self.folder.join(path))),
            None => self.fault("store.url", &format!("`{url}` is no store: write `sled:DIRECTORY`")),
        }
    }

    fn facts(&self) -> Option<Facts> {
        let file = &self.layers.file.facts;
        let max_age = self.span("facts.max_age", &file.max_age);
        let deadline = self.span("facts.deadline", &file.deadline);
        let at_write = [("fresh", AtWrite::Fresh), ("remembered", AtWrite::Remembered)];
        let at_write = self.choice("facts.at_write", &file.at_write, &at_write);
        Some(Facts { max_age: max_age?, at_write: at_write?, deadline: deadline? })
    }

    fn webhook(&self, public_url: Option<&Uri>) -> Option<Webhook> {
        let file = &self.layers.file.webhook;
        let secret = self.secret("webhook.secret", file.secret.as_ref(), file.secret_file.as_ref());
        let url = match &file.url {
            Some(url) => self.url("webhook.url", url),
            None => self.below("webhook.url", public_url?, WEBHOOK_PATH),
        };
        Some(Webhook { url: url?, secret: secret? })
    }

    fn notify(&self) -> Option<Option<NotifyTo>> {
        let file = &self.layers.file.notify;
        let webhook = self.secret("notify.webhook", file.webhook.as_ref(), file.webhook_file.as_ref())?;
        let secret = self.secret("notify.secret", file.secret.as_ref(), file.secret_file.as_ref())?;
        self.hook("notify.webhook", webhook, secret)
    }

    fn plugins(&self) -> Option<Plugins> {
        let file = &self.layers.file.plugins;
        let threads = self.count("plugins.threads", file.threads);
        let max_concurrent = self.count("plugins.max_concurrent", Some(file.max_concurrent)).flatten();
        let cache_dir = self.path(&file.cache_dir);
        Some(Plugins { cache_dir, threads: threads?, max_concurrent: max_concurrent? })
    }

    fn log(&self) -> Option<Log> {
        let file = &self.layers.file.log;
        let choices = [("text", LogFormat::Text), ("json", LogFormat::Json)];
        let format = self.choice("log.format", &file.format, &choices);
        let level = self.level(&file.level);
        Some(Log { format: format?, level: level? })
    }

    /// To the filter a word that is no level is a place in the code: `loud` would leave no log at all.
    fn level(&self, text: &str) -> Option<String> {
        let word = !text.contains(['=', ',', '[', ':']);
        if word && text.parse::<tracing_subscriber::filter::LevelFilter>().is_err() {
            let choices = listed(&["error", "warn", "info", "debug", "trace"]);
            let message =
                format!("`{text}` is no level: choose one of {choices}, or write `countersign=debug,info`");
            return self.fault("log.level", &message);
        }
        match tracing_subscriber::EnvFilter::try_new(text) {
            Ok(_) => Some(text.to_owned()),
            Err(error) => {
                let message = format!("`{text}` is no filter: {error}: write `info`, for instance");
                self.fault("log.level", &message)
            }
        }
    }

    fn address(&self, key: &str, text: &str) -> Option<SocketAddr> {
        let parsed = text.parse().ok();
        parsed.or_else(|| {
            let message =
                format!("`{text}` is no address: write an IP address and a port, as in `127.0.0.1:8080`");
            self.fault(key, &message)
        })
    }

    /// An absolute `http` or `https` URL, without a query.
    pub(super) fn url(&self, key: &str, text: &str) -> Option<Uri> {
        let uri: Option<Uri> = text.trim_end_matches('/').parse().ok();
        let whole = |uri: &Uri| {
            matches!(uri.scheme_str(), Some("http" | "https"))
                && uri.host().is_some()
                && uri.query().is_none()
        };
        uri.filter(whole).or_else(|| {
            self.fault(key, &format!("`{text}` is no URL: write it whole, as in `http://127.0.0.1:5000`"))
        })
    }

    fn prefix(&self, text: &str) -> Option<String> {
        let trimmed = text.trim_end_matches('/');
        if trimmed.is_empty() || trimmed.starts_with('/') {
            return Some(trimmed.to_owned());
        }
        self.fault("server.static_prefix", &format!("`{text}` must begin with a slash: write `/{trimmed}`"))
    }

    /// A page of ours, as people reach it.
    pub(super) fn below(&self, key: &str, public_url: &Uri, path: &str) -> Option<Uri> {
        let (base, prefix) = (public_url.to_string(), &self.layers.file.server.static_prefix);
        self.url(key, &format!("{}{}{path}", base.trim_end_matches('/'), prefix.trim_end_matches('/')))
    }

    pub(super) fn path(&self, text: &str) -> PathBuf {
        self.folder.join(text)
    }

    pub(super) fn span(&self, key: &str, text: &str) -> Option<Duration> {
        match text.parse::<Span>() {
            Ok(span) if span.as_millis() > 0 => {
                Some(Duration::from_millis(u64::try_from(span.as_millis()).unwrap_or(u64::MAX)))
            }
            Ok(_) => self.fault(key, "must be longer than nothing: write a span such as `30s`"),
            Err(error) => self.fault(key, &error.to_string()),
        }
    }

    /// `None` when there is a fault, `Some(None)` when there is no number.
    fn count(&self, key: &str, number: Option<usize>) -> Option<Option<NonZeroUsize>> {
        match number.map(NonZeroUsize::new) {
            None => Some(None),
            Some(Some(number)) => Some(Some(number)),
            Some(None) => self.fault(key, "must be at least 1"),
        }
    }

    pub(super) fn choice<T: Copy>(&self, key: &str, text: &str, choices: &[(&str, T)]) -> Option<T> {
        let found = choices.iter().find(|(name, _)| *name == text).map(|(_, value)| *value);
        found.or_else(|| {
            let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
            self.fault(key, &format!("`{text}` is none of the choices: choose one of {}", listed(&names)))
        })
    }

    /// Notes a fault; always `None`.
    pub(super) fn fault<T>(&self, key: &str, message: &str) -> Option<T> {
        let origin = self.layers.origin(key);
        self.faults.borrow_mut().push(ConfigFault {
            origin,
            key: Some(key.to_owned()),
            message: message.to_owned(),
        });
        None
    }
}
