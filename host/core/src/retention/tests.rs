use std::convert::Infallible;

use proptest::prelude::*;

use super::*;
use crate::entry::CheckRunRecord;
use crate::policy::Policy;

const DAY: i64 = 86_400_000;

fn number(n: u8) -> Digest {
    Digest::of(&[n])
}

fn tiers() -> Vec<TierRule> {
    let tier = |name: &str, keep: Option<i64>| TierRule {
        name: name.into(),
        when: None,
        keep_evidence: keep.map(|days| Span::from_millis(days * DAY)),
    };
    vec![tier("high", None), tier("mid", Some(30)), tier("low", Some(10))]
}

fn check(had: &[&str], expect: Option<(&str, i64)>) {
    let had = had.iter().map(|tier| Tier::from(*tier)).collect();
    let rule = rule(&tiers(), &had);
    let rule = rule.as_ref().map(|rule| (rule.tier.as_str(), rule.keep.as_millis() / DAY));
    assert_eq!(rule, expect, "{had:?}");
}

#[test]
fn the_longest_rule_of_all_tiers_counts_and_silence_is_for_ever() {
    check(&["low"], Some(("low", 10)));
    check(&["low", "mid"], Some(("mid", 30)));
    check(&["low", "high"], None);
    check(&["gone from the policy"], None);
    check(&[], None);
}

#[test]
fn years_are_never_too_short_and_a_typing_error_is_named() {
    let keep = |text: &str| {
        let text = format!("[[tier]]\nname = \"low\"\nkeep_evidence = \"{text}\"\n");
        let parsed = Policy::parse("policy.toml", &text);
        parsed.map(|policy| policy.tiers()[0].keep_evidence.unwrap().to_string()).map_err(|e| e.to_string())
    };
    assert_eq!(keep("7y"), Ok("2562d".to_owned()));
    assert_eq!(keep("90d"), Ok("90d".to_owned()));
    for wrong in ["1h", "7 years", "y"] {
        assert!(keep(wrong).unwrap_err().contains("`90d` or `7y`"), "{wrong}");
    }
}

#[test]
fn a_version_without_a_tier_is_kept_and_one_that_stays_stays() {
    let run = |version| {
        let nothing = number(0);
        Entry::CheckRun(CheckRunRecord {
            workspace: "default".into(),
            model: "credit".into(),
            version: Version::new(version),
            plugin: "p".into(),
            plugin_digest: nothing,
            config_digest: nothing,
            input_digest: nothing,
            transcript_digest: nothing,
            outcome_digest: nothing,
            conclusion: "pass".to_owned(),
            spent: None,
        })
    };
    let mut census = Census::default();
    (1..4).for_each(|version| census.take_in(Millis::new(i64::from(version) * DAY), &run(version)));
    assert!(census.over(&tiers(), Millis::new(i64::MAX), |_| false).is_empty(), "no tier is known");
    let low = BTreeSet::from([Tier::from("low")]);
    census.versions.values_mut().for_each(|known| known.tiers.clone_from(&low));
    let over = |days: i64| {
        let over = census.over(&tiers(), Millis::new(days * DAY), |key| key.version == Version::new(2));
        over.into_keys().map(|key| key.version.get()).collect::<Vec<_>>()
    };
    assert_eq!(over(10), [] as [u32; 0]);
    assert_eq!(over(11), [1]);
    assert_eq!(over(400), [1, 3]);
}

#[test]
fn digests_are_found_wherever_they_stand() {
    let (a, b) = (number(1), number(2));
    let text = format!("{{\"x\":\"{a}\",\"y\":[\"sha256:zz\",\"{b}\"],\"z\":\"sha256:\"}}");
    assert_eq!(digests_in(text.as_bytes()), [a, b]);
    assert_eq!(digests_in(format!("sha256:{a}").as_bytes()), [a]);
    assert_eq!(digests_in(b"\xff\xfesha256:\xff"), []);
}

proptest! {
    /// Whatever names whatever: what goes is what only the past leads to, no more and no less.
    #[test]
    fn nothing_that_is_still_reached_goes(
        edges in proptest::collection::vec((0_u8..24, 0_u8..24), 0..60),
        live in proptest::collection::btree_set(0_u8..24, 0..6),
        past in proptest::collection::btree_set(0_u8..24, 0..6),
        absent in proptest::collection::btree_set(0_u8..24, 0..3),
    ) {
        let name = |digest: &Digest| (0..24).find(|n| number(*n) == *digest);
        let leads_to = |digest: &Digest| {
            let from = name(digest).filter(|n| !absent.contains(n));
            let named = from.map(|n| edges.iter().filter(|edge| edge.0 == n).map(|edge| number(edge.1)).collect());
            Ok::<_, Infallible>(named)
        };
        // By hand: a closure, step by step.
        let by_hand = |roots: &BTreeSet<u8>| {
            let mut reached: BTreeSet<u8> = roots.difference(&absent).copied().collect();
            loop {
                let more: Vec<u8> = edges.iter().filter(|(from, to)| {
                    reached.contains(from) && !reached.contains(to) && !absent.contains(to)
                }).map(|edge| edge.1).collect();
                if more.is_empty() { break reached; }
                reached.extend(more);
            }
        };
        let (mut kept, mut gone) = (Reached::default(), Reached::default());
        kept.go_on(live.iter().copied().map(number), leads_to).unwrap();
        let found = gone.go_on(past.iter().copied().map(number), leads_to).unwrap();
        let goes: BTreeSet<u8> = found.iter().filter(|digest| !kept.has(digest)).filter_map(name).collect();
        prop_assert_eq!(goes, &by_hand(&past) - &by_hand(&live));
    }
}
