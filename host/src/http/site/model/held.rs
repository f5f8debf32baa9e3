//! Who held which alias of a model when: as a picture and as a table.

use countersign_core::insights::{Spell, Standing};
use countersign_core::names::{ModelName, Workspace};

use crate::app::AppError;
use crate::http::pages::insights::ink_of;
use crate::http::pages::model::{HeldRow, HeldTimes};
use crate::http::pages::pictures::{Ink, Lane, Strip, strips};
use crate::http::pages::{Chip, Tone};
use crate::http::site::Visitor;

/// Lanes that a picture still tells apart; the table has them all.
const LANES: usize = 24;

/// `None` where nothing is known of any alias, and while the ledger is still being read.
pub(super) fn times(
    visitor: &Visitor,
    workspace: &Workspace,
    model: &ModelName,
) -> Result<Option<HeldTimes>, AppError> {
    let spells = match visitor.app().spells(workspace, model) {
        Err(AppError::NotYet(_)) => return Ok(None),
        spells => spells?,
    };
    if spells.is_empty() {
        return Ok(None);
    }
    let title = format!("Who held which alias of {model}, when");
    let description = "One lane for each alias and version, time from left to right; the colour says by what right. \
                       The table below says the same in words.";
    let picture = strips("held", &title, description, &lanes(visitor, &spells), visitor.now());
    let mut rows: Vec<&Spell> = spells.iter().collect();
    rows.sort_by_key(|spell| std::cmp::Reverse((spell.from, spell.index)));
    Ok(Some(HeldTimes {
        picture,
        legend: legend(&spells),
        rows: rows.into_iter().map(|spell| row(visitor, spell)).collect(),
    }))
}

/// Aliases by name, the newest version of each above. Of too many, the newest.
fn lanes(visitor: &Visitor, spells: &[Spell]) -> Vec<Lane> {
    let mut of_lanes: Vec<(&str, u32, Vec<&Spell>)> = Vec::new();
    for spell in spells {
        let (alias, version) = (spell.alias.as_str(), spell.version.get());
        match of_lanes.iter_mut().find(|(a, v, _)| (*a, *v) == (alias, version)) {
            Some((_, _, of_lane)) => of_lane.push(spell),
            None => of_lanes.push((alias, version, vec![spell])),
        }
    }
    let last = |of_lane: &[&Spell]| of_lane.last().map(|spell| spell.from);
    of_lanes.sort_by_key(|(_, _, of_lane)| std::cmp::Reverse(last(of_lane)));
    of_lanes.truncate(LANES);
    of_lanes.sort_by_key(|(alias, version, _)| (*alias, std::cmp::Reverse(*version)));
    let lane = |(alias, version, of_lane): (&str, u32, Vec<&Spell>)| Lane {
        label: format!("{alias} v{version}"),
        strips: of_lane.into_iter().map(|spell| strip(visitor, spell)).collect(),
    };
    of_lanes.into_iter().map(lane).collect()
}

fn strip(visitor: &Visitor, spell: &Spell) -> Strip {
    let until = spell.until.unwrap_or_else(|| visitor.now());
    let end = spell.until.map_or_else(|| "now".to_owned(), |until| visitor.when(until).plain());
    let words = format!(
        "{} version {}: {}, {} to {end}",
        spell.alias,
        spell.version,
        spell.standing.words(),
        visitor.when(spell.from).plain()
    );
    Strip { from: spell.from, until, ink: ink_of(spell.standing), words, href: leads_to(visitor, spell) }
}

/// The request that stands behind it, or else the entry that says that it moved.
fn leads_to(visitor: &Visitor, spell: &Spell) -> String {
    let chrome = visitor.chrome(crate::http::pages::Nav::None);
    match spell.request {
        Some(request) => chrome.request_url(&request.to_string()),
        None => entry(visitor, spell.index),
    }
}

/// The page of the ledger that an entry is on.
fn entry(visitor: &Visitor, index: u64) -> String {
    format!("{}/ledger?at={index}#e{index}", visitor.site.base)
}

fn legend(spells: &[Spell]) -> Vec<(Ink, &'static str)> {
    let there = |standing: &Standing| spells.iter().any(|spell| spell.standing == *standing);
    Standing::ALL.into_iter().filter(there).map(|standing| (ink_of(standing), standing.words())).collect()
}

fn row(visitor: &Visitor, spell: &Spell) -> HeldRow {
    HeldRow {
        alias: spell.alias.clone(),
        version: spell.version.to_string(),
        chip: chip(spell.standing),
        from: visitor.when(spell.from),
        until: spell.until.map(|until| visitor.when(until)),
        request: spell.request.map(|request| request.to_string()),
        entry: (spell.index, entry(visitor, spell.index)),
    }
}

const fn chip(standing: Standing) -> Chip {
    match standing {
        Standing::Approved => Chip::new("Approved", "check", Tone::Good),
        Standing::Unasked => Chip::new("Nobody asked", "check", Tone::Waiting),
        Standing::Fallback => Chip::new("Fallback", "clock", Tone::Waiting),
        Standing::PutBack => Chip::new("Put back", "check", Tone::Waiting),
        Standing::BreakGlass => Chip::break_glass(),
        Standing::Expired => Chip::new("Expired", "alert", Tone::Warning),
        Standing::TakenBack => Chip::new("Taken back", "alert", Tone::Bad),
        Standing::Bypassed => Chip::bypassed(),
        Standing::Before => Chip::new("From before", "dash", Tone::Quiet),
    }
}
