//! The page over a ledger of many requests. `COUNTERSIGN_REQUESTS=10000` makes it many more, and the test says how
//! long the server took.

use std::sync::Arc;
use std::time::Instant;

use axum::body::Body;
use countersign_core::action::{Action, Placed};
use countersign_core::decide::{GateVerdict, Need, SeatCount, TierFound, Verdict};
use countersign_core::digest::Digest;
use countersign_core::entry::{CheckRunRecord, Entry, Intent, OutcomeResult, Spent};
use countersign_core::evidence::Opened;
use countersign_core::facts::Subject;
use countersign_core::insights::{NAMES, Reader, Scope, Since};
use countersign_core::names::{PersonId, Version};
use countersign_core::request::RequestId;
use countersign_core::review::{Authors, Review, Vote};
use countersign_core::time::Millis;
use http::{Request, StatusCode};
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;
use uuid::Uuid;

use crate::app::{App, testing};
use crate::auth::{AuthError, Caller, Identity, Method};
use crate::http::front::Authenticated;
use crate::ledger::Draft;
use crate::store::{Batch, codec, keys};

const MINUTE: i64 = 60_000;

/// What happened to one request, from its opening on. Every seventh is still open.
fn told(number: u32, opened: i64) -> Vec<(Millis, Entry)> {
    let (id, any) = (Uuid::from_u128(u128::from(number) + 1), Digest::of(b"any"));
    let model = format!("model-{}", number % 500);
    let version = Version::new(number / 500 + 1);
    let action = Action::SetAlias { model: model.as_str().into(), alias: "champion".into(), version };
    let placed = Placed { workspace: "default".into(), action };
    let subject = Subject {
        workspace: "default".into(),
        model: model.as_str().into(),
        version,
        created: Millis::new(opened),
        source: String::new(),
        manifest: None,
    };
    let missing = Need::Signatures { seat: "risk".into(), missing: 1 };
    let gate = |verdict| GateVerdict {
        tier: TierFound::Known(["low", "high"][number as usize % 2].into()),
        seats: [("risk".into(), SeatCount { needed: 1, signed: Default::default() })].into(),
        evidence_first: true,
        ..GateVerdict::new("production".into(), verdict)
    };
    let who = PersonId::new(["ruth", "rob", "rosa", "rita"][number as usize % 4]);
    let at = |minutes: i64| Millis::new(opened + minutes * MINUTE);
    let request = RequestId(id);
    let run = CheckRunRecord {
        workspace: "default".into(),
        model: model.as_str().into(),
        version,
        plugin: ["metric-threshold", "fairness", "model-card"][number as usize % 3].into(),
        plugin_digest: any,
        config_digest: any,
        input_digest: any,
        transcript_digest: any,
        outcome_digest: any,
        conclusion: if number.is_multiple_of(11) { "fail" } else { "pass" }.to_owned(),
        spent: Some(Spent {
            wall_us: 2_500,
            cpu_us: 1_500,
            errors: u32::from(number.is_multiple_of(11)),
            warnings: 0,
        }),
    };
    let authors = Authors { requester: Some("ana".into()), ..Authors::default() };
    let wait = i64::from(number * 7_919 % 2_880);
    let review = Review {
        id,
        reviewer: who.clone(),
        seat: Some("risk".into()),
        vote: if number.is_multiple_of(13) { Vote::Reject } else { Vote::Approve },
        rationale: "I have read what the checks found and it is fine for this use.".to_owned(),
        at: at(wait + 9),
        binding: any,
        looked_for: Some(9 * MINUTE),
        signature: None,
    };
    let intent = Intent {
        id,
        request: Some(request),
        placed: placed.clone(),
        subject: Some(subject.clone()),
        binding: any,
        policy: any,
        by: Some("ana".into()),
        gates: vec![gate(Verdict::Satisfied)],
        authors: authors.clone(),
        body: any,
        break_glass: None,
        in_window: false,
        also: Vec::new(),
        basis: None,
    };
    let refused = Entry::Refused {
        request: Some(request),
        placed: placed.clone(),
        by: Some("ana".into()),
        decision: "hold".to_owned(),
        gates: vec![gate(Verdict::Held(vec![missing]))],
        reason: String::new(),
        basis: None,
    };
    let opened = Entry::RequestOpened {
        request,
        placed,
        subject,
        binding: any,
        policy: any,
        facts: any,
        authors,
        previous: None,
    };
    let looked = Opened { by: who, plugin: "fairness".into(), outcome: any, at: at(wait) };
    let mut told = vec![(at(0), Entry::CheckRun(run)), (at(0), opened), (at(0), refused)];
    if !number.is_multiple_of(7) {
        told.push((at(wait), Entry::EvidenceOpened { request, opened: looked }));
        told.push((at(wait + 9), Entry::Reviewed { request, review }));
    }
    if !number.is_multiple_of(7) && !number.is_multiple_of(13) {
        told.push((at(wait + 10), Entry::Intent(intent)));
        told.push((at(wait + 10), Entry::Outcome { intent: id, result: OutcomeResult::Applied }));
    }
    told
}

