//! Both evaluators against the definition of each operation, bit for bit.

use super::*;
use crate::layer::padded;
use std::sync::Arc;

/// Deterministic numbers in `-3.0..3.0`.
pub(crate) fn numbers(seed: u64, count: usize) -> Vec<f32> {
    let mut state = seed;
    let next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1 << 24) as f32 * 6.0 - 3.0
    };
    std::iter::repeat_with(next).take(count).collect()
}

fn layer(seed: u64, geometry: Geometry, inputs: usize, outputs: usize) -> Arc<ConvLayer> {
    let [rows, columns] = geometry.kernel;
    let direction = numbers(seed, outputs * inputs * rows * columns);
    let gain = numbers(seed + 1, outputs);
    let bias = numbers(seed + 2, outputs);
    Arc::new(ConvLayer::new(geometry, [outputs, inputs], &direction, Some(&gain), bias))
}

fn map(seed: u64, height: usize, width: usize, channels: usize) -> FeatureMap {
    FeatureMap { height, width, channels, values: numbers(seed, height * width * channels) }
}

/// A map from a function of row, column and channel.
fn from_fn(
    [height, width, channels]: [usize; 3],
    mut value: impl FnMut(usize, usize, usize) -> f32,
) -> FeatureMap {
    let places = (0..height).flat_map(|y| (0..width).map(move |x| (y, x)));
    let places = places.flat_map(|(y, x)| (0..channels).map(move |c| (y, x, c)));
    let values = places.map(|(y, x, c)| value(y, x, c)).collect();
    FeatureMap { height, width, channels, values }
}

fn at(map: &FeatureMap, y: usize, x: usize, c: usize) -> f32 {
    map.values[(y * map.width + x) * map.channels + c]
}

/// The convolution by its definition: the bias, then taps in order, inputs in order.
fn conv(from: &FeatureMap, layer: &ConvLayer) -> FeatureMap {
    let geometry = layer.geometry;
    let [rows, columns] = geometry.kernel;
    let (height, width) = (from.height.div_ceil(geometry.stride), from.width.div_ceil(geometry.stride));
    from_fn([height, width, layer.outputs], |y, x, o| {
        let mut sum = layer.bias[o];
        for (i, j) in (0..rows).flat_map(|i| (0..columns).map(move |j| (i, j))) {
            let row = geometry.row(y, i).filter(|&row| row < from.height);
            let column = geometry.column(x, j).filter(|&column| column < from.width);
            if let (Some(row), Some(column)) = (row, column) {
                for input in 0..layer.inputs {
                    sum += at(from, row, column, input) * layer.tap(i, j)[input * padded(layer.outputs) + o];
                }
            }
        }
        sum
    })
}

/// The transposed convolution by its definition.
fn conv_transpose(from: &FeatureMap, layer: &ConvLayer, height: usize, width: usize) -> FeatureMap {
    let [rows, columns] = layer.geometry.kernel;
    from_fn([height, width, layer.outputs], |y, x, o| {
        let mut sum = layer.bias[o];
        for (i, j) in (0..rows).flat_map(|i| (0..columns).map(move |j| (i, j))) {
            let (twice_row, twice_column) = (y.checked_sub(i), (x + (columns - 1) / 2).checked_sub(j));
            let (Some(twice_row), Some(twice_column)) = (twice_row, twice_column) else { continue };
            let (row, column) = (twice_row / 2, twice_column / 2);
            if twice_row % 2 == 0 && twice_column % 2 == 0 && row < from.height && column < from.width {
                for input in 0..layer.inputs {
                    sum += at(from, row, column, input) * layer.tap(i, j)[input * padded(layer.outputs) + o];
                }
            }
        }
        sum
    })
}

