use expect_test::{Expect, expect};

use super::envelope::renamed;
use super::shapes::{Activity, ActivityAction, ActivityType, Numeral, TransitionBody};

fn check(body: &str, expected: &Expect) {
    let found = serde_json::from_str::<TransitionBody>(body);
    expected.assert_eq(&found.map_or_else(|error| error.to_string(), |body| format!("{body:?}")));
}

#[test]
fn bodies_are_read_in_one_way() {
    check(
        r#"{"name":"credit","version":"1","stage":"Production","archive_existing_versions":true,"comment":"ok"}"#,
        &expect![[
            r#"TransitionBody { name: "credit", version: Text("1"), stage: "Production", archive_existing_versions: Some(true), comment: Some("ok"), creator: None }"#
        ]],
    );
    check(
        r#"{"name":"credit","version":1,"stage":"Production"}"#,
        &expect![[
            r#"TransitionBody { name: "credit", version: Number(1), stage: "Production", archive_existing_versions: None, comment: None, creator: None }"#
        ]],
    );
    check(
        r#"{"name":"a","name":"b","version":"1","stage":"Production"}"#,
        &expect!["duplicate field `name` at line 1 column 18"],
    );
    check(
        r#"{"name":"a","version":"1","stage":"Production","archive":true}"#,
        &expect![
            "unknown field `archive`, expected one of `name`, `version`, `stage`, `archive_existing_versions`, `comment`, `creator` at line 1 column 56"
        ],
    );
    check(r#"{"name":"a","version":"1"}"#, &expect!["missing field `stage` at line 1 column 26"]);
}

#[test]
fn a_version_is_one_however_it_is_written() {
    let of = |numeral| super::mapping::subject("credit", &numeral).map(|(_, version)| version.get());
    assert_eq!(of(Numeral::Text("7".to_owned())).unwrap(), 7);
    assert_eq!(of(Numeral::Number(7)).unwrap(), 7);
    of(Numeral::Number(0)).unwrap_err();
    of(Numeral::Text("7.0".to_owned())).unwrap_err();
    super::mapping::subject("", &Numeral::Number(1)).unwrap_err();
}

#[test]
fn an_activity_is_spelt_as_the_sdk_reads_it() {
    let activity = Activity {
        id: "01980000-7a10-7c3e-9d2b-5f0e6a1b2c3d".to_owned(),
        activity_type: ActivityType::RequestedTransition,
        creation_timestamp: 1_795_381_030_000,
        last_updated_timestamp: 1_795_381_030_000,
        user_id: Some("ana".to_owned()),
        comment: None,
        system_comment: None,
        from_stage: Some("None"),
        to_stage: "Production",
        available_actions: vec![ActivityAction::Approve],
    };
    expect![[r#"{"id":"01980000-7a10-7c3e-9d2b-5f0e6a1b2c3d","activity_type":"REQUESTED_TRANSITION","creation_timestamp":1795381030000,"last_updated_timestamp":1795381030000,"user_id":"ana","from_stage":"None","to_stage":"Production","available_actions":["APPROVE_TRANSITION_REQUEST"]}"#]].assert_eq(&serde_json::to_string(&activity).unwrap());
}

#[test]
fn only_the_envelope_differs() {
    let renamed =
        |text: &str| renamed(text.as_bytes()).map(|bytes| String::from_utf8(bytes.to_vec()).unwrap());
    let version = r#"{"model_version":{"name":"credit","version":"1"}}"#;
    assert_eq!(renamed(version).unwrap(), r#"{"model_version_databricks":{"name":"credit","version":"1"}}"#);
    assert_eq!(renamed(r#"{"registered_model":{}}"#).unwrap(), r#"{"registered_model_databricks":{}}"#);
    assert_eq!(renamed("[]"), None);
    assert_eq!(renamed("no"), None);
}
