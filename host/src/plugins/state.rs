//! What a store holds during one evaluation, and the one place where a store is made.

use std::sync::Arc;

use wasmtime::component::{HasData, ResourceTable};
use wasmtime::{ResourceLimiter, Store};

use super::calls::HostCalls;
use super::cpu::{self, Budget, CpuMeter};
use super::engine::Engine;
use super::input::Input;
use super::limits::Limits;
use super::sink::Sink;
use super::sources::Sources;
use super::wasi::Wasi;

/// The data of one store.
pub(super) struct State {
    pub(super) table: ResourceTable,
    pub(super) wasi: Wasi,
    pub(super) calls: HostCalls,
    pub(super) memory: MemoryLimiter,
}

impl HasData for State {
    type Data<'a> = &'a mut Self;
}

/// Put into a store's error when its guest asked for more memory or larger tables than it may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum MemoryDenied {
    #[error("{wanted} bytes of memory were asked for, {allowed} are allowed")]
    Memory { wanted: u64, allowed: u64 },
    #[error("a table of {wanted} elements was asked for, {allowed} are allowed")]
    Table { wanted: u64, allowed: u64 },
}

/// Counts the memory of all instances together and ends the guest at the first byte too many: a guest that is
/// only told so aborts in a way of its own, which cannot be told from other traps.
#[derive(Debug)]
pub(super) struct MemoryLimiter {
    used: u64,
    limits: Arc<Limits>,
}

impl ResourceLimiter for MemoryLimiter {
    fn memory_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        let wanted = self.used.saturating_add((desired.saturating_sub(current)) as u64);
        let allowed = self.limits.memory_bytes;
        if wanted > allowed {
            return Err(wasmtime::Error::new(MemoryDenied::Memory { wanted, allowed }));
        }
        self.used = wanted;
        Ok(true)
    }

    fn table_growing(&mut self, _: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        let (wanted, allowed) = (desired as u64, u64::from(self.limits.table_elements));
        if wanted > allowed {
            return Err(wasmtime::Error::new(MemoryDenied::Table { wanted, allowed }));
        }
        Ok(true)
    }

    fn instances(&self) -> usize {
        self.limits.instances as usize
    }

    fn tables(&self) -> usize {
        self.limits.tables as usize
    }

    fn memories(&self) -> usize {
        self.limits.instances as usize
    }
}

/// Where a store is made for one evaluation: every limit is set here and nowhere else.
pub(super) struct Birth {
    pub(super) limits: Arc<Limits>,
    pub(super) input: Input,
    pub(super) sources: Arc<dyn Sources>,
    pub(super) meter: Arc<CpuMeter>,
}

impl Birth {
    /// A store with its guest's limits, not yet with a guest.
    pub(super) fn store(self, engine: &Engine) -> Store<State> {
        let Self { limits, input, sources, meter } = self;
        let mut table = ResourceTable::new();
        table.set_max_capacity(limits.resources as usize);
        let state = State {
            table,
            wasi: Wasi::new(input.now(), Sink::new(limits.stdio_bytes), Sink::new(limits.stdio_bytes)),
            memory: MemoryLimiter { used: 0, limits: Arc::clone(&limits) },
            calls: HostCalls::new(input, sources, Arc::clone(&limits)),
        };
        let mut store = Store::new(engine.wasmtime(), state);
        store.limiter(|state| &mut state.memory);
        store.set_hostcall_fuel(usize::try_from(limits.host_call_bytes).unwrap_or(usize::MAX));
        let budget = Budget { cpu: limits.cpu_time(), tick: engine.config().tick };
        cpu::set_budget(&mut store, meter, budget);
        store
    }
}
