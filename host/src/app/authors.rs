//! Whose work a version is: what we recorded ourselves, and what the registry claims.

use countersign_core::facts::VersionFacts;
use countersign_core::names::{ModelName, PersonId, Version, Workspace};
use countersign_core::review::Authors;

use super::records::{Creator, creator_key, writer_key};
use super::{App, AppError};

impl App {
    /// The authors of a version, for somebody who asks for its promotion.
    pub(super) fn authors(
        &self,
        requester: Option<PersonId>,
        version: &VersionFacts,
    ) -> Result<Authors, AppError> {
        let subject = &version.subject;
        let (workspace, model, number) = (&subject.workspace, &subject.model, subject.version);
        let creator: Option<Creator> = self.read(&creator_key(workspace, model, number))?;
        let last_writer = self.read::<PersonId>(&writer_key(workspace, model, number))?;
        Ok(Authors {
            requester,
            creator: creator.filter(|c| c.created == subject.created).and_then(|c| c.person),
            run_author: self.claimed_author(version),
            last_writer,
        })
    }

    /// `run.user_id` and `mlflow.user` are claims by the client. A claim that names somebody we know bars them;
    /// any other proves nothing.
    fn claimed_author(&self, version: &VersionFacts) -> Option<PersonId> {
        let run = version.run.as_ref()?;
        let claims = [run.user.as_ref(), run.tags.get("mlflow.user")];
        claims.into_iter().flatten().find_map(|name| self.people.person_of(name))
    }

    /// Remembers who last changed what is reviewed.
    pub(super) fn note_writer(
        &self,
        batch: crate::store::Batch,
        (workspace, model, version): (&Workspace, &ModelName, Version),
        person: &PersonId,
    ) -> Result<crate::store::Batch, AppError> {
        let value = crate::store::codec::encode(person)?;
        Ok(batch.put(writer_key(workspace, model, version), value))
    }
}
