//! format-floor.md, 8.19: the batch.

use super::LANES;
use super::pixel::Pixel;
use super::state::{LOCATION, SCALE};
use crate::functions::total;
use crate::least_squares::Moments;
use crate::notation::clamp;

/// The numbers of the lanes of a step; lanes that are not active have zeros.
type Lane = [f32; LANES];

/// The inputs of a step, its target as the last input, and its weight.
struct Step {
    inputs: Vec<Lane>,
    weight: Lane,
}

impl Step {
    /// A step with no active lane.
    fn new(count: usize) -> Self {
        Self { inputs: vec![[0.0; LANES]; count + 1], weight: [0.0; LANES] }
    }

    /// Adds an active lane.
    fn add(&mut self, lane: usize, inputs: &[f32], target: f32, weight: f32) {
        for (numbers, &number) in self.inputs.iter_mut().zip(inputs) {
            numbers[lane] = number;
        }
        self.inputs[inputs.len()][lane] = target;
        self.weight[lane] = weight;
    }
}

/// At most 16 steps, of the location and of the scale.
pub(crate) struct Batch {
    location: Vec<Step>,
    scale: Vec<Step>,
    /// The number of active lanes of all steps.
    active: usize,
}

impl Batch {
    /// No steps.
    pub(crate) fn new() -> Self {
        Self { location: Vec::new(), scale: Vec::new(), active: 0 }
    }

    /// The number of steps.
    pub(crate) fn steps(&self) -> usize {
        self.location.len()
    }

    /// Adds a step with its active lanes.
    pub(crate) fn add(&mut self, pixels: &[Pixel]) {
        let mut location = Step::new(LOCATION);
        let mut scale = Step::new(SCALE);
        for pixel in pixels {
            let &Pixel { lane, s, h, .. } = pixel;
            let a = pixel.residual().abs() / s;
            let share = if a > 1.5 { 1.5 / a } else { 1.0 };
            let target = pixel.value() - pixel.m;
            location.add(lane, &pixel.x, target, share / (s * s));
            let q = clamp(a * a, 0.0, 1e12);
            let score = ((6.0 * q) / (5.0 + q) - 1.0) * 0.8;
            scale.add(lane, &pixel.z, h + score, 1.0);
        }
        self.location.push(location);
        self.scale.push(scale);
        self.active += pixels.len();
    }

    /// Empties the batch into the fresh moments of the location and of the scale.
    pub(crate) fn empty(&mut self, location: &mut Moments, scale: &mut Moments) {
        gather(&self.location, location, LOCATION);
        gather(&self.scale, scale, SCALE);
        location.add_samples(self.active as f32);
        scale.add_samples(self.active as f32);
        *self = Self::new();
    }
}

/// Adds the products of `count` inputs of these steps.
fn gather(steps: &[Step], moments: &mut Moments, count: usize) {
    // The input `count` is the target; its product with itself is not used.
    for i in 0..=count {
        for j in 0..=i.min(count - 1) {
            let mut sums = [0.0; LANES];
            for step in steps {
                let [a, b] = [&step.inputs[i], &step.inputs[j]];
                for lane in 0..LANES {
                    sums[lane] += (a[lane] * step.weight[lane]) * b[lane];
                }
            }
            if i < count {
                moments.add_product(i, j, total(&sums));
            } else {
                moments.add_target(j, total(&sums));
            }
        }
    }
}
