//! `countersign.toml` as it is written. The comments of the fields are the descriptions in the JSON Schema.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What stands for a secret when it is shown.
const MASK: &str = "…";

/// The configuration of the Countersign server.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct File {
    pub server: ServerSection,
    pub upstream: UpstreamSection,
    pub store: StoreSection,
    pub policy: PolicySection,
    pub auth: AuthSection,
    pub oidc: OidcSection,
    pub proxy_header: ProxyHeaderSection,
    pub facts: FactsSection,
    pub reconcile: ReconcileSection,
    pub schedule: ScheduleSection,
    pub webhook: WebhookSection,
    pub notify: NotifySection,
    pub anchor: AnchorSection,
    pub plugins: PluginsSection,
    pub replay: ReplaySection,
    pub ui: UiSection,
    pub log: LogSection,
}

macro_rules! section {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty = $default:expr,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
        #[serde(default, deny_unknown_fields)]
        pub struct $name {
            $($(#[$field_doc])* pub $field: $type,)*
        }

        impl Default for $name {
            fn default() -> Self {
                Self { $($field: $default,)* }
            }
        }
    };
}

section!(
    /// Where the server listens.
    ServerSection {
        /// Address and port for MLflow's clients and browsers.
        listen: String = "127.0.0.1:8080".to_owned(),
        /// Address and port for `/livez`, `/readyz` and `/metrics`.
        admin_listen: String = "127.0.0.1:9080".to_owned(),
        /// The URL under which people reach `listen`, used in links. Default: `http://` and `listen`.
        #[serde(skip_serializing_if = "Option::is_none")]
        public_url: Option<String> = None,
        /// MLflow's `--static-prefix`, as in `/mlflow`.
        static_prefix: String = String::new(),
        /// Hosts that browsers may send besides that of `public_url`, of `listen`, and loopback.
        allowed_hosts: Vec<String> = Vec::new(),
        /// Threads that serve requests. Default: one per core.
        #[serde(skip_serializing_if = "Option::is_none")]
        workers: Option<usize> = None,
    }
);

section!(
    /// The MLflow server behind us.
    UpstreamSection {
        /// Its URL.
        url: String = "http://127.0.0.1:5000".to_owned(),
        /// For our own calls, when MLflow has basic auth.
        #[serde(skip_serializing_if = "Option::is_none")]
        username: Option<String> = None,
        /// A file with the user name.
        #[serde(skip_serializing_if = "Option::is_none")]
        username_file: Option<String> = None,
        /// For our own calls, when MLflow has basic auth.
        #[serde(skip_serializing_if = "Option::is_none")]
        password: Option<String> = None,
        /// A file with the password.
        #[serde(skip_serializing_if = "Option::is_none")]
        password_file: Option<String> = None,
        /// For our own calls, when MLflow takes bearer tokens.
        #[serde(skip_serializing_if = "Option::is_none")]
        token: Option<String> = None,
        /// A file with the token.
        #[serde(skip_serializing_if = "Option::is_none")]
        token_file: Option<String> = None,
        /// For one of our own calls.
        timeout: String = "30s".to_owned(),
        /// The workspaces that the reconciler looks at.
        workspaces: Vec<String> = vec!["default".to_owned()],
    }
);

section!(
    /// Where requests, reviews and the ledger are kept.
    StoreSection {
        /// `sled:DIRECTORY`.
        url: String = "sled:./data".to_owned(),
    }
);

section!(
    /// What is governed.
    PolicySection {
        /// The policy.
        file: String = "./policy.toml".to_owned(),
        /// It takes effect when it changes; otherwise at a start, on SIGHUP, and when an administrator loads it.
        watch: bool = true,
    }
);

section!(
    /// Who people are.
    AuthSection {
        /// `local`: users and tokens of our own. `upstream`: MLflow's accounts. `oidc`: an OpenID provider, see
        /// `[oidc]`. `proxy-header`: a reverse proxy in front of us, see `[proxy_header]`. `none`: everyone is
        /// anonymous and nobody can sign.
        mode: String = "local".to_owned(),
        /// Written by `countersign user add` and `countersign token new`.
        users_file: String = "./users.toml".to_owned(),
        /// What those may do who do not say who they are: `none` or `read`.
        anonymous: String = "none".to_owned(),
        /// How long a browser stays signed in.
        session: String = "12h".to_owned(),
        /// With `oidc` and `proxy-header`: how long somebody counts as a member of the groups that were last seen.
        groups_max_age: String = "7d".to_owned(),
    }
);

section!(
    /// The OpenID provider of `mode = "oidc"`. It sends browsers back to `server.public_url` and
    /// `/_countersign/oidc/callback`, which must be registered there.
    OidcSection {
        /// Its issuer, exactly as it writes it itself.
        #[serde(skip_serializing_if = "Option::is_none")]
        issuer: Option<String> = None,
        /// What it knows us by.
        #[serde(skip_serializing_if = "Option::is_none")]
        client_id: Option<String> = None,
        /// Without one we are a public client, which PKCE protects.
        #[serde(skip_serializing_if = "Option::is_none")]
        client_secret: Option<String> = None,
        /// A file with the client's secret.
        #[serde(skip_serializing_if = "Option::is_none")]
        client_secret_file: Option<String> = None,
        /// Whom bearer tokens of programs must be meant for. Empty: no such token is taken.
        audience: Vec<String> = Vec::new(),
        /// What a sign-in asks for.
        scopes: Vec<String> = vec!["openid".to_owned(), "profile".to_owned()],
        /// The claim with somebody's groups: an array, or a text with spaces. May be a path, as in `realm_access.roles`.
        groups_claim: String = "groups".to_owned(),
        /// The claim with somebody's name, by which `members` of a seat are named. One that people cannot choose.
        name_claim: String = "preferred_username".to_owned(),
        /// A claim that is true for machines.
        #[serde(skip_serializing_if = "Option::is_none")]
        machine_claim: Option<String> = None,
        /// Clients whose tokens are machines', beside those whose subject is the client itself.
        machine_clients: Vec<String> = Vec::new(),
    }
);

section!(
    /// The reverse proxy of `mode = "proxy-header"`, which signs people in and says who they are.
    ProxyHeaderSection {
        /// Networks from which it connects, as in `10.0.0.0/8`. From anywhere else its headers count for nothing.
        trusted_proxies: Vec<String> = Vec::new(),
        /// The header with the user's name.
        user_header: String = "X-Forwarded-User".to_owned(),
        /// The header with the user's groups, separated by commas.
        groups_header: String = "X-Forwarded-Groups".to_owned(),
        /// A header that is `true` for machines.
        #[serde(skip_serializing_if = "Option::is_none")]
        machine_header: Option<String> = None,
        /// Users that are machines.
        machines: Vec<String> = Vec::new(),
    }
);

section!(
    /// Snapshots of what the registry says.
    FactsSection {
        /// How old a snapshot may be when it is used again.
        max_age: String = "10s".to_owned(),
        /// What lets a governed write through. `fresh`: facts that were read at that moment. `remembered`: facts of
        /// at most `max_age`, which saves the calls to MLflow, and misses a change made past us in that time.
        at_write: String = "fresh".to_owned(),
        /// After which what is not known counts as missing.
        deadline: String = "20s".to_owned(),
    }
);

section!(
    /// Comparing the registry with the ledger.
    ReconcileSection {
        /// How often.
        interval: String = "60s".to_owned(),
    }
);

section!(
    /// What time does: warnings, expiry, fallbacks, and writes that a crash left open.
    ScheduleSection {
        /// How often that is looked at.
        interval: String = "15s".to_owned(),
    }
);

section!(
    /// Webhooks from MLflow.
    WebhookSection {
        /// Where MLflow reaches us. Default: `server.public_url` and `/_countersign/webhooks/mlflow`.
        #[serde(skip_serializing_if = "Option::is_none")]
        url: Option<String> = None,
        /// Shared with MLflow. Without one, webhooks are refused.
        #[serde(skip_serializing_if = "Option::is_none")]
        secret: Option<String> = None,
        /// A file with the secret.
        #[serde(skip_serializing_if = "Option::is_none")]
        secret_file: Option<String> = None,
    }
);

section!(
    /// Telling people of what they should look at.
    NotifySection {
        /// An `https` address that takes a POST of JSON: ids and the address of a page, nothing about people.
        #[serde(skip_serializing_if = "Option::is_none")]
        webhook: Option<String> = None,
        /// A file with the address.
        #[serde(skip_serializing_if = "Option::is_none")]
        webhook_file: Option<String> = None,
        /// Signs each message: HMAC-SHA256 over time and body, in `X-Countersign-Signature`.
        #[serde(skip_serializing_if = "Option::is_none")]
        secret: Option<String> = None,
        /// A file with the secret.
        #[serde(skip_serializing_if = "Option::is_none")]
        secret_file: Option<String> = None,
    }
);

section!(
    /// Putting checkpoints of the ledger where whoever runs this server cannot take them back.
    AnchorSection {
        /// A file that they are appended to; `ledger verify --against` reads it.
        #[serde(skip_serializing_if = "Option::is_none")]
        file: Option<String> = None,
        /// A git repository that they are committed to; `git` must be installed.
        #[serde(skip_serializing_if = "Option::is_none")]
        git: Option<String> = None,
        /// The branch for them. One of its own: what is checked out does not follow.
        git_branch: String = "countersign".to_owned(),
        /// Where the branch is pushed after each: a remote of the repository, or an address.
        #[serde(skip_serializing_if = "Option::is_none")]
        git_push: Option<String> = None,
        /// An `https` address that takes a POST of the signed note.
        #[serde(skip_serializing_if = "Option::is_none")]
        webhook: Option<String> = None,
        /// A file with the address.
        #[serde(skip_serializing_if = "Option::is_none")]
        webhook_file: Option<String> = None,
        /// Signs each POST: HMAC-SHA256 over time and body, in `X-Countersign-Signature`.
        #[serde(skip_serializing_if = "Option::is_none")]
        secret: Option<String> = None,
        /// A file with the secret.
        #[serde(skip_serializing_if = "Option::is_none")]
        secret_file: Option<String> = None,
        /// How often, where anything was entered meanwhile.
        interval: String = "1h".to_owned(),
    }
);

section!(
    /// The plugin host.
    PluginsSection {
        /// For compiled code; safe to delete.
        cache_dir: String = "./cache/plugins".to_owned(),
        /// Threads that evaluate. Default: one per core.
        #[serde(skip_serializing_if = "Option::is_none")]
        threads: Option<usize> = None,
        /// Evaluations at one time.
        max_concurrent: usize = 16,
    }
);

section!(
    /// Executing recorded runs again in the background, to find plugins that do not give the same bytes.
    ReplaySection {
        /// How many of the check and rule runs of the ledger: `1 in 20`, or `never`.
        sample: String = "1 in 20".to_owned(),
        /// How often new ones are looked for.
        interval: String = "60s".to_owned(),
    }
);

section!(
    /// What people see.
    UiSection {
        /// Whether MLflow's own pages show where versions stand: one script element in MLflow's one HTML document.
        inject: bool = true,
    }
);

section!(
    /// Logs, on standard error.
    LogSection {
        /// `text` or `json`.
        format: String = "text".to_owned(),
        /// `error`, `warn`, `info`, `debug`, `trace`, or a filter such as `countersign=debug,info`.
        level: String = "info".to_owned(),
    }
);

impl File {
    /// The same with every secret replaced.
    #[must_use]
    pub fn masked(&self) -> Self {
        let mask = |secret: &Option<String>| secret.as_ref().map(|_| MASK.to_owned());
        let mut masked = self.clone();
        masked.upstream.password = mask(&self.upstream.password);
        masked.upstream.token = mask(&self.upstream.token);
        masked.oidc.client_secret = mask(&self.oidc.client_secret);
        masked.webhook.secret = mask(&self.webhook.secret);
        masked.notify.webhook = mask(&self.notify.webhook);
        masked.notify.secret = mask(&self.notify.secret);
        masked.anchor.webhook = mask(&self.anchor.webhook);
        masked.anchor.secret = mask(&self.anchor.secret);
        masked
    }
}
