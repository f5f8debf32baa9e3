//! Whether the OpenID provider answers as it should, and whether the proxy is named narrowly enough.

use std::sync::Arc;

use super::{Finding, chain};
use crate::auth::oidc::provider::Provider;
use crate::auth::oidc::wire::is_loopback;
use crate::clock::SystemClock;
use crate::config::{AuthMode, Config, Oidc, ProxyHeader};

const CHECK: &str = "identity";

pub(super) async fn examine(config: &Config) -> Vec<Finding> {
    match &config.auth.mode {
        AuthMode::Oidc(oidc) => provider(oidc).await,
        AuthMode::ProxyHeader(proxy) => vec![networks(proxy)],
        AuthMode::Local | AuthMode::Upstream | AuthMode::None => Vec::new(),
    }
}

async fn provider(oidc: &Oidc) -> Vec<Finding> {
    let issuer = &oidc.issuer;
    let provider = match Provider::new(issuer, Arc::new(SystemClock::new())) {
        Ok(provider) => provider,
        Err(error) => return vec![Finding::fail(CHECK, chain(error), "see the message")],
    };
    let mut found = vec![match provider.refresh().await {
        Ok(()) => Finding::ok(CHECK, format!("{issuer} publishes its endpoints and keys")),
        Err(error) => Finding::fail(
            CHECK,
            format!("nobody can sign in anew: {error}"),
            "start the provider, or correct `issuer` under `[oidc]`; reads and writes that are not governed go on",
        ),
    }];
    if issuer.starts_with("http://") && !is_loopback(issuer) {
        let says = format!("{issuer} is asked in clear: whoever is between could name anybody");
        found.push(Finding::warn(CHECK, says, "set `issuer` under `[oidc]` to its https URL"));
    }
    if oidc.audience.is_empty() {
        let says = "no bearer token is taken, so that MLflow's clients cannot sign in";
        found.push(Finding::warn(CHECK, says, "set `audience` under `[oidc]`"));
    }
    let callback = format!("the provider must know {} as a redirect URI", oidc.redirect);
    found.push(Finding::ok(CHECK, callback));
    found
}

/// A network that holds everybody is no trust in a proxy.
fn networks(proxy: &ProxyHeader) -> Finding {
    let wide = proxy.trusted_proxies.iter().find(|network| network.prefix_len() == 0);
    match wide {
        Some(network) => Finding::fail(
            CHECK,
            format!("`{network}` is everybody: whoever connects can say to be anybody"),
            "name the proxy's own addresses as `trusted_proxies` under `[proxy_header]`",
        ),
        None => Finding::ok(
            CHECK,
            format!("{} networks may say who calls, in `{}`", proxy.trusted_proxies.len(), proxy.user_header),
        ),
    }
}