#[test]
fn layers_compute_their_definition() {
    let geometries = [
        Geometry::centred(1),
        Geometry::centred(3),
        Geometry::centred(3).dilated(2),
        Geometry::centred(5).strided(2),
        Geometry::down(2, 3),
        Geometry::down(2, 3).shifted(1, 0),
        Geometry::down_right(2, 2).strided(2),
        Geometry::down_right(2, 1).shifted(0, 1),
    ];
    for (seed, geometry) in geometries.into_iter().enumerate() {
        for [height, width] in [[7, 9], [1, 5], [6, 1], [2, 2]] {
            let layer = layer(seed as u64, geometry, 3, 5);
            let from = map(8, height, width, 3);
            let graph = Graph::record(&[3], |maps| vec![maps[0].conv(&layer)]);
            assert_eq!(graph.evaluate(vec![from.clone()]), [conv(&from, &layer)], "{geometry:?}");
        }
    }
}

#[test]
fn transposed_layers_compute_their_definition() {
    for geometry in [Geometry::down(2, 3), Geometry::down_right(2, 2)] {
        for [height, width] in [[6_usize, 8_usize], [7, 9], [1, 1], [5, 2]] {
            let layer = layer(4, geometry, 2, 3);
            let (from, like) = (map(5, height.div_ceil(2), width.div_ceil(2), 2), map(6, height, width, 1));
            let graph = Graph::record(&[2, 1], |maps| vec![maps[0].conv_transpose(&layer, &maps[1])]);
            let wanted = conv_transpose(&from, &layer, height, width);
            assert_eq!(graph.evaluate(vec![from, like]), [wanted], "{geometry:?}, {height}x{width}");
        }
    }
}

#[test]
fn weight_normalisation_gives_weights_of_the_gain_as_length() {
    let layer = layer(1, Geometry::centred(3), 4, 2);
    let gain = numbers(2, 2);
    for (o, gain) in gain.into_iter().enumerate() {
        let square: f32 = (0..3)
            .flat_map(|i| (0..3).map(move |j| (i, j)))
            .flat_map(|(i, j)| layer.tap(i, j).iter().skip(o).step_by(padded(2)))
            .map(|w| w * w)
            .sum();
        assert!((square.sqrt() - gain.abs()).abs() < 1e-5);
    }
}

#[test]
fn maps_are_added_joined_and_unfolded() {
    let (a, b) = (map(1, 3, 4, 4), map(2, 3, 4, 4));
    let graph = Graph::record(&[4, 4], |maps| {
        let both = maps.to_vec();
        vec![maps[0].add(&maps[1]), SymbolicMap::concat(&both), maps[0].depth_to_space()]
    });
    assert_eq!([0, 1, 2].map(|index| graph.channels(index)), [4, 8, 1]);
    let results = graph.evaluate(vec![a.clone(), b.clone()]);
    assert_eq!(results[0], from_fn([3, 4, 4], |y, x, c| at(&a, y, x, c) + at(&b, y, x, c)));
    let joined = |y, x, c| if c < 4 { at(&a, y, x, c) } else { at(&b, y, x, c - 4) };
    assert_eq!(results[1], from_fn([3, 4, 8], joined));
    let unfolded = |y: usize, x: usize, _| at(&a, y / 2, x / 2, 2 * (y % 2) + x % 2);
    assert_eq!(results[2], from_fn([6, 8, 1], unfolded));
}

/// A causal network of every operation that pixel by pixel evaluation knows, on two resolutions.
fn causal_graph() -> Graph {
    let right = Geometry::down_right(2, 2);
    let above = layer(19, Geometry::down(1, 3).shifted(1, 0), 3, 4);
    let first = layer(1, Geometry::down_right(2, 1).shifted(0, 1), 3, 4);
    let context = layer(4, Geometry::centred(1), 2, 4);
    let gated = layer(7, right, 8, 8);
    let halve = layer(10, right.strided(2), 4, 6);
    let double = layer(13, right, 6, 4);
    let last = layer(16, Geometry::centred(1), 8, 3);
    Graph::record(&[3, 2], |maps| {
        let x = maps[0].conv(&first).add(&maps[0].conv(&above)).add(&maps[1].conv(&context));
        let y = x.add(&x.concat_elu().conv(&gated).gate());
        let coarse = y.conv(&halve).relu();
        let up = coarse.conv_transpose(&double, &y);
        vec![SymbolicMap::concat(&[up, y]).elu().conv(&last)]
    })
}

