//! What Countersign makes of a request, from its bytes alone.

use countersign_core::classify::{Classified, Head, Routed, Touch, classify, route};

#[derive(Debug, PartialEq)]
pub(crate) enum Fate {
    Passes,
    Watched(Touch),
    Governed(Box<Classified>),
    Refused { code: &'static str, sentence: String },
}

/// Header names in lower case.
pub(crate) fn fate(method: &str, target: &str, headers: &[(String, String)], body: &[u8]) -> Fate {
    let values = |name: &str| {
        headers.iter().filter(|(own, _)| own == name).map(|(_, value)| value.as_bytes()).collect::<Vec<_>>()
    };
    let head = Head { method, target, headers: &values };
    let outcome = match route(&head, "") {
        // Neither is sent on as it is spelt.
        Routed::PassThrough | Routed::Databricks(_) => return Fate::Passes,
        Routed::Watched(touch) => return Fate::Watched(touch),
        Routed::Governed(classified) => Ok(classified),
        Routed::NeedsBody(route) => classify(&route, &head, body).map(Box::new),
        Routed::Refused(refusal) => Err(refusal),
    };
    match outcome {
        Ok(classified) => Fate::Governed(classified),
        Err(refusal) => Fate::Refused { code: refusal.code(), sentence: refusal.to_string() },
    }
}
