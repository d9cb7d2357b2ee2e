//! The same code, compiled for several instruction sets and chosen at run time.
//!
//! A kernel is a function whose inner loops profit from wide registers. It is compiled once for
//! every instruction set, and all of them compute the same bits: Rust neither reorders nor fuses
//! floating-point operations. Kernels should be few and coarse, because each is compiled three
//! times.
//!
//! ```
//! nf_simd::kernel! {
//!     fn sum<'a>(numbers: &'a [i32]) -> i32 {
//!         numbers.iter().sum()
//!     }
//! }
//! for isa in nf_simd::InstructionSet::available() {
//!     assert_eq!(sum(isa, &[1, 2, 3]), 6);
//! }
//! ```
#![forbid(unsafe_code)]

#[doc(hidden)]
pub use pulp::NullaryFnOnce;

/// An instruction set that the machine has.
#[derive(Clone, Copy, Debug)]
pub enum InstructionSet {
    /// What every processor of the target has.
    Baseline,
    /// AVX2, and what comes with it.
    #[cfg(target_arch = "x86_64")]
    Avx2(pulp::x86::V3),
    /// AVX-512 (F, BW, CD, DQ, VL).
    #[cfg(target_arch = "x86_64")]
    Avx512(pulp::x86::V4),
}

impl InstructionSet {
    /// Those of this machine, widest registers last.
    pub fn available() -> impl Iterator<Item = Self> {
        #[cfg(target_arch = "x86_64")]
        let wide = [pulp::x86::V3::try_new().map(Self::Avx2), pulp::x86::V4::try_new().map(Self::Avx512)];
        #[cfg(not(target_arch = "x86_64"))]
        let wide: [Option<Self>; 0] = [];
        std::iter::once(Self::Baseline).chain(wide.into_iter().flatten())
    }

    /// The one with the widest registers.
    pub fn best() -> Self {
        Self::available().last().unwrap_or(Self::Baseline)
    }

    /// Width of its registers.
    pub fn register_bits(self) -> usize {
        match self {
            Self::Baseline => 128,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(_) => 256,
            #[cfg(target_arch = "x86_64")]
            Self::Avx512(_) => 512,
        }
    }

    /// Runs a kernel as [`kernel!`] makes it.
    #[inline(always)]
    pub fn run<K: NullaryFnOnce>(self, kernel: K) -> K::Output {
        match self {
            Self::Baseline => kernel.call(),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(avx2) => avx2.vectorize(kernel),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512(avx512) => avx512.vectorize(kernel),
        }
    }
}

/// Defines functions that are compiled for every [`InstructionSet`]: the first argument of the
/// function defined is the one to use, the others are those listed. What the body calls must be
/// `#[inline(always)]` to be compiled for the same instructions, or a kernel itself.
#[macro_export]
macro_rules! kernel {
    ($(
        $(#[$attribute:meta])*
        $visibility:vis fn $name:ident<$($lifetime:lifetime),+ $(, const $constant:ident: usize)*>(
            $($argument:ident: $type:ty),* $(,)?
        ) -> $output:ty $body:block
    )*) => {$(
        $(#[$attribute])*
        #[allow(clippy::too_many_arguments, reason = "the kernel's own and the instruction set")]
        $visibility fn $name<$($lifetime),+ $(, const $constant: usize)*>(
            isa: $crate::InstructionSet,
            $($argument: $type),*
        ) -> $output {
            struct Kernel<$($lifetime),+ $(, const $constant: usize)*> {
                $($argument: $type,)*
            }
            impl<$($lifetime),+ $(, const $constant: usize)*> $crate::NullaryFnOnce
                for Kernel<$($lifetime),+ $(, $constant)*>
            {
                type Output = $output;

                #[inline(always)]
                fn call(self) -> $output {
                    let Self { $($argument),* } = self;
                    $body
                }
            }
            isa.run(Kernel::<$($lifetime),+ $(, $constant)*> { $($argument),* })
        }
    )*};
}
