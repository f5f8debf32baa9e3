//! Named places between two durable steps, at which tests end the process. A build other than the unit tests has
//! none of them: the macro leaves nothing behind.
//!
//! This module must not know what happens at a point.

/// `crash_point!(WriteAnnounced);` stands between two durable steps.
#[cfg(test)]
macro_rules! crash_point {
    ($point:ident) => {
        $crate::crash_point::pass($crate::crash_point::Point::$point)
    };
}

#[cfg(not(test))]
macro_rules! crash_point {
    ($point:ident) => {};
}

#[cfg(test)]
pub(crate) use self::armed::{Point, VARIABLE, arm, pass};

#[cfg(test)]
mod armed {
    /// Says to a test binary that it is to end, and where.
    pub(crate) const VARIABLE: &str = "COUNTERSIGN_TEST_CRASH_POINT";

    macro_rules! points {
        ($($point:ident),* $(,)?) => {
            /// Every place there is. The tests match on it: a new one does not compile before it has its way there.
            #[derive(Debug, Clone, Copy, PartialEq, Eq)]
            pub(crate) enum Point { $($point),* }

            impl Point {
                pub(crate) const ALL: &[Self] = &[$(Self::$point),*];

                pub(crate) const fn name(self) -> &'static str {
                    match self { $(Self::$point => stringify!($point)),* }
                }
            }
        };
    }

    points![
        // app/refuse, app/govern, app/conclude
        RequestKept,
        WriteAnnounced,
        WriteForwarded,
        WriteNoted,
        WriteConcluded,
        // app/ungoverned
        UngovernedForwarded,
        // app/review, app/apply
        VoteFreshened,
        VoteTaken,
        ApplyAnnounced,
        ApplyForwarded,
        ApplyConcluded,
        // app/emergency, app/waivers
        GlassBroken,
        GlassReviewed,
        WaiverAsked,
        WaiverChanged,
        // app/expire, app/age, app/fall_back
        WarningChecked,
        WarningGiven,
        RequestEnded,
        FallBackAnnounced,
        FallBackForwarded,
        FallBackConcluded,
        FallBackMoved,
        // app/sweep, app/reconcile, app/bypass
        OrphanFound,
        OrphanResolved,
        BaselineNoted,
        BypassRecorded,
        RevertAnnounced,
        RevertForwarded,
        // app/retention
        EvidenceTakenOut,
        // app/profiles/erase
        ErasureRecorded,
        KeyDestroyed,
        // app/generation, ledger/checkpoint
        PluginsKept,
        CheckpointSigned,
        // store/sled
        JournalWritten,
        GroupDurable,
        GroupReadable,
        SegmentTurned,
        StepApplied,
        StepsFlushed,
        SegmentTaken,
    ];

    /// Nothing, unless the point is armed.
    pub(crate) fn pass(point: Point) {
        fail::fail_point!(point.name());
    }

    /// The next to pass the point that the environment names ends this process as SIGKILL would: nothing is dropped,
    /// nothing is flushed. Only for processes that a test has started.
    pub(crate) fn arm() {
        if let Ok(point) = std::env::var(VARIABLE) {
            fail::cfg_callback(point, || std::process::abort()).unwrap();
        }
    }
}
