//! Accounts by name and people by id: for seats, which the policy fills with names, and for pages.

use countersign_core::names::PersonId;

use super::Auth;
use super::upstream::{Upstream, person_id};

impl Auth {
    /// The person behind an account name. MLflow's accounts cannot be listed, so any name could be one there.
    #[must_use]
    pub fn person_of(&self, name: &str) -> Option<PersonId> {
        match self {
            Self::Anonymous => None,
            Self::Local(local) => local.users().users.by_name(name).map(|user| user.id.clone()),
            Self::Upstream(upstream) => Some(upstream.person(name)),
            // A subject is a person whether or not they have been here; names are for whoever keeps profiles.
            Self::Oidc(oidc) => name.strip_prefix("sub:").map(|sub| oidc.person(sub)),
            Self::ProxyHeader(_) => Some(person_id("proxy-header", name)),
        }
    }

    /// The account name of a person; `None` where only the id is known.
    #[must_use]
    pub fn name_of(&self, person: &PersonId) -> Option<String> {
        match self {
            Self::Local(local) => local.users().users.by_id(person).map(|user| user.name.clone()),
            Self::Anonymous | Self::Upstream(_) | Self::Oidc(_) | Self::ProxyHeader(_) => None,
        }
    }

    /// The people of a group, where we keep the accounts ourselves.
    #[must_use]
    pub fn members_of(&self, group: &str) -> Vec<PersonId> {
        let Self::Local(local) = self else { return Vec::new() };
        let generation = local.users();
        let users = generation.users.iter().filter(|user| user.groups.iter().any(|own| own == group));
        users.map(|user| user.id.clone()).collect()
    }

    /// Whether somebody is known to be a machine by the configuration or the users' file alone.
    #[must_use]
    pub fn is_machine(&self, person: &PersonId) -> bool {
        match self {
            Self::Anonymous | Self::Oidc(_) | Self::ProxyHeader(_) => false,
            Self::Local(local) => local.users().users.by_id(person).is_some_and(|user| user.machine),
            Self::Upstream(upstream) => upstream.is_machine(person),
        }
    }
}

impl Upstream {
    /// The id of an account, whether or not there is one of this name.
    #[must_use]
    pub fn person(&self, name: &str) -> PersonId {
        person_id(&self.issuer, name)
    }

    fn is_machine(&self, person: &PersonId) -> bool {
        self.machines.iter().any(|name| &self.person(name) == person)
    }
}
