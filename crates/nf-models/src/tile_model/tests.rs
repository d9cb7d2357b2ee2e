//! What decoding rests on: a law depends on nothing but the symbols before it.

use super::*;
use crate::config::{NETS, NetConfig};
use crate::engine::plainly;
use crate::nets::Inputs;
use crate::random::Random;
use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::{Device, Tensor, TensorData};
use nf_entropy::Distribution;

/// A law at some of its points.
type Seen = Vec<(u32, u32, u32)>;

fn look(law: &impl Distribution) -> Seen {
    let bits = law.scale_bits();
    let points = (0..32_u64).map(|i| ((i << bits) / 31).min((1 << bits) - 1) as u32);
    let ends = [1, 1 << (bits / 2), (1 << bits) - 2];
    let seen = points.chain(ends).map(|point| law.locate(point));
    seen.map(|(symbol, interval)| (symbol, interval.start, interval.width)).collect()
}

/// Notes every symbol with its law.
#[derive(Default)]
struct Witness {
    symbols: Vec<u32>,
    laws: Vec<Seen>,
}

impl SymbolCoder for Witness {
    fn code(&mut self, symbol: &mut u32, law: &impl Distribution) -> Result<()> {
        assert!(law.interval(*symbol).is_some());
        self.symbols.push(*symbol);
        self.laws.push(look(law));
        Ok(())
    }
}

impl TileCoder for Witness {}

/// Hands out symbols one by one, as a reader does, and notes the laws that it is asked under.
struct Teller<'a> {
    symbols: &'a [u32],
    laws: Vec<Seen>,
}

impl SymbolCoder for Teller<'_> {
    fn code(&mut self, symbol: &mut u32, law: &impl Distribution) -> Result<()> {
        *symbol = self.symbols[self.laws.len()];
        self.laws.push(look(law));
        Ok(())
    }
}

impl TileCoder for Teller<'_> {}

/// Adds noise to every weight: some layers of a new net are zero and would hide what they read.
struct Roughen(Random);

impl ModuleMapper for Roughen {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let shape = param.val().dims();
        let noise = (0..shape.iter().product()).map(|_| 0.1 * self.0.normal()).collect::<Vec<f32>>();
        param.map(|old| {
            let noise = Tensor::from_data(TensorData::new(noise, shape), &old.device());
            old + noise
        })
    }
}

fn coder(config: &NetConfig) -> NetCoder {
    let net = config.init(&Device::flex(), 3).unwrap();
    NetCoder::new(&net.map(&mut Roughen(Random::new(8))))
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
    let inputs = [Inputs::Robust, Inputs::Published, Inputs::MsbFirst, Inputs::LsbFirst];
    let pairs = NETS.into_iter().flat_map(move |net| inputs.map(|inputs| (net, inputs)));
    pairs.flat_map(|(net, inputs)| {
        (1..=3).filter_map(move |planes| {
            // Not every net takes samples in every way.
            NetConfig::preset(net, "tiny").unwrap().with_planes(planes).with_inputs(inputs).ok()
        })
    })
}

#[test]
fn a_decoder_that_knows_the_past_only_has_the_laws_of_the_encoder() {
    let mut tried = 0;
    for config in configurations() {
        let coder = coder(&config);
        for (height, width) in [(9, 11), (1, 6), (5, 1), (4, 8)] {
            let mut known = tiles(config.planes(), height, width);
            let mut encoder = Witness::default();
            coder.traverse(&mut encoder, &mut known).unwrap();
            let normals = known.iter().map(|tile| tile.normals.clone());
            let mut blank: Vec<Tile> = normals.map(|normals| Tile::blank(height, width, normals)).collect();
            let mut decoder = Teller { symbols: &encoder.symbols, laws: vec![] };
            coder.traverse(&mut decoder, &mut blank).unwrap();
            let first = encoder.laws.iter().zip(&decoder.laws).position(|(a, b)| a != b);
            assert_eq!(first, None, "{config:?}, {height}x{width}: the law of this symbol sees later ones");
            assert_eq!(encoder.laws.len(), decoder.laws.len());
            for (known, blank) in known.iter().zip(&blank) {
                assert!(known.samples == blank.samples, "{config:?}, {height}x{width}");
            }
        }
        tried += 1;
    }
    assert_eq!(tried, 2 * 4 * 3 + 2 * 3, "PixelCNN++ and L3C take samples in four ways, the flow in two");
}

