//! What it costs to know who calls: each way of signing in, warm, beside a local token; and a token seen for the
//! first time.
//!
//! `cargo bench -p countersign --bench identity`. The provider is a thread here that publishes one P-256 key.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a benchmark prints, and stops at the first surprise"
)]

use std::collections::{BTreeSet, HashMap};
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{IpAddr, Ipv4Addr, TcpListener};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign::auth::profiles::{Profile, Profiles};
use countersign::auth::sessions::Sessions;
use countersign::auth::users::{NewUser, Users};
use countersign::auth::{Auth, Caller, Local, Oidc, ProxyHeader, oidc, proxy_header};
use countersign::clock::{Clock, SystemClock};
use countersign_core::names::PersonId;
use countersign_core::time::Span;
use http::header::{AUTHORIZATION, COOKIE};
use http::{HeaderMap, HeaderName, HeaderValue};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use serde_json::{Value, json};

const ROUNDS: usize = 5;
const CALLS: u32 = 50_000;
const PEER: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("identity-bench-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    runtime.block_on(measured(&dir));
    std::fs::remove_dir_all(&dir).unwrap();
}

async fn measured(dir: &Path) {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let (local, token) = local(dir, &clock);
    let signer = Signer::new();
    let issuer = signer.publish();
    let (oidc, person) = by_provider(dir, &issuer, &clock, &signer).await;
    let proxy = behind_proxy(&clock);
    let bearer = |token: &str| headers(&[(AUTHORIZATION, &format!("Bearer {token}"))]);
    let session = cookie(dir, &person, &clock);
    let user = HeaderName::from_static("x-forwarded-user");
    let groups = HeaderName::from_static("x-forwarded-groups");
    let forwarded = headers(&[(user, "ruth"), (groups, "model-risk, legal, fraud")]);
    let same = bearer(&signer.token(&issuer, 0));
    time("local token", &bearer(&token), &local).await;
    time("oidc token, seen before", &same, &oidc).await;
    time("oidc session", &session, &oidc).await;
    time("proxy header", &forwarded, &proxy).await;
    first("oidc token, for the first time", &oidc, |n| bearer(&signer.token(&issuer, n + 1))).await;
}

async fn time(name: &str, headers: &HeaderMap, auth: &Auth) {
    known(auth, headers).await;
    let mut best = f64::MAX;
    for _ in 0..ROUNDS {
        let begun = Instant::now();
        for _ in 0..CALLS {
            known(auth, headers).await;
        }
        best = best.min(begun.elapsed().as_secs_f64() * 1e6 / f64::from(CALLS));
    }
    println!("{name:32} {best:8.2} µs");
}

/// Each token once: signing them is not part of it.
async fn first(name: &str, auth: &Auth, token: impl Fn(u32) -> HeaderMap) {
    let all: Vec<HeaderMap> = (0..2_000).map(token).collect();
    let begun = Instant::now();
    for headers in &all {
        known(auth, headers).await;
    }
    println!("{name:32} {:8.2} µs", begun.elapsed().as_secs_f64() * 1e6 / 2_000.0);
}

async fn known(auth: &Auth, headers: &HeaderMap) {
    let caller = auth.authenticate(headers, PEER).await.expect("it is good");
    assert!(matches!(caller, Caller::Known(_)));
}

fn headers(lines: &[(HeaderName, &str)]) -> HeaderMap {
    lines.iter().map(|(name, value)| (name.clone(), HeaderValue::from_str(value).unwrap())).collect()
}

fn local(dir: &Path, clock: &Arc<dyn Clock>) -> (Auth, String) {
    let (file, key) = (dir.join("users.toml"), dir.join("session.key"));
    let token = Users::edit(&file, |users| {
        users.add(NewUser { name: "ruth", machine: false, groups: &[], password: None }, &**clock)?;
        users.issue_token("ruth", "bench", &**clock)
    });
    let local = Local::open(&file, &key, false, Arc::clone(clock)).unwrap();
    (Auth::Local(Box::new(local)), token.unwrap().to_string())
}

