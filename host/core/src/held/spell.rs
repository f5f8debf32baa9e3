//! Times during which a name held one version by one right, cut from its moves.

use super::{How, Name, Standing};
use crate::names::Version;
use crate::request::RequestId;
use crate::time::Millis;

/// One move.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) at: Millis,
    pub(super) index: u64,
    pub(super) settled: u64,
    /// `None`: it holds nothing.
    pub(super) version: Option<Version>,
    pub(super) how: How,
    pub(super) request: Option<RequestId>,
}

/// A time during which a name held one version by one right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spell {
    pub name: Name,
    pub version: Version,
    pub from: Millis,
    /// `None`: it still does.
    pub until: Option<Millis>,
    pub how: How,
    pub standing: Standing,
    pub request: Option<RequestId>,
    /// The entry that announced the move, or found it made.
    pub index: u64,
    /// The entry that says that it was made.
    pub settled: u64,
    /// The entry that changed by what right it is held, where that was in between.
    pub turned: Option<u64>,
}

impl Spell {
    /// Whether it ran at a time: from its beginning on, and no longer at its end.
    #[must_use]
    pub fn ran_at(&self, at: Millis) -> bool {
        self.from <= at && self.until.is_none_or(|until| at < until)
    }
}

/// From when on an approval counts for less, or for what it was again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Turn {
    pub(super) at: Millis,
    pub(super) index: u64,
    /// `None`: it stands again.
    pub(super) lost: Option<Standing>,
    pub(super) expired: bool,
}

/// Setting a name again to what it holds by the same right is no break.
pub(super) fn spells(name: &Name, steps: &[Step]) -> Vec<Spell> {
    let mut spells: Vec<Spell> = Vec::new();
    for step in steps {
        if let Some(spell) = spells.last_mut().filter(|spell| spell.until.is_none()) {
            let same = Some(spell.version) == step.version && spell.how == step.how;
            if same && spell.request == step.request {
                continue;
            }
            spell.until = Some(step.at);
        }
        spells.extend(step.version.map(|version| begun(name, step, version)));
    }
    spells
}

fn begun(name: &Name, step: &Step, version: Version) -> Spell {
    Spell {
        name: name.clone(),
        version,
        from: step.at,
        until: None,
        how: step.how,
        standing: step.how.into(),
        request: step.request,
        index: step.index,
        settled: step.settled,
        turned: None,
    }
}

/// Cuts a spell where the approval behind it was lost, or stood again.
pub(super) fn cut(turns: &[Turn], spell: Spell) -> Vec<Spell> {
    let mut pieces = vec![spell.clone()];
    for turn in turns {
        let Some(last) = pieces.last_mut() else { break };
        let at = turn.at.max(last.from);
        let standing = turn.lost.unwrap_or_else(|| spell.how.into());
        let outside = turn.at < spell.from || spell.until.is_some_and(|until| at >= until);
        if outside || standing == last.standing {
            continue;
        }
        let (turned, until) = (Some(turn.index), spell.until);
        let piece = Spell { from: at, standing, turned, until, ..last.clone() };
        last.until = Some(at);
        if last.from == at {
            pieces.pop();
        }
        pieces.push(piece);
    }
    pieces
}

/// The spells that ran at a time. Of an alias that is one at most.
#[must_use]
pub fn at_time<'a>(spells: &'a [Spell], name: &Name, at: Millis) -> Vec<&'a Spell> {
    spells.iter().filter(|spell| spell.name.is(name) && spell.ran_at(at)).collect()
}
