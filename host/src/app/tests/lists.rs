//! The lists of requests say what the requests say.

use super::*;
use crate::app::RequestFilter;
use crate::store::{Batch, Key, Scan, codec, keys};

/// Version 1 withdrawn, 2 approved, 3 rejected, 4 signed once, 5 and 6 untouched; ana asked for all.
async fn several() -> World {
    let world = World::new(POLICY).await;
    let mut ids = Vec::new();
    for version in 1..=6 {
        ids.push(world.asked_for(version).await.id);
        // Ids sort by their time.
        world.clock.advance(1);
    }
    world.app.withdraw(&caller("ana"), ids[0]).await.unwrap();
    world.signed(ids[1], "of version 2").await;
    world.vote("lea", Vote::Reject, "no legal basis", ids[2]).await.unwrap();
    world.vote("omar", Vote::Approve, "half of it", ids[3]).await.unwrap();
    world
}

/// The versions that are found, page after page of two.
fn paged(world: &World, filter: &RequestFilter) -> Vec<u32> {
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let page = world.app.request_page(&RequestFilter { after, limit: 2, ..filter.clone() }).unwrap();
        found.extend(page.requests.iter().map(|request| request.subject.version.get()));
        match page.next {
            Some(next) => after = Some(next),
            None => return found,
        }
    }
}

fn check(world: &World, filter: RequestFilter, expect: &[u32]) {
    assert_eq!(paged(world, &filter), expect, "{filter:?}");
}

fn check_all(world: &World) {
    let state = |state: &str| RequestFilter { state: Some(state.to_owned()), ..RequestFilter::default() };
    let known = |who: &str| caller(who).identity().cloned();
    let waits = |who: &str| RequestFilter { waits_for: known(who), ..RequestFilter::default() };
    let asked = |who: &str| RequestFilter { requester: Some(who.into()), ..RequestFilter::default() };
    check(world, RequestFilter::default(), &[6, 5, 4, 3, 2, 1]);
    check(world, state("in-review"), &[6, 5, 4]);
    check(world, state("approved"), &[2]);
    check(world, state("rejected"), &[3]);
    check(world, state("withdrawn"), &[1]);
    check(world, state("applied"), &[]);
    check(world, asked("ana"), &[6, 5, 4, 3, 2, 1]);
    check(world, asked("ruth"), &[]);
    check(world, RequestFilter { model: Some("credit".into()), ..state("in-review") }, &[6, 5, 4]);
    check(world, RequestFilter { model: Some("other".into()), ..RequestFilter::default() }, &[]);
    check(
        world,
        RequestFilter { workspace: Some("b".into()), model: Some("credit".into()), ..asked("ana") },
        &[],
    );
    check(world, waits("ruth"), &[6, 5, 4]);
    check(world, waits("omar"), &[6, 5]);
    check(world, waits("ana"), &[]);
    check(world, waits("lea"), &[]);
    let counts = world.app.counts(known("omar").as_ref()).unwrap();
    assert_eq!((counts.waiting_for_me, counts.asked_by_me, counts.all), (2, 0, 6));
}

#[tokio::test]
async fn every_list_has_what_it_should_page_after_page() {
    check_all(&several().await);
}

#[tokio::test]
async fn a_store_without_lists_gets_them_once() {
    let world = several().await;
    let lists =
        ["request/by-state", "request/by-requester", "request/waiting", "request/entry", "request/card"];
    for (key, _) in
        lists.iter().flat_map(|list| world.app.store.scan(&Scan::prefix(Key::space(list))).unwrap())
    {
        world.app.store.commit(Batch::new().delete(key)).await.unwrap();
    }
    check(&world, RequestFilter { requester: Some("ana".into()), ..RequestFilter::default() }, &[]);
    // As the version that knew fewer lists left it.
    let fewer = Batch::new().put(keys::requests_indexed(), codec::encode_raw(&[]));
    world.app.store.commit(fewer).await.unwrap();
    world.app.list_requests().await.unwrap();
    check_all(&world);
    assert_eq!(world.app.store.scan(&Scan::prefix(keys::request_cards())).unwrap().len(), 6);
    assert!(world.app.store.get(&keys::requests_indexed()).unwrap().is_some());
}

#[tokio::test]
async fn the_entries_about_a_request_are_found_with_and_without_a_list() {
    let world = several().await;
    let request =
        world.app.requests(&RequestFilter { limit: 10, ..RequestFilter::default() }).unwrap().remove(2);
    let kinds = |world: &World| {
        let told = world.app.entries_about(&request).unwrap();
        told.iter().map(|(_, _, entry)| entry.kind().to_owned()).collect::<Vec<_>>()
    };
    let listed = kinds(&world);
    assert_eq!(listed, ["request-opened", "refused", "reviewed"]);
    let list = Scan::prefix(keys::entries_of_request(request.id.0));
    for (key, _) in world.app.store.scan(&list).unwrap() {
        world.app.store.commit(Batch::new().delete(key)).await.unwrap();
    }
    assert_eq!(kinds(&world), listed);
}
