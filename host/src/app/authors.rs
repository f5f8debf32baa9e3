//! Whose work a version is: what we recorded ourselves, and what the registry claims.

use std::collections::{BTreeMap, BTreeSet};

use countersign_core::facts::VersionFacts;
use countersign_core::names::{ModelName, PersonId, Version, Workspace};
use countersign_core::review::{Authors, Review, writers_since};
use countersign_core::time::Millis;

use super::records::{Creator, Writers, creator_key, writer_key};
use super::{App, AppError};

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
        let writes = self.writes((workspace, model, number))?;
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

    fn writes(
        &self,
        (workspace, model, version): (&Workspace, &ModelName, Version),
    ) -> Result<BTreeMap<PersonId, Millis>, AppError> {
        Ok(match self.read::<Writers>(&writer_key(workspace, model, version))? {
            None => BTreeMap::new(),
            Some(Writers::Last(person)) => [(person, Millis::new(0))].into(),
            Some(Writers::Since(writes)) => writes,
        })
    }

    /// Remembers who changed what is reviewed.
    pub(super) fn note_writer(
        &self,
        batch: crate::store::Batch,
        version: (&Workspace, &ModelName, Version),
        person: &PersonId,
    ) -> Result<crate::store::Batch, AppError> {
        let mut writes = self.writes(version)?;
        writes.insert(person.clone(), self.clock.now());
        let (workspace, model, number) = version;
        let value = crate::store::codec::encode(&Writers::Since(writes))?;
        Ok(batch.put(writer_key(workspace, model, number), value))
    }
}
