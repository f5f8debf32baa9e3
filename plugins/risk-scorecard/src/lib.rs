//! Adds up weighted answers about a version and asks for people by the band of the score.
//!
//! What is not answered counts as the worst answer, so that leaving something out never lowers a score.

mod card;

use std::collections::BTreeMap;

use card::Question;
use countersign_sdk::prelude::*;

/// The configuration of one gate.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RiskScorecard {
    questions: Vec<Question>,
    /// From the lowest score up; the last has no end.
    bands: Vec<Band>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Band {
    name: String,
    up_to: Option<u64>,
    #[serde(default)]
    seats: BTreeMap<String, u32>,
    #[serde(default)]
    deny: bool,
}

impl Rule for RiskScorecard {
    fn problems(&self) -> Vec<ConfigError> {
        let questions = self.questions.iter().enumerate().filter_map(|(i, question)| {
            question.problem().map(|problem| ConfigError::at(format!("/questions/{i}"), problem))
        });
        questions.chain(self.unended()).chain(self.relaxing()).collect()
    }

    fn decide(&self, input: &RuleInput) -> Result<Ruling, CannotJudge> {
        let scored: Vec<_> = self.questions.iter().map(|q| (q, q.score(&input.version))).collect();
        let score: u64 = scored.iter().map(|(_, scored)| scored.points).sum();
        let worst: u64 = self.questions.iter().map(Question::worst).sum();
        let unanswered = scored.iter().filter(|(_, scored)| !scored.answered);
        let unanswered: Vec<&str> = unanswered.map(|(question, _)| question.id.as_str()).collect();
        let band = self.band(score).ok_or("no band of the scorecard has this score")?;
        let summary = summary(score, worst, &band.name, &unanswered);
        let seat = |(seat, count): (&String, &u32)| SeatRequirement {
            seat: seat.clone(),
            count: *count,
            reason: format!("scorecard: {summary}"),
        };
        let seats = band.seats.iter().map(seat).collect();
        let denials = band.deny.then(|| denial(&summary, score, self.allowed())).into_iter().collect();
        Ok(Ruling { summary, seats, denials, extensions: Vec::new() })
    }
}

impl RiskScorecard {
    fn band(&self, score: u64) -> Option<&Band> {
        self.bands.iter().find(|band| band.up_to.is_none_or(|end| score <= end))
    }

    /// The highest score that is not refused.
    fn allowed(&self) -> Option<u64> {
        self.bands.iter().take_while(|band| !band.deny).last().and_then(|band| band.up_to)
    }

    /// Every score has one band: each ends above the one before it, and only the last has no end.
    fn unended(&self) -> Vec<ConfigError> {
        let last = self.bands.len().saturating_sub(1);
        let mut wrong = Vec::new();
        let mut before = None;
        for (i, band) in self.bands.iter().enumerate() {
            if band.up_to.is_none() != (i == last) {
                let message = "every band but the last has `up_to`, and the last has none";
                wrong.push(ConfigError::at(format!("/bands/{i}"), message));
            } else if band.up_to.is_some() && band.up_to <= before {
                wrong.push(ConfigError::at(format!("/bands/{i}/up_to"), "bands go from the lowest score up"));
            }
            before = band.up_to.or(before);
        }
        wrong
    }

    /// A worse band asks for at least as much: otherwise a higher risk would need fewer people.
    fn relaxing(&self) -> Vec<ConfigError> {
        let pairs = self.bands.iter().zip(self.bands.iter().skip(1)).enumerate();
        let relaxes = |(_, (better, worse)): &(usize, (&Band, &Band))| {
            let fewer =
                |(seat, count): (&String, &u32)| worse.seats.get(seat).is_none_or(|other| other < count);
            !worse.deny && (better.deny || better.seats.iter().any(fewer))
        };
        pairs
            .filter(relaxes)
            .map(|(i, _)| {
                let place = format!("/bands/{}", i + 1);
                ConfigError::at(place, "a worse band asks for at least as many people as the one before it")
            })
            .collect()
    }
}

countersign_sdk::rule!(RiskScorecard);

fn denial(summary: &str, score: u64, allowed: Option<u64>) -> Finding {
    let finding = Finding::error("risk-too-high", format!("nothing of this band is promoted: {summary}"))
        .measured(score)
        .remediation("Answer what is not answered, or lower the risk; then ask again.");
    match allowed {
        Some(allowed) => finding.threshold("<=", allowed),
        None => finding,
    }
}

fn summary(score: u64, worst: u64, band: &str, unanswered: &[&str]) -> String {
    let scored = format!("score {score} of at most {worst}, band `{band}`");
    if unanswered.is_empty() {
        return scored;
    }
    let named: Vec<String> = unanswered.iter().map(|id| format!("`{id}`")).collect();
    format!("{scored}; not answered, and counted as the worst: {}", named.join(", "))
}

#[cfg(test)]
mod tests {
    use countersign_sdk::testing;

    use super::RiskScorecard;

    const CARD: &str = r#"{
        "questions": [
            {"id": "impact", "read": "tag.impact", "weight": 3, "answers": {"low": 0, "high": 5}},
            {"id": "quality", "read": "metric.auc", "below": [{"value": "0.8", "points": 2}]}
        ],
        "bands": [{"name": "low", "up_to": 2}, {"name": "high", "seats": {"risk": 2}}]
    }"#;

    #[test]
    fn cases() -> Result<(), testing::Failures> {
        testing::rule_cases::<RiskScorecard>("cases")
    }

    #[test]
    fn what_is_not_answered_is_listed() {
        let given = testing::version("m", "1").metric("auc", "0.91").config(CARD);
        let ruling = given.decide::<RiskScorecard>().unwrap();
        let expect = "score 15 of at most 17, band `high`; not answered, and counted as the worst: `impact`";
        assert_eq!(ruling.summary, expect);
        assert_eq!(ruling.seats[0].reason, format!("scorecard: {expect}"));
    }

    /// Whatever is answered, leaving it out scores at least as much.
    #[test]
    fn leaving_an_answer_out_never_lowers_the_score() {
        let seats = |given: testing::Given| {
            let ruling = given.config(CARD).decide::<RiskScorecard>().unwrap();
            ruling.seats.iter().map(|seat| seat.count).sum::<u32>()
        };
        for impact in ["low", "high", "HIGH ", "unheard of"] {
            for auc in ["0.7", "0.8", "NaN", "1e400"] {
                let full = testing::version("m", "1").tag("impact", impact).metric("auc", auc);
                let fewer = [
                    testing::version("m", "1").tag("impact", impact),
                    testing::version("m", "1").metric("auc", auc),
                ];
                for given in fewer {
                    assert!(seats(given) >= seats(full.clone()), "{impact} {auc}");
                }
            }
        }
    }
}
