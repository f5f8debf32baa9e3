use expect_test::expect;
use proptest::prelude::*;

use super::*;

const MARK: &str = "-countersign-68ec81b8efc1";
const DOCUMENT: &str = "<!doctype html><html><head><title>MLflow</title></head><body></body></html>";
const ELEMENT: &str = r#"<script type="module" src="_countersign/assets/mlflow.js"></script>"#;

fn injection() -> Injection {
    Injection { mark: MARK.to_owned(), ..Injection::new("", "_countersign/assets/mlflow.js") }
}

/// A body that comes in these pieces.
fn pieces(bytes: &[u8], cuts: &[usize]) -> Body {
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut % (bytes.len() + 1)).collect();
    cuts.extend([0, bytes.len()]);
    cuts.sort_unstable();
    let frames = cuts.windows(2).map(|cut| Ok(data_frame(Bytes::copy_from_slice(&bytes[cut[0]..cut[1]]))));
    Body::Boxed(axum::body::Body::new(Stream::new(frames.collect(), Body::Empty)))
}

async fn answered(headers: &[(&str, &str)], body: Body) -> (String, Vec<u8>) {
    let mut response = Response::new(body);
    for (name, value) in headers {
        let name: http::HeaderName = name.parse().unwrap();
        response.headers_mut().append(name, value.parse().unwrap());
    }
    let (head, body) = injection().insert(response).await.into_parts();
    let mut lines: Vec<String> =
        head.headers.iter().map(|(name, value)| format!("{name}: {}\n", value.to_str().unwrap())).collect();
    lines.sort();
    (lines.concat(), body.collect().await.unwrap().to_bytes().to_vec())
}

fn with_element(document: &str) -> String {
    document.replace("</head>", &format!("{ELEMENT}</head>"))
}

async fn check_untouched(headers: &[(&str, &str)], document: &str) {
    let (said, bytes) = answered(headers, pieces(document.as_bytes(), &[3])).await;
    let mut given: Vec<String> = headers.iter().map(|(name, value)| format!("{name}: {value}\n")).collect();
    given.sort();
    assert_eq!((said, String::from_utf8(bytes).unwrap()), (given.concat(), document.to_owned()));
}

