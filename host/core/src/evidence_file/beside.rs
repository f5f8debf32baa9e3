//! Whether the further versions that a write changes were judged as it is recorded: each by its tier, the strictest first.
//!
//! Gates tell the tier of the strictest alone; what the others ask for would show in seats only, without saying whose
//! facts are other ones. This module must not know: where facts come from.

use std::iter::once;

use super::again::{found_phrase, same_found};
use crate::entry::Beside;
use crate::facts::{Facts, Subject};
use crate::policy::{Governance, Holdings, Judging, Policy};
use crate::recorded::Recorded;

/// What is not as it was recorded, by the name of the version. `also`: the facts of the further ones, as recorded.
#[must_use]
pub fn difference(policy: &Policy, decision: &Recorded, facts: &Facts, also: &[Facts]) -> Option<String> {
    let recorded = &decision.basis.as_ref()?.also;
    let other = |(beside, facts): (&Beside, &Facts)| other_facts(&beside.subject, facts);
    if let Some(fault) = recorded.iter().zip(also).find_map(other) {
        return Some(fault);
    }
    let (action, held) = (&decision.placed.action, Holdings::of_versions(once(facts).chain(also)));
    // That no gate asks, or one refuses, is for the whole decision to say.
    let Governance::Gates(gates) = policy.governs(action, &held) else { return None };
    let (first, others) = policy.judging(action, (facts, also), &gates);
    let judged = || once(&first).chain(&others);
    let fault = |beside: &Beside| of_version(beside, judged().find(|one| *one.subject() == beside.subject));
    recorded.iter().find_map(fault).or_else(|| not_first(&facts.version.subject, &first))
}

fn other_facts(named: &Subject, facts: &Facts) -> Option<String> {
    let found = &facts.version.subject;
    (found != named)
        .then(|| format!("what it rests on for {} are facts about {}", phrase(named), phrase(found)))
}

fn of_version(beside: &Beside, again: Option<&Judging<'_>>) -> Option<String> {
    let which = phrase(&beside.subject);
    let Some(again) = again else {
        return Some(format!(
            "{which} is recorded as changed, and by its facts it holds nothing that is guarded"
        ));
    };
    (!same_found(&beside.tier, &again.tier)).then(|| {
        let (was, is) = (found_phrase(&beside.tier), found_phrase(&again.tier));
        format!("{which} is recorded at {was}, and its policy gives {is} for the facts")
    })
}

fn not_first(recorded: &Subject, first: &Judging<'_>) -> Option<String> {
    (first.subject() != recorded).then(|| {
        let (was, is) = (phrase(recorded), phrase(first.subject()));
        format!("it is recorded as judged by {was} first, and by its policy the strictest is {is}")
    })
}

