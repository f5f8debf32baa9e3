//! Every place between two durable steps: a process walks there and ends, as by SIGKILL. The next one on the same
//! store finds a whole ledger and everything that was acknowledged, calls nothing applied that is not, and gets the
//! work done.

mod roads;

use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use countersign_core::time::Millis;
use futures_util::StreamExt as _;

use self::roads::Road;
use super::*;
use crate::app::RequestFilter;
use crate::app::testing::{NOW, app_beside};
use crate::crash_point::{Point, VARIABLE, arm};
use crate::store::{Scan, keys, sled};

/// Says to the test binary that it is the child: the store's directory, MLflow's address, the time, the road.
const CHILD: [&str; 4] = [
    "COUNTERSIGN_TEST_CRASH_STORE",
    "COUNTERSIGN_TEST_CRASH_UPSTREAM",
    "COUNTERSIGN_TEST_CRASH_TIME",
    "COUNTERSIGN_TEST_CRASH_ROAD",
];
/// How many processes walk at once.
const AT_ONCE: usize = 4;
/// signal(7).
const SIGABRT: i32 = 6;

/// What leads to a point.
enum Way {
    Roads(&'static [Road]),
    /// Many writes to the store alone.
    Writing,
}

fn way(point: Point) -> Way {
    use Point as P;
    Way::Roads(match point {
        P::RequestKept => &[Road::Held],
        P::WriteAnnounced | P::WriteForwarded | P::WriteNoted | P::WriteConcluded => &[Road::Call],
        P::UngovernedForwarded => &[Road::Registers],
        P::VoteFreshened | P::VoteTaken => &[Road::LastVote],
        P::ApplyAnnounced | P::ApplyForwarded | P::ApplyConcluded => {
            &[Road::Applies, Road::LastVote, Road::Emergency]
        }
        P::GlassBroken => &[Road::BreaksGlass],
        P::GlassReviewed => &[Road::ReviewsGlass],
        P::WaiverAsked => &[Road::AsksWaiver],
        P::WaiverChanged => &[Road::ApprovesWaiver, Road::RevokesWaiver],
        P::WarningChecked | P::WarningGiven => &[Road::Warns],
        P::RequestEnded => &[Road::Expires, Road::Lapses],
        P::FallBackAnnounced | P::FallBackForwarded | P::FallBackConcluded | P::FallBackMoved => {
            &[Road::FallsBack]
        }
        P::OrphanFound | P::OrphanResolved => &[Road::Sweeps],
        P::BaselineNoted => &[Road::Baseline],
        P::BypassRecorded | P::RevertAnnounced | P::RevertForwarded => &[Road::Reverts],
        P::EvidenceTakenOut => &[Road::Collects],
        P::ErasureRecorded | P::KeyDestroyed => &[Road::Erases],
        P::PluginsKept => &[Road::Reloads],
        P::CheckpointSigned => &[Road::Signs],
        P::JournalWritten | P::GroupDurable | P::GroupReadable => &[Road::Held, Road::Call],
        P::SegmentTurned | P::StepApplied | P::StepsFlushed | P::SegmentTaken => return Way::Writing,
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_process_began_the_next_one_ends() {
    let each = futures_util::stream::iter(Point::ALL.iter().copied());
    each.for_each_concurrent(AT_ONCE, |point| async move {
        match way(point) {
            Way::Roads(roads) => {
                for &road in roads {
                    Place::new(road).await.is_survived(point).await;
                }
            }
            Way::Writing => {
                tokio::task::spawn_blocking(move || sled::crash::survives(point)).await.unwrap();
            }
        }
    })
    .await;
}

/// The child. In a test run of its own it has nothing to do.
#[tokio::test]
async fn child_walks_until_it_ends() {
    let [Ok(store), Ok(upstream), Ok(time), Ok(road)] = CHILD.map(std::env::var) else { return };
    let road = Road::ALL.into_iter().find(|known| format!("{known:?}") == road).unwrap();
    let now = Millis::new(time.parse().unwrap());
    let world = World::over(Path::new(&store), now, &road.policy(), &upstream, &Shared::default()).await;
    arm();
    road.walk(&world).await;
    // What goes on behind the answer comes there, too.
    for _ in 0..200 {
        world.app.settled().await.unwrap();
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// A store and an MLflow that outlive the processes.
struct Place {
    road: Road,
    dir: TempDir,
    registry: Shared,
    upstream: String,
}

impl Place {
    async fn new(road: Road) -> Self {
        let registry = Shared::default();
        let upstream = serve(&registry).await;
        Self { road, dir: tempfile::tempdir().unwrap(), registry, upstream }
    }

    async fn is_survived(&self, point: Point) {
        let what = format!("{:?} ends at {point:?}", self.road);
        let world = self.opened(NOW).await;
        self.road.prepare(&world).await;
        let (acknowledged, now) = (world.ledger(), world.app.clock.now());
        self.closed(world).await;
        self.ends_at(point, now, &what).await;
        let world = self.opened(now).await;
        let found = world.ledger();
        assert_eq!(found.get(..acknowledged.len()), Some(acknowledged.as_slice()), "{what}");
        world.is_truthful(&what);
        world.begins().await;
        world.is_truthful(&what);
        world.is_settled(&what);
        self.road.again(&world).await;
        world.app.settled().await.unwrap();
        world.is_truthful(&what);
        world.is_settled(&what);
        self.road.is_done(&world, &what).await;
        assert_eq!(world.breaches().await, Vec::<String>::new(), "{what}");
        self.closed(world).await;
    }

    async fn opened(&self, now: Millis) -> World {
        let store = self.dir.path().join("store");
        World::over(&store, now, &self.road.policy(), &self.upstream, &self.registry).await
    }

    /// Returns when nobody has the store open any more: what is written behind whoever reads has it, too.
    async fn closed(&self, world: World) {
        drop(world);
        while sled::is_open(&self.dir.path().join("store")) {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// A process of its own walks until it ends.
    async fn ends_at(&self, point: Point, now: Millis, what: &str) {
        let values = [
            self.dir.path().join("store").display().to_string(),
            self.upstream.clone(),
            now.get().to_string(),
            format!("{:?}", self.road),
        ];
        let mut child = tokio::process::Command::new(std::env::current_exe().unwrap());
        child.args(["--exact", "app::tests::crash::child_walks_until_it_ends", "--nocapture"]);
        child.envs(CHILD.into_iter().zip(values)).env(VARIABLE, point.name());
        // Whoever ends like that leaves its files behind.
        child.env("TMPDIR", self.dir.path()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let ended = child.output().await.unwrap();
        let said = String::from_utf8_lossy(&ended.stderr) + String::from_utf8_lossy(&ended.stdout);
        assert_eq!(ended.status.signal(), Some(SIGABRT), "{what}: it did not come there\n{said}");
    }
}

impl World {
    async fn over(store: &Path, now: Millis, policy: &str, upstream: &str, registry: &Shared) -> Self {
        let keys = store.with_file_name("people.keys");
        let store = Arc::new(sled::SledStore::open_short(store).unwrap());
        let files = tempfile::tempdir().unwrap();
        let (app, clock, files) = app_beside((store, &keys), now, policy, upstream, &PEOPLE, files).await;
        Self { app, clock, registry: Arc::clone(registry), _files: files }
    }

    /// What `cli/background.rs` does when a process begins.
    async fn begins(&self) {
        self.app.sweep(true).await.unwrap();
        self.app.reconcile().await.unwrap();
        self.app.age().await.unwrap();
    }

    /// Every entry, oldest first.
    fn ledger(&self) -> Vec<String> {
        self.app.ledger.range(0, 10_000).unwrap().into_iter().map(|record| record.json).collect()
    }

    fn requests(&self) -> Vec<PromotionRequest> {
        self.app.requests(&RequestFilter { limit: 100, ..RequestFilter::default() }).unwrap()
    }

    /// What reads as applied is so in MLflow, unless somebody went round us, which then is on record.
    fn is_truthful(&self, what: &str) {
        let held = self.app.held_names(&"default".into(), &"credit".into()).unwrap();
        if held.iter().any(|held| held.bypassed) {
            return;
        }
        for request in self.requests().iter().filter(|request| request.state.as_str() == "applied") {
            let version = request.placed.action.version().map(|version| version.to_string());
            // Going round us is seen by the next look, not before.
            let moved = self.told(&["bypassed"]).is_empty() && self.gone_round();
            assert!(self.champion() == version || moved, "{what}: {request:?}");
        }
    }

    /// Whether the registry holds what no entry speaks of.
    fn gone_round(&self) -> bool {
        self.registry.lock().unwrap().round
    }

    /// Each announced write has one outcome, and none is open.
    fn is_settled(&self, what: &str) {
        let open = self.app.store.scan(&Scan::prefix(keys::open_intents())).unwrap();
        assert!(open.is_empty(), "{what}: {open:?}");
        let ids = |kind: &str| {
            let told = self.told(&[kind]).into_iter();
            let mut ids: Vec<_> = told
                .map(|entry| match entry {
                    Entry::Intent(intent) => intent.id,
                    Entry::Outcome { intent, .. } => intent,
                    entry => panic!("{entry:?}"),
                })
                .collect();
            ids.sort();
            ids
        };
        assert_eq!(ids("intent"), ids("outcome"), "{what}");
    }
}
