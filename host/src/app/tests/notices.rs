//! What the operator's webhook is told: ids and addresses, in the batch of the entry, and nothing about people.

use super::*;
use crate::app::NewEmergency;
use crate::config::Secret;
use crate::notify::{Message, Notify};
use crate::store::{Scan, keys};

impl World {
    /// Nobody listens at that address: messages wait.
    async fn telling() -> Self {
        let mut world = Self::new(POLICY).await;
        let app = Arc::get_mut(&mut world.app).unwrap();
        let to = (Secret::new("http://127.0.0.1:9/"), None);
        let notify = Notify::new(to, Arc::clone(&app.store), Arc::clone(&app.clock)).unwrap();
        app.notify = Some(Arc::new(notify));
        world
    }

    fn waiting(&self) -> Vec<(Message, String)> {
        let rows = self.app.store.scan(&Scan::prefix(keys::messages())).unwrap();
        let read = |(key, value): (_, Vec<u8>)| {
            let waiting: Value = crate::store::codec::decode(&key, &value).unwrap();
            (serde_json::from_value(waiting["message"].clone()).unwrap(), waiting.to_string())
        };
        rows.into_iter().map(read).collect()
    }
}

#[tokio::test]
async fn who_must_look_is_told_by_ids_alone() {
    let world = World::telling().await;
    let id = world.asked().await.id;
    let new =
        NewEmergency { reason: "all scores are zero".to_owned(), ticket: "INC-7".to_owned(), drill: false };
    world.app.break_glass(&caller("otto"), id, new).await.unwrap();
    let waiting = world.waiting();
    let mut events: Vec<&str> = waiting.iter().map(|(message, _)| message.event.as_str()).collect();
    // In one millisecond there is no first.
    events.sort_unstable();
    assert_eq!(events, ["broke-glass", "request-opened"]);
    for (message, text) in &waiting {
        assert_eq!((message.request, &message.url), (Some(id.0), &world.app.request_url(id)));
        for private in ["ana", "otto", "credit", "champion", "INC-7", "zero"] {
            assert!(!text.contains(private), "{private} in {text}");
        }
    }
    // Votes and evidence are nobody's business but the ledger's.
    world.vote("omar", Vote::Approve, "the holdout holds", id).await.unwrap();
    assert_eq!(world.waiting().len(), 2);
}

#[tokio::test]
async fn nothing_is_kept_where_nobody_is_told() {
    let world = World::new(POLICY).await;
    world.asked().await;
    assert_eq!(world.waiting(), []);
}
