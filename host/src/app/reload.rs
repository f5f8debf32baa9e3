//! Taking the policy's file up while the server runs: one load after another, each recorded once. Where the file cannot
//! be used, what is in force stays in force. This module must not know what asks for a load: a signal, a watcher, a call.

use std::path::Path;
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use countersign_core::digest::Digest;
use countersign_core::entry::{Cause, Entry, TakenUpBy};
use serde::{Deserialize, Serialize};

use super::review::signed_in;
use super::rights::ADMINISTRATOR;
use super::{App, AppError, Generation, LoadGenerationError};
use crate::auth::{Caller, Identity};

/// What loads have in common.
#[derive(Debug, Default)]
pub struct Reloads {
    /// One load at a time: two that read the same file would both record it.
    turn: tokio::sync::Mutex<()>,
    /// The newest file, where it is not in force.
    refused: ArcSwapOption<Refused>,
}

/// A file that cannot be put in force.
#[derive(Debug, PartialEq, Eq)]
struct Refused {
    /// Of its text; `None`: it cannot be read.
    text: Option<Digest>,
    reason: String,
}

/// What a load came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reloaded {
    /// The policy in force now.
    pub policy: Digest,
    /// The one before.
    pub previous: Digest,
    pub changed: bool,
    /// The ledger entry that says so, where anything has changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entry: Option<u64>,
}

impl App {
    /// Why the newest policy file is not in force, where it is not.
    #[must_use]
    pub fn reload_error(&self) -> Option<String> {
        self.reloads.refused.load().as_ref().map(|refused| refused.reason.clone())
    }

    /// Builds a new generation and swaps it in. What is in force stays in force when that fails.
    ///
    /// # Errors
    /// Why the new generation could not be built. That is recorded, once for each content of the file.
    pub async fn reload(&self, by: TakenUpBy) -> Result<Reloaded, LoadGenerationError> {
        let _turn = self.reloads.turn.lock().await;
        let old = self.generation.load_full();
        let text = read(&old.file).await;
        let digest = text.as_ref().ok().map(|text| Digest::of(text.as_bytes()));
        match self.take_up(&old, text, by).await {
            Ok(reloaded) => {
                self.reloads.refused.store(None);
                tracing::info!(policy.digest = %reloaded.policy, "policy in force");
                Ok(reloaded)
            }
            Err(error) => {
                self.refuse_policy(old.policy.digest().0, digest, &error).await;
                Err(error)
            }
        }
    }

    /// As [`App::reload`], for a person who has the administrator's right: the entry names them.
    ///
    /// # Errors
    /// `Unauthenticated` and `Forbidden` for everybody else, and where the policy cannot be used, `Policy`.
    pub async fn reload_for(self: &Arc<Self>, caller: &Caller) -> Result<Reloaded, AppError> {
        let person = self.administrator(caller)?.person.clone();
        let by = TakenUpBy { cause: Cause::Command, person: Some(person), claim: None };
        let app = Arc::clone(self);
        // In a task of its own: who hangs up does not leave a policy recorded that is not in force.
        match tokio::spawn(async move { app.reload(by).await }).await {
            Ok(done) => Ok(done?),
            Err(_) => Err(AppError::Conflict("the server is stopping: ask again when it runs".to_owned())),
        }
    }

    fn administrator<'a>(&self, caller: &'a Caller) -> Result<&'a Identity, AppError> {
        let identity = signed_in(caller, "a policy is loaded in somebody's name")?;
        if self.is_administrator(identity) {
            return Ok(identity);
        }
        Err(AppError::Forbidden(format!(
            "only a person in the seat `{ADMINISTRATOR}` can load the policy in their name: have the policy in force \
             name you in `[[seat]] name = \"{ADMINISTRATOR}\"`"
        )))
    }

    /// Nothing is in force before it is recorded.
    async fn take_up(
        &self,
        old: &Generation,
        text: Result<String, LoadGenerationError>,
        by: TakenUpBy,
    ) -> Result<Reloaded, LoadGenerationError> {
        let new = Generation::of_text(&old.file, text?, &self.engine, self.clock.now()).await?;
        let (policy, previous) = (new.policy.digest().0, old.policy.digest().0);
        self.keep_plugins(&new).await?;
        crash_point!(PluginsKept);
        let changed = policy != previous;
        let mut entry = None;
        if changed {
            let recorded = self.took_effect(&new, Some(previous), by).await;
            let failed = |error: AppError| LoadGenerationError::Record { reason: error.to_string() };
            entry = Some(recorded.map_err(failed)?);
        }
        self.generation.store(Arc::new(new));
        Ok(Reloaded { policy, previous, changed, entry })
    }

    /// A file is read by the watcher, by SIGHUP and by whoever asks: what is wrong with it is said once.
    async fn refuse_policy(&self, kept: Digest, text: Option<Digest>, error: &LoadGenerationError) {
        let refused = Refused { text, reason: error.to_string() };
        if self.reloads.refused.load().as_deref() == Some(&refused) {
            tracing::debug!(%error, "policy refused again: the file is as it was");
            return;
        }
        tracing::error!(%error, "policy refused, the old one stays in force");
        let reason = refused.reason.clone();
        self.reloads.refused.store(Some(Arc::new(refused)));
        self.note(&Entry::PolicyRefused { kept, reason }).await;
    }
}

