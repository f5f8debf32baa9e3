//! Browsers: the whole way by code flow, and everything that could be slipped into it.

use super::*;

#[test]
fn a_browser_signs_in_at_the_provider_and_out() {
    let (scene, provider) = scene("oidc", by_group);
    provider.set_groups("ruth", &["model-risk", "legal"]).unwrap();
    let port = scene.host.port();
    let mut visitor = Visitor::default();
    let page = signed_in(&scene, &mut visitor, "ruth", "/_countersign/requests/7?tab=all");
    assert_eq!((page.port, page.path.as_str()), (port, "/_countersign/requests/7?tab=all"));

    let me = visitor.get(port, ME).unwrap().response.json().unwrap();
    assert_eq!(me["identity"]["name"], "ruth", "{me}");
    assert_eq!(me["identity"]["method"], json!({"by": "session"}));
    assert_eq!(me["identity"]["groups"], json!(["oidc:legal", "oidc:model-risk"]));
    assert_eq!(me["seats"], json!(["risk"]));
    assert_eq!(visitor.get(port, READ).unwrap().response.status, 200);
    // The id says nothing, and is the same at the next sign-in.
    let person = me["identity"]["person"].clone();
    assert!(!person.to_string().contains("ruth"), "{person}");
    let mut again = Visitor::default();
    signed_in(&scene, &mut again, "ruth", "/_countersign/");
    assert_eq!(again.get(port, ME).unwrap().response.json().unwrap()["identity"]["person"], person);

    let stolen = visitor.clone();
    let out = visitor.post(port, "/_countersign/logout", &[]).unwrap();
    contains(&out.response.text(), &["Sign in at"]);
    for mut gone in [visitor, stolen] {
        assert_eq!(gone.once(port, "GET", ME, Vec::new()).unwrap().status, 401);
    }
    assert_eq!(again.once(port, "GET", ME, Vec::new()).unwrap().status, 200, "another session goes on");
}

/// The state, the browser, the code: each must be the one of this sign-in.
#[test]
fn an_answer_that_this_browser_did_not_ask_for() {
    let (scene, _provider) = scene("forged", by_group);
    let port = scene.host.port();
    let begin = |visitor: &mut Visitor| {
        let start = "/_countersign/oidc/sign-in?next=%2F_countersign%2F";
        let leaving = visitor.once(port, "GET", start, Vec::new()).unwrap();
        assert_eq!(leaving.status, 303, "{}", leaving.text());
        let location = leaving.header("location").unwrap().to_owned();
        contains(&location, &["code_challenge_method=S256", "nonce=", "response_type=code"]);
        location.split("state=").nth(1).unwrap().split('&').next().unwrap().to_owned()
    };
    let mut ruth = Visitor::default();
    let state = begin(&mut ruth);
    let callback = |query: &str| format!("/_countersign/oidc/callback?{query}");
    let refuse = |visitor: &mut Visitor, query: &str, words: &[&str]| {
        let answer = visitor.once(port, "GET", &callback(query), Vec::new()).unwrap();
        contains(&answer.text(), words);
        assert!(answer.status == 401 || answer.status == 503, "{}", answer.status);
        assert!(visitor.cookie(port, "countersign_session").is_none());
    };
    let not_ours = &["not begun in this browser"];
    refuse(&mut Visitor::default(), &format!("code=x&state={state}"), not_ours);
    refuse(&mut ruth, "code=x&state=another", not_ours);
    refuse(&mut ruth, "code=x", not_ours);
    refuse(&mut ruth, &format!("code=x&state={state}&iss=http://evil.example"), &["another provider"]);
    refuse(
        &mut ruth,
        &format!("error=access_denied&error_description=%3Cscript%3E&state={state}"),
        &["access_denied", "&#60;script&#62;"],
    );
    refuse(&mut ruth, &format!("code=invented&state={state}"), &["invalid_grant"]);
    // Nobody is led away to another site.
    let mut visitor = Visitor::default();
    let away = "/_countersign/oidc/sign-in?next=%2F%2Fevil.example";
    let page = visitor.get(port, away).unwrap();
    let page = visitor.sign_in(page, "ruth").unwrap();
    assert_eq!((page.port, page.path.as_str()), (port, "/_countersign/"));
}

