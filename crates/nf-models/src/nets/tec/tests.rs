//! What temporal context promises: the same numbers in training and in coding, and stacks that are
//! never larger than their planes.

use super::coder::TecModel;
use super::*;
use crate::batch;
use crate::network::{Trainable, TrainableNetwork};
use crate::random::Random;
use crate::tensor::host_tiles::tensor;
use crate::tensor::{weights_of, with_noise};
use crate::tile::Tile;
use burn::tensor::Device;
use nf_engine::scalar_only;
use nf_entropy::Meter;
use nf_image::{Grid, Shape};

const HEIGHT: usize = 13;
const WIDTH: usize = 18;
const PIXELS: usize = HEIGHT * WIDTH;

const FORMS: [ContextForm; 2] = [ContextForm::Convolution, ContextForm::Transformer];

/// Planes of one pattern of this strength and noise of deviation 3 of their own.
fn stack(planes: usize, pattern: f32, seed: u64) -> Vec<u16> {
    let mut random = Random::new(seed);
    let pattern: Vec<f32> = (0..PIXELS).map(|_| pattern * random.normal()).collect();
    let mut sample = |plane: usize, pixel: usize| {
        (3000.0 + 40.0 * plane as f32 + pattern[pixel] + 3.0 * random.normal()).round() as u16
    };
    (0..planes)
        .flat_map(|plane| (0..PIXELS).map(move |pixel| (plane, pixel)))
        .map(|(p, x)| sample(p, x))
        .collect()
}

/// A network that has seen these tiles once.
fn trained_as(context: ContextForm, planes: usize, tiles: &[Vec<u16>]) -> loss::Trained {
    let values = tiles.iter().flatten().map(|&sample| f32::from(sample)).collect();
    let tiles = tensor(values, [tiles.len(), planes, HEIGHT, WIDTH], &Device::flex());
    let config = TecConfig { planes, context, ..TecConfig::preset("tiny").unwrap() };
    config.check().unwrap();
    let net = config.init(&Device::flex(), 5).data_dependent_init(tiles).unwrap();
    with_noise(net, 8, 0.02)
}

fn trained(planes: usize, tiles: &[Vec<u16>]) -> loss::Trained {
    trained_as(ContextForm::Convolution, planes, tiles)
}

fn model(net: &loss::Trained) -> TecModel {
    TecModel::new(&net.config().build(&mut weights_of(net)).unwrap())
}

/// Bits of known tiles by the coder.
fn bits(model: &TecModel, tiles: &[Vec<u16>]) -> f64 {
    let mut tiles: Vec<Tile> =
        tiles.iter().map(|samples| Tile::known(HEIGHT, WIDTH, samples.clone())).collect();
    let mut meter = Meter::new();
    model.traverse(&mut meter, &mut tiles).unwrap();
    meter.bits()
}

#[test]
fn training_and_coding_agree_on_every_later_plane() {
    let stacks = [stack(3, 90.0, 1), stack(3, 90.0, 2)];
    let values: Vec<f32> = stacks.iter().flatten().map(|&sample| f32::from(sample)).collect();
    let tiles = tensor(values, [2, 3, HEIGHT, WIDTH], &Device::flex());
    for form in FORMS {
        let net = trained_as(form, 3, &stacks);
        let trained = net.later_bits(&tiles).unwrap().unwrap().into_data().try_to_vec::<f32>().unwrap();
        let model = model(&net);
        for plane in 1..3 {
            let known = stacks.clone().map(|samples| Tile::known(HEIGHT, WIDTH, samples));
            for (tile, coded) in model.bits_with_context(&known, plane).into_iter().enumerate() {
                let first = (2 * tile + plane - 1) * PIXELS;
                let sum: f64 = trained[first..][..PIXELS].iter().map(|&bits| f64::from(bits)).sum();
                let difference = (coded - sum).abs() / PIXELS as f64;
                assert!(difference < 0.02, "{form:?}, plane {plane}: {coded} bits, trained {sum}");
            }
        }
    }
}

#[test]
fn a_pattern_that_stays_pays_before_any_training() {
    let stacks = [stack(4, 90.0, 1)];
    let net = trained(4, &stacks);
    let (stack_bits, planes_bits) = (bits(&model(&net), &stacks), planes_bits(&net, &stacks));
    assert!(stack_bits < 0.7 * planes_bits, "{stack_bits} as a stack, {planes_bits} as planes");
}

