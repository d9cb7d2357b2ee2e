//! Peak memory of a piece of work, C libraries included.
//!
//! On Linux the kernel keeps the highest resident size of a process (`VmHWM`) and forgets it on
//! request (`5` written to `/proc/self/clear_refs`), so a difference of two readings covers every
//! allocator in the process. Before the first reading freed memory is handed back to the system,
//! because work that re-used it would look free. Elsewhere, or where `/proc` refuses, there is no
//! number rather than a guess.

use std::fs;

/// Watches the resident size from its making on.
pub(crate) struct PeakMeter {
    before_bytes: u64,
}

impl PeakMeter {
    /// Starts watching; `None` where the system does not offer it.
    pub(crate) fn start() -> Option<Self> {
        release_freed_memory();
        fs::write("/proc/self/clear_refs", "5").ok()?;
        Some(Self { before_bytes: status_bytes("VmRSS:")? })
    }

    /// How far the resident size has risen above the start at its highest.
    pub(crate) fn rise_bytes(&self) -> Option<u64> {
        Some(status_bytes("VmHWM:")?.saturating_sub(self.before_bytes))
    }
}

/// One of the sizes in `/proc/self/status`, which are in units of 1024 bytes.
fn status_bytes(key: &str) -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(key))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kibibytes.checked_mul(1024)
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[allow(unsafe_code, reason = "the C library's own request has no safe wrapper")]
fn release_freed_memory() {
    // SAFETY: the signature is that of malloc.h: int malloc_trim(size_t pad).
    unsafe extern "C" {
        /// Returns freed memory to the system; callable at any time from any thread.
        safe fn malloc_trim(pad: usize) -> i32;
    }
    malloc_trim(0);
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn release_freed_memory() {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_touched_allocation_is_seen_and_a_later_one_does_not_include_it() {
        const MIB: u64 = 1 << 20;
        let rise = |bytes: u64| {
            let meter = PeakMeter::start()?;
            let block = vec![1u8; bytes as usize];
            std::hint::black_box(&block);
            drop(block);
            meter.rise_bytes()
        };
        let Some(large) = rise(64 * MIB) else {
            println!("SKIP: this system does not tell the peak resident size");
            return;
        };
        // Resident sizes are kept per thread in batches, hence the slack; the other tests of this
        // binary allocate a few megabytes at most.
        assert!((56 * MIB..112 * MIB).contains(&large), "{large}");
        let small = rise(MIB).expect("it was readable before");
        assert!(small < 48 * MIB, "{small}");
    }
}
