//! People: seats, delegations, and what waits for whom.

use std::cmp::Ordering;

use axum::extract::Query;
use axum::response::Response;
use countersign_core::policy::{Delegation, Policy, SeatHolders};
use countersign_core::review::{Authors, Barred};
use http::StatusCode;

use super::errors::sentence;
use super::{Trouble, Visitor, page};
use crate::app::{Candidate, NewDelegation, Waiting};
use crate::http::error;
use crate::http::pages::Nav;
use crate::http::pages::people::{DelegationFields, DelegationRow, PeoplePage, SeatCard, SeatPerson};

pub(super) async fn show(
    visitor: Visitor,
    Query(form): Query<DelegationFields>,
) -> Result<Response, Trouble> {
    let app = visitor.app();
    let generation = app.generation.load_full();
    let policy = &generation.policy;
    let waiting = app.waiting().map_err(|error| Trouble::new(&visitor, error))?;
    let candidates = app.people.candidates(policy, &Authors::default(), visitor.now());
    let cards = policy.seats().iter().map(|holders| {
        let people = candidates.get(&holders.name).into_iter().flatten();
        card(policy, holders, people.map(|who| person(holders, who, &waiting)).collect(), &waiting)
    });
    let mine = visitor.caller.identity().map(|me| {
        let seats = app.people.seats_of(policy, me, visitor.now());
        let waits = waiting.by_person.get(&me.person).copied().unwrap_or(0);
        (seats.iter().map(ToString::to_string).collect(), waits)
    });
    let prepared = form.is_sent().then(|| prepare(&visitor, &form));
    let status =
        if matches!(prepared, Some(Err(_))) { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let shown = PeoplePage {
        chrome: visitor.chrome(Nav::People),
        mine,
        seats: cards.collect(),
        more: waiting.more,
        delegations: policy.delegations().iter().map(|each| delegation(&visitor, each)).collect(),
        form,
        prepared,
    };
    Ok(page(status, &shown))
}

fn prepare(visitor: &Visitor, form: &DelegationFields) -> Result<String, String> {
    let DelegationFields { from, to, seat, starts, ends } = form.clone();
    let new = NewDelegation { from, to, seat, starts, ends };
    visitor.app().prepare_delegation(&new).map_err(|wrong| sentence(&error::chain(&wrong)))
}

fn card(policy: &Policy, holders: &SeatHolders, people: Vec<SeatPerson>, waiting: &Waiting) -> SeatCard {
    let seat = &holders.name;
    let asked = policy.gates().iter().filter_map(|gate| {
        let tiers = gate.approvals.iter().filter_map(|(tier, asked)| Some((tier, *asked.seats.get(seat)?)));
        let tiers: Vec<String> = tiers.map(|(tier, count)| format!("{count} for tier {tier}")).collect();
        (!tiers.is_empty()).then(|| format!("{}: {}", gate.name, tiers.join(", ")))
    });
    let all = policy.gates().iter().flat_map(|gate| gate.approvals.values());
    SeatCard {
        name: seat.to_string(),
        veto: holders.veto,
        asked_by: asked.collect(),
        people,
        groups: holders.groups.iter().cloned().collect(),
        waiting: waiting.by_seat.get(seat).copied().unwrap_or(0),
        needed: all.filter_map(|asked| asked.seats.get(seat)).copied().max().unwrap_or(0),
    }
}

fn person(holders: &SeatHolders, who: &Candidate, waiting: &Waiting) -> SeatPerson {
    let how = if !who.stands_in_for.is_empty() {
        format!("stands in for {}", who.stands_in_for.join(", "))
    } else if holders.members.contains(&who.name) {
        "member".to_owned()
    } else {
        "by group".to_owned()
    };
    let waits = who.person.as_ref().and_then(|person| waiting.by_person.get(person));
    SeatPerson {
        name: who.name.clone(),
        how,
        machine: who.barred == Some(Barred::Machine),
        unknown: who.person.is_none(),
        waiting: waits.copied().unwrap_or(0),
    }
}

fn delegation(visitor: &Visitor, each: &Delegation) -> DelegationRow {
    let now = visitor.now();
    let when = match (now < each.starts, each.runs(now)) {
        (true, _) => Ordering::Less,
        (false, true) => Ordering::Equal,
        (false, false) => Ordering::Greater,
    };
    DelegationRow {
        from: each.from.clone(),
        to: each.to.clone(),
        seat: each.seat.to_string(),
        starts: visitor.when(each.starts),
        ends: visitor.when(each.ends),
        chip: DelegationRow::chip_of(when),
    }
}
