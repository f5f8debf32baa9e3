//! A sample of the page of what is kept how long.

use super::{ago, at, chrome, evil, person};
use crate::http::pages::retention::{HoldFields, HoldRow, RetentionPage, RuleRow};
use crate::http::pages::{Nav, Page as _};

pub(super) fn retention() -> String {
    let hold = |id: &str, request: Option<&str>| HoldRow {
        id: id.into(),
        model: at(&evil("credit-")),
        request: request.map(Into::into),
        reason: evil("case 2026-114 "),
        by: person("lea.sommer"),
        since: ago(90),
    };
    let (one, all) = ("0199c1f0-7b7a-7cc0-9f3e-6a0d2b1c4e5f", "0199c1f0-7b7a-7cc0-9f3e-6a0d2b1c4e60");
    RetentionPage {
        chrome: chrome(Nav::Policy),
        rules: vec![
            RuleRow { tier: "high".into(), keep: None },
            RuleRow { tier: evil("low"), keep: Some("2562d".into()) },
        ],
        holds: vec![hold(one, Some(one)), hold(all, None)],
        may_hold: true,
        may_release: true,
        told: None,
        form: HoldFields {
            release: all.into(),
            release_reason: evil("it is "),
            error: Some(evil("No hold is in force. ")),
            ..HoldFields::default()
        },
    }
    .render()
}
