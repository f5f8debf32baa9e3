//! MLflow's JSON, as far as we read it.
//!
//! It is proto3 JSON with house rules: empty fields are left out, 64-bit integers come as numbers but may come as
//! strings, a metric that is not finite comes as a string.

use serde::Deserialize;
use serde::de::{Deserializer, Error as _, Unexpected};

/// A name with a text: tags and parameters.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct KeyValue {
    pub key: String,
    #[serde(default)]
    pub value: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ModelVersion {
    pub name: String,
    pub version: String,
    #[serde(default, deserialize_with = "int64")]
    pub creation_timestamp: i64,
    #[serde(default, deserialize_with = "int64")]
    pub last_updated_timestamp: i64,
    #[serde(default)]
    pub current_stage: String,
    #[serde(default)]
    pub description: String,
    #[serde(default)]
    pub source: String,
    #[serde(default)]
    pub run_id: String,
    #[serde(default)]
    pub status: String,
    #[serde(default)]
    pub tags: Vec<KeyValue>,
    #[serde(default)]
    pub aliases: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct RegisteredModel {
    pub name: String,
    #[serde(default, deserialize_with = "int64")]
    pub creation_timestamp: i64,
    #[serde(default, deserialize_with = "int64")]
    pub last_updated_timestamp: i64,
    #[serde(default)]
    pub description: String,
    #[serde(default)]
    pub tags: Vec<KeyValue>,
    #[serde(default)]
    pub aliases: Vec<Alias>,
    /// The newest version in each stage.
    #[serde(default)]
    pub latest_versions: Vec<ModelVersion>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Alias {
    pub alias: String,
    pub version: String,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Run {
    pub info: RunInfo,
    #[serde(default)]
    pub data: RunData,
    #[serde(default)]
    pub inputs: RunInputs,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct RunInfo {
    pub run_id: String,
    #[serde(default)]
    pub user_id: String,
    #[serde(default)]
    pub status: String,
    #[serde(default)]
    pub artifact_uri: String,
}

#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
pub struct RunData {
    #[serde(default)]
    pub metrics: Vec<Metric>,
    #[serde(default)]
    pub params: Vec<KeyValue>,
    #[serde(default)]
    pub tags: Vec<KeyValue>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
pub struct RunInputs {
    #[serde(default)]
    pub dataset_inputs: Vec<DatasetInput>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct DatasetInput {
    #[serde(default)]
    pub tags: Vec<KeyValue>,
    pub dataset: Dataset,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Dataset {
    #[serde(default)]
    pub name: String,
    #[serde(default)]
    pub digest: String,
    #[serde(default)]
    pub source_type: String,
    #[serde(default)]
    pub source: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Metric {
    pub key: String,
    /// Shortest decimal that reads back as the recorded number, or `NaN`, `Infinity`, `-Infinity`.
    #[serde(default = "zero", deserialize_with = "decimal")]
    pub value: String,
    #[serde(default, deserialize_with = "int64")]
    pub timestamp: i64,
    #[serde(default, deserialize_with = "int64")]
    pub step: i64,
    #[serde(default)]
    pub dataset_name: String,
    #[serde(default)]
    pub dataset_digest: String,
    #[serde(default)]
    pub run_id: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct LoggedModel {
    pub info: LoggedModelInfo,
    #[serde(default)]
    pub data: LoggedModelData,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct LoggedModelInfo {
    pub model_id: String,
    #[serde(default)]
    pub artifact_uri: String,
    #[serde(default)]
    pub status: String,
    #[serde(default)]
    pub source_run_id: String,
    #[serde(default)]
    pub tags: Vec<KeyValue>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
pub struct LoggedModelData {
    #[serde(default)]
    pub params: Vec<KeyValue>,
    #[serde(default)]
    pub metrics: Vec<Metric>,
}

/// One entry of a listing.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct FileInfo {
    pub path: String,
    #[serde(default)]
    pub is_dir: bool,
    #[serde(default, deserialize_with = "int64")]
    pub file_size: i64,
}

/// A webhook of MLflow's. Its secret is never shown.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Webhook {
    pub webhook_id: String,
    #[serde(default)]
    pub name: String,
    #[serde(default)]
    pub url: String,
    #[serde(default)]
    pub status: String,
    #[serde(default)]
    pub events: Vec<Event>,
}

/// MLflow's enum names, in upper case: `MODEL_VERSION`, `CREATED`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize, serde::Serialize)]
pub struct Event {
    pub entity: String,
    pub action: String,
}

/// What MLflow saw when it sent a test event.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct TestResult {
    #[serde(default)]
    pub success: bool,
    #[serde(default)]
    pub response_status: Option<i32>,
    #[serde(default)]
    pub error_message: Option<String>,
}

/// Who MLflow says the caller is.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct User {
    pub username: String,
    #[serde(default)]
    pub is_admin: bool,
}

/// MLflow's errors.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ErrorBody {
    pub error_code: String,
    #[serde(default)]
    pub message: String,
}

fn int64<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    match serde_json::Value::deserialize(deserializer)? {
        serde_json::Value::Null => Ok(0),
        serde_json::Value::Number(number) => {
            number.as_i64().ok_or_else(|| D::Error::custom(format!("{number} is not a 64-bit integer")))
        }
        serde_json::Value::String(text) => {
            text.parse().map_err(|_| D::Error::invalid_value(Unexpected::Str(&text), &"a 64-bit integer"))
        }
        _ => Err(D::Error::custom("expected a 64-bit integer")),
    }
}

fn zero() -> String {
    "0.0".to_owned()
}

fn decimal<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    match serde_json::Value::deserialize(deserializer)? {
        serde_json::Value::Number(number) => {
            number.as_f64().map(print).ok_or_else(|| D::Error::custom(format!("{number} is not a double")))
        }
        serde_json::Value::String(text) => {
            text.parse().map(print).map_err(|_| D::Error::invalid_value(Unexpected::Str(&text), &"a double"))
        }
        _ => Err(D::Error::custom("expected a number")),
    }
}

/// The shortest text that reads back as the same number, as Python prints it, up to the exponent's spelling.
fn print(number: f64) -> String {
    if number.is_nan() {
        "NaN".to_owned()
    } else if number.is_infinite() {
        if number > 0.0 { "Infinity" } else { "-Infinity" }.to_owned()
    } else {
        format!("{number:?}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(value: &str, expect: Option<&str>) {
        let json = format!(r#"{{"key":"m","value":{value},"timestamp":"12","step":3}}"#);
        let metric = serde_json::from_str::<Metric>(&json).ok();
        assert_eq!(metric.as_ref().map(|m| m.value.as_str()), expect, "{value}");
        assert!(metric.is_none_or(|m| (m.timestamp, m.step) == (12, 3)));
    }

    #[test]
    fn metrics_keep_every_digit() {
        check("0.30000000000000004", Some("0.30000000000000004"));
        check("0.1", Some("0.1"));
        check("3.0", Some("3.0"));
        check("3", Some("3.0"));
        check("1e+300", Some("1e300"));
        check("-1.7976931348623157e+308", Some("-1.7976931348623157e308"));
        check("2.2250738585072014e-308", Some("2.2250738585072014e-308"));
        check("9007199254740993", Some("9007199254740992.0"));
        check("\"NaN\"", Some("NaN"));
        check("\"-Infinity\"", Some("-Infinity"));
        check("\"much\"", None);
        check("[]", None);
    }

    proptest::proptest! {
        #[test]
        fn any_double_reads_back(number in proptest::num::f64::NORMAL) {
            let json = format!(r#"{{"key":"m","value":{number:?}}}"#);
            let metric: Metric = serde_json::from_str(&json).unwrap();
            proptest::prop_assert_eq!(metric.value.parse::<f64>().unwrap().to_bits(), number.to_bits());
        }
    }

    #[test]
    fn what_is_left_out_is_empty() {
        let version: ModelVersion = serde_json::from_str(r#"{"name":"m","version":"1"}"#).unwrap();
        assert_eq!((version.creation_timestamp, version.tags.len()), (0, 0));
        assert!(serde_json::from_str::<ModelVersion>(r#"{"name":"m"}"#).is_err());
    }
}
