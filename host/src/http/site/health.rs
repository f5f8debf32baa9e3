//! The health page. It names files and addresses, so that only those who are signed in see it.

use axum::response::Response;
use http::StatusCode;

use super::{Trouble, Visitor, page};
use crate::app::{AppError, Finding, Verdict};
use crate::http::pages::Nav;
use crate::http::pages::health::{HealthPage, HealthRow, HealthState};

pub(super) async fn show(visitor: Visitor) -> Result<Response, Trouble> {
    if visitor.caller.identity().is_none() {
        let why = "the health page names files and addresses of the server";
        return Err(Trouble::new(&visitor, AppError::Unauthenticated(why.to_owned())));
    }
    let mut found = visitor.app().health();
    if let Some(doctor) = &visitor.site.doctor {
        found.extend(doctor.examine().await);
    }
    let mut rows: Vec<HealthRow> = found.into_iter().map(row).collect();
    rows.sort_by_key(|row| row.state);
    Ok(page(StatusCode::OK, &HealthPage { chrome: visitor.chrome(Nav::Health), rows }))
}

fn row(finding: Finding) -> HealthRow {
    let state = match finding.verdict {
        Verdict::Ok => HealthState::Good,
        Verdict::Warn => HealthState::Warning,
        Verdict::Fail => HealthState::Bad,
    };
    HealthRow { about: finding.check, state, says: finding.says, todo: finding.todo }
}
