//! What the app keeps in the store, typed: reading, and writing against what was read.

mod earlier;

use std::collections::BTreeMap;

use countersign_core::action::Placed;
use countersign_core::check::CheckRun;
use countersign_core::digest::Digest;
use countersign_core::entry::{Entry, Intent};
use countersign_core::names::{ModelName, PersonId, Version, Workspace};
use countersign_core::request::{PromotionRequest, RequestId, TierDrift};
use countersign_core::time::Millis;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

pub(super) use self::earlier::Earlier;
use super::lists::move_in_lists;
use super::{App, AppError};
use crate::store::{Batch, Key, Scan, Write, codec, keys};

/// A value and the bytes that it was read from, so that a write can insist that nobody else wrote meanwhile.
#[derive(Debug, Clone)]
pub(super) struct Seen<T> {
    pub(super) value: T,
    bytes: Option<Vec<u8>>,
}

impl<T> Seen<T> {
    /// A value that is not in the store yet.
    pub(super) const fn fresh(value: T) -> Self {
        Self { value, bytes: None }
    }

    /// Whether nothing was read: it is new.
    pub(super) const fn is_fresh(&self) -> bool {
        self.bytes.is_none()
    }

    /// What a write must find unchanged.
    pub(super) fn into_bytes(self) -> Option<Vec<u8>> {
        self.bytes
    }
}

/// A check run that may be used again while everything that it read is as it was.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct KeptRun {
    pub(super) run: CheckRun,
    pub(super) transcript: crate::plugins::Transcript,
}

/// What holds a governed name, as we last knew it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Holding {
    pub(super) version: Option<Version>,
    pub(super) since: Millis,
    /// Whether it got there without us.
    pub(super) bypassed: bool,
    /// The entry that announced the write by which it got there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) intent: Option<u64>,
    /// Its tier is no longer the one that it was approved for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) drift: Option<TierDrift>,
}

impl Holding {
    /// As no write of ours explains it.
    pub(super) const fn unexplained(version: Option<Version>, since: Millis, bypassed: bool) -> Self {
        Self { version, since, bypassed, intent: None, drift: None }
    }
}

/// Who registered a version, and which: the number alone comes back when a model is created again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Creator {
    pub(super) person: Option<PersonId>,
    pub(super) created: Millis,
}

/// Who changed what is reviewed of a version, and when each last did.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum Writers {
    /// As version 0.1 kept it: the last one only.
    Last(PersonId),
    Since(BTreeMap<PersonId, Millis>),
}

/// An intent without an outcome: where the ledger has it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct OpenIntent {
    pub(super) at: Millis,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    index: Option<u64>,
    /// The intent itself, as version 0.1.0 kept it.
    #[serde(default, skip_serializing)]
    intent: Option<Intent>,
}

impl App {
    pub(super) fn read<T: DeserializeOwned>(&self, key: &Key) -> Result<Option<T>, AppError> {
        Ok(self.read_seen(key)?.map(|seen| seen.value))
    }

    pub(super) fn read_seen<T: DeserializeOwned>(&self, key: &Key) -> Result<Option<Seen<T>>, AppError> {
        let Some(bytes) = self.store.get(key)? else { return Ok(None) };
        Ok(Some(Seen { value: codec::decode(key, &bytes)?, bytes: Some(bytes) }))
    }

    /// A request by its id.
    pub(super) fn load_request(&self, id: RequestId) -> Result<Seen<PromotionRequest>, AppError> {
        let found = self.read_seen(&keys::request(id.0))?;
        found.ok_or_else(|| AppError::NotFound(format!("there is no request {id}: see the list of requests")))
    }

    /// The request in force for exactly this write, whatever its state.
    pub(super) fn current_request(
        &self,
        placed: &Placed,
    ) -> Result<Option<Seen<PromotionRequest>>, AppError> {
        let Some(id) = self.read::<RequestId>(&keys::current_request(&Digest::of_json(placed)?))? else {
            return Ok(None);
        };
        self.read_seen(&keys::request(id.0))
    }

