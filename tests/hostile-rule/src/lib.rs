//! An approval rule that misbehaves on request: whatever it does, nothing may pass by it.

use countersign_sdk::prelude::*;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Mode {
    /// Asks for nothing.
    Ok,
    /// Says that it cannot decide.
    Err,
    Panic,
    /// Never returns.
    Loop,
    /// Asks for a seat that no policy has.
    StrangeSeat,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hostile {
    mode: Mode,
}

impl Rule for Hostile {
    fn decide(&self, _: &RuleInput) -> Result<Ruling, CannotJudge> {
        match self.mode {
            Mode::Ok => Ok(ruling(Vec::new())),
            Mode::Err => Err(CannotJudge::new("asked to fail")),
            Mode::Panic => panics(),
            Mode::Loop => spins(),
            Mode::StrangeSeat => Ok(ruling(vec![SeatRequirement {
                seat: "nobody-sits-here".to_owned(),
                count: 1,
                reason: "asked to be strange".to_owned(),
            }])),
        }
    }
}

countersign_sdk::rule!(Hostile);

fn ruling(seats: Vec<SeatRequirement>) -> Ruling {
    Ruling { summary: "it behaved".to_owned(), seats, denials: Vec::new(), extensions: Vec::new() }
}

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

#[cfg(test)]
mod tests {
    use countersign_sdk::testing;

    #[test]
    fn cases() -> Result<(), testing::Failures> {
        testing::rule_cases::<super::Hostile>("cases")
    }
}
