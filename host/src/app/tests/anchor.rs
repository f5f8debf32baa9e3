//! Checkpoints put elsewhere: a file, a real git repository, an address. A place that fails is a warning and no more.

use std::path::Path;
use std::process::Command;

use axum::http::HeaderMap;
use countersign_core::entry::Anchored;

use super::*;
use crate::app::{AnchorFile, AnchorGit, AnchorWebhook, Anchors, Place, Verdict};
use crate::config::Secret;
use crate::ledger::{Checkpoint, verify};
use countersign_core::time::Span;

const HOUR: i64 = 3_600_000;

impl World {
    async fn anchoring(places: Vec<Place>) -> Self {
        let mut world = Self::new(POLICY).await;
        let app = Arc::get_mut(&mut world.app).unwrap();
        app.anchors = Anchors::new(places, Span::from_millis(HOUR));
        world.asked().await;
        world
    }

    fn anchored(&self) -> Vec<Anchored> {
        let entries = self.told(&["anchored"]).into_iter();
        entries.map(|entry| if let Entry::Anchored(anchored) = entry { anchored } else { panic!() }).collect()
    }

    fn warned(&self) -> Option<String> {
        let found = self.app.health().into_iter().find(|finding| finding.check == "anchor").unwrap();
        (found.verdict == Verdict::Warn).then_some(found.says)
    }

    /// Whether the ledger goes on from what was kept.
    fn goes_on_from(&self, notes: &str) -> bool {
        verify::store_against(&*self.app.store, notes, &mut |_| {}).is_ok()
    }
}

fn git(repository: &Path, arguments: &[&str]) -> String {
    let output = Command::new("git").arg("-C").arg(repository).args(arguments).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test]
async fn a_file_grows_by_a_checkpoint_an_interval_while_there_is_news() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("checkpoints");
    let world = World::anchoring(vec![Place::File(AnchorFile::new(path.clone()))]).await;
    assert_eq!((world.app.anchor().await.unwrap(), world.app.anchor().await.unwrap()), (1, 0));
    world.clock.advance(HOUR);
    assert_eq!(world.app.anchor().await.unwrap(), 0, "only that it was anchored is new");
    world.asked_for(8).await;
    assert_eq!(world.app.anchor().await.unwrap(), 0, "not before an hour has passed");
    world.clock.advance(HOUR);
    assert_eq!(world.app.anchor().await.unwrap(), 1);
    let kept = std::fs::read_to_string(&path).unwrap();
    let sizes: Vec<u64> = world.anchored().iter().map(|anchored| anchored.size).collect();
    let key = world.app.ledger.verifier();
    let signed = crate::ledger::against::checkpoints(&kept, key).unwrap();
    assert_eq!(signed.iter().map(|checkpoint| checkpoint.size).collect::<Vec<_>>(), sizes);
    assert!(world.goes_on_from(&kept));
    assert_eq!(world.warned(), None);
}

#[tokio::test]
async fn a_branch_gets_a_commit_for_each_and_nothing_else_moves() {
    let dir = tempfile::tempdir().unwrap();
    let repository = dir.path();
    git(repository, &["init", "--quiet", "--initial-branch", "main"]);
    let place = Place::Git(AnchorGit::new(repository.to_owned(), "audit".to_owned()));
    let world = World::anchoring(vec![place]).await;
    for version in 8..10 {
        assert_eq!(world.app.anchor().await.unwrap(), 1, "{:?}", world.warned());
        world.asked_for(version).await;
        world.clock.advance(HOUR);
    }
    let log = git(repository, &["log", "--format=%H %an %s", "audit"]);
    let mut commits = log.lines().rev();
    for anchored in world.anchored() {
        let mark = anchored.places[0].mark.clone().unwrap();
        let subject = format!("{mark} Countersign Checkpoint of ledger.example, {} entries", anchored.size);
        assert_eq!(commits.next(), Some(subject.as_str()));
        let note = git(repository, &["show", &format!("{mark}:checkpoint")]);
        assert_eq!(Checkpoint::open(&note, world.app.ledger.verifier()).unwrap().size, anchored.size);
        assert!(world.goes_on_from(&note));
    }
    assert_eq!(commits.next(), None);
    assert_eq!(git(repository, &["status", "--porcelain"]), "");
    git(repository, &["fsck", "--strict"]);
}