    /// Ids of all requests, newest first.
    pub(super) fn request_ids(
        &self,
        prefix: Key,
        after: Option<Key>,
        limit: usize,
    ) -> Result<Vec<RequestId>, AppError> {
        let scan = Scan::prefix(prefix).newest_first().limit(limit);
        let scan = match after {
            Some(key) => scan.after(key),
            None => scan,
        };
        let rows = self.store.scan(&scan)?;
        Ok(rows.iter().filter_map(|(key, _)| key.last_id()).map(RequestId).collect())
    }

    /// As [`App::record`], with an intent as the last entry, which stays open until it has an outcome. Gives its
    /// index.
    pub(super) async fn record_intent(
        &self,
        mut entries: Vec<Entry>,
        intent: &Intent,
        batch: Batch,
    ) -> Result<u64, AppError> {
        entries.push(Entry::Intent(intent.clone()));
        let drafts = entries.iter().map(|entry| self.draft(entry)).collect::<Result<Vec<_>, _>>()?;
        let batch = self.with_notices(&entries, batch)?;
        let (at, key) = (self.clock.now(), keys::open_intent(intent.id));
        let link = move |range: std::ops::Range<u64>| {
            // Two numbers always have a JSON form.
            let index = Some(range.end.saturating_sub(1));
            let open = codec::encode(&OpenIntent { at, index, intent: None });
            open.map(|open| Write::Put(key.clone(), open)).into_iter().collect()
        };
        let range = self.ledger.append_linked(drafts, batch, link).await?;
        self.tell(&entries);
        self.metrics.ledger_size(range.end);
        Ok(range.end.saturating_sub(1))
    }

    /// The intent behind an open one, and its index.
    pub(super) fn open_intent(&self, open: &OpenIntent) -> Result<(Intent, u64), AppError> {
        let missing = || {
            let reason = "an open intent is not in the ledger: run `countersign ledger verify`";
            AppError::Conflict(reason.to_owned())
        };
        if let Some(intent) = &open.intent {
            return Ok((intent.clone(), self.index_of_intent(intent.id)?.ok_or_else(missing)?));
        }
        let index = open.index.ok_or_else(missing)?;
        let record = self.ledger.get(index)?.ok_or_else(missing)?;
        Ok((serde_json::from_value(record.parse()?.body)?, index))
    }

    /// Orphans are young: the index is near the end.
    fn index_of_intent(&self, id: uuid::Uuid) -> Result<Option<u64>, AppError> {
        let wanted = id.to_string();
        let mut before = None;
        loop {
            let page = self.ledger.newest(before, 256)?;
            let is_it = |json: &str| json.contains("\"kind\":\"intent\"") && json.contains(&wanted);
            match (page.iter().find(|record| is_it(&record.json)), page.last()) {
                (Some(record), _) => return Ok(Some(record.index)),
                (None, Some(last)) if last.index > 0 => before = Some(last.index),
                _ => return Ok(None),
            }
        }
    }

    /// Writes entries and state in one durable step. Gives the index of the first entry.
    pub(super) async fn record(&self, entries: &[Entry], batch: Batch) -> Result<u64, AppError> {
        let drafts = entries.iter().map(|entry| self.draft(entry)).collect::<Result<Vec<_>, _>>()?;
        let batch = self.with_notices(entries, batch)?;
        let range = self.ledger.append(drafts, batch).await?;
        self.tell(entries);
        self.metrics.ledger_size(range.end);
        Ok(range.start)
    }

    /// One step of what lies under a key: another value takes its place, if nobody else has written it meanwhile, and
    /// the entry that says so comes with it.
    pub(super) async fn replace<T: Serialize>(
        &self,
        batch: Batch,
        (key, seen): (Key, Seen<T>),
        next: &T,
        entry: Entry,
    ) -> Result<(), AppError> {
        let batch = batch.expect_unchanged(key.clone(), seen.bytes).put(key, codec::encode(next)?);
        self.record(&[entry], batch).await.map(|_| ())
    }
}

