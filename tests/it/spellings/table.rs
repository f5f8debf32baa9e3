//! The matrix: what MLflow takes, and what we make of it.

use super::registry::Registry;
use super::{Fate, Spelling, obey};

const ALIAS: &str = "registered-models/alias";

/// A spelling, whether MLflow takes it, and what we say: `governed`, `passes`, or why it is refused.
struct Row {
    what: String,
    spelling: Spelling,
    taken: bool,
    say: &'static str,
}

pub(super) fn check(registry: &Registry) {
    let model = registry.model();
    let rows: Vec<Row> =
        [paths(model), methods(model), headers(model), bodies(model), versions(model), others(registry)]
            .into_iter()
            .flatten()
            .collect();
    assert!(rows.len() >= 80, "the matrix has {} rows", rows.len());
    let wrong: Vec<String> = rows.iter().filter_map(|row| check_row(registry, row)).collect();
    assert!(wrong.is_empty(), "the matrix is not true any more:\n{}", wrong.join("\n"));
}

fn check_row(registry: &Registry, row: &Row) -> Option<String> {
    let taken = obey(registry, &row.spelling);
    let said = match row.spelling.fate() {
        Fate::Passes => "passes",
        Fate::Watched(_) => "watched",
        Fate::Governed(_) => "governed",
        Fate::Refused { code, .. } => code,
    };
    if taken && let Some(canonical) = row.spelling.canonical() {
        assert!(obey(registry, &canonical), "{}: not taken as {canonical:?}", row.what);
    }
    ((taken, said) != (row.taken, row.say)).then(|| {
        let found = if taken { "takes" } else { "does not take" };
        format!("{}: MLflow {found} it, we say {said}", row.what)
    })
}

