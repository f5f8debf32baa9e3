//! `countersign insights`: the tables that a running server counts.

use std::io::Write as _;

use anyhow::{Context as _, Result};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::args::Insights;
use super::context::Context;
use super::machinery::runtime;
use super::output::{Out, table};
use super::remote::Remote;

#[derive(Deserialize)]
struct Listed {
    insights: Vec<String>,
}

#[derive(Deserialize)]
struct Counted {
    meaning: String,
    columns: Vec<Column>,
    rows: Vec<Map<String, Value>>,
}

#[derive(Deserialize)]
struct Column {
    key: String,
}

pub(super) fn run(context: &Context, given: Insights) -> Result<()> {
    let Insights { remote, name, csv, since, model, tier } = given;
    let remote = Remote::new(context, remote)?;
    let mut query = vec![("since", since.as_str())];
    query.extend(model.as_deref().map(|model| ("model", model)));
    query.extend(tier.as_deref().map(|tier| ("tier", tier)));
    runtime()?.block_on(async {
        match name {
            None => list(context, &remote).await,
            Some(name) if csv => {
                let text = remote.text(&format!("insights/{}", segment(&(name + ".csv"))), &query).await?;
                let mut out = Out::raw();
                out.write_all(text.as_bytes())?;
                out.flush().context("writing to standard output")
            }
            Some(name) => show(context, &remote, &name, &query).await,
        }
    })
}

/// A name stays one segment of the path, whatever is in it.
fn segment(name: &str) -> String {
    percent_encoding::utf8_percent_encode(name, percent_encoding::CONTROLS).to_string().replace('/', "%2F")
}

async fn list(context: &Context, remote: &Remote) -> Result<()> {
    let Listed { insights } = remote.get("insights", &[]).await?;
    context.out.tell(&insights.join("\n"), &json!({ "insights": insights }))
}

async fn show(context: &Context, remote: &Remote, name: &str, query: &[(&str, &str)]) -> Result<()> {
    let whole: Value = remote.get(&format!("insights/{}", segment(name)), query).await?;
    let Counted { meaning, columns, rows } = serde_json::from_value(whole.clone())?;
    let mut shown = vec![columns.iter().map(|column| column.key.to_uppercase()).collect::<Vec<_>>()];
    shown.extend(rows.iter().map(|row| columns.iter().map(|column| cell(row.get(&column.key))).collect()));
    context.out.tell(&format!("{}\n{meaning}", table(&shown)), &whole)
}

fn cell(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => "-".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(number) => number.to_string(),
    }
}
