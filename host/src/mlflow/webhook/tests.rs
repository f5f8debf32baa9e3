use proptest::prelude::*;

use super::*;

/// Deliveries of MLflow 3.17.2, taken from the wire; MLflow knew this secret.
const CAPTURES: &str = include_str!("../../../../tests/fixtures/mlflow-webhooks.jsonl");
const SECRET: &str = "the secret of the fixture";

#[derive(Deserialize)]
struct Capture {
    headers: Vec<(String, String)>,
    body: String,
}

fn captures() -> Vec<(HeaderMap, String)> {
    let parse = |line| {
        let capture: Capture = serde_json::from_str(line).unwrap();
        let pairs = capture
            .headers
            .into_iter()
            .map(|(n, v)| (n.parse::<http::HeaderName>().unwrap(), v.parse::<http::HeaderValue>().unwrap()));
        (pairs.collect(), capture.body)
    };
    CAPTURES.lines().map(parse).collect()
}

fn sent(headers: &HeaderMap) -> Millis {
    Millis::new(headers[TIMESTAMP].to_str().unwrap().parse::<i64>().unwrap() * 1000)
}

#[test]
fn real_deliveries_verify() {
    let kinds: Vec<Hint> = captures()
        .iter()
        .map(|(headers, body)| {
            let now = sent(headers).plus(Span::from_millis(1500));
            verify(headers, body.as_bytes(), SECRET, now, TOLERANCE).unwrap().hint
        })
        .collect();
    let credit = || ModelName::new("credit");
    let version = Version::new(1);
    assert!(kinds.contains(&Hint::ModelCreated { model: credit() }));
    assert!(kinds.contains(&Hint::VersionCreated { model: credit(), version }));
    assert!(kinds.contains(&Hint::VersionTagChanged { model: credit(), version, key: "validated".into() }));
    assert!(kinds.contains(&Hint::AliasChanged { model: credit(), alias: "champion".into() }));
    assert!(kinds.contains(&Hint::Other { entity: "prompt".into(), action: "created".into() }));
}

#[test]
fn anything_changed_is_refused() {
    let (headers, body) = captures().remove(0);
    let now = sent(&headers);
    let check = |headers: &HeaderMap, body: &str, secret: &str, now: Millis, expect: WebhookError| {
        assert_eq!(verify(headers, body.as_bytes(), secret, now, TOLERANCE), Err(expect));
    };
    check(&headers, &body.replace("credit", "Credit"), SECRET, now, WebhookError::Signature);
    check(&headers, &body, "another", now, WebhookError::Signature);
    check(&headers, &body, "", now, WebhookError::Signature);
    check(&headers, &body, SECRET, now.plus(Span::from_millis(301_000)), WebhookError::Stale(301));
    check(&headers, &body, SECRET, now.plus(Span::from_millis(-301_000)), WebhookError::Stale(-301));
    for name in [ID, TIMESTAMP, SIGNATURE] {
        let mut fewer = headers.clone();
        fewer.remove(name);
        check(&fewer, &body, SECRET, now, WebhookError::Header(name));
    }
    let mut moved = headers.clone();
    moved.insert(TIMESTAMP, "1".parse().unwrap());
    check(&moved, &body, SECRET, now, WebhookError::Signature);
}

#[test]
fn a_list_of_signatures_may_hold_the_right_one() {
    let (mut headers, body) = captures().remove(0);
    let listed = format!("v1,AAAA v2,x {}", headers[SIGNATURE].to_str().unwrap());
    headers.insert(SIGNATURE, listed.parse().unwrap());
    assert!(verify(&headers, body.as_bytes(), SECRET, sent(&headers), TOLERANCE).is_ok());
}

proptest! {
    #[test]
    fn no_body_panics(body in ".*", name in ".*") {
        let _ = hint(body.as_bytes());
        let event = serde_json::json!({"entity": "model_version", "action": "created", "data": {"name": name, "version": body}});
        prop_assert!(hint(event.to_string().as_bytes()).is_ok());
    }
}