fn alias(model: &str) -> String {
    format!(r#"{{"name":"{model}","alias":"champion","version":"2"}}"#)
}

fn plain(model: &str) -> Spelling {
    Spelling::plain("POST", ALIAS, &alias(model))
}

fn paths(model: &str) -> Vec<Row> {
    let base = "/api/2.0/mlflow/registered-models/alias";
    let every: String = base.bytes().map(|b| format!("%{b:02X}")).collect();
    let row = |target: &str, taken, say| Row {
        what: format!("path {target}"),
        spelling: Spelling { target: target.to_owned(), ..plain(model) },
        taken,
        say,
    };
    vec![
        row(base, true, "governed"),
        row("/ajax-api/2.0/mlflow/registered-models/alias", true, "governed"),
        row("/api/2.0/mlflow/registered-models/%61lias", true, "spelling"),
        row("/api/2.0/mlflow/registered-models%2Falias", true, "spelling"),
        row("/api/2.0/mlflow/registered%2dmodels/alias", true, "spelling"),
        row(&format!("/{}", &every[3..]), true, "spelling"),
        row(&every, true, "spelling"),
        row("//api/2.0/mlflow/registered-models/alias", true, "spelling"),
        row("///api/2.0/mlflow/registered-models/alias", true, "spelling"),
        row("/%2Fapi/2.0/mlflow/registered-models/alias", true, "spelling"),
        row("/api/2.0/mlflow//registered-models/alias", false, "spelling"),
        row("/api/2.0/mlflow/registered-models/alias/", false, "spelling"),
        row("/api/2.0/mlflow/registered-models/ALIAS", false, "spelling"),
        row("/API/2.0/mlflow/registered-models/alias", false, "spelling"),
        row("/api/2.0/mlflow/registered-models/%2561lias", false, "spelling"),
        row("/api/2.0/mlflow/./registered-models/alias", false, "spelling"),
        row("/api/2.0/mlflow/runs/../registered-models/alias", false, "spelling"),
        row("/api/2.0/mlflow/registered-models/alias;x=1", false, "unknown-registry-write"),
        row("/api/2.0/mlflow/registered-models/alias#x", false, "unknown-registry-write"),
        row("/api/2.0/mlflow/registered-models/alias?", true, "query"),
        row("/api/2.0/mlflow/registered-models/alias?name=x&version=1", true, "query"),
        row("/api/2.0/mlflow/registered-models/alias%3Fx", false, "unknown-registry-write"),
        row("/api/2.0/mlflow/registered-models/alias%00", false, "unknown-registry-write"),
        row("/api/2.0/mlflow/registered-models/alias%20", false, "spelling"),
        row("/api/2.0/mlflow/registered-models%C0%AFalias", false, "unknown-registry-write"),
        row("/api\\2.0\\mlflow\\registered-models\\alias", false, "spelling"),
        row("/api/3.0/mlflow/registered-models/alias", false, "unknown-registry-write"),
        row("/p/api/2.0/mlflow/registered-models/alias", false, "spelling"),
        row("http://127.0.0.1/api/2.0/mlflow/registered-models/alias", false, "spelling"),
        row("*", false, "passes"),
    ]
}

fn methods(model: &str) -> Vec<Row> {
    let row = |method: &str, header: Option<(&str, &str)>, taken, say| {
        let mut spelling = Spelling { method: method.to_owned(), ..plain(model) };
        spelling.headers.extend(header.map(|(name, value)| (name.to_owned(), value.to_owned())));
        Row { what: format!("method {method} {header:?}"), spelling, taken, say }
    };
    let instead = |method| Some(("x-http-method-override", method));
    vec![
        row("post", None, true, "spelling"),
        row("PoSt", None, true, "spelling"),
        row("delete", None, true, "spelling"),
        row("DELETE", None, true, "governed"),
        row("PUT", None, false, "unknown-registry-write"),
        row("PATCH", None, false, "unknown-registry-write"),
        row("ANY", None, false, "unknown-registry-write"),
        row("GET", None, false, "passes"),
        row("HEAD", None, false, "passes"),
        row("OPTIONS", None, false, "passes"),
        row("GET", instead("POST"), false, "passes"),
        row("OPTIONS", instead("POST"), false, "passes"),
        row("PUT", instead("POST"), false, "unknown-registry-write"),
        row("POST", instead("DELETE"), true, "governed"),
    ]
}

fn headers(model: &str) -> Vec<Row> {
    let row = |headers: &[(&str, &str)], taken, say| {
        let owned = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Row {
            what: format!("{headers:?}"),
            spelling: Spelling { headers: owned, ..plain(model) },
            taken,
            say,
        }
    };
    let json = ("content-type", "application/json");
    vec![
        row(&[("content-type", "application/json; charset=utf-8")], true, "governed"),
        row(&[("content-type", "application/json;charset=UTF-8")], true, "governed"),
        row(&[("content-type", "application/json;")], true, "header"),
        row(&[("content-type", "application/json; charset=utf-16")], true, "header"),
        row(&[("content-type", "application/json; boundary=x")], true, "header"),
        row(&[("content-type", "Application/JSON")], false, "governed"),
        row(&[("content-type", "application/json ; charset=utf-8")], false, "governed"),
        row(&[("content-type", "application/json, text/plain")], false, "header"),
        row(&[("content-type", "text/plain")], false, "header"),
        row(&[("content-type", "application/x-www-form-urlencoded")], false, "header"),
        row(&[], false, "header"),
        row(&[json, json], false, "repeated-header"),
        row(&[json, ("content-encoding", "gzip")], true, "header"),
        row(&[json, ("content-encoding", "identity")], true, "governed"),
        row(&[json, ("x-mlflow-workspace", "")], true, "governed"),
        row(&[json, ("x-mlflow-workspace", "default")], false, "governed"),
        row(&[json, ("x-mlflow-workspace", "Team A")], false, "header"),
        row(&[json, ("x_mlflow_workspace", "team-a")], true, "repeated-header"),
        row(&[json, ("expect", "200-ok")], true, "governed"),
    ]
}

fn bodies(model: &str) -> Vec<Row> {
    let good = alias(model);
    let row = |what: &str, body: &[u8], taken, say| Row {
        what: format!("body: {what}"),
        spelling: Spelling { body: body.to_vec(), ..plain(model) },
        taken,
        say,
    };
    let text = |what: &str, body: String, taken, say| row(what, body.as_bytes(), taken, say);
    let wide = |unit: fn(u16) -> [u8; 2]| good.encode_utf16().flat_map(unit).collect::<Vec<u8>>();
    let utf_32: Vec<u8> = good.chars().flat_map(|c| u32::from(c).to_le_bytes()).collect();
    let end = format!(r#""name":"{model}","alias":"champion","version":"2"}}"#);
    vec![
        text("white space", format!(" \r\n\t{good}\n"), true, "governed"),
        text("escapes", good.replace("champion", "\\u0063hampion"), true, "governed"),
        text("another case of the alias", good.replace("champion", "Champion"), true, "governed"),
        text("a line's end in the alias", good.replace("champion", "champion\\n"), true, "governed"),
        text("empty", String::new(), false, "not-json"),
        text("a byte-order mark", format!("\u{feff}{good}"), true, "not-json"),
        row("UTF-16LE", &wide(u16::to_le_bytes), true, "not-json"),
        row("UTF-16BE", &wide(u16::to_be_bytes), true, "not-json"),
        row("UTF-32LE", &utf_32, true, "not-json"),
        text("JSON in a string", serde_json::to_string(&good).unwrap(), true, "not-an-object"),
        text("in a list", format!("[{good}]"), false, "not-an-object"),
        text("two objects", format!("{good}{good}"), false, "not-json"),
        text("a key twice", format!(r#"{{"version":"1",{end}"#), true, "repeated-key"),
        text("a key twice, once escaped", format!(r#"{{"v\u0065rsion":"1",{end}"#), true, "repeated-key"),
        text("a nested key twice", format!(r#"{{"x":{{"y":1,"y":2}},{end}"#), true, "repeated-key"),
        text("an unknown key", format!(r#"{{"x":1,{end}"#), true, "unknown-key"),
        text("a capital key", format!(r#"{{"Version":"1",{end}"#), true, "unknown-key"),
        text("NaN", format!(r#"{{"x":NaN,{end}"#), true, "not-json"),
        text("Infinity", format!(r#"{{"x":-Infinity,{end}"#), true, "not-json"),
        text("half a surrogate pair", format!(r#"{{"x":"\ud800",{end}"#), true, "not-json"),
        text("a huge number", format!(r#"{{"x":1e999,{end}"#), true, "not-json"),
        text("a control character in a string", format!("{{\"x\":\"\n\",{end}"), false, "not-json"),
        text("a comment", format!("/**/{good}"), false, "not-json"),
        text("single quotes", good.replace('"', "'"), false, "not-json"),
        text("a closing comma", good.replace('}', ",}"), false, "not-json"),
        text("a form", format!("name={model}&alias=champion&version=2"), false, "not-json"),
        row("Latin-1", &[&b"{\"x\":\"\xe9\","[..], end.as_bytes()].concat(), false, "not-json"),
        text("no alias", good.replace("champion", ""), false, "missing-key"),
        text("alias null", good.replace(r#""champion""#, "null"), false, "missing-key"),
        text("alias in a list", good.replace(r#""champion""#, r#"["champion"]"#), false, "type"),
    ]
}

fn versions(model: &str) -> Vec<Row> {
    let row = |version: &str, taken, say| Row {
        what: format!("version {version}"),
        spelling: Spelling::plain("POST", ALIAS, &alias(model).replace("\"2\"", version)),
        taken,
        say,
    };
    vec![
        row("2", false, "type"),
        row("\"02\"", true, "version"),
        row("\" 2 \"", true, "version"),
        row("\"+2\"", true, "version"),
        row("\"0_2\"", true, "version"),
        row("\"2\\n\"", true, "version"),
        row("\"٢\"", true, "version"),
        row("\"２\"", true, "version"),
        row("\"2.0\"", false, "version"),
        row("\"0x2\"", false, "version"),
        row("\"4294967298\"", false, "version"),
    ]
}

fn others(registry: &Registry) -> Vec<Row> {
    let (model, renamed) = (registry.model(), registry.renamed());
    let row = |method: &str, call: &str, body: &str, taken, say| Row {
        what: format!("{method} {call} {body}"),
        spelling: Spelling::plain(method, call, &body.replace("MODEL", model)),
        taken,
        say,
    };
    let stage = |rest: &str| format!(r#"{{"name":"MODEL","version":"2",{rest}}}"#);
    let untyped = |method: &str, call: &str, body: &str, content_type: Option<&str>, taken, say| {
        let mut found = row(method, call, body, taken, say);
        found.what = format!("{method} {call} as {content_type:?}");
        found.spelling.headers =
            content_type.iter().map(|value| ("content-type".to_owned(), (*value).to_owned())).collect();
        found
    };
    let transition = "model-versions/transition-stage";
    let create = "model-versions/create";
    let (untag, tagged) = ("model-versions/delete-tag", r#"{"name":"MODEL","version":"2","key":"k"}"#);
    let form = Some("application/x-www-form-urlencoded");
    let describe = r#"{"name":"MODEL","version":"2","description":"a"}"#;
    vec![
        row("POST", transition, &stage(r#""stage":"Production""#), true, "governed"),
        row(
            "POST",
            transition,
            &stage(r#""stage":"pRODUCTION","archive_existing_versions":true"#),
            true,
            "governed",
        ),
        row(
            "POST",
            transition,
            &stage(r#""stage":"Production","archive_existing_versions":null"#),
            true,
            "governed",
        ),
        row(
            "POST",
            transition,
            &stage(r#""stage":"Production","archiveExistingVersions":true"#),
            true,
            "unknown-key",
        ),
        row(
            "POST",
            transition,
            &stage(r#""stage":"Production","archive_existing_versions":"true""#),
            false,
            "type",
        ),
        row(
            "POST",
            transition,
            &stage(r#""stage":"Production","archive_existing_versions":1"#),
            false,
            "type",
        ),
        row("POST", transition, &stage(r#""stage":" Production""#), false, "stage"),
        row("POST", transition, &stage(r#""stage":"Deleted_Internal""#), false, "stage"),
        row(
            "POST",
            create,
            r#"{"name":"MODEL","source":"s3://b/3","tags":[{"key":"countersign.x","value":"y"}]}"#,
            true,
            "governed",
        ),
        row(
            "POST",
            create,
            r#"{"name":"MODEL","source":"s3://b/4","tags":null,"run_id":null}"#,
            true,
            "governed",
        ),
        row("POST", create, r#"{"name":"MODEL","source":"models:/MODEL/1","tags":[]}"#, true, "governed"),
        row("POST", create, r#"{"name":"MODEL","source":"s3://b/5","runLink":"x"}"#, true, "unknown-key"),
        row("POST", create, r#"{"name":"MODEL","source":"s3://b/6","user_id":"ceo"}"#, true, "unknown-key"),
        row(
            "POST",
            create,
            r#"{"name":"MODEL","source":"s3://b/7","tags":[{"key":"a","value":"1"},{"key":"a","value":"2"}]}"#,
            true,
            "repeated-key",
        ),
        row(
            "POST",
            create,
            r#"{"name":"MODEL","source":"s3://b/8","tags":[{"key":"a","value":1}]}"#,
            true,
            "type",
        ),
        row(
            "POST",
            "registered-models/rename",
            &format!(r#"{{"name":"MODEL","new_name":"{renamed}"}}"#),
            true,
            "governed",
        ),
        row(
            "POST",
            "registered-models/rename",
            &format!(r#"{{"name":"MODEL","newName":"{renamed}"}}"#),
            false,
            "missing-key",
        ),
        row("POST", "registered-models/get-latest-versions", r#"{"name":"MODEL"}"#, false, "passes"),
        row("DELETE", untag, tagged, true, "governed"),
        untyped("DELETE", untag, tagged, None, true, "header"),
        untyped("DELETE", untag, tagged, form, true, "header"),
        untyped("PATCH", "model-versions/update", describe, form, true, "header"),
        row("POST", untag, tagged, false, "unknown-registry-write"),
        row("PATCH", "registered-models/update", r#"{"name":"MODEL","description":"d"}"#, true, "governed"),
        row(
            "POST",
            "model-versions/set-tag",
            r#"{"name":"MODEL","version":"2","key":"t"}"#,
            true,
            "governed",
        ),
        row(
            "DELETE",
            "registered-models/alias",
            r#"{"name":"MODEL","alias":"champion","version":"1"}"#,
            true,
            "governed",
        ),
    ]
}
