//! The inbox over many requests. `COUNTERSIGN_REQUESTS=10000` makes it many more, and the test says how long the
//! server took.

use std::sync::Arc;
use std::time::Instant;

use countersign_core::action::{Action, Placed};
use countersign_core::decide::{GateVerdict, Need, SeatCount, TierFound, Verdict, Violation};
use countersign_core::digest::Digest;
use countersign_core::facts::Subject;
use countersign_core::names::Version;
use countersign_core::request::{Judgement, Prior, PromotionRequest, RequestId, State};
use countersign_core::review::Authors;
use countersign_core::time::Millis;
use http::StatusCode;
use uuid::Uuid;

use crate::app::{App, testing};
use crate::http::site::insights::tests::{api, fill, page};
use crate::store::{Batch, codec, keys};

const POLICY: &str = "[[seat]]\nname = \"risk\"\nmembers = [\"ruth\"]\n";

/// Every seventh is in review, every eleventh of the others blocked, and the rest applied.
fn request(number: u32, now: Millis) -> PromotionRequest {
    let any = Digest::of(b"any");
    let model = format!("model-{}", number % 500);
    let version = Version::new(number / 500 + 1);
    let subject = Subject {
        workspace: "default".into(),
        model: model.as_str().into(),
        version,
        created: now,
        source: String::new(),
        manifest: None,
    };
    let missing = Need::Signatures { seat: "risk".into(), missing: 1 };
    let failed = Violation::CheckFailed { plugin: "fairness".into(), message: String::new() };
    let verdict = match number {
        _ if number.is_multiple_of(7) => Verdict::Held(vec![missing]),
        _ if number.is_multiple_of(11) => Verdict::Denied(vec![failed]),
        _ => Verdict::Satisfied,
    };
    let is_over = verdict == Verdict::Satisfied;
    let gate = GateVerdict {
        tier: TierFound::Known(["low", "high"][number as usize % 2].into()),
        seats: [("risk".into(), SeatCount { needed: 1, signed: Default::default() })].into(),
        ..GateVerdict::new("production".into(), verdict)
    };
    let found = Judgement {
        subject,
        binding: any,
        policy: any,
        facts: any,
        gates: vec![gate],
        check_runs: Vec::new(),
        prior: Prior::default(),
        authors: Authors { requester: Some("ana".into()), ..Authors::default() },
        expires: None,
        also: Vec::new(),
    };
    let action = Action::SetAlias { model: model.as_str().into(), alias: "champion".into(), version };
    let placed = Placed { workspace: "default".into(), action };
    let opened =
        PromotionRequest::open(RequestId(Uuid::from_u128(u128::from(number) + 1)), now, placed, found);
    if is_over { PromotionRequest { state: State::Applied { at: now, intent: 1 }, ..opened } } else { opened }
}

async fn several(count: u32) -> (Arc<App>, tempfile::TempDir) {
    let (app, clock, files) = testing::app_with(POLICY, "http://127.0.0.1:9", &["ruth"]).await;
    let now = crate::clock::Clock::now(&*clock);
    for first in (0..count).step_by(500) {
        let mut batch = Batch::new();
        for request in (first..count.min(first + 500)).map(|number| request(number, now)) {
            batch = batch.put(keys::request(request.id.0), codec::encode(&request).unwrap());
        }
        app.store.commit(batch).await.unwrap();
    }
    app.list_requests().await.unwrap();
    (app, files)
}

/// How many rows the page shows that this asks for.
async fn rows(app: &Arc<App>, query: &str) -> usize {
    let (status, text) = page(app, &format!("/?{query}")).await;
    assert_eq!(status, StatusCode::OK, "{query}: {text}");
    text.matches("<th scope=\"row\">").count()
}

async fn check(app: &Arc<App>, query: &str, expect: usize) {
    assert_eq!(rows(app, query).await, expect, "{query}");
}

