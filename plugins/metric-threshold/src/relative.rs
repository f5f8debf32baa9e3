//! The comparison with the version that holds an alias now.
//!
//! Values from the same place (origin and dataset) are compared with each other. Where no place is common to
//! both versions, the worst of ours is held against the best of theirs.

use countersign_sdk::prelude::*;

use crate::MetricThreshold;
use crate::config::Relative;
use crate::values::{Value, Values, with_segment};

pub(crate) fn check(
    input: &CheckInput,
    ours: &Values,
    config: &MetricThreshold,
    relative: &Relative,
    findings: &mut Findings,
) -> Result<(), CannotJudge> {
    let alias = &relative.to;
    let Some(holder) = registry::version_by_alias(&input.version.subject.model, alias)? else {
        findings.push(Finding::info(
            "no-baseline",
            format!("no version holds `{alias}` yet: nothing to compare with"),
        ));
        return Ok(());
    };
    if holder.is_same_version(&input.version) {
        findings.push(Finding::info("no-baseline", format!("this version holds `{alias}` itself")));
        return Ok(());
    }
    holder.require(config.origin.facts())?;
    let mut of_theirs = Findings::new();
    let theirs = Values::of(&holder, config, &mut of_theirs)?;
    if theirs.is_empty() {
        findings.push(incomparable(&holder, config, alias));
        return Ok(());
    }
    let mut worst = Worst::default();
    for (our, their) in pairs(ours, &theirs, relative) {
        worst.note(our, their, relative);
    }
    worst.report(&holder, config, relative, findings);
    Ok(())
}

/// The holder has no finite value: promoting over it cannot be judged by comparison, and that is said aloud.
fn incomparable(holder: &ModelVersion, config: &MetricThreshold, alias: &str) -> Finding {
    let version = &holder.subject.version;
    let message = format!(
        "version {version}, which holds `{alias}`, has no finite value of `{}` to compare with",
        config.metric
    );
    Finding::warning("baseline-metric-missing", message)
}

fn pairs<'a>(ours: &'a Values, theirs: &'a Values, relative: &Relative) -> Vec<(&'a Value, &'a Value)> {
    let same_place: Vec<_> = ours
        .iter()
        .flat_map(|our| theirs.iter().filter(|their| their.place == our.place).map(move |their| (our, their)))
        .collect();
    if !same_place.is_empty() {
        return same_place;
    }
    let falling = ours.smallest().zip(theirs.largest()).filter(|_| relative.limits_drop());
    let rising = ours.largest().zip(theirs.smallest()).filter(|_| relative.limits_rise());
    falling.into_iter().chain(rising).collect()
}

/// The pair that breaks a limit by most, per direction.
#[derive(Default)]
struct Worst<'a> {
    drop: Option<Breach<'a>>,
    rise: Option<Breach<'a>>,
}

struct Breach<'a> {
    our: &'a Value,
    their: &'a Value,
    limit: Decimal,
    /// How far past the limit.
    by: Decimal,
}

impl<'a> Worst<'a> {
    fn note(&mut self, our: &'a Value, their: &'a Value, relative: &Relative) {
        if let Some(floor) = relative.floor(&their.number) {
            let by = &floor - &our.number;
            keep_worse(&mut self.drop, Breach { our, their, limit: floor, by });
        }
        if let Some(ceiling) = relative.ceiling(&their.number) {
            let by = &our.number - &ceiling;
            keep_worse(&mut self.rise, Breach { our, their, limit: ceiling, by });
        }
    }

    fn report(
        self,
        holder: &ModelVersion,
        config: &MetricThreshold,
        relative: &Relative,
        findings: &mut Findings,
    ) {
        let found = [
            (self.drop, "metric-dropped", "fell", "least", ">="),
            (self.rise, "metric-risen", "rose", "most", "<="),
        ];
        for (breach, code, verb, bound, comparator) in found {
            let Some(Breach { our, their, limit, .. }) = breach else { continue };
            let message = format!(
                "`{}` {verb} from {} (version {}, `{}`) to {} ({}); at {bound} {limit} is allowed",
                config.metric,
                their.text,
                holder.subject.version,
                relative.to,
                our.text,
                our.place.words(),
            );
            let finding = Finding::error(code, message).measured(&our.text).threshold(comparator, limit);
            findings.push(with_segment(finding, &our.place));
        }
    }
}

fn keep_worse<'a>(slot: &mut Option<Breach<'a>>, breach: Breach<'a>) {
    let broken = !breach.by.is_negative() && !breach.by.is_zero();
    if broken && slot.as_ref().is_none_or(|kept| breach.by > kept.by) {
        *slot = Some(breach);
    }
}

impl Relative {
    fn limits_drop(&self) -> bool {
        self.max_drop.is_some() || self.max_drop_percent.is_some()
    }

    fn limits_rise(&self) -> bool {
        self.max_rise.is_some() || self.max_rise_percent.is_some()
    }

    /// The smallest value allowed; the stricter of the two limits when both are given.
    fn floor(&self, base: &Decimal) -> Option<Decimal> {
        let drop = smallest(base, self.max_drop.as_ref(), self.max_drop_percent.as_ref())?;
        Some(base - &drop)
    }

    /// The largest value allowed.
    fn ceiling(&self, base: &Decimal) -> Option<Decimal> {
        let rise = smallest(base, self.max_rise.as_ref(), self.max_rise_percent.as_ref())?;
        Some(base + &rise)
    }
}

fn smallest(base: &Decimal, absolute: Option<&Decimal>, percent: Option<&Decimal>) -> Option<Decimal> {
    let part = percent.map(|percent| base.abs().percent(percent));
    absolute.cloned().into_iter().chain(part).min()
}