#[tokio::test]
async fn other_files_of_the_branch_stay() {
    let dir = tempfile::tempdir().unwrap();
    let (work, bare) = (dir.path().join("work"), dir.path().join("bare.git"));
    git(dir.path(), &["init", "--quiet", "--initial-branch", "audit", "work"]);
    std::fs::write(work.join("README é"), "kept").unwrap();
    git(&work, &["add", "."]);
    git(&work, &["-c", "user.name=a", "-c", "user.email=a@b", "commit", "--quiet", "-m", "first"]);
    git(dir.path(), &["clone", "--quiet", "--bare", "work", "bare.git"]);
    let place = Place::Git(AnchorGit::new(bare.clone(), "audit".to_owned()));
    let world = World::anchoring(vec![place]).await;
    assert_eq!(world.app.anchor().await.unwrap(), 1, "{:?}", world.warned());
    assert_eq!(git(&bare, &["ls-tree", "-z", "--name-only", "audit"]), "README é\0checkpoint\0");
    assert_eq!(git(&bare, &["rev-list", "--count", "audit"]).trim(), "2");
}

#[tokio::test]
async fn a_branch_is_pushed_and_waits_where_its_remote_does_not_take_it() {
    let dir = tempfile::tempdir().unwrap();
    let (local, remote) = (dir.path().join("local.git"), dir.path().join("remote.git"));
    git(dir.path(), &["init", "--quiet", "--bare", "local.git"]);
    git(&local, &["remote", "add", "upstream", remote.to_str().unwrap()]);
    let place = AnchorGit::new(local.clone(), "audit".to_owned()).pushed_to(Some("upstream".to_owned()));
    let world = World::anchoring(vec![Place::Git(place)]).await;
    assert_eq!(world.app.anchor().await.unwrap(), 1, "the commit is made, and recorded");
    let warned = world.warned().unwrap();
    let words = ["`git push` of branch `audit`", "to `upstream`", "`git_push` under `[anchor]`"];
    assert!(words.iter().all(|words| warned.contains(words)), "{warned}");
    assert_eq!(world.anchored().len(), 1);

    // Nothing new is to be committed; the push is tried again.
    git(dir.path(), &["init", "--quiet", "--bare", "remote.git"]);
    world.clock.advance(10_000);
    assert_eq!((world.app.anchor().await.unwrap(), world.warned()), (0, None));
    let tips = || (git(&local, &["rev-parse", "audit"]), git(&remote, &["rev-parse", "audit"]));
    let (here, there) = tips();
    assert_eq!(here, there);

    // The next checkpoint goes there by itself.
    world.asked_for(8).await;
    world.clock.advance(HOUR);
    assert_eq!((world.app.anchor().await.unwrap(), world.warned()), (1, None));
    assert_eq!(tips().0, tips().1);
    assert_ne!(tips().0, here);
    assert!(world.goes_on_from(&git(&remote, &["show", "audit:checkpoint"])));
}