pub(in crate::http::site) async fn fill(app: &App, count: u32) {
    let now = app.clock.now().get();
    let drafts =
        (0..count).flat_map(|number| told(number, now - i64::from(number % 80 + 3) * 1_440 * MINUTE));
    let draft =
        |(at, entry): (Millis, Entry)| Draft::of_canonical(at, entry.kind(), &entry.body().unwrap()).unwrap();
    let mut drafts: Vec<Draft> = drafts.map(draft).collect();
    while !drafts.is_empty() {
        let rest = drafts.split_off(drafts.len().min(500));
        app.ledger.append(std::mem::replace(&mut drafts, rest), Batch::new()).await.unwrap();
    }
    for model in 0..500.min(count) {
        let holding = serde_json::json!({"version": "1", "since": 1, "bypassed": false});
        let key = keys::holding("default", &format!("model-{model}"), "alias:champion");
        app.store.commit(Batch::new().put(key, codec::encode(&holding).unwrap())).await.unwrap();
    }
}

pub(in crate::http::site) async fn page(app: &Arc<App>, path: &str) -> (StatusCode, String) {
    let base = "/_countersign".to_owned();
    let others = crate::http::site::router(Arc::clone(app), base.clone(), None);
    let all = axum::Router::new().nest(&base, others).merge(crate::http::site::inbox(Arc::clone(app), base));
    ask(all, &format!("/_countersign{path}")).await
}

pub(in crate::http::site) async fn api(app: &Arc<App>, path: &str) -> (StatusCode, String) {
    ask(crate::http::api::router(Arc::clone(app)), path).await
}

