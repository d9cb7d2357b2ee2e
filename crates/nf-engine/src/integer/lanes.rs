//! Registers of numbers of 32 bits: the same operations in plain code, with AVX2 and with AVX-512.

use super::MAX_ACTIVATION;

/// A register and what is done with it.
pub(super) trait Lanes: Copy {
    type Register: Copy;
    /// Numbers in a register.
    const WIDTH: usize;
    fn load(self, from: &[i32]) -> Self::Register;
    fn store(self, register: Self::Register, to: &mut [i32]);
    fn splat(self, value: i32) -> Self::Register;
    fn add(self, a: Self::Register, b: Self::Register) -> Self::Register;
    /// The sum of the products of both halves.
    fn multiply_add(self, a: Self::Register, b: Self::Register) -> Self::Register;
    /// `clamp(a >> shift, 0, 127)`.
    fn activate(self, a: Self::Register, shift: u32) -> Self::Register;
    /// `low | high << 16`.
    fn join(self, low: Self::Register, high: Self::Register) -> Self::Register;
    /// `a << shift`.
    fn shift_left(self, a: Self::Register, shift: u32) -> Self::Register;
}

/// Plain code.
#[derive(Clone, Copy)]
pub(super) struct Plain;

const PLAIN_WIDTH: usize = 8;

impl Lanes for Plain {
    type Register = [i32; PLAIN_WIDTH];
    const WIDTH: usize = PLAIN_WIDTH;

    #[inline(always)]
    fn load(self, from: &[i32]) -> Self::Register {
        *from.first_chunk().expect("a group of pixels is whole")
    }

    #[inline(always)]
    fn store(self, register: Self::Register, to: &mut [i32]) {
        *to.first_chunk_mut().expect("a group of pixels is whole") = register;
    }

    #[inline(always)]
    fn splat(self, value: i32) -> Self::Register {
        [value; PLAIN_WIDTH]
    }

    #[inline(always)]
    fn add(self, a: Self::Register, b: Self::Register) -> Self::Register {
        std::array::from_fn(|i| a[i] + b[i])
    }

    #[inline(always)]
    fn multiply_add(self, a: Self::Register, b: Self::Register) -> Self::Register {
        let low = |word: i32| i32::from(word as i16);
        std::array::from_fn(|i| low(a[i]) * low(b[i]) + (a[i] >> 16) * (b[i] >> 16))
    }

    #[inline(always)]
    fn activate(self, a: Self::Register, shift: u32) -> Self::Register {
        a.map(|sum| (sum >> shift).clamp(0, MAX_ACTIVATION))
    }

    #[inline(always)]
    fn join(self, low: Self::Register, high: Self::Register) -> Self::Register {
        std::array::from_fn(|i| low[i] | high[i] << 16)
    }

    #[inline(always)]
    fn shift_left(self, a: Self::Register, shift: u32) -> Self::Register {
        a.map(|sum| sum << shift)
    }
}

/// [`Lanes`] of an instruction set, by its own names of the operations.
#[cfg(target_arch = "x86_64")]
macro_rules! lanes {
    (
        $isa:ty, $register:ty, $width:literal,
        splat: $splat:ident.$set1:ident, $base:ident: $add:ident $srav:ident $sllv:ident $slli:ident $max:ident
        $min:ident $or:ident, multiply_add: $wide:ident.$madd:ident
    ) => {
        impl Lanes for $isa {
            type Register = $register;
            const WIDTH: usize = $width;

            #[inline(always)]
            fn load(self, from: &[i32]) -> $register {
                pulp::cast(*from.first_chunk::<$width>().expect("a group of pixels is whole"))
            }

            #[inline(always)]
            fn store(self, register: $register, to: &mut [i32]) {
                *to.first_chunk_mut::<$width>().expect("a group of pixels is whole") = pulp::cast(register);
            }

            #[inline(always)]
            fn splat(self, value: i32) -> $register {
                self.$splat.$set1(value)
            }

            #[inline(always)]
            fn add(self, a: $register, b: $register) -> $register {
                self.$base.$add(a, b)
            }

            #[inline(always)]
            fn multiply_add(self, a: $register, b: $register) -> $register {
                self.$wide.$madd(a, b)
            }

            #[inline(always)]
            fn activate(self, a: $register, shift: u32) -> $register {
                let shifted = self.$base.$srav(a, self.splat(shift as i32));
                let positive = self.$base.$max(shifted, self.splat(0));
                self.$base.$min(positive, self.splat(MAX_ACTIVATION))
            }

            #[inline(always)]
            fn join(self, low: $register, high: $register) -> $register {
                self.$base.$or(low, self.$base.$slli::<16>(high))
            }

            #[inline(always)]
            fn shift_left(self, a: $register, shift: u32) -> $register {
                self.$base.$sllv(a, self.splat(shift as i32))
            }
        }
    };
}

#[cfg(target_arch = "x86_64")]
lanes! {
    pulp::x86::V3, std::arch::x86_64::__m256i, 8,
    splat: avx._mm256_set1_epi32,
    avx2: _mm256_add_epi32 _mm256_srav_epi32 _mm256_sllv_epi32 _mm256_slli_epi32 _mm256_max_epi32
        _mm256_min_epi32 _mm256_or_si256,
    multiply_add: avx2._mm256_madd_epi16
}

#[cfg(target_arch = "x86_64")]
lanes! {
    pulp::x86::V4, std::arch::x86_64::__m512i, 16,
    splat: avx512f._mm512_set1_epi32,
    avx512f: _mm512_add_epi32 _mm512_srav_epi32 _mm512_sllv_epi32 _mm512_slli_epi32 _mm512_max_epi32
        _mm512_min_epi32 _mm512_or_si512,
    multiply_add: avx512bw._mm512_madd_epi16
}
