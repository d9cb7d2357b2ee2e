//! The same code, compiled for several instruction sets; all variants compute the same numbers.

/// Work whose inner loops profit from wide registers. `run` and what it calls must be `#[inline(always)]`, so
/// that they are compiled anew for every instruction set.
pub(crate) trait Work {
    /// What comes out.
    type Output;
    /// Does it.
    fn run(self) -> Self::Output;
}

/// An instruction set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Machine {
    /// What the target always has.
    Plain,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

impl Machine {
    /// Those at hand, best last.
    pub(crate) fn available() -> Vec<Self> {
        #[allow(unused_mut)]
        let mut available = vec![Self::Plain];
        #[cfg(target_arch = "x86_64")]
        {
            let avx2 = is_x86_feature_detected!("avx2")
                && is_x86_feature_detected!("bmi1")
                && is_x86_feature_detected!("bmi2")
                && is_x86_feature_detected!("lzcnt")
                && is_x86_feature_detected!("popcnt");
            let avx512 = avx2
                && is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512vl")
                && is_x86_feature_detected!("avx512dq")
                && is_x86_feature_detected!("avx512bw");
            if avx2 {
                available.push(Self::Avx2);
            }
            if avx512 {
                available.push(Self::Avx512);
            }
        }
        available
    }

    /// Does the work with these instructions, which must be available.
    pub(crate) fn run<W: Work>(self, work: W) -> W::Output {
        #[cfg(target_arch = "x86_64")]
        #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
        fn avx2<W: Work>(work: W) -> W::Output {
            work.run()
        }
        #[cfg(target_arch = "x86_64")]
        #[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw,avx2,bmi1,bmi2,lzcnt,popcnt")]
        fn avx512<W: Work>(work: W) -> W::Output {
            work.run()
        }
        match self {
            Self::Plain => work.run(),
            #[cfg(target_arch = "x86_64")]
            // SAFETY: only `available` hands this variant out, if the machine has all that `avx2` enables.
            #[allow(unsafe_code)]
            Self::Avx2 => unsafe { avx2(work) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: only `available` hands this variant out, if the machine has all that `avx512` enables.
            #[allow(unsafe_code)]
            Self::Avx512 => unsafe { avx512(work) },
        }
    }

    /// The best instructions at hand.
    pub(crate) fn best() -> Self {
        *Self::available().last().expect("the plain variant is always available")
    }
}
