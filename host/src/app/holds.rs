//! Legal holds: what people say must be kept, whatever the policy says of its age.

use countersign_core::entry::{Entry, Hold, Released};
use countersign_core::names::{ModelName, Workspace};
use countersign_core::request::RequestId;
use uuid::Uuid;

use super::records::Seen;
use super::review::signed_in;
use super::{App, AppError};
use crate::auth::{Caller, Identity};
use crate::store::{Batch, Scan, codec, keys};

/// Characters of a reason.
const MAX_REASON: usize = 4_000;

/// A hold as it is asked for.
#[derive(Debug, Clone, Default)]
pub struct NewHold {
    pub workspace: Option<Workspace>,
    /// Everything about a model; or
    pub model: Option<ModelName>,
    /// only what one request is about.
    pub request: Option<RequestId>,
    pub reason: String,
}

impl App {
    /// Every hold in force, oldest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn holds(&self) -> Result<Vec<Hold>, AppError> {
        let rows = self.store.scan(&Scan::prefix(keys::legal_holds()))?;
        rows.iter().map(|(key, value)| Ok(codec::decode(key, value)?)).collect()
    }

    /// Puts evidence under hold. Anybody with a name may: it can only keep what would go.
    ///
    /// # Errors
    /// `NotFound` for a model or a request that nobody knows, `Invalid` without a reason.
    pub async fn put_under_hold(&self, caller: &Caller, new: NewHold) -> Result<Hold, AppError> {
        let identity = a_person(caller)?;
        let reason = reason(&new.reason)?;
        let (workspace, model) = self.held_subject(&new).await?;
        let hold = Hold {
            id: self.clock.new_id()?,
            workspace,
            model,
            request: new.request,
            reason,
            by: identity.person.clone(),
            at: self.clock.now(),
        };
        let key = keys::legal_hold(hold.id);
        let batch = Batch::new().expect_absent(key.clone()).put(key, codec::encode(&hold)?);
        // Not while evidence goes that this is to keep.
        let _still = self.known_evidence.collecting().await;
        self.record(&[Entry::Held(hold.clone())], batch).await?;
        Ok(hold)
    }

    /// Ends a hold.
    ///
    /// # Errors
    /// `Forbidden` for those who sit in no seat, `NotFound` where it has ended.
    pub async fn release_hold(&self, caller: &Caller, id: Uuid, why: &str) -> Result<Hold, AppError> {
        let identity = a_person(caller)?;
        let why = reason(why)?;
        let policy = &self.generation.load_full().policy;
        if self.people.seats_of(policy, identity, self.clock.now()).is_empty() {
            let who = "only somebody who sits in a seat of the policy can end a hold";
            return Err(AppError::Forbidden(who.to_owned()));
        }
        let key = keys::legal_hold(id);
        let absent = || AppError::NotFound(format!("no hold {id} is in force: see the list of holds"));
        let seen: Seen<Hold> = self.read_seen(&key)?.ok_or_else(absent)?;
        let hold = seen.value.clone();
        let entry = Entry::Released(Released { hold: id, by: identity.person.clone(), reason: why });
        let batch = Batch::new().expect_unchanged(key.clone(), seen.into_bytes()).delete(key);
        self.record(&[entry], batch).await?;
        Ok(hold)
    }

    /// What is to be held, which somebody must know of: a typing error would hold nothing.
    async fn held_subject(&self, new: &NewHold) -> Result<(Workspace, ModelName), AppError> {
        if let Some(id) = new.request {
            let request = self.load_request(id)?.value;
            return Ok((request.subject.workspace, request.subject.model));
        }
        let model = new.model.clone().filter(|model| !model.as_str().trim().is_empty());
        let model = model.ok_or_else(|| {
            AppError::Invalid("say what is to be held: a `model`, or a `request`".to_owned())
        })?;
        let workspace = new.workspace.clone().unwrap_or_else(|| "default".into());
        let requests = keys::requests_of_model(workspace.as_str(), model.as_str());
        if self.request_ids(requests, None, 1)?.is_empty()
            && let Err(error) = self.registry.client.model(&workspace, &model).await
            && error.is_not_found()
        {
            return Err(AppError::NotFound(format!("neither MLflow nor the ledger knows a model `{model}`")));
        }
        Ok((workspace, model))
    }
}

fn a_person(caller: &Caller) -> Result<&Identity, AppError> {
    let identity = signed_in(caller, "a hold needs a name under it")?;
    if identity.machine {
        return Err(AppError::Forbidden("a machine neither holds nor releases evidence".to_owned()));
    }
    Ok(identity)
}

fn reason(text: &str) -> Result<String, AppError> {
    let text = text.trim();
    match text.chars().count() {
        0 => Err(AppError::Invalid("a hold needs a reason: say why, in a sentence".to_owned())),
        count if count > MAX_REASON => {
            Err(AppError::Invalid(format!("a reason has at most {MAX_REASON} characters: shorten it")))
        }
        _ => Ok(text.to_owned()),
    }
}
