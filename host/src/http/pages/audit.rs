//! The audit document as one page that needs nothing else: no script, no other file, made for paper.

use askama::Template;
use base64::Engine as _;
use countersign_core::audit::{Audit, Cover, Decision};
use countersign_core::held::{Holding, Standing};
use countersign_core::names::PersonId;
use countersign_core::time::Millis;

use super::Tone;
use super::insights::ink_of;
use super::pictures::{Ink, Lane, Strip, strips};

const STYLE: &str = include_str!("../../../ui/assets/audit.css");

/// Lanes that a picture still tells apart; the table has them all.
const LANES: usize = 20;

#[derive(Debug, Template)]
#[template(path = "audit.html")]
pub struct AuditPage<'a> {
    pub audit: &'a Audit,
    pub style: &'static str,
    /// SVG.
    pub picture: String,
    pub legend: Vec<(Ink, &'static str)>,
}

/// The whole document.
#[must_use]
pub fn render(audit: &Audit) -> String {
    let page = AuditPage { audit, style: STYLE, picture: picture(audit), legend: legend(audit) };
    super::Page::render(&page)
}

/// Lets the style sheet that is part of it through, and nothing else.
#[must_use]
pub fn content_security_policy() -> String {
    let hash = ring::digest::digest(&ring::digest::SHA256, STYLE.as_bytes());
    let hash = base64::engine::general_purpose::STANDARD.encode(hash);
    format!(
        "default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
}

fn picture(audit: &Audit) -> String {
    let now = audit.made.at;
    let mut lanes: Vec<(String, Lane)> = Vec::new();
    for held in &audit.verified.held {
        let label = format!("{} v{}", held.name.bare(), held.version);
        let strip = strip(held, now);
        match lanes.iter_mut().find(|(of, _)| *of == label) {
            Some((_, lane)) => lane.strips.push(strip),
            None => lanes.push((label.clone(), Lane { label, strips: vec![strip] })),
        }
    }
    let lanes: Vec<Lane> = lanes.into_iter().rev().take(LANES).map(|(_, lane)| lane).collect();
    let title = format!("Who held which alias and stage of {}, when", audit.model);
    strips("held", &title, "One lane for each name and version; the table below says the same.", &lanes, now)
}

fn strip(held: &Holding, now: Millis) -> Strip {
    let until = held.until.map_or_else(|| "now".to_owned(), day);
    Strip {
        from: held.from,
        until: held.until.unwrap_or(now),
        ink: ink_of(held.standing),
        words: format!(
            "{} version {}: {}, {} to {until}",
            held.name.bare(),
            held.version,
            held.standing.words(),
            day(held.from)
        ),
        href: format!("#held-{}", held.entry),
    }
}

fn legend(audit: &Audit) -> Vec<(Ink, &'static str)> {
    let there = |standing: &Standing| audit.verified.held.iter().any(|held| held.standing == *standing);
    Standing::ALL.into_iter().filter(there).map(|standing| (ink_of(standing), standing.words())).collect()
}

/// `2026-11-22 20:40 UTC`.
fn day(at: Millis) -> String {
    let exact = at.to_string();
    match (exact.get(..10), exact.get(11..16)) {
        (Some(day), Some(minute)) => format!("{day} {minute} UTC"),
        _ => exact,
    }
}

impl AuditPage<'_> {
    #[must_use]
    pub fn day(&self, at: &Millis) -> String {
        day(*at)
    }

    #[must_use]
    pub fn who(&self, person: &PersonId) -> String {
        self.audit.call(person)
    }

    #[must_use]
    pub fn list(&self, people: &[PersonId]) -> String {
        people.iter().map(|person| self.audit.call(person)).collect::<Vec<_>>().join(", ")
    }

    #[must_use]
    pub fn tone(&self, standing: &Standing) -> &'static str {
        match standing {
            Standing::Approved | Standing::Unasked | Standing::Fallback | Standing::PutBack => "good",
            Standing::Expired | Standing::Before => "warning",
            Standing::BreakGlass | Standing::TakenBack | Standing::Bypassed => Tone::Bad.class(),
        }
    }

    #[must_use]
    pub fn outcome(&self, decision: &Decision) -> (&'static str, &'static str) {
        match decision.outcome.as_str() {
            "applied" if decision.behind.break_glass.is_some() => ("Made by break-glass", "bad"),
            "applied" if decision.is_signed() => ("Approved and made", "good"),
            "applied" => ("Made, nobody was asked", "quiet"),
            "rejected" => ("Rejected", "bad"),
            "withdrawn" => ("Withdrawn", "quiet"),
            "lapsed" => ("Lapsed", "quiet"),
            "not-made" => ("Allowed, not made", "warning"),
            "unknown" => ("Outcome not known", "warning"),
            _ => ("Not let through", "warning"),
        }
    }

    #[must_use]
    pub fn conclusion(&self, conclusion: &str) -> &'static str {
        match conclusion {
            "pass" => "good",
            "warn" => "warning",
            "fail" | "error" => "bad",
            _ => "quiet",
        }
    }

    #[must_use]
    pub fn cover(&self, cover: &Cover) -> &'static str {
        match cover {
            Cover::Answered => "good",
            Cover::InPart => "waiting",
            Cover::NothingRecorded => "warning",
            Cover::NotCovered => "quiet",
        }
    }

    #[must_use]
    pub fn signed(&self) -> usize {
        self.audit.verified.decisions.iter().filter(|decision| decision.is_signed()).count()
    }

    #[must_use]
    pub fn exceptions(&self) -> usize {
        let exceptions = &self.audit.verified.exceptions;
        exceptions.waivers.len() + exceptions.break_glass.len() + exceptions.bypasses.len()
    }

    #[must_use]
    pub fn seconds(&self, millis: &i64) -> String {
        let seconds = millis / 1_000;
        match seconds {
            0..60 => format!("{seconds} s"),
            60..3_600 => format!("{} min", seconds / 60),
            _ => format!("{} h", seconds / 3_600),
        }
    }

    #[must_use]
    pub fn span(&self) -> String {
        match (self.audit.made.range.from, self.audit.made.range.to) {
            (None, None) => "all that the ledger holds".to_owned(),
            (Some(from), None) => format!("from {} on", day(from)),
            (None, Some(to)) => format!("until {}", day(to)),
            (Some(from), Some(to)) => format!("{} to {}", day(from), day(to)),
        }
    }
}

