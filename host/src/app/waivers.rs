//! Waivers: asked for by anybody with a name, approved by the seat that the policy names, revoked by either.

use countersign_core::entry::Entry;
use countersign_core::facts::Subject;
use countersign_core::names::{GateName, ModelName, PersonId, PluginName, Seat, Version, Workspace};
use countersign_core::policy::Policy;
use countersign_core::review::Authors;
use countersign_core::time::Millis;
use countersign_core::waiver::{CannotWaive, Endorsement, Requirement, Scope, Waiver};
use uuid::Uuid;

use super::records::Seen;
use super::review::signed_in;
use super::{App, AppError};
use crate::auth::Caller;
use crate::store::{Batch, Key, Scan, codec, keys};

/// A waiver as it is asked for.
#[derive(Debug, Clone)]
pub struct NewWaiver {
    pub workspace: Workspace,
    pub model: ModelName,
    pub version: Option<Version>,
    pub requirement: Requirement,
    pub reason: String,
    /// The account that answers for it; without one, who asks.
    pub owner: Option<String>,
    pub expires: Millis,
}

impl App {
    /// Asks for a waiver. It counts for nothing until it was approved.
    ///
    /// # Errors
    /// `Invalid` where the policy would never let it count, `Forbidden` where it takes none.
    pub async fn ask_waiver(&self, caller: &Caller, new: NewWaiver) -> Result<Waiver, AppError> {
        let identity = signed_in(caller, "a waiver needs a name under it")?;
        let generation = self.generation.load_full();
        must_exist(&generation.policy, &new.requirement)?;
        let owner = match &new.owner {
            Some(name) => self.people.person_of(name).ok_or_else(|| {
                AppError::Invalid(format!("nobody is called `{name}`: name an account as its owner"))
            })?,
            None => identity.person.clone(),
        };
        let waiver = Waiver {
            id: self.clock.new_id()?,
            requirement: new.requirement,
            scope: Scope { workspace: new.workspace, model: new.model, version: new.version },
            reason: new.reason.trim().to_owned(),
            owner,
            author: identity.person.clone(),
            asked_at: self.clock.now(),
            expires: new.expires,
            approvals: Vec::new(),
            revoked: None,
        };
        waiver.check(generation.policy.waivers())?;
        let entry = Entry::WaiverAsked { waiver: waiver.clone() };
        let batch = Batch::new().expect_absent(key_of(&waiver)).put(key_of(&waiver), codec::encode(&waiver)?);
        self.record(&[entry], batch).await?;
        crash_point!(WaiverAsked);
        Ok(waiver)
    }

    /// Lets a waiver count.
    ///
    /// # Errors
    /// `Forbidden` for those who may not, which is recorded.
    pub async fn approve_waiver(
        &self,
        caller: &Caller,
        id: Uuid,
        rationale: &str,
    ) -> Result<Waiver, AppError> {
        let word = self.word(caller, rationale)?;
        let (key, seen) = self.load_waiver(id)?;
        let authors = self.authors_of(&seen.value.scope).await?;
        let (generation, roster) = self.in_force();
        let rule = generation.policy.waivers();
        let approved = seen.value.clone().approved(word.clone(), rule, &roster, &authors);
        let approved = self.or_recorded(approved, &word.by, &format!("approve waiver {id}")).await?;
        self.put_waiver((key, seen), approved, Entry::WaiverApproved { waiver: id, word }).await
    }

    /// Ends a waiver early. Whoever is behind it or could approve it may.
    ///
    /// # Errors
    /// `Forbidden` for anybody else.
    pub async fn revoke_waiver(
        &self,
        caller: &Caller,
        id: Uuid,
        rationale: &str,
    ) -> Result<Waiver, AppError> {
        let word = self.word(caller, rationale)?;
        let (key, seen) = self.load_waiver(id)?;
        let (generation, roster) = self.in_force();
        if !seen.value.may_be_revoked(&word.by, generation.policy.waivers(), &roster) {
            let who = "only who asked for a waiver, who owns it, or its approving seat can revoke it";
            return Err(AppError::Forbidden(who.to_owned()));
        }
        let revoked = seen.value.clone().revoked(word.clone())?;
        self.put_waiver((key, seen), revoked, Entry::WaiverRevoked { waiver: id, word }).await
    }

