//! The flow and its inverse.

use super::*;
use crate::engine::whole::Map;
use crate::traverse::Tile;
use proptest::prelude::*;

fn net(planes: usize) -> Idf {
    let config =
        IdfConfig { planes, levels: 2, flows: 2, depth: 2, growth: 6, mixtures: 2, inputs: Inputs::Robust };
    let mut net = config.init(&Device::flex(), 4);
    // New couplings predict zero; these shall not.
    let random = &mut Random::new(9);
    for (level, own) in net.levels.iter_mut().enumerate() {
        let channels = config.channels(level);
        let numbers = 3 * config.split_mixtures() * config.group(level);
        let dense = own.flows.iter_mut().map(|flow| (&mut flow.net, channels / 4));
        for (dense, outputs) in dense.chain(own.split.iter_mut().map(|net| (net, numbers))) {
            let inputs = dense.last.channels()[1];
            dense.last = Conv::plain(inputs, outputs, Geometry::centred(3), 2.0, random, &Device::flex());
        }
    }
    net
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn any_tile_comes_back(
        planes in 1..=3_usize,
        (height, width) in (1..=13_usize, 1..=13_usize),
        calm: bool,
        samples in proptest::collection::vec(any::<u16>(), 3 * 13 * 13),
    ) {
        let samples: Vec<u16> = samples.iter().map(|&s| if calm { 1000 + s % 16 } else { s }).collect();
        let samples = samples[..planes * height * width].to_vec();
        let coder = IdfCoder::new(&net(planes));
        let mut tiles = vec![Tile::known(height, width, samples.clone())];
        let mut writer = nf_entropy::Writer::new();
        coder.code(&mut writer, &mut tiles).unwrap();
        // The encoder, too, comes back to the samples through the inverse.
        prop_assert_eq!(&tiles[0].samples, &samples);
        let bytes = writer.finish();
        let mut blank = vec![Tile::blank(height, width, tiles[0].normals.clone())];
        let mut reader = nf_entropy::Reader::new(&bytes);
        coder.code(&mut reader, &mut blank).unwrap();
        prop_assert_eq!(&blank[0].samples, &samples);
    }
}

#[test]
fn the_graph_of_a_coupling_computes_what_tensors_do() {
    let net = net(1);
    let dense = &net.levels[0].flows[0].net;
    let mut random = Random::new(2);
    let values: Vec<f32> = (0..5 * 6 * 4).map(|_| random.normal()).collect();
    let shown = Tensor::from_data(TensorData::new(values, [1, 4, 5, 6]), &Device::flex());
    let latents = shown.clone().narrow(1, 0, 3);
    let map = |tensor: Tensor<4>| {
        let [_, channels, height, width] = tensor.dims();
        let values = tensor.permute([0, 2, 3, 1]).into_data().try_to_vec::<f32>().unwrap();
        Map { height, width, channels, values }
    };
    let wanted = map(dense.forward(&shown, &latents));
    let graph = crate::engine::Graph::record(&[4, 3], |maps: &[crate::engine::Recorded]| {
        vec![dense.forward(&maps[0], &maps[1])]
    });
    let got = graph.run(vec![map(shown), map(latents)]).remove(0);
    for (a, b) in got.values.iter().zip(&wanted.values) {
        assert!((a - b).abs() <= 1e-4 * (1.0 + b.abs()), "{a}, tensors say {b}");
    }
}
