//! Vector widths chosen at run time.

use pulp::WithSimd;

/// The widest vectors that this processor has, of those that the loops are compiled for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Width {
    /// What every processor of the target has.
    Base,
    /// AVX2.
    #[cfg(target_arch = "x86_64")]
    Avx2(pulp::x86::V3),
}

impl Width {
    pub(crate) fn of_this_machine() -> Self {
        #[cfg(test)]
        if PLAIN.get() {
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

#[cfg(test)]
thread_local! {
    static PLAIN: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
}

/// Runs a test's work on this thread as on a processor without wide vectors.
#[cfg(test)]
pub(crate) fn plainly<T>(work: impl FnOnce() -> T) -> T {
    PLAIN.set(true);
    let result = work();
    PLAIN.set(false);
    result
}
