//! Tail probabilities of mixtures of normal laws, tabulated.

/// Weights and widths.
const MIXTURES: [&[(f64, f64)]; 3] = [
    &[(1.0, 1.0)],
    &[(0.85, 0.93), (0.12, 1.6), (0.025, 4.0), (0.005, 12.0)],
    &[(0.45, 0.5), (0.30, 1.0), (0.15, 2.5), (0.07, 8.0), (0.03, 30.0)],
];

pub(super) struct Shapes {
    tails: Vec<Vec<f32>>,
}

impl Shapes {
    pub(super) fn new() -> Self {
        let normal = normal_tails();
        let tail = |z: f64| {
            let position = z * 32.0;
            if position >= 1024.0 {
                return normal[1024];
            }
            let entry = position as usize;
            normal[entry] + (normal[entry + 1] - normal[entry]) * (position - entry as f64)
        };
        let beyond = |mixture: &[(f64, f64)], entry: usize| {
            let z = entry as f64 / 32.0;
            mixture.iter().fold(0.0, |sum, &(weight, scale)| sum + weight * tail(z / scale)) as f32
        };
        let tails = MIXTURES.iter().map(|mixture| (0..=1024).map(|entry| beyond(mixture, entry)).collect());
        Self { tails: tails.collect() }
    }

    /// P(Z < z) below the centre, -P(Z > z) above.
    pub(super) fn signed_tail(&self, shape: usize, z: f32) -> f32 {
        let position = z.abs() * 32.0;
        let last = 1024.0 - 0.01;
        let position = if position < last { position } else { last };
        // Rounded down, but for some whole numbers, which give the entry before and a share of one.
        let entry = (position - 0.5).round_ties_even();
        let share = position - entry;
        let entry = entry as usize;
        let tail =
            self.tails[shape][entry] + (self.tails[shape][entry + 1] - self.tails[shape][entry]) * share;
        if z < 0.0 { tail } else { -tail }
    }
}

/// e^(-z^2 / 2) / sqrt(2 pi).
fn normal_density(z: f64) -> f64 {
    let halves = (z * z) as u64;
    let rest = -0.5 * (z * z - halves as f64);
    let (mut term, mut series) = (1.0, 1.0);
    for k in 1..20 {
        term *= rest / f64::from(k);
        series += term;
    }
    // The power of e^(-1/2), by squares, the lowest bit of the exponent first.
    let (mut power, mut square, mut count) = (1.0, 0.606_530_659_712_633_4, halves);
    while count > 0 {
        if count % 2 == 1 {
            power *= square;
        }
        square *= square;
        count /= 2;
    }
    power * series * 0.398_942_280_401_432_7
}

/// Beyond every 32nd, by Simpson's rule from the far end, four double steps each.
fn normal_tails() -> Vec<f64> {
    let step = 1.0 / 256.0;
    let mut tails = vec![0.0; 1026];
    for entry in (0..=1024).rev() {
        let mut area = 0.0;
        for part in 0..4 {
            let z = entry as f64 / 32.0 + 2.0 * f64::from(part) * step;
            let sum = normal_density(z) + 4.0 * normal_density(z + step) + normal_density(z + 2.0 * step);
            area += sum * step / 3.0;
        }
        tails[entry] = tails[entry + 1] + area;
    }
    tails
}
