//! From `[auth]`, `[oidc]` and `[proxy_header]` to the way in which people are known.

use std::sync::Arc;

use countersign_core::time::Span;

use super::place;
use crate::auth::profiles::Profiles;
use crate::auth::upstream::{Probe, ProbeError, Probed as Answer};
use crate::auth::{Auth, Local, Oidc, ProxyHeader, Upstream, oidc, proxy_header};
use crate::clock::Clock;
use crate::config::{self, AuthMode, Config};
use crate::mlflow::Client;
use crate::mlflow::client::Probe as Probed;

pub(super) fn auth(
    config: &Config,
    client: Client,
    profiles: Profiles,
    clock: &Arc<dyn Clock>,
) -> anyhow::Result<Auth> {
    match &config.auth.mode {
        AuthMode::None => Ok(Auth::Anonymous),
        AuthMode::Local => local(config, clock),
        AuthMode::Upstream => upstream(config, client, clock),
        AuthMode::Oidc(provider) => {
            let key = place::store_dir(config).with_file_name("session.key");
            let oidc = Oidc::open(settings(config, provider), &key, profiles, Arc::clone(clock))?;
            Ok(Auth::Oidc(Box::new(oidc)))
        }
        AuthMode::ProxyHeader(proxy) => {
            let settings = proxy_header::Settings {
                trusted: proxy.trusted_proxies.clone(),
                user: proxy.user_header.clone(),
                groups: proxy.groups_header.clone(),
                machine: proxy.machine_header.clone(),
                machines: proxy.machines.iter().cloned().collect(),
            };
            Ok(Auth::ProxyHeader(Box::new(ProxyHeader::new(settings, profiles, Arc::clone(clock))?)))
        }
    }
}

fn local(config: &Config, clock: &Arc<dyn Clock>) -> anyhow::Result<Auth> {
    let (file, key) = (&config.auth.users_file, place::store_dir(config).with_file_name("session.key"));
    let local = Local::open(file, &key, is_https(config), Arc::clone(clock));
    Ok(Auth::Local(Box::new(local?.with_sessions_lasting(span(config.auth.session)))))
}

fn upstream(config: &Config, client: Client, clock: &Arc<dyn Clock>) -> anyhow::Result<Auth> {
    let probe: Probe = Box::new(move |header| {
        let client = client.clone();
        Box::pin(async move { probed(&client, header).await })
    });
    let issuer = config.upstream.url.to_string();
    Ok(Auth::Upstream(Box::new(Upstream::new(issuer, Vec::new(), probe, Arc::clone(clock))?)))
}

async fn probed(client: &Client, header: http::HeaderValue) -> Result<Answer, ProbeError> {
    match client.current_user(Some(&header)).await {
        Ok(Probed::Known(user)) => Ok(Answer::User { username: user.username }),
        Ok(Probed::Rejected) => Ok(Answer::Refused),
        Ok(Probed::NoAccounts) => Ok(Answer::NoAccounts),
        Err(error) => Err(ProbeError(error.to_string())),
    }
}

fn settings(config: &Config, provider: &config::Oidc) -> oidc::Settings {
    oidc::Settings {
        issuer: provider.issuer.clone(),
        client: oidc::Client {
            id: provider.client_id.clone(),
            secret: provider.client_secret.clone(),
            redirect: provider.redirect.to_string(),
        },
        audience: provider.audience.clone(),
        scopes: provider.scopes.clone(),
        groups_claim: provider.groups_claim.clone(),
        name_claim: provider.name_claim.clone(),
        machine_claim: provider.machine_claim.clone(),
        machine_clients: provider.machine_clients.iter().cloned().collect(),
        base: format!("{}{}", config.server.static_prefix, crate::http::OUR_PATH),
        secure: is_https(config),
        session: span(config.auth.session),
    }
}

pub(super) fn span(duration: std::time::Duration) -> Span {
    Span::from_millis(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX))
}

pub(super) fn is_https(config: &Config) -> bool {
    config.server.public_url.scheme() == Some(&http::uri::Scheme::HTTPS)
}
