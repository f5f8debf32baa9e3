//! What lies ahead of the requests on a page: when they are likely to be decided, and how many come before them.

use std::collections::BTreeSet;

use countersign_core::insights::{Outlook, Paces};
use countersign_core::names::{Seat, Tier};
use countersign_core::request::{PromotionRequest, State};
use countersign_core::search::Card;

use super::Visitor;
use crate::app::{AppError, COUNTED, InLine, Lines};
use crate::http::pages::inbox::Expected;

pub(super) struct Ahead {
    paces: Paces,
    lines: Lines,
}

impl Ahead {
    pub(super) fn of(visitor: &Visitor, requests: &[PromotionRequest]) -> Result<Self, AppError> {
        let seats = requests.iter().flat_map(waits_for).collect();
        Ok(Self { paces: visitor.app().paces()?, lines: visitor.app().lines_of(seats)? })
    }

    /// Of requests that people must decide.
    pub(super) fn expected(&self, visitor: &Visitor, request: &PromotionRequest) -> Option<Expected> {
        if !matches!(request.state, State::Open | State::InReview) {
            return None;
        }
        Some(match self.paces.outlook(tier_of(request), request.opened_at, visitor.now())? {
            Outlook::By(at) => Expected::By(visitor.when(at)),
            Outlook::Late(usual) => Expected::Late(usual),
        })
    }

    /// `2nd of 5 for seat risk`
    pub(super) fn line(&self, request: &PromotionRequest) -> Vec<String> {
        self.lines.of(request.id, &waits_for(request)).iter().map(place).collect()
    }
}

fn waits_for(request: &PromotionRequest) -> BTreeSet<Seat> {
    Card::of(request).seats
}

fn tier_of(request: &PromotionRequest) -> Option<&Tier> {
    request.gates.iter().filter(|gate| gate.enforced).find_map(|gate| gate.tier.known())
}

fn place(line: &InLine) -> String {
    let InLine { seat, place, of } = line;
    let of = if *of < COUNTED { of.to_string() } else { format!("{}+", COUNTED - 1) };
    match place {
        Some(place) => format!("{} of {of} for seat {seat}", ordinal(*place)),
        None => format!("after the first {COUNTED} for seat {seat}"),
    }
}

fn ordinal(number: usize) -> String {
    let ending = match (number % 10, number % 100) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    };
    format!("{number}{ending}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(input: (Option<usize>, usize), expect: &str) {
        let (place_in, of) = input;
        assert_eq!(place(&InLine { seat: "risk".into(), place: place_in, of }), expect);
    }

    #[test]
    fn places_are_said_as_people_say_them() {
        check((Some(1), 1), "1st of 1 for seat risk");
        check((Some(2), 5), "2nd of 5 for seat risk");
        check((Some(13), 40), "13th of 40 for seat risk");
        check((Some(23), COUNTED), "23rd of 99+ for seat risk");
        check((None, COUNTED), "after the first 100 for seat risk");
    }
}
