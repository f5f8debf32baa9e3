//! A reverse proxy of the operator's signs people in and says in headers who calls.
//!
//! The headers count only when the TCP connection comes from an address that the operator named; anybody else can
//! write them, too. Nobody's reach MLflow. This module must not know: pages, seats, how profiles are kept.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use http::{HeaderMap, HeaderName};
use ipnet::IpNet;

use super::profiles::{Profile, Profiles};
use super::remembered::Remembered;
use super::upstream::person_id;
use super::{AuthError, Caller, Identity, Method};
use crate::clock::{Clock, NoRandomness};

/// How groups from the header are written in the policy: `proxy:GROUP`.
pub const PREFIX: &str = "proxy";
const MAX_NAME: usize = 128;

/// What the operator says about the proxy.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where it connects from.
    pub trusted: Vec<IpNet>,
    pub user: HeaderName,
    pub groups: HeaderName,
    /// A header that is `true` for machines.
    pub machine: Option<HeaderName>,
    /// Names that are machines.
    pub machines: BTreeSet<String>,
}

/// `mode = "proxy-header"`.
pub struct ProxyHeader {
    settings: Settings,
    profiles: Profiles,
    verified: Remembered<Identity>,
    clock: Arc<dyn Clock>,
}

impl ProxyHeader {
    /// # Errors
    /// When the machine gives no randomness.
    pub fn new(settings: Settings, profiles: Profiles, clock: Arc<dyn Clock>) -> Result<Self, NoRandomness> {
        Ok(Self { settings, profiles, verified: Remembered::new(&*clock)?, clock })
    }

    /// Whether this address is the proxy's. An IPv4 address that comes as IPv6 is still the same.
    #[must_use]
    pub fn trusts(&self, peer: IpAddr) -> bool {
        let peer = peer.to_canonical();
        self.settings.trusted.iter().any(|network| network.contains(&peer))
    }

    /// See [`super::Auth::authenticate`]. Groups are kept when they change, and once a minute.
    ///
    /// # Errors
    /// When the proxy says who calls in a way that can be read in more than one way.
    pub async fn authenticate(&self, headers: &HeaderMap, peer: IpAddr) -> Result<Caller, AuthError> {
        if !self.trusts(peer) {
            return Ok(Caller::Anonymous);
        }
        let Some(name) = self.name(headers)? else { return Ok(Caller::Anonymous) };
        let (fingerprint, now) = (self.verified.fingerprint(&self.spelling(headers)), self.clock.now());
        if let Some(known) = self.verified.get(fingerprint, now) {
            return Ok(Caller::Known(known));
        }
        let profile = Profile {
            person: person_id("proxy-header", name),
            machine: self.is_machine(headers, name),
            name: name.to_owned(),
            groups: Some(groups(headers, &self.settings.groups)),
            seen: now,
        };
        (self.profiles.keep)(profile.clone()).await.map_err(AuthError::Internal)?;
        let identity = profile.identity(Method::Proxy);
        self.verified.put(fingerprint, now, identity.clone());
        Ok(Caller::Known(identity))
    }

    /// Takes the headers out, in any spelling that a server behind us could take for them.
    pub fn strip(&self, headers: &mut HeaderMap) {
        let ours: Vec<HeaderName> =
            headers.keys().filter(|name| self.names().any(|own| is_alike(own, name))).cloned().collect();
        for name in ours {
            headers.remove(name);
        }
    }

    fn names(&self) -> impl Iterator<Item = &HeaderName> {
        [&self.settings.user, &self.settings.groups].into_iter().chain(&self.settings.machine)
    }

    fn name<'h>(&self, headers: &'h HeaderMap) -> Result<Option<&'h str>, AuthError> {
        let mut values = headers.get_all(&self.settings.user).iter();
        let Some(value) = values.next() else { return Ok(None) };
        if values.next().is_some() {
            return Err(AuthError::Malformed("the proxy named more than one user"));
        }
        let name = std::str::from_utf8(value.as_bytes()).unwrap_or_default().trim();
        match name {
            "" => Ok(None),
            name if name.chars().count() > MAX_NAME || name.chars().any(char::is_control) => {
                Err(AuthError::Malformed("the proxy's user name has control characters, or more than 128"))
            }
            name => Ok(Some(name)),
        }
    }

    /// All that was said, each with its length, so that no two calls read the same.
    fn spelling(&self, headers: &HeaderMap) -> Vec<u8> {
        let mut all = Vec::with_capacity(128);
        for (at, name) in self.names().enumerate() {
            for value in headers.get_all(name) {
                all.extend(at.to_le_bytes().into_iter().chain(value.len().to_le_bytes()));
                all.extend_from_slice(value.as_bytes());
            }
        }
        all
    }

    fn is_machine(&self, headers: &HeaderMap, name: &str) -> bool {
        let marked = self.settings.machine.as_ref().and_then(|header| headers.get(header));
        let says_yes = |value: &http::HeaderValue| matches!(value.as_bytes(), b"true" | b"1");
        self.settings.machines.contains(name) || marked.is_some_and(says_yes)
    }
}

/// `X_Forwarded_User` becomes the same variable as `X-Forwarded-User` in a WSGI server.
fn is_alike(own: &HeaderName, other: &HeaderName) -> bool {
    own.as_str().len() == other.as_str().len()
        && own.as_str().bytes().zip(other.as_str().bytes()).all(|(a, b)| a == b || (a == b'-' && b == b'_'))
}

