//! Misuse of memory and of the stack.

use std::hint::black_box;

const BLOCK: usize = 8 << 20;

/// Spends its time inside single bulk instructions, where no loop back edge is passed.
pub(crate) fn copies() -> ! {
    let mut block = vec![1_u8; BLOCK];
    loop {
        block.copy_within(..BLOCK / 2, BLOCK / 2);
        black_box(&mut block);
    }
}

pub(crate) fn recurses(depth: u64) -> u64 {
    let frame = black_box([depth; 64]);
    if depth == 0 { 0 } else { recurses(depth - 1) + frame.iter().sum::<u64>() % 2 }
}

/// Touches every page, so that nothing is merely reserved.
pub(crate) fn allocates() -> ! {
    let mut blocks = Vec::new();
    loop {
        blocks.push(vec![1_u8; 1 << 20]);
        black_box(&mut blocks);
    }
}
