//! The page of the insights.

use axum::extract::Query;
use axum::response::Response;
use countersign_core::insights::{NAMES, REVIEWERS, Scope, Since, Table};
use http::StatusCode;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::{Trouble, Visitor, page};
use crate::http::api::ScopeQuery;
use crate::http::pages::Nav;
use crate::http::pages::insights::{Figure, Filter, InsightsPage, tiles};

/// Model names that the form offers.
const OFFERED: usize = 200;

pub(super) async fn show(visitor: Visitor, Query(query): Query<ScopeQuery>) -> Result<Response, Trouble> {
    let trouble = |error| Trouble::new(&visitor, error);
    let app = visitor.app();
    let scope = query.scope(visitor.now()).map_err(trouble)?;
    let names: Vec<&str> = NAMES.into_iter().chain([REVIEWERS]).collect();
    let reader = app.insights_reader(visitor.caller.identity());
    let tables = app.insights(&names, &scope, &reader).map_err(trouble)?;
    let query = address_query(&scope);
    let figure = |table: &Table| {
        let address = format!("{}/api/v1/insights/{}", visitor.site.base, table.name);
        named(&visitor, table, Figure::new(table, &address, &query))
    };
    let shown = InsightsPage {
        chrome: visitor.chrome(Nav::Insights),
        filter: filter(&visitor, &scope).map_err(trouble)?,
        tiles: tiles(&tables),
        // Whoever has not voted has nothing to read about themselves.
        figures: tables.iter().filter(|t| t.name != REVIEWERS || !t.rows.is_empty()).map(figure).collect(),
    };
    Ok(page(StatusCode::OK, &shown))
}

fn filter(visitor: &Visitor, scope: &Scope) -> Result<Filter, crate::app::AppError> {
    let generation = visitor.app().generation.load_full();
    let chosen = |tier: &countersign_core::names::Tier| scope.tier.as_ref() == Some(tier);
    let tiers = generation.policy.tiers().iter().map(|tier| (tier.name.to_string(), chosen(&tier.name)));
    let since = Since::ALL.into_iter().map(|since| (since.as_str(), since.words(), since == scope.since));
    Ok(Filter {
        model: scope.model.as_ref().map(ToString::to_string).unwrap_or_default(),
        models: visitor.app().insight_models(OFFERED)?,
        tiers: tiers.collect(),
        since: since.collect(),
    })
}

fn address_query(scope: &Scope) -> String {
    let coded = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let model = scope.model.iter().map(|model| format!("&model={}", coded(model.as_str())));
    let tier = scope.tier.iter().map(|tier| format!("&tier={}", coded(tier.as_str())));
    format!("?since={}{}", scope.since.as_str(), model.chain(tier).collect::<String>())
}

/// Entries name people by ids; a page says who that is.
fn named(visitor: &Visitor, table: &Table, mut figure: Figure) -> Figure {
    if table.name == REVIEWERS {
        for (text, _) in figure.rows.iter_mut().filter_map(|row| row.first_mut()) {
            *text = visitor.person(&text.as_str().into()).name;
        }
    }
    figure
}

#[cfg(test)]
pub(super) mod tests;
