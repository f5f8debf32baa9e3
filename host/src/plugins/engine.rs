//! One engine per process: how guests are compiled, where their memory comes from, and the threads that they run on.
//!
//! Guests run on a runtime of their own, but for their first turn: see [`super::turns`].

use std::future::Future;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use countersign_core::digest::Digest;
use tokio::runtime::{Handle, Runtime};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::task::AbortOnDropHandle;
use wasmtime::component::Component;
use wasmtime::{Config, Enabled, InstanceAllocationStrategy, PoolingAllocationConfig, WasmBacktraceDetails};

use super::cache::CodeCache;
use super::capabilities::Linkers;
use super::ticks::{Running, Ticks};

/// Memory that a place in the pool keeps between evaluations; resetting it costs less than mapping it again.
const KEEP_RESIDENT: usize = 2 << 20;

/// What nice(1) calls 19.
const LEAST: i32 = 19;

/// How the engine is set up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineConfig {
    /// Evaluations at once. Each reserves 8 GiB of address space, none of it resident.
    pub max_concurrent: u32,
    /// Threads that guests run on.
    pub threads: usize,
    /// How long an evaluation waits for a place before it fails.
    pub queue: Duration,
    /// How often the time is looked at while guests run. A guest has one to two ticks on its caller's thread.
    pub tick: Duration,
    /// The most memory that any plugin's limits may grant, in bytes; at most 4 GiB.
    pub memory_ceiling: u64,
    /// Its threads give way to everybody else's.
    pub in_background: bool,
}

