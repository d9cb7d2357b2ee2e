//! The flow and its inverse.

use super::*;
use crate::network::TrainableNetwork;
use crate::random::Random;
use crate::tensor::{weights_of, with_noise};
use crate::tile::Tile;
use burn::tensor::{Device, Tensor, TensorData};
use nf_engine::{FeatureMap, Graph, SymbolicMap};
use proptest::prelude::*;

fn net(planes: usize) -> Trained {
    let inputs = InputMode::NoiseNormalised;
    let config = IdfConfig { planes, levels: 2, flows: 2, depth: 2, growth: 6, mixtures: 2, inputs };
    // New couplings predict zero; these must not.
    with_noise(config.init(&Device::flex(), 4), 9, 0.1)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn tiles_round_trip(
        planes in 1..=3_usize,
        (height, width) in (1..=13_usize, 1..=13_usize),
        quiet: bool,
        samples in proptest::collection::vec(any::<u16>(), 3 * 13 * 13),
    ) {
        let samples: Vec<u16> = samples.iter().map(|&s| if quiet { 1000 + s % 16 } else { s }).collect();
        let samples = samples[..planes * height * width].to_vec();
        let net = net(planes);
        let model = net.config.tile_model(&mut weights_of(&net)).unwrap();
        let mut tiles = vec![Tile::known(height, width, samples.clone())];
        let mut writer = nf_entropy::Writer::new();
        model.traverse(&mut writer, &mut tiles).unwrap();
        // The encoder, too, computes the samples by the inverse.
        prop_assert_eq!(&tiles[0].samples, &samples);
        let bytes = writer.finish();
        let mut blank = vec![Tile::blank(height, width, tiles[0].stats.clone())];
        let mut reader = nf_entropy::Reader::new(&bytes);
        model.traverse(&mut reader, &mut blank).unwrap();
        prop_assert_eq!(&blank[0].samples, &samples);
    }
}

#[test]
fn graphs_match_tensors() {
    let net = net(1);
    let dense = &net.levels[0].flows[0].net;
    let config = &net.config;
    let built = config.build(&mut weights_of(&net)).unwrap();
    let plain = &built.levels[0].flows[0].net;
    let mut random = Random::new(2);
    let values: Vec<f32> = (0..5 * 6 * 4).map(|_| random.normal()).collect();
    let inputs = Tensor::from_data(TensorData::new(values, [1, 4, 5, 6]), &Device::flex());
    let latents = inputs.clone().narrow(1, 0, 3);
    let map = |tensor: Tensor<4>| {
        let [_, channels, height, width] = tensor.dims();
        let values = tensor.permute([0, 2, 3, 1]).into_data().try_to_vec::<f32>().unwrap();
        FeatureMap { height, width, channels, values }
    };
    let wanted = map(dense.forward(&inputs, &latents));
    let graph = Graph::record(&[4, 3], |maps: &[SymbolicMap]| vec![plain.forward(&maps[0], &maps[1])]);
    let got = graph.evaluate(vec![map(inputs), map(latents)]).remove(0);
    for (a, b) in got.values.iter().zip(&wanted.values) {
        assert!((a - b).abs() <= 1e-4 * (1.0 + b.abs()), "{a}, tensors say {b}");
    }
}
