//! What somebody's identity provider last said of them: name, groups, whether a machine.
//!
//! Kept outside by whoever has a store: [`Profiles`] is how this module reaches it. This module must not know: how
//! it is kept, seats.

use std::collections::BTreeSet;
use std::future::Future;
use std::pin::Pin;

use countersign_core::names::PersonId;
use countersign_core::time::Millis;

use super::{Identity, Method};

/// One person or machine, as of `seen`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    pub person: PersonId,
    pub name: String,
    pub machine: bool,
    /// `PROVIDER:GROUP`. `None`: nothing was said about groups, so that what was said before stands.
    pub groups: Option<BTreeSet<String>>,
    /// When the provider said so.
    pub seen: Millis,
}

/// Where profiles are kept.
pub struct Profiles {
    pub find: Find,
    /// Keeps what is newer than what is there.
    pub keep: Keep,
}

pub type Find = Box<dyn Fn(&PersonId) -> Option<Profile> + Send + Sync>;
pub type Keep = Box<dyn Fn(Profile) -> Kept + Send + Sync>;
pub type Kept = Pin<Box<dyn Future<Output = Result<(), String>> + Send>>;

impl Profile {
    #[must_use]
    pub fn identity(self, method: Method) -> Identity {
        Identity {
            person: self.person,
            name: self.name,
            machine: self.machine,
            groups: self.groups.into_iter().flatten().collect(),
            method,
        }
    }
}

#[cfg(test)]
pub(super) mod testing {
    use std::collections::HashMap;
    use std::sync::{Arc, Mutex};

    use super::*;

    /// Profiles in memory.
    pub(crate) fn in_memory() -> (Profiles, Arc<Mutex<HashMap<PersonId, Profile>>>) {
        let kept = Arc::new(Mutex::new(HashMap::new()));
        let (find, keep) = (Arc::clone(&kept), Arc::clone(&kept));
        let profiles = Profiles {
            find: Box::new(move |person| find.lock().unwrap().get(person).cloned()),
            keep: Box::new(move |profile| {
                keep.lock().unwrap().insert(profile.person.clone(), profile);
                Box::pin(std::future::ready(Ok(())))
            }),
        };
        (profiles, kept)
    }
}
