//! format-floor-max.md, 13.5: the noise model.

use crate::notation::{clamp, max};

/// 13.1: the sums `S[0..4]`.
#[derive(Default)]
pub(crate) struct Noise {
    s: [f32; 5],
}

impl Noise {
    /// 13.5: `sm`, for the scale `r` of the regression and the brightness `b`.
    pub(crate) fn scale(&self, r: f32, b: f32) -> f32 {
        let s = &self.s;
        let v = r * r;
        let d = s[0] * s[2] - s[1] * s[1];
        let slope = if d > (0.001 * s[0]) * s[2] { (s[0] * s[4] - s[1] * s[3]) / d } else { 0.0 };
        let slope = max(slope, 0.0);
        let variance = (s[3] - slope * s[1]) / (s[0] + 1e-12) + slope * b;
        let variance = clamp(variance, 0.1 * v, 10.0 * v);
        let k = 30.0 / (30.0 + (s[0] * v) * v);
        (variance * (1.0 - k) + v * k).sqrt()
    }

    /// 13.6: the sums take a pixel.
    pub(crate) fn take(&mut self, w: f32, b: f32, e: f32) {
        let keep = 1.0 - 1.0 / 50000.0;
        let s = &mut self.s;
        s[0] = s[0] * keep + w;
        s[1] = s[1] * keep + w * b;
        s[2] = s[2] * keep + (w * b) * b;
        s[3] = s[3] * keep + w * e;
        s[4] = s[4] * keep + (w * b) * e;
    }
}