/// As ruth.
async fn ask(router: axum::Router, path: &str) -> (StatusCode, String) {
    let identity = Identity {
        person: PersonId::new("ruth"),
        name: "ruth".to_owned(),
        machine: false,
        groups: Vec::new(),
        method: Method::Session,
    };
    let caller: Result<Caller, AuthError> = Ok(Caller::Known(identity));
    let caller: Authenticated = Arc::new(caller);
    let mut request = Request::get(path).body(Body::empty()).unwrap();
    request.extensions_mut().insert(caller);
    let response = router.oneshot(request).await.unwrap();
    let status = response.status();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn the_page_counts_what_the_ledger_says_and_does_not_read_it_again() {
    let count = std::env::var("COUNTERSIGN_REQUESTS").ok().map_or(300, |count| count.parse().unwrap());
    let (app, _files) = testing::app().await;
    fill(&app, count).await;
    let entries = app.ledger.len().unwrap();
    if entries > 1_000 {
        let (status, text) = page(&app, "/insights").await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{text}");
        assert!(text.contains(&format!("0 of {entries} entries are read")), "{text}");
    }
    let began = Instant::now();
    assert_eq!(app.count_entries().unwrap(), entries);
    println!("{count} requests, {entries} entries: read once in {:?}", began.elapsed());
    for name in NAMES {
        let scope = Scope { model: None, tier: None, since: Since::All, now: app.clock.now() };
        let began = Instant::now();
        let tables = app.insights(&[name], &scope, &Reader::Nobody).unwrap();
        println!("{name}: {:?}, {} rows", began.elapsed(), tables[0].rows.len());
    }
    let began = Instant::now();
    app.measure_insights();
    println!("metrics: {:?}", began.elapsed());
    for path in ["/insights", "/insights?since=365d", "/insights?model=model-7&tier=high", "/models/model-8"]
    {
        let began = Instant::now();
        let (status, text) = page(&app, path).await;
        println!("{path}: {:?}, {} bytes", began.elapsed(), text.len());
        assert_eq!(status, StatusCode::OK, "{text}");
        assert!(text.contains("class=\"plot "), "{path} has no picture");
    }
    let open = (0..count).filter(|number| number.is_multiple_of(7)).count();
    let (_, text) = page(&app, "/insights?since=all").await;
    assert!(text.contains(&format!("<span class=\"tile-value\">{open}</span>")), "{open} are open");
    assert_eq!(app.count_entries().unwrap(), 0, "everything was taken in");
    let (status, text) = page(&app, "/insights?since=1y").await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(text.contains("7d, 30d, 90d, 365d, all"), "{text}");
}

#[tokio::test]
async fn the_same_numbers_are_had_as_json_as_csv_and_at_metrics() {
    let (app, _files) = testing::app().await;
    fill(&app, 40).await;
    let (status, json) = api(&app, "/v1/insights/lead-time?since=all").await;
    assert_eq!(status, StatusCode::OK, "{json}");
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    let first = &json["rows"][0];
    let (_, csv) = api(&app, "/v1/insights/lead-time.csv?since=all").await;
    let mut lines = csv.split("\r\n");
    assert_eq!(lines.next(), Some("tier,percentile,approvals,lead_s,checks_s,queue_s,evidence_s,review_s"));
    let cells: Vec<&str> = lines.next().unwrap().split(',').collect();
    assert_eq!(cells[..2], ["all", "p50"]);
    assert_eq!(cells[3].parse::<f64>().ok(), first["lead_s"].as_f64());
    assert!(app.measure_insights());
    assert!(!app.measure_insights(), "nothing has changed since");
    let text = app.metrics.encode().unwrap();
    let line = "countersign_approval_lead_time_seconds{tier=\"all\",percentile=\"p50\",part=\"all\"} ";
    let shown = text.lines().find_map(|shown| shown.strip_prefix(line)).unwrap_or_else(|| panic!("{text}"));
    assert_eq!(shown.parse::<f64>().ok(), first["lead_s"].as_f64());
    for metric in
        ["flow_ratios{measure=\"first_pass\"}", "check_catches{plugin=\"fairness\"}", "review_quality_ratios"]
    {
        assert!(text.contains(&format!("countersign_{metric}")), "{metric} is not in\n{text}");
    }
}

#[tokio::test]
async fn single_reviewers_are_told_of_to_themselves_and_to_the_auditor() {
    let policy = "[[seat]]\nname = \"auditor\"\nmembers = [\"ruth\"]\n";
    for (policy, people) in [("", 1), (policy, 4)] {
        let (app, _, _files) = testing::app_with(policy, "http://127.0.0.1:9", &["ruth"]).await;
        fill(&app, 60).await;
        let (status, csv) = api(&app, "/v1/insights/reviewers.csv?since=all").await;
        assert_eq!(status, StatusCode::OK, "{csv}");
        assert_eq!(csv.lines().count() - 1, people, "{csv}");
        assert!(csv.contains("\r\nruth,"), "{csv}");
    }
    let (app, _files) = testing::app().await;
    let (status, said) = api(&app, "/v1/insights/ranking").await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert!(said.contains("there is no table `ranking`: there are lead-time, "), "{said}");
}
