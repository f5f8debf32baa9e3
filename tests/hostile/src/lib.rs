//! A component that misbehaves on request: the configuration names how. It exists so that the host's limits
//! are tested with real code and not with simulations of it.

mod flood;
mod memory;
mod world;

use countersign_sdk::prelude::*;

/// How to misbehave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// Passes.
    Ok,
    /// Says that it cannot judge.
    Err,
    Panic,
    /// Never returns, in plain instructions.
    Loop,
    /// Never returns, inside bulk memory copies.
    CopyLoop,
    /// Uses up the stack.
    Recurse,
    /// Asks for memory until there is none.
    Allocate,
    /// Leaves through `wasi:cli/exit`.
    Exit,
    /// Returns `count` findings of 1 KiB each.
    HugeReport,
    /// Returns a summary that is not UTF-8.
    BadUtf8,
    /// Writes `count` lines to the log.
    LogFlood,
    /// Writes `count` lines to stderr.
    StderrFlood,
    /// Asks the registry `count` times.
    HostCallFlood,
    /// Opens `path` `count` times and keeps every handle.
    HandleFlood,
    /// Reads `path` to its end `count` times.
    ReadFlood,
    /// Waits in the host for `count` milliseconds.
    SleepInHost,
    /// Reports the environment and the arguments that it sees.
    Env,
    /// Reports what happens when it reads, writes and lists files.
    Fs,
    /// Reports what happens when it connects.
    Net,
    /// Reports the clocks.
    Clock,
    /// Reports random values.
    Random,
    /// Reports how often it could ask before a timer of `count` microseconds ran out: the one clock that no host can
    /// hold still without holding up its guests.
    Race,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hostile {
    mode: Mode,
    #[serde(default = "one_million")]
    count: u32,
    #[serde(default)]
    path: String,
}

impl Check for Hostile {
    fn check(&self, input: &CheckInput) -> Result<Report, CannotJudge> {
        match self.mode {
            Mode::Ok => Ok(Findings::new().report("it behaved")),
            Mode::Err => Err(CannotJudge::new("asked to fail")),
            Mode::Panic => panics(),
            Mode::Loop => spins(),
            Mode::CopyLoop => memory::copies(),
            Mode::Recurse => Ok(Findings::new().report(memory::recurses(u64::from(self.count)).to_string())),
            Mode::Allocate => memory::allocates(),
            Mode::Exit => std::process::exit(1),
            Mode::HugeReport => Ok(flood::report(self.count)),
            Mode::BadUtf8 => Ok(flood::bad_utf8()),
            Mode::LogFlood => Ok(flood::log(self.count)),
            Mode::StderrFlood => flood::stderr(self.count),
            Mode::HostCallFlood => flood::host_calls(&input.version.subject.model, self.count),
            Mode::HandleFlood => flood::handles(&self.path, self.count),
            Mode::ReadFlood => flood::reads(&self.path, self.count),
            Mode::SleepInHost => Ok(world::sleeps(self.count)),
            Mode::Env => Ok(world::environment()),
            Mode::Fs => Ok(world::files()),
            Mode::Net => Ok(world::network()),
            Mode::Clock => Ok(world::clocks(input.now_ms)),
            Mode::Random => Ok(world::random()),
            Mode::Race => Ok(world::races(self.count)),
        }
    }
}

countersign_sdk::check!(Hostile);

#[expect(clippy::panic, reason = "that is what it is for")]
fn panics() -> ! {
    panic!("asked to panic")
}

fn spins() -> ! {
    let mut turns = 0_u64;
    loop {
        turns = std::hint::black_box(turns.wrapping_add(1));
    }
}

fn one_million() -> u32 {
    1_000_000
}

#[cfg(test)]
mod tests {
    use countersign_sdk::testing;

    #[test]
    fn cases() -> Result<(), testing::Failures> {
        testing::check_cases::<super::Hostile>("cases")
    }
}