fn profiles() -> Profiles {
    let kept: Arc<Mutex<HashMap<PersonId, Profile>>> = Arc::default();
    let keep = Arc::clone(&kept);
    Profiles {
        find: Box::new(move |person| kept.lock().unwrap().get(person).cloned()),
        keep: Box::new(move |profile| {
            keep.lock().unwrap().insert(profile.person.clone(), profile);
            Box::pin(std::future::ready(Ok(())))
        }),
    }
}

async fn by_provider(dir: &Path, issuer: &str, clock: &Arc<dyn Clock>, signer: &Signer) -> (Auth, PersonId) {
    let client = oidc::Client { id: "countersign".to_owned(), secret: None, redirect: String::new() };
    let settings = oidc::Settings {
        issuer: issuer.to_owned(),
        client,
        audience: vec!["mlflow".to_owned()],
        scopes: Vec::new(),
        groups_claim: "groups".to_owned(),
        name_claim: "preferred_username".to_owned(),
        machine_claim: None,
        machine_clients: BTreeSet::new(),
        base: "/_countersign".to_owned(),
        secure: false,
        session: Span::from_millis(3_600_000),
    };
    let oidc = Oidc::open(settings, &dir.join("session.key"), profiles(), Arc::clone(clock)).unwrap();
    let person = oidc.person("ruth");
    oidc.refresh().await.unwrap();
    let auth = Auth::Oidc(Box::new(oidc));
    let token = format!("Bearer {}", signer.token(issuer, 0));
    known(&auth, &headers(&[(AUTHORIZATION, &token)])).await;
    (auth, person)
}

fn behind_proxy(clock: &Arc<dyn Clock>) -> Auth {
    let settings = proxy_header::Settings {
        trusted: vec!["127.0.0.0/8".parse().unwrap()],
        user: HeaderName::from_static("x-forwarded-user"),
        groups: HeaderName::from_static("x-forwarded-groups"),
        machine: None,
        machines: BTreeSet::new(),
    };
    Auth::ProxyHeader(Box::new(ProxyHeader::new(settings, profiles(), Arc::clone(clock)).unwrap()))
}

fn cookie(dir: &Path, person: &PersonId, clock: &Arc<dyn Clock>) -> HeaderMap {
    let sessions = Sessions::open(&dir.join("session.key"), false, &**clock).unwrap();
    let set = sessions.start(person, 0, &**clock).unwrap();
    headers(&[(COOKIE, set.split(';').next().unwrap())])
}

/// The provider's key.
struct Signer(EcdsaKeyPair);

impl Signer {
    fn new() -> Self {
        let random = SystemRandom::new();
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
        Self(EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.as_ref(), &random).unwrap())
    }

    fn token(&self, issuer: &str, number: u32) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let groups = ["model-risk", "legal", "fraud"];
        let claims = json!({"iss": issuer, "sub": "ruth", "aud": "mlflow", "exp": 4_000_000_000_u64,
                            "preferred_username": "ruth", "groups": groups, "jti": number});
        let signed = format!("{}.{}", part(&json!({"alg": "ES256", "kid": "k"})), part(&claims));
        let signature = self.0.sign(&SystemRandom::new(), signed.as_bytes()).unwrap();
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    /// Answers as a provider, for as long as we run; gives its issuer.
    fn publish(&self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let issuer = format!("http://{}", listener.local_addr().unwrap());
        let point = self.0.public_key().as_ref();
        let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let jwk = json!({"kty": "EC", "crv": "P-256", "kid": "k", "x": text(&point[1..33]), "y": text(&point[33..])});
        let metadata = json!({"issuer": issuer, "authorization_endpoint": issuer, "token_endpoint": issuer,
                              "jwks_uri": format!("{issuer}/keys")});
        let keys = json!({"keys": [jwk]});
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut lines = BufReader::new(stream.try_clone().unwrap()).lines().map(Result::unwrap);
                let asked = lines.next().unwrap_or_default();
                while lines.next().is_some_and(|line| !line.is_empty()) {}
                let body = if asked.contains("/keys") { keys.to_string() } else { metadata.to_string() };
                let head =
                    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
                stream.write_all(format!("{head}{body}").as_bytes()).unwrap();
            }
        });
        issuer
    }
}