/// Bits of the same planes, each by itself under the network of single planes.
fn planes_bits(net: &loss::Trained, stacks: &[Vec<u16>]) -> f64 {
    let model = model(net);
    stacks.iter().flat_map(|stack| stack.chunks(PIXELS)).map(|plane| bits(&model, &[plane.to_vec()])).sum()
}

#[test]
fn a_stack_is_never_larger_than_its_planes_but_for_a_symbol_a_plane() {
    // Nothing in common; planes that lie far apart; a plane of another noise.
    let mut odd = stack(3, 0.0, 3);
    odd[PIXELS..2 * PIXELS].iter_mut().for_each(|sample| *sample = sample.wrapping_mul(7919));
    let stacks = [stack(3, 0.0, 1), stack(3, 200.0, 2), odd];
    let net = trained(3, &stacks);
    let model = model(&net);
    for own in &stacks {
        let own = std::slice::from_ref(own);
        let (together, apart) = (bits(&model, own), planes_bits(&net, own));
        assert!(together <= apart + 2.0 * 5.76, "{together} bits as a stack, {apart} as planes");
    }
}

#[test]
fn stacks_of_any_number_of_planes_round_trip_with_the_same_bytes_without_wide_registers() {
    for form in FORMS {
        let model = model(&trained_as(form, 2, &[stack(2, 90.0, 1)]));
        for planes in [1, 2, 5] {
            let tiles = [stack(planes, 90.0, 4), stack(planes, 0.0, 5)];
            let known = || tiles.clone().map(|samples| Tile::known(HEIGHT, WIDTH, samples)).to_vec();
            let bytes = batch::encode(&model, known()).unwrap();
            assert!(scalar_only(|| batch::encode(&model, known())).unwrap() == bytes, "{form:?}");
            let shape = Shape::new(planes, HEIGHT, WIDTH);
            let boxes: Vec<_> = Grid::new(Shape { planes: 2 * planes, ..shape }, shape).boxes().collect();
            let decoded = batch::decode(&model, &bytes, &boxes).unwrap();
            assert!(decoded == tiles, "{form:?}, {planes} planes");
            for at in (0..bytes.len()).step_by(37) {
                let mut damaged = bytes.clone();
                damaged[at] ^= 0x55;
                let other = batch::decode(&model, &damaged, &boxes);
                assert!(other.is_err() || other.is_ok_and(|other| other != tiles), "{form:?}, byte {at}");
            }
        }
    }
}

#[test]
fn context_reaches_as_far_as_its_form_says() {
    // One pixel of the previous plane, in the corner of a window and two rows from the next one.
    let quiet = stack(2, 0.0, 7);
    let at = 6 * WIDTH + 8;
    for form in FORMS {
        let model = model(&trained_as(form, 2, &[stack(2, 90.0, 1)]));
        let mut tile = Tile::known(HEIGHT, WIDTH, quiet.clone());
        let before = model.context_of(&tile);
        // Its median and noise scale stay as they are.
        tile.samples[at] += 400;
        let after = model.context_of(&tile);
        let c = before.channels;
        let differ = |pixel: usize| before.values[pixel * c..][..c] != after.values[pixel * c..][..c];
        let rows: Vec<usize> = (0..HEIGHT).filter(|y| (0..WIDTH).any(|x| differ(y * WIDTH + x))).collect();
        let wanted: Vec<usize> = match form {
            // Three layers of 3 x 3, and the lower and right neighbours' own features.
            ContextForm::Convolution => (3..11).collect(),
            // Windows of rows 2 to 9 and of rows 6 to 13; the last one sees row 7 in the mirror.
            ContextForm::Transformer => (4..13).collect(),
        };
        assert_eq!(rows, wanted, "{form:?}");
    }
}

#[test]
fn bytes_of_a_choice_that_weights_cannot_follow_are_no_panic() {
    // Weights for single planes, and a stream that asks for context.
    let net = trained(1, &[stack(1, 90.0, 1)]);
    let model = model(&net);
    let stats = Tile::known(HEIGHT, WIDTH, stack(2, 90.0, 1)).stats;
    for seed in 0..20 {
        let mut random = Random::new(seed);
        let bytes: Vec<u8> = (0..4 * PIXELS).map(|_| random.next() as u8).collect();
        let mut tiles = [Tile::blank(HEIGHT, WIDTH, stats.clone())];
        let mut reader = nf_entropy::Reader::new(&bytes);
        let _ = model.traverse(&mut reader, &mut tiles);
    }
}
