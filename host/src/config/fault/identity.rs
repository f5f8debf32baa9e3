//! `[auth]`, `[oidc]` and `[proxy_header]`: the two last are read only where `mode` asks for them.

use http::{HeaderName, Uri};
use ipnet::IpNet;

use super::reader::Reader;
use crate::config::{Anonymous, Auth, AuthMode, Oidc, ProxyHeader};

/// Where the provider sends browsers back to, below the public URL.
const CALLBACK_PATH: &str = "/_countersign/oidc/callback";

#[derive(Clone, Copy)]
enum Mode {
    Local,
    Upstream,
    Oidc,
    ProxyHeader,
    None,
}

const MODES: [(&str, Mode); 5] = [
    ("local", Mode::Local),
    ("upstream", Mode::Upstream),
    ("oidc", Mode::Oidc),
    ("proxy-header", Mode::ProxyHeader),
    ("none", Mode::None),
];

impl Reader<'_> {
    pub(super) fn auth(&self, public_url: Option<&Uri>) -> Option<Auth> {
        let file = &self.layers.file.auth;
        let mode = self.choice("auth.mode", &file.mode, &MODES).and_then(|mode| match mode {
            Mode::Local => Some(AuthMode::Local),
            Mode::Upstream => Some(AuthMode::Upstream),
            Mode::None => Some(AuthMode::None),
            Mode::Oidc => self.oidc(public_url).map(AuthMode::Oidc),
            Mode::ProxyHeader => self.proxy_header().map(AuthMode::ProxyHeader),
        });
        let choices = [("none", Anonymous::None), ("read", Anonymous::Read)];
        let anonymous = self.choice("auth.anonymous", &file.anonymous, &choices);
        let session = self.span("auth.session", &file.session);
        let groups_max_age = self.span("auth.groups_max_age", &file.groups_max_age);
        Some(Auth {
            mode: mode?,
            users_file: self.path(&file.users_file),
            anonymous: anonymous?,
            session: session?,
            groups_max_age: groups_max_age?,
        })
    }

    fn oidc(&self, public_url: Option<&Uri>) -> Option<Oidc> {
        let file = &self.layers.file.oidc;
        let wanted = "is missing: `mode = \"oidc\"` needs it";
        let issuer = match file.issuer.as_deref() {
            // The text is kept: a slash at its end is part of it.
            Some(issuer) => self.url("oidc.issuer", issuer).map(|_| issuer.to_owned()),
            None => self.fault("oidc.issuer", &format!("{wanted}, as in `https://id.example.com`")),
        };
        let client_id = match file.client_id.as_deref().filter(|id| !id.is_empty()) {
            Some(id) => Some(id.to_owned()),
            None => self.fault("oidc.client_id", &format!("{wanted}: register Countersign at the provider")),
        };
        let (secret, secret_file) = (file.client_secret.as_ref(), file.client_secret_file.as_ref());
        let client_secret = self.secret("oidc.client_secret", secret, secret_file);
        let redirect = self.below("server.public_url", public_url?, CALLBACK_PATH);
        let scopes = if file.scopes.iter().any(|scope| scope == "openid") {
            Some(file.scopes.clone())
        } else {
            self.fault("oidc.scopes", "lacks `openid`, without which there is no sign-in: add it")
        };
        Some(Oidc {
            issuer: issuer?,
            client_id: client_id?,
            client_secret: client_secret?,
            audience: file.audience.clone(),
            scopes: scopes?,
            groups_claim: file.groups_claim.clone(),
            name_claim: file.name_claim.clone(),
            machine_claim: file.machine_claim.clone(),
            machine_clients: file.machine_clients.clone(),
            redirect: redirect?,
        })
    }

    fn proxy_header(&self) -> Option<ProxyHeader> {
        let file = &self.layers.file.proxy_header;
        let trusted = self.networks(&file.trusted_proxies);
        let user = self.header("proxy_header.user_header", &file.user_header);
        let groups = self.header("proxy_header.groups_header", &file.groups_header);
        let machine = match &file.machine_header {
            Some(name) => self.header("proxy_header.machine_header", name).map(Some),
            None => Some(None),
        };
        Some(ProxyHeader {
            trusted_proxies: trusted?,
            user_header: user?,
            groups_header: groups?,
            machine_header: machine?,
            machines: file.machines.clone(),
        })
    }

    fn networks(&self, texts: &[String]) -> Option<Vec<IpNet>> {
        const KEY: &str = "proxy_header.trusted_proxies";
        if texts.is_empty() {
            let message = "is empty, so that anybody could say to be anybody: write the proxy's networks, as in \
                           `[\"10.0.0.0/8\"]`";
            return self.fault(KEY, message);
        }
        texts.iter().map(|text| self.network(KEY, text)).collect()
    }

    /// A network, or one address.
    fn network(&self, key: &str, text: &str) -> Option<IpNet> {
        let one = || text.parse::<std::net::IpAddr>().ok().map(|address| address.to_canonical().into());
        text.parse().ok().or_else(one).or_else(|| {
            let message =
                format!("`{text}` is no network: write an address and a length, as in `10.0.0.0/8`");
            self.fault(key, &message)
        })
    }

    fn header(&self, key: &str, text: &str) -> Option<HeaderName> {
        let name = text.parse::<HeaderName>().ok();
        name.or_else(|| self.fault(key, &format!("`{text}` is no header's name: write one, as in `X-User`")))
    }
}