#[test]
fn pixel_by_pixel_gives_the_bits_of_whole_maps() {
    let graph = causal_graph();
    for (height, width) in [(7, 9), (4, 6), (1, 5), (5, 1)] {
        let tiles = [0, 10].map(|seed| [map(seed, height, width, 3), map(seed + 1, height, width, 2)]);
        let whole = tiles.clone().map(|tile| graph.evaluate(tile.to_vec()).remove(0));
        let causal = || {
            let mut evaluator = CausalEvaluator::new(&graph, 2, height, width);
            let mut results: Vec<Vec<f32>> = vec![vec![]; 2];
            for pixel in 0..height * width {
                let give = |evaluator: &mut CausalEvaluator<'_>, input: usize| {
                    let channels = tiles[0][input].channels;
                    let to = evaluator.next_pixel(input).chunks_exact_mut(channels);
                    for (to, tile) in to.zip(&tiles) {
                        to.copy_from_slice(&tile[input].values[pixel * channels..][..channels]);
                    }
                };
                // Input 1 is known at the pixel itself, input 0 only before it.
                give(&mut evaluator, 1);
                let both = evaluator.output(0, pixel / width, pixel % width).chunks_exact(3);
                results.iter_mut().zip(both).for_each(|(all, own)| all.extend_from_slice(own));
                give(&mut evaluator, 0);
            }
            results
        };
        let wanted = whole.map(|map| map.values);
        assert_eq!(causal(), wanted, "{height}x{width}");
        assert_eq!(scalar_only(causal), wanted, "{height}x{width}");
    }
}

#[test]
#[should_panic(expected = "before it is known")]
fn a_network_that_reads_its_own_pixel_is_found_out() {
    let layer = layer(1, Geometry::centred(1), 1, 1);
    let graph = Graph::record(&[1], |maps| vec![maps[0].conv(&layer)]);
    CausalEvaluator::new(&graph, 1, 2, 2).output(0, 0, 0);
}

#[test]
fn work_and_memory_are_counted_per_pixel() {
    let graph = causal_graph();
    // Weights times the share of pixels at which each layer runs.
    let macs = 3 * 3 * 4 + 2 * 3 * 4 + 2 * 4 + 4 * 8 * 8 + (4 * 4 * 6) / 4 + (4 * 6 * 4) / 4 + 8 * 3;
    assert_eq!(graph.macs_per_px(), f64::from(macs));
    // Inputs, three layers and two sums of 4, activation, layer, gate and sum, 6 at a quarter
    // twice, and what follows.
    let values = 5.0 + 20.0 + 8.0 + 8.0 + 4.0 + 4.0 + 12.0 / 4.0 + 4.0 + 8.0 + 8.0 + 3.0;
    assert_eq!(graph.values_per_px(), values);
}

#[test]
fn windows_mirror_the_border_and_tiling_ones_come_back() {
    let windows = Windows { size: 8, stride: 4 };
    let from = from_fn([6, 9, 1], |y, x, _| (10 * y + x) as f32);
    let graph = Graph::record(&[1], |maps| vec![maps[0].windows(windows)]);
    let rows = graph.evaluate(vec![from]).remove(0);
    assert_eq!((rows.height, rows.width), (2 * 3, 64));
    // The window of pixels 4..8, 8..12 reaches from row 2 to row 9, from column 6 to column 13.
    let place = |at: isize, last: isize| if at > last { 2 * last - at } else { at };
    for (i, j) in (0..8).flat_map(|i| (0..8).map(move |j| (i, j))) {
        let wanted = 10 * place(2 + i, 5) + place(6 + j, 8);
        assert_eq!(rows.values[5 * 64 + (8 * i + j) as usize], wanted as f32, "{i}, {j}");
    }
    assert_eq!(rows.values[0], 22.0, "two rows and columns above and to the left of the corner");
    for (height, width) in [(1, 1), (4, 4), (5, 11), (2, 3)] {
        let from = map(3, height, width, 2);
        let tiling = Windows::tiling(4);
        let graph = Graph::record(&[2], |maps| vec![maps[0].windows(tiling).join_windows(tiling, &maps[0])]);
        assert_eq!(graph.evaluate(vec![from.clone()]), [from], "{height}x{width}");
    }
}

