//! Programs: tokens of the provider as MLflow's client sends them, and tokens that must not count.

use countersign_tests::actor::Actor;
use countersign_tests::venv::Venv;

use super::*;
use crate::scene::relay::Relay;

#[test]
fn machines_and_people_by_token() {
    let (scene, provider) = scene("token", by_group);
    let bot = me(&scene, &provider.machine("ci-bot", "urn:mlflow").unwrap());
    assert_eq!(bot["identity"]["machine"], true, "its subject is the client itself: {bot}");
    assert_eq!(bot["identity"]["method"], json!({"by": "oidc"}));
    provider.set_groups("ruth", &["model-risk"]).unwrap();
    let ruth = provider.person("ruth").unwrap();
    let answer = me(&scene, &ruth);
    assert_eq!((&answer["identity"]["machine"], &answer["seats"]), (&json!(false), &json!(["risk"])));
    // The same person as in a browser.
    let mut visitor = Visitor::default();
    signed_in(&scene, &mut visitor, "ruth", "/_countersign/");
    let session = visitor.get(scene.host.port(), ME).unwrap().response.json().unwrap();
    assert_eq!(session["identity"]["person"], answer["identity"]["person"]);
    // A client that the operator calls a machine is one, whoever its token speaks of, and fills no seat.
    let claims = json!({"aud": "mlflow", "sub": "zoe", "client_id": "other-bot", "exp": 4_000_000_000_u64,
                        "groups": ["model-risk"]});
    let zoe = provider.mint(&claims, &json!({})).unwrap();
    assert_eq!(me(&scene, &zoe)["identity"]["machine"], true);
}

#[test]
fn tokens_that_do_not_count() {
    let (scene, provider) = scene("bad", by_group);
    let good = json!({"aud": "mlflow", "sub": "ruth", "exp": 4_000_000_000_u64});
    let minted = |change: Value| {
        let mut claims = good.clone();
        claims.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        provider.mint(&claims, &json!({})).unwrap()
    };
    let headed = |header: Value| provider.mint(&good, &header).unwrap();
    assert_eq!(get(&scene, READ, &minted(json!({}))).status, 200);
    let token = provider.person("ruth").unwrap();
    let (rest, signature) = token.rsplit_once('.').unwrap();
    let (header, payload) = rest.split_once('.').unwrap();
    let other = provider.person("eve").unwrap();
    let others = other.split('.').nth(1).unwrap();
    let wanted = "meant for `other`, not for `mlflow`";
    let cases = [
        (provider.machine("ci-bot", "urn:other").unwrap(), wanted),
        (minted(json!({"aud": []})), "meant for nobody"),
        (minted(json!({"exp": 1_000_000_000})), "it expired"),
        (minted(json!({"exp": null})), "no usable claim `exp`"),
        (minted(json!({"nbf": 4_000_000_000_u64})), "the clocks of this machine"),
        (minted(json!({"iss": "http://127.0.0.1:1"})), "it was issued by"),
        (headed(json!({"alg": "none"})), "its algorithm `none` is not accepted"),
        (headed(json!({"alg": "HS256"})), "its algorithm `HS256` is not accepted"),
        (headed(json!({"alg": "ES256"})), "no key"),
        (headed(json!({"kid": "another"})), "publishes no key `another`"),
        (format!("{header}.{others}.{signature}"), "its signature is wrong"),
        (format!("{header}.{payload}."), "its signature is wrong"),
        (rest.to_owned(), "it has one dot only"),
        ("cs_abc_def".to_owned(), "it is no signed JSON Web Token"),
    ];
    for (token, words) in &cases {
        for path in [READ, ME] {
            refused(&get(&scene, path, token), &[words]);
        }
    }
    let basic = http::request("GET", READ).header("Authorization", "Basic cnV0aDp4");
    let answer = basic.send(scene.host.port()).unwrap();
    refused(&answer, &["which only the identity provider takes"]);
    assert!(answer.header("www-authenticate").unwrap().starts_with("Bearer "), "no prompt for a password");
}

#[test]
fn keys_are_rotated() {
    let (scene, provider) = scene("rotate", by_group);
    let before = provider.person("ruth").unwrap();
    assert_eq!(get(&scene, READ, &before).status, 200);
    provider.rotate().unwrap();
    let after = provider.person("ruth").unwrap();
    // Keys are not fetched more often than every few seconds, whatever strangers send.
    eventually(PATIENCE, || match get(&scene, READ, &after) {
        answer if answer.status == 200 => Ok(()),
        answer => Err(anyhow::anyhow!("{}", answer.text())),
    })
    .unwrap();
    // What was verified is believed for a minute; the same claims anew are not.
    let claims = json!({"aud": "mlflow", "sub": "ruth", "exp": 4_000_000_000_u64});
    let kid = before.split('.').next().unwrap().to_owned();
    let forged = provider.mint(&claims, &json!({})).unwrap();
    let forged = format!("{kid}.{}", forged.split_once('.').unwrap().1);
    refused(&get(&scene, READ, &forged), &["publishes no key"]);
}