/// Writes a request, if nobody else has since it was read.
pub(super) fn put_request(batch: Batch, request: &Seen<PromotionRequest>) -> Result<Batch, AppError> {
    let value = &request.value;
    let (key, id) = (keys::request(value.id.0), value.id.0);
    let (workspace, model) = (value.placed.workspace.as_str(), value.subject.model.as_str());
    let before = request.bytes.as_deref().map(|bytes| codec::decode(&key, bytes)).transpose()?;
    let batch = move_in_lists(batch, before.as_ref(), value)?;
    let batch = batch.expect_unchanged(key.clone(), request.bytes.clone()).put(key, codec::encode(value)?);
    let due = value.due().and_then(|at| u64::try_from(at.get()).ok());
    let batch = match due {
        Some(at) => batch.put(keys::due(at, id), codec::encode_raw(&[])),
        None => batch,
    };
    let window = keys::window(workspace, id);
    let batch = match (value.open_window(), &value.window) {
        (Some(open), _) => batch.put(window, codec::encode(open)?),
        (None, Some(_)) => batch.delete(window),
        (None, None) => batch,
    };
    Ok(batch.put(keys::request_of_model(workspace, model, id), codec::encode_raw(&[])))
}

/// Makes a request the one in force for its write.
pub(super) fn point_to_request(
    batch: Batch,
    request: &PromotionRequest,
    before: Option<RequestId>,
) -> Result<Batch, AppError> {
    let key = keys::current_request(&Digest::of_json(&request.placed)?);
    let seen = before.map(|id| codec::encode(&id)).transpose()?;
    Ok(batch.expect_unchanged(key.clone(), seen).put(key, codec::encode(&request.id)?))
}

pub(super) fn creator_key(workspace: &Workspace, model: &ModelName, version: Version) -> Key {
    keys::creator(workspace.as_str(), model.as_str(), version.get().into())
}

pub(super) fn writer_key(workspace: &Workspace, model: &ModelName, version: Version) -> Key {
    keys::writer(workspace.as_str(), model.as_str(), version.get().into())
}

impl<T: Serialize> Seen<T> {
    pub(super) fn try_map(self, step: impl FnOnce(T) -> Result<T, AppError>) -> Result<Self, AppError> {
        Ok(Self { value: step(self.value)?, bytes: self.bytes })
    }

    /// As it is once it was written.
    pub(super) fn written(self) -> Result<Self, AppError> {
        let bytes = Some(codec::encode(&self.value)?);
        Ok(Self { value: self.value, bytes })
    }
}

#[cfg(test)]
mod tests {
    use countersign_core::action::Action;
    use countersign_core::review::Authors;

    use super::*;

    fn intent(id: uuid::Uuid) -> Intent {
        let action = Action::DeleteModel { model: "credit".into() };
        Intent {
            id,
            request: None,
            placed: Placed { workspace: "default".into(), action },
            subject: None,
            binding: Digest::of(b"binding"),
            policy: Digest::of(b"policy"),
            by: None,
            gates: Vec::new(),
            authors: Authors::default(),
            body: Digest::of(b"body"),
            break_glass: None,
            in_window: false,
            also: Vec::new(),
            basis: None,
        }
    }

    #[tokio::test]
    async fn an_open_intent_is_found_as_it_is_kept_now_and_as_0_1_0_kept_it() {
        let (app, _files) = crate::app::testing::app().await;
        let intent = intent(app.clock.new_id().unwrap());
        let index = app.record_intent(Vec::new(), &intent, Batch::new()).await.unwrap();
        let key = keys::open_intent(intent.id);
        let now: OpenIntent = app.read(&key).unwrap().unwrap();
        let before = serde_json::json!({"at": 1, "intent": intent});
        let before: OpenIntent = serde_json::from_value(before).unwrap();
        for open in [now, before] {
            assert_eq!(app.open_intent(&open).unwrap(), (intent.clone(), index));
        }
    }
}
