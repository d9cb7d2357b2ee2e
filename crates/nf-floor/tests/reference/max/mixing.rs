//! Weights of statements: sums of sets, learnt by the natural gradient.

use super::squares::{Factor, Moments};

/// Sixteen experts, three biases of the node, eleven by the pixels around, two zeros.
pub(super) const INPUTS: usize = 32;

pub(super) struct Mixer {
    weights: Vec<Vec<f32>>,
    uses: Vec<f32>,
    curvatures: Vec<Moments>,
    inverses: Vec<Vec<Vec<f32>>>,
    pixels: u32,
    next_inversion: u32,
    measures: bool,
}

impl Mixer {
    /// Of `sets` sets the first 128 begin with the weights `start`.
    pub(super) fn new(sets: usize, start: &[f32]) -> Self {
        let mut weights = vec![vec![0.0; INPUTS]; sets];
        weights[..128].fill(start.to_vec());
        Self {
            weights,
            uses: vec![0.0; sets],
            curvatures: vec![Moments::new(INPUTS); 8],
            inverses: vec![Vec::new(); 8],
            pixels: 0,
            next_inversion: 0,
            measures: true,
        }
    }

    /// Before the decisions of a pixel.
    pub(super) fn begin(&mut self) {
        if self.pixels == self.next_inversion {
            self.next_inversion += (self.pixels / 8).clamp(32, 2048);
            for (curvature, inverse) in self.curvatures.iter_mut().zip(&mut self.inverses) {
                let decisions = curvature.samples;
                let ridge = 20.0 * 0.3 + decisions * 0.01;
                let factor = Factor::new(curvature, ridge, &[0.0; INPUTS]);
                *inverse = factor.inverse(f64::from(decisions + 20.0));
                if decisions > 100_000.0 {
                    let whole = curvature.clone();
                    curvature.blend(0.5, &whole, 0.0);
                }
            }
        }
        self.measures = self.pixels < 2048 || self.pixels.is_multiple_of(4);
        self.pixels += 1;
    }

    pub(super) fn weights(&self, sets: [usize; 6]) -> Vec<f32> {
        let sum = |k: usize| {
            let [a, b, c, d, e, f] = sets.map(|set| self.weights[set][k]);
            ((a + b) + (c + d)) + (e + f)
        };
        (0..INPUTS).map(sum).collect()
    }

    pub(super) fn learn(
        &mut self,
        sets: [usize; 6],
        class: usize,
        stated: &[f32],
        error: f32,
        information: f32,
    ) {
        if self.measures {
            let root = information.sqrt();
            let scaled: Vec<f32> = stated.iter().map(|stated| stated * root).collect();
            self.curvatures[class].add(&scaled, 0.0);
        }
        let mut natural = vec![0.0_f32; INPUTS];
        for (row, stated) in self.inverses[class].iter().zip(stated) {
            for (sum, entry) in natural.iter_mut().zip(row) {
                *sum += entry * stated;
            }
        }
        for set in sets {
            let step = 0.17 / (1000.0 + self.uses[set]);
            self.uses[set] += 1.0;
            let gain = error * if step > 0.000_03 { step } else { 0.000_03 };
            for (weight, natural) in self.weights[set].iter_mut().zip(&natural) {
                *weight += gain * natural;
            }
        }
    }
}
