//! Accounts by name and people by id: for seats, which the policy fills with names, and for pages.

use countersign_core::names::PersonId;

use super::Auth;
use super::upstream::Upstream;

impl Auth {
    /// The person behind an account name. MLflow's accounts cannot be listed, so any name could be one there.
    #[must_use]
    pub fn person_of(&self, name: &str) -> Option<PersonId> {
        match self {
            Self::Anonymous => None,
            Self::Local(local) => local.users().users.by_name(name).map(|user| user.id.clone()),
            Self::Upstream(upstream) => Some(upstream.person(name)),
        }
    }

    /// The account name of a person; `None` where only the id is known.
    #[must_use]
    pub fn name_of(&self, person: &PersonId) -> Option<String> {
        match self {
            Self::Local(local) => local.users().users.by_id(person).map(|user| user.name.clone()),
            Self::Anonymous | Self::Upstream(_) => None,
        }
    }

    #[must_use]
    pub fn is_machine(&self, person: &PersonId) -> bool {
        match self {
            Self::Anonymous => false,
            Self::Local(local) => local.users().users.by_id(person).is_some_and(|user| user.machine),
            Self::Upstream(upstream) => upstream.is_machine(person),
        }
    }
}

impl Upstream {
    /// The id of an account, whether or not there is one of this name.
    #[must_use]
    pub fn person(&self, name: &str) -> PersonId {
        super::upstream::person_id(&self.issuer, name)
    }

    fn is_machine(&self, person: &PersonId) -> bool {
        self.machines.iter().any(|name| &self.person(name) == person)
    }
}
