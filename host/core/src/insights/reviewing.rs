//! How people review: whether votes look like work or like rubber stamps.
//!
//! None of it proves anything about one vote, and none of it is for ranking people. So it is told of all together,
//! not at all where few votes or few people would tell of one of them, and by person only to that person and to
//! whoever fills the auditor's seat.

use std::collections::{BTreeMap, BTreeSet};

use super::Projection;
use super::flow::NO_TIER;
use super::quantile::quantile;
use super::scope::Scope;
use super::story::Voted;
use super::table::{Cell, Table, columns};
use crate::names::{PersonId, Tier};

/// A group with fewer votes is not told of.
pub const FEWEST_VOTES: usize = 5;
/// Nor one of fewer people: of two, each knows what the other did.
pub const FEWEST_PEOPLE: usize = 3;
/// A vote sooner than this after opening evidence is quick.
pub const QUICK: i64 = 120_000;
/// So many votes of one person within [`BURST_SPAN`] are a burst.
pub const BURST: usize = 5;
pub const BURST_SPAN: i64 = 600_000;
/// Rejections, in percent of votes: fewer say that reviews stop nothing, more that requests come too early.
pub const HEALTHY: (u64, u64) = (2, 30);

/// Who may read about whom.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Reader {
    /// About nobody.
    #[default]
    Nobody,
    /// About themselves.
    Person(PersonId),
    /// About everybody.
    Auditor,
}

type Bursts<'a> = BTreeMap<&'a PersonId, Vec<i64>>;

/// Votes, and which moments are bursts.
struct Votes<'a> {
    of: Vec<&'a Voted>,
    bursts: &'a Bursts<'a>,
}

/// All votes together, and by tier.
#[must_use]
pub fn quality(projection: &Projection, scope: &Scope) -> Table {
    let bursts = bursts(projection);
    let mut groups: BTreeMap<&str, Vec<&Voted>> = BTreeMap::new();
    for (tier, vote) in votes(projection, scope) {
        groups.entry(tier).or_default().push(vote);
    }
    let all: Vec<&Voted> = groups.values().flatten().copied().collect();
    let named = std::iter::once(("all", all)).chain(groups);
    let rows = named.map(|(group, of)| {
        let told = of.len() >= FEWEST_VOTES && people(&of) >= FEWEST_PEOPLE;
        Votes { of, bursts: &bursts }.row(group.to_owned(), told)
    });
    Table {
        name: "review-quality",
        title: "Review quality",
        meaning: format!(
            "Approving and rejecting votes. Time to vote: from opening the first evidence to the vote, half took no \
             longer. Quick: under {} seconds. Unopened: voted without opening any evidence here. Rejected: between {} \
             and {} % is usual. Bursts: {BURST} or more votes of one person within {} minutes. Nothing is shown for \
             fewer than {FEWEST_VOTES} votes or {FEWEST_PEOPLE} people. A quick vote is no proof of a careless one.",
            QUICK / 1_000,
            HEALTHY.0,
            HEALTHY.1,
            BURST_SPAN / 60_000,
        ),
        columns: columns(&with_head(("tier", "Tier"))),
        rows: rows.collect(),
    }
}

/// Each person's votes, for those who may know.
#[must_use]
pub fn reviewers(projection: &Projection, scope: &Scope, reader: &Reader) -> Table {
    let bursts = bursts(projection);
    let may = |who: &PersonId| match reader {
        Reader::Nobody => false,
        Reader::Person(person) => person == who,
        Reader::Auditor => true,
    };
    let mut people: BTreeMap<&PersonId, Vec<&Voted>> = BTreeMap::new();
    for (_, vote) in votes(projection, scope).filter(|(_, vote)| may(&vote.by)) {
        people.entry(&vote.by).or_default().push(vote);
    }
    let rows = people.into_iter().map(|(who, of)| {
        let told = of.len() >= FEWEST_VOTES;
        Votes { of, bursts: &bursts }.row(who.to_string(), told)
    });
    Table {
        name: super::REVIEWERS,
        title: "By reviewer",
        meaning: format!(
            "The same of single people: of yourself, and of everybody for the auditor's seat. Nothing is shown of \
             those with fewer than {FEWEST_VOTES} votes."
        ),
        columns: columns(&with_head(("person", "Person"))),
        rows: rows.collect(),
    }
}

const fn with_head(head: (&'static str, &'static str)) -> [(&'static str, &'static str); 7] {
    [
        head,
        ("votes", "Votes"),
        ("median_time_to_vote_s", "Time to vote"),
        ("quick", "Quick"),
        ("unopened", "Evidence unopened"),
        ("rejected", "Rejected"),
        ("in_bursts", "In bursts"),
    ]
}

fn votes<'a>(projection: &'a Projection, scope: &'a Scope) -> impl Iterator<Item = (&'a str, &'a Voted)> {
    let about = |story: &&super::Story| scope.is_about(&story.model, story.tier.as_ref());
    projection.stories().filter(about).flat_map(|story| {
        let tier = story.tier.as_ref().map_or(NO_TIER, Tier::as_str);
        story.votes.iter().filter(|vote| scope.has(vote.at)).map(move |vote| (tier, vote))
    })
}

fn people(votes: &[&Voted]) -> usize {
    votes.iter().map(|vote| &vote.by).collect::<BTreeSet<_>>().len()
}

/// When each person voted in a burst, in order of time, whatever the votes were about.
fn bursts(projection: &Projection) -> Bursts<'_> {
    let crowded = |(person, times): (_, &Vec<i64>)| {
        let mut times = times.clone();
        times.sort_unstable();
        (person, crowded(&times))
    };
    projection.tallied().votes().iter().map(crowded).collect()
}

/// Of sorted moments those that are in some [`BURST_SPAN`] with enough others.
fn crowded(times: &[i64]) -> Vec<i64> {
    let mut found = Vec::new();
    let mut taken = 0;
    for (at, window) in times.windows(BURST).enumerate() {
        if let (Some(first), Some(last)) = (window.first(), window.last())
            && last - first <= BURST_SPAN
        {
            found.extend(times.get(taken.max(at)..at + BURST).into_iter().flatten());
            taken = at + BURST;
        }
    }
    found
}

impl Votes<'_> {
    fn row(&self, head: String, told: bool) -> Vec<Cell> {
        if !told {
            return std::iter::once(Cell::Text(head)).chain(vec![Cell::Silent; 6]).collect();
        }
        let all = self.of.len() as u64;
        let share = |test: &dyn Fn(&Voted) -> bool| {
            Cell::share(self.of.iter().filter(|vote| test(vote)).count() as u64, all)
        };
        let looked = self.of.iter().filter_map(|vote| vote.looked).collect();
        vec![
            Cell::Text(head),
            Cell::Count(all),
            Cell::millis(quantile(looked, 50)),
            share(&|vote| vote.looked.is_some_and(|looked| looked < QUICK)),
            share(&|vote| vote.looked.is_none()),
            share(&|vote| !vote.approves),
            share(&|vote| {
                self.bursts.get(&vote.by).is_some_and(|times| times.binary_search(&vote.at.get()).is_ok())
            }),
        ]
    }
}