#[tokio::test]
async fn a_remote_that_went_another_way_keeps_its_commits() {
    let dir = tempfile::tempdir().unwrap();
    let (local, remote) = (dir.path().join("local.git"), dir.path().join("remote.git"));
    git(dir.path(), &["init", "--quiet", "--bare", "local.git"]);
    git(dir.path(), &["init", "--quiet", "--bare", "remote.git"]);
    let who = ["-c", "user.name=a", "-c", "user.email=a@b"];
    let tree = git(&remote, &["mktree"]);
    let commit = git(&remote, &[&who[..], &["commit-tree", tree.trim(), "-m", "theirs"]].concat());
    git(&remote, &["update-ref", "refs/heads/audit", commit.trim()]);
    let address = remote.to_str().unwrap().to_owned();
    let place = AnchorGit::new(local.clone(), "audit".to_owned()).pushed_to(Some(address));
    let world = World::anchoring(vec![Place::Git(place)]).await;
    assert_eq!(world.app.anchor().await.unwrap(), 1);
    assert!(world.warned().unwrap().contains("rejected"), "{:?}", world.warned());
    assert_eq!(git(&remote, &["rev-parse", "audit"]), commit);
    assert_eq!(git(&local, &["rev-list", "--count", "audit"]).trim(), "1");
}

/// What an address was sent: the signature header and the body.
type Posted = Arc<Mutex<Vec<(String, String)>>>;

async fn take(State(posted): State<Posted>, headers: HeaderMap, body: String) -> StatusCode {
    let mut posted = posted.lock().unwrap();
    let signature = headers["x-countersign-signature"].to_str().unwrap().to_owned();
    posted.push((signature, body));
    // The first time it is not well.
    if posted.len() == 1 { StatusCode::BAD_GATEWAY } else { StatusCode::NO_CONTENT }
}

#[tokio::test]
async fn what_is_not_taken_warns_is_tried_again_and_keeps_nobody_waiting() {
    let posted = Posted::default();
    let served = Router::new().route("/", axum::routing::post(take)).with_state(Arc::clone(&posted));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = Secret::new(format!("http://{}/", listener.local_addr().unwrap()));
    tokio::spawn(async move { axum::serve(listener, served).await });
    let dir = tempfile::tempdir().unwrap();
    let kept = dir.path().join("checkpoints");
    let webhook = AnchorWebhook::new(address, Some(Secret::new("a secret"))).unwrap();
    let places = vec![Place::Webhook(webhook), Place::File(AnchorFile::new(kept.clone()))];
    let world = World::anchoring(places).await;
    assert_eq!(world.app.anchor().await.unwrap(), 1, "the other place has it");
    assert!(world.warned().unwrap().contains("webhook: the address answered 502"), "{:?}", world.warned());
    assert_eq!(world.app.anchor().await.unwrap(), 0, "not at once");
    world.clock.advance(10_000);
    assert_eq!((world.app.anchor().await.unwrap(), world.warned()), (1, None));
    let posted = posted.lock().unwrap();
    assert!(posted[1].0.starts_with("t=") && world.goes_on_from(&posted[1].1), "{posted:?}");
    let places = |anchored: &Anchored| anchored.places.iter().map(|at| at.place.clone()).collect::<Vec<_>>();
    assert_eq!(world.anchored().iter().map(places).collect::<Vec<_>>(), [["file"], ["webhook"]]);
}

#[tokio::test]
async fn places_that_are_not_there_say_what_to_do() {
    let check = async |place: Place, expect: [&str; 2]| {
        let world = World::anchoring(vec![place]).await;
        assert_eq!(world.app.anchor().await.unwrap(), 0);
        let warned = world.warned().unwrap();
        assert!(expect.iter().all(|words| warned.contains(words)), "{warned}");
        assert_eq!((world.approved().await.state.as_str(), world.anchored()), ("approved", vec![]));
    };
    let dir = tempfile::tempdir().unwrap();
    check(
        Place::File(AnchorFile::new(dir.path().to_owned())),
        ["cannot be appended to", "`file` under `[anchor]`"],
    )
    .await;
    let nowhere = AnchorGit::new(dir.path().to_owned(), "audit".to_owned());
    check(Place::Git(nowhere), ["not a git repository", "`git` under `[anchor]`"]).await;
    let nobody = AnchorWebhook::new(Secret::new("http://127.0.0.1:9/hidden"), None).unwrap();
    check(Place::Webhook(nobody), ["cannot be reached", "`webhook` under `[anchor]`"]).await;
}
