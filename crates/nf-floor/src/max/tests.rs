use super::*;
use proptest::prelude::*;

/// Uniform 32-bit numbers.
pub(super) struct Numbers(pub(super) u64);

impl Numbers {
    pub(super) fn next(&mut self) -> u32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 32) as u32
    }

    /// Nearly normal, of variance 1.
    fn normal(&mut self) -> f64 {
        (0..12).map(|_| f64::from(self.next()) / f64::from(u32::MAX)).sum::<f64>() - 6.0
    }
}

pub(super) fn noise(height: usize, width: usize, sigma: f64) -> Vec<u16> {
    let mut numbers = Numbers(5);
    (0..height * width)
        .map(|_| (1000.3 + sigma * numbers.normal()).round().clamp(0.0, 65_535.0) as u16)
        .collect()
}

fn payload(height: usize, width: usize, samples: &[u16]) -> Vec<u8> {
    encode(TileView::new(Shape::frame(height, width), samples)).expect("one plane of pixels is taken")
}

fn assert_returns(height: usize, width: usize, samples: &[u16]) {
    let bytes = payload(height, width, samples);
    let decoded = decode("tile", &bytes, Shape::frame(height, width)).expect("own bytes decode");
    assert!(decoded == samples, "{height} x {width}");
}

#[test]
fn edge_shapes_and_extremes_return() {
    let mut numbers = Numbers(1);
    for (height, width) in [(1, 1), (1, 2), (2, 1), (1, 500), (500, 1), (3, 5), (17, 33), (2, 5000)] {
        let wild: Vec<u16> = (0..height * width).map(|_| numbers.next() as u16).collect();
        let binary: Vec<u16> =
            wild.iter().map(|&sample| if sample & 1 == 0 { 0 } else { u16::MAX }).collect();
        for samples in [wild, binary, vec![0; height * width], vec![u16::MAX; height * width]] {
            assert_returns(height, width, &samples);
        }
    }
}

#[test]
fn noise_costs_its_entropy() {
    let (height, width, sigma) = (200, 200, 5.0f64);
    let samples = noise(height, width, sigma);
    assert_returns(height, width, &samples);
    let bits = payload(height, width, &samples).len() as f64 * 8.0 / samples.len() as f64;
    let entropy = sigma.log2() + 2.047;
    assert!(bits < entropy * 1.01 && bits > entropy * 0.99, "{bits} bits, entropy {entropy}");
}

#[test]
fn every_variant_writes_the_same_bytes() {
    let (height, width) = (40, 150);
    let mut samples = noise(height, width, 30.0);
    samples[2000] = 60_000;
    let earlier: Vec<u16> = samples.iter().rev().copied().collect();
    let given = Given::new(width, &[&earlier], &[100]);
    let header = Header { median: 900.0, floor: 800.0 };
    for given in [None, Some(&given)] {
        let payloads = Variant::available().into_iter().map(|variant| {
            let mut encoder = Encoder::new(Vec::new());
            variant.run(Work {
                coder: &mut encoder,
                header,
                width,
                samples: &mut samples,
                given,
                constants: &Constants::COMMITTED,
            });
            (variant, encoder.finish())
        });
        let payloads: Vec<_> = payloads.collect();
        for (variant, payload) in &payloads {
            assert!(payload == &payloads[0].1, "{variant:?}");
        }
    }
}

/// The bytes of version 1: a change of any number anywhere in the model shows here.
#[test]
fn golden_stream() {
    let (height, width) = (48, 100);
    let mut samples = noise(height, width, 12.0);
    for k in 0..60 {
        samples[k * 77] = 1000 + 997 * k as u16;
    }
    let bytes = payload(height, width, &samples);
    assert_eq!((bytes.len(), crc32fast::hash(&bytes)), (3590, 225_702_199));
}

#[test]
fn truncated_and_extended_payloads_are_refused() {
    let samples = noise(20, 30, 3.0);
    let bytes = payload(20, 30, &samples);
    let shape = Shape::frame(20, 30);
    for length in 0..HEADER_BYTES {
        assert!(decode("tile", &bytes[..length], shape).is_err());
    }
    assert!(decode("tile", &bytes[..bytes.len() / 2], shape).is_err());
    let mut longer = bytes.clone();
    longer.extend_from_slice(&[0; 20]);
    assert!(decode("tile", &longer, shape).is_err());
    assert!(decode("tile", &bytes, Shape::new(2, 10, 30)).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_tile_returns(width in 1usize..40, samples in prop::collection::vec(any::<u16>(), 40..400), mask in any::<u16>()) {
        let height = samples.len() / width;
        let samples: Vec<u16> = samples[..height * width].iter().map(|sample| sample & mask).collect();
        if height > 0 {
            assert_returns(height, width, &samples);
        }
    }

    #[test]
    fn hostile_payloads_do_not_panic(payload in prop::collection::vec(any::<u8>(), 0..300), width in 1usize..40) {
        let _ = decode("tile", &payload, Shape::frame(20, width));
    }
}
