//! Mixtures: exact tiling over the whole alphabet, against the slow distribution in float.
#![allow(clippy::unwrap_used)]

use nf_entropy::distributions::{Component, Mixture, Restricted, SAMPLES, SCALE_ONE, SCALES};
use nf_entropy::{Distribution, Meter, SymbolCoder};
use proptest::prelude::*;

fn check_tiling<const K: usize>(distribution: &Mixture<K>, floor_width: u32, step: u32) {
    let mut end = 0;
    for sample in 0..SAMPLES {
        let interval = distribution.interval(sample).unwrap();
        assert_eq!(interval.start, end, "{sample} of {distribution:?}");
        assert!(interval.width >= floor_width, "{sample} of {distribution:?}");
        end += interval.width;
        if sample.is_multiple_of(step) || interval.width > 1 << 12 {
            for point in [interval.start, interval.start + interval.width / 2, end - 1] {
                assert_eq!(distribution.locate(point), (sample, interval), "{point} of {distribution:?}");
            }
        }
    }
    assert_eq!(end, 1 << distribution.scale_bits());
    assert_eq!(distribution.interval(SAMPLES), None);
}

#[test]
fn extreme_parameters_tile_the_scale() {
    let means = [i32::MIN, -1, 0, 127, 128, 12_345 << 8 | 77, 65_535 << 8, 65_536 << 8, i32::MAX];
    let scales = [0, 1, SCALE_ONE, 300, 500, SCALES - 1];
    for (i, &mean) in means.iter().enumerate() {
        for (j, &scale) in scales.iter().enumerate() {
            let (scale_bits, floor_width) = [(30, 1), (24, 3), (17, 1), (20, 8)][(i + j) % 4];
            let one = [Component { mean, scale, weight: 9 }];
            check_tiling(&Mixture::<1>::new(&one, scale_bits, floor_width).unwrap(), floor_width, 7);
            let three = [
                Component { mean, scale, weight: 60_000 },
                Component { mean: means[(i + 4) % 9], scale: scales[(j + 2) % 6], weight: 65_535 },
                Component { mean: means[(i + 5) % 9], scale: scales[(j + 1) % 6], weight: 0 },
            ];
            check_tiling(&Mixture::<3>::new(&three, scale_bits, floor_width).unwrap(), floor_width, 5);
        }
    }
}

fn logistic(z: f64) -> f64 {
    1.0 / (1.0 + (-z).exp())
}

#[test]
fn probabilities_are_those_of_the_distribution() {
    let components = [
        Component { mean: 1000 * 256 + 64, scale: SCALE_ONE + 3 * 32, weight: 3 },
        Component { mean: 1010 * 256, scale: SCALE_ONE + 5 * 32 + 16, weight: 1 },
    ];
    let distribution = Mixture::<2>::new(&components, 30, 1).unwrap();
    let below = |edge: f64| {
        0.75 * logistic((edge - 1000.25) / 8.0) + 0.25 * logistic((edge - 1010.0) / (32.0 * 2_f64.sqrt()))
    };
    // Bits lost by coding with the integer distribution instead of the exact one.
    let (mut lost, mut mass) = (0.0, 0.0);
    for sample in 600..1500 {
        let exact = below(f64::from(sample) + 0.5) - below(f64::from(sample) - 0.5);
        let coded = f64::from(distribution.interval(sample).unwrap().width) / 2_f64.powi(30);
        if exact > 1e-12 {
            lost += exact * (exact / coded).log2();
            mass += exact;
        }
    }
    assert!(mass > 0.999_9);
    assert!(lost < 2e-4, "{lost} bits lost");
}

#[test]
fn numbers_that_make_no_distribution_are_refused() {
    let distribution = |scale, weight, scale_bits, floor_width| {
        Mixture::<1>::new(&[Component { mean: 0, scale, weight }], scale_bits, floor_width)
    };
    assert!(distribution(SCALES - 1, 1, 24, 1).is_ok());
    assert!(distribution(SCALES, 1, 24, 1).is_err());
    assert!(distribution(0, 0, 24, 1).is_err());
    assert!(distribution(0, 1, 16, 1).is_err());
    assert!(distribution(0, 1, 31, 1).is_err());
    assert!(distribution(0, 1, 24, 0).is_err());
    assert!(distribution(0, 1, 24, 128).is_ok());
    assert!(distribution(0, 1, 24, 129).is_err());
}

#[test]
fn intervals_are_pinned() {
    let components = [
        Component { mean: 30_000 * 256 + 5, scale: 300, weight: 40_000 },
        Component { mean: 30_010 * 256, scale: 361, weight: 25_000 },
        Component { mean: 29_000 * 256, scale: 480, weight: 536 },
    ];
    let samples = [0, 1000, 29_900, 29_990, 30_000, 30_001, 30_050, 31_000, 65_535];
    let logistic = Mixture::<3>::new(&components, 24, 2).unwrap();
    let starts = samples.map(|sample| logistic.interval(sample).unwrap().start);
    assert_eq!(
        starts,
        [0, 2000, 1_470_699, 6_736_759, 8_136_301, 8_279_060, 13_427_619, 16_691_206, 16_777_214]
    );
}

