//! Why an evaluation gave no result, told by the types of errors.
//!
//! The one exception is the exhaustion of host-call fuel, whose type wasmtime keeps to itself: it is told by its
//! text, as the last resort, after everything that has a type. Messages carry no measured time and no address, so
//! that a replay of a failure gives the same bytes.

use countersign_core::check::{Failure, FailureClass};
use wasmtime::component::ResourceTableError;
use wasmtime::{PoolConcurrencyLimitError, Trap, WasmBacktrace, WasmtimeBug};
use wasmtime_wasi::I32Exit;

use super::calls::HostCallsUsed;
use super::cpu::CpuBudgetUsed;
use super::limits::Limits;
use super::log::{Level, LogLine, truncate};
use super::state::MemoryDenied;
use super::wasi::TooMuchRandomness;

const HOST_CALL_FUEL: &str = "fuel allocated for hostcalls has been exhausted";

/// Frames of one function in a row that look like runaway recursion; the engine keeps eight frames.
const SAME_FRAMES: usize = 6;

/// Bytes of a guest's own words in a message.
const QUOTED: usize = 1 << 10;

/// What was seen of the guest besides the error.
pub(super) struct Seen<'a> {
    pub(super) limits: &'a Limits,
    pub(super) stderr: &'a str,
    pub(super) logs: &'a [LogLine],
}

pub(super) fn failure(class: FailureClass, message: impl Into<String>) -> Failure {
    Failure { class, message: message.into() }
}

/// The failure that an error of a store stands for.
pub(super) fn classify(error: &wasmtime::Error, seen: &Seen<'_>) -> Failure {
    by_budget(error, seen)
        .or_else(|| by_host(error))
        .or_else(|| by_trap(error, seen))
        .unwrap_or_else(|| by_elimination(error, seen))
}

fn by_budget(error: &wasmtime::Error, seen: &Seen<'_>) -> Option<Failure> {
    let limits = seen.limits;
    if error.downcast_ref::<CpuBudgetUsed>().is_some() {
        let text = format!("the plugin computed for longer than `cpu` allows ({}); {RAISE}", limits.cpu);
        return Some(failure(FailureClass::CpuBudget, text));
    }
    if let Some(denied) = error.downcast_ref::<MemoryDenied>() {
        return Some(failure(
            FailureClass::Memory,
            format!("the plugin ran out of memory: {denied}; {RAISE}"),
        ));
    }
    if let Some(used) = error.downcast_ref::<HostCallsUsed>() {
        return Some(failure(FailureClass::HostCallBudget, format!("{used}; {RAISE}")));
    }
    if let Some(asked) = error.downcast_ref::<TooMuchRandomness>() {
        return Some(failure(FailureClass::HostCallBudget, asked.to_string()));
    }
    let table = error.downcast_ref::<ResourceTableError>();
    if matches!(table, Some(ResourceTableError::Full)) {
        let text = format!("the plugin held more than `resources` handles ({}); {RAISE}", limits.resources);
        return Some(failure(FailureClass::HostCallBudget, text));
    }
    None
}

const RAISE: &str = "raise the limit under `[plugin.limits]` if that is what it needs";

fn by_host(error: &wasmtime::Error) -> Option<Failure> {
    if error.downcast_ref::<PoolConcurrencyLimitError>().is_some() {
        return Some(pool_exhausted());
    }
    error.downcast_ref::<WasmtimeBug>().map(|_| host_bug("the WebAssembly engine found a bug in itself"))
}

pub(super) fn pool_exhausted() -> Failure {
    failure(
        FailureClass::PoolExhausted,
        "all places for plugins were taken: try again, or raise `max-concurrent`",
    )
}

pub(super) fn host_bug(what: &str) -> Failure {
    failure(FailureClass::HostBug, format!("{what}: this is not the plugin's fault, please report it"))
}

pub(super) fn wall_budget(limits: &Limits) -> Failure {
    let text = format!("the evaluation took longer than `wall` allows ({}); {RAISE}", limits.wall);
    failure(FailureClass::WallBudget, text)
}