#[test]
fn laws_do_depend_on_what_came_before() {
    // Seen from its coarsest features alone, a tile of L3C's published mapping need not change.
    let coarse = |config: &NetConfig| matches!(config, NetConfig::L3c(l3c) if l3c.inputs != Inputs::Robust);
    for config in configurations().filter(|config| config.planes() < 3 && !coarse(config)) {
        let coder = coder(&config);
        let laws = |tiles: &mut Vec<Tile>| {
            let mut witness = Witness::default();
            coder.traverse(&mut witness, tiles).unwrap();
            witness
        };
        let mut tiles = tiles(config.planes(), 8, 8);
        let before = laws(&mut tiles);
        // The first four samples of the first tile, beyond their noise; location and scale stay as they are.
        [0, 1, 8, 9].into_iter().for_each(|at| tiles[0].samples[at] += 1000);
        let after = laws(&mut tiles);
        let first = before.symbols.iter().zip(&after.symbols).position(|(a, b)| a != b).unwrap();
        assert_eq!(before.laws[..=first], after.laws[..=first], "{config:?}");
        let changed = before.laws.iter().zip(&after.laws).filter(|(a, b)| a != b).count();
        assert!(changed > 4, "{config:?}: {changed} laws heard of it");
    }
}

#[test]
fn neither_batches_nor_vector_widths_change_a_law() {
    for config in configurations() {
        let coder = coder(&config);
        let run = |tiles: &mut [Tile]| {
            let mut witness = Witness::default();
            coder.traverse(&mut witness, tiles).unwrap();
            witness
        };
        let mut tiles = tiles(config.planes(), 9, 11);
        let together = run(&mut tiles);
        assert_eq!(together.laws, plainly(|| run(&mut tiles)).laws, "{config:?}");
        // Every law of the batch is one of its tiles' alone, in the order of each tile.
        let alone: Vec<Witness> = tiles.iter_mut().map(|tile| run(std::slice::from_mut(tile))).collect();
        let mut places = vec![0; alone.len()];
        for (symbol, law) in together.symbols.iter().zip(&together.laws) {
            let next = (0..alone.len()).find(|&tile| {
                let at = places[tile];
                alone[tile].symbols.get(at) == Some(symbol) && alone[tile].laws[at] == *law
            });
            places[next.unwrap_or_else(|| panic!("{config:?}: a law that no tile has alone"))] += 1;
        }
        let all: Vec<usize> = alone.iter().map(|witness| witness.symbols.len()).collect();
        assert_eq!(places, all, "{config:?}");
    }
}

#[test]
fn the_size_in_training_is_the_size_in_coding() {
    let device = Device::flex();
    for config in configurations() {
        let planes = config.planes();
        let calm = |at: usize| 900 + 2 * (at / 32 % 24) + at * at % 23 + 50 * (at / 768);
        let samples: Vec<u16> = (0..planes * 768).map(|at| calm(at) as u16).collect();
        let values: Vec<f32> = samples.iter().map(|&sample| f32::from(sample)).collect();
        let tensor = Tensor::from_data(TensorData::new(values, [1, planes, 24, 32]), &device);
        let net = config.init(&device, 1).unwrap().observe(tensor.clone()).unwrap();
        let loss = f64::from(net.loss(tensor).unwrap().into_scalar::<f32>());
        let mut meter = Meter::new();
        NetCoder::new(&net).traverse(&mut meter, &mut [Tile::known(24, 32, samples)]).unwrap();
        let coded = meter.bits() / (planes * 768) as f64;
        assert!((coded - loss).abs() < 0.05, "{config:?}: {coded} bits in coding, {loss} in training");
    }
}
