//! Approval rules: executed at every judgement, because they depend on the reviews.

use std::sync::Arc;

use countersign_core::canonical;
use countersign_core::check::{CheckRun, RuleRun};
use countersign_core::policy::{GateMatch, Rule};
use countersign_core::review::{Authors, Review, Vote};

use super::evidence::Evidence;
use super::generation::Generation;
use super::run_checks::{Target, keep_transcript};
use super::sources::LiveSources;
use super::{App, AppError};
use crate::plugins::{self, RuleCheck, RuleInput, RuleRecord, RuleReview};

/// What rules are told besides the subject.
#[derive(Clone, Copy)]
pub(super) struct Circumstances<'a> {
    pub(super) runs: &'a [CheckRun],
    pub(super) reviews: &'a [Review],
    pub(super) authors: &'a Authors,
}

impl App {
    /// Runs the rules of every gate, each once per gate.
    pub(super) async fn run_rules(
        &self,
        generation: &Generation,
        gates: &[GateMatch<'_>],
        target: Target<'_>,
        around: Circumstances<'_>,
    ) -> Result<(Vec<RuleRun>, Evidence), AppError> {
        let (mut runs, mut evidence) = (Vec::new(), Evidence::default());
        for gate in gates.iter().map(|matched| matched.gate) {
            for rule in &gate.rules {
                let run = self.run_rule(generation, rule, target, around, &mut evidence).await?;
                runs.push(RuleRun { gate: Some(gate.name.clone()), ..run });
            }
        }
        Ok((runs, evidence))
    }

    async fn run_rule(
        &self,
        generation: &Generation,
        rule: &Rule,
        target: Target<'_>,
        around: Circumstances<'_>,
        evidence: &mut Evidence,
    ) -> Result<RuleRun, AppError> {
        let plugin = generation.plugin(&rule.plugin)?;
        let started_at = self.clock.now();
        let input = Arc::new(RuleInput::new(RuleRecord {
            format: 1,
            version: target.version().clone(),
            action: target.action.clone(),
            tier: target.tier.cloned(),
            requester: around.authors.requester.clone(),
            checks: around.runs.iter().map(RuleCheck::from).collect(),
            reviews: around.reviews.iter().filter_map(rule_review).collect(),
            config: canonical::to_string(&rule.config)?,
            now: started_at,
        }));
        let sources = LiveSources::new(self, target.snapshot);
        let evaluation = self.engine.evaluate_rule(plugin, &input, Arc::new(sources)).await;
        let transcript_digest = keep_transcript(&evaluation, evidence)?;
        Ok(RuleRun {
            plugin: rule.plugin.clone(),
            gate: None,
            plugin_digest: plugin.digest(),
            input_digest: evidence.keep_as(input.digest()?, input.canonical()?),
            transcript_digest,
            outcome: evaluation.outcome,
            started_at,
        })
    }
}

/// The plugins' interface knows no abstention: to a rule it is a vote that was not cast.
fn rule_review(review: &Review) -> Option<RuleReview> {
    Some(RuleReview {
        reviewer: review.reviewer.clone(),
        seat: review.seat.clone(),
        vote: match review.vote {
            Vote::Approve => plugins::Vote::Approve,
            Vote::Reject => plugins::Vote::Reject,
            Vote::Comment => plugins::Vote::Comment,
            Vote::Recuse => plugins::Vote::Recuse,
            Vote::Abstain => return None,
        },
        at: review.at,
    })
}
