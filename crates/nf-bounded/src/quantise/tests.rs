//! The bound for every value of 16 bits; refusals; what indices cost.

use super::*;
use crate::noise::{NoiseModel, NoiseSource};

fn bound(text: &str) -> Bound {
    text.parse().unwrap()
}

fn noise(offset: f64, gain: f64, read: f64) -> Option<Noise> {
    let model = NoiseModel::from_gain(offset, gain, read).unwrap();
    Some(Noise { model, source: NoiseSource::Given })
}

/// Quantises, decodes, and compares by arithmetic of this test.
fn round_trip(array: &Array, text: &str, noise: Option<Noise>, blank: Option<i64>) -> Array {
    round_trip_with(array, text, &QuantiseOptions { noise, blank, dither_seed: Some(3), tile: None });
    round_trip_with(array, text, &QuantiseOptions { noise, blank, dither_seed: None, tile: None })
}

fn round_trip_with(array: &Array, text: &str, options: &QuantiseOptions) -> Array {
    let quantised = quantise(array, &bound(text), options).unwrap();
    let decoded = reconstruct(&quantised.record, &quantised.layers).unwrap();
    assert_eq!(decoded.samples().digest(), quantised.record.decoded);
    for place in 0..array.samples().len() {
        let (x, y) = (array.samples().value(place), decoded.samples().value(place));
        assert!((x - y).abs() <= quantised.record.tolerance.at(x), "{text}: {x} became {y}");
    }
    decoded
}

fn u16_of(array: &Array) -> &[u16] {
    match array.samples() {
        Samples::U16(values) => values,
        _ => panic!("unsigned samples"),
    }
}

#[test]
fn all_65536_values_keep_every_bound() {
    let all: Vec<u16> = (0..=u16::MAX).collect();
    let array = Array::new(vec![256, 256], all.clone()).unwrap();
    for text in ["1dn", "2.9dn", "4dn", "100dn", "30000dn", "1e-3rel"] {
        let decoded = round_trip(&array, text, None, None);
        assert_eq!(u16_of(&decoded)[0], 0);
        assert_eq!(u16_of(&decoded)[65535], 65535, "{text}: saturation is kept");
    }
    for text in ["0.25sigma", "0.5sigma", "1sigma", "2sigma", "20sigma"] {
        for model in [noise(1000.0, 1.5, 4.0), noise(0.0, 0.1, 0.5), noise(-50.0, 30.0, 12.5)] {
            let decoded = round_trip(&array, text, model, None);
            assert_eq!((u16_of(&decoded)[0], u16_of(&decoded)[65535]), (0, 65535));
        }
        // Far below the offset there is no noise.
        let decoded = round_trip(&array, text, noise(1000.0, 1.5, 4.0), None);
        assert_eq!(u16_of(&decoded)[..970], all[..970], "{text}");
    }
    let signed: Vec<i16> = (i16::MIN..=i16::MAX).collect();
    let array = Array::new(vec![65536], signed).unwrap();
    round_trip(&array, "3dn", None, None);
    round_trip(&array, "0.5sigma", noise(-31_000.0, 2.0, 5.0), None);
}

#[test]
fn blank_samples_are_kept_and_nothing_becomes_blank() {
    let values: Vec<i16> = (-40..60).collect();
    let array = Array::new(vec![100], values.clone()).unwrap();
    let decoded = round_trip(&array, "5dn", None, Some(7));
    let blank = |array: &Array| (0..100).filter(|&place| array.samples().value(place) == 7.0).count();
    assert_eq!((blank(&decoded), decoded.samples().value(47)), (1, 7.0));
    let wide: Vec<i32> = values.iter().map(|&x| i32::from(x) * 100_000).collect();
    let decoded = round_trip(&Array::new(vec![100], wide).unwrap(), "90000dn", None, Some(700_000));
    let blanks = (0..100).filter(|&place| decoded.samples().value(place) == 700_000.0).count();
    assert_eq!((blanks, decoded.samples().value(47)), (1, 700_000.0));
}

