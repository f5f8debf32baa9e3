//! What we have recorded of a version: who held which alias since when, and earlier requests. It answers the
//! capability `history`. MLflow keeps no such history: what we never saw is not here.

use std::collections::BTreeMap;

use countersign_core::names::{ModelName, Version, Workspace};
use countersign_core::request::{PromotionRequest, RequestId};

use super::AppError;
use super::bypass::Name;
use super::records::Holding;
use crate::plugins::{AccessError, AliasHolding, HistoryAnswer, HistoryQuery, PastDecision};
use crate::store::{Batch, Scan, Store, codec, keys};

/// Earlier requests that are told of one version, and those of its model that are looked at for it.
const TOLD: usize = 100;
const LOOKED_AT: usize = 2_000;

/// Who holds a name from now on. What an alias held before stays on record.
pub(super) fn put_holding(
    batch: Batch,
    (workspace, model): (&Workspace, &ModelName),
    name: &str,
    holding: &Holding,
) -> Result<Batch, AppError> {
    let (workspace, model) = (workspace.as_str(), model.as_str());
    let batch = batch.put(keys::holding(workspace, model, name), codec::encode(holding)?);
    if !name.starts_with("alias:") {
        return Ok(batch);
    }
    let at = u64::try_from(holding.since.get()).unwrap_or(0);
    Ok(batch.put(keys::held(workspace, model, name, at), codec::encode(holding)?))
}

/// Answers from the store, as it is now.
pub(super) fn recall(
    store: &dyn Store,
    workspace: &Workspace,
    query: &HistoryQuery,
) -> Result<HistoryAnswer, AccessError> {
    let number = |text: &str| {
        let none = || AccessError::NotFound(format!("`{text}` is not a version"));
        Version::parse(text).ok_or_else(none)
    };
    let failed = |error: AppError| AccessError::Unavailable(error.to_string());
    match query {
        HistoryQuery::AliasHoldings { model, version } => {
            let (model, version) = (ModelName::new(model), number(version)?);
            holdings_of(store, workspace, &model, version).map(HistoryAnswer::Holdings).map_err(failed)
        }
        HistoryQuery::Decisions { model, version } => {
            let (model, version) = (ModelName::new(model), number(version)?);
            decisions_on(store, workspace, &model, version).map(HistoryAnswer::Decisions).map_err(failed)
        }
    }
}

fn holdings_of(
    store: &dyn Store,
    workspace: &Workspace,
    model: &ModelName,
    version: Version,
) -> Result<Vec<AliasHolding>, AppError> {
    let mut found = Vec::new();
    for (name, steps) in steps(store, workspace, model)? {
        let Some(alias) = name.strip_prefix("alias:") else { continue };
        found.extend(spells(alias, &steps, version));
    }
    found.sort_by(|a, b| (a.since, &a.alias).cmp(&(b.since, &b.alias)));
    Ok(found)
}

/// What each alias of a model held, step by step. A name that was last written before steps were kept has one.
fn steps(
    store: &dyn Store,
    workspace: &Workspace,
    model: &ModelName,
) -> Result<BTreeMap<Name, Vec<Holding>>, AppError> {
    let (workspace, model) = (workspace.as_str(), model.as_str());
    let mut steps: BTreeMap<Name, Vec<Holding>> = BTreeMap::new();
    for prefix in [keys::held_of(workspace, model), keys::holdings(workspace, model)] {
        for (key, value) in store.scan(&Scan::prefix(prefix.clone()))? {
            let Some(name) = key.text_after(&prefix) else { continue };
            let (step, of_name) = (codec::decode::<Holding>(&key, &value)?, steps.entry(name).or_default());
            if of_name.last() != Some(&step) {
                of_name.push(step);
            }
        }
    }
    Ok(steps)
}

