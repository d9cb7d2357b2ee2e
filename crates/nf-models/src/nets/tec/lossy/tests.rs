//! What the codec with a loss promises: a stream that decodes to the same bits everywhere, and a
//! published size.

use super::*;
use crate::parameters::{ConvSpec, Order};

/// Counts parameters and makes none.
#[derive(Default)]
struct Count(u64);

impl ParameterSource for Count {
    type Conv = ();
    type Array<const D: usize> = ();
    type Permutation = ();

    fn conv(&mut self, _: &str, spec: ConvSpec) -> std::result::Result<(), String> {
        let [rows, columns] = spec.geometry.kernel;
        self.0 += (spec.inputs * spec.outputs * rows * columns + spec.outputs) as u64;
        Ok(())
    }

    fn array<const D: usize>(
        &mut self,
        _: &str,
        shape: [usize; D],
        _: Initial,
    ) -> std::result::Result<(), String> {
        self.0 += shape.iter().product::<usize>() as u64;
        Ok(())
    }

    fn permutation(&mut self, _: &str, _: usize, _: Order) -> std::result::Result<(), String> {
        Ok(())
    }
}

fn parameters(size: &str) -> u64 {
    let mut count = Count::default();
    TecLossyConfig::preset(size).unwrap().build(&mut count).unwrap();
    count.0
}

#[test]
fn sizes_are_those_that_are_promised() {
    // TerraCodec's TEC-TT has 225 million, of which 8.6 are in the transforms.
    let paper = parameters("paper");
    assert!((220_000_000..230_000_000).contains(&paper), "{paper}");
    let small = parameters("lossy-small");
    assert!((250_000..350_000).contains(&small), "{small}");
}

#[test]
fn extents_that_make_no_network_are_named() {
    let tiny = || TecLossyConfig::preset("lossy-tiny").unwrap();
    let error = |config: TecLossyConfig| config.check().unwrap_err().to_string();
    assert!(error(TecLossyConfig { heads: 3, ..tiny() }).contains("heads"));
    assert!(error(TecLossyConfig { distortion_weights: vec![1.0, 0.5], ..tiny() }).contains("distortion"));
    assert!(error(TecLossyConfig { shot_noise: 0.0, ..tiny() }).contains("shot_noise"));
    assert!(error(TecLossyConfig { filters: vec![], ..tiny() }).contains("filters"));
    assert!(TecLossyConfig { distortion_weights: vec![0.0, 0.5], ..tiny() }.check().is_ok());
}

#[cfg(feature = "train")]
mod trained {
    use super::*;
    use crate::network::TrainableNetwork;
    use crate::random::Random;
    use crate::tensor::host_tiles::tensor;
    use crate::tensor::{weights_of, with_noise};
    use crate::tile::Tile;
    use burn::tensor::Device;
    use nf_engine::scalar_only;
    use nf_entropy::{Meter, Reader, Writer};

    /// Planes of a slope with a star of this height and noise of deviation 3.
    fn stack_with(star: f32, planes: usize, height: usize, width: usize, seed: u64) -> Vec<u16> {
        let mut random = Random::new(seed);
        let mut sample = |y: usize, x: usize| {
            let from_star = (y as f32 - 7.0).powi(2) + (x as f32 - 9.0).powi(2);
            let value = 900.0 + 2.0 * x as f32 + star * (-from_star / 6.0).exp() + 3.0 * random.normal();
            value.round() as u16
        };
        let places = (0..planes).flat_map(|_| (0..height * width).map(|at| (at / width, at % width)));
        places.map(|(y, x)| sample(y, x)).collect()
    }

    fn stack(planes: usize, height: usize, width: usize, seed: u64) -> Vec<u16> {
        stack_with(4000.0, planes, height, width, seed)
    }

    fn net(planes: usize) -> loss::Trained {
        let config = TecLossyConfig { planes, ..TecLossyConfig::preset("lossy-tiny").unwrap() };
        config.check().unwrap();
        with_noise(config.init(&Device::flex(), 5), 8, 0.05)
    }