#[test]
fn means_of_bins_are_the_means_of_their_samples() {
    let mut random = nf_image::testing::Rng::new(5);
    let model = noise(500.0, 2.0, 9.0);
    let values: Vec<u16> = (0..90_000).map(|_| (600.0 + 11.0 * random.normal()).round() as u16).collect();
    let array = Array::new(vec![300, 300], values.clone()).unwrap();
    // Bins of a larger bound leave their values no room.
    for text in ["0.25sigma", "0.5sigma", "1sigma"] {
        let decoded = round_trip(&array, text, model, None);
        let sum = |values: &[u16]| values.iter().map(|&x| f64::from(x)).sum::<f64>();
        let shift = (sum(u16_of(&decoded)) - sum(&values)) / 90_000.0;
        assert!(shift.abs() < 0.3, "{text}: {shift}");
    }
}

#[test]
fn dither_leaves_no_bias_at_any_bound_up_to_two_sigmas() {
    let mut random = nf_image::testing::Rng::new(6);
    let model = noise(500.0, 1e9, 10.0);
    for bias in [0.0, 3.0, 7.5, 19.0] {
        let real: Vec<f64> = (0..160_000).map(|_| 600.0 + bias + 10.0 * random.normal()).collect();
        let counts: Vec<u16> = real.iter().map(|x| x.round() as u16).collect();
        let single: Vec<f32> = real.iter().map(|&x| x as f32).collect();
        let arrays = [Array::new(vec![400, 400], counts), Array::new(vec![400, 400], single)];
        for array in arrays.map(|array| array.unwrap()) {
            for text in ["0.5sigma", "1sigma", "2sigma"] {
                let options = QuantiseOptions { noise: model, dither_seed: Some(5), blank: None, tile: None };
                let decoded = round_trip_with(&array, text, &options);
                let values = |array: &Array| -> Vec<f64> {
                    (0..160_000).map(|place| array.samples().value(place)).collect()
                };
                let (mut x, mut y) = (values(&array), values(&decoded));
                let shift = (y.iter().sum::<f64>() - x.iter().sum::<f64>()) / 160_000.0;
                // Its own scatter is that of a uniform error of 40 DN over 160000 samples.
                assert!(shift.abs() < 0.1, "{text}, {bias}: the mean moves by {shift}");
                x.sort_by(f64::total_cmp);
                y.sort_by(f64::total_cmp);
                let shift = y[80_000] - x[80_000];
                assert!(shift.abs() <= 1.0, "{text}, {bias}: the median moves by {shift}");
            }
        }
    }
}

#[test]
fn bounds_that_mean_nothing_are_refused() {
    let refusal = |array: &Array, text: &str, noise| match quantise(
        array,
        &bound(text),
        &QuantiseOptions { noise, ..QuantiseOptions::default() },
    ) {
        Err(error) => error.to_string(),
        Ok(_) => panic!("{text} is taken"),
    };
    let integers = Array::new(vec![4, 5], (0..20u16).collect::<Vec<_>>()).unwrap();
    assert!(refusal(&integers, "0.5dn", None).contains("whole numbers"));
    assert!(refusal(&integers, "1e-3rel", None).contains("whole numbers"));
    assert!(refusal(&integers, "19dn", None).contains("differ by no more than 19"));
    assert!(refusal(&integers, "1e300dn", None).contains("differ by no more than 19"));
    assert!(refusal(&integers, "2rel", None).contains("differ by no more than 19"));
    assert!(refusal(&integers, "1e300dn", None).contains("it is 1.00e300, and"));
    assert!(refusal(&integers, "1e-300dn", None).contains("it is 1.00e-300 for"));
    let extremes = Array::new(vec![3], vec![f64::MAX, -f64::MAX, 1.0]).unwrap();
    assert!(refusal(&extremes, "1e-3rel", None).contains("give the bound in dn"));
    let apart = refusal(&extremes, "1dn", None);
    assert!(apart.contains("are 2.00e292 apart"), "{apart}");
    assert!(refusal(&integers, "0.5sigma", None).contains("the noise is not known"));
    assert!(refusal(&integers, "9sigma", noise(0.0, 1.0, 3.0)).contains("differ by 19"));
    let floats: Vec<f32> = (0..1000).map(|i| 30_000.0 + i as f32).collect();
    let floats = Array::new(vec![1000], floats).unwrap();
    let words = refusal(&floats, "1e-4dn", None);
    assert!(words.contains("apart") && words.contains("without a bound"), "{words}");
    assert!(refusal(&floats, "1e-9rel", None).contains("apart"));
    // Every second sample is far too large for the bound.
    let mixed: Vec<f64> = (0..1000).map(|i| if i % 50 == 0 { 1e300 } else { f64::from(i) }).collect();
    let mixed = Array::new(vec![1000], mixed).unwrap();
    assert!(quantise(&mixed, &bound("0.25dn"), &QuantiseOptions::default()).is_ok(), "2 % are kept exactly");
}

