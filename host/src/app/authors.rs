//! Whose work a version is: what we recorded ourselves, and what the registry claims.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use countersign_core::action::{Action, Placed};
use countersign_core::facts::VersionFacts;
use countersign_core::names::{ModelName, PersonId, Version, Workspace};
use countersign_core::review::{Authors, Review, writers_since};
use countersign_core::time::{Millis, Span};

use super::records::{Creator, Seen, Writers, creator_key, writer_key};
use super::{App, AppError};
use crate::store::{Batch, Key, codec, keys};

/// How often it is written down that the same person writes the same files.
const WHILE: Span = Span::from_millis(10_000);

impl App {
    /// The authors of a version, for somebody who asks for its promotion.
    pub(super) fn authors(
        &self,
        requester: Option<PersonId>,
        version: &VersionFacts,
        reviews: &[Review],
    ) -> Result<Authors, AppError> {
        let subject = &version.subject;
        let (workspace, model, number) = (&subject.workspace, &subject.model, subject.version);
        let creator: Option<Creator> = self.read(&creator_key(workspace, model, number))?;
        let mut writes = self.writes(&writer_key(workspace, model, number))?;
        let run = version.run.as_ref().map(|run| run.id.as_str());
        let logged = version.logged_model.as_ref().map(|logged| logged.id.as_str());
        for owner in run.into_iter().chain(logged) {
            for (person, at) in self.writes(&keys::file_writers(workspace.as_str(), owner))? {
                writes.entry(person).and_modify(|last| *last = (*last).max(at)).or_insert(at);
            }
        }
        let (mut run_authors, run_author_unknown) = self.claimed_authors(version);
        Ok(Authors {
            requester,
            creator: creator.filter(|c| c.created == subject.created).and_then(|c| c.person),
            run_author: run_authors.pop_first(),
            last_writer: writes.iter().max_by_key(|(_, at)| **at).map(|(person, _)| person.clone()),
            writers: writers_since(&writes, reviews),
            run_authors,
            run_author_unknown,
            waived_by: BTreeSet::new(),
        })
    }

    /// `run.user_id` and `mlflow.user` are claims by the client. A claim that names somebody we know bars them;
    /// one that names nobody we know proves nothing about anybody.
    fn claimed_authors(&self, version: &VersionFacts) -> (BTreeSet<PersonId>, bool) {
        let Some(run) = &version.run else { return (BTreeSet::new(), false) };
        let claims = [run.user.as_ref(), run.tags.get("mlflow.user")].into_iter().flatten();
        let known: Vec<Option<PersonId>> = claims.map(|name| self.people.person_of(name)).collect();
        let unknown = known.is_empty() || known.contains(&None);
        (known.into_iter().flatten().collect(), unknown)
    }

    fn writes(&self, key: &Key) -> Result<BTreeMap<PersonId, Millis>, AppError> {
        Ok(match self.read::<Writers>(key)? {
            None => BTreeMap::new(),
            Some(Writers::Last(person)) => [(person, Millis::new(0))].into(),
            Some(Writers::Since(writes)) => writes,
        })
    }

    /// Remembers who changed what is reviewed.
    pub(super) fn note_writer(
        &self,
        batch: Batch,
        (workspace, model, version): (&Workspace, &ModelName, Version),
        person: &PersonId,
    ) -> Result<Batch, AppError> {
        let key = writer_key(workspace, model, version);
        let mut writes = self.writes(&key)?;
        writes.insert(person.clone(), self.clock.now());
        Ok(batch.put(key, codec::encode(&Writers::Since(writes))?))
    }

    /// Remembers who writes files, beside the write: an upload never waits for it.
    pub(super) fn note_file_writer(self: &Arc<Self>, placed: &Placed, by: &PersonId) {
        let Placed { workspace, action: Action::WriteArtifact { place, .. } } = placed else {
            return;
        };
        for owner in place.owners() {
            let key = keys::file_writers(workspace.as_str(), owner);
            let (app, person) = (Arc::clone(self), by.clone());
            tokio::spawn(async move {
                if let Err(error) = app.wrote_files(key, person).await {
                    tracing::error!(%error, "writer of files not recorded");
                }
            });
        }
    }

    async fn wrote_files(&self, key: Key, person: PersonId) -> Result<(), AppError> {
        const TRIES: usize = 8;
        for _ in 0..TRIES {
            let now = self.clock.now();
            let seen = self.read_seen::<Writers>(&key)?;
            let mut writes = self.writes(&key)?;
            // A run logs hundreds of files: one record in a while is as good.
            if writes.get(&person).is_some_and(|last| now.since(*last) < WHILE.as_millis()) {
                return Ok(());
            }
            writes.insert(person.clone(), now);
            let value = codec::encode(&Writers::Since(writes))?;
            let before = seen.and_then(Seen::into_bytes);
            let batch = Batch::new().expect_unchanged(key.clone(), before).put(key.clone(), value);
            match self.store.commit(batch).await.map_err(AppError::from) {
                Err(AppError::Conflict(_)) => {}
                committed => return committed,
            }
        }
        Err(AppError::Conflict("too many write the same files at once".to_owned()))
    }
}
