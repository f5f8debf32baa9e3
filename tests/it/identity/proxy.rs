//! `mode = "proxy-header"`: the proxy is believed, everybody else is not.

use super::*;
use crate::scene::relay::Relay;

fn before(upstream: u16, name: &str, trusted: &str) -> Scene {
    let by_group =
        |name: &str| policy(name).replace("members = [\"ruth\"]", "groups = [\"proxy:model-risk\"]");
    let scene = Scene::before(upstream, name, by_group);
    scene.reconfigure("mode = \"local\"", "mode = \"proxy-header\"");
    scene.configure(&format!("[proxy_header]\ntrusted_proxies = [{trusted}]\nmachines = [\"ci-bot\"]\n"));
    scene
}

fn proxied(scene: &Scene, user: &str, groups: &str, request: http::Request) -> Response {
    let request = request.header("X-Forwarded-User", user).header("X-Forwarded-Groups", groups);
    request.send(scene.host.port()).unwrap()
}

#[test]
fn the_proxy_says_who_calls() {
    let relay = Relay::to(mlflow::shared().unwrap().port());
    let mut scene = before(relay.port, "proxy", "\"127.0.0.0/8\"");
    scene.host.start().unwrap();
    let answer = proxied(&scene, "ruth", "model-risk, legal", http::request("GET", ME));
    let me = answer.json().unwrap();
    assert_eq!(me["identity"]["groups"], json!(["proxy:legal", "proxy:model-risk"]), "{me}");
    assert_eq!((&me["identity"]["method"], &me["seats"]), (&json!({"by": "proxy"}), &json!(["risk"])));
    let bot = proxied(&scene, "ci-bot", "model-risk", http::request("GET", ME)).json().unwrap();
    assert_eq!(bot["identity"]["machine"], true);

    // A governed write, held and signed, all through the proxy.
    let create = json!({"name": scene.model("a")});
    let path = "/api/2.0/mlflow/registered-models/create";
    let made = proxied(&scene, "ana", "", http::request("POST", path).json(&create));
    assert_eq!(made.status, 200, "{}", made.text());
    let dev = http::request("GET", READ).header("Authorization", "Bearer of the proxy's");
    assert_eq!(proxied(&scene, "ana", "", dev).status, 200);
    let seen = relay.sent().to_ascii_lowercase();
    for hidden in ["x-forwarded-user", "x-forwarded-groups", "\nauthorization:", "ruth"] {
        assert!(!seen.contains(hidden), "MLflow saw {hidden}: {seen}");
    }

    // A page of another site cannot use what the proxy adds; a program says nothing of the kind.
    let forged = http::request("POST", path).json(&json!({"name": scene.model("b")}));
    let forged = forged.header("Origin", "http://evil.example");
    assert_eq!(proxied(&scene, "ana", "", forged).status, 403);
    let nobody = http::request("GET", READ).send(scene.host.port()).unwrap();
    refused(&nobody, &["trusted_proxies"]);
}

#[test]
fn anybody_elses_headers_count_for_nothing() {
    let relay = Relay::to(mlflow::shared().unwrap().port());
    let mut scene = before(relay.port, "spoof", "\"192.0.2.0/24\", \"fd00::/8\"");
    scene.reconfigure("mode = \"proxy-header\"", "mode = \"proxy-header\"\nanonymous = \"read\"");
    scene.host.start().unwrap();
    let spoofed = |request| proxied(&scene, "ruth", "model-risk", request);
    refused(&spoofed(http::request("GET", ME)), &["proxy"]);
    let create = http::request("POST", "/api/2.0/mlflow/registered-models/create");
    refused(&spoofed(create.json(&json!({"name": scene.model("a")}))), &["trusted_proxies"]);
    let read = http::request("GET", READ).header("X_Forwarded_User", "ruth");
    assert_eq!(spoofed(read).status, 200, "as a stranger, who may read here");
    let seen = relay.sent().to_ascii_lowercase();
    assert!(!seen.contains("forwarded-user") && !seen.contains("forwarded_user"), "{seen}");
    let page = spoofed(http::request("GET", "/_countersign/").header("Accept", "text/html"));
    refused(&page, &["call that proxy"]);
}

#[test]
fn networks_are_mandatory() {
    let scene = before(1, "open", "");
    let check = scene.host.command(&["config", "check"], None).unwrap();
    contains(&format!("{}{}", check.stdout, check.stderr), &["proxy_header.trusted_proxies", "anybody"]);
    let wide = before(1, "wide", "\"0.0.0.0/0\"");
    contains(&wide.host.command(&["doctor"], None).unwrap().stdout, &["`0.0.0.0/0` is everybody"]);
}
