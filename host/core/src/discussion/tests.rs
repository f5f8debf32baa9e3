use proptest::prelude::*;

use super::*;

const REQUEST: RequestId = RequestId(Uuid::from_u128(9));

fn comment(id: u128, thread: Option<u128>) -> Comment {
    Comment {
        id: Uuid::from_u128(id),
        request: Some(REQUEST),
        author: "ruth".into(),
        at: Millis::new(0),
        about: None,
        thread: thread.map(Uuid::from_u128),
        text: Digest::of(b"why?"),
        edited: None,
        deleted: None,
        resolved: None,
    }
}

fn gone(comment: Comment) -> Comment {
    comment.taken_back(&"ruth".into(), Millis::new(1)).unwrap()
}

fn check(comments: &[Comment], expect: u32) {
    assert_eq!(unresolved(comments, REQUEST), expect, "{comments:#?}");
}

#[test]
fn a_thread_is_open_until_it_is_settled_or_nothing_is_left_of_it() {
    check(&[], 0);
    check(&[comment(1, None)], 1);
    check(&[comment(1, None), comment(2, Some(1)), comment(3, None)], 2);
    check(&[comment(1, None).settled(Some("ana".into())).unwrap(), comment(2, Some(1))], 0);
    check(&[comment(1, None).settled(Some("ana".into())).unwrap().settled(None).unwrap()], 1);
    check(&[gone(comment(1, None))], 0);
    check(&[gone(comment(1, None)), comment(2, Some(1))], 1);
    check(&[Comment { request: None, ..comment(1, None) }], 0);
}

#[test]
fn only_authors_change_what_they_said() {
    let other = comment(1, None).reworded(&"ana".into(), Digest::of(b"no"), Millis::new(1));
    assert_eq!(other, Err(CannotSay::NotYours));
    assert_eq!(comment(1, None).taken_back(&"ana".into(), Millis::new(1)), Err(CannotSay::NotYours));
    let late = gone(comment(1, None)).reworded(&"ruth".into(), Digest::of(b"no"), Millis::new(2));
    assert_eq!(late, Err(CannotSay::Deleted));
    assert_eq!(comment(2, Some(1)).settled(Some("ana".into())), Err(CannotSay::NotAThread));
    assert_eq!(text(" \n"), Err(CannotSay::Empty));
    assert_eq!(text(&"a".repeat(10_001)), Err(CannotSay::Long));
    assert_eq!(text(" why? "), Ok("why?"));
}

proptest! {
    /// Settling a thread never opens one, and opening one again never settles one.
    #[test]
    fn settling_is_monotone(settled in prop::collection::vec(any::<bool>(), 1..8), at in any::<prop::sample::Index>()) {
        let by = |so: bool| so.then(|| PersonId::from("ana"));
        let comments: Vec<Comment> = settled.iter().enumerate()
            .map(|(id, so)| comment(id as u128 + 1, None).settled(by(*so)).unwrap()).collect();
        let before = unresolved(&comments, REQUEST);
        for so in [true, false] {
            let mut after = comments.clone();
            let one = at.index(after.len());
            after[one] = after[one].clone().settled(by(so)).unwrap();
            let now = unresolved(&after, REQUEST);
            let monotone = if so { now <= before } else { now >= before };
            prop_assert!(monotone);
        }
    }
}