fn by_trap(error: &wasmtime::Error, seen: &Seen<'_>) -> Option<Failure> {
    if error.downcast_ref::<I32Exit>().is_some() {
        return Some(failure(FailureClass::Trapped, "the plugin ended itself instead of giving a result"));
    }
    let trap = error.downcast_ref::<Trap>()?;
    Some(match trap {
        Trap::StackOverflow => failure(FailureClass::StackOverflow, "the plugin recursed too deeply"),
        Trap::UnreachableCodeReached => match panic_text(seen) {
            Some(text) => failure(FailureClass::Panicked, format!("the plugin panicked: {text}")),
            None => failure(FailureClass::Trapped, format!("the plugin trapped: {trap}")),
        },
        // The shadow stack of Rust guests runs below address 0.
        Trap::MemoryOutOfBounds if repeats(error) => failure(
            FailureClass::Trapped,
            format!("the plugin trapped: {trap} (it probably recursed too deeply)"),
        ),
        trap => failure(FailureClass::Trapped, format!("the plugin trapped: {trap}")),
    })
}

/// A panic is a trap like others; what tells it apart is what the guest wrote before. Guests without WASI write to
/// the host's log instead.
fn panic_text(seen: &Seen<'_>) -> Option<String> {
    let marker = "panicked at ";
    let logged = seen.logs.iter().filter(|line| line.level == Level::Error).map(|line| line.message.as_str());
    let text = std::iter::once(seen.stderr).chain(logged).find_map(|text| text.split_once(marker))?.1;
    let mut text = text.lines().map(str::trim).collect::<Vec<_>>().join(" ").trim().to_owned();
    if let Some(note) = text.find("note: run with `RUST_BACKTRACE") {
        text.truncate(note);
    }
    truncate(&mut text, QUOTED);
    Some(text.trim().to_owned())
}

fn repeats(error: &wasmtime::Error) -> bool {
    let Some(backtrace) = error.downcast_ref::<WasmBacktrace>() else { return false };
    let functions: Vec<u32> = backtrace.frames().iter().map(|frame| frame.func_index()).collect();
    functions.windows(SAME_FRAMES).any(|run| run.iter().all(|f| Some(f) == run.first()))
}

fn by_elimination(error: &wasmtime::Error, seen: &Seen<'_>) -> Failure {
    if error.chain().any(|cause| cause.to_string().contains(HOST_CALL_FUEL)) {
        let bytes = seen.limits.host_call_bytes;
        let text =
            format!("the plugin gave or asked for more than `host-call-bytes` ({bytes}) at once; {RAISE}");
        return failure(FailureClass::HostCallBudget, text);
    }
    let mut cause = error.root_cause().to_string();
    truncate(&mut cause, QUOTED);
    failure(FailureClass::InvalidResult, format!("the plugin gave something that is not a result: {cause}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(error: wasmtime::Error, stderr: &str, expect: FailureClass) {
        let seen = Seen { limits: &Limits::default(), stderr, logs: &[] };
        assert_eq!(classify(&error, &seen).class, expect, "{error:?}");
    }

    #[test]
    fn errors_are_told_by_their_types() {
        let panic = "thread '<unnamed>' (1) panicked at src/lib.rs:16:18:\nboom";
        check(Trap::UnreachableCodeReached.into(), panic, FailureClass::Panicked);
        check(Trap::UnreachableCodeReached.into(), "", FailureClass::Trapped);
        check(Trap::StackOverflow.into(), "", FailureClass::StackOverflow);
        check(Trap::MemoryOutOfBounds.into(), "", FailureClass::Trapped);
        check(wasmtime::Error::new(CpuBudgetUsed), "", FailureClass::CpuBudget);
        let denied = MemoryDenied::Memory { wanted: 2, allowed: 1 };
        check(wasmtime::Error::new(denied), panic, FailureClass::Memory);
        check(wasmtime::Error::new(I32Exit(1)), "", FailureClass::Trapped);
        check(wasmtime::Error::new(ResourceTableError::Full), "", FailureClass::HostCallBudget);
        check(wasmtime::Error::msg(HOST_CALL_FUEL), "", FailureClass::HostCallBudget);
        check(wasmtime::Error::msg("invalid utf-8 sequence"), "", FailureClass::InvalidResult);
    }

    #[test]
    fn a_panic_is_quoted_without_its_advice() {
        let stderr =
            "thread '<unnamed>' (1) panicked at src/lib.rs:1:2:\nboom\nnote: run with `RUST_BACKTRACE=1` …";
        let seen = Seen { limits: &Limits::default(), stderr, logs: &[] };
        let failure = classify(&Trap::UnreachableCodeReached.into(), &seen);
        assert_eq!(failure.message, "the plugin panicked: src/lib.rs:1:2: boom");
    }
}
