//! The story: what a data scientist, a reviewer, a machine and somebody who goes round everything live through.
//! Each step shows one thing and fails when it is different. Knows the surfaces that others rely on, nothing inside.

mod bypass;
mod champion;
mod evidence;
mod high_tier;
mod ledger;
mod protected;
mod said;
mod signing;
mod ways;

use anyhow::{Context, Result, bail};

use crate::console::{self, colour, say};
use crate::stage::Stage;

/// One thing that is shown. `play` returns what was seen, in a line or more.
#[derive(Clone, Copy)]
pub struct Step {
    pub title: &'static str,
    pub play: fn(&mut Stage) -> Result<String>,
}

/// What happens between two steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Between {
    Nothing,
    /// Countersign is killed with SIGKILL and started again.
    Kill,
}

/// All steps in their order.
pub fn steps() -> Vec<Step> {
    [
        champion::STEPS,
        signing::STEPS,
        ways::STEPS,
        high_tier::STEPS,
        protected::STEPS,
        bypass::STEPS,
        ledger::STEPS,
        evidence::STEPS,
    ]
    .concat()
}

/// Plays the whole story; fails at the first step that differs, with the tails of the logs.
pub fn play(stage: &mut Stage, between: Between) -> Result<()> {
    let steps = steps();
    let count = steps.len();
    for (index, step) in steps.into_iter().enumerate() {
        let number = index + 1;
        if between == Between::Kill && index > 0 {
            stage
                .host
                .kill_and_start()
                .with_context(|| format!("killed and started before step {number}"))?;
        }
        match console::quietly(step.title, || (step.play)(stage)) {
            Ok(seen) => told(number, count, step.title, &seen),
            Err(error) => {
                say(format_args!("{} {number:2}/{count} {}", colour("31", "✗"), step.title));
                bail!("step {number}, “{}”, differs: {error:#}\n{}", step.title, stage.tails());
            }
        }
    }
    Ok(())
}

fn told(number: usize, count: usize, title: &str, seen: &str) {
    say(format_args!("{} {number:2}/{count} {title}", colour("32", "✓")));
    for line in seen.lines() {
        say(format_args!("        {}", colour("2", line)));
    }
}