#[test]
fn arrays_without_a_range_are_kept() {
    for values in [vec![f64::NAN; 50], vec![f64::INFINITY; 50], vec![-2.5; 50], vec![]] {
        let array = Array::new(vec![values.len()], values.clone()).unwrap();
        for text in ["1dn", "1e-3rel"] {
            let quantised = quantise(&array, &bound(text), &QuantiseOptions::default()).unwrap();
            let decoded = reconstruct(&quantised.record, &quantised.layers).unwrap();
            assert_eq!(decoded.samples().digest(), array.samples().digest(), "{values:?}");
            assert_eq!(quantised.record.changed, 0);
        }
    }
    let constant = Array::new(vec![7, 9], vec![40_000u16; 63]).unwrap();
    assert_eq!(quantise(&constant, &bound("3dn"), &QuantiseOptions::default()).unwrap().record.changed, 0);
}

#[test]
fn one_outlier_costs_no_second_layer() {
    let mut values: Vec<f32> = (0..10_000).map(|i| (i % 97) as f32).collect();
    values[5000] = 1e30;
    values[77] = f32::NAN;
    let array = Array::new(vec![100, 100], values.clone()).unwrap();
    let quantised = quantise(&array, &bound("0.01dn"), &QuantiseOptions::default()).unwrap();
    assert_eq!((quantised.layers.len(), quantised.record.exact_samples()), (1, 2));
    // A range of 2^24 steps takes both halves.
    let values: Vec<f64> = (0..10_000).map(|i| f64::from(i * 1600)).collect();
    let quantised =
        quantise(&Array::new(vec![10_000], values).unwrap(), &bound("0.5dn"), &QuantiseOptions::default())
            .unwrap();
    assert_eq!((quantised.layers.len(), quantised.record.exact_samples()), (2, 0));
    assert_eq!(quantised.layers[0].shape(), Shape::frame(10, 1024));
}

#[test]
fn the_check_sees_what_is_outside() {
    let array = |values: [f32; 3]| Array::new(vec![3], values.to_vec()).unwrap();
    let original = array([1.0, f32::NAN, f32::INFINITY]);
    let tolerance = Tolerance::Absolute(0.25);
    let found = check(&original, &array([1.25, f32::NAN, f32::INFINITY]), &tolerance).unwrap();
    assert_eq!(found, Comparison { largest_error: 0.25, largest_error_sigma: None, changed: 1 });
    for wrong in [
        [1.250_000_1, f32::NAN, f32::INFINITY],
        [1.0, 0.0, f32::INFINITY],
        [1.0, f32::NAN, f32::MAX],
        [1.0, f32::from_bits(0x7fc0_0001), f32::INFINITY],
    ] {
        assert!(
            matches!(check(&original, &array(wrong), &tolerance), Err(Error::Violated { .. })),
            "{wrong:?}"
        );
    }
    let other = Array::new(vec![3, 1], vec![1.0f32; 3]).unwrap();
    assert!(matches!(check(&original, &other, &tolerance), Err(Error::Shape { .. })));
}
