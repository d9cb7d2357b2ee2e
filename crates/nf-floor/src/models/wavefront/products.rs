//! Weighted sums of products of all pairs of inputs, sixteen pixels at once.
//!
//! Compilers vectorise this loop along the wrong dimension, so the wide variants name their
//! registers. All variants add in the same order: step by step in every lane, then halves of the
//! lanes.

use super::lanes::{LANES, Lanes};
use super::regression::Inputs;
use crate::maths::sum_of_lanes;
use nf_simd::InstructionSet;

/// Rows and columns whose sums are in registers together.
const SIDE: usize = 4;

/// Adds the weighted products of the inputs of `steps` to the lower triangle of `products`, in
/// squares of [`SIDE`].
pub(super) fn add_products<const N: usize>(
    isa: InstructionSet,
    steps: &[Inputs<N>],
    weights: &[Lanes],
    products: &mut [[f32; N]],
) {
    const { assert!(N.is_multiple_of(SIDE)) };
    match isa {
        InstructionSet::Baseline => baseline(steps, weights, products),
        #[cfg(target_arch = "x86_64")]
        InstructionSet::Avx2(simd) => {
            simd.vectorize(wide::Avx2 { simd, steps, weights, products });
        }
        #[cfg(target_arch = "x86_64")]
        InstructionSet::Avx512(simd) => {
            simd.vectorize(wide::Avx512 { simd, steps, weights, products });
        }
    }
}

