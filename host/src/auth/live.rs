//! The users' file as a running server sees it: read again when it changes, at most once a second.

use std::fs::Metadata;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::SystemTime;

use arc_swap::ArcSwap;
use tracing::{info, warn};

use super::users::{Users, UsersError};
use crate::clock::Clock;

const LOOK_EVERY_MS: i64 = 1_000;

/// The users as of some state of the file. Whoever remembers something about a user remembers `number` with it.
#[derive(Debug)]
pub struct Generation {
    pub number: u64,
    pub users: Users,
    stamp: Option<Stamp>,
}

/// What changes when a file is replaced or rewritten.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    modified: Option<SystemTime>,
    bytes: u64,
    inode: u64,
}

/// Users that follow their file.
pub struct LiveUsers {
    path: PathBuf,
    clock: Arc<dyn Clock>,
    looked_at: AtomicI64,
    current: ArcSwap<Generation>,
}

impl LiveUsers {
    /// # Errors
    /// When the file cannot be read or is broken: a server does not start without its users.
    pub fn open(path: &Path, clock: Arc<dyn Clock>) -> Result<Self, UsersError> {
        let stamp = stamp(path);
        let generation = Generation { number: 0, users: Users::load(path)?, stamp };
        Ok(Self {
            path: path.to_owned(),
            looked_at: AtomicI64::new(clock.now().get()),
            clock,
            current: ArcSwap::from_pointee(generation),
        })
    }

    /// The users now. A file that has become unreadable changes nothing: the last good one stays, and the log says
    /// so, because locking everyone out is worse than knowing a removed user for a little longer.
    #[must_use]
    pub fn current(&self) -> Arc<Generation> {
        let now = self.clock.now().get();
        let looked = self.looked_at.load(Ordering::Acquire);
        if (now - looked).abs() >= LOOK_EVERY_MS
            && self.looked_at.compare_exchange(looked, now, Ordering::AcqRel, Ordering::Acquire).is_ok()
        {
            self.look();
        }
        self.current.load_full()
    }

    fn look(&self) {
        let current = self.current.load();
        let seen = stamp(&self.path);
        if seen == current.stamp {
            return;
        }
        let number = current.number + 1;
        match Users::load(&self.path) {
            Ok(users) => {
                info!(users.file = %self.path.display(), users.count = users.iter().count(), "users read again");
                self.current.store(Arc::new(Generation { number, users, stamp: seen }));
            }
            Err(error) => {
                warn!(%error, "the users' file changed but cannot be used: the users stay as they were");
                // The stamp is kept, so that one broken file gives one line in the log.
                let users = current.users.clone();
                self.current.store(Arc::new(Generation { number, users, stamp: seen }));
            }
        }
    }
}

fn stamp(path: &Path) -> Option<Stamp> {
    let metadata = std::fs::metadata(path).ok()?;
    Some(Stamp { modified: metadata.modified().ok(), bytes: metadata.len(), inode: inode(&metadata) })
}

#[cfg(unix)]
fn inode(metadata: &Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(metadata)
}

#[cfg(not(unix))]
const fn inode(_: &Metadata) -> u64 {
    0
}

#[cfg(test)]
mod tests {
    use countersign_core::time::Millis;

    use super::super::users::NewUser;
    use super::*;
    use crate::clock::ManualClock;

    #[test]
    fn follows_the_file_and_outlives_a_broken_one() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("users.toml");
        let clock = Arc::new(ManualClock::at(Millis::new(0)));
        let add = |name| {
            let new = NewUser { name, machine: false, groups: &[], password: None };
            Users::edit(&path, |users| users.add(new, &*clock)).unwrap();
        };
        add("ana");
        let live = LiveUsers::open(&path, clock.clone()).unwrap();

        add("bo");
        assert!(live.current().users.by_name("bo").is_none(), "not looked yet");
        clock.advance(LOOK_EVERY_MS);
        let second = live.current();
        assert!(second.users.by_name("bo").is_some());
        assert_eq!(second.number, 1);

        std::fs::write(&path, "format = ?").unwrap();
        clock.advance(LOOK_EVERY_MS);
        assert!(live.current().users.by_name("bo").is_some(), "the last good users stay");

        std::fs::remove_file(&path).unwrap();
        add("cy");
        clock.advance(LOOK_EVERY_MS);
        assert!(live.current().users.by_name("bo").is_none());
        assert!(live.current().users.by_name("cy").is_some());
    }

    #[test]
    fn a_missing_file_is_an_error_at_the_start() {
        let error =
            LiveUsers::open(Path::new("/nowhere/users.toml"), Arc::new(ManualClock::at(Millis::new(0))));
        assert!(error.err().unwrap().to_string().starts_with("cannot read /nowhere/users.toml"));
    }
}