    /// Every waiver, those that have ended included.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn waivers(&self) -> Result<Vec<Waiver>, AppError> {
        self.scan_waivers(keys::waivers())
    }

    /// Those that a decision about this subject must look at.
    pub(super) fn waivers_about(&self, policy: &Policy, subject: &Subject) -> Result<Vec<Waiver>, AppError> {
        if policy.waivers().is_none() {
            return Ok(Vec::new());
        }
        self.scan_waivers(keys::waivers_of(subject.workspace.as_str(), subject.model.as_str()))
    }

    fn scan_waivers(&self, prefix: Key) -> Result<Vec<Waiver>, AppError> {
        let rows = self.store.scan(&Scan::prefix(prefix))?;
        rows.iter().map(|(key, value)| Ok(codec::decode(key, value)?)).collect()
    }

    fn load_waiver(&self, id: Uuid) -> Result<(Key, Seen<Waiver>), AppError> {
        let rows = self.store.scan(&Scan::prefix(keys::waivers()))?;
        let found = rows.into_iter().map(|(key, _)| key).find(|key| key.last_id() == Some(id));
        let absent = || AppError::NotFound(format!("there is no waiver {id}: see the list of waivers"));
        let key = found.ok_or_else(absent)?;
        let seen = self.read_seen(&key)?.ok_or_else(absent)?;
        Ok((key, seen))
    }

    async fn put_waiver(
        &self,
        kept: (Key, Seen<Waiver>),
        waiver: Waiver,
        entry: Entry,
    ) -> Result<Waiver, AppError> {
        self.replace(Batch::new(), kept, &waiver, entry).await?;
        crash_point!(WaiverChanged);
        Ok(waiver)
    }

    /// Whose work it is about, where it is about one version.
    async fn authors_of(&self, scope: &Scope) -> Result<Authors, AppError> {
        let Some(version) = scope.version else { return Ok(Authors::default()) };
        let found = self.registry.get(&scope.workspace, &scope.model, version).await?;
        self.authors(None, &found.facts.version, &[])
    }

    pub(super) fn word(&self, caller: &Caller, rationale: &str) -> Result<Endorsement, AppError> {
        let identity = signed_in(caller, "this needs a name under it")?;
        if rationale.trim().is_empty() {
            return Err(AppError::Invalid("this needs a rationale: say why, in a sentence".to_owned()));
        }
        let (by, rationale) = (identity.person.clone(), rationale.trim().to_owned());
        Ok(Endorsement { by, at: self.clock.now(), rationale })
    }

    /// An attempt by somebody who may not is worth an entry.
    pub(super) async fn or_recorded<T, E: Into<AppError> + std::fmt::Display>(
        &self,
        tried: Result<T, E>,
        by: &PersonId,
        what: &str,
    ) -> Result<T, AppError> {
        match tried {
            Ok(value) => Ok(value),
            Err(reason) => {
                let entry = Entry::ExceptionRefused {
                    by: by.clone(),
                    what: what.to_owned(),
                    reason: reason.to_string(),
                };
                self.record(&[entry], Batch::new()).await?;
                Err(reason.into())
            }
        }
    }
}

fn key_of(waiver: &Waiver) -> Key {
    keys::waiver(waiver.scope.workspace.as_str(), waiver.scope.model.as_str(), waiver.id)
}

/// A waiver of something that the policy does not ask for would only lie in wait for it.
fn must_exist(policy: &Policy, requirement: &Requirement) -> Result<(), AppError> {
    if policy.waivers().is_none() {
        return Err(CannotWaive::NotAllowed.into());
    }
    let asks = |gate: &GateName, plugin: Option<&PluginName>, seat: Option<&Seat>| {
        let Some(gate) = policy.gate(gate) else { return false };
        let checks = || gate.checks.iter().any(|check| Some(&check.plugin) == plugin);
        checks() || seat.is_some_and(|seat| policy.seat(seat).is_some())
    };
    let known = match requirement {
        Requirement::Check { gate, plugin } => asks(gate, Some(plugin), None),
        Requirement::Seat { gate, seat } => asks(gate, None, Some(seat)),
    };
    if known {
        Ok(())
    } else {
        Err(AppError::Invalid(format!("the policy knows no {requirement}: name a gate and what it asks for")))
    }
}
