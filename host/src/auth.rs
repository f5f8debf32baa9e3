//! Who is calling: from a request's headers to a [`Caller`].
//!
//! [`Auth`] is one of the configured ways to know people. [`users`] is the file behind local accounts, [`live`]
//! keeps it current, [`local`] and [`upstream`] verify, [`sessions`] carry a browser from page to page.
//! This module must not know: routes, pages, HTTP responses, MLflow's JSON, who may fill which seat.

mod directory;
pub mod identity;
pub mod live;
pub mod local;
pub mod origin;
pub mod passwords;
pub mod presented;
pub mod remembered;
pub mod sessions;
pub mod throttle;
pub mod tokens;
pub mod upstream;
pub mod users;

use std::net::IpAddr;

use http::HeaderMap;

pub use identity::{Caller, Identity, Method};
pub use local::Local;
pub use upstream::Upstream;

/// The configured way to know people: `[auth] mode` in `countersign.toml`.
pub enum Auth {
    /// Everyone is anonymous, so nobody can sign.
    Anonymous,
    /// Users and tokens of `users_file`.
    Local(Box<Local>),
    /// MLflow's own accounts.
    Upstream(Box<Upstream>),
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
        }
    }

    /// Takes our own credentials out of a request that goes on to MLflow. MLflow's accounts stay where they are.
    pub fn strip(&self, headers: &mut HeaderMap) {
        if matches!(self, Self::Local(_)) {
            headers.remove(http::header::AUTHORIZATION);
        }
        sessions::strip_cookie(headers);
    }

    /// What a browser without credentials gets: our login page, or MLflow's own prompt.
    #[must_use]
    pub const fn has_login_page(&self) -> bool {
        matches!(self, Self::Local(_))
    }

    /// The realm that a `WWW-Authenticate` header names.
    #[must_use]
    pub const fn realm(&self) -> &'static str {
        match self {
            Self::Upstream(_) => "mlflow",
            Self::Anonymous | Self::Local(_) => "countersign",
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
        matches!(self, Self::Malformed(_) | Self::Refused | Self::Throttled(_))
    }
}
