use countersign_core::entry::CheckRunRecord;
use countersign_core::names::Version;
use proptest::prelude::*;

use super::*;
use crate::app::testing::app;
use crate::plugins::Limits;

const ALL: Rate = Rate { drawn: 1, of: 1 };

async fn recorded(app: &App, plugin: &[u8], transcript: &Transcript) -> u64 {
    let mut evidence = super::super::evidence::Evidence::default();
    let transcript = evidence.keep(transcript.canonical().unwrap());
    let (plugin_digest, input) = (evidence.keep(plugin), evidence.keep(b"{}"));
    let record = CheckRunRecord {
        workspace: "default".into(),
        model: "credit".into(),
        version: Version::new(1),
        plugin: "p".into(),
        plugin_digest,
        config_digest: input,
        input_digest: input,
        transcript_digest: transcript,
        outcome_digest: input,
        conclusion: "pass".to_owned(),
        spent: None,
    };
    app.record(&[Entry::CheckRun(record)], evidence.put(Batch::new())).await.unwrap()
}

fn unstable(plugin: &str, run: u64) -> Unstable {
    let digest = Digest::of(plugin.as_bytes());
    let (replayed, again) = (Digest::of(b"1"), Digest::of(b"2"));
    Unstable {
        plugin: plugin.into(),
        plugin_digest: digest,
        run,
        recorded: digest,
        replayed,
        again,
        difference: "other bytes".to_owned(),
        software: "countersign".to_owned(),
    }
}

#[tokio::test]
async fn each_entry_is_looked_at_once_and_what_cannot_run_is_nobodys_fault() {
    let (app, _files) = app().await;
    // No component at all; and one whose answers are gone.
    recorded(&app, b"no component", &Transcript::new(Limits::default())).await;
    let answer = Ok(Digest::of(b"gone"));
    let call = crate::plugins::Call::Artifacts { path: "f".to_owned(), offset: 0, len: 1, answer };
    let lost = Transcript { calls: vec![call], ..Transcript::new(Limits::default()) };
    recorded(&app, b"no component", &lost).await;
    let entries = app.ledger.len().unwrap();
    assert_eq!(app.replay_sample(&app.engine, ALL).await.unwrap() as u64, entries);
    assert_eq!(app.replay_sample(&app.engine, ALL).await.unwrap(), 0);
    assert_eq!(app.ledger.len().unwrap(), entries, "no finding");
    let text = app.metrics.encode().unwrap();
    assert!(text.contains("countersign_replays_total{result=\"cannot\"} 2"), "{text}");
}

#[tokio::test]
async fn a_finding_is_said_once_for_each_digest_and_names_its_entry() {
    let (app, _files) = app().await;
    for plugin in ["p", "p", "q"] {
        app.hold_against(unstable(plugin, 7)).await.unwrap();
    }
    let known = all_unstable(&*app.store).unwrap();
    let entries: Vec<u64> = known.iter().map(|known| known.entry).collect();
    assert_eq!(entries, [0, 1]);
    for known in known {
        let record = app.ledger.get(known.entry).unwrap().unwrap();
        assert_eq!(App::entry_of(&record).unwrap(), Entry::PluginUnstable(known.found));
    }
}

proptest! {
    /// Of many entries about as many are drawn as the rate says; all with `1 in 1`.
    #[test]
    fn the_share_that_is_drawn_is_the_rate(of in 1_u32..40, seed in any::<u64>()) {
        let rate = Rate { drawn: 1, of };
        let digest = |n: u64| Digest::of(&[seed.to_be_bytes(), n.to_be_bytes()].concat());
        let drawn = (0..4_000).filter(|n| rate.draws(&digest(*n))).count();
        let expect = 4_000 / of as usize;
        prop_assert!(drawn.abs_diff(expect) <= 60 + expect / 4, "{drawn} of {expect}");
        prop_assert!(of > 1 || drawn == 4_000);
    }
}
