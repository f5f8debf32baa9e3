//! Laws over generated requests.

use proptest::prelude::*;

use super::*;

const WRITES: [(&str, &str, &str); 6] = [
    ("POST", "registered-models/alias", r#"{"name":"credit","alias":"champion","version":"3"}"#),
    ("POST", "model-versions/transition-stage", r#"{"name":"credit","version":"3","stage":"staging"}"#),
    (
        "POST",
        "model-versions/create",
        r#"{"name":"credit","source":"models:/a/1","tags":[{"key":"k","value":null}]}"#,
    ),
    ("PATCH", "registered-models/update", r#"{"name":"credit","description":"\u00e9\n"}"#),
    ("DELETE", "model-versions/delete-tag", r#"{"name":"credit","version":"3","key":"k"}"#),
    (
        "POST",
        "webhooks",
        r#"{"name":"w","url":"https://x","events":[{"entity":"MODEL_VERSION","action":"CREATED"}]}"#,
    ),
];

/// Percent-encodes, doubles slashes, flips case … where `noise` says so.
fn disguised(path: &str, noise: &[u8]) -> String {
    let mut out = String::new();
    for (i, c) in path.chars().enumerate() {
        match noise.get(i % noise.len().max(1)).map(|n| n % 16) {
            Some(0) => out.push_str(&format!("%{:02x}", u32::from(c))),
            Some(1) => out.push_str(&format!("%25{:02X}", u32::from(c))),
            Some(2) if c == '/' => out.push_str("//"),
            Some(3) if c == '/' => out.push_str("/./"),
            Some(4) if c == '/' => out.push_str("/x/../"),
            Some(5) => out.extend(c.to_uppercase()),
            _ => out.push(c),
        }
    }
    out
}

fn canonical_again(classified: &Classified, headers: &[(&str, &str)]) -> Fate {
    let body = match &classified.canonical.body {
        CanonicalBody::Json(bytes) => bytes.clone(),
        CanonicalBody::Empty | CanonicalBody::AsSent => Vec::new(),
    };
    fate(classified.canonical.method, &classified.canonical.path_and_query, headers, &body)
}

proptest! {
    #[test]
    fn total_on_any_request_line(method in "\\PC*", target in "\\PC*", body in any::<Vec<u8>>()) {
        fate(&method, &target, JSON, &body);
    }

    #[test]
    fn total_on_any_body(write in 0..WRITES.len(), body in any::<Vec<u8>>()) {
        let (method, call, _) = WRITES[write];
        fate(method, &api(call), JSON, &body);
    }

    #[test]
    fn what_is_sent_on_means_the_same(write in 0..WRITES.len(), cut in any::<prop::sample::Index>(), put in "[a-z\",:{}\\[\\]1-9 ]{0,3}") {
        let (method, call, body) = WRITES[write];
        let at = cut.index(body.len());
        prop_assume!(body.is_char_boundary(at));
        for body in [body.to_owned(), format!("{}{put}{}", &body[..at], &body[at..])] {
            if let Fate::Governed(classified) = fate(method, &api(call), JSON, body.as_bytes()) {
                prop_assert_eq!(canonical_again(&classified, JSON), Fate::Governed(classified));
            }
        }
    }

    #[test]
    fn artifact_writes_keep_their_place(tail in "[a-z0-9/%.+ ~é:;?#\\\\-]{0,20}") {
        for method in ["PUT", "DELETE"] {
            let target = format!("/api/2.0/mlflow-artifacts/artifacts/{tail}");
            if let Fate::Governed(classified) = fate(method, &target, &[], b"") {
                prop_assert_eq!(canonical_again(&classified, &[]), Fate::Governed(classified));
            }
        }
    }

    #[test]
    fn no_disguise_passes(write in 0..WRITES.len(), noise in prop::collection::vec(any::<u8>(), 1..60), case in any::<bool>()) {
        let (method, call, body) = WRITES[write];
        let target = disguised(&api(call), &noise);
        let method = if case { method.to_owned() } else { method.to_lowercase() };
        let found = fate(&method, &target, JSON, body.as_bytes());
        prop_assert!(matches!(found, Fate::Governed(_) | Fate::Refused(_)), "{} {}: {:?}", method, target, found);
    }

    #[test]
    fn governed_words_never_pass(before in "[a-zA-Z0-9/%._-]{0,12}", after in "[a-zA-Z0-9/%._#;-]{0,12}", word in 0..4usize, noise in prop::collection::vec(any::<u8>(), 1..30)) {
        let word = ["registered-models", "model-versions", "mlflow-artifacts", "mlflow/webhooks"][word];
        let target = format!("/{before}/{}/{after}", disguised(word, &noise));
        prop_assume!(!target.contains("get-latest-versions") && !target.contains("/test"));
        let found = fate("POST", &target, JSON, b"{}");
        prop_assert!(found != Fate::Passes, "{}", target);
    }
}
