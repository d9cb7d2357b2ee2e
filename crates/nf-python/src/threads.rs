//! Threads that code and decode: pools of our own, one for each number of threads.
//!
//! Rayon's global pool is not used. A forked child, such as a worker of a data loader, has none of
//! its parent's threads and would wait for them for ever, so that every process makes its own.

use crate::error::{Failure, Kind, Result};
use pyo3::Python;
use rayon::{ThreadPool, ThreadPoolBuilder};
use std::collections::BTreeMap;
use std::mem;
use std::sync::{Arc, Mutex, PoisonError};

/// Of this process, by number of threads; 0 stands for as many as there are processors.
struct Pools {
    process: u32,
    by_threads: BTreeMap<usize, Arc<ThreadPool>>,
}

/// Locked only by threads that hold the interpreter's lock for the whole time. So does a thread
/// that forks, and no child inherits it locked.
static POOLS: Mutex<Pools> = Mutex::new(Pools { process: 0, by_threads: BTreeMap::new() });

/// Most threads of a pool: more is a mistake.
const MOST_THREADS: usize = 1024;

/// A number of threads as rayon counts: 0 stands for as many as there are processors.
fn checked(threads: Option<usize>) -> Result<usize> {
    match threads {
        None => Ok(0),
        Some(n @ 1..=MOST_THREADS) => Ok(n),
        Some(n) => {
            let message = format!("threads is {n}, expected 1 to {MOST_THREADS}, or None for all processors");
            Err(Failure::new(Kind::Request, message))
        }
    }
}

fn built(threads: usize) -> Result<ThreadPool> {
    ThreadPoolBuilder::new()
        .num_threads(threads)
        .thread_name(|n| format!("noisefloor-{n}"))
        .build()
        .map_err(|error| Failure::new(Kind::Backend, format!("no threads could be started: {error}")))
}

fn pool(threads: Option<usize>) -> Result<Arc<ThreadPool>> {
    let wanted = checked(threads)?;
    let mut pools = POOLS.lock().unwrap_or_else(PoisonError::into_inner);
    if pools.process != std::process::id() {
        // The threads of a parent's pools are not here; to drop such a pool would wait for them.
        mem::forget(mem::take(&mut pools.by_threads));
        pools.process = std::process::id();
    }
    if let Some(pool) = pools.by_threads.get(&wanted) {
        return Ok(Arc::clone(pool));
    }
    let built = Arc::new(built(wanted)?);
    pools.by_threads.insert(wanted, Arc::clone(&built));
    Ok(built)
}

/// Runs `work` without the interpreter's lock on threads of its own, which end with it: calls side
/// by side do not wait for each other.
pub(crate) fn run_alone<T: Send>(
    py: Python<'_>,
    threads: usize,
    work: impl FnOnce() -> Result<T> + Send,
) -> Result<T> {
    let pool = built(checked(Some(threads))?)?;
    py.detach(|| pool.install(work))
}

/// Runs `work` without the interpreter's lock on `threads` threads (`None`: one for every
/// processor, or as `RAYON_NUM_THREADS` says).
pub(crate) fn run<T: Send>(
    py: Python<'_>,
    threads: Option<usize>,
    work: impl FnOnce() -> Result<T> + Send,
) -> Result<T> {
    let pool = pool(threads)?;
    py.detach(|| pool.install(work))
}
