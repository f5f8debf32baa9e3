use proptest::prelude::*;

use super::*;

#[test]
fn a_prefix_finds_only_its_own() {
    let fraud = requests_of_model("default", "fraud");
    let other = request_of_model("default", "fraud-2", Uuid::nil());
    assert!(!other.as_bytes().starts_with(fraud.as_bytes()));
    assert!(!requests_of_model("", "").as_bytes().starts_with(requests().as_bytes()));
}

#[test]
fn prints_readably() {
    assert_eq!(ledger_entry(258).to_string(), "ledger/entry%00%01%00%00%00%00%00%00%01%02");
    assert_eq!(ledger_entry(258).last_number(), Some(258));
}

proptest! {
    #[test]
    fn texts_sort_and_part_as_they_do_alone(a in ".{0,3}", b in ".{0,3}", c in "\\PC{0,2}", d in "[\0\u{1}a]{0,3}") {
        let pairs = [(a, c.clone()), (b, d), (c.clone(), c)];
        for (x, y) in pairs.iter().zip(pairs.iter().skip(1)) {
            let key = |(p, q): &(String, String)| Key::space("t").text(p).text(q);
            prop_assert_eq!(key(x).cmp(&key(y)), x.cmp(y));
        }
    }

    #[test]
    fn the_successor_follows_all_that_begin_alike(prefix in proptest::collection::vec(any::<u8>(), 0..4), tail in any::<[u8; 3]>()) {
        let key = Key::from_bytes([prefix.as_slice(), &tail].concat());
        match Key::from_bytes(prefix.clone()).successor() {
            Some(end) => prop_assert!(key.as_bytes() < end.as_slice() && prefix < end),
            None => prop_assert!(prefix.iter().all(|&byte| byte == 0xff)),
        }
    }
}
