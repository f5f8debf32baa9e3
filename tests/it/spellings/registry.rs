//! A registered model of one's own on the shared MLflow: what it is now, and how it was.

use std::cell::RefCell;
use std::fmt::Write;
use std::sync::atomic::{AtomicU32, Ordering};

use countersign_tests::{http, mlflow};
use serde_json::{Value, json};

/// One model with the versions 1 and 2, where `champion` is 1 and version 2 has the tag `k`.
pub(super) struct Registry {
    port: u16,
    model: String,
    last: RefCell<String>,
}

impl Registry {
    pub(super) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let (process, number) = (std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let port = mlflow::shared().unwrap().port();
        let model = format!("spelt-{process}-{number}");
        let registry = Self { port, model, last: RefCell::default() };
        registry.write("POST", "registered-models/create", &json!({"name": registry.model}));
        for source in ["s3://bucket/1", "s3://bucket/2"] {
            registry.write(
                "POST",
                "model-versions/create",
                &json!({"name": registry.model, "source": source}),
            );
        }
        registry.reset(&registry.state());
        registry
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    pub(super) fn model(&self) -> &str {
        &self.model
    }

    pub(super) fn renamed(&self) -> String {
        format!("{}-renamed", self.model)
    }

    /// Back to how it was, but for versions that were added; `state` is how it is.
    pub(super) fn reset(&self, state: &str) {
        let name = &self.model;
        let holds = |line: &str| state.contains(line);
        if holds(&format!("model {}\n", self.renamed())) {
            self.write(
                "POST",
                "registered-models/rename",
                &json!({"name": self.renamed(), "new_name": name}),
            );
        }
        for alias in ["Champion", "champion\n", "CHAMPION"] {
            if holds(&format!("alias {alias} = ")) {
                self.write("DELETE", "registered-models/alias", &json!({"name": name, "alias": alias}));
            }
        }
        if !holds("alias champion = 1\n") {
            let champion = json!({"name": name, "alias": "champion", "version": "1"});
            self.write("POST", "registered-models/alias", &champion);
        }
        for version in ["1", "2"].into_iter().filter(|v| !holds(&format!("version {v} stage None\n"))) {
            let stage = json!({"name": name, "version": version, "stage": "None"});
            self.write("POST", "model-versions/transition-stage", &stage);
        }
        if !holds("version 2 tag k = v\n") {
            let tag = json!({"name": name, "version": "2", "key": "k", "value": "v"});
            self.write("POST", "model-versions/set-tag", &tag);
        }
        if holds("version 2 tag t = ") {
            let tag = json!({"name": name, "version": "2", "key": "t"});
            self.write("DELETE", "model-versions/delete-tag", &tag);
        }
        if !holds("model description null\n") {
            self.write("PATCH", "registered-models/update", &json!({"name": name, "description": ""}));
        }
        self.last.replace(self.state());
    }

    /// The state after the last reset.
    pub(super) fn last(&self) -> String {
        self.last.borrow().clone()
    }

    /// One line for each thing that a write could have changed.
    pub(super) fn state(&self) -> String {
        let models = self.read("registered-models", "registered_models");
        let versions = self.read("model-versions", "model_versions");
        let mut state = String::new();
        for model in list(&models) {
            writeln!(state, "model {}", text(&model["name"])).unwrap();
            for alias in list(&model["aliases"]) {
                writeln!(state, "alias {} = {}", text(&alias["alias"]), text(&alias["version"])).unwrap();
            }
            tags(&mut state, "model", model);
            writeln!(state, "model description {}", model["description"]).unwrap();
        }
        for version in list(&versions) {
            let number = format!("version {}", text(&version["version"]));
            writeln!(state, "{number} stage {}", text(&version["current_stage"])).unwrap();
            writeln!(state, "{number} source {}", text(&version["source"])).unwrap();
            writeln!(state, "{number} description {}", version["description"]).unwrap();
            tags(&mut state, &number, version);
        }
        state
    }

    fn read(&self, collection: &str, answer: &str) -> Value {
        let path = format!(
            "/api/2.0/mlflow/{collection}/search?max_results=1000&filter=name%20LIKE%20%27{}%25%27",
            self.model
        );
        let response = http::request("GET", &path).send(self.port).unwrap();
        assert_eq!(response.status, 200, "{}", response.text());
        response.json().unwrap()[answer].clone()
    }

    fn write(&self, method: &str, call: &str, body: &Value) {
        http::request(method, &format!("/api/2.0/mlflow/{call}")).json(body).send(self.port).unwrap();
    }
}

fn tags(state: &mut String, owner: &str, thing: &Value) {
    for tag in list(&thing["tags"]) {
        writeln!(state, "{owner} tag {} = {}", text(&tag["key"]), text(&tag["value"])).unwrap();
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
