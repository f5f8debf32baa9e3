//! Threads that hold.

use super::*;

#[test]
fn a_thread_that_nobody_settled_holds_where_the_tier_says_so() {
    let check = |unresolved_blocks: bool, open_threads: u32, expect: &str| {
        let demands = [Demand { unresolved_blocks, ..demand(true, 0) }];
        let mut given = Given::new(&demands, &[run(reported(Conclusion::Pass))], &[], 0);
        given.open_threads = open_threads;
        assert_eq!(given.answer(), expect, "{unresolved_blocks} {open_threads}");
    };
    check(true, 0, "allow");
    check(true, 2, "hold");
    check(false, 2, "allow");
    // Nothing that is talked about lets anything through.
    let demands = [Demand { unresolved_blocks: true, ..demand(true, 0) }];
    let failed = Given::new(&demands, &[run(reported(Conclusion::Fail))], &[], 0);
    assert_eq!(Given { open_threads: 1, ..failed }.answer(), "deny");
}
