//! The same code, compiled for several instruction sets and chosen at run time.
//!
//! A kernel is a function whose inner loops profit from wide registers. It is compiled once for
//! every instruction set; integers are integers, so all of them compute the same numbers.

/// An instruction set that the machine has.
#[derive(Clone, Copy, Debug)]
pub enum InstructionSet {
    /// What every processor of the target has.
    Baseline,
    /// AVX2, and what comes with it.
    #[cfg(target_arch = "x86_64")]
    Avx2(pulp::x86::V3),
    /// AVX-512 (F, BW, CD, DQ, VL).
    #[cfg(all(target_arch = "x86_64", feature = "avx512"))]
    Avx512(pulp::x86::V4),
}

impl InstructionSet {
    /// Those of this machine, widest registers last.
    pub fn available() -> impl Iterator<Item = Self> {
        #[cfg(target_arch = "x86_64")]
        let avx2 = pulp::x86::V3::try_new().map(Self::Avx2);
        #[cfg(all(target_arch = "x86_64", feature = "avx512"))]
        let avx512 = pulp::x86::V4::try_new().map(Self::Avx512);
        #[cfg(not(target_arch = "x86_64"))]
        let avx2: Option<Self> = None;
        #[cfg(not(all(target_arch = "x86_64", feature = "avx512")))]
        let avx512: Option<Self> = None;
        std::iter::once(Self::Baseline).chain(avx2).chain(avx512)
    }

    /// The one with the widest registers.
    pub fn best() -> Self {
        Self::available().last().unwrap_or(Self::Baseline)
    }

    /// Runs a kernel as [`integer_kernel`](crate::integer_kernel) makes it.
    #[inline(always)]
    pub fn run<K: pulp::NullaryFnOnce>(self, kernel: K) -> K::Output {
        match self {
            Self::Baseline => kernel.call(),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(avx2) => avx2.vectorize(kernel),
            #[cfg(all(target_arch = "x86_64", feature = "avx512"))]
            Self::Avx512(avx512) => avx512.vectorize(kernel),
        }
    }
}

/// Defines functions that are compiled for every [`InstructionSet`](crate::InstructionSet): the
/// first argument of the function defined is the one to use, the others are those listed. What the
/// body calls must be `#[inline(always)]` to be compiled for the same instructions.
#[macro_export]
macro_rules! integer_kernel {
    ($(
        $(#[$attribute:meta])*
        $visibility:vis fn $name:ident<$($lifetime:lifetime),+>(
            $($argument:ident: $type:ty),* $(,)?
        ) -> $output:ty $body:block
    )*) => {$(
        $(#[$attribute])*
        #[allow(clippy::too_many_arguments, reason = "the kernel's own and the instruction set")]
        $visibility fn $name<$($lifetime),+>(
            isa: $crate::InstructionSet,
            $($argument: $type),*
        ) -> $output {
            struct Kernel<$($lifetime),+> {
                $($argument: $type,)*
            }
            impl<$($lifetime),+> $crate::NullaryFnOnce for Kernel<$($lifetime),+> {
                type Output = $output;

                #[inline(always)]
                fn call(self) -> $output {
                    let Self { $($argument),* } = self;
                    $body
                }
            }
            isa.run(Kernel { $($argument),* })
        }
    )*};
}
