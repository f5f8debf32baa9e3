use std::net::Ipv4Addr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::COOKIE;

use super::super::users::{NewUser, Users};
use super::*;
use crate::clock::ManualClock;

const PEER: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

struct House {
    dir: tempfile::TempDir,
    clock: Arc<ManualClock>,
    local: Local,
    token: Token,
}

/// Ana has a password; the machine `ci` has a token and none.
fn house() -> House {
    let dir = tempfile::tempdir().unwrap();
    let clock = Arc::new(ManualClock::at(Millis::new(0)));
    let path = dir.path().join("users.toml");
    let token = Users::edit(&path, |users| {
        users.add(
            NewUser { name: "ana", machine: false, groups: &[], password: Some("correct horse") },
            &*clock,
        )?;
        users.add(NewUser { name: "ci", machine: true, groups: &[], password: None }, &*clock)?;
        users.issue_token("ci", "nightly", &*clock)
    })
    .unwrap();
    let local = Local::open(&path, &dir.path().join("session.key"), false, clock.clone()).unwrap();
    House { dir, clock, local, token }
}

impl House {
    async fn who(&self, authorization: &str) -> Result<(String, bool), String> {
        let headers = header(AUTHORIZATION, authorization);
        let caller = self.local.authenticate(&headers, PEER).await.map_err(|error| error.to_string())?;
        Ok(caller.identity().map(|identity| (identity.name.clone(), identity.machine)).unwrap_or_default())
    }

    fn edit<T>(&self, change: impl FnOnce(&mut Users) -> Result<T, UsersError>) -> T {
        let answer = Users::edit(&self.dir.path().join("users.toml"), change).unwrap();
        self.clock.advance(1_000);
        answer
    }
}

fn header(name: http::HeaderName, value: &str) -> HeaderMap {
    HeaderMap::from_iter([(name, value.parse().unwrap())])
}

fn basic(name: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{name}:{password}")))
}

const REFUSED: &str = "the user name, the password or the token is wrong";

#[tokio::test]
async fn passwords_and_tokens() {
    let house = house();
    let token = house.token.to_string();
    let ci = Ok(("ci".to_owned(), true));
    assert_eq!(house.who(&basic("ana", "correct horse")).await, Ok(("ana".to_owned(), false)));
    assert_eq!(house.who(&format!("Bearer {token}")).await, ci);
    assert_eq!(house.who(&basic("ci", &token)).await, ci);
    for wrong in [
        basic("ana", "wrong"),
        basic("nobody", "nobody has this password"),
        basic("ci", "nobody has this password"),
        basic("ana", &token),
        "Bearer cs_x".to_owned(),
        format!("Bearer {}", Token::fresh(&*house.clock).unwrap()),
    ] {
        assert_eq!(house.who(&wrong).await, Err(REFUSED.to_owned()), "{wrong}");
    }
    let none = house.local.authenticate(&HeaderMap::new(), PEER).await.unwrap();
    assert_eq!(none, Caller::Anonymous);
}

#[tokio::test]
async fn a_changed_password_is_wrong_at_once_although_it_was_remembered() {
    let house = house();
    let header = basic("ana", "correct horse");
    assert!(house.who(&header).await.is_ok());
    house.edit(|users| users.set_password("ana", "battery staple", &*house.clock));
    assert_eq!(house.who(&header).await, Err(REFUSED.to_owned()));
    assert!(house.who(&basic("ana", "battery staple")).await.is_ok());
}

#[tokio::test]
async fn a_revoked_token_is_wrong_at_once() {
    let house = house();
    let header = format!("Bearer {}", house.token);
    assert!(house.who(&header).await.is_ok());
    house.edit(|users| users.revoke_token(&house.token.id));
    assert_eq!(house.who(&header).await, Err(REFUSED.to_owned()));
}

#[tokio::test]
async fn sessions_end_with_logout_with_the_password_and_with_the_user() {
    let house = house();
    let sign_in = async || {
        let password = if house.local.users().users.by_name("ana").unwrap().session_epoch == 0 {
            "correct horse"
        } else {
            "battery staple"
        };
        let ana = house.local.sign_in("ana", password.to_owned(), PEER).await.unwrap();
        let cookie = house.local.start_session(&ana).unwrap();
        header(COOKIE, cookie.split(';').next().unwrap())
    };
    let known = async |headers: &HeaderMap| {
        house.local.authenticate(headers, PEER).await.unwrap().identity().map(|ana| ana.method.clone())
    };

    let first = sign_in().await;
    assert_eq!(known(&first).await, Some(Method::Session));
    house.local.end_session(&first);
    assert_eq!(known(&first).await, None);

    let second = sign_in().await;
    house.edit(|users| users.set_password("ana", "battery staple", &*house.clock));
    assert_eq!(known(&second).await, None);

    let third = sign_in().await;
    assert!(known(&third).await.is_some());
    house.edit(|users| users.remove("ana"));
    assert_eq!(known(&third).await, None);
}

#[tokio::test]
async fn guessing_is_slowed_down_but_a_remembered_client_goes_on() {
    let house = house();
    let good = basic("ana", "correct horse");
    assert!(house.who(&good).await.is_ok());
    for _ in 0..10 {
        assert!(house.who(&basic("ana", "wrong")).await.is_err());
    }
    let slowed = house.who(&basic("ana", "guess")).await.unwrap_err();
    assert!(slowed.starts_with("too many failed attempts"), "{slowed}");
    assert!(house.who(&good).await.is_ok());
}
