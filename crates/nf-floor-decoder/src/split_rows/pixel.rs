//! format-floor.md, 5.8: a pixel.

use super::background::Background;
use super::header::Header;
use super::neighbours::Image;
use super::rans::Rans;
use crate::Error;
use crate::bits::Bits;
use crate::notation::{clamp, max, min, round};

/// Decodes the pixel at row `y` and column `x`.
pub(crate) fn decode(
    header: &Header,
    image: &mut Image,
    background: &Background,
    y: usize,
    x: usize,
    rans: &mut Rans<'_>,
    raw: &mut Bits<'_>,
) -> Result<(), Error> {
    let p = x % 2;
    let half = &header.halves[p];
    let v = |u, r| image.v(y, x, (u, r));

    // 1. and 2.: the centre and the range
    let mut a = if p == 0 {
        [v(1, 0), v(1, -1), v(1, 1), v(2, 0), (v(1, -2) + v(1, 2)) * 0.5]
    } else {
        [v(0, -1), v(0, 1), v(1, 0), v(1, -1), v(1, 1)]
    };
    a.sort_by(f32::total_cmp);
    let m = a[2];
    let range = a[3] - a[1];
    let c = max(range, header.least_range) * 1.75;

    // 3. to 6.: the location
    let clip = |v: f32| clamp(v - m, -c, c);
    let over = |v: f32| (v - m) - clip(v);
    let places = &half.places;
    let mut l = half.offset;
    if let Some(level) = half.level {
        // 20.4
        l += level * clip(background.at(x));
    }
    for (four, t) in places.chunks(4).zip(half.taps.chunks_exact(4)) {
        let v = |j: usize| clip(image.v(y, x, four[j]));
        l += (t[0] * v(0) + t[1] * v(1)) + (t[2] * v(2) + t[3] * v(3));
    }
    let t = &half.excess;
    let o = |j: usize| over(image.v(y, x, places[j]));
    l = m + (l + ((t[0] * o(0) + t[1] * o(1)) + (t[2] * o(2) + t[3] * o(3))));
    l = clamp(l, 0.0, 65535.0);

    // 7. to 9.: the expected error
    let s = expected_error(header, image, y, x, [l, m, range]);
    let least = (0.125f32).to_bits() >> 20;
    let scale = ((clamp(s, 0.125, 8191.0).to_bits() >> 20) - least) as usize;
    let low = (scale as u32 / 8).saturating_sub(5);

    // 10.: the base and the phase
    let parts = header.parts();
    let k = round(parts as f32 * (l - image.shift(y, x)));
    let (base, f) = match scale {
        ..40 => (k.div_euclid(parts), k.rem_euclid(parts) as usize),
        _ => ((k + parts / 2).div_euclid(parts), 0),
    };

    // 11. to 13.: the sample
    let z = rans.symbol(header.table(scale, f))?;
    let residual = residual(z, low, raw)?;
    let sample = (base + residual).rem_euclid(65536) as u16;
    let value = f32::from(sample) + image.shift(y, x);
    image.set(y, x, sample, (value - l).abs());
    Ok(())
}

/// 5.8, step 7: the expected error, with the location, the centre and the range.
fn expected_error(header: &Header, image: &Image, y: usize, x: usize, [l, m, range]: [f32; 3]) -> f32 {
    let p = x % 2;
    let q = &header.halves[p].scale;
    let v = |u, r| image.v(y, x, (u, r));
    let e = |u, r| min(image.a(y, x, (u, r)), 16383.0);
    let mut s =
        (q[0] * e(1, 0) + q[1] * (e(1, -1) + e(1, 1))) + (q[2] * (e(1, -2) + e(1, 2)) + q[3] * e(2, 0));
    let far = (e(1, -3) + e(1, 3)) + (e(2, -2) + e(2, 2));
    s += q[4] * (e(2, -1) + e(2, 1)) + q[5] * far;
    let steep = (v(1, 0) - v(1, -1)).abs() + (v(1, 0) - v(1, 1)).abs();
    let above = max(l - header.background, 0.0);
    s += (q[6] * range + q[7] * steep) + ((q[8] * (l - m).abs() + q[9]) + q[10] * above);
    if p == 1 {
        let near = q[11] * (e(0, -1) + e(0, 1)) + q[12] * (e(0, -3) + e(0, 3));
        s += near + q[13] * (v(0, -1) - v(0, 1)).abs();
    }
    s
}

/// 5.8, step 12: the residual of a symbol `z` (0 to 127), of which `2^low` share a bin.
fn residual(z: i64, low: u32, raw: &mut Bits<'_>) -> Result<i64, Error> {
    if (13..=114).contains(&z) {
        return Ok(((z - 64) << low) + raw.u(low)? as i64);
    }
    let r = if z >= 115 { z - 115 } else { 12 - z } as u32;
    let b = raw.u(4 + r + low)? as i64;
    let distance = 16 * ((1 << r) - 1) + (b >> low);
    let bin = if z >= 115 { 51 + distance } else { -52 - distance };
    Ok((bin << low) + b % (1 << low))
}
