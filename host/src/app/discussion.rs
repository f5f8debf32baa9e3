//! Comments: what people say about a request, or about a version as such.
//!
//! A comment and its words lie under keys of their own. Entries hold a digest, so that words can go while every proof
//! stays: see [`super::words`].

use countersign_core::action::Placed;
use countersign_core::discussion::{CannotSay, Comment, text, unresolved};
use countersign_core::entry::Entry;
use countersign_core::names::{ModelName, PluginName, Version, Workspace};
use countersign_core::request::{PromotionRequest, RequestId};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::records::Seen;
use super::review::signed_in;
use super::words::without_words;
use super::{App, AppError};
use crate::auth::{Caller, Identity};
use crate::store::{Batch, Key, Scan, codec, keys};

/// A comment as it is handed in.
#[derive(Debug, Clone, Default)]
pub struct NewComment {
    pub text: String,
    /// The check whose findings it is about.
    pub about: Option<PluginName>,
    /// What it answers.
    pub answers: Option<Uuid>,
}

/// A comment with its words; without, where they are gone.
#[derive(Debug, Clone, Serialize)]
pub struct Said {
    #[serde(flatten)]
    pub comment: Comment,
    pub words: Option<String>,
    /// What to call its author, for as long as a profile is kept.
    pub author_name: String,
}

/// Which version a comment is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Place {
    workspace: Workspace,
    model: ModelName,
    version: Version,
}

impl App {
    /// What was said about a request, oldest first.
    ///
    /// # Errors
    /// When there is no such request.
    pub fn comments(&self, id: RequestId) -> Result<Vec<Said>, AppError> {
        let place = Place::of(&self.request(id)?);
        let comments = self.comments_at(&place)?.into_iter();
        comments.filter(|comment| comment.request == Some(id)).map(|comment| self.said_as(comment)).collect()
    }

    /// Says something about a request.
    ///
    /// # Errors
    /// `Invalid` without words, `NotFound` for a check or a comment that the request does not have.
    pub async fn comment(&self, caller: &Caller, id: RequestId, new: NewComment) -> Result<Said, AppError> {
        let identity = signed_in(caller, "a comment needs a name under it")?;
        let request = self.request(id)?;
        if let Some(plugin) = &new.about
            && !request.check_runs.iter().any(|run| &run.plugin == plugin)
        {
            let why = format!("no check `{plugin}` ran for this request: see its list of checks");
            return Err(AppError::NotFound(why));
        }
        self.say(identity, Place::of(&request), Some(id), new).await
    }

    /// Says something about a version: about its newest request, where it has one.
    ///
    /// # Errors
    /// As [`App::comment`]; also when MLflow has no such version.
    pub async fn comment_on_version(
        &self,
        caller: &Caller,
        (workspace, model, version): (Workspace, ModelName, Version),
        text: String,
    ) -> Result<Said, AppError> {
        let identity = signed_in(caller, "a comment needs a name under it")?;
        let prefix = keys::requests_of_model(workspace.as_str(), model.as_str());
        let mut newest = None;
        for id in self.request_ids(prefix, None, 200)? {
            if self.request(id)?.subject.version == version {
                newest = Some(id);
                break;
            }
        }
        if newest.is_none() {
            self.registry.get(&workspace, &model, version).await?;
        }
        let place = Place { workspace, model, version };
        self.say(identity, place, newest, NewComment { text, ..NewComment::default() }).await
    }

    /// Puts a comment in other words. The old ones are gone.
    ///
    /// # Errors
    /// `Forbidden` for anybody but its author.
    pub async fn reword(
        &self,
        caller: &Caller,
        id: Uuid,
        within: Option<RequestId>,
        words: &str,
    ) -> Result<Said, AppError> {
        let identity = signed_in(caller, "a comment needs a name under it")?;
        let (key, seen) = self.load_comment(id, within)?;
        let (words, by, now) = (text(words)?, identity.person.clone(), self.clock.now());
        let (digest, batch) = self.seal_words(&by, id, words)?;
        let seen = seen.try_map(|comment| Ok(comment.reworded(&by, digest, now)?))?;
        let entry = Entry::CommentEdited { request: seen.value.request, comment: id, by, text: digest };
        self.put_comment(key, seen, batch, entry).await
    }

    /// Takes a comment back. Its words are gone; that it was there stays.
    ///
    /// # Errors
    /// `Forbidden` for anybody but its author.
    pub async fn take_back(
        &self,
        caller: &Caller,
        id: Uuid,
        within: Option<RequestId>,
    ) -> Result<Said, AppError> {
        let identity = signed_in(caller, "a comment needs a name under it")?;
        let (key, seen) = self.load_comment(id, within)?;
        let (by, now) = (identity.person.clone(), self.clock.now());
        let seen = seen.try_map(|comment| Ok(comment.taken_back(&by, now)?))?;
        let entry = Entry::CommentDeleted { request: seen.value.request, comment: id, by };
        let batch = without_words(Batch::new(), id);
        let gone = self.put_comment(key, seen, batch, entry).await?;
        self.heed(gone.comment.request).await;
        Ok(gone)
    }

