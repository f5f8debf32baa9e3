//! The small, fixed vocabulary by which a pack says which evidence answers a clause.

use serde::{Deserialize, Serialize};

use super::Audit;

/// One kind of evidence that a document may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Selector {
    /// Versions with who registered them.
    Versions,
    /// Digests over the files of versions.
    Files,
    /// Which version held which name when.
    Holders,
    /// Requests and how they were decided.
    Decisions,
    /// Check runs.
    Checks,
    /// What checks found.
    Findings,
    /// Votes in seats, with reasons.
    Signatures,
    /// Votes whose author proved anew who they are.
    ElectronicSignatures,
    /// Signers who had no part in the work.
    Separation,
    /// Risk classes and the facts they were found by.
    Tiers,
    Waivers,
    BreakGlass,
    Bypasses,
    /// Validity, warnings and validation again.
    Expiry,
    /// Suspensions, revocations, fallbacks.
    Withdrawals,
    /// Reviews after the fact.
    Samples,
    /// What was opened before a vote.
    EvidenceOpened,
    Refusals,
    Policies,
    /// The signed tree.
    Ledger,
    Metrics,
    Datasets,
    Parameters,
    Description,
    Tags,
    RunAuthor,
}

/// How much a piece of evidence can be relied on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Basis {
    Verified,
    Asserted,
}

impl Basis {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Verified => "verified",
            Self::Asserted => "asserted",
        }
    }
}

/// How much of a kind of evidence there is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    pub evidence: Selector,
    pub basis: Basis,
    pub count: u64,
    pub says: String,
    /// The section of the document that has it.
    pub section: String,
}

impl Selector {
    #[must_use]
    pub const fn basis(self) -> Basis {
        match self {
            Self::Metrics
            | Self::Datasets
            | Self::Parameters
            | Self::Description
            | Self::Tags
            | Self::RunAuthor => Basis::Asserted,
            _ => Basis::Verified,
        }
    }

    const fn words(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Versions => ("version", "versions", "versions"),
            Self::Files => ("digest over a version's files", "digests over versions' files", "versions"),
            Self::Holders => ("time that a name was held", "times that names were held", "held"),
            Self::Decisions => ("decision", "decisions", "decisions"),
            Self::Checks => ("check run", "check runs", "decisions"),
            Self::Findings => ("report of a check", "reports of checks", "decisions"),
            Self::Signatures => ("reasoned sign-off", "reasoned sign-offs", "decisions"),
            Self::ElectronicSignatures => ("electronic signature", "electronic signatures", "decisions"),
            Self::Separation => {
                ("signer who had no part in the work", "signers who had no part in the work", "decisions")
            }
            Self::Tiers => ("decision with a risk tier", "decisions with a risk tier", "decisions"),
            Self::Waivers => ("waiver", "waivers", "exceptions"),
            Self::BreakGlass => ("emergency", "emergencies", "exceptions"),
            Self::Bypasses => ("move without a permit", "moves without a permit", "exceptions"),
            Self::Expiry => ("expiry or validation again", "expiries and validations again", "decisions"),
            Self::Withdrawals => {
                ("suspension, revocation or fallback", "suspensions, revocations and fallbacks", "decisions")
            }
            Self::Samples => ("review after the fact", "reviews after the fact", "decisions"),
            Self::EvidenceOpened => ("opening of evidence", "openings of evidence", "decisions"),
            Self::Refusals => ("refused call or signature", "refused calls and signatures", "decisions"),
            Self::Policies => ("policy in force", "policies in force", "policies"),
            Self::Ledger => (
                "ledger entry under a signed checkpoint",
                "ledger entries under a signed checkpoint",
                "ledger",
            ),
            Self::Metrics => ("logged metric", "logged metrics", "asserted"),
            Self::Datasets => ("logged dataset", "logged datasets", "asserted"),
            Self::Parameters => ("logged parameter", "logged parameters", "asserted"),
            Self::Description => ("description", "descriptions", "asserted"),
            Self::Tags => ("tag", "tags", "asserted"),
            Self::RunAuthor => ("run with a named author", "runs with a named author", "asserted"),
        }
    }

    /// How much of it a document holds.
    #[must_use]
    pub fn found(self, audit: &Audit) -> Found {
        let count =
            if self.basis() == Basis::Verified { verified(self, audit) } else { claimed(self, audit) };
        let (one, many, section) = self.words();
        let says = match count {
            0 => format!("no {one}"),
            1 => format!("1 {one}"),
            count => format!("{count} {many}"),
        };
        Found { evidence: self, basis: self.basis(), count: count as u64, says, section: section.to_owned() }
    }
}

fn verified(selector: Selector, audit: &Audit) -> usize {
    let of = &audit.verified;
    let decisions = || of.decisions.iter();
    let reviews =
        || decisions().flat_map(|decision| &decision.behind.reviews).filter(|review| review.vote.decides());
    let happened = |kinds: &[&str]| {
        decisions()
            .flat_map(|decision| &decision.happened)
            .filter(|said| kinds.contains(&said.kind.as_str()))
            .count()
    };
    match selector {
        Selector::Versions => of.versions.len(),
        Selector::Files => of.versions.iter().filter(|version| version.manifest.is_some()).count(),
        Selector::Holders => of.held.len(),
        Selector::Decisions => of.decisions.len(),
        Selector::Checks => decisions().map(|decision| decision.behind.checks.len()).sum(),
        Selector::Findings => {
            decisions().flat_map(|decision| &decision.findings).filter(|f| f.summary.is_some()).count()
        }
        Selector::Signatures => reviews().count(),
        Selector::ElectronicSignatures => reviews().filter(|review| review.signature.is_some()).count(),
        Selector::Separation => {
            decisions().flat_map(|d| &d.separation.signers).filter(|signer| signer.own_work.is_none()).count()
        }
        Selector::Tiers => decisions().filter(|decision| decision.behind.tier.is_some()).count(),
        Selector::Waivers => of.exceptions.waivers.len(),
        Selector::BreakGlass => of.exceptions.break_glass.len(),
        Selector::Bypasses => of.exceptions.bypasses.len(),
        Selector::Expiry => happened(&["expiring", "expired", "tier-drift"]),
        Selector::Withdrawals => happened(&["suspended", "resumed", "revoked", "falling-back", "undermined"]),
        Selector::Samples => happened(&["sample-reviewed"]),
        Selector::EvidenceOpened => happened(&["evidence-opened"]),
        Selector::Refusals => {
            let refused: u64 = decisions().map(|decision| decision.refused).sum();
            usize::try_from(refused).unwrap_or(usize::MAX) + happened(&["review-refused"])
        }
        Selector::Policies => of.policies.len(),
        Selector::Ledger => usize::try_from(audit.ledger.entries).unwrap_or(usize::MAX),
        _ => 0,
    }
}

fn claimed(selector: Selector, audit: &Audit) -> usize {
    let each = audit.asserted.iter();
    match selector {
        Selector::Metrics => each.map(|asserted| asserted.metrics.len()).sum(),
        Selector::Datasets => each.map(|asserted| asserted.datasets.len()).sum(),
        Selector::Parameters => each.map(|asserted| asserted.params.len()).sum(),
        Selector::Description => {
            each.map(|a| usize::from(a.description.is_some() || a.model_description.is_some())).sum()
        }
        Selector::Tags => each.map(|asserted| asserted.tags.len() + asserted.model_tags.len()).sum(),
        Selector::RunAuthor => each.filter(|asserted| asserted.run_by.is_some()).count(),
        _ => 0,
    }
}
