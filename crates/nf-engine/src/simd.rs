//! The instruction set, chosen at run time.

use pulp::WithSimd;

/// The widest vector instructions that this processor has, of those that the loops are compiled
/// for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum InstructionSet {
    /// What every processor of the target has.
    Base,
    /// AVX2.
    #[cfg(target_arch = "x86_64")]
    Avx2(pulp::x86::V3),
}

impl InstructionSet {
    pub(crate) fn detect() -> Self {
        #[cfg(any(test, feature = "testing"))]
        if SCALAR_ONLY.get() {
            return Self::Base;
        }
        #[cfg(target_arch = "x86_64")]
        if let Some(avx2) = pulp::x86::V3::try_new() {
            return Self::Avx2(avx2);
        }
        Self::Base
    }

    /// Runs a loop.
    #[inline]
    pub(crate) fn run<W: WithSimd>(self, work: W) -> W::Output {
        use pulp::Simd;
        match self {
            Self::Base => pulp::Scalar.vectorize(work),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(avx2) => Simd::vectorize(avx2, work),
        }
    }
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