impl Default for EngineConfig {
    fn default() -> Self {
        Self {
            max_concurrent: 32,
            threads: std::thread::available_parallelism().map_or(2, NonZeroUsize::get),
            queue: Duration::from_secs(5),
            tick: Duration::from_millis(1),
            memory_ceiling: 1 << 30,
            in_background: false,
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    #[error("the WebAssembly engine cannot be set up on this machine")]
    Wasmtime(#[source] wasmtime::Error),
    #[error("the threads for plugins cannot be started")]
    Threads(#[source] std::io::Error),
}

/// Compiles and runs guests. Cheap to clone.
#[derive(Clone)]
pub struct Engine {
    inner: Arc<Inner>,
}

struct Inner {
    config: EngineConfig,
    wasmtime: wasmtime::Engine,
    linkers: Linkers,
    runtime: Option<Runtime>,
    threads: Handle,
    ticks: Ticks,
    places: Arc<Semaphore>,
    compiling: Semaphore,
    cache: Option<CodeCache>,
    pooled: bool,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").field("config", &self.inner.config).finish_non_exhaustive()
    }
}

impl Engine {
    /// Sets the engine up and starts its threads. Compiled code is kept in `cache` where there is one.
    ///
    /// # Errors
    /// When this machine cannot run WebAssembly or start threads.
    pub fn new(config: EngineConfig, cache: Option<CodeCache>) -> Result<Self, EngineError> {
        let (wasmtime, pooled) = pooled_or_not(&config).map_err(EngineError::Wasmtime)?;
        let linkers = Linkers::new(&wasmtime).map_err(EngineError::Wasmtime)?;
        let in_background = config.in_background;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(config.threads.max(1))
            .thread_name("plugin")
            .on_thread_start(move || {
                if in_background {
                    give_way()
                }
            })
            .enable_time()
            .build()
            .map_err(EngineError::Threads)?;
        let epoch = wasmtime.clone();
        let ticks =
            Ticks::start(config.tick, move || epoch.increment_epoch()).map_err(EngineError::Threads)?;
        let places = Arc::new(Semaphore::new(config.max_concurrent.max(1) as usize));
        let compiling = Semaphore::new(1);
        let (threads, runtime) = (runtime.handle().clone(), Some(runtime));
        let inner =
            Inner { config, wasmtime, linkers, runtime, threads, ticks, places, compiling, cache, pooled };
        Ok(Self { inner: Arc::new(inner) })
    }

    #[must_use]
    pub fn config(&self) -> &EngineConfig {
        &self.inner.config
    }

    /// Whether memory comes from a pool; otherwise it is mapped anew for every evaluation, which is slower.
    #[must_use]
    pub fn is_pooled(&self) -> bool {
        self.inner.pooled
    }

    pub(super) fn wasmtime(&self) -> &wasmtime::Engine {
        &self.inner.wasmtime
    }

    pub(super) fn linkers(&self) -> &Linkers {
        &self.inner.linkers
    }

    pub(super) fn cache(&self) -> Option<&CodeCache> {
        self.inner.cache.as_ref()
    }

    /// A place in the pool; it must be held until the store is gone. `None` when none became free in time.
    pub(super) async fn place(&self) -> Option<OwnedSemaphorePermit> {
        if let Ok(place) = Arc::clone(&self.inner.places).try_acquire_owned() {
            return Some(place);
        }
        let waiting = Arc::clone(&self.inner.places).acquire_owned();
        tokio::time::timeout(self.inner.config.queue, waiting).await.ok()?.ok()
    }

    /// Runs a future on the plugins' threads; dropping the handle ends it.
    pub(super) fn spawn<F>(&self, future: F) -> Option<AbortOnDropHandle<F::Output>>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let runtime = self.inner.runtime.as_ref()?;
        Some(AbortOnDropHandle::new(runtime.spawn(future)))
    }

    /// The plugins' threads.
    pub(super) fn threads(&self) -> &Handle {
        &self.inner.threads
    }

    /// To be held while a guest runs: it cannot be stopped otherwise.
    pub(super) fn running(&self) -> Running<'_> {
        self.inner.ticks.running()
    }

    /// Looks for compiled code in the cache on a thread of its own, from now on: authenticating it takes as long as
    /// everything else that a load begins with.
    pub(super) fn look_up(&self, digest: Digest) -> Option<AbortOnDropHandle<Option<Component>>> {
        self.inner.cache.as_ref()?;
        let engine = self.clone();
        let look = move || engine.inner.cache.as_ref()?.load(&engine.inner.wasmtime, digest);
        Some(AbortOnDropHandle::new(self.inner.runtime.as_ref()?.spawn_blocking(look)))
    }

    /// Runs a compilation, one at a time, on a thread where blocking is allowed.
    pub(super) async fn compile<T, F>(&self, work: F) -> Option<T>
    where
        F: FnOnce(&wasmtime::Engine) -> T + Send + 'static,
        T: Send + 'static,
    {
        let _slot = self.inner.compiling.acquire().await.ok()?;
        let engine = self.inner.wasmtime.clone();
        self.inner.runtime.as_ref()?.spawn_blocking(move || work(&engine)).await.ok()
    }
}

/// Lets the calling thread run only where nobody else wants to. On Linux a priority is a thread's own.
pub fn give_way() {
    if let Err(error) = rustix::process::setpriority_process(None, LEAST) {
        tracing::debug!(%error, "this thread keeps its priority");
    }
}

impl Drop for Inner {
    /// A runtime must not be dropped where waiting is not allowed.
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// The engine with a pool, or without one where the address space for it cannot be had.
fn pooled_or_not(config: &EngineConfig) -> wasmtime::Result<(wasmtime::Engine, bool)> {
    let mut pooled = wasm_config();
    pooled.allocation_strategy(InstanceAllocationStrategy::Pooling(pool(config)));
    match wasmtime::Engine::new(&pooled) {
        Ok(engine) => Ok((engine, true)),
        Err(error) => {
            tracing::warn!(
                error = format!("{error:#}"),
                "memory for plugins cannot be reserved ahead: every evaluation will map its own. Raise `ulimit -v`, \
                 or lower `max-concurrent`"
            );
            Ok((wasmtime::Engine::new(&wasm_config())?, false))
        }
    }
}

/// What guests may use of WebAssembly: nothing that could make two machines disagree.
fn wasm_config() -> Config {
    let mut config = Config::new();
    config.epoch_interruption(true);
    config.cranelift_nan_canonicalization(true);
    config.wasm_relaxed_simd(false).wasm_memory64(false).wasm_multi_memory(false);
    config.max_wasm_stack(512 << 10).async_stack_size(1 << 20);
    config.wasm_backtrace_max_frames(NonZeroUsize::new(8));
    config.wasm_backtrace_details(WasmBacktraceDetails::Disable);
    // For debuggers and for offsets in backtraces, which nobody reads here; a sixth of what a start has to read.
    config.native_unwind_info(false).generate_address_map(false);
    config
}

/// Everything follows from how many evaluations run at once. A Python guest has about 40 core instances.
fn pool(config: &EngineConfig) -> PoolingAllocationConfig {
    let n = config.max_concurrent.max(1);
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(n).total_stacks(n);
    pool.total_core_instances(n * 48).total_memories(n * 2).total_tables(n * 8);
    pool.max_core_instances_per_component(64).max_memories_per_component(4).max_tables_per_component(64);
    pool.max_tables_per_module(4).table_elements(20_000);
    pool.max_memory_size(usize::try_from(config.memory_ceiling).unwrap_or(usize::MAX));
    pool.linear_memory_keep_resident(KEEP_RESIDENT).table_keep_resident(64 << 10);
    pool.async_stack_keep_resident(0).max_unused_warm_slots(16);
    pool.pagemap_scan(Enabled::Auto);
    pool
}

/// A name for everything that compiled code depends on besides the component: wasmtime, its settings, this CPU.
pub(super) fn compatibility(engine: &wasmtime::Engine) -> u64 {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    engine.precompile_compatibility_hash().hash(&mut hasher);
    hasher.finish()
}
