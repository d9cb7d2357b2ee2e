//! What decoding rests on: a distribution depends on nothing but the symbols before it.

use super::*;
use crate::input_mode::InputMode;
use crate::nets::{NETS, NetConfig};
use crate::network::Trainable;
use crate::random::Random;
use crate::tensor::with_noise;
use burn::tensor::{Device, Tensor, TensorData};
use nf_engine::scalar_only;

/// A distribution at some of its points: symbol, start and width.
type Points = Vec<(u32, u32, u32)>;

fn points(distribution: &dyn Distribution) -> Points {
    let bits = distribution.scale_bits();
    let points = (0..32_u64).map(|i| ((i << bits) / 31).min((1 << bits) - 1) as u32);
    let ends = [1, 1 << (bits / 2), (1 << bits) - 2];
    let located = points.chain(ends).map(|point| distribution.locate(point));
    located.map(|(symbol, interval)| (symbol, interval.start, interval.width)).collect()
}

/// An encoder that records every symbol with its distribution.
#[derive(Default)]
struct Recorder {
    symbols: Vec<u32>,
    distributions: Vec<Points>,
}

impl TileCoder for Recorder {
    fn code(&mut self, symbol: &mut u32, distribution: &dyn Distribution) -> Result<()> {
        assert!(distribution.interval(*symbol).is_some());
        self.symbols.push(*symbol);
        self.distributions.push(points(distribution));
        Ok(())
    }
}

/// A decoder that hands out recorded symbols and records the distributions that it is given.
struct Replayer<'a> {
    symbols: &'a [u32],
    distributions: Vec<Points>,
}

impl TileCoder for Replayer<'_> {
    fn code(&mut self, symbol: &mut u32, distribution: &dyn Distribution) -> Result<()> {
        *symbol = self.symbols[self.distributions.len()];
        self.distributions.push(points(distribution));
        Ok(())
    }
}

fn model(config: &NetConfig) -> Box<dyn TileModel> {
    let net = config.init(&Device::flex(), 3).unwrap();
    with_noise(net, 8, 0.1).tile_model()
}

/// Two tiles of noise around a slope, with an outlier.
fn tiles(planes: usize, height: usize, width: usize) -> Vec<Tile> {
    let mut random = Random::new(6);
    let mut tile = |level: f32| {
        let mut sample = |at: usize| {
            (level + 3.0 * (at % width) as f32 + 7.0 * random.normal()).clamp(0.0, 65_535.0) as u16
        };
        let mut samples: Vec<u16> = (0..planes * height * width).map(&mut sample).collect();
        let middle = samples.len() / 2;
        samples[middle] = 60_000;
        Tile::known(height, width, samples)
    };
    vec![tile(700.0), tile(41_000.0)]
}

fn configurations() -> impl Iterator<Item = NetConfig> {
    use InputMode::{BytesLsb, BytesMsb, NoiseNormalised, Scaled};
    let inputs = [NoiseNormalised, Scaled, BytesMsb, BytesLsb];
    let pairs = NETS.iter().flat_map(move |net| inputs.map(|inputs| (net, inputs)));
    let uniform = NetConfig::preset("vdm", "uniform-tiny").unwrap();
    let all = pairs.flat_map(|(net, inputs)| {
        (1..=3).filter_map(move |planes| {
            // Not every network takes samples in every way.
            NetConfig::preset(net, "tiny").unwrap().with_planes(planes).with_inputs(inputs).ok()
        })
    });
    all.chain([uniform])
}

#[test]
fn decoder_and_encoder_have_the_same_distributions() {
    let mut tried = 0;
    for config in configurations() {
        let model = model(&config);
        for (height, width) in [(9, 11), (1, 6), (5, 1), (4, 8)] {
            let mut known = tiles(config.planes(), height, width);
            let mut encoder = Recorder::default();
            model.traverse(&mut encoder, &mut known).unwrap();
            let stats = known.iter().map(|tile| tile.stats.clone());
            let mut blank: Vec<Tile> = stats.map(|stats| Tile::blank(height, width, stats)).collect();
            let mut decoder = Replayer { symbols: &encoder.symbols, distributions: vec![] };
            model.traverse(&mut decoder, &mut blank).unwrap();
            let first = encoder.distributions.iter().zip(&decoder.distributions).position(|(a, b)| a != b);
            assert_eq!(
                first, None,
                "{config:?}, {height}x{width}: the distribution of this symbol depends on later ones"
            );
            assert_eq!(encoder.distributions.len(), decoder.distributions.len());
            for (known, blank) in known.iter().zip(&blank) {
                assert!(known.samples == blank.samples, "{config:?}, {height}x{width}");
            }
        }
        tried += 1;
    }
    assert_eq!(
        tried,
        2 * 4 * 3 + 2 * 3 + 1 + 3 + 2,
        "PixelCNN++ and L3C have four input modes, the flow two, a row net and two of diffusion one and single planes, temporal context one"
    );
}