#[tokio::test]
async fn the_document_gets_its_element_and_headers_that_are_true() {
    let headers = [
        ("content-type", "text/html; charset=utf-8"),
        ("content-length", "75"),
        ("etag", "\"17957-701\""),
        ("last-modified", "Fri, 27 Nov 2026 12:23:35 GMT"),
        ("accept-ranges", "bytes"),
        ("content-digest", "sha-256=:AA==:"),
        ("cache-control", "no-cache"),
    ];
    let (said, bytes) = answered(&headers, pieces(DOCUMENT.as_bytes(), &[])).await;
    assert_eq!(String::from_utf8(bytes).unwrap(), with_element(DOCUMENT));
    expect![[r#"
        cache-control: no-cache
        content-length: 142
        content-type: text/html; charset=utf-8
        etag: "17957-701-countersign-68ec81b8efc1"
    "#]]
    .assert_eq(&said);
}

#[tokio::test]
async fn what_is_odd_passes_as_it_came() {
    let html = ("content-type", "text/html");
    let long = format!("<head>{}</head>", " ".repeat(MAX_HEAD));
    for document in ["", "no head at all", "<head><!-- </head> --></head>", "<header></header>", &long] {
        check_untouched(&[html, ("etag", "\"a\""), ("last-modified", "x")], document).await;
    }
    check_untouched(&[("content-type", "application/json")], DOCUMENT).await;
    check_untouched(&[("content-type", "text/html; charset=utf-16")], DOCUMENT).await;
    check_untouched(&[html, ("content-encoding", "gzip")], DOCUMENT).await;
    check_untouched(&[html, ("content-range", "bytes 0-74/100")], DOCUMENT).await;
    check_untouched(&[], DOCUMENT).await;
}

#[tokio::test]
async fn a_policy_that_asks_for_a_nonce_gets_it() {
    let check = async |policy: &str, expect: &str| {
        let headers = [("content-type", "text/html"), ("content-security-policy", policy)];
        let (said, bytes) = answered(&headers, pieces(DOCUMENT.as_bytes(), &[])).await;
        assert!(said.contains(policy), "{said}");
        let text = String::from_utf8(bytes).unwrap();
        assert!(text.contains(&format!("mlflow.js\"{expect}></script>")), "{policy}: {text}");
    };
    check("script-src 'self'", "").await;
    check("img-src *; script-src 'nonce-r4nd0m+/=' 'strict-dynamic'", " nonce=\"r4nd0m+/=\"").await;
    check("style-src 'nonce-abc'", "").await;
    check("script-src 'nonce-\"><b>'", "").await;
}

#[tokio::test]
async fn a_body_that_breaks_off_breaks_off() {
    let lost = || -> Next { Err("connection lost".into()) };
    for read in ["<head>", DOCUMENT] {
        let frames = VecDeque::from([Ok(data_frame(Bytes::from(read))), lost()]);
        let body = Body::Boxed(axum::body::Body::new(Stream::new(frames, Body::Empty)));
        let response = Response::builder().header("content-type", "text/html").body(body).unwrap();
        let body = injection().insert(response).await.into_body();
        assert!(body.collect().await.is_err(), "{read}");
    }
}

#[test]
fn only_the_document_is_asked_for_in_another_way() {
    let check = |prefix: &str, method: &str, target: &str, expect: bool| {
        let (head, ()) = http::Request::builder().method(method).uri(target).body(()).unwrap().into_parts();
        assert_eq!(Injection::new(prefix, "x.js").is_wanted(&head), expect, "{prefix} {method} {target}");
    };
    check("", "GET", "/", true);
    check("", "GET", "/?a=b", true);
    check("", "HEAD", "/", false);
    check("", "POST", "/", false);
    check("", "GET", "//", false);
    check("", "GET", "/index.html", false);
    check("", "GET", "/static-files/index.html", false);
    check("/p", "GET", "/p/", true);
    check("/p", "GET", "/", false);
    check("/p", "GET", "/p", false);
}

#[test]
fn copies_are_compared_with_what_they_were_made_of() {
    let check = |given: &[(&'static str, &str)], expect: &[(&'static str, &str)]| {
        let map = |lines: &[(&'static str, &str)]| {
            let pairs = lines.iter().map(|(name, value)| {
                (http::HeaderName::from_static(name), http::HeaderValue::try_from(*value).unwrap())
            });
            pairs.collect::<HeaderMap>()
        };
        let mut headers = map(given);
        injection().ask(&mut headers);
        let mut expected = map(expect);
        expected.insert("accept-encoding", "identity".parse().unwrap());
        assert_eq!(headers, expected, "{given:?}");
    };
    check(
        &[("accept-encoding", "gzip, br"), ("range", "bytes=0-9"), ("accept", "text/html")],
        &[("accept", "text/html")],
    );
    check(&[("if-modified-since", "Fri, 27 Nov 2026 12:23:35 GMT")], &[]);
    check(&[("if-none-match", "\"a\"")], &[]);
    check(&[("if-none-match", "*")], &[]);
    let ours = format!("\"z\", W/\"a{MARK}\", \"b{MARK}\"");
    check(&[("if-none-match", &ours)], &[("if-none-match", "W/\"a\", \"b\"")]);
}

#[tokio::test]
async fn a_copy_that_is_still_good_keeps_its_mark() {
    let response = Response::builder().status(304).header("etag", "\"a\"").body(Body::Empty).unwrap();
    let response = injection().insert(response).await;
    assert_eq!(response.headers()["etag"], format!("\"a{MARK}\""));
}

proptest! {
    #[test]
    fn however_a_document_is_cut_the_result_is_the_same(
        before in "[a-z<>/!\\- ]{0,60}",
        head in prop_oneof![Just("</head>"), Just("</HEAD >"), Just("</header>"), Just("<!--"), Just("")],
        after in "[a-z<>/]{0,60}",
        cuts in proptest::collection::vec(any::<usize>(), 0..12),
    ) {
        let document = format!("<head>{before}{head}{after}");
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let html = [("content-type", "text/html")];
        let whole = runtime.block_on(answered(&html, pieces(document.as_bytes(), &[])));
        let cut = runtime.block_on(answered(&html, pieces(document.as_bytes(), &cuts)));
        prop_assert_eq!(&whole, &cut);
        // Take the element out again, and every byte is as it was.
        let text = String::from_utf8(whole.1).unwrap();
        prop_assert!(text.matches(ELEMENT).count() <= 1);
        prop_assert_eq!(text.replacen(ELEMENT, "", 1), document);
    }

    #[test]
    fn other_documents_are_untouched(
        bytes in proptest::collection::vec(any::<u8>(), 0..200),
        kind in prop_oneof![Just("application/json"), Just("text/plain"), Just("text/html; charset=utf-16le")],
        cuts in proptest::collection::vec(any::<usize>(), 0..8),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let (_, out) = runtime.block_on(answered(&[("content-type", kind)], pieces(&bytes, &cuts)));
        prop_assert_eq!(out, bytes);
    }
}