#[test]
fn who_left_the_group_no_longer_fills_the_seat() {
    let (mut scene, provider) = scene("groups", by_group);
    let port = scene.host.port();
    provider.set_groups("ruth", &["model-risk"]).unwrap();
    provider.set_groups("olga", &["model-risk"]).unwrap();
    with_ana(&mut scene, &provider);
    let model = scene.model("a");
    let version = scene.register(&model, 0.9).version;
    let refusal = scene.alias(&model, "champion", &version);
    contains(&refusal.text(), &["is held", "anybody of oidc:model-risk"]);
    let id = scene.request_of(&refusal);

    let vote = |visitor: &mut Visitor, scene: &Scene, rationale: &str| {
        let digest = scene.read(&format!("requests/{id}"))["subject_digest"].as_str().unwrap().to_owned();
        let fields = [("vote", "approve"), ("rationale", rationale), ("subject_digest", digest.as_str())];
        visitor.post(port, &format!("/_countersign/requests/{id}/reviews"), &fields).unwrap().response
    };
    // eve is in no group; ruth is, until she signs in without it.
    let (mut eve, mut ruth) = (Visitor::default(), Visitor::default());
    signed_in(&scene, &mut eve, "eve", "/_countersign/");
    assert_eq!(vote(&mut eve, &scene, "read it").status, 403);
    signed_in(&scene, &mut ruth, "ruth", "/_countersign/");
    contains(&vote(&mut ruth, &scene, "read it").text(), &["Your approval is recorded"]);
    assert_eq!(scene.read(&format!("requests/{id}"))["state"]["is"], "approved");

    provider.set_groups("ruth", &[]).unwrap();
    signed_in(&scene, &mut Visitor::default(), "ruth", "/_countersign/");
    contains(&scene.alias(&model, "champion", &version).text(), &["is held"]);
    assert_eq!(scene.holder(&model, "champion"), None);
    assert_eq!(vote(&mut ruth, &scene, "read it once more").status, 403, "her earlier session knows it, too");

    // A newer token says the same of groups as a sign-in does.
    let olga = provider.person("olga").unwrap();
    assert_eq!(me(&scene, &olga)["seats"], json!(["risk"]));
    scene.tokens.insert("olga", olga);
    assert_eq!(scene.vote("olga", &id, "approve").status, 200);
    assert_eq!(scene.alias(&model, "champion", &version).status, 200);
    assert_eq!(scene.holder(&model, "champion"), Some(version));
    scene.verify();
}

/// Ruth of the group lends dora her chair; whoever is in the group `legal` may veto.
fn lent_and_vetoed(name: &str) -> String {
    let legal = "[[seat]]\nname = \"legal\"\ngroups = [\"oidc:legal\"]\nveto = true\n\n\
                 [[delegation]]\nfrom = \"ruth\"\nto = \"dora\"\nseat = \"risk\"\n\
                 starts = \"2020-01-01\"\nends = \"2090-01-01\"\n\n[[tier]]";
    by_group(name).replacen("[[tier]]", legal, 1)
}

#[test]
fn groups_fill_the_chair_that_is_lent_and_the_seat_that_may_veto() {
    let (mut scene, provider) = scene("lent", lent_and_vetoed);
    for (name, groups) in [("ruth", vec!["model-risk"]), ("dora", vec![]), ("lea", vec!["legal"])] {
        provider.set_groups(name, &groups).unwrap();
        scene.tokens.insert(name, provider.person(name).unwrap());
    }
    scene.tokens.insert("ana", provider.person("ana").unwrap());
    let model = scene.model("a");
    let version = scene.register(&model, 0.9).version;
    let id = scene.request_of(&scene.alias(&model, "champion", &version));
    let seats = |scene: &Scene, who: &str| me(scene, scene.token(who))["seats"].clone();
    assert_eq!(seats(&scene, "ruth"), json!(["risk"]));
    assert_eq!(seats(&scene, "dora"), json!(["risk"]), "for ruth");
    let answer = scene.vote("dora", &id, "approve");
    assert_eq!(answer.json().unwrap()["state"]["is"], "approved", "{}", answer.text());

    // Ruth leaves the group: she has no chair to lend any more.
    provider.set_groups("ruth", &[]).unwrap();
    scene.tokens.insert("ruth", provider.person("ruth").unwrap());
    assert_eq!(seats(&scene, "ruth"), json!([]));
    contains(&scene.alias(&model, "champion", &version).text(), &["is held"]);
    let again = json!({"vote": "approve", "rationale": "for ruth, once more",
        "subject_digest": scene.read(&format!("requests/{id}"))["subject_digest"]});
    let path = format!("/_countersign/api/v1/requests/{id}/reviews");
    assert_eq!(scene.call("dora", "POST", &path, Some(&again)).status, 403);

    // Nobody asked the seat `legal`, and one of its group ends it; who is not in the group cannot.
    assert_eq!(scene.vote("dora", &id, "reject").status, 403);
    let answer = scene.vote("lea", &id, "reject");
    assert_eq!(answer.json().unwrap()["state"]["is"], "rejected", "{}", answer.text());
    contains(&scene.alias(&model, "champion", &version).text(), &["rejected", "final"]);
    assert_eq!(scene.holder(&model, "champion"), None);
    scene.verify();
}
