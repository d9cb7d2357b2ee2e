//! Weighted sums of products of all pairs of inputs, sixteen pixels at once.
//!
//! Compilers vectorise this loop along the wrong dimension, so the wide variants spell out their registers. All variants add in the
//! same order: step by step in every lane, then halves of the lanes.
#![allow(unsafe_code)] // loads of whole arrays, and calls of what was compiled for the machine at hand

use super::lanes::{LANES, Lanes};
use crate::machine::Machine;
use crate::max::math::total;

/// Rows and columns whose sums are in registers together.
const SIDE: usize = 4;

/// Adds the weighted products of the inputs of `steps` to the lower triangle of `products`, in squares of [`SIDE`].
#[inline(always)]
pub(super) fn add_products<const N: usize>(
    machine: Machine,
    steps: &[[Lanes; N]],
    weights: &[Lanes],
    products: &mut [[f32; N]],
) {
    const { assert!(N.is_multiple_of(SIDE)) };
    match machine {
        Machine::Plain => plain(steps, weights, products),
        #[cfg(target_arch = "x86_64")]
        // SAFETY: only `Machine::available` hands this variant out, if the machine has AVX2.
        Machine::Avx2 => unsafe { wide::avx2(steps, weights, products) },
        #[cfg(target_arch = "x86_64")]
        // SAFETY: only `Machine::available` hands this variant out, if the machine has AVX-512F.
        Machine::Avx512 => unsafe { wide::avx512(steps, weights, products) },
    }
}