fn baseline<const N: usize>(steps: &[Inputs<N>], weights: &[Lanes], products: &mut [[f32; N]]) {
    for i in 0..N {
        for j in 0..(i / SIDE + 1) * SIDE {
            let mut sums = [0.0; LANES];
            for (step, weight) in steps.iter().zip(weights) {
                for (k, sum) in sums.iter_mut().enumerate() {
                    *sum += step.0[i][k] * weight[k] * step.0[j][k];
                }
            }
            products[i][j] += sum_of_lanes(sums);
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod wide {
    use super::{Inputs, LANES, Lanes, SIDE};
    use pulp::x86::{V3, V4};
    use pulp::{NullaryFnOnce, cast, f32x8, f32x16};
    use std::arch::x86_64::{__m128, __m256, __m512};

    /// The sum of eight lanes.
    #[inline(always)]
    fn sum_of_eight(simd: V3, eight: f32x8) -> f32 {
        let eight: __m256 = cast(eight);
        let upper = simd.avx._mm256_extractf128_ps::<1>(eight);
        let four: __m128 = simd.sse._mm_add_ps(simd.avx._mm256_castps256_ps128(eight), upper);
        let two = simd.sse._mm_add_ps(four, simd.sse._mm_movehl_ps(four, four));
        simd.sse._mm_cvtss_f32(simd.sse._mm_add_ss(two, simd.sse3._mm_movehdup_ps(two)))
    }

    pub(super) struct Avx2<'a, const N: usize> {
        pub(super) simd: V3,
        pub(super) steps: &'a [Inputs<N>],
        pub(super) weights: &'a [Lanes],
        pub(super) products: &'a mut [[f32; N]],
    }

    impl<const N: usize> NullaryFnOnce for Avx2<'_, N> {
        type Output = ();

        #[inline(always)]
        fn call(self) {
            const HALF: usize = SIDE / 2;
            let Self { simd, steps, weights, products } = self;
            for i in (0..N).step_by(HALF) {
                for j in (0..(i / SIDE + 1) * SIDE).step_by(HALF) {
                    let mut sums = [[[f32x8(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0); 2]; HALF]; HALF];
                    for (step, &weight) in steps.iter().zip(weights) {
                        let weight: [f32x8; 2] = cast(weight);
                        for (sums, &a) in sums.iter_mut().zip(&step.0[i..i + HALF]) {
                            let a: [f32x8; 2] = cast(a);
                            for (sums, &b) in sums.iter_mut().zip(&step.0[j..j + HALF]) {
                                let b: [f32x8; 2] = cast(b);
                                for (half, sum) in sums.iter_mut().enumerate() {
                                    let a = simd.mul_f32x8(a[half], weight[half]);
                                    *sum = simd.add_f32x8(*sum, simd.mul_f32x8(a, b[half]));
                                }
                            }
                        }
                    }
                    for (row, sums) in products[i..i + HALF].iter_mut().zip(sums) {
                        for (product, [low, high]) in row[j..j + HALF].iter_mut().zip(sums) {
                            *product += sum_of_eight(simd, simd.add_f32x8(low, high));
                        }
                    }
                }
            }
        }
    }

    pub(super) struct Avx512<'a, const N: usize> {
        pub(super) simd: V4,
        pub(super) steps: &'a [Inputs<N>],
        pub(super) weights: &'a [Lanes],
        pub(super) products: &'a mut [[f32; N]],
    }

    impl<const N: usize> NullaryFnOnce for Avx512<'_, N> {
        type Output = ();

        #[inline(always)]
        fn call(self) {
            let Self { simd, steps, weights, products } = self;
            for i in (0..N).step_by(SIDE) {
                for j in (0..=i).step_by(SIDE) {
                    let mut sums = [[cast::<Lanes, f32x16>([0.0; LANES]); SIDE]; SIDE];
                    for (step, &weight) in steps.iter().zip(weights) {
                        let (a, b) = (&step.0[i..i + SIDE], &step.0[j..j + SIDE]);
                        let weight: f32x16 = cast(weight);
                        let b: [f32x16; SIDE] = [cast(b[0]), cast(b[1]), cast(b[2]), cast(b[3])];
                        for (sums, &a) in sums.iter_mut().zip(a) {
                            let a = simd.mul_f32x16(cast(a), weight);
                            for (sum, b) in sums.iter_mut().zip(b) {
                                *sum = simd.add_f32x16(*sum, simd.mul_f32x16(a, b));
                            }
                        }
                    }
                    let sums = sums_of_lanes(simd, sums);
                    for (row, sums) in products[i..i + SIDE].iter_mut().zip(sums.as_chunks::<SIDE>().0) {
                        for (product, sum) in row[j..j + SIDE].iter_mut().zip(sums) {
                            *product += sum;
                        }
                    }
                }
            }
        }
    }

    /// The sums of the lanes of sixteen registers: halves of lanes are added until one number of
    /// each is left, two registers in one at a time.
    #[inline(always)]
    fn sums_of_lanes(simd: V4, from: [[f32x16; SIDE]; SIDE]) -> Lanes {
        let from: [__m512; LANES] = cast(from);
        let add = |a: __m512, b: __m512| simd.avx512f._mm512_add_ps(a, b);
        let mut pairs: [__m512; 8] = cast([[0.0f32; LANES]; 8]);
        for (k, pair) in pairs.iter_mut().enumerate() {
            let (a, b) = (from[k], from[k + 8]);
            let low = simd.avx512f._mm512_shuffle_f32x4::<0x44>(a, b);
            *pair = add(low, simd.avx512f._mm512_shuffle_f32x4::<0xEE>(a, b));
        }
        let mut fours: [__m512; 4] = cast([[0.0f32; LANES]; 4]);
        for (k, four) in fours.iter_mut().enumerate() {
            let (a, b) = (pairs[k], pairs[k + 4]);
            let low = simd.avx512f._mm512_shuffle_f32x4::<0x88>(a, b);
            *four = add(low, simd.avx512f._mm512_shuffle_f32x4::<0xDD>(a, b));
        }
        let mut eights: [__m512; 2] = cast([[0.0f32; LANES]; 2]);
        for (k, eight) in eights.iter_mut().enumerate() {
            let (a, b) = (fours[k], fours[k + 2]);
            let low = simd.avx512f._mm512_shuffle_ps::<0x44>(a, b);
            *eight = add(low, simd.avx512f._mm512_shuffle_ps::<0xEE>(a, b));
        }
        let [a, b] = eights;
        let low = simd.avx512f._mm512_shuffle_ps::<0x88>(a, b);
        let lanes: Lanes = cast(add(low, simd.avx512f._mm512_shuffle_ps::<0xDD>(a, b)));
        // Group of four g, number p in it: register 8 (g mod 2) + 4 (g / 2) + 2 (p mod 2) + p / 2,
        // by the pairs above.
        let mut ordered = [0.0; LANES];
        for (n, sum) in lanes.into_iter().enumerate() {
            let (g, p) = (n / 4, n % 4);
            ordered[8 * (g % 2) + 4 * (g / 2) + 2 * (p % 2) + p / 2] = sum;
        }
        ordered
    }
}
