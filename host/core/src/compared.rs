//! What is not alike between two versions of a model, in the groups that a reviewer asks for: metrics, parameters,
//! signature, files.
//!
//! Knows the text of an `MLmodel` file as far as its signature goes. What it cannot read there it shows as it is written.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::difference::{Change, Lines, between};
use crate::facts::{Metric, MetricOrigin, VersionFacts};

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Compared {
    pub metrics: Vec<Change>,
    pub params: Vec<Change>,
    pub signature: Vec<Change>,
    pub files: Vec<Change>,
}

/// From the version that is there to the one that would follow it.
#[must_use]
pub fn compared(was: &VersionFacts, is: &VersionFacts) -> Compared {
    let differ = |lines: &dyn Fn(&VersionFacts) -> Lines| between(&lines(was), &lines(is));
    Compared {
        metrics: differ(&metrics),
        params: differ(&params),
        signature: differ(&signature),
        files: differ(&files),
    }
}

/// The last value of each; what the run says before what the logged model says.
fn metrics(version: &VersionFacts) -> Lines {
    let mut last: BTreeMap<String, &Metric> = BTreeMap::new();
    let rank = |metric: &Metric| (metric.origin == MetricOrigin::Run, metric.step, metric.timestamp);
    for metric in &version.metrics {
        let on = metric.dataset_name.as_ref().map(|name| format!(" on {name}")).unwrap_or_default();
        let known = last.entry(format!("{}{on}", metric.name)).or_insert(metric);
        if rank(metric) > rank(known) {
            *known = metric;
        }
    }
    last.into_iter().map(|(name, metric)| (name, metric.value.clone())).collect()
}

fn params(version: &VersionFacts) -> Lines {
    let logged = version.logged_model.iter().flat_map(|logged| &logged.params);
    let run = version.run.iter().flat_map(|run| &run.params);
    logged.chain(run).map(|(name, value)| (name.clone(), value.clone())).collect()
}

fn files(version: &VersionFacts) -> Lines {
    let said = |file: &crate::facts::File| {
        let digest = file.digest.map_or_else(|| "not read".to_owned(), |digest| digest.short());
        (file.path.clone(), format!("{} bytes, {digest}", file.size))
    };
    version.files.iter().map(said).collect()
}

fn signature(version: &VersionFacts) -> Lines {
    let text = version.mlmodel.as_deref().unwrap_or_default();
    block(text, "signature:").into_iter().flat_map(|(part, value)| columns(&part, &value)).collect()
}

/// The members of one of the file's blocks. A member that goes on over several lines is indented further.
fn block(text: &str, head: &str) -> Vec<(String, String)> {
    let mut members: Vec<(String, String)> = Vec::new();
    let inside = text.lines().skip_while(|line| line.trim_end() != head).skip(1);
    for line in inside.take_while(|line| line.starts_with(' ')) {
        let indent = line.len() - line.trim_start().len();
        match (line.trim().split_once(':'), members.last_mut()) {
            (Some((name, value)), _) if indent <= 2 => {
                members.push((name.to_owned(), value.trim().to_owned()))
            }
            (_, Some((_, value))) => {
                value.push(' ');
                value.push_str(line.trim());
            }
            _ => {}
        }
    }
    members
}

/// `inputs: '[{"type": "double", "name": "age"}]'` as one line for each column.
fn columns(part: &str, written: &str) -> Vec<(String, String)> {
    let unquoted = written.strip_prefix('\'').and_then(|text| text.strip_suffix('\'')).unwrap_or(written);
    match serde_json::from_str::<Value>(&unquoted.replace("''", "'")) {
        Ok(Value::Array(columns)) => {
            columns.iter().enumerate().map(|(at, column)| column_line(part, at, column)).collect()
        }
        _ if written == "null" || written.is_empty() => Vec::new(),
        _ => vec![(part.to_owned(), written.to_owned())],
    }
}

fn column_line(part: &str, at: usize, column: &Value) -> (String, String) {
    let name =
        column.get("name").and_then(Value::as_str).map_or_else(|| format!("{}", at + 1), str::to_owned);
    let kind = match column.get("type") {
        Some(Value::String(kind)) if kind != "tensor" => kind.clone(),
        _ => column.get("tensor-spec").unwrap_or(column).to_string(),
    };
    let optional = column.get("required") == Some(&Value::Bool(false));
    (format!("{part} {name}"), if optional { format!("{kind}, optional") } else { kind })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::difference::Change;

    fn check(was: &str, is: &str, expect: &[(&str, Option<&str>, Option<&str>)]) {
        let lines = |text: &str| block(text, "signature:").into_iter().flat_map(|(p, v)| columns(&p, &v));
        let found = between(&lines(was).collect(), &lines(is).collect());
        let expect: Vec<Change> = expect
            .iter()
            .map(|(fact, was, is)| Change {
                fact: (*fact).to_owned(),
                was: was.map(str::to_owned),
                is: is.map(str::to_owned),
            })
            .collect();
        assert_eq!(found, expect);
    }

    const SIGNED: &str = "flavors:\n  inputs: nothing\nsignature:\n  inputs: '[{\"type\": \"long\", \"name\": \"age\", \
        \"required\": true},\n    {\"type\": \"double\", \"name\": \"income\", \"required\": false}]'\n  outputs: \
        '[{\"type\": \"tensor\", \"tensor-spec\": {\"dtype\": \"int64\", \"shape\": [-1]}}]'\n  params: null\nutc: 1\n";

    #[test]
    fn signatures() {
        check(SIGNED, SIGNED, &[]);
        check(SIGNED, &SIGNED.replace("long", "double"), &[("inputs age", Some("long"), Some("double"))]);
        let tensor = r#"{"dtype":"int64","shape":[-1]}"#;
        check(
            SIGNED,
            "no signature\n",
            &[
                ("inputs age", Some("long"), None),
                ("inputs income", Some("double, optional"), None),
                ("outputs 1", Some(tensor), None),
            ],
        );
        check("", "signature:\n  inputs: {odd}\n", &[("inputs", None, Some("{odd}"))]);
    }
}
