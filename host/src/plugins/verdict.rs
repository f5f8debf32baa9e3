//! What a guest gave, held against its limits. It knows nothing of how the guest was run.

use countersign_core::check::{Failure, FailureClass};

use super::bindings::{rules, types as wit};
use super::failure::failure;
use super::limits::Limits;
use super::log::truncate;

/// A guest that gives up after a budget was refused to it failed for that and not for its own reasons.
pub(super) fn undecided(limits: &Limits, refused: bool) -> impl FnOnce(String) -> Failure {
    let bytes = limits.text_bytes as usize;
    let class = if refused { FailureClass::HostCallBudget } else { FailureClass::Undecided };
    move |mut reason| {
        truncate(&mut reason, bytes);
        failure(class, format!("the plugin could not judge: {reason}"))
    }
}

/// A result of a guest, with the findings in it and its longest text.
pub(super) trait Answer {
    fn findings(&self) -> usize;
    fn longest_text(&self) -> usize;
}

pub(super) fn bounded<T: Answer>(answer: T, limits: &Limits) -> Result<T, Failure> {
    let invalid = |what: String| Err(failure(FailureClass::InvalidResult, what));
    let (findings, text) = (answer.findings(), answer.longest_text());
    if findings > limits.findings as usize {
        let allowed = limits.findings;
        return invalid(format!("the plugin gave {findings} findings; `findings` allows {allowed}"));
    }
    if text > limits.text_bytes as usize {
        let allowed = limits.text_bytes;
        return invalid(format!("the plugin gave a text of {text} bytes; `text-bytes` allows {allowed}"));
    }
    Ok(answer)
}

impl Answer for wit::Report {
    fn findings(&self) -> usize {
        self.findings.len().max(self.extensions.len())
    }

    fn longest_text(&self) -> usize {
        let findings = self.findings.iter().map(longest_in).max();
        self.summary.len().max(longest_of(&self.extensions)).max(findings.unwrap_or(0))
    }
}

impl Answer for rules::Ruling {
    fn findings(&self) -> usize {
        self.denials.len().max(self.seats.len()).max(self.extensions.len())
    }

    fn longest_text(&self) -> usize {
        let findings = self.denials.iter().map(longest_in).max().unwrap_or(0);
        let seats = self.seats.iter().map(|wanted| wanted.seat.len().max(wanted.reason.len())).max();
        self.summary.len().max(longest_of(&self.extensions)).max(findings).max(seats.unwrap_or(0))
    }
}

fn longest_of(extensions: &wit::Extensions) -> usize {
    let bytes = extensions.iter().map(|(name, json)| name.len() + json.len());
    bytes.sum()
}

fn longest_in(finding: &wit::Finding) -> usize {
    let optional = [&finding.measured, &finding.comparator, &finding.threshold, &finding.segment];
    let optional = optional.into_iter().chain([&finding.remediation]);
    let longest = optional.flatten().map(String::len).max().unwrap_or(0);
    longest.max(finding.code.len()).max(finding.message.len()).max(longest_of(&finding.extensions))
}
