//! format-floor-max.md, 14.3 to 14.5: shapes.

use crate::normal::density;
use crate::notation::{min, round};

/// 14.4: a mixture of normal distributions.
#[derive(Clone, Copy)]
pub(crate) enum Shape {
    Normal,
    Tailed,
    Heavy,
}

/// 14.4: the weights and widths of the parts of the shapes.
const PARTS: [&[(f64, f64)]; 3] = [
    &[(1.0, 1.0)],
    &[(0.85, 0.93), (0.12, 1.6), (0.025, 4.0), (0.005, 12.0)],
    &[(0.45, 0.5), (0.30, 1.0), (0.15, 2.5), (0.07, 8.0), (0.03, 30.0)],
];

/// 14.4: `tail` of every shape.
pub(crate) struct Shapes {
    tails: [Vec<f32>; 3],
}

/// 14.3: the table `n[0..1025]`.
fn normal_tail() -> Vec<f64> {
    let mut n = vec![0.0; 1026];
    for e in (0..=1024_u32).rev() {
        let mut area = 0.0;
        for i in 0..=3_u32 {
            let z = f64::from(e) / 32.0 + f64::from(2 * i) * (1.0 / 256.0);
            let sum = density(z) + 4.0 * density(z + 1.0 / 256.0) + density(z + 2.0 * (1.0 / 256.0));
            area += (sum * (1.0 / 256.0)) / 3.0;
        }
        n[e as usize] = n[e as usize + 1] + area;
    }
    n
}

/// 14.3: `ntail(z)`.
fn ntail(n: &[f64], z: f64) -> f64 {
    let q = 32.0 * z;
    if q >= 1024.0 {
        return n[1024];
    }
    let e = q as usize;
    n[e] + (n[e + 1] - n[e]) * (q - e as f64)
}

impl Shapes {
    /// 14.4.
    pub(crate) fn new() -> Self {
        let n = normal_tail();
        let tails = PARTS.map(|parts| {
            let tail = |e: u32| {
                let mut sum = 0.0;
                for &(weight, width) in parts {
                    sum += weight * ntail(&n, (f64::from(e) / 32.0) / width);
                }
                sum as f32
            };
            (0..=1024).map(tail).collect()
        });
        Self { tails }
    }

    /// 14.5: `signed(shape, z)`.
    pub(crate) fn signed(&self, shape: Shape, z: f32) -> f32 {
        let tail = match shape {
            Shape::Normal => &self.tails[0],
            Shape::Tailed => &self.tails[1],
            Shape::Heavy => &self.tails[2],
        };
        let q = min(z.abs() * 32.0, 1023.99);
        let e = round(q - 0.5);
        let i = e as usize;
        let v = tail[i] + (tail[i + 1] - tail[i]) * (q - e as f32);
        if z < 0.0 { v } else { -v }
    }
}
