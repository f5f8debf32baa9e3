//! The guest's allocator: a static arena in front of the system's allocator.
//!
//! A check is short: an instance lives for one call. Growing memory in steps costs a system call on the host
//! for each, and those serialise on the process's address space. So small blocks come from an arena that is
//! part of the initial memory; only the newest block of it can be given back, and all of it when no block is
//! left. What does not fit, and every block of [`LARGE`] bytes and more, goes to the system's allocator, which
//! reuses what is freed: a long stream of chunks stays in the memory of one chunk.

#![expect(unsafe_code, reason = "an allocator hands out raw memory")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::{Cell, UnsafeCell};
use std::ptr;

const ARENA: usize = 512 << 10;
const LARGE: usize = 64 << 10;

#[global_allocator]
static ALLOCATOR: Arena =
    Arena { memory: UnsafeCell::new(Block([0; ARENA])), used: Cell::new(0), live: Cell::new(0) };

#[repr(C, align(16))]
struct Block([u8; ARENA]);

struct Arena {
    memory: UnsafeCell<Block>,
    /// Bytes from the start that are given out or lost until the arena is empty.
    used: Cell<usize>,
    /// Blocks that are given out.
    live: Cell<usize>,
}

// SAFETY: a component of these worlds has one thread; the atomics proposal is off in the host.
unsafe impl Sync for Arena {}

impl Arena {
    fn base(&self) -> *mut u8 {
        self.memory.get().cast()
    }

    fn owns(&self, block: *mut u8) -> bool {
        (block as usize).wrapping_sub(self.base() as usize) < ARENA
    }

    /// Whether `block` of `size` bytes is the newest in the arena.
    fn is_newest(&self, block: *mut u8, size: usize) -> bool {
        (block as usize).wrapping_sub(self.base() as usize).wrapping_add(size) == self.used.get()
    }

    fn take(&self, layout: Layout) -> Option<*mut u8> {
        if layout.size() >= LARGE || layout.align() > 16 {
            return None;
        }
        let start = self.used.get().next_multiple_of(layout.align());
        let end = start.checked_add(layout.size()).filter(|end| *end <= ARENA)?;
        self.used.set(end);
        self.live.set(self.live.get() + 1);
        Some(self.base().wrapping_add(start))
    }

    fn give_back(&self, block: *mut u8, size: usize) {
        self.live.set(self.live.get() - 1);
        if self.live.get() == 0 {
            self.used.set(0);
        } else if self.is_newest(block, size) {
            self.used.set(self.used.get() - size);
        }
    }

    /// Grows or shrinks the newest block where it stands.
    fn resize(&self, block: *mut u8, old: usize, new: usize) -> bool {
        if !self.is_newest(block, old) || new >= LARGE {
            return false;
        }
        let end = self.used.get() - old + new;
        if end <= ARENA {
            self.used.set(end);
        }
        end <= ARENA
    }
}

// SAFETY: blocks of the arena do not overlap, because `used` only falls to the start of a block that is given
// back or to zero when none is out; every other block is the system's from birth to death.
unsafe impl GlobalAlloc for Arena {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        match self.take(layout) {
            Some(block) => block,
            // SAFETY: the caller's contract is passed on.
            None => unsafe { System.alloc(layout) },
        }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        match self.take(layout) {
            Some(block) => {
                // SAFETY: the block has that many bytes; the arena may have been used before.
                unsafe { ptr::write_bytes(block, 0, layout.size()) };
                block
            }
            // SAFETY: the caller's contract is passed on.
            None => unsafe { System.alloc_zeroed(layout) },
        }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if self.owns(block) {
            self.give_back(block, layout.size());
        } else {
            // SAFETY: not of the arena, so of the system's.
            unsafe { System.dealloc(block, layout) }
        }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new: usize) -> *mut u8 {
        if !self.owns(block) {
            // SAFETY: not of the arena, so of the system's.
            return unsafe { System.realloc(block, layout, new) };
        }
        if self.resize(block, layout.size(), new) || new <= layout.size() {
            return block;
        }
        // SAFETY: the caller promises that `new` is a valid size for this alignment; the copy stays inside both.
        unsafe {
            let moved = self.alloc(Layout::from_size_align_unchecked(new, layout.align()));
            if !moved.is_null() {
                ptr::copy_nonoverlapping(block, moved, layout.size().min(new));
                self.dealloc(block, layout);
            }
            moved
        }
    }
}