fn plain<const N: usize>(steps: &[[Lanes; N]], weights: &[Lanes], products: &mut [[f32; N]]) {
    for i in 0..N {
        for j in 0..(i / SIDE + 1) * SIDE {
            let mut sums = [0.0; LANES];
            for (step, weight) in steps.iter().zip(weights) {
                for (k, sum) in sums.iter_mut().enumerate() {
                    *sum += step[i][k] * weight[k] * step[j][k];
                }
            }
            products[i][j] += total(sums);
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod wide {
    use super::{LANES, Lanes, SIDE};
    use std::arch::x86_64::*;

    #[target_feature(enable = "avx2")]
    fn load8(lanes: &Lanes, half: usize) -> __m256 {
        let half: &[f32; 8] = &lanes.as_chunks().0[half];
        // SAFETY: the array has the eight numbers that are read.
        unsafe { _mm256_loadu_ps(half.as_ptr()) }
    }

    #[target_feature(enable = "avx512f")]
    fn load16(lanes: &Lanes) -> __m512 {
        // SAFETY: the array has the sixteen numbers that are read.
        unsafe { _mm512_loadu_ps(lanes.as_ptr()) }
    }

    #[target_feature(enable = "avx2")]
    fn sum(eight: __m256) -> f32 {
        let four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps::<1>(eight));
        let two = _mm_add_ps(four, _mm_movehl_ps(four, four));
        _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)))
    }

    #[target_feature(enable = "avx512f,avx512dq,avx2")]
    pub(super) fn avx512<const N: usize>(steps: &[[Lanes; N]], weights: &[Lanes], products: &mut [[f32; N]]) {
        for i in (0..N).step_by(SIDE) {
            for j in (0..=i).step_by(SIDE) {
                let mut sums = [[_mm512_setzero_ps(); SIDE]; SIDE];
                for (step, weight) in steps.iter().zip(weights) {
                    let (a, b, weight) = (&step[i..i + SIDE], &step[j..j + SIDE], load16(weight));
                    let b: [__m512; SIDE] = [load16(&b[0]), load16(&b[1]), load16(&b[2]), load16(&b[3])];
                    for (sums, a) in sums.iter_mut().zip(a) {
                        let a = _mm512_mul_ps(load16(a), weight);
                        for (sum, b) in sums.iter_mut().zip(b) {
                            *sum = _mm512_add_ps(*sum, _mm512_mul_ps(a, b));
                        }
                    }
                }
                let sums = sums_of_lanes(sums);
                for (row, sums) in products[i..i + SIDE].iter_mut().zip(sums.as_chunks::<SIDE>().0) {
                    for (product, sum) in row[j..j + SIDE].iter_mut().zip(sums) {
                        *product += sum;
                    }
                }
            }
        }
    }

    /// The sums of the lanes of sixteen registers: halves of lanes are added until one number of each is left, two registers
    /// in one at a time.
    #[target_feature(enable = "avx512f")]
    fn sums_of_lanes(from: [[__m512; SIDE]; SIDE]) -> Lanes {
        let from = from.as_flattened();
        let mut pairs = [_mm512_setzero_ps(); 8];
        for (k, pair) in pairs.iter_mut().enumerate() {
            let (a, b) = (from[k], from[k + 8]);
            *pair = _mm512_add_ps(_mm512_shuffle_f32x4::<0x44>(a, b), _mm512_shuffle_f32x4::<0xEE>(a, b));
        }
        let mut fours = [_mm512_setzero_ps(); 4];
        for (k, four) in fours.iter_mut().enumerate() {
            let (a, b) = (pairs[k], pairs[k + 4]);
            *four = _mm512_add_ps(_mm512_shuffle_f32x4::<0x88>(a, b), _mm512_shuffle_f32x4::<0xDD>(a, b));
        }
        let mut eights = [_mm512_setzero_ps(); 2];
        for (k, eight) in eights.iter_mut().enumerate() {
            let (a, b) = (fours[k], fours[k + 2]);
            *eight = _mm512_add_ps(_mm512_shuffle_ps::<0x44>(a, b), _mm512_shuffle_ps::<0xEE>(a, b));
        }
        let [a, b] = eights;
        let sums = _mm512_add_ps(_mm512_shuffle_ps::<0x88>(a, b), _mm512_shuffle_ps::<0xDD>(a, b));
        // Group of four g, place p in it: register 8 (g mod 2) + 4 (g / 2) + 2 (p mod 2) + p / 2, by the pairs above.
        let mut lanes = [0.0; LANES];
        // SAFETY: the array has room for the sixteen numbers that are written.
        unsafe { _mm512_storeu_ps(lanes.as_mut_ptr(), sums) };
        let mut ordered = [0.0; LANES];
        for (n, sum) in lanes.into_iter().enumerate() {
            let (g, p) = (n / 4, n % 4);
            ordered[8 * (g % 2) + 4 * (g / 2) + 2 * (p % 2) + p / 2] = sum;
        }
        ordered
    }

    #[target_feature(enable = "avx2")]
    pub(super) fn avx2<const N: usize>(steps: &[[Lanes; N]], weights: &[Lanes], products: &mut [[f32; N]]) {
        const HALF: usize = SIDE / 2;
        for i in (0..N).step_by(HALF) {
            for j in (0..(i / SIDE + 1) * SIDE).step_by(HALF) {
                let mut sums = [[[_mm256_setzero_ps(); 2]; HALF]; HALF];
                for (step, weight) in steps.iter().zip(weights) {
                    for (sums, a) in sums.iter_mut().zip(&step[i..i + HALF]) {
                        for (sums, b) in sums.iter_mut().zip(&step[j..j + HALF]) {
                            for (half, sum) in sums.iter_mut().enumerate() {
                                let a = _mm256_mul_ps(load8(a, half), load8(weight, half));
                                *sum = _mm256_add_ps(*sum, _mm256_mul_ps(a, load8(b, half)));
                            }
                        }
                    }
                }
                for (row, sums) in products[i..i + HALF].iter_mut().zip(sums) {
                    for (product, [low, high]) in row[j..j + HALF].iter_mut().zip(sums) {
                        *product += sum(_mm256_add_ps(low, high));
                    }
                }
            }
        }
    }

    const _: () = assert!(LANES == 16);
}
