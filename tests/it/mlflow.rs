//! The actors against a plain MLflow: what the story relies on is true of it without Countersign.

use countersign_tests::actor::Actor;
use countersign_tests::http;
use countersign_tests::log::Log;
use countersign_tests::mlflow::shared;
use countersign_tests::venv::Venv;
use serde_json::json;

fn ana(name: &str) -> (Log, Actor) {
    let mlflow = shared().unwrap();
    let log = Log::of(name);
    let ana = Actor::start(&Venv::for_tests().unwrap(), "ana", &mlflow.url(), None, log.path()).unwrap();
    (log, ana)
}

#[test]
fn every_way_to_promote_works_without_a_gate() {
    let (_log, mut ana) = ana("promote");
    let model = format!("plain-{}", std::process::id());
    let credit = ("model", json!(model));
    let trained = ana.does("train", &[credit.clone(), ("experiment", json!(model))]).unwrap();
    let auc = |index: usize| trained[index]["metrics"]["auc"].as_f64().unwrap();
    assert!(auc(0) < 0.6 && auc(1) > 0.9 && auc(2) > 0.9, "{trained}");

    let champion = [credit.clone(), ("alias", json!("champion")), ("version", json!("2"))];
    ana.does("set-alias", &champion).unwrap();
    assert_eq!(ana.does("get-alias", &[credit.clone(), ("alias", json!("champion"))]).unwrap(), "2");

    for (version, stage) in [("2", "pRoDuCtIoN"), ("3", "PRODUCTION")] {
        let arguments = [
            credit.clone(),
            ("version", json!(version)),
            ("stage", json!(stage)),
            ("archive_existing_versions", json!(true)),
        ];
        assert_eq!(ana.does("transition", &arguments).unwrap(), "Production");
    }
    assert_eq!(ana.does("stage", &[credit.clone(), ("version", json!("2"))]).unwrap(), "Archived");

    let target = format!("prod.{model}");
    let copy = [("source", json!(format!("models:/{model}/2"))), ("model", json!(target))];
    assert_eq!(ana.does("copy", &copy).unwrap(), "1");

    let file = [credit.clone(), ("version", json!("2")), ("path", json!("requirements.txt"))];
    ana.does("overwrite-model-file", &[&file[..], &[("text", json!("swapped"))]].concat()).unwrap();
    assert_eq!(ana.does("read-model-file", &file).unwrap(), "swapped");
}

#[test]
fn an_error_arrives_as_the_client_raises_it() {
    let (_log, mut ana) = ana("errors");
    let missing = [("model", json!("no such model")), ("alias", json!("champion")), ("version", json!("1"))];
    let reply = ana.ask("set-alias", &missing).unwrap();
    assert!(!reply.ok);
    assert_eq!(reply.exception.as_deref(), Some("RestException"));
    assert_eq!(reply.error_code.as_deref(), Some("RESOURCE_DOES_NOT_EXIST"));
    assert!(reply.message.starts_with("RESOURCE_DOES_NOT_EXIST: "), "{}", reply.message);

    let answer = http::get(shared().unwrap().port(), "/version").unwrap();
    assert_eq!(answer, (200, "3.17.2".to_owned()));
}