    /// Settles a thread, or opens it again: whoever began it, or somebody who could sign the request.
    ///
    /// # Errors
    /// `Forbidden` for anybody else: a requester must not settle what holds their own request.
    pub async fn settle(
        &self,
        caller: &Caller,
        id: Uuid,
        within: RequestId,
        resolved: bool,
    ) -> Result<Said, AppError> {
        let identity = signed_in(caller, "settling a thread needs a name under it")?;
        let (key, seen) = self.load_comment(id, Some(within))?;
        let signs = || Ok::<_, AppError>(!self.seats_for(identity, &self.request(within)?).is_empty());
        if seen.value.author != identity.person && !signs()? {
            let who = "only who began a thread, or could sign the request, can settle it: answer it instead";
            return Err(AppError::Forbidden(who.to_owned()));
        }
        let by = identity.person.clone();
        let settled_by = resolved.then(|| by.clone());
        let seen = seen.try_map(|comment| Ok(comment.settled(settled_by)?))?;
        let entry = Entry::ThreadSettled { request: seen.value.request, comment: id, by, resolved };
        let settled = self.put_comment(key, seen, Batch::new(), entry).await?;
        self.heed(Some(within)).await;
        Ok(settled)
    }

    /// The threads about a write that nobody has settled.
    pub(super) fn open_threads(&self, placed: &Placed) -> Result<u32, AppError> {
        match self.current_request(placed)? {
            Some(seen) => Ok(unresolved(&self.comments_at(&Place::of(&seen.value))?, seen.value.id)),
            None => Ok(0),
        }
    }

    async fn say(
        &self,
        identity: &Identity,
        place: Place,
        request: Option<RequestId>,
        new: NewComment,
    ) -> Result<Said, AppError> {
        let words = text(&new.text)?;
        let thread = match new.answers {
            Some(answered) => {
                let (_, seen) = self.load_comment(answered, request)?;
                Some(seen.value.thread.unwrap_or(answered))
            }
            None => None,
        };
        let (id, author) = (self.clock.new_id()?, &identity.person);
        let (digest, batch) = self.seal_words(author, id, words)?;
        let comment = Comment {
            id,
            request,
            author: author.clone(),
            at: self.clock.now(),
            about: new.about,
            thread,
            text: digest,
            edited: None,
            deleted: None,
            resolved: None,
        };
        let key = place.comment(id);
        let batch = batch.put(keys::comment_place(id), codec::encode(&place)?);
        let Place { workspace, model, version } = place;
        let entry = Entry::Commented { workspace, model, version, comment: comment.clone() };
        let said = self.put_comment(key, Seen::fresh(comment), batch, entry).await?;
        self.heed(request).await;
        Ok(said)
    }

    /// Judges a request again where threads hold it, and makes its write where that was all that was missing.
    async fn heed(&self, request: Option<RequestId>) {
        let Some(id) = request else { return };
        let heeded = async {
            let request = self.request(id)?;
            if request.state.is_live() && self.talk_holds(&request) {
                let request = Box::pin(self.judge_live(id)).await?;
                Box::pin(self.apply_where_due(request)).await?;
            }
            Ok::<_, AppError>(())
        };
        if let Err(error) = heeded.await {
            tracing::warn!(%error, request.id = %id, "commented, and not judged again: the next call will");
        }
    }

    fn talk_holds(&self, request: &PromotionRequest) -> bool {
        let policy = &self.generation.load().policy;
        request.gates.iter().any(|verdict| {
            let gate = policy.gates().iter().find(|gate| gate.name == verdict.gate);
            let approvals =
                gate.zip(verdict.tier.known()).and_then(|(gate, tier)| policy.approvals(gate, tier));
            approvals.is_some_and(|approvals| approvals.unresolved_blocks)
        })
    }

    fn comments_at(&self, place: &Place) -> Result<Vec<Comment>, AppError> {
        let rows = self.store.scan(&Scan::prefix(place.comments()))?;
        rows.iter().map(|(key, value)| Ok(codec::decode(key, value)?)).collect()
    }

    fn load_comment(&self, id: Uuid, within: Option<RequestId>) -> Result<(Key, Seen<Comment>), AppError> {
        let absent =
            || AppError::NotFound(format!("there is no comment {id} here: see the list of comments"));
        let place: Place = self.read(&keys::comment_place(id))?.ok_or_else(absent)?;
        let key = place.comment(id);
        let seen: Seen<Comment> = self.read_seen(&key)?.ok_or_else(absent)?;
        if within.is_some() && seen.value.request != within {
            return Err(absent());
        }
        Ok((key, seen))
    }

    async fn put_comment(
        &self,
        key: Key,
        seen: Seen<Comment>,
        batch: Batch,
        entry: Entry,
    ) -> Result<Said, AppError> {
        let comment = seen.value.clone();
        self.replace(batch, (key, seen), &comment, entry).await?;
        self.said_as(comment)
    }

    fn said_as(&self, comment: Comment) -> Result<Said, AppError> {
        let words = self.words_of(&comment)?;
        let author_name = self.people.name_of(&comment.author);
        Ok(Said { comment, words, author_name })
    }
}

impl Place {
    fn of(request: &PromotionRequest) -> Self {
        let subject = &request.subject;
        let (workspace, model) = (subject.workspace.clone(), subject.model.clone());
        Self { workspace, model, version: subject.version }
    }

    fn comments(&self) -> Key {
        keys::comments(self.workspace.as_str(), self.model.as_str(), self.version.get().into())
    }

    fn comment(&self, id: Uuid) -> Key {
        self.comments().id(id)
    }
}

impl From<CannotSay> for AppError {
    fn from(reason: CannotSay) -> Self {
        match reason {
            CannotSay::Empty | CannotSay::Long | CannotSay::NotAThread => Self::Invalid(reason.to_string()),
            CannotSay::NotYours => Self::Forbidden(reason.to_string()),
            CannotSay::Deleted => Self::Conflict(reason.to_string()),
        }
    }
}
