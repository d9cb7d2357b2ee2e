//! The recorded graph against tensors, and causality.

use super::*;
use crate::engine::rows::Rows;
use crate::engine::whole::Map;
use crate::engine::{Graph, Recorded};
use crate::tiles::tensor;

fn config(stages: usize, planes: usize, inputs: Inputs) -> PixelCnnPpConfig {
    PixelCnnPpConfig { planes, filters: 6, stages, blocks: 2, mixtures: 2, dropout: 0.0, inputs }
}

fn noise(n: usize, planes: usize, height: usize, width: usize, seed: u64) -> Tensor<4> {
    let mut random = Random::new(seed);
    let values = (0..n * planes * height * width).map(|_| (500.0 + 9.0 * random.normal()).round()).collect();
    tensor(values, [n, planes, height, width], &Device::flex())
}

/// (C, H, W) of a tensor as a map of the engine.
fn map(tensor: Tensor<4>) -> Map {
    let [_, channels, height, width] = tensor.dims();
    let values = tensor.permute([0, 2, 3, 1]).into_data().try_to_vec::<f32>().unwrap();
    Map { height, width, channels, values }
}

#[test]
fn the_graph_computes_what_tensors_do_and_pixel_by_pixel_the_same_bits() {
    for (stages, planes, height, width) in
        [(1, 1, 7, 9), (2, 2, 9, 6), (3, 1, 13, 11), (3, 1, 1, 5), (2, 1, 5, 1)]
    {
        let config = config(stages, planes, Inputs::Robust);
        let tiles = noise(2, planes, height, width, 3);
        let net = config.init(&Device::flex(), 5).observe(tiles.clone()).unwrap();
        let shown = config.head().prepare(tiles).unwrap();
        let context = shown.context.unwrap();
        let wanted = net.forward(&shown.seen, Some(&context));
        let (seen_channels, context_channels) =
            (config.head().seen_channels(), config.head().context_channels());
        let graph = Graph::record(&[seen_channels, context_channels], |maps: &[Recorded]| {
            vec![net.forward(&maps[0], maps.get(1))]
        });
        let one = |tensor: &Tensor<4>, n: usize| map(tensor.clone().narrow(0, n, 1));
        let whole: Vec<Map> =
            (0..2).map(|n| graph.run(vec![one(&shown.seen, n), one(&context, n)]).remove(0)).collect();
        for (n, map) in whole.iter().enumerate() {
            for (a, b) in map.values.iter().zip(one(&wanted, n).values) {
                assert!((a - b).abs() <= 2e-4 * (1.0 + b.abs()), "{stages} stages: {a}, tensors say {b}");
            }
        }
        let inputs = [&shown.seen, &context].map(|input| [one(input, 0), one(input, 1)]);
        let mut rows = Rows::new(&graph, 2, height, width);
        for pixel in 0..height * width {
            // Context first, as in coding; what is seen of the pixel itself last: a net that looked at it would panic.
            let give = |rows: &mut Rows<'_>, input: usize| {
                let channels = inputs[input][0].channels;
                for (to, map) in rows.next(input).chunks_exact_mut(channels).zip(&inputs[input]) {
                    to.copy_from_slice(&map.values[pixel * channels..][..channels]);
                }
            };
            give(&mut rows, 1);
            let got = rows.demand(0, pixel / width, pixel % width).to_vec();
            let channels = graph.channels(0);
            for (n, got) in got.chunks_exact(channels).enumerate() {
                assert_eq!(
                    got,
                    &whole[n].values[pixel * channels..][..channels],
                    "pixel {pixel}, {stages} stages"
                );
            }
            give(&mut rows, 0);
        }
    }
}

#[test]
fn a_sample_changes_no_law_before_or_at_it() {
    for (inputs, planes) in [(Inputs::Robust, 2), (Inputs::Published, 2)] {
        let config = config(2, planes, inputs);
        let tiles = noise(1, planes, 6, 7, 9);
        let net = config.init(&Device::flex(), 1).observe(tiles.clone()).unwrap();
        let values = tiles.to_data().try_to_vec::<f32>().unwrap();
        let bits = |values: &[f32]| {
            let bits = net.bits(tensor(values.to_vec(), [1, planes, 6, 7], &Device::flex())).unwrap();
            bits.into_data().try_to_vec::<f32>().unwrap()
        };
        let before = bits(&values);
        for (plane, pixel) in [(0, 0), (0, 17), (1, 17), (1, 41), (0, 30)] {
            let mut changed = values.clone();
            // One sample value more changes neither location nor noise scale of these tiles.
            changed[plane * 42 + pixel] += 1.0;
            let after = bits(&changed);
            for (other, (a, b)) in before.iter().zip(&after).enumerate() {
                let (q, p) = (other / 42, other % 42);
                if p < pixel || (p == pixel && q < plane) {
                    assert_eq!(a, b, "{inputs:?}: sample {plane}/{pixel} reaches back to {q}/{p}");
                }
            }
            assert_ne!(before[plane * 42 + pixel], after[plane * 42 + pixel]);
        }
    }
}
