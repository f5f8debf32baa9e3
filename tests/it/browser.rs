//! The browser without JavaScript does with a page what a browser would, and fails where a person would be stuck.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::mpsc;

use countersign_tests::actor::Actor;
use countersign_tests::venv::Venv;
use serde_json::json;

const PAGE: &str = r#"<!doctype html><title>Request</title><style>p { color: red }</style>
<p>ruth must sign</p>
<form method="post" action="/logout"><button>Sign out</button></form>
<form method="post" action="reviews?x=1">
  <input type="hidden" name="subject_digest" value="sha256:1&amp;2">
  <select name="seat"><option value="legal">Legal</option><option value="risk" selected>Risk</option></select>
  <select name="tier"><option>low</option><option>high</option></select>
  <textarea name="rationale"></textarea>
  <button name="vote" value="approve">Approve</button>
  <button name="vote" value="reject">Reject</button>
</form>"#;

/// Serves the page to every request and passes on what was asked: first line, cookie, origin and body.
fn serve() -> (u16, mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (told, asked) = mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = BufReader::new(stream.unwrap());
            let (mut seen, mut length) = (String::new(), 0);
            loop {
                let mut line = String::new();
                stream.read_line(&mut line).unwrap();
                let lower = line.to_ascii_lowercase();
                if let Some(value) = lower.strip_prefix("content-length:") {
                    length = value.trim().parse().unwrap();
                }
                if seen.is_empty() || lower.starts_with("cookie:") || lower.starts_with("origin:") {
                    seen.push_str(&line);
                }
                if line.trim().is_empty() {
                    break;
                }
            }
            let mut body = vec![0; length];
            stream.read_exact(&mut body).unwrap();
            seen.push_str(&String::from_utf8(body).unwrap());
            told.send(seen.replace("\r\n", "\n").replace(&port.to_string(), "PORT")).unwrap();
            let answer = format!(
                "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nSet-Cookie: session=7; Path=/\r\n\
                 Content-Length: {}\r\nConnection: close\r\n\r\n{PAGE}",
                PAGE.len()
            );
            stream.get_mut().write_all(answer.as_bytes()).unwrap();
        }
    });
    (port, asked)
}

#[test]
fn a_form_is_sent_as_a_browser_sends_it() {
    let (port, asked) = serve();
    let log = std::env::temp_dir().join(format!("browser-{}.log", std::process::id()));
    let mut ruth = Actor::browser(&Venv::for_tests().unwrap(), "ruth", &log).unwrap();
    let url = format!("http://127.0.0.1:{port}/_countersign/requests/7");
    let page = ruth.browses("open", &[("url", json!(url))]).unwrap();
    assert_eq!(page.status, 200);
    assert!(page.text.contains("ruth must sign") && !page.text.contains("color"), "{}", page.text);
    assert_eq!(asked.recv().unwrap(), "GET /_countersign/requests/7 HTTP/1.1\n");

    let vote = json!({"rationale": "fine & good"});
    ruth.browses("submit", &[("form", json!("approve")), ("fields", vote.clone())]).unwrap();
    assert_eq!(
        asked.recv().unwrap(),
        "POST /_countersign/requests/reviews?x=1 HTTP/1.1\nOrigin: http://127.0.0.1:PORT\nCookie: session=7\n\
         subject_digest=sha256%3A1%262&seat=risk&tier=low&rationale=fine+%26+good&vote=approve"
    );

    assert!(ruth.browses("submit", &[("form", json!("waive")), ("fields", vote)]).is_err());
    let unknown = json!({"ratio": "fine"});
    assert!(ruth.browses("submit", &[("form", json!("reject")), ("fields", unknown)]).is_err());
    std::fs::remove_file(log).unwrap();
}
