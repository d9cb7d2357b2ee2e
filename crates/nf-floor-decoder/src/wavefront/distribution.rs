//! format-floor.md, 8.12 to 8.14 and 8.17: distributions.

use crate::normal::cdf;
use crate::notation::{clamp, max, max64, min64, round, sum};

/// 8.12: the standard deviations of the normal distributions, in scales.
const WIDTH: [f64; 8] = [0.6, 0.85, 1.15, 1.6, 3.0, 10.0, 60.0, 600.0];

/// 8.12: their shares at first.
const START: [f32; 8] = [0.1, 0.4, 0.3, 0.15, 0.04, 0.009, 0.0009, 0.0001];

/// 8.13: the largest entry of a table.
const MOST: f64 = ((1 << 28) - (1 << 16)) as f64;

/// 8.12: `F[i][k]`.
pub(crate) struct Normals {
    f: Vec<[f32; 8]>,
}

impl Normals {
    /// 8.12.
    pub(crate) fn new() -> Self {
        let f = (0..=1024).map(|i| WIDTH.map(|width| cdf(distance(i) / width) as f32)).collect();
        Self { f }
    }
}

/// 8.12: `d(i)`.
fn distance(i: u32) -> f64 {
    let t = f64::from(i) / 512.0 - 1.0;
    let b = 1.0 - t.abs();
    if b > 0.0 { (8.0 * t) / b } else { t * 1e9 }
}

/// 8.14: the location and the inverse of the scale of a pixel, which place the edges.
#[derive(Clone, Copy)]
pub(crate) struct Edges {
    pub l: f32,
    pub v: f32,
}

impl Edges {
    /// 8.14: `position(x)`, divided by 1024: the quotient and the remainder.
    fn position(&self, x: f32) -> (usize, i64) {
        let p = clamp((x - self.l) * self.v, -4000.0, 4000.0);
        let t = p / (8.0 + p.abs());
        let position = round((t + 1.0) * 524288.0);
        ((position.div_euclid(1024)) as usize, position.rem_euclid(1024))
    }
}

/// 8.5: the distribution of a context.
#[derive(Clone)]
pub(crate) struct Context {
    /// The weights.
    pub wd: [f32; 8],
    /// The fresh weights.
    pub fd: [f32; 8],
    /// 8.13: `G`.
    g: Vec<i64>,
}

impl Context {
    /// 8.5.
    pub(crate) fn new(normals: &Normals) -> Self {
        let wd = START.map(|start| 30.0 * start);
        Self { wd, fd: [0.0; 8], g: table(&wd, normals) }
    }

    /// 8.14: the mass below `x`.
    pub(crate) fn mass(&self, edges: &Edges, x: f32) -> i64 {
        let (i, f) = edges.position(x);
        let at = |i: usize| self.g[i.min(1024)];
        at(i) + (((at(i + 1) - at(i)) * f) >> 10)
    }

    /// 8.17: learns the sample `y`.
    pub(crate) fn learn(&mut self, normals: &Normals, edges: &Edges, y: f32) {
        let mixture = |x: f32| {
            let (quotient, remainder) = edges.position(x);
            let i = quotient.min(1023);
            let f = remainder as f32 * (1.0 / 1024.0);
            let [here, next] = [&normals.f[i], &normals.f[i + 1]];
            std::array::from_fn::<f32, 8, _>(|k| here[k] + (next[k] - here[k]) * f)
        };
        let low = mixture(y - 0.5);
        let high = mixture(y + 0.5);
        let mut p = [0.0; 8];
        for k in 0..8 {
            p[k] = max((high[k] - low[k]) * self.wd[k], 0.0);
        }
        let factor = 1.0 / (sum(&p) + 1e-12);
        for k in 0..8 {
            self.fd[k] += p[k] * factor;
        }
    }

    /// 8.20, step 4: takes the fresh weights.
    pub(crate) fn renew(&mut self, normals: &Normals, keep: f32) {
        for k in 0..8 {
            self.wd[k] = keep * self.wd[k] + self.fd[k];
            self.fd[k] = 0.0;
        }
        self.g = table(&self.wd, normals);
    }
}

/// 8.13: the table of weights `wd`.
fn table(wd: &[f32; 8], normals: &Normals) -> Vec<i64> {
    let sum = sum(wd);
    let w = wd.map(|weight| f64::from(weight / sum) * MOST);
    let mut most = 0.0;
    let mut g = Vec::new();
    for f in &normals.f {
        let mut mass = 0.0;
        for k in 0..8 {
            mass += w[k] * f64::from(f[k]);
        }
        most = max64(mass, most);
        g.push(min64(most, MOST) as i64);
    }
    g
}
