//! Re-authentication: how somebody who is signed in proves, for one signature, that it is still them.
//!
//! This module must not know: which signatures ask for it, what is signed beyond a text that names it.

use std::net::IpAddr;

use countersign_core::review::SignatureMethod;
use http::HeaderMap;

use super::oidc::cookies::Fresh;
use super::{Auth, AuthError, Identity};

/// What came with a signature to prove it.
#[derive(Default)]
pub enum Proof {
    #[default]
    None,
    Password {
        password: String,
        peer: IpAddr,
    },
    Fresh(Fresh),
}

/// How people prove themselves here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proving {
    /// A field of the form.
    Password,
    /// A way to the provider and back.
    Provider,
    /// Nothing that we could verify.
    Impossible,
}

/// Why a proof does not hold. The text says what to do.
#[derive(Debug, thiserror::Error)]
pub enum ProofError {
    #[error("give your password with this signature: the policy asks for it again")]
    NoPassword,
    #[error("the password is wrong: nothing was signed")]
    WrongPassword,
    #[error(
        "sign in again first: on the request's page, press “Confirm that it is you”, then sign within five minutes"
    )]
    NotConfirmed,
    #[error(
        "the policy asks for re-authentication, which cannot be done with this way of signing in: an operator must \
         set `mode` to `oidc`, `local` or `upstream` under [auth]"
    )]
    Impossible,
    #[error(transparent)]
    Auth(AuthError),
}

impl Auth {
    #[must_use]
    pub const fn proving(&self) -> Proving {
        match self {
            Self::Local(_) | Self::Upstream(_) => Proving::Password,
            Self::Oidc(_) => Proving::Provider,
            Self::Anonymous | Self::ProxyHeader(_) => Proving::Impossible,
        }
    }

    /// What a request brings along.
    #[must_use]
    pub fn proof(&self, headers: &HeaderMap, password: Option<String>, peer: IpAddr) -> Proof {
        match (self, password.filter(|password| !password.is_empty())) {
            (Self::Oidc(oidc), _) => oidc.fresh(headers).map_or(Proof::None, Proof::Fresh),
            (_, Some(password)) => Proof::Password { password, peer },
            (_, None) => Proof::None,
        }
    }

    /// Whether a proof, not used up yet, is for this person and this signature.
    #[must_use]
    pub fn is_confirmed(&self, headers: &HeaderMap, who: &Identity, about: &str) -> bool {
        let Self::Oidc(oidc) = self else { return false };
        oidc.fresh(headers).is_some_and(|fresh| fresh.person == who.person && fresh.about == about)
    }

    /// Verifies a proof, and uses it up where it is for one use.
    ///
    /// # Errors
    /// See [`ProofError`].
    pub async fn prove(
        &self,
        who: &Identity,
        proof: Proof,
        about: &str,
    ) -> Result<SignatureMethod, ProofError> {
        match (self, proof) {
            (Self::Local(local), Proof::Password { password, peer }) => {
                match local.sign_in(&who.name, password, peer).await {
                    Ok(known) if known.person == who.person => Ok(SignatureMethod::Password),
                    Ok(_) | Err(AuthError::Refused) => Err(ProofError::WrongPassword),
                    Err(error) => Err(ProofError::Auth(error)),
                }
            }
            (Self::Upstream(upstream), Proof::Password { password, .. }) => {
                let right = upstream.verify_password(&who.name, &password).await.map_err(ProofError::Auth)?;
                if right { Ok(SignatureMethod::MlflowPassword) } else { Err(ProofError::WrongPassword) }
            }
            (Self::Oidc(oidc), Proof::Fresh(fresh)) => {
                let theirs = fresh.person == who.person && fresh.about == about;
                let spent = theirs && oidc.spend(&fresh);
                if spent { Ok(SignatureMethod::Oidc) } else { Err(ProofError::NotConfirmed) }
            }
            (Self::Local(_) | Self::Upstream(_), _) => Err(ProofError::NoPassword),
            (Self::Oidc(_), _) => Err(ProofError::NotConfirmed),
            (Self::Anonymous | Self::ProxyHeader(_), _) => Err(ProofError::Impossible),
        }
    }
}