#[test]
fn tokens_are_normalised_and_attend_as_defined() {
    const HEADS: usize = 2;
    let [queries, keys, values] = [(1, 5), (2, 7), (3, 7)].map(|(seed, tokens)| map(seed, 3, tokens, 6));
    let (gain, bias, rows) = (numbers(4, 6), numbers(5, 6), numbers(6, 5 * 6));
    let graph = Graph::record(&[6, 6, 6], |maps| {
        let normal = maps[0].layer_norm(gain.clone(), bias.clone());
        vec![
            maps[0].attention(&maps[1], &maps[2], HEADS),
            normal.add_to_rows(rows.clone()),
            maps[0].beside(&maps[1]),
        ]
    });
    let inputs = || vec![queries.clone(), keys.clone(), values.clone()];
    let results = graph.evaluate(inputs());
    assert_eq!(scalar_only(|| graph.evaluate(inputs())), results);
    for (row, token, channel) in [(0, 0, 0), (1, 4, 2), (2, 3, 3), (2, 4, 5)] {
        let head = channel / 3;
        let product = |key: usize| -> f64 {
            let pairs =
                (3 * head..3 * head + 3).map(|c| (at(&queries, row, token, c), at(&keys, row, key, c)));
            pairs.map(|(q, k)| f64::from(q) * f64::from(k)).sum::<f64>() / 3.0_f64.sqrt()
        };
        let weights: Vec<f64> = (0..7).map(|key| product(key).exp()).collect();
        let sum: f64 = (0..7).map(|key| weights[key] * f64::from(at(&values, row, key, channel))).sum();
        let wanted = sum / weights.iter().sum::<f64>();
        let found = f64::from(at(&results[0], row, token, channel));
        assert!((found - wanted).abs() < 1e-5 * (1.0 + wanted.abs()), "{found}, {wanted}");

        let own: Vec<f64> = (0..6).map(|c| f64::from(at(&queries, row, token, c))).collect();
        let mean = own.iter().sum::<f64>() / 6.0;
        let deviation = (own.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / 6.0 + 1e-5).sqrt();
        let normal = (own[channel] - mean) / deviation * f64::from(gain[channel]) + f64::from(bias[channel]);
        let wanted = normal + f64::from(rows[token * 6 + channel]);
        let found = f64::from(at(&results[1], row, token, channel));
        assert!((found - wanted).abs() < 1e-5 * (1.0 + wanted.abs()), "{found}, {wanted}");
    }
    let side = |y, x, c| if x < 5 { at(&queries, y, x, c) } else { at(&keys, y, x - 5, c) };
    assert_eq!(results[2], from_fn([3, 12, 6], side));
}

#[test]
fn work_of_attention_is_counted() {
    let windows = Windows { size: 8, stride: 4 };
    let graph = Graph::record(&[3], |maps| {
        let rows = maps[0].windows(windows);
        let both = rows.beside(&rows);
        vec![maps[0].windows(Windows::tiling(4)).attention(&both, &both, 1)]
    });
    // 128 keys and values of 3 channels for every pixel.
    assert_eq!(graph.macs_per_px(), 2.0 * 128.0 * 3.0);
    assert_eq!(graph.values_per_px(), 3.0 + 3.0 * 4.0 + 2.0 * 3.0 * 4.0 + 3.0 + 3.0);
}