#[test]
fn distributions_depend_on_earlier_symbols() {
    // With the published mapping, distributions of L3C may depend on its coarsest features only.
    let coarse = |config: &NetConfig| matches!(config, NetConfig::L3c(l3c) if l3c.inputs != InputMode::NoiseNormalised);
    for config in configurations().filter(|config| config.planes() < 3 && !coarse(config)) {
        let model = model(&config);
        let record = |tiles: &mut Vec<Tile>| {
            let mut recorder = Recorder::default();
            model.traverse(&mut recorder, tiles).unwrap();
            recorder
        };
        let mut tiles = tiles(config.planes(), 8, 8);
        let before = record(&mut tiles);
        // The first four samples of the first tile, beyond their noise; median and noise scale stay
        // as they are.
        [0, 1, 8, 9].into_iter().for_each(|at| tiles[0].samples[at] += 1000);
        let after = record(&mut tiles);
        let first = before.symbols.iter().zip(&after.symbols).position(|(a, b)| a != b).unwrap();
        assert_eq!(before.distributions[..=first], after.distributions[..=first], "{config:?}");
        let changed = before.distributions.iter().zip(&after.distributions).filter(|(a, b)| a != b).count();
        assert!(changed > 4, "{config:?}: {changed} distributions changed");
    }
}

#[test]
fn batches_and_vector_widths_change_no_distribution() {
    for config in configurations() {
        let model = model(&config);
        let run = |tiles: &mut [Tile]| {
            let mut recorder = Recorder::default();
            model.traverse(&mut recorder, tiles).unwrap();
            recorder
        };
        let mut tiles = tiles(config.planes(), 9, 11);
        let together = run(&mut tiles);
        assert_eq!(together.distributions, scalar_only(|| run(&mut tiles)).distributions, "{config:?}");
        // Every distribution of the batch is one of its tiles' alone, in the order of each tile.
        let alone: Vec<Recorder> = tiles.iter_mut().map(|tile| run(std::slice::from_mut(tile))).collect();
        let mut places = vec![0; alone.len()];
        for (symbol, distribution) in together.symbols.iter().zip(&together.distributions) {
            let next = (0..alone.len()).find(|&tile| {
                let at = places[tile];
                alone[tile].symbols.get(at) == Some(symbol) && alone[tile].distributions[at] == *distribution
            });
            places[next.unwrap_or_else(|| panic!("{config:?}: a distribution that no tile has alone"))] += 1;
        }
        let all: Vec<usize> = alone.iter().map(|recorder| recorder.symbols.len()).collect();
        assert_eq!(places, all, "{config:?}");
    }
}

#[test]
fn loss_equals_the_ideal_size() {
    let device = Device::flex();
    for config in configurations() {
        let planes = config.planes();
        let calm = |at: usize| 900 + 2 * (at / 32 % 24) + at * at % 23 + 50 * (at / 768);
        let samples: Vec<u16> = (0..planes * 768).map(|at| calm(at) as u16).collect();
        let values: Vec<f32> = samples.iter().map(|&sample| f32::from(sample)).collect();
        let tensor = Tensor::from_data(TensorData::new(values, [1, planes, 24, 32]), &device);
        let net = config.init(&device, 1).unwrap().data_dependent_init(tensor.clone()).unwrap();
        let loss = f64::from(net.loss(tensor).unwrap().into_scalar::<f32>());
        let mut meter = Meter::new();
        net.tile_model().traverse(&mut meter, &mut [Tile::known(24, 32, samples)]).unwrap();
        let coded = meter.bits() / (planes * 768) as f64;
        // Planes that earlier ones do not help are coded without them.
        let may_be_less = matches!(config, NetConfig::Tec(_)) && planes > 1;
        let difference = if may_be_less { (coded - loss).max(0.0) } else { (coded - loss).abs() };
        assert!(difference < 0.05, "{config:?}: {coded} bits in coding, {loss} in training");
    }
}
