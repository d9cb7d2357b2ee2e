//! The recorded graph against tensors, and causality.

use super::*;
use crate::network::{Trainable, TrainableNetwork};
use crate::random::Random;
use crate::tensor::host_tiles::tensor;
use crate::tensor::weights_of;
use crate::tile_stats::TileStats;
use burn::tensor::{Device, Tensor};
use nf_engine::{CausalEvaluator, FeatureMap, Graph, SymbolicMap};

fn config(stages: usize, planes: usize, inputs: InputMode) -> PixelCnnPpConfig {
    PixelCnnPpConfig { planes, filters: 6, stages, blocks: 2, mixtures: 2, dropout: 0.0, inputs }
}

fn noise(n: usize, planes: usize, height: usize, width: usize, seed: u64) -> Tensor<4> {
    let mut random = Random::new(seed);
    let values = (0..n * planes * height * width).map(|_| (500.0 + 9.0 * random.normal()).round()).collect();
    tensor(values, [n, planes, height, width], &Device::flex())
}

/// (C, H, W) of a tensor as a map of the engine.
fn map(tensor: Tensor<4>) -> FeatureMap {
    let [_, channels, height, width] = tensor.dims();
    let values = tensor.permute([0, 2, 3, 1]).into_data().try_to_vec::<f32>().unwrap();
    FeatureMap { height, width, channels, values }
}

#[test]
fn graphs_match_tensors_and_pixel_by_pixel_evaluation_is_exact() {
    for (stages, planes, height, width) in
        [(1, 1, 7, 9), (2, 2, 9, 6), (3, 1, 13, 11), (3, 1, 1, 5), (2, 1, 5, 1)]
    {
        let config = config(stages, planes, InputMode::NoiseNormalised);
        let tiles = noise(2, planes, height, width, 3);
        let net = config.init(&Device::flex(), 5).data_dependent_init(tiles.clone()).unwrap();
        let head_inputs = config.head().prepare(tiles).unwrap();
        let context = head_inputs.context.unwrap();
        let wanted = net.forward(&head_inputs.features, Some(&context));
        let plain = config.build(&mut weights_of(&net)).unwrap();
        let channels = [config.head().feature_channels(), config.head().context_channels()];
        let graph =
            Graph::record(&channels, |maps: &[SymbolicMap]| vec![plain.forward(&maps[0], maps.get(1))]);
        let one = |tensor: &Tensor<4>, n: usize| map(tensor.clone().narrow(0, n, 1));
        let whole: Vec<FeatureMap> = (0..2)
            .map(|n| graph.evaluate(vec![one(&head_inputs.features, n), one(&context, n)]).remove(0))
            .collect();
        for (n, map) in whole.iter().enumerate() {
            for (a, b) in map.values.iter().zip(one(&wanted, n).values) {
                assert!((a - b).abs() <= 2e-4 * (1.0 + b.abs()), "{stages} stages: {a}, tensors say {b}");
            }
        }
        let inputs = [&head_inputs.features, &context].map(|input| [one(input, 0), one(input, 1)]);
        let mut evaluator = CausalEvaluator::new(&graph, 2, height, width);
        for pixel in 0..height * width {
            // Context first, as in coding; features of the pixel itself last: a network that read
            // them would panic.
            let give = |evaluator: &mut CausalEvaluator<'_>, input: usize| {
                let channels = inputs[input][0].channels;
                for (to, map) in evaluator.next_pixel(input).chunks_exact_mut(channels).zip(&inputs[input]) {
                    to.copy_from_slice(&map.values[pixel * channels..][..channels]);
                }
            };
            give(&mut evaluator, 1);
            let got = evaluator.output(0, pixel / width, pixel % width).to_vec();
            let channels = graph.channels(0);
            for (n, got) in got.chunks_exact(channels).enumerate() {
                assert_eq!(
                    got,
                    &whole[n].values[pixel * channels..][..channels],
                    "pixel {pixel}, {stages} stages"
                );
            }
            give(&mut evaluator, 0);
        }
    }
}

const HEIGHT: usize = 5;
const WIDTH: usize = 6;
const PIXELS: usize = HEIGHT * WIDTH;

/// A tile, and after it the same with each of its samples larger by `step`.
fn with_every_change(planes: usize, step: f32, seed: u64) -> Vec<Vec<f32>> {
    let mut random = Random::new(seed);
    let tile: Vec<f32> = (0..planes * PIXELS).map(|_| (400.0 + 9.0 * random.normal()).round()).collect();
    let changed = (0..tile.len()).map(|at| {
        let mut changed = tile.clone();
        changed[at] += step;
        changed
    });
    std::iter::once(tile.clone()).chain(changed).collect()
}

/// The statistics in a tile's header.
fn stats(tile: &[f32]) -> Vec<TileStats> {
    let samples: Vec<u16> = tile.iter().map(|&x| x as u16).collect();
    samples.chunks(PIXELS).map(|plane| TileStats::of(plane, WIDTH)).collect()
}

#[test]
fn a_sample_changes_later_distributions_only() {
    for inputs in [InputMode::NoiseNormalised, InputMode::Scaled, InputMode::BytesMsb, InputMode::BytesLsb] {
        for planes in 1..=3 {
            let config = config(planes, planes, inputs);
            // One of 65535 is too little for the published mapping.
            let step = if inputs == InputMode::Scaled { 2000.0 } else { 1.0 };
            // The header, where there is one, reaches every distribution: no change may change it.
            let same = |tiles: &Vec<Vec<f32>>| tiles.iter().all(|tile| stats(tile) == stats(&tiles[0]));
            let mut seeds = (9..).map(|seed| with_every_change(planes, step, seed));
            let tiles = seeds.find(|tiles| inputs != InputMode::NoiseNormalised || same(tiles)).unwrap();
            let extents = [tiles.len(), planes, HEIGHT, WIDTH];
            let tiles = tensor(tiles.concat(), extents, &Device::flex());
            let net = config.init(&Device::flex(), 1).data_dependent_init(tiles.clone()).unwrap();
            let bits = net.bits(tiles).unwrap();
            let (symbols, parts) = (bits.dims()[1], bits.dims()[1] / planes);
            let bits = bits.into_data().try_to_vec::<f32>().unwrap();
            let (before, after) = bits.split_at(symbols * PIXELS);
            for (at, after) in after.chunks_exact(symbols * PIXELS).enumerate() {
                let (plane, pixel) = (at / PIXELS, at % PIXELS);
                let low = if inputs == InputMode::BytesMsb { parts - 1 } else { 0 };
                let own = (pixel, plane * parts + low);
                let changed = (0..symbols * PIXELS).filter(|&other| before[other] != after[other]);
                let mut changed: Vec<_> = changed.map(|other| (other % PIXELS, other / PIXELS)).collect();
                changed.sort_unstable();
                assert_eq!(changed[0], own, "{inputs:?}, {planes} planes: the first symbol that changes");
                let later = changed.iter().any(|&(other, _)| other == pixel + 1 && other % WIDTH > 0);
                assert!(
                    later || (pixel + 1) % WIDTH == 0,
                    "{inputs:?}: the next pixel does not depend on {own:?}"
                );
            }
        }
    }
}
