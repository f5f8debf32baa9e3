//! People whom somebody else knows: a real OpenID provider, and a reverse proxy that signs people in.

use countersign_tests::http::{self, Response};
use countersign_tests::mlflow;
use countersign_tests::oidc::Provider;
use countersign_tests::stage::eventually;
use countersign_tests::visitor::{Page, Visitor};
use serde_json::{Value, json};

use crate::scene::{PATIENCE, Scene, contains, policy};

mod proxy;
mod sign_in;
mod signatures;
mod tokens;

const READ: &str = "/api/2.0/mlflow/registered-models/search";
const ME: &str = "/_countersign/api/v1/me";

/// The policy of every scene, with a seat that a group of the provider fills.
fn by_group(name: &str) -> String {
    policy(name).replace("members = [\"ruth\"]", "groups = [\"oidc:model-risk\"]")
}

/// Countersign before the shared MLflow, with a provider that already knows its callback, both running.
fn scene(name: &str, policy: impl Fn(&str) -> String) -> (Scene, Provider) {
    let (mut scene, mut provider) = apart(name, policy);
    provider.start().unwrap();
    scene.host.start().unwrap();
    (scene, provider)
}

/// The same, neither running.
fn apart(name: &str, policy: impl Fn(&str) -> String) -> (Scene, Provider) {
    let scene = Scene::before(mlflow::shared().unwrap().port(), name, policy);
    let callback = format!("{}/_countersign/oidc/callback", scene.host.workdir().url());
    let provider = Provider::at(scene.dir(), &callback).unwrap();
    scene.reconfigure("mode = \"local\"", "mode = \"oidc\"");
    scene.configure(&format!(
        "[oidc]\nissuer = \"{}\"\nclient_id = \"countersign\"\nclient_secret = \"between us\"\n\
         audience = [\"mlflow\"]\nmachine_clients = [\"other-bot\"]\n",
        provider.issuer()
    ));
    (scene, provider)
}

/// ana, whose token is the provider's, does what a scene does.
fn with_ana(scene: &mut Scene, provider: &Provider) {
    scene.tokens.insert("ana", provider.person("ana").unwrap());
    scene.tokens.insert("ruth", provider.person("ruth").unwrap());
}

fn get(scene: &Scene, path: &str, token: &str) -> Response {
    http::request("GET", path).bearer(token).send(scene.host.port()).unwrap()
}

fn me(scene: &Scene, token: &str) -> Value {
    let answer = get(scene, ME, token);
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json().unwrap()
}

/// 401, and words that say why.
fn refused(answer: &Response, words: &[&str]) {
    assert_eq!(answer.status, 401, "{}", answer.text());
    contains(&answer.text(), words);
}

/// Through the login page to the provider and back to `path`.
fn signed_in(scene: &Scene, visitor: &mut Visitor, name: &str, path: &str) -> Page {
    let page = visitor.get(scene.host.port(), path).unwrap();
    contains(&page.response.text(), &["Sign in at 127.0.0.1", "/oidc/sign-in?next="]);
    let link = page.response.text();
    let link = link.split("href=\"").find(|part| part.contains("/oidc/sign-in?")).unwrap().to_owned();
    let link = link.split('"').next().unwrap().replace("&amp;", "&").replace("&#38;", "&");
    let page = visitor.get(scene.host.port(), &link).unwrap();
    visitor.sign_in(page, name).unwrap()
}