/// MLflow's own client, its token in `MLFLOW_TRACKING_TOKEN`, through to a governed write; MLflow sees none of it.
#[test]
fn mlflows_client_sends_them_unchanged() {
    let relay = Relay::to(mlflow::shared().unwrap().port());
    let mut scene = Scene::before(relay.port, "unseen", by_group);
    let callback = format!("{}/_countersign/oidc/callback", scene.host.workdir().url());
    let mut provider = Provider::at(scene.dir(), &callback).unwrap();
    scene.reconfigure("mode = \"local\"", "mode = \"oidc\"");
    let issuer = provider.issuer();
    scene.configure(&format!(
        "[oidc]\nissuer = \"{issuer}\"\nclient_id = \"countersign\"\nclient_secret = \"between us\"\naudience = [\"mlflow\"]\n"
    ));
    provider.start().unwrap();
    scene.host.start().unwrap();
    let token = provider.machine("ci-bot", "urn:mlflow").unwrap();
    scene.tokens.insert("ana", token.clone());
    scene.tokens.insert("ruth", provider.person("ruth").unwrap());
    let model = scene.model("a");
    let version = scene.register(&model, 0.9).version;
    let venv = Venv::for_tests().unwrap();
    let (url, log) = (scene.host.workdir().url(), scene.dir().join("bot.log"));
    let mut bot = Actor::start(&venv, "bot", &url, Some(&token), &log).unwrap();
    let reply = bot.ask("versions", &[("model", json!(model))]).unwrap();
    assert_eq!(reply.error_code, None, "{}", reply.message);
    contains(&scene.alias(&model, "champion", &version).text(), &["is held"]);
    let mut visitor = Visitor::default();
    signed_in(&scene, &mut visitor, "ruth", "/_countersign/");
    assert_eq!(visitor.get(scene.host.port(), READ).unwrap().response.status, 200);
    let session = visitor.cookie(scene.host.port(), "countersign_session").unwrap();
    let seen = relay.sent();
    contains(&seen, &["registered-models/search", "model-versions"]);
    let log = std::fs::read_to_string(scene.host.workdir().log()).unwrap();
    for secret in [token.as_str(), session, "between us"] {
        assert!(!seen.contains(secret), "MLflow saw {secret}");
        assert!(!log.contains(secret), "the log has {secret}");
    }
    assert!(!seen.to_ascii_lowercase().contains("\nauthorization:"), "{seen}");
}

#[test]
fn while_the_provider_is_away() {
    let (mut scene, mut provider) = apart("away", by_group);
    scene.reconfigure("mode = \"oidc\"", "mode = \"oidc\"\nanonymous = \"read\"");
    // It starts without one, says so, and serves what needs nobody's name.
    scene.host.start().unwrap();
    let port = scene.host.port();
    assert_eq!(http::get(port, READ).unwrap().0, 200);
    let said = eventually(PATIENCE, || {
        let ready = scene.readiness();
        let identity = ready["identity"].clone();
        if identity["usable"] == false { Ok((ready, identity)) } else { Err(anyhow::anyhow!("{ready}")) }
    });
    let (ready, identity) = said.unwrap();
    assert_eq!(ready["ready"], true);
    contains(identity["reason"].as_str().unwrap(), &["did not answer"]);
    let doctor = scene.host.command(&["doctor"], None).unwrap();
    contains(&doctor.stdout, &["nobody can sign in anew"]);
    let page = Visitor::default().get(port, "/_countersign/oidc/sign-in").unwrap();
    assert_eq!(page.response.status, 503);
    contains(&page.response.text(), &["cannot be used at the moment", "Sign in at"]);
    let some = "eyJhbGciOiJSUzI1NiIsImtpZCI6IngifQ.e30.AAAA";
    let answer = get(&scene, READ, some);
    assert_eq!(answer.status, 503, "{}", answer.text());
    contains(&answer.text(), &["TEMPORARILY_UNAVAILABLE", "try again"]);

    provider.start().unwrap();
    eventually(PATIENCE, || match scene.readiness()["identity"]["usable"] == true {
        true => Ok(()),
        false => Err(anyhow::anyhow!("still away")),
    })
    .unwrap();
    let token = provider.person("ruth").unwrap();
    let mut visitor = Visitor::default();
    signed_in(&scene, &mut visitor, "ruth", "/_countersign/");
    // Who is signed in stays so, and tokens are still verified, by the keys that are known.
    provider.kill().unwrap();
    assert_eq!(get(&scene, READ, &token).status, 200);
    assert_eq!(visitor.once(port, "GET", ME, Vec::new()).unwrap().status, 200);
}
