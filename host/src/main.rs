//! The binary: everything is in the library.

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// What has not been used for a second goes back to the system: compiling plugins takes more memory than all that
/// follows.
#[expect(unsafe_code, reason = "jemalloc reads its options under this name, which nothing else has")]
#[unsafe(export_name = "_rjem_malloc_conf")]
pub static ALLOCATOR_OPTIONS: &[u8; 60] = b"background_thread:true,dirty_decay_ms:1000,muzzy_decay_ms:0\0";

fn main() -> std::process::ExitCode {
    countersign::cli::main()
}