/// Separated by commas, over one header or several.
fn groups(headers: &HeaderMap, name: &HeaderName) -> BTreeSet<String> {
    let values = headers.get_all(name).iter().filter_map(|value| std::str::from_utf8(value.as_bytes()).ok());
    let names = values.flat_map(|line| line.split(',')).map(str::trim).filter(|group| !group.is_empty());
    names.map(|group| format!("{PREFIX}:{group}")).collect()
}

#[cfg(test)]
mod tests {
    use countersign_core::time::Millis;
    use proptest::prelude::*;

    use super::super::profiles::testing::in_memory;
    use super::*;
    use crate::clock::ManualClock;

    fn proxy() -> ProxyHeader {
        let settings = Settings {
            trusted: ["10.1.0.0/16", "fd00::/8", "192.0.2.7/32"].map(|net| net.parse().unwrap()).to_vec(),
            user: HeaderName::from_static("x-forwarded-user"),
            groups: HeaderName::from_static("x-forwarded-groups"),
            machine: Some(HeaderName::from_static("x-machine")),
            machines: ["bot".to_owned()].into(),
        };
        ProxyHeader::new(settings, in_memory().0, Arc::new(ManualClock::at(Millis::new(0)))).unwrap()
    }

    fn map(lines: &[(&str, &str)]) -> HeaderMap {
        let pair = |(name, value): &(&str, &str)| {
            (name.parse::<HeaderName>().unwrap(), value.parse::<http::HeaderValue>().unwrap())
        };
        lines.iter().map(pair).collect()
    }

    async fn check(peer: &str, lines: &[(&str, &str)], expect: Option<(&str, &[&str], bool)>) {
        let caller = proxy().authenticate(&map(lines), peer.parse().unwrap()).await.unwrap();
        let got = caller.identity().map(|who| (who.name.clone(), who.groups.clone(), who.machine));
        let expect = expect.map(|(name, groups, machine)| {
            (name.to_owned(), groups.iter().map(|group| (*group).to_owned()).collect::<Vec<_>>(), machine)
        });
        assert_eq!(got, expect, "{peer} {lines:?}");
    }

    #[tokio::test]
    async fn only_the_proxy_is_believed() {
        let ruth = &[("x-forwarded-user", "ruth"), ("x-forwarded-groups", "risk, model review,,legal")];
        let known = Some(("ruth", &["proxy:legal", "proxy:model review", "proxy:risk"][..], false));
        check("10.1.2.3", ruth, known).await;
        check("::ffff:10.1.2.3", ruth, known).await;
        check("fd12::1", ruth, known).await;
        check("192.0.2.7", ruth, known).await;
        for stranger in ["10.2.0.1", "192.0.2.8", "127.0.0.1", "fe80::1", "::ffff:10.2.0.1"] {
            check(stranger, ruth, None).await;
        }
        check("10.1.2.3", &[], None).await;
        check("10.1.2.3", &[("x-forwarded-user", " ")], None).await;
        check("10.1.2.3", &[("x-forwarded-user", "bot")], Some(("bot", &[], true))).await;
        let marked = &[("x-forwarded-user", "ci"), ("x-machine", "true")];
        check("10.1.2.3", marked, Some(("ci", &[], true))).await;
        let two = map(&[("x-forwarded-user", "ruth"), ("x-forwarded-user", "eve")]);
        assert!(proxy().authenticate(&two, "10.1.2.3".parse().unwrap()).await.is_err());
    }

    #[test]
    fn strips_every_spelling() {
        let mut headers = map(&[
            ("x-forwarded-user", "ruth"),
            ("x_forwarded_user", "eve"),
            ("x-forwarded_groups", "risk"),
            ("x-machine", "true"),
            ("x-forwarded-users", "kept"),
        ]);
        proxy().strip(&mut headers);
        assert_eq!(headers, map(&[("x-forwarded-users", "kept")]));
    }

    proptest! {
        /// Whatever the headers are: from a stranger's address they name nobody, and never panic from the proxy's.
        #[test]
        fn headers_of_strangers_never_count(
            bytes in proptest::collection::vec(32_u8..=255, 0..40),
            peer in any::<[u8; 4]>(),
        ) {
            let mut headers = HeaderMap::new();
            if let Ok(value) = http::HeaderValue::from_bytes(&bytes) {
                headers.insert("x-forwarded-user", value.clone());
                headers.insert("x-forwarded-groups", value);
            }
            let peer = IpAddr::from(peer);
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let proxy = proxy();
            let caller = runtime.block_on(proxy.authenticate(&headers, peer));
            if !proxy.trusts(peer) {
                prop_assert_eq!(caller.unwrap(), Caller::Anonymous);
            }
            let _ = runtime.block_on(proxy.authenticate(&headers, IpAddr::from([10, 1, 0, 1])));
        }

        /// An address is inside a network exactly when their first bits agree.
        #[test]
        fn networks(network in any::<u32>(), bits in 0_u8..=32, peer in any::<u32>()) {
            let net: IpNet = format!("{}/{bits}", std::net::Ipv4Addr::from(network)).parse().unwrap();
            let same = bits == 0 || (network ^ peer) >> (32 - bits) == 0;
            prop_assert_eq!(net.contains(&IpAddr::from(peer.to_be_bytes())), same);
        }
    }
}
