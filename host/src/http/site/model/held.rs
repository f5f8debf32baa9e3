//! Who held which alias or stage of a model when: as a picture and as a table.

use countersign_core::insights::{Name, Spell, Standing};
use countersign_core::names::{ModelName, Workspace};
use countersign_core::time::Millis;

use crate::app::AppError;
use crate::http::api::moment;
use crate::http::pages::insights::ink_of;
use crate::http::pages::model::{HeldRow, HeldThen, HeldTimes};
use crate::http::pages::pictures::{Ink, Lane, Strip, strips};
use crate::http::pages::{Chip, ModelAt, Tone};
use crate::http::site::Visitor;

/// Lanes that a picture still tells apart; the table has them all.
const LANES: usize = 24;

/// `None` where nothing is known of any alias, and while the ledger is still being read.
pub(super) fn times(
    visitor: &Visitor,
    workspace: &Workspace,
    model: &ModelName,
    asked: &str,
) -> Result<Option<HeldTimes>, AppError> {
    let spells = match visitor.app().spells(workspace, model) {
        Err(AppError::NotYet(_)) => return Ok(None),
        spells => spells?,
    };
    if spells.is_empty() {
        return Ok(None);
    }
    let title = format!("Who held which alias and stage of {model}, when");
    let description = "One lane for each name and version, time from left to right; the colour says by what right. \
                       The table below says the same in words.";
    let picture = strips("held", &title, description, &lanes(visitor, &spells), visitor.now());
    let mut rows: Vec<&Spell> = spells.iter().collect();
    rows.sort_by_key(|spell| std::cmp::Reverse((spell.from, spell.index)));
    let (then, wrong) = match moment("as of", asked) {
        Ok(at) => (at.map(|at| then(visitor, &spells, at)), None),
        Err(error) => (None, Some(error.to_string())),
    };
    let model = ModelAt::new(workspace, model);
    let at: &[_] = if asked.is_empty() || wrong.is_some() { &[] } else { &[("at", asked)] };
    let (api, as_csv) = (address(visitor, &model), [at, &[("format", "csv")]].concat());
    Ok(Some(HeldTimes {
        json: api.clone() + &model.query_with(at),
        csv: api + &model.query_with(&as_csv),
        asked: asked.to_owned(),
        wrong,
        then,
        picture,
        legend: legend(&spells),
        rows: rows.into_iter().map(|spell| row(visitor, spell)).collect(),
    }))
}

/// Where the API tells the same, with its evidence.
fn address(visitor: &Visitor, model: &ModelAt) -> String {
    let base = &*visitor.site.base;
    let page = visitor.chrome(crate::http::pages::Nav::None).model_path(&model.name);
    let path = page.strip_prefix(base).unwrap_or(&page);
    format!("{base}/api/v1{path}/held")
}

/// What every name held at a time.
fn then(visitor: &Visitor, spells: &[Spell], at: Millis) -> HeldThen {
    let ran = spells.iter().filter(|spell| spell.ran_at(at)).map(|spell| row(visitor, spell));
    let nothing = spells.iter().all(|spell| spell.from > at);
    HeldThen { at: visitor.when(at), rows: ran.collect(), nothing }
}

/// Aliases by name, then stages, the newest version of each above. Of too many, the newest.
fn lanes(visitor: &Visitor, spells: &[Spell]) -> Vec<Lane> {
    let mut of_lanes: Vec<(&Name, u32, Vec<&Spell>)> = Vec::new();
    for spell in spells {
        let (name, version) = (&spell.name, spell.version.get());
        match of_lanes.iter_mut().find(|(n, v, _)| (*n, *v) == (name, version)) {
            Some((_, _, of_lane)) => of_lane.push(spell),
            None => of_lanes.push((name, version, vec![spell])),
        }
    }
    let last = |of_lane: &[&Spell]| of_lane.last().map(|spell| spell.from);
    of_lanes.sort_by_key(|(_, _, of_lane)| std::cmp::Reverse(last(of_lane)));
    of_lanes.truncate(LANES);
    of_lanes.sort_by_key(|(name, version, _)| (*name, std::cmp::Reverse(*version)));
    let lane = |(name, version, of_lane): (&Name, u32, Vec<&Spell>)| Lane {
        label: format!("{} v{version}", name.bare()),
        strips: of_lane.into_iter().map(|spell| strip(visitor, spell)).collect(),
    };
    of_lanes.into_iter().map(lane).collect()
}

fn strip(visitor: &Visitor, spell: &Spell) -> Strip {
    let until = spell.until.unwrap_or_else(|| visitor.now());
    let end = spell.until.map_or_else(|| "now".to_owned(), |until| visitor.when(until).plain());
    let words = format!(
        "{} version {}: {}, {} to {end}",
        spell.name.bare(),
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
        name: spell.name.words(),
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