/// The times during which a version held an alias. Setting it again to the version that it has is no break.
fn spells(alias: &str, steps: &[Holding], version: Version) -> Vec<AliasHolding> {
    let mut spells: Vec<AliasHolding> = Vec::new();
    for step in steps {
        let open = spells.last_mut().filter(|spell| spell.until.is_none());
        let holds = step.version == Some(version);
        match open {
            Some(spell) if holds && spell.bypassed == step.bypassed => continue,
            Some(spell) => spell.until = Some(step.since),
            None => {}
        }
        if holds {
            let (alias, since) = (alias.to_owned(), step.since);
            spells.push(AliasHolding { alias, since, until: None, bypassed: step.bypassed });
        }
    }
    spells
}

fn decisions_on(
    store: &dyn Store,
    workspace: &Workspace,
    model: &ModelName,
    version: Version,
) -> Result<Vec<PastDecision>, AppError> {
    let prefix = keys::requests_of_model(workspace.as_str(), model.as_str());
    let newest = store.scan(&Scan::prefix(prefix).newest_first().limit(LOOKED_AT))?;
    let mut made = Vec::new();
    for id in newest.iter().filter_map(|(key, _)| key.last_id()).map(RequestId) {
        let key = keys::request(id.0);
        let Some(bytes) = store.get(&key)? else { continue };
        let request: PromotionRequest = codec::decode(&key, &bytes)?;
        if request.subject.version == version && made.len() < TOLD {
            made.push(past(&request));
        }
    }
    made.reverse();
    Ok(made)
}

fn past(request: &PromotionRequest) -> PastDecision {
    PastDecision {
        kind: request.placed.action.kind().to_owned(),
        target: request.placed.action.target().map(str::to_owned),
        state: request.state.as_str().to_owned(),
        opened: request.opened_at,
    }
}

#[cfg(test)]
mod tests {
    use countersign_core::time::Millis;
    use proptest::prelude::*;

    use super::*;

    fn step(version: Option<u32>, since: i64, bypassed: bool) -> Holding {
        let version = version.map(|number| Version::parse(&number.to_string()).unwrap());
        Holding::unexplained(version, Millis::new(since), bypassed)
    }

    fn check(steps: &[Holding], expect: &[(i64, Option<i64>, bool)]) {
        let found = spells("staging", steps, Version::parse("2").unwrap());
        let found: Vec<_> =
            found.iter().map(|s| (s.since.get(), s.until.map(Millis::get), s.bypassed)).collect();
        assert_eq!(found, expect);
    }

    #[test]
    fn a_spell_lasts_until_the_alias_moves() {
        check(&[], &[]);
        check(&[step(Some(1), 10, false)], &[]);
        check(&[step(Some(2), 10, false)], &[(10, None, false)]);
        check(&[step(Some(2), 10, false), step(Some(2), 20, false)], &[(10, None, false)]);
        check(&[step(Some(2), 10, false), step(Some(1), 20, false)], &[(10, Some(20), false)]);
        check(&[step(Some(2), 10, false), step(None, 20, true)], &[(10, Some(20), false)]);
        let back = [step(Some(2), 10, false), step(Some(3), 20, false), step(Some(2), 30, false)];
        check(&back, &[(10, Some(20), false), (30, None, false)]);
    }

    #[test]
    fn what_went_round_us_is_a_spell_of_its_own() {
        let ratified = [step(Some(2), 10, true), step(Some(2), 20, false)];
        check(&ratified, &[(10, Some(20), true), (20, None, false)]);
    }

    proptest! {
        /// Spells follow one another, and only the last may be open.
        #[test]
        fn spells_do_not_overlap(steps in proptest::collection::vec((proptest::option::of(1..4_u32), any::<bool>()), 0..12)) {
            let steps: Vec<Holding> =
                steps.iter().zip(0..).map(|((version, bypassed), at)| step(*version, at, *bypassed)).collect();
            let found = spells("a", &steps, Version::parse("2").unwrap());
            for pair in found.windows(2) {
                prop_assert!(pair[0].until.is_some_and(|until| until <= pair[1].since));
            }
            let holds = steps.last().is_some_and(|step| step.version == Version::parse("2"));
            prop_assert_eq!(found.last().is_some_and(|spell| spell.until.is_none()), holds);
        }
    }
}