fn phrase(subject: &Subject) -> String {
    format!("version {} of {}", subject.version, subject.model)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::action::{Action, Placed};
    use crate::decide::{Need, TierFound, Verdict};
    use crate::digest::Digest;
    use crate::entry::{Basis, Entry};
    use crate::facts::tests::described;
    use crate::names::Version;
    use crate::recorded::History;
    use crate::redecide::{self, Answer, redecide};
    use crate::review::{Authors, Roster};
    use crate::time::Millis;

    const POLICY: &str = r#"
[[seat]]
name = "risk"
members = ["ruth", "omar"]
[[seat]]
name = "legal"
members = ["lea"]
[[tier]]
name = "high"
when = 'version.tags["risk"] == "high"'
[[tier]]
name = "low"
[[gate]]
name = "production"
mode = "enforce"
models = ["*"]
guards = [{ alias = "champion" }, { alias = "prod-*" }]
  [gate.approvals.high]
  seats = { legal = 1 }
  [gate.approvals.low]
  seats = { risk = 2 }
"#;

    fn policy() -> Policy {
        Policy::parse("policy.toml", POLICY).unwrap()
    }

    fn facts(version: u32, alias: &str, risk: &str) -> Facts {
        let (mut facts, model) = described();
        facts.subject.version = Version::new(version);
        facts.aliases = vec![alias.to_owned()];
        facts.tags.insert("risk".to_owned(), risk.to_owned());
        Facts { taken_at: Millis::new(1), version: facts, model }
    }

    /// Version 8, which is high, and version 7, which is low.
    fn both() -> [Facts; 2] {
        [facts(8, "prod-eu", "high"), facts(7, "champion", "low")]
    }

    fn again(first: &Facts, also: &[Facts]) -> Answer {
        let placed = placed();
        redecide(
            &policy(),
            &redecide::Basis {
                placed: &placed,
                facts: first,
                also,
                holdings: &Holdings::of_versions(once(first).chain(also)),
                binding: Digest::of(b"bound"),
                runs: &|_, _, _| (Vec::new(), Vec::new()),
                reviews: &[],
                open_threads: 0,
                authors: &Authors::default(),
                roster: &Roster::default(),
                waivers: &[],
                break_glass: None,
                before: &[],
                now: Millis::new(2),
            },
        )
        .unwrap()
    }

    fn placed() -> Placed {
        Placed { workspace: "default".into(), action: Action::DeleteModel { model: "credit".into() } }
    }

    /// The deletion as it was refused, with both versions in its entry.
    fn recorded() -> Recorded {
        let [first, second] = both();
        let beside = Beside {
            subject: second.version.subject.clone(),
            facts: second.digest().unwrap(),
            tier: TierFound::Known("low".into()),
        };
        let basis = Basis {
            facts: first.digest().unwrap(),
            checks: Vec::new(),
            open_threads: 0,
            authors: None,
            policy: Some(policy().digest().0),
            also: vec![beside],
            sat: None,
        };
        let entry = Entry::Refused {
            request: None,
            placed: placed(),
            by: None,
            decision: "hold".to_owned(),
            gates: again(&first, std::slice::from_ref(&second)).gates().to_vec(),
            reason: String::new(),
            basis: Some(Box::new(basis)),
        };
        History::default().read(4, Millis::new(2), &entry).unwrap()
    }

    fn check(first: &Facts, also: &[Facts], expect: &str) {
        let found = difference(&policy(), &recorded(), first, also).unwrap_or_default();
        assert!(found.contains(expect) && found.is_empty() == expect.is_empty(), "`{expect}`: {found}");
    }

    #[test]
    fn a_fact_of_the_second_version_that_was_changed_is_named() {
        let [first, second] = both();
        assert!(recorded().several);
        check(&first, std::slice::from_ref(&second), "");
        let high = "version 7 of credit is recorded at tier `low`, and its policy gives tier `high`";
        check(&first, &[facts(7, "champion", "high")], high);
        check(&first, &[facts(7, "challenger", "low")], "version 7 of credit is recorded as changed");
        check(&first, &[facts(9, "champion", "low")], "for version 7 of credit are facts about version 9");
        // Of the first it is the gate that says so: see `again::difference`.
        check(&facts(8, "prod-eu", "low"), std::slice::from_ref(&second), "the strictest is version 7");
    }

    #[test]
    fn all_of_them_are_decided_together() {
        let [first, second] = both();
        let needs = |answer: &Answer| {
            let [gate] = answer.gates() else { panic!("{answer:?}") };
            let Verdict::Held(needs) = &gate.verdict else { panic!("{gate:?}") };
            let seat = |need: &Need| match need {
                Need::Signatures { seat, missing } => Some(format!("{seat} {missing}")),
                _ => None,
            };
            (gate.tier.clone(), needs.iter().filter_map(seat).collect::<Vec<_>>())
        };
        let (tier, asked) = needs(&again(&first, std::slice::from_ref(&second)));
        assert_eq!((tier, asked), (TierFound::Known("high".into()), vec!["legal 1".into(), "risk 2".into()]));
        // However they are told, the strictest comes first.
        assert_eq!(
            again(&second, std::slice::from_ref(&first)),
            again(&first, std::slice::from_ref(&second))
        );
        let (tier, asked) = needs(&again(&second, &[]));
        assert_eq!((tier, asked), (TierFound::Known("low".into()), vec!["risk 2".into()]));
    }
}
