use std::sync::Mutex;

use axum::Router;
use axum::extract::State;
use axum::routing::post;
use http::{HeaderMap, StatusCode};

use super::*;
use crate::clock::ManualClock;
use crate::store::memory::MemoryStore;

/// What the receiver has got, and whether it is well.
#[derive(Default)]
struct Got {
    ill: bool,
    messages: Vec<(HeaderMap, String)>,
}

type Shared = Arc<Mutex<Got>>;

async fn take(State(got): State<Shared>, headers: HeaderMap, body: String) -> StatusCode {
    let mut got = got.lock().unwrap();
    got.messages.push((headers, body));
    if got.ill { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::NO_CONTENT }
}

struct World {
    notify: Notify,
    clock: Arc<ManualClock>,
    got: Shared,
}

impl World {
    async fn new() -> Self {
        let got = Shared::default();
        let served = Router::new().route("/hook", post(take)).with_state(Arc::clone(&got));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = Secret::new(format!("http://{}/hook", listener.local_addr().unwrap()));
        tokio::spawn(async move { axum::serve(listener, served).await });
        let clock = Arc::new(ManualClock::at(Millis::new(1_795_381_030_000)));
        let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
        let known = (address, Some(Secret::new("between us")));
        let notify = Notify::new(known, store, Arc::clone(&clock) as Arc<dyn Clock>).unwrap();
        Self { notify, clock, got }
    }

    async fn keeps(&self, number: u128) {
        let message = Message {
            id: Uuid::from_u128(number),
            event: "tier-drift".to_owned(),
            at: self.clock.now(),
            request: None,
            url: "http://127.0.0.1:8080/_countersign/".to_owned(),
        };
        self.notify.store.commit(Notify::keep(Batch::new(), message).unwrap()).await.unwrap();
    }

    async fn sent(&self) -> (usize, usize) {
        let taken = self.notify.send().await.unwrap();
        (taken, self.got.lock().unwrap().messages.len())
    }
}

#[tokio::test]
async fn a_message_is_signed_and_sent_once() {
    let world = World::new().await;
    world.keeps(7).await;
    assert_eq!((world.sent().await, world.sent().await), ((1, 1), (0, 1)));
    let (headers, body) = world.got.lock().unwrap().messages[0].clone();
    let message: Message = serde_json::from_str(&body).unwrap();
    assert_eq!(
        (message.event.as_str(), headers["x-countersign-delivery"].to_str().unwrap()),
        ("tier-drift", &*message.id.to_string())
    );
    let key = hmac::Key::new(hmac::HMAC_SHA256, b"between us");
    let signed = headers["x-countersign-signature"].to_str().unwrap();
    let (at, tag) = signed.strip_prefix("t=").unwrap().split_once(",v1=").unwrap();
    assert_eq!(at, "1795381030");
    hmac::verify(&key, format!("{at}.{body}").as_bytes(), &hex::decode(tag).unwrap()).unwrap();
}

#[tokio::test]
async fn what_is_not_taken_is_tried_again_ever_later_and_given_up_at_last() {
    let world = World::new().await;
    world.got.lock().unwrap().ill = true;
    world.keeps(7).await;
    for (after, expect) in [(0, 1), (4_999, 1), (1, 2), (9_999, 2), (1, 3)] {
        world.clock.advance(after);
        assert_eq!(world.sent().await, (0, expect), "after {after} ms more");
    }
    world.got.lock().unwrap().ill = false;
    world.clock.advance(20_000);
    assert_eq!(world.sent().await, (1, 4));
    world.got.lock().unwrap().ill = true;
    world.keeps(8).await;
    world.clock.advance(GIVEN_UP.as_millis());
    assert_eq!(world.sent().await, (0, 5));
    world.got.lock().unwrap().ill = false;
    world.clock.advance(LONGEST_PAUSE);
    assert_eq!(world.sent().await, (0, 5), "somebody reads the log by then");
}
