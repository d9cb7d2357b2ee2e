//! The instruction set of the loops, chosen at run time.

use nf_simd::InstructionSet;

/// The one with the widest registers.
pub(crate) fn instruction_set() -> InstructionSet {
    #[cfg(any(test, feature = "testing"))]
    if SCALAR_ONLY.get() {
        return InstructionSet::Baseline;
    }
    InstructionSet::best()
}

#[cfg(any(test, feature = "testing"))]
thread_local! {
    static SCALAR_ONLY: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
}

/// Runs a test's work on this thread as on a processor without wide vectors.
#[cfg(any(test, feature = "testing"))]
pub fn scalar_only<T>(work: impl FnOnce() -> T) -> T {
    SCALAR_ONLY.set(true);
    let result = work();
    SCALAR_ONLY.set(false);
    result
}
