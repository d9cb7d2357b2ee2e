//! The slow reference of the codec: the standard's formulas sample by sample, with whole arrays and
//! text for bits.

use super::Near;
use nf_image::Image16;
use std::cell::Cell;

/// The stream of `image` as text of 0 and 1, without the zeros at its end, and the decoded samples.
pub(super) fn slow_bits(image: &Image16, bands: usize, near: Option<Near>) -> (String, Vec<u16>) {
    let shape = image.shape();
    let (height, width) = (shape.height, shape.width);
    let original = |z: usize, y: usize, x: usize| i128::from(image.row(z, y)[x]);
    // Sample representatives, and centres of bins.
    let all = || vec![Cell::new(0i128); shape.pixels()];
    let (representatives, centres) = (all(), all());
    let place = |z: usize, y: usize, x: usize| (z * height + y) * width + x;
    let s = |z: usize, y: usize, x: usize| representatives[place(z, y, x)].get();
    let sum = |z: usize, y: usize, x: usize| match (y, x) {
        (0, 0) => 0,
        (0, _) => 4 * s(z, 0, x - 1),
        (_, 0) if width == 1 => 4 * s(z, y - 1, 0),
        (_, 0) => 2 * (s(z, y - 1, 0) + s(z, y - 1, 1)),
        _ if x == width - 1 => s(z, y, x - 1) + s(z, y - 1, x - 1) + 2 * s(z, y - 1, x),
        _ => s(z, y, x - 1) + s(z, y - 1, x - 1) + s(z, y - 1, x) + s(z, y - 1, x + 1),
    };
    let terms = |z: usize, y: usize, x: usize| {
        let sigma = sum(z, y, x);
        let mut terms = match (y, x) {
            (0, _) => vec![0, 0, 0],
            (_, 0) => vec![4 * s(z, y - 1, 0) - sigma; 3],
            _ => [s(z, y - 1, x), s(z, y, x - 1), s(z, y - 1, x - 1)].map(|v| 4 * v - sigma).to_vec(),
        };
        terms.extend((1..=bands.min(z)).map(|i| 4 * s(z - i, y, x) - sum(z - i, y, x)));
        terms
    };
    let floor = |a: i128, b: i128| a.div_euclid(b);
    let mut first_weights = vec![0; 3];
    (0..15u32).for_each(|i| first_weights.push(floor(7 << 16, 8i128.pow(i))));
    let mut weights = vec![first_weights; shape.planes];
    // Sums and counts of the entropy coder.
    let mut sums = vec![floor((3 * 2i128.pow(5 + 6) - 49) * 2, 128); shape.planes];
    let mut counts = vec![2i128; shape.planes];
    let mut bits = String::new();
    for y in 0..height {
        for z in 0..shape.planes {
            for x in 0..width {
                let t = (y * width + x) as i128;
                let u = terms(z, y, x);
                let dot: i128 = u.iter().zip(&weights[z]).map(|(u, w)| u * w).sum();
                let omega = 2i128.pow(19);
                let high: i128 = dot + omega * (sum(z, y, x) - 4 * 32768) + 4 * omega * 32768 + 2 * omega;
                let doubled = match t {
                    0 if bands > 0 && z > 0 => 2 * s(z - 1, 0, 0),
                    0 => 65536,
                    _ => floor(high.clamp(0, 4 * omega * 65535 + 2 * omega), 2 * omega),
                };
                let predicted = floor(doubled, 2);
                let high = high.clamp(0, 4 * omega * 65535 + 2 * omega);
                // The largest error, equations 42 to 45.
                let relative = |r: u16| floor(i128::from(r) * predicted, 65536);
                let most = match near {
                    Some(near) if t > 0 => {
                        let limits = [near.abs.map(i128::from), near.rel.map(relative)];
                        limits.into_iter().flatten().min().unwrap_or(0)
                    }
                    _ => 0,
                };
                let step = 2 * most + 1;
                let delta: i128 = original(z, y, x) - predicted;
                // The index of the bin, 41; its centre, 48; the representative, 46 and 47.
                let residual = delta.signum() * floor(delta.abs() + most, step);
                let centre = (predicted + residual * step).clamp(0, 65535);
                centres[place(z, y, x)].set(centre);
                let representative = match near {
                    Some(near) if t > 0 => {
                        let [phi, psi] = [near.damping, near.offset].map(i128::from);
                        let theta = 2i128.pow(near.resolution.into());
                        let drawn = residual.signum() * most * psi * omega / theta;
                        let own = 4 * (theta - phi) * (centre * omega - drawn);
                        let doubled = floor(own + phi * high - phi * 2 * omega, 2 * omega * theta);
                        floor(doubled + 1, 2)
                    }
                    _ => centre,
                };
                representatives[place(z, y, x)].set(representative);
                let theta = floor(predicted + most, step).min(floor(65535 - predicted + most, step));
                let signed = if doubled % 2 == 0 { residual } else { -residual };
                let mapped = if residual.abs() > theta {
                    residual.abs() + theta
                } else if 0 <= signed && signed <= theta {
                    2 * residual.abs()
                } else {
                    2 * residual.abs() - 1
                };
                if t == 0 {
                    bits += &format!("{mapped:016b}");
                    continue;
                }
                let (sum, count) = (sums[z], counts[z]);
                let enough = |k: u32| count * 2i128.pow(k) <= sum + floor(49 * count, 128);
                let k = if enough(1) { (0..=14).rev().find(|&k| enough(k)).unwrap() } else { 0 };
                let zeros = mapped >> k;
                if zeros < 18 {
                    bits += &"0".repeat(zeros as usize);
                    bits += &format!("{:b}", (1 << k) + mapped % (1 << k));
                } else {
                    bits += &format!("{}{mapped:016b}", "0".repeat(18));
                }
                (sums[z], counts[z]) = if count < 2i128.pow(4) - 1 {
                    (sum + mapped, count + 1)
                } else {
                    (floor(sum + mapped + 1, 2), floor(count + 1, 2))
                };
                let rho = (-1 + floor(t - width as i128, 64)).clamp(-1, 2) + 16 - 19;
                let sign = if 2 * centre - doubled >= 0 { 1 } else { -1 };
                for (w, u) in weights[z].iter_mut().zip(u) {
                    // rho is negative here, so that 2^-rho is whole.
                    let step = floor(sign * u * 2i128.pow(-rho as u32) + 1, 2);
                    *w = (*w + step).clamp(-4 * omega, 4 * omega - 1);
                }
            }
        }
    }
    (bits, centres.iter().map(|centre| centre.get() as u16).collect())
}
