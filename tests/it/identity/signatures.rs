//! Electronic signatures: who signs proves once more who they are, and what was signed is shown everywhere.

use super::*;

const PASSWORD: &str = "ruth reads every report";

fn reauthenticating(policy: &str) -> String {
    policy.replace("seats = { risk = 1 }", "seats = { risk = 1 }\n  signature = \"reauthenticate\"")
}

/// A request that waits for ruth, and the digest to sign.
fn held(scene: &Scene) -> (String, String) {
    let model = scene.model("a");
    let version = scene.register(&model, 0.9).version;
    let id = scene.request_of(&scene.alias(&model, "champion", &version));
    let digest = scene.read(&format!("requests/{id}"))["subject_digest"].as_str().unwrap().to_owned();
    (id, digest)
}

/// Name, time, meaning, what was signed, how it was proved: on the page, in the API, at the command, in the ledger.
fn shown(scene: &Scene, id: &str, digest: &str, method: &str, page: &str) {
    let review = scene.read(&format!("requests/{id}"))["reviews"][0].clone();
    let signature = &review["signature"];
    assert_eq!((&signature["name"], &signature["method"]), (&json!("ruth"), &json!(method)), "{review}");
    assert_eq!((&signature["binding"], &signature["at"]), (&json!(digest), &review["at"]));
    contains(signature["meaning"].as_str().unwrap(), &["approval of", "set alias `champion`"]);
    let entry = scene.of_kind("reviewed").pop().unwrap();
    assert_eq!(&entry["review"]["signature"], signature, "{entry}");
    let token = scene.token("ruth");
    let told = scene.host.does(&["request", "show", id], Some(token)).unwrap();
    let words = ["igned by ruth on 20", "approval of", digest, "proved by"];
    contains(&told, &words);
    contains(page, &words);
}

#[test]
fn the_password_again() {
    let scene = Scene::start("signed", |name| reauthenticating(&policy(name)));
    let (id, digest) = held(&scene);
    let review = |password: Option<&str>| {
        let mut body = json!({"vote": "approve", "rationale": "read it", "subject_digest": digest});
        if let Some(password) = password {
            body["password"] = json!(password);
        }
        scene.call("ruth", "POST", &format!("/_countersign/api/v1/requests/{id}/reviews"), Some(&body))
    };
    for (password, words) in [(None, "give your password"), (Some("guess"), "the password is wrong")] {
        let answer = review(password);
        assert_eq!(answer.status, 403, "{}", answer.text());
        contains(&answer.text(), &[words]);
    }
    assert_eq!(scene.read(&format!("requests/{id}"))["reviews"], json!([]));
    scene.awaits("review-refused", &["ruth gave a wrong password"]);
    assert_eq!(scene.vote("ruth", &id, "comment").status, 200, "a comment is no signature");

    // The form, from its page: without the password it comes back with what was typed.
    let port = scene.host.port();
    let mut ruth = Visitor::default();
    ruth.post(port, "/_countersign/login", &[("name", "ruth"), ("password", PASSWORD)]).unwrap();
    let path = format!("/_countersign/requests/{id}");
    contains(&ruth.get(port, &path).unwrap().response.text(), &["Password of ruth", "electronic signature"]);
    let digest = digest.as_str();
    let typed = [("vote", "reject"), ("rationale", "too weak by far"), ("subject_digest", digest)];
    let again = ruth.post(port, &format!("{path}/reviews"), &typed).unwrap();
    assert_eq!(again.response.status, 403);
    contains(&again.response.text(), &["too weak by far", "Give your password"]);
    assert_eq!(review(Some(PASSWORD)).status, 200);
    let reviews = scene.read(&format!("requests/{id}"))["reviews"].clone();
    assert_eq!(reviews[0]["signature"], Value::Null, "the comment");
    assert_eq!(reviews[1]["signature"]["method"], "password");
    scene.verify();
}

#[test]
fn the_password_again_is_shown_everywhere() {
    let scene = Scene::start("shown", |name| reauthenticating(&policy(name)));
    let (id, digest) = held(&scene);
    let body =
        json!({"vote": "approve", "rationale": "read it", "subject_digest": digest, "password": PASSWORD});
    let path = format!("/_countersign/api/v1/requests/{id}/reviews");
    assert_eq!(scene.call("ruth", "POST", &path, Some(&body)).status, 200);
    let page = scene.call("ruth", "GET", &format!("/_countersign/requests/{id}"), None);
    shown(&scene, &id, &digest, "password", &page.text());
}

#[test]
fn the_providers_word_that_it_asked_again() {
    let (mut scene, provider) = scene("again", |name| reauthenticating(&by_group(name)));
    provider.set_groups("ruth", &["model-risk"]).unwrap();
    provider.set_groups("olga", &["model-risk"]).unwrap();
    with_ana(&mut scene, &provider);
    let (id, digest) = held(&scene);
    let port = scene.host.port();
    let path = format!("/_countersign/requests/{id}");
    // A token proves nothing about this moment.
    let answer = scene.vote("ruth", &id, "approve");
    assert_eq!(answer.status, 403);
    contains(&answer.text(), &["sign in again first"]);

    let mut ruth = Visitor::default();
    signed_in(&scene, &mut ruth, "ruth", &path);
    let fields = [("vote", "approve"), ("rationale", "read it"), ("subject_digest", digest.as_str())];
    let reviews = format!("{path}/reviews");
    let early = ruth.post(port, &reviews, &fields).unwrap();
    assert_eq!(early.response.status, 403);
    contains(&early.response.text(), &["read it", "Confirm that it is you"]);

    // Somebody else at the provider confirms nothing of hers.
    let asked = ruth.clone().get(port, &format!("{path}/confirm")).unwrap();
    let mut swapped = ruth.clone();
    swapped.forget(provider.port);
    let asked_again = swapped.get(port, &format!("{path}/confirm")).unwrap();
    let wrong = swapped.sign_in(asked_again, "olga").unwrap();
    assert_eq!(wrong.response.status, 401, "{}", wrong.response.text());
    contains(&wrong.response.text(), &["somebody else was about to sign"]);
    assert_ne!(asked.port, port, "the provider asks again although she is signed in there");

    let confirming = ruth.get(port, &format!("{path}/confirm")).unwrap();
    let back = ruth.sign_in(confirming, "ruth").unwrap();
    assert_eq!((back.port, back.path.as_str()), (port, path.as_str()));
    contains(&back.response.text(), &["You have confirmed that you are ruth"]);
    let replayed = ruth.clone();
    let signed = ruth.post(port, &reviews, &fields).unwrap();
    contains(&signed.response.text(), &["Your approval is recorded"]);
    shown(&scene, &id, &digest, "oidc", &signed.response.text());
    // One proof, one signature.
    let fields = [("vote", "approve"), ("rationale", "read it again"), ("subject_digest", digest.as_str())];
    let again = replayed.clone().post(port, &reviews, &fields).unwrap();
    assert_eq!(again.response.status, 403, "{}", again.response.text());
    scene.verify();
}
