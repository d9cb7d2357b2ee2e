//! Tiles for the tests of the models, and damage to their payloads.

use nf_image::testing::Rng;
use nf_image::{Image16, Shape};

/// A gradient with normal noise, a few cosmic rays, and a corner that is all zero.
pub(crate) fn rays(height: usize, width: usize, deviation: f64) -> Image16 {
    let mut rng = Rng::new(7);
    Image16::from_fn(Shape::frame(height, width), |_, y, x| {
        let ray = if rng.below(301) == 0 { rng.below(20_000) as f64 } else { 0.0 };
        let value = 1000.0 + x as f64 * 0.7 + y as f64 * 0.2 + deviation * rng.normal() + ray;
        if x < width / 4 && y < height / 3 { 0 } else { value as u16 }
    })
}

/// Tiles of many extents.
pub(crate) fn shapes() -> Vec<Image16> {
    let mut images = small_shapes();
    images.extend([0.0, 0.3, 4.0, 900.0].map(|deviation| rays(130, 257, deviation)));
    images
}

/// Tiles of many small extents.
pub(crate) fn small_shapes() -> Vec<Image16> {
    let shapes = [(1, 1), (1, 2), (2, 1), (1, 700), (700, 1), (3, 5), (37, 41)];
    let of = |(height, width)| [0.0, 0.3, 4.0, 900.0].map(|deviation| rays(height, width, deviation));
    shapes.into_iter().flat_map(of).collect()
}

/// Tiles that no detector delivers.
pub(crate) fn extremes() -> Vec<Image16> {
    let mut rng = Rng::new(3);
    let mut tile = |sample: &mut dyn FnMut(&mut Rng, usize, usize) -> u16| {
        Image16::from_fn(Shape::frame(48, 61), |_, y, x| sample(&mut rng, y, x))
    };
    vec![
        tile(&mut |_, _, _| 0),
        tile(&mut |_, _, _| u16::MAX),
        tile(&mut |_, _, x| if x % 2 == 0 { 0 } else { u16::MAX }),
        tile(&mut |_, y, _| if y % 2 == 0 { 0 } else { u16::MAX }),
        tile(&mut |rng, _, _| rng.next_u16()),
        tile(&mut |_, y, x| ((61 * y + x) * 22) as u16),
        tile(&mut |rng, _, _| rng.below(3) as u16 * 16),
    ]
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
    let mut rng = Rng::new(5);
    for _ in 0..3000 {
        let mut wrong = payload.to_vec();
        for _ in 0..1 + rng.below(8) {
            let at = rng.below(wrong.len());
            wrong[at] = rng.next_u32() as u8;
        }
        fails(&wrong);
    }
    assert!(fails(&[payload, &[0]].concat()));
}