    fn model(net: &loss::Trained) -> LossyModel {
        LossyModel::of(net.config().build(&mut weights_of(net)).unwrap())
    }

    #[test]
    fn streams_decode_to_what_the_encoder_said_with_and_without_wide_registers() {
        let model = model(&net(3));
        for (planes, height, width) in [(1, 16, 16), (4, 21, 35), (2, 1, 3)] {
            let samples = stack(planes, height, width, 4);
            for quality in [0, 7, model.most_quality_steps()] {
                let encode = || {
                    let mut tile = Tile::known(height, width, samples.clone());
                    let mut writer = Writer::new();
                    model.code(&mut writer, &mut tile, quality).unwrap();
                    (writer.finish(), tile)
                };
                let (bytes, known) = encode();
                assert!(scalar_only(encode) == (bytes.clone(), known.clone()));
                let decode = |bytes: &[u8]| {
                    let mut tile = Tile::blank(height, width, known.stats.clone());
                    let mut reader = Reader::new(bytes);
                    let whole = model.code(&mut reader, &mut tile, quality).and_then(|()| reader.finish());
                    whole.map(|()| tile.samples)
                };
                assert!(decode(&bytes).unwrap() == known.samples, "{planes} planes, quality {quality}");
                assert!(scalar_only(|| decode(&bytes)).unwrap() == known.samples);
                assert!(decode(&bytes[..bytes.len() - 1]).is_err());
            }
        }
    }

    #[test]
    fn training_and_coding_agree_on_rate_and_on_distortion() {
        let (planes, height, width) = (3, 16, 24);
        // Far out in a tail the coder's distribution of 22 bits has a higher floor than that of
        // training.
        let stacks: Vec<_> = (1..=2).map(|seed| stack_with(30.0, planes, height, width, seed)).collect();
        let values = stacks.iter().flatten().map(|&sample: &u16| f32::from(sample)).collect();
        let tiles = tensor(values, [2, planes, height, width], &Device::flex());
        let net = net(planes);
        let trained = net.rate_distortion(&tiles).unwrap();
        let numbers = |own: burn::tensor::Tensor<1>| own.into_data().try_to_vec::<f32>().unwrap();
        let (rates, distortions) = (numbers(trained.rate), numbers(trained.distortion));
        let model = model(&net);
        for (n, samples) in stacks.iter().enumerate() {
            let mut tile = Tile::known(height, width, samples.clone());
            let stats = tile.stats.clone();
            let mut meter = Meter::new();
            // Tile 0 has the first quality, tile 1 the second.
            model.code(&mut meter, &mut tile, 16 * n).unwrap();
            let bits = meter.bits() / samples.len() as f64;
            assert!((bits - f64::from(rates[n])).abs() < 0.01, "{bits} bits, trained {}", rates[n]);
            let places = samples.iter().zip(&tile.samples).enumerate();
            let errors = places.map(|(at, (&a, &b))| {
                let scale = plane_scale::PlaneScale::new(stats[at / (height * width)], 0.25);
                let error = f64::from((scale.to_noise_units(a) - scale.to_noise_units(b)).abs());
                error.min(6.0).powi(2) + 12.0 * (error - 6.0).max(0.0)
            });
            let distortion = errors.sum::<f64>() / samples.len() as f64;
            let wanted = f64::from(distortions[n]);
            // Samples are rounded.
            assert!((distortion / wanted - 1.0).abs() < 0.05, "{distortion}, trained {wanted}");
        }
    }

    #[test]
    fn damaged_streams_are_errors_or_other_samples() {
        let model = model(&net(2));
        let stats = Tile::known(16, 16, stack(2, 16, 16, 1)).stats;
        for seed in 0..50 {
            let mut random = Random::new(seed);
            let bytes: Vec<u8> = (0..200).map(|_| random.next() as u8).collect();
            let mut tile = Tile::blank(16, 16, stats.clone());
            let _ = model.code(&mut Reader::new(&bytes), &mut tile, 0);
        }
    }
}