fn mixture(mean: i32, scales: [u16; 2]) -> Mixture<2> {
    let components = [
        Component { mean, scale: scales[0], weight: 50_000 },
        Component { mean: mean.wrapping_add(9000), scale: scales[1], weight: 900 },
    ];
    Mixture::new(&components, 30, 1).unwrap()
}

proptest! {
    /// Cells tile the scale, every one can be coded, and every point is found.
    #[test]
    fn restricted_mixtures_tile_the_scale(
        mean in any::<i32>(),
        scales in [0..SCALES, 0..SCALES],
        (interval_bits, cell_bits) in (0..=16_u32).prop_flat_map(|bits| (Just(bits), bits.saturating_sub(8)..=bits)),
        place in any::<u32>(),
        points in proptest::collection::vec(0..1_u32 << 30, 20),
    ) {
        let mixture = mixture(mean, scales);
        let low = (place % (SAMPLES >> interval_bits)) << interval_bits;
        let cells = Restricted::new(&mixture, low, interval_bits, cell_bits).unwrap();
        let mut end = 0;
        for cell in 0..1 << (interval_bits - cell_bits) {
            let interval = cells.interval(cell).unwrap();
            prop_assert!(interval.start == end && interval.width > 0);
            end += interval.width;
            prop_assert_eq!(cells.locate(end - 1), (cell, interval));
            prop_assert_eq!(cells.locate(interval.start), (cell, interval));
        }
        prop_assert_eq!(end, 1 << cells.scale_bits());
        prop_assert_eq!(cells.interval(1 << (interval_bits - cell_bits)), None);
        for point in points {
            let (cell, interval) = cells.locate(point);
            prop_assert_eq!(cells.interval(cell), Some(interval));
            prop_assert!(interval.start <= point && point - interval.start < interval.width);
        }
    }

    /// So do cells of all samples that are moved.
    #[test]
    fn shifted_cells_tile_the_scale(
        mean in any::<i32>(),
        scales in [0..SCALES, 0..SCALES],
        cell_bits in 6..=16_u32,
        place in any::<u32>(),
        points in proptest::collection::vec(0..1_u32 << 30, 20),
    ) {
        let mixture = mixture(mean, scales);
        let offset = place % (1 << cell_bits);
        let cells = Restricted::shifted(&mixture, offset, cell_bits).unwrap();
        let count = (SAMPLES + offset).div_ceil(1 << cell_bits);
        let mut end = 0;
        for cell in 0..count {
            let interval = cells.interval(cell).unwrap();
            prop_assert!(interval.start == end && interval.width > 0);
            end += interval.width;
            prop_assert_eq!(cells.locate(end - 1), (cell, interval));
        }
        prop_assert_eq!((end, cells.interval(count)), (1 << cells.scale_bits(), None));
        for point in points {
            let (cell, interval) = cells.locate(point);
            prop_assert!(cells.interval(cell) == Some(interval) && interval.start <= point);
        }
        prop_assert!(Restricted::shifted(&mixture, 1 << cell_bits, cell_bits).is_err());
    }

    /// Coded in stages under one mixture, a sample costs what it costs at once.
    #[test]
    fn stages_telescope(
        mean in 0..SAMPLES << 8,
        scales in [SCALE_ONE..SCALE_ONE + 320, SCALE_ONE..SCALES],
        distance in -40..40_i32,
        first in 0..=16_u32,
        second in 0..=16_u32,
    ) {
        let mixture = mixture(mean as i32, scales);
        let spread = 1 << ((scales[0] - SCALE_ONE) / 32);
        let sample = ((mean >> 8) as i32 + distance * spread / 8).clamp(0, 65_535) as u32;
        let (mut at_once, mut in_stages) = (Meter::new(), Meter::new());
        at_once.code(&mut sample.clone(), &mixture).unwrap();
        let mut known_bits = 16;
        for cell_bits in [first.max(second), first.min(second), 0] {
            let low = (sample >> known_bits) << known_bits;
            let cells = Restricted::new(&mixture, low, known_bits, cell_bits).unwrap();
            in_stages.code(&mut ((sample - low) >> cell_bits), &cells).unwrap();
            known_bits = cell_bits;
        }
        let (at_once, in_stages) = (at_once.bits(), in_stages.bits());
        prop_assert!((at_once - in_stages).abs() < 1e-3, "{at_once} bits at once, {in_stages} in stages");
    }
}

#[test]
fn intervals_that_cannot_be_are_refused() {
    let mixture = mixture(0, [300, 300]);
    assert!(Restricted::new(&mixture, 65_472, 6, 6).is_ok());
    for (low, interval_bits, cell_bits) in [(65_473, 6, 0), (0, 3, 4), (0, 17, 0), (u32::MAX, 1, 0)] {
        assert!(Restricted::new(&mixture, low, interval_bits, cell_bits).is_err());
    }
}
