//! Samples of every page, and what must hold for each. `COUNTERSIGN_PAGES=DIR` also writes them there, to look at.

mod samples;

use super::Page;
use super::request::{ProofField, ReviewPanel};
use samples::{EVIL, all, chrome, request};

#[test]
fn samples_can_be_looked_at() {
    for (name, html) in all() {
        assert!(html.starts_with("<!doctype html>") && html.trim_end().ends_with("</html>"), "{name}");
        if let Ok(dir) = std::env::var("COUNTERSIGN_PAGES") {
            std::fs::write(format!("{dir}/{name}.html"), html).unwrap();
        }
    }
}

/// Every text on every page carries a tag; none of them may reach the browser as one.
#[test]
fn nothing_that_comes_from_outside_becomes_markup() {
    for (name, html) in all() {
        assert!(!html.contains(EVIL), "{name} shows unescaped text");
        let ours = "<script type=\"module\" src=\"/_countersign/assets/console.";
        assert_eq!((html.matches("<script").count(), html.matches(ours).count()), (1, 1), "{name}");
        assert!(!html.contains(" style=") && !html.contains(" onclick="), "{name} breaks its own policy");
        if name != "inbox-empty" && name != "login" && name != "insights-empty" {
            assert!(html.contains("&#60;script&#62;"), "{name} shows the hostile text as text");
        }
    }
}

#[test]
fn every_page_has_one_heading_a_language_and_a_way_to_skip() {
    for (name, html) in all() {
        assert_eq!(html.matches("<h1").count(), 1, "{name}");
        assert!(html.contains("<html lang=\"en\">") && html.contains("href=\"#main\""), "{name}");
        let used = html.match_indices("href=\"#i-").map(|(at, _)| html[at + 9..].split('"').next().unwrap());
        for icon in used {
            assert!(html.contains(&format!("<symbol id=\"i-{icon}\"")), "{name}: no icon {icon}");
        }
        let buttons = ["class=\"primary", "class=\"button primary"].map(|class| html.matches(class).count());
        assert!(buttons.iter().sum::<usize>() <= 1, "{name} has more than one primary action");
    }
}

#[test]
fn failures_come_first_and_are_open() {
    let html = request(ReviewPanel::SignIn).render();
    let place = |text: &str| html.find(text).unwrap_or_else(|| panic!("no {text}"));
    assert!(
        place("metric-threshold") < place("model-card") && place("model-card") < place("artifact-safety")
    );
    assert_eq!(html.matches("<details class=\"check\" open>").count(), 1);
    assert!(html.contains("1 failed · 1 warning · 1 passed"));
}

#[test]
fn the_form_binds_to_the_digest_and_offers_what_the_viewer_may_do() {
    let form = |seats: &[&str]| super::request::ReviewForm {
        seats: seats.iter().map(|&seat| seat.to_owned()).collect(),
        ..Default::default()
    };
    let signs = request(ReviewPanel::Sign(form(&["risk", "legal"]))).render();
    assert!(signs.contains("name=\"subject_digest\" value=\"sha256:"));
    assert!(signs.contains("value=\"approve\"") && signs.contains("<option>legal</option>"));
    assert!(signs.contains("<textarea") && signs.contains("required"));

    let asked = |proof, seats: &[&str]| {
        let form = super::request::ReviewForm { proof, ..form(seats) };
        request(ReviewPanel::Sign(form)).render()
    };
    let name = || "ruth".to_owned();
    assert!(asked(ProofField::Password { name: name() }, &["risk"]).contains("type=\"password\""));
    assert!(asked(ProofField::Confirm { name: name() }, &["risk"]).contains("/confirm\""));
    assert!(asked(ProofField::Confirmed { name: name() }, &["risk"]).contains("You have confirmed"));
    assert!(asked(ProofField::Impossible, &["risk"]).contains("cannot do"));
    assert!(!asked(ProofField::Password { name: name() }, &[]).contains("type=\"password\""));

    let why_not_sign = "You asked for this promotion.".to_owned();
    let comments = request(ReviewPanel::Comment { why_not_sign, form: form(&[]) }).render();
    assert!(comments.contains("You asked for this promotion."));
    assert!(comments.contains("value=\"comment\"") && !comments.contains("value=\"approve\""));

    let closed = request(ReviewPanel::Closed {
        why: "It was applied.".to_owned(),
        form: crate::http::pages::request::ReviewForm::default(),
    })
    .render();
    assert!(closed.contains("It was applied.") && !closed.contains("name=\"rationale\""));
}

#[test]
fn addresses_are_encoded() {
    let chrome = chrome(super::Nav::None);
    let at = |workspace: &str, name: &str| super::ModelAt::new(&workspace.into(), &name.into());
    assert_eq!(chrome.model_url(&at("default", "a/b c?")), "/_countersign/models/a%2Fb%20c%3F");
    assert_eq!(chrome.model_url(&at("team a", "b")), "/_countersign/models/b?workspace=team%20a");
    assert_eq!(chrome.mlflow_version_url(&at("default", "a/b"), "7"), "/#/models/a%2Fb/versions/7");
    assert_eq!(chrome.mlflow_version_url(&at("b", "a"), "7"), "/#/models/a/versions/7?workspace=b");
    assert_eq!(at("b", "a").query_with(&[("at", "x&y"), ("z", "1")]), "?workspace=b&at=x%26y&z=1");
    assert_eq!(at("default", "a").query_with(&[("at", "1")]), "?at=1");
    assert_eq!(at("b", "a").to_string() + " / " + &at("default", "a").to_string(), "a in workspace b / a");
}

#[test]
fn ages() {
    use countersign_core::time::Millis;
    let check = |millis: i64, expect: &str| {
        assert_eq!(super::When::new(Millis::new(0), Millis::new(millis)).ago, expect, "{millis}");
    };
    check(-5, "just now");
    check(-60_000, "in 1 min");
    check(-7_200_000, "in 2 h");
    check(-3 * 86_400_000, "in 3 days");
    check(59_999, "just now");
    check(60_000, "1 min ago");
    check(7_200_000, "2 h ago");
    check(90_000_000, "yesterday");
    check(3 * 86_400_000, "3 days ago");
    assert_eq!(super::When::new(Millis::new(0), Millis::new(0)).plain(), "1970-01-01 00:00 UTC");
}

#[test]
fn a_chip_is_icon_word_and_colour() {
    expect_test::expect![[r##"<span class="chip bad"><svg class="icon" aria-hidden="true"><use href="#i-cross"/></svg>Failed</span>"##]]
        .assert_eq(super::Chip::of_conclusion(countersign_core::check::Conclusion::Fail).render().trim_end());
}
