//! Tiles for the tests of the modes, and damage to their payloads.

use nf_image::Shape;

/// Numbers that look random and never change.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn roll(&mut self) -> u32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as u32
    }

    /// From -1/2 to 1/2.
    fn uniform(&mut self) -> f64 {
        f64::from(self.roll()) / f64::from(1_u32 << 31) - 0.5
    }

    /// Normal, by the polar method (Marsaglia and Bray 1964).
    pub(crate) fn normal(&mut self) -> f64 {
        loop {
            let (x, y) = (2.0 * self.uniform(), 2.0 * self.uniform());
            let square = x * x + y * y;
            if square > 0.0 && square < 1.0 {
                return x * (-2.0 * square.ln() / square).sqrt();
            }
        }
    }

    /// Roughly normal, of this width.
    pub(crate) fn noise(&mut self, width: f64) -> f64 {
        let sum: f64 = (0..12).map(|_| f64::from(self.roll() % 4096) / 4096.0).sum();
        (sum - 6.0) * width
    }
}

/// A gradient with noise, a few hot pixels, and a corner that is all zero.
pub(crate) fn scene(height: usize, width: usize, noise: f64) -> Vec<u16> {
    let mut dice = Dice(7);
    let mut samples = Vec::with_capacity(height * width);
    for y in 0..height {
        for x in 0..width {
            let hot = if dice.roll().is_multiple_of(301) { f64::from(dice.roll() % 20_000) } else { 0.0 };
            let value = 1000.0 + x as f64 * 0.7 + y as f64 * 0.2 + dice.noise(noise) + hot;
            samples.push(if x < width / 4 && y < height / 3 { 0 } else { value as u16 });
        }
    }
    samples
}

/// Scenes of all kinds of extents.
pub(crate) fn all_shapes() -> impl Iterator<Item = (Shape, Vec<u16>)> {
    let shapes = [(1, 1), (1, 2), (2, 1), (1, 700), (700, 1), (3, 5), (37, 41), (130, 257)];
    shapes.into_iter().flat_map(|(height, width)| {
        [0.0, 0.3, 4.0, 900.0].map(|noise| (Shape::frame(height, width), scene(height, width, noise)))
    })
}

/// Tiles that no detector delivers.
pub(crate) fn extremes() -> impl Iterator<Item = (Shape, Vec<u16>)> {
    let shape = Shape::frame(48, 61);
    let mut dice = Dice(3);
    let n = shape.pixels();
    [
        vec![0; n],
        vec![u16::MAX; n],
        (0..n).map(|i| if i % 2 == 0 { 0 } else { u16::MAX }).collect(),
        (0..n).map(|i| if i / 61 % 2 == 0 { 0 } else { u16::MAX }).collect(),
        (0..n).map(|_| dice.roll() as u16).collect(),
        (0..n).map(|i| (i * 22) as u16).collect(),
        (0..n).map(|_| (dice.roll() % 3 * 16) as u16).collect(),
    ]
    .into_iter()
    .map(move |samples| (shape, samples))
}

/// Hands the payload on, damaged in many ways: cut short, longer, with wrong bits and bytes. The
/// first two kinds must fail.
pub(crate) fn damage(payload: &[u8], fails: impl Fn(&[u8]) -> bool) {
    for end in 0..payload.len() {
        assert!(fails(&payload[..end]), "{end} bytes");
    }
    for bit in 0..payload.len() * 8 {
        let mut wrong = payload.to_vec();
        wrong[bit / 8] ^= 1 << (bit % 8);
        fails(&wrong);
    }
    let mut dice = Dice(5);
    for _ in 0..3000 {
        let mut wrong = payload.to_vec();
        for _ in 0..1 + dice.roll() % 8 {
            let at = dice.roll() as usize % wrong.len();
            wrong[at] = dice.roll() as u8;
        }
        fails(&wrong);
    }
    assert!(fails(&[payload, &[0]].concat()));
}
