//! format-floor-max.md, 17.3 to 17.5: curvatures.

use super::mixer::LOGITS;
use crate::least_squares::{Moments, Triangle};

/// 17.3: the number of values of `width`.
const WIDTHS: usize = 8;

/// The moments and the inverse of a width.
struct Curvature {
    moments: Moments,
    /// `inverse[i][k]`.
    inverse: Vec<[f32; LOGITS]>,
}

/// 17.3: the curvatures of all widths.
pub(crate) struct Curvatures {
    widths: Vec<Curvature>,
    pixels: u64,
    next: u64,
    measures: bool,
}

/// 17.4.
fn invert(moments: &Moments, ridge: f32, q: f32) -> Vec<[f32; LOGITS]> {
    let Triangle { u, v, .. } = moments.eliminate(f64::from(ridge), &[0.0; LOGITS]);
    let mut inverse = vec![[0.0; LOGITS]; LOGITS];
    for c in 0..LOGITS {
        let mut h = [0.0; LOGITS];
        h[c] = f64::from(q) * v[c];
        for k in c..LOGITS {
            if k > c {
                h[k] *= v[k];
            }
            for j in k + 1..LOGITS {
                h[j] -= u[k][j] * h[k];
            }
        }
        for i in (0..LOGITS).rev() {
            for j in i + 1..LOGITS {
                h[i] -= u[i][j] * h[j];
            }
            h[i] *= v[i];
        }
        for i in 0..LOGITS {
            inverse[i][c] = h[i] as f32;
        }
    }
    inverse
}

impl Curvatures {
    /// The state at first.
    pub(crate) fn new() -> Self {
        let curvature = |_| Curvature { moments: Moments::new(LOGITS), inverse: vec![[0.0; LOGITS]; LOGITS] };
        let widths = (0..WIDTHS).map(curvature).collect();
        Self { widths, pixels: 0, next: 0, measures: true }
    }

    /// 17.3: before the first decision of a pixel.
    pub(crate) fn start_pixel(&mut self) {
        if self.pixels == self.next {
            self.next += (self.pixels / 8).clamp(32, 2048);
            for width in &mut self.widths {
                let d = width.moments.samples();
                width.inverse = invert(&width.moments, 6.0 + d * 0.01, d + 20.0);
                if d > 100000.0 {
                    width.moments.multiply(0.5);
                }
            }
        }
        self.measures = self.pixels < 2048 || self.pixels.is_multiple_of(4);
        self.pixels += 1;
    }

    /// 17.5, step 1.
    pub(crate) fn measure(&mut self, width: usize, logit: &[f32; LOGITS], info: f32) {
        if self.measures {
            let root = info.sqrt();
            self.widths[width].moments.take(&logit.map(|logit| logit * root), 0.0);
        }
    }

    /// 17.5, step 2.
    pub(crate) fn natural(&self, width: usize, logit: &[f32; LOGITS]) -> [f32; LOGITS] {
        let mut natural = [0.0; LOGITS];
        for (row, logit) in self.widths[width].inverse.iter().zip(logit) {
            for (natural, inverse) in natural.iter_mut().zip(row) {
                *natural += inverse * logit;
            }
        }
        natural
    }
}