#[tokio::test]
async fn the_box_finds_what_it_is_asked_for() {
    let (app, _files) = several(40).await;
    check(&app, "", 6).await; // 0, 7, …: what waits for ruth
    check(&app, "tab=all", 40).await;
    check(&app, "tab=all&q=state:blocked", 3).await;
    check(&app, "tab=all&q=state:open", 9).await;
    check(&app, "tab=all&q=state:ended+tier:high", 15).await;
    check(&app, "tab=all&q=model:model-1*+by:ana", 11).await;
    check(&app, "tab=all&q=by:me", 0).await;
    check(&app, "tab=all&q=by:omar", 0).await;
    check(&app, "tab=all&q=seat:risk", 9).await;
    check(&app, "tab=all&q=alias:champion+l-39", 1).await;
    check(&app, "tab=review&q=tier:low", 3).await;
    check(&app, "tab=mine&q=model:*", 0).await;
}

#[tokio::test]
async fn what_cannot_be_read_comes_back_with_what_could() {
    let (app, _files) = several(3).await;
    let (status, text) = page(&app, "/?q=modle:credit%20%22").await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(text.contains("value=\"modle:credit &#34;\""), "{text}");
    assert!(text.contains("<code>modle</code> is no key here: write one of model, alias, "), "{text}");
    let (status, text) = api(&app, "/v1/requests?q=state:done").await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(text.contains("`q`: `done` is no state: write one of open, "), "{text}");
    let (status, text) = api(&app, "/v1/requests?q=state:in-review").await;
    assert_eq!(status, StatusCode::OK, "{text}");
    assert_eq!(text.matches("\"opened_at\"").count(), 1, "{text}");
}

#[tokio::test]
async fn a_row_says_what_is_missing_what_comes_before_and_when() {
    let (app, _files) = several(23).await;
    let (_, text) = page(&app, "/?tab=all&q=model-22").await;
    assert!(text.contains("check fairness failed"), "{text}");
    assert!(text.contains("Still missing: 1 signature from seat risk"), "{text}");
    assert!(!text.contains("for seat risk</p>"), "a signature moves nothing yet: {text}");
    let (_, text) = page(&app, "/?tab=all&q=model-14").await;
    assert!(text.contains("3rd of 4 for seat risk"), "{text}");
    assert!(!text.contains("Still missing"), "the headline says it: {text}");
    let (_, before) = page(&app, "/?tab=all&q=model-14").await;
    assert!(!before.contains("<td data-label=\"Decision\"><div><p>"), "nothing is known: {before}");
    fill(&app, 40).await;
    let (_, after) = page(&app, "/?tab=all&q=model-14").await;
    assert!(after.contains("<td data-label=\"Decision\"><div><p>2"), "a day is named: {after}");
}

#[tokio::test]
async fn many_requests_are_paged_and_each_page_is_short() {
    let count = std::env::var("COUNTERSIGN_REQUESTS").ok().map_or(120, |count| count.parse().unwrap());
    let (app, _files) = several(count).await;
    fill(&app, count).await;
    app.count_entries().unwrap();
    let asked = [
        "",
        "tab=all",
        "tab=all&q=model:model-7",
        "tab=all&q=tier:high+state:open+seat:risk",
        "tab=all&q=by:ana",
    ];
    for query in asked {
        let began = Instant::now();
        let (status, text) = page(&app, &format!("/?{query}")).await;
        println!("/?{query}: {:?}, {} bytes", began.elapsed(), text.len());
        assert_eq!(status, StatusCode::OK, "{text}");
        assert!(text.matches("<th scope=\"row\">").count() <= 50);
    }
    let began = Instant::now();
    let (_, text) = page(&app, "/people").await;
    println!("/people: {:?}, {} bytes", began.elapsed(), text.len());
    let waits = count.div_ceil(7);
    assert!(text.contains(&format!("{} request", waits.min(500))), "{waits} wait: {text}");
    let (mut query, mut found) = ("tab=all&q=state:open".to_owned(), 0);
    loop {
        let (_, text) = page(&app, &format!("/?{query}")).await;
        found += text.matches("<th scope=\"row\">").count();
        let Some((_, older)) = text.split_once("/_countersign/?tab=all&#38;q=state%3Aopen&#38;after=") else {
            break;
        };
        query = format!("tab=all&q=state:open&after={}", &older[..36]);
    }
    let open = (0..count).filter(|number| number.is_multiple_of(7) || number.is_multiple_of(11)).count();
    assert_eq!(found, open);
}
