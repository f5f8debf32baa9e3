//! Asks for several people, by risk tier, none of whom is the one who asked.

use std::collections::{BTreeMap, BTreeSet};

use countersign_sdk::prelude::*;

/// How many different people must fill each seat.
type Seats = BTreeMap<String, u32>;

/// The configuration of one gate.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TwoPerson {
    /// Seats by the name of the tier.
    #[serde(default)]
    tiers: BTreeMap<String, Seats>,
    /// Seats where the tier has no entry, and where the policy has no tiers.
    #[serde(default = "two_reviewers")]
    default: Seats,
}

impl Rule for TwoPerson {
    fn problems(&self) -> Vec<ConfigError> {
        let by_tier = self.tiers.iter().map(|(tier, seats)| (format!("/tiers/{tier}"), seats));
        let all = by_tier.chain([("/default".to_owned(), &self.default)]);
        all.flat_map(|(place, seats)| contradictions(&place, seats)).collect()
    }

    fn decide(&self, input: &RuleInput) -> Result<Ruling, CannotJudge> {
        let (wanted, why) = self.seats_for(input.tier.as_deref());
        let denials = match &input.requester {
            Some(requester) => conflicts(requester, input, wanted),
            None if wanted.is_empty() => Vec::new(),
            None => return Err("who asks is not known, so nobody can be shown to be a second person".into()),
        };
        let seats = wanted.iter().map(|(seat, count)| requirement(seat, *count, &why)).collect();
        Ok(Ruling { summary: summary(wanted, &why, denials.len()), seats, denials, extensions: Vec::new() })
    }
}

impl TwoPerson {
    /// The seats, and the words that say where they come from.
    fn seats_for(&self, tier: Option<&str>) -> (&Seats, String) {
        match tier.and_then(|tier| self.tiers.get(tier).map(|seats| (tier, seats))) {
            Some((tier, seats)) => (seats, format!("tier `{tier}`")),
            None => (
                &self.default,
                tier.map_or_else(|| "no tier".to_owned(), |tier| format!("tier `{tier}`, by default")),
            ),
        }
    }
}

countersign_sdk::rule!(TwoPerson);

/// Approvals that count for nobody's good: by the requester, and of one person in two of the seats.
fn conflicts(requester: &str, input: &RuleInput, wanted: &Seats) -> Vec<Finding> {
    let approvals = input.reviews.iter().filter(|review| review.vote == Vote::Approve);
    let mut seats_of: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for review in approvals {
        if let Some(seat) = review.seat.as_deref().filter(|seat| wanted.contains_key(*seat)) {
            seats_of.entry(&review.reviewer).or_default().insert(seat);
        }
    }
    seats_of.into_iter().filter_map(|(reviewer, seats)| conflict(reviewer, &seats, requester)).collect()
}

fn conflict(reviewer: &str, seats: &BTreeSet<&str>, requester: &str) -> Option<Finding> {
    let named = seats.iter().map(|seat| format!("`{seat}`")).collect::<Vec<_>>().join(" and ");
    if reviewer == requester {
        let message = format!("the one who asked has also approved, in the seat {named}");
        let finding = Finding::error("self-approval", message);
        return Some(
            finding.remediation("Withdraw the request; let somebody else ask, or somebody else approve."),
        );
    }
    (seats.len() > 1).then(|| {
        let message = format!("one person has approved in the seats {named}");
        Finding::error("one-person-two-seats", message)
            .remediation("Let a different person approve in each seat.")
    })
}

fn requirement(seat: &str, count: u32, why: &str) -> SeatRequirement {
    SeatRequirement { seat: seat.to_owned(), count, reason: format!("two-person rule: {why}") }
}

fn summary(wanted: &Seats, why: &str, denials: usize) -> String {
    let seats: Vec<String> = wanted.iter().map(|(seat, count)| format!("{count} × {seat}")).collect();
    match (seats.is_empty(), denials) {
        (true, _) => format!("nobody further is needed ({why})"),
        (false, 0) => format!("needs {} ({why})", seats.join(", ")),
        (false, _) => format!("needs {} ({why}), and an approval breaks the rule", seats.join(", ")),
    }
}

fn contradictions(place: &str, seats: &Seats) -> Vec<ConfigError> {
    let wrong = seats.iter().filter(|(seat, count)| **count == 0 || seat.trim().is_empty());
    wrong
        .map(|(seat, _)| {
            ConfigError::at(format!("{place}/{seat}"), "a seat has a name and at least one person")
        })
        .collect()
}

fn two_reviewers() -> Seats {
    BTreeMap::from([("reviewer".to_owned(), 2)])
}

#[cfg(test)]
mod tests {
    use countersign_sdk::testing;

    use super::TwoPerson;

    #[test]
    fn cases() -> Result<(), testing::Failures> {
        testing::rule_cases::<TwoPerson>("cases")
    }

    #[test]
    fn the_reason_names_the_tier() {
        let given =
            testing::version("m", "1").tier("high").with(|given| given.requester = Some("ada".to_owned()));
        let ruling = given.config(r#"{"tiers":{"high":{"risk":2}}}"#).decide::<TwoPerson>().unwrap();
        assert_eq!(ruling.summary, "needs 2 × risk (tier `high`)");
        assert_eq!(ruling.seats[0].reason, "two-person rule: tier `high`");
    }
}