/// The text of a policy.
pub(super) async fn read(file: &Path) -> Result<String, LoadGenerationError> {
    let text = tokio::fs::read_to_string(file).await;
    text.map_err(|source| LoadGenerationError::File { file: file.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::super::testing;
    use super::*;
    use crate::auth::Method;

    const POLICY: &str = "[[seat]]\nname = \"administrator\"\nmembers = [\"ada\", \"robot\"]\n";

    fn caller(name: &str) -> Caller {
        Caller::Known(Identity {
            person: name.into(),
            name: name.to_owned(),
            machine: name == "robot",
            groups: Vec::new(),
            method: Method::Password,
        })
    }

    async fn app() -> (Arc<App>, tempfile::TempDir) {
        let (app, _, files) =
            testing::app_with(POLICY, "http://127.0.0.1:9", &["ada", "robot", "ruth"]).await;
        app.started("countersign 0".to_owned(), None).await.unwrap();
        (app, files)
    }

    fn write(app: &App, text: &str) {
        std::fs::write(&app.generation.load().file, text).unwrap();
    }

    fn kinds(app: &App) -> Vec<String> {
        let records = app.ledger.range(0, 99).unwrap();
        records.iter().map(|record| App::entry_of(record).unwrap().kind().to_owned()).collect()
    }

    #[tokio::test]
    async fn whoever_has_the_right_loads_it_in_their_name_and_once() {
        let (app, _files) = app().await;
        let was = app.generation.load().policy.digest().0;
        let same = app.reload_for(&caller("ada")).await.unwrap();
        assert_eq!(same, Reloaded { policy: was, previous: was, changed: false, entry: None });
        write(&app, &format!("{POLICY}groups = [\"local:admins\"]\n"));
        let loaded = app.reload_for(&caller("ada")).await.unwrap();
        assert_eq!((loaded.previous, loaded.changed, loaded.entry), (was, true, Some(1)));
        assert_eq!(app.generation.load().policy.digest().0, loaded.policy);
        // The watcher sees the same file.
        let watched = app.reload(TakenUpBy::claimed(Cause::FileChanged, None)).await.unwrap();
        assert_eq!((watched.changed, watched.entry), (false, None));
        assert_eq!(kinds(&app), ["started", "policy-loaded"]);
        let load = app.recorded_policy(1).unwrap().unwrap().load;
        assert_eq!(load.by.unwrap().person, Some("ada".into()));
    }

    #[tokio::test]
    async fn nobody_else_loads_it() {
        let (app, _files) = app().await;
        write(&app, &format!("{POLICY}veto = true\n"));
        let was = app.generation.load().policy.digest();
        let check = async |caller: Caller, expect: &str| {
            let refused = app.reload_for(&caller).await.unwrap_err().to_string();
            assert!(refused.contains(expect), "{refused}");
            assert_eq!(app.generation.load().policy.digest(), was);
        };
        check(Caller::Anonymous, "sign in first").await;
        check(caller("ruth"), "`administrator`").await;
        check(caller("robot"), "only a person").await;
        assert_eq!(kinds(&app), ["started"]);
    }

    #[tokio::test]
    async fn a_file_that_cannot_be_used_is_recorded_once_for_each_content() {
        let (app, _files) = app().await;
        let by = |cause| TakenUpBy::claimed(cause, None);
        let check = async |text: &str, refusals: usize| {
            write(&app, text);
            let watched = app.reload(by(Cause::FileChanged)).await.unwrap_err().to_string();
            assert_eq!(app.reload(by(Cause::Signal)).await.unwrap_err().to_string(), watched);
            let asked = app.reload_for(&caller("ada")).await.unwrap_err();
            assert!(matches!(&asked, AppError::Policy(error) if error.to_string() == watched), "{asked}");
            assert_eq!(app.reload_error(), Some(watched));
            assert_eq!(kinds(&app).iter().filter(|kind| *kind == "policy-refused").count(), refusals);
        };
        check("[[gate]]", 1).await;
        check("[[seat]]", 2).await;
        check("[[gate]]", 3).await;
        write(&app, POLICY);
        app.reload(by(Cause::Signal)).await.unwrap();
        assert_eq!(app.reload_error(), None);
        check("[[gate]]", 4).await;
    }

    #[tokio::test]
    async fn loads_at_the_same_time_record_one() {
        let (app, _files) = app().await;
        write(&app, &format!("{POLICY}veto = true\n"));
        let ada = caller("ada");
        let loads = (0..4).map(|_| app.reload_for(&ada));
        let loads = futures_util::future::join_all(loads).await;
        assert_eq!(loads.into_iter().filter(|load| load.as_ref().unwrap().changed).count(), 1);
        assert_eq!(kinds(&app), ["started", "policy-loaded"]);
    }
}
