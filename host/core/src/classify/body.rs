//! A body as exactly one JSON object, read field by field, and written anew from what was read.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use super::Refusal;
use crate::names::{Stage, Version};

/// The fields of a body. What is read is kept for the canonical body; what is left over is refused.
pub(super) struct Fields {
    given: Map<String, Value>,
    kept: Map<String, Value>,
    known: Vec<&'static str>,
}

impl Fields {
    pub(super) fn parse(body: &[u8]) -> Result<Self, Refusal> {
        match serde_json::from_slice::<Strict>(body).map_err(|e| not_json(&e))? {
            Strict(Value::Object(given)) => Ok(Self { given, kept: Map::new(), known: Vec::new() }),
            Strict(_) => Err(Refusal::NotAnObject),
        }
    }

    pub(super) fn empty() -> Self {
        Self { given: Map::new(), kept: Map::new(), known: Vec::new() }
    }

    /// A string that must be there and say something.
    pub(super) fn text(&mut self, key: &'static str) -> Result<String, Refusal> {
        self.optional_text(key)?.filter(|text| !text.is_empty()).ok_or(Refusal::MissingKey { key })
    }

    /// `null` counts as not given, as in MLflow.
    pub(super) fn optional_text(&mut self, key: &'static str) -> Result<Option<String>, Refusal> {
        match self.take(key) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(self.keep(key, text))),
            Some(_) => Err(Refusal::Type { key, expected: "a string" }),
        }
    }

    /// False when it is not given, as in MLflow.
    pub(super) fn flag(&mut self, key: &'static str) -> Result<bool, Refusal> {
        match self.take(key) {
            None => Ok(false),
            Some(Value::Bool(flag)) => Ok(self.keep(key, flag)),
            Some(_) => Err(Refusal::Type { key, expected: "true or false" }),
        }
    }

    pub(super) fn optional_number(&mut self, key: &'static str) -> Result<(), Refusal> {
        match self.take(key) {
            None => Ok(()),
            Some(Value::Number(number)) if number.is_u64() => {
                self.keep(key, number);
                Ok(())
            }
            Some(_) => Err(Refusal::Type { key, expected: "a whole number" }),
        }
    }

    pub(super) fn version(&mut self) -> Result<Version, Refusal> {
        let found = self.text("version")?;
        Version::parse(&found).ok_or(Refusal::Version { found })
    }

    /// Any case, as in MLflow; sent on in MLflow's own.
    pub(super) fn stage(&mut self) -> Result<Stage, Refusal> {
        let found = self.text("stage")?;
        let stage = Stage::parse(&found).ok_or(Refusal::Stage { found })?;
        self.keep("stage", stage.as_str().to_owned());
        Ok(stage)
    }

    /// `[{"key": …, "value": …}, …]`; a tag without a value has the empty one.
    pub(super) fn tags(&mut self) -> Result<BTreeMap<String, String>, Refusal> {
        let mut tags = BTreeMap::new();
        for mut tag in self.records("tags")? {
            let (key, value) = (tag.text("key")?, tag.optional_text("value")?.unwrap_or_default());
            self.append("tags", tag.finish()?);
            if tags.insert(key.clone(), value).is_some() {
                return Err(Refusal::RepeatedKey { key });
            }
        }
        Ok(tags)
    }

    /// The events of a webhook: `[{"entity": …, "action": …}, …]`.
    pub(super) fn events(&mut self) -> Result<(), Refusal> {
        for mut event in self.records("events")? {
            event.text("entity")?;
            event.text("action")?;
            self.append("events", event.finish()?);
        }
        Ok(())
    }

    /// Known to MLflow's clients, without meaning to MLflow: not sent on.
    pub(super) fn ignore(&mut self, key: &'static str) {
        self.take(key);
    }

    /// The canonical body.
    pub(super) fn into_bytes(self) -> Result<Vec<u8>, Refusal> {
        serde_json::to_vec(&self.finish()?).map_err(|e| not_json(&e))
    }

    fn finish(self) -> Result<Value, Refusal> {
        match self.given.into_iter().next() {
            None => Ok(Value::Object(self.kept)),
            Some((key, _)) => Err(Refusal::UnknownKey { key, known: listed(&self.known) }),
        }
    }

    fn take(&mut self, key: &'static str) -> Option<Value> {
        self.known.push(key);
        self.given.shift_remove(key).filter(|value| !value.is_null())
    }

    fn keep<T: Clone + Into<Value>>(&mut self, key: &str, value: T) -> T {
        self.kept.insert(key.to_owned(), value.clone().into());
        value
    }

    /// Each a set of fields of its own. An empty list is kept: in an update it may mean "none".
    fn records(&mut self, key: &'static str) -> Result<Vec<Self>, Refusal> {
        let expected = "a list of objects";
        let Some(list) = self.take(key) else { return Ok(Vec::new()) };
        let Value::Array(items) = list else { return Err(Refusal::Type { key, expected }) };
        self.keep(key, Vec::<Value>::new());
        let fields = |item| match item {
            Value::Object(given) => Ok(Self { given, ..Self::empty() }),
            _ => Err(Refusal::Type { key, expected }),
        };
        items.into_iter().map(fields).collect()
    }

    fn append(&mut self, key: &str, item: Value) {
        if let Some(Value::Array(items)) = self.kept.get_mut(key) {
            items.push(item);
        }
    }
}

fn not_json(error: &serde_json::Error) -> Refusal {
    // A key of the client's own choosing, passed through serde's error text by `Strict`.
    match error.to_string().strip_prefix(REPEATED).and_then(|rest| rest.rsplit_once(" at line ")) {
        Some((key, _)) => Refusal::RepeatedKey { key: key.to_owned() },
        None => Refusal::NotJson { why: error.to_string() },
    }
}

fn listed(known: &[&str]) -> String {
    known.iter().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(", ")
}

const REPEATED: &str = "repeated key ";

/// Any JSON value in which no object has a key twice. Python keeps the last of two, others the first.
struct Strict(Value);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StrictVisitor).map(Self)
    }
}

struct StrictVisitor;

impl<'de> Visitor<'de> for StrictVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: de::Error>(self, flag: bool) -> Result<Value, E> {
        Ok(Value::Bool(flag))
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Value, E> {
        Ok(Value::Number(number.into()))
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Value, E> {
        Ok(Value::Number(number.into()))
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Value, E> {
        Number::from_f64(number).map(Value::Number).ok_or_else(|| E::custom("number out of range"))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Value, E> {
        Ok(Value::String(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(Strict(item)) = list.next_element()? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Value, A::Error> {
        let mut members = Map::new();
        while let Some((key, Strict(value))) = object.next_entry::<String, Strict>()? {
            if members.contains_key(&key) {
                return Err(de::Error::custom(format!("{REPEATED}{key}")));
            }
            members.insert(key, value);
        }
        Ok(Value::Object(members))
    }
}
