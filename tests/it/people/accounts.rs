//! MLflow's own accounts: `mode = "upstream"` before an MLflow with basic auth.

use countersign_tests::http;
use countersign_tests::mlflow::Mlflow;
use countersign_tests::venv::Venv;
use serde_json::{Value, json};

use super::{PASSWORD, READ, basic, sent};
use crate::scene::{Scene, contains, policy, refused};

const ALIAS: &str = "/api/2.0/mlflow/registered-models/alias";
const ANAS: &str = "ana likes long passwords";
const ADMIN: (&str, &str) = ("admin", "an administrator's password");

/// MLflow with accounts of its own.
fn with_accounts(scene: &Scene, port: u16) -> Mlflow {
    let dir = scene.dir().join("mlflow");
    std::fs::create_dir_all(&dir).unwrap();
    let file = dir.join("basic_auth.ini");
    let database = dir.join("accounts.db").display().to_string();
    let text = format!(
        "[mlflow]\ndefault_permission = MANAGE\ndatabase_uri = sqlite:///{database}\nadmin_username = {}\n\
         authorization_function = mlflow.server.auth:authenticate_request_basic_auth\n",
        ADMIN.0
    );
    std::fs::write(&file, text).unwrap();
    let file = file.display().to_string();
    let environment = [
        ("MLFLOW_AUTH_CONFIG_PATH", file.as_str()),
        ("MLFLOW_AUTH_ADMIN_PASSWORD", ADMIN.1),
        ("MLFLOW_FLASK_SERVER_SECRET_KEY", "a secret of this test"),
    ];
    let venv = Venv::for_tests().unwrap();
    let mut mlflow =
        Mlflow::launch_on(port, &venv, &dir, &["--app-name", "basic-auth"], &environment).unwrap();
    mlflow.wait(|_| ()).unwrap();
    mlflow
}

/// Countersign before such an MLflow, in which ana and ruth have accounts; both running.
fn inhabited(name: &str, policy: impl Fn(&str) -> String) -> (Scene, Mlflow) {
    let port = http::free_port().unwrap();
    let mut scene = Scene::before(port, name, policy);
    let (name, password) = ADMIN;
    scene.reconfigure("mode = \"local\"", "mode = \"upstream\"");
    scene.reconfigure("[upstream]", &format!("[upstream]\nusername = \"{name}\"\npassword = \"{password}\""));
    let mlflow = with_accounts(&scene, port);
    scene.host.start().unwrap();
    for (user, password) in [("ana", ANAS), ("ruth", PASSWORD)] {
        let body = json!({"username": user, "password": password});
        let request = http::request("POST", "/api/2.0/mlflow/users/create").json(&body);
        let answer = sent(&scene, &request.header("Authorization", &basic(ADMIN.0, ADMIN.1)));
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    (scene, mlflow)
}

/// Ana's call for a version that she has just registered: it is held.
fn held(scene: &Scene) -> http::Response {
    let ana = basic("ana", ANAS);
    let model = scene.model("a");
    let post = |path: &str, body: Value| {
        let request = http::request("POST", &format!("/api/2.0/mlflow/{path}")).json(&body);
        let answer = sent(scene, &request.header("Authorization", &ana));
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        answer.json().unwrap()
    };
    let run = post("runs/create", json!({"experiment_id": "0"}));
    let run_id = run["run"]["info"]["run_id"].as_str().unwrap();
    let source = format!("{}/model", run["run"]["info"]["artifact_uri"].as_str().unwrap());
    post("runs/log-metric", json!({"run_id": run_id, "key": "auc", "value": 0.9, "timestamp": 1}));
    post("registered-models/create", json!({ "name": model }));
    post("model-versions/create", json!({"name": model, "source": source, "run_id": run_id}));
    let champion = json!({"name": model, "alias": "champion", "version": "1"});
    sent(scene, &http::request("POST", ALIAS).json(&champion).header("Authorization", &ana))
}

/// Where votes on a held call go, and the vote.
fn vote_on(refusal: &http::Response) -> (String, Value) {
    let body = refusal.json().unwrap();
    let id = body["countersign"]["request_id"].as_str().unwrap();
    let vote = json!({"vote": "approve", "rationale": "fine", "subject_digest": body["countersign"]["subject_digest"]});
    (format!("/_countersign/api/v1/requests/{id}/reviews"), vote)
}

#[test]
fn mlflows_own_accounts() {
    let (scene, _mlflow) = inhabited("accounts", policy);
    let (ana, ruth, admin) = (basic("ana", ANAS), basic("ruth", PASSWORD), basic(ADMIN.0, ADMIN.1));
    let me = |who: &str| {
        sent(&scene, &http::request("GET", "/_countersign/api/v1/me").header("Authorization", who))
    };
    assert_eq!(me(&ruth).json().unwrap()["identity"]["name"], "ruth");
    assert_eq!(me(&ruth).json().unwrap()["seats"], json!(["risk"]));
    assert_eq!(me(&basic("ruth", "guess")).status, 401);
    let denied = sent(&scene, &http::request("GET", READ));
    assert_eq!(denied.status, 401, "{}", denied.text());
    contains(denied.header("www-authenticate").unwrap(), &["Basic"]);
    let page = sent(&scene, &http::request("GET", "/_countersign/").header("Accept", "text/html"));
    assert_eq!(page.status, 401);
    contains(page.header("www-authenticate").unwrap(), &["Basic"]);

    // The same story as with local people.
    let call = |who: &str, path: &str, body: &Value| {
        sent(&scene, &http::request("POST", path).json(body).header("Authorization", who))
    };
    let refusal = held(&scene);
    contains(&refused(&refusal), &["is held", "ruth"]);
    let (review, vote) = vote_on(&refusal);
    assert_eq!(call(&ana, &review, &vote).status, 403);
    let admins = call(&admin, &review, &vote);
    assert_eq!(admins.status, 403, "administrators are bound, too: {}", admins.text());
    assert_eq!(call(&ruth, &review, &vote).status, 200);
    let champion = json!({"name": scene.model("a"), "alias": "champion", "version": "1"});
    let answer = call(&ana, ALIAS, &champion);
    assert_eq!(answer.status, 200, "{}", answer.text());
}

/// An electronic signature is proved by MLflow, which knows the password.
#[test]
fn mlflows_password_once_more() {
    let (scene, _mlflow) = inhabited("signed", |name| {
        policy(name).replace("seats = { risk = 1 }", "seats = { risk = 1 }\n  signature = \"reauthenticate\"")
    });
    let refusal = held(&scene);
    contains(&refused(&refusal), &["is held", "ruth"]);
    let (review, vote) = vote_on(&refusal);
    let signed = |password: Option<&str>| {
        let mut body = vote.clone();
        if let Some(password) = password {
            body["password"] = json!(password);
        }
        let request = http::request("POST", &review).json(&body);
        sent(&scene, &request.header("Authorization", &basic("ruth", PASSWORD)))
    };
    // The password of an administrator who exists is not hers.
    let wrong = [(None, "give your password"), (Some("guess"), "is wrong"), (Some(ADMIN.1), "is wrong")];
    for (password, words) in wrong {
        let answer = signed(password);
        assert_eq!(answer.status, 403, "{}", answer.text());
        contains(&answer.text(), &[words]);
    }
    let answer = signed(Some(PASSWORD));
    assert_eq!(answer.status, 200, "{}", answer.text());
    let signature = answer.json().unwrap()["reviews"][0]["signature"].clone();
    assert_eq!((&signature["name"], &signature["method"]), (&json!("ruth"), &json!("mlflow-password")));
    scene.verify();
}