#[cfg(test)]
mod tests {
    use countersign_core::audit::{LedgerSeen, Range};
    use countersign_core::digest::Digest;

    use super::*;
    use crate::app::{AccountReader, audit_without_evidence, made, packs};

    const STORY: &str = include_str!("../../../../tests/fixtures/formats/ledger.v1.jsonl");

    fn document() -> Audit {
        let mut reader = AccountReader::new("default".into(), "credit".into());
        for line in STORY.lines() {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            if let (Some(index), Some(json)) = (line["index"].as_u64(), line["entry"].as_str()) {
                reader.read(index, json);
            }
        }
        let (origin, vkey, checkpoint) = ("here".to_owned(), "here+1+x".to_owned(), "a note".to_owned());
        let seen = LedgerSeen { origin, vkey, entries: 159, root: Digest::of(b""), checkpoint };
        let made = made(Millis::new(1_795_900_000_000), Range::default());
        audit_without_evidence(&reader.finish(), seen, made).against(&packs().unwrap())
    }

    #[test]
    fn the_page_needs_nothing_else_and_lets_nothing_in() {
        let mut audit = document();
        audit.gaps.push("<script>alert(1)</script>".to_owned());
        let html = render(&audit);
        for foreign in ["<script", "<link", "<img", "src=", "@import", "url("] {
            assert!(!html.contains(foreign), "{foreign}");
        }
        assert!(html.contains("alert(1)"), "what is escaped is still shown");
        let parts = [
            "What this does not show",
            "Asserted",
            "Verified",
            "Not covered here",
            "EU AI Act",
            "21 CFR Part 11",
            "<svg",
        ];
        for part in parts {
            assert!(html.contains(part), "{part}");
        }
    }

    #[test]
    fn its_style_sheet_is_let_through_as_it_stands() {
        let html = render(&document());
        let style = html.split("<style>").nth(1).and_then(|rest| rest.split("</style>").next()).unwrap();
        assert_eq!(style, STYLE);
        assert!(content_security_policy().starts_with("default-src 'none'; style-src 'sha256-"));
    }
}
