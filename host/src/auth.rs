//! Who is calling: from a request's headers to a [`Caller`].
//!
//! [`Auth`] is one of the configured ways to know people. [`users`] is the file behind local accounts, [`live`]
//! keeps it current, [`local`], [`upstream`], [`oidc`] and [`proxy_header`] verify, [`sessions`] carry a browser from
//! page to page, [`proof`] is for one signature.
//! This module must not know: routes, pages, HTTP responses, MLflow's JSON, who may fill which seat.

mod directory;
pub mod identity;
pub mod live;
pub mod local;
pub mod oidc;
pub mod origin;
pub mod passwords;
pub mod presented;
pub mod profiles;
pub mod proof;
pub mod proxy_header;
pub mod remembered;
pub mod sealed;
pub mod sessions;
pub mod throttle;
pub mod tokens;
pub mod upstream;
pub mod users;

use std::net::IpAddr;

use http::HeaderMap;

pub use identity::{Caller, Identity, Method};
pub use local::Local;
pub use oidc::Oidc;
pub use proof::{Proof, Proving};
pub use proxy_header::ProxyHeader;
pub use upstream::Upstream;

/// The configured way to know people: `[auth] mode` in `countersign.toml`.
pub enum Auth {
    /// Everyone is anonymous, so nobody can sign.
    Anonymous,
    /// Users and tokens of `users_file`.
    Local(Box<Local>),
    /// MLflow's own accounts.
    Upstream(Box<Upstream>),
    /// An OpenID provider.
    Oidc(Box<Oidc>),
    /// A reverse proxy that signs people in.
    ProxyHeader(Box<ProxyHeader>),
}

impl Auth {
    /// Who sent these headers. No credentials at all is [`Caller::Anonymous`]; wrong ones are an error, so that
    /// nobody acts anonymously by mistake.
    ///
    /// # Errors
    /// See [`AuthError`].
    pub async fn authenticate(&self, headers: &HeaderMap, peer: IpAddr) -> Result<Caller, AuthError> {
        match self {
            Self::Anonymous => Ok(Caller::Anonymous),
            Self::Local(local) => local.authenticate(headers, peer).await,
            Self::Upstream(upstream) => upstream.authenticate(headers).await,
            Self::Oidc(oidc) => oidc.authenticate(headers).await,
            Self::ProxyHeader(proxy) => proxy.authenticate(headers, peer).await,
        }
    }

    /// Takes out of a request that goes on to MLflow what only says to us who calls, whoever sent it.
    pub fn strip(&self, headers: &mut HeaderMap) {
        if let Self::ProxyHeader(proxy) = self {
            proxy.strip(headers);
        }
    }

    /// Whether MLflow never sees the credentials of those who call.
    #[must_use]
    pub const fn keeps_credentials(&self) -> bool {
        matches!(self, Self::Local(_) | Self::Oidc(_) | Self::ProxyHeader(_))
    }

    /// Whether requests of strangers go on to MLflow, which then decides.
    #[must_use]
    pub const fn lets_strangers_pass(&self) -> bool {
        matches!(self, Self::Anonymous | Self::Upstream(_))
    }

    /// Whether this address is a proxy of the operator's, whose word about earlier ones counts.
    #[must_use]
    pub fn trusts(&self, peer: IpAddr) -> bool {
        matches!(self, Self::ProxyHeader(proxy) if proxy.trusts(peer))
    }

    /// What a browser without credentials gets: our login page, or MLflow's own prompt.
    #[must_use]
    pub const fn has_login_page(&self) -> bool {
        matches!(self, Self::Local(_) | Self::Oidc(_))
    }

    /// The `WWW-Authenticate` header of a refusal.
    #[must_use]
    pub const fn challenge(&self) -> &'static str {
        match self {
            Self::Upstream(_) => r#"Basic realm="mlflow", charset="UTF-8""#,
            Self::Anonymous | Self::Local(_) => r#"Basic realm="countersign", charset="UTF-8""#,
            // A browser must not prompt for a password that nobody here could check.
            Self::Oidc(_) | Self::ProxyHeader(_) => r#"Bearer realm="countersign""#,
        }
    }

    /// What a program without credentials is told to do.
    #[must_use]
    pub const fn how_to_sign_in(&self) -> &'static str {
        match self {
            Self::Oidc(_) => {
                "this MLflow is behind Countersign: set MLFLOW_TRACKING_TOKEN to an access token of the identity \
                 provider"
            }
            Self::ProxyHeader(_) => {
                "this MLflow is behind Countersign, which lets in whom the operator's proxy has signed in: call that \
                 proxy's address. If you did, its own address is missing from `trusted_proxies` under [proxy_header], \
                 or it sends no user header"
            }
            Self::Anonymous | Self::Local(_) | Self::Upstream(_) => {
                "this MLflow is behind Countersign: set MLFLOW_TRACKING_TOKEN to a token from `countersign token \
                 new`, or MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD"
            }
        }
    }
}

/// Why credentials were not accepted. The text is for the caller and tells nothing about who exists.
#[derive(Debug, thiserror::Error)]
pub enum AuthError {
    #[error("the Authorization header cannot be read: {0}")]
    Malformed(&'static str),
    #[error("the user name, the password or the token is wrong")]
    Refused,
    #[error("too many failed attempts for this user from this address: try again in {} s", .0.as_secs().max(1))]
    Throttled(std::time::Duration),
    #[error("the token was not accepted: {0}")]
    Token(String),
    #[error("the sign-in did not succeed: {0}. Sign in again")]
    SignIn(String),
    #[error(
        "the identity provider {issuer} cannot be used at the moment: {reason}. Who is signed in stays so; try again \
         in a minute, and ask an operator if that does not help"
    )]
    Provider { issuer: String, reason: String },
    #[error("MLflow could not be asked who this is: {0}")]
    UpstreamUnreachable(String),
    #[error(
        "MLflow has no accounts of its own: start it with `--app-name basic-auth`, or set `mode = \"local\"` \
         under [auth] in countersign.toml"
    )]
    UpstreamWithoutAccounts,
    #[error("the credentials could not be verified: {0}")]
    Internal(String),
}

impl AuthError {
    /// Whether the caller can mend it with other credentials: 401. Otherwise it is ours or MLflow's to mend: 503.
    #[must_use]
    pub const fn is_callers(&self) -> bool {
        matches!(
            self,
            Self::Malformed(_) | Self::Refused | Self::Throttled(_) | Self::Token(_) | Self::SignIn(_)
        )
    }
}
