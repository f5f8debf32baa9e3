//! A promotion request: who must act next, what was found, what exactly will be written, and the form to sign it.

use askama::Template;
use countersign_core::check::{Conclusion, Finding, Severity};
use countersign_core::difference::Change;

use super::discussion::{Discussion, Thread};
use super::inbox::CheckTally;
use super::parts::count;
use super::{Chip, Chrome, ModelAt, Person, When};

#[derive(Debug, Template)]
#[template(path = "request.html")]
pub struct RequestPage {
    pub chrome: Chrome,
    pub id: String,
    /// `Set alias champion of credit to version 7`.
    pub title: String,
    /// State first, then flags.
    pub chips: Vec<Chip>,
    /// One sentence that says who must act next.
    pub headline: String,
    pub model: ModelAt,
    pub version: Option<String>,
    pub requester: Person,
    pub opened: When,
    /// What a viewer must know before anything else: stale, bypassed, policy changed.
    pub notices: Vec<Notice>,
    pub gates: Vec<GateRow>,
    /// In any order: the page shows failures first.
    pub checks: Vec<CheckRow>,
    pub write: Write,
    /// Labels and values of what is judged: source, run, created, manifest digest.
    pub subject: Vec<(&'static str, String)>,
    /// The digest that a review binds to.
    pub subject_digest: String,
    pub timeline: Vec<Event>,
    pub panel: ReviewPanel,
    pub discussion: Discussion,
    pub may_withdraw: bool,
    /// Nothing is missing and the viewer can have Countersign make the change.
    pub may_apply: bool,
    /// What has changed since somebody approved it.
    pub changes: Vec<Change>,
    /// What the write would change of what is said about the version or its model.
    pub writes: Vec<Change>,
    /// What renewing means for this request, where the viewer can.
    pub renew: Option<&'static str>,
    /// The viewer may open the gate in an emergency: the form, with what was typed before.
    pub emergency: Option<EmergencyForm>,
    /// The seat in which the viewer is to look at it after the fact.
    pub sample: Option<String>,
    /// What the viewer may say of an approval whose write was made: word, button, what follows.
    pub words: Vec<(&'static str, &'static str, &'static str)>,
    /// The request for the same write that ended before this one.
    pub previous: Option<String>,
    /// Told once after a form was sent: `Your approval is recorded.`
    pub told: Option<String>,
}

/// Something out of the ordinary, with what to do about it.
#[derive(Debug, Clone)]
pub struct Notice {
    pub title: &'static str,
    pub text: String,
    pub warning: bool,
}

#[derive(Debug, Clone)]
pub struct GateRow {
    pub name: String,
    pub enforced: bool,
    pub tier: Option<String>,
    /// What the tier was found by: `model.tags["risk"] = "high"`.
    pub tier_facts: Vec<String>,
    pub seats: Vec<SeatRow>,
    /// What of the separation of duties nobody can prove.
    pub unproven: Vec<String>,
}

#[derive(Debug, Clone)]
pub struct SeatRow {
    pub seat: String,
    pub needed: u32,
    pub signed: Vec<Person>,
    /// Who may sign, by name.
    pub members: Vec<String>,
}

/// What was typed to break the glass, when it was not taken.
#[derive(Debug, Clone, Default)]
pub struct EmergencyForm {
    pub reason: String,
    pub ticket: String,
    pub drill: bool,
    pub error: Option<String>,
}

impl SeatRow {
    fn is_full(&self) -> bool {
        u32::try_from(self.signed.len()).unwrap_or(u32::MAX) >= self.needed
    }

    /// One mark for each signature that is needed: whether it is there. More than a few are told by their number.
    fn marks(&self) -> Vec<bool> {
        let signed = u32::try_from(self.signed.len()).unwrap_or(u32::MAX);
        (0..self.needed.min(12)).map(|place| place < signed).collect()
    }
}

#[derive(Debug, Clone)]
pub struct CheckRow {
    pub plugin: String,
    pub conclusion: Conclusion,
    pub required: bool,
    pub summary: String,
    pub findings: Vec<Finding>,
    pub plugin_digest: String,
    pub outcome_digest: String,
    pub ran: When,
    /// `18 ms`.
    pub took: String,
    /// The viewer must open the findings before they vote, and has not.
    pub sealed: bool,
    /// Who has opened these findings, and when first.
    pub opened: Vec<(Person, When)>,
    pub opened_by_viewer: bool,
}

impl CheckRow {
    fn chip(&self) -> Chip {
        Chip::of_conclusion(self.conclusion)
    }

    /// Whoever must act should not have to open anything.
    const fn is_open(&self) -> bool {
        matches!(self.conclusion, Conclusion::Fail | Conclusion::Error)
    }

    fn findings_word(&self) -> String {
        count(self.findings.len(), "finding", "findings")
    }

    /// `>=` as people write it.
    fn comparator(finding: &Finding) -> &str {
        match finding.comparator.as_deref().unwrap_or_default() {
            ">=" => "≥",
            "<=" => "≤",
            "==" => "=",
            "!=" => "≠",
            other => other,
        }
    }

    fn severity(finding: &Finding) -> Chip {
        match finding.severity {
            Severity::Error => Chip::of_conclusion(Conclusion::Fail),
            Severity::Warning => Chip::of_conclusion(Conclusion::Warn),
            Severity::Info => Chip::new("Note", "note", super::Tone::Quiet),
        }
    }
}

/// What goes to MLflow when the request is applied, byte for byte.
#[derive(Debug, Clone)]
pub struct Write {
    /// It has been made.
    pub made: bool,
    pub method: String,
    pub path: String,
    pub body: String,
}

/// One line of the history.
#[derive(Debug, Clone)]
pub struct Event {
    pub when: When,
    pub actor: Option<Person>,
    /// `approved in seat risk`.
    pub what: String,
    pub icon: &'static str,
    pub tone: super::Tone,
    /// A rationale, in its author's words.
    pub note: Option<String>,
    /// An electronic signature in full.
    pub signature: Option<String>,
    /// The ledger entry that proves it.
    pub entry: Option<u64>,
}

/// What the viewer can do.
#[derive(Debug, Clone)]
pub enum ReviewPanel {
    /// Fill a seat.
    Sign(ReviewForm),
    /// Comment, and the reason why not sign.
    Comment { why_not_sign: String, form: ReviewForm },
    /// Nothing, and why. What was typed before it ended is not lost.
    Closed { why: String, form: ReviewForm },
    /// Nothing before signing in.
    SignIn,
}

#[derive(Debug, Clone, Default)]
pub struct ReviewForm {
    /// The seats that the viewer may fill.
    pub seats: Vec<String>,
    /// What they must do before they can say yes or no.
    pub wait: Option<String>,
    /// What was typed before, when the form comes back with an error.
    pub rationale: String,
    /// It was the form to reject that came back.
    pub rejecting: bool,
    pub error: Option<String>,
    pub proof: ProofField,
}

/// What the tier asks of a signature besides a name.
#[derive(Debug, Clone, Default)]
pub enum ProofField {
    #[default]
    None,
    /// The password again.
    Password { name: String },
    /// A way to the identity provider and back, before the signature.
    Confirm { name: String },
    /// They have just been there.
    Confirmed { name: String },
    /// This way of signing in cannot do it.
    Impossible,
}

impl ReviewPanel {
    /// Whether there is anything for the viewer to do in it.
    const fn asks(&self) -> bool {
        !matches!(self, Self::Closed { .. })
    }
}

impl RequestPage {
    /// Failures first, then what could not be judged, warnings, skipped, passed; required ones before others.
    fn ordered_checks(&self) -> Vec<&CheckRow> {
        let rank = |check: &&CheckRow| {
            let conclusion = match check.conclusion {
                Conclusion::Fail => 0,
                Conclusion::Error => 1,
                Conclusion::Warn => 2,
                Conclusion::Skipped => 3,
                Conclusion::Pass => 4,
            };
            (conclusion, !check.required)
        };
        let mut checks: Vec<&CheckRow> = self.checks.iter().collect();
        checks.sort_by_key(rank);
        checks
    }

    #[must_use]
    pub fn tally(&self) -> CheckTally {
        let number = |wanted: &[Conclusion]| {
            self.checks.iter().filter(|check| wanted.contains(&check.conclusion)).count()
        };
        CheckTally {
            failed: number(&[Conclusion::Fail, Conclusion::Error]),
            warned: number(&[Conclusion::Warn]),
            passed: number(&[Conclusion::Pass]),
            skipped: number(&[Conclusion::Skipped]),
        }
    }

    fn reviews_url(&self) -> String {
        format!("{}/reviews", self.chrome.request_url(&self.id))
    }

    fn comments_url(&self) -> String {
        format!("{}/comments", self.chrome.request_url(&self.id))
    }

    fn resolve_url(&self, thread: &Thread) -> String {
        format!("{}/{}/resolve", self.comments_url(), thread.id)
    }

    fn apply_url(&self) -> String {
        format!("{}/apply", self.chrome.request_url(&self.id))
    }

    fn renew_url(&self) -> String {
        format!("{}/renew", self.chrome.request_url(&self.id))
    }

    fn break_glass_url(&self) -> String {
        format!("{}/break-glass", self.chrome.request_url(&self.id))
    }

    fn standing_url(&self) -> String {
        format!("{}/standing", self.chrome.request_url(&self.id))
    }

    fn sample_url(&self) -> String {
        format!("{}/sample", self.chrome.request_url(&self.id))
    }

    fn evidence_url(&self, check: &CheckRow) -> String {
        format!("{}/evidence/{}", self.chrome.request_url(&self.id), check.plugin)
    }

    /// Everything that it rests on, to take away.
    fn file_url(&self) -> String {
        format!("{}/api/v1/requests/{}/evidence", self.chrome.base, self.id)
    }

    fn confirm_url(&self) -> String {
        format!("{}/confirm", self.chrome.request_url(&self.id))
    }

    fn withdraw_url(&self) -> String {
        format!("{}/withdraw", self.chrome.request_url(&self.id))
    }

    /// Digests and addresses are set in a typeface whose letters cannot be mistaken.
    fn is_address(value: &str) -> bool {
        !value.contains(' ') && value.contains(':')
    }

    fn has_seats(&self) -> bool {
        self.gates.iter().any(|gate| !gate.seats.is_empty())
    }
}
