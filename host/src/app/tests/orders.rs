//! The same steps in every order, as a network may deliver them: whatever comes first, nothing is made that was not
//! approved, and nothing reads as made that was not.

use super::*;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Omar,
    Ruth,
    Apply,
    Renew,
    Withdraw,
}

impl Step {
    const ALL: [Self; 5] = [Self::Omar, Self::Ruth, Self::Apply, Self::Renew, Self::Withdraw];

    async fn take(self, world: &World, id: RequestId, nth: usize) -> Result<PromotionRequest, AppError> {
        match self {
            Self::Omar => world.vote("omar", Vote::Approve, &format!("the holdout of {nth} holds"), id).await,
            Self::Ruth => {
                world
                    .vote_in("ruth", Some("risk"), Vote::Approve, &format!("drift of {nth} is small"), id)
                    .await
            }
            Self::Apply => world.app.apply(&caller("ana"), id).await,
            Self::Renew => world.app.renew(&caller("ana"), id).await,
            Self::Withdraw => world.app.withdraw(&caller("ana"), id).await,
        }
    }
}

/// Heap's algorithm.
fn orders(steps: &mut [Step], number: usize, found: &mut Vec<Vec<Step>>) {
    if number <= 1 {
        found.push(steps.to_vec());
        return;
    }
    for at in 0..number {
        orders(steps, number - 1, found);
        steps.swap(if number.is_multiple_of(2) { at } else { 0 }, number - 1);
    }
}

#[tokio::test]
async fn no_order_of_steps_makes_what_was_not_approved() {
    let world = World::new(&POLICY.replace("\"champion\"", "\"champion-*\"")).await;
    let mut all = Vec::new();
    orders(&mut Step::ALL.to_vec(), Step::ALL.len(), &mut all);
    assert_eq!(all.len(), 120);
    let mut made = 0;
    for (nth, order) in all.iter().enumerate() {
        let alias = format!("champion-{nth}");
        let action = Action::SetAlias {
            model: "credit".into(),
            alias: alias.as_str().into(),
            version: Version::new(7),
        };
        let placed = Placed { workspace: "default".into(), action };
        let id = world.app.open(&caller("ana"), placed).await.unwrap().id;
        for (at, step) in order.iter().enumerate() {
            let taken = step.take(&world, id, nth).await;
            // One that comes twice changes no more than one that comes once.
            let again = step.take(&world, id, nth).await;
            let before = &order[..at];
            let signed = [Step::Omar, Step::Ruth].iter().all(|vote| before.contains(vote));
            let withdrawn = before.contains(&Step::Withdraw);
            if *step == Step::Apply {
                assert_eq!(taken.is_ok(), signed && !withdrawn, "{order:?} {taken:?}");
                assert!(again.is_err(), "{order:?}");
                made += usize::from(taken.is_ok());
            }
            let applied = world.state(id) == "applied";
            let shown = world.registry.lock().unwrap().aliases.contains_key(&alias);
            assert_eq!(applied, shown, "{order:?} after {step:?}");
        }
    }
    assert!(made > 0);
    assert_eq!(world.registry.lock().unwrap().writes, made);
    assert_eq!(world.breaches().await, Vec::<String>::new());
}

#[tokio::test]
async fn two_reviewers_at_once_are_both_heard() {
    let world = World::new(POLICY).await;
    let id = world.asked().await.id;
    // Whoever comes second by a hair is told to look again.
    let heard = async |who: &str, seat: Option<&str>| loop {
        match world.vote_in(who, seat, Vote::Approve, &format!("{who} has read it"), id).await {
            Err(AppError::Conflict(_)) => {}
            heard => return heard.map(drop),
        }
    };
    let (omar, ruth) = tokio::join!(heard("omar", None), heard("ruth", Some("risk")));
    omar.and(ruth).unwrap();
    let request = world.app.request(id).unwrap();
    let mut heard: Vec<&str> = request.reviews.iter().map(|review| review.reviewer.as_str()).collect();
    heard.sort_unstable();
    assert_eq!((heard, request.state.as_str()), (vec!["omar", "ruth"], "approved"));
    assert_eq!(world.told(&["reviewed"]).len(), 2);
}
