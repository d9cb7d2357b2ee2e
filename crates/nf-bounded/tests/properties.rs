//! 100000 arrays of every type, shape and bound: every sample comes back within the bound through
//! the container, and what is no finite number comes back as it was.
#![allow(clippy::unwrap_used)]

use nf_bounded::container::{Head, Reader, write};
use nf_bounded::{
    Array, Bound, Error, Noise, NoiseModel, NoiseSource, QuantiseOptions, Samples, Tolerance, quantise,
};
use nf_codec::{Codec, Limits};
use nf_floor::{Floor, Level};
use nf_image::testing::Rng;
use plain::Plain;
use std::io::Cursor;

mod plain;

const CASES: u64 = 100_000;

/// One to four axes of up to a few dozen samples, and now and then none.
fn axes(random: &mut Rng) -> Vec<usize> {
    (0..1 + random.below(4)).map(|_| random.below(5) + usize::from(random.below(50) > 0)).collect()
}

/// Any bits: NaN of every payload, infinities, subnormals, and numbers of every size.
fn any_f64(random: &mut Rng, kind: usize, scale: f64) -> f64 {
    match (kind, random.below(12)) {
        (0, _) => f64::from_bits(random.next_u64()),
        (_, 0) => f64::NAN,
        (_, 1) => [f64::INFINITY, f64::NEG_INFINITY, 0.0, -0.0][random.below(4)],
        (1, _) => f64::from_bits(random.next_u64() >> 12),
        (2, 2) => [f64::MAX, f64::MIN, f64::MIN_POSITIVE, 1e30][random.below(4)],
        _ => scale * random.normal(),
    }
}

fn array(random: &mut Rng) -> Array {
    let axes = axes(random);
    let count: usize = axes.iter().product();
    let (kind, scale) = (random.below(6), 10f64.powi(random.below(12) as i32 - 4));
    let middle = random.next_u16();
    let mut whole = |bits: u32| -> i64 {
        let spread = 1 + random.below(400) as i64;
        match random.below(8) {
            0 => 0,
            1 => (1 << bits) - 1,
            2 => (random.next_u64() >> (64 - bits)) as i64,
            _ => (i64::from(middle) + random.below(spread as usize) as i64) & ((1 << bits) - 1),
        }
    };
    let samples: Samples = match kind {
        0 => (0..count).map(|_| whole(8) as u8).collect::<Vec<_>>().into(),
        1 => (0..count).map(|_| whole(16) as u16 as i16).collect::<Vec<_>>().into(),
        2 => (0..count).map(|_| whole(16) as u16).collect::<Vec<_>>().into(),
        3 => (0..count).map(|_| whole(32) as u32 as i32).collect::<Vec<_>>().into(),
        4 => {
            let kind = random.below(8);
            let bits = kind == 0;
            (0..count)
                .map(|_| match bits {
                    true => f32::from_bits(random.next_u32()),
                    false => any_f64(random, kind, scale) as f32,
                })
                .collect::<Vec<_>>()
                .into()
        }
        _ => {
            let kind = random.below(8);
            (0..count).map(|_| any_f64(random, kind, scale)).collect::<Vec<_>>().into()
        }
    };
    Array::new(axes, samples).unwrap()
}

fn bound(random: &mut Rng) -> Bound {
    let value = 10f64.powf(4.0 * random.uniform() - 2.0);
    let text = match random.below(4) {
        0 => format!("{}rel", value * 0.01),
        1 => format!("{}sigma", value * 0.1),
        2 => format!("{}dn", 1 + random.below(40)),
        _ => format!("{value}dn"),
    };
    text.parse().unwrap()
}

fn noise(random: &mut Rng) -> Noise {
    let offset = [0.0, -100.0, f64::from(random.next_u16()), 1e-3][random.below(4)];
    let slope = [0.0, 0.01, 0.5, 3.0][random.below(4)];
    let read = 0.1 + 10.0 * random.uniform();
    Noise { model: NoiseModel::new(offset, slope, read).unwrap(), source: NoiseSource::Given }
}

/// `|x - y| <= tolerance` in integers: doubles are whole multiples of 2^-1074, and their difference
/// is compared after both sides were multiplied by a power of two.
fn is_within(x: f64, y: f64, tolerance: f64) -> bool {
    let (low, high) = (y - tolerance, y + tolerance);
    // Rounded sums decide all but the closest cases, and those the exact remainders do.
    if x > low && x < high {
        return true;
    }
    let rest = |sum: f64, a: f64, b: f64| (a - (sum - (sum - a))) + (b - (sum - a));
    match x {
        x if x == high => rest(high, y, tolerance) >= 0.0,
        x if x == low => rest(low, y, -tolerance) <= 0.0,
        _ => false,
    }
}

fn bits(samples: &Samples, place: usize) -> u64 {
    match samples {
        Samples::F32(values) => values[place].to_bits().into(),
        Samples::F64(values) => values[place].to_bits(),
        _ => panic!("floating-point samples"),
    }
}

#[test]
fn every_sample_comes_back_within_the_bound() {
    let (mut taken, mut changed, mut exact, mut refused) = (0u64, 0u64, 0usize, 0u64);
    for case in 0..CASES {
        let mut random = Rng::new(case);
        let (array, bound, noise) = (array(&mut random), bound(&mut random), noise(&mut random));
        let dither_seed = (case % 3 == 0).then_some(case);
        let options = QuantiseOptions { noise: Some(noise), blank: None, dither_seed, tile: None };
        let quantised = match quantise(&array, &bound, &options) {
            Ok(quantised) => quantised,
            Err(Error::Refused { .. }) => {
                refused += 1;
                continue;
            }
            Err(error) => panic!("case {case}, {bound}: {error}"),
        };
        // Tiles of `floor` are slow where they are tiny.
        let floor = Floor { level: Level::Fast };
        let codec: &dyn Codec = if case % 64 == 0 { &floor } else { &Plain };
        let mut bytes = Vec::new();
        let head = Head::default();
        write(&mut bytes, &head, &[quantised], None, codec, None, Limits::default()).unwrap();
        let mut reader = Reader::open(Cursor::new(&bytes[..]), Limits::default()).unwrap();
        let decoded = reader.decode(0, codec).unwrap();
        let record = &reader.arrays()[0];
        assert_eq!((decoded.axes(), record.original), (array.axes(), array.samples().digest()));
        let tolerance: Tolerance = record.tolerance;
        for place in 0..array.samples().len() {
            let (x, y) = (array.samples().value(place), decoded.samples().value(place));
            if x.is_finite() {
                assert!(
                    is_within(x, y, tolerance.at(x)),
                    "case {case}, {bound}, sample {place}: {x:e} {y:e}"
                );
            } else {
                let same = bits(array.samples(), place) == bits(decoded.samples(), place);
                assert!(same, "case {case}, sample {place}: {x} became {y}");
            }
        }
        taken += 1;
        changed += record.changed;
        exact += record.exact_samples();
    }
    println!("{taken} taken, {refused} refused, {changed} samples changed, {exact} kept exactly");
    assert!(taken > CASES / 2 && changed > CASES && exact as u64 > CASES / 2, "the cases try something");
}
