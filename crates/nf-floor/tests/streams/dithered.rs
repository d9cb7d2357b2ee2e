//! Streams of versions 4 and 5: both decoders give back dithered indices, in any region, and what a
//! tile may not be is refused.

use crate::parts::Parts;
use nf_codec::{Codec, Dither, DitheredStack, Limits};
use nf_floor::lab::{CodedTile, Mode, TileView, dithered_tile};
use nf_floor::{Floor, Level, decode_region};
use nf_image::testing::{noise, scene};
use nf_image::{Image16, Shape, TileBox};

/// The samples of an image quantised by the lattices of a dither with this step.
pub(crate) fn quantised(image: &Image16, stack: &DitheredStack, step: f64) -> Image16 {
    let Shape { height, width, .. } = image.shape();
    Image16::from_fn(image.shape(), |plane, y, x| {
        let phase = stack.dither.phase(stack.place(plane, y, x));
        let last = usize::from(stack.dither.phases) - 1;
        let shift = stack.dither.shift(if stack.rising { last - phase } else { phase });
        let sample = f64::from(image.samples()[(plane * height + y) * width + x]);
        (sample / step - f64::from(shift) / 256.0).round().max(0.0) as u16
    })
}

pub(crate) fn stack(shape: Shape, phases: u8) -> DitheredStack {
    DitheredStack::whole(Dither { seed: 0xFEDC_BA98_7654_3210, phases }, phases < 20, shape)
}

/// Both decoders give back the indices; the version of the stream.
fn agree(name: &str, indices: &Image16, stack: &DitheredStack, level: Level) -> u8 {
    let shape = indices.shape();
    let bytes = Floor { level }.encode_dithered(indices.into(), stack).expect("every stack is taken");
    let engine = Floor::default().decode(&bytes, shape, &Limits::default()).expect("own bytes decode");
    assert!(engine.samples() == indices.samples(), "{name}: the engine, {level}");
    assert!(bytes.len() as u64 <= Floor { level }.max_bytes(shape));
    let reference = nf_floor_decoder::decode(&bytes, shape.planes, shape.height, shape.width);
    let samples = reference.unwrap_or_else(|wrong| panic!("{name}: the second decoder, {level}: {wrong}"));
    assert!(samples == indices.samples(), "{name}: the reference, {level}");
    bytes[0]
}

#[test]
fn both_decoders_agree() {
    let mut dithered = 0;
    for level in Level::ALL {
        for (planes, height, width, sigma) in
            [(1, 60, 90, 4.0), (2, 40, 50, 30.0), (1, 70, 64, 900.0), (1, 300, 1, 20.0), (1, 1, 300, 20.0)]
        {
            let image = scene(Shape::new(planes, height, width), sigma, 2);
            for (phases, step) in [(1, 0.7), (16, 1.0), (5, 4.0), (64, 0.2)] {
                let stack = stack(image.shape(), phases);
                let indices = quantised(&image, &stack, step * sigma);
                let name = format!("{planes}x{height}x{width}, step {step}");
                dithered += u32::from(agree(&name, &indices, &stack, level) == 4);
            }
        }
    }
    assert!(dithered > 40, "{dithered} streams know their dither");
}

#[test]
fn every_mode_is_decoded_alike() {
    let image = scene(Shape::frame(33, 46), 12.0, 8);
    for phases in [7, 64] {
        let stack = DitheredStack { first: u64::MAX - 700, ..stack(image.shape(), phases) };
        for step in [2.0, 9.0, 40.0] {
            let indices = quantised(&image, &stack, step);
            for mode in Mode::ALL.into_iter().filter(|mode| mode.needs_dither()) {
                let bytes = parts(&indices, &stack, mode).bytes();
                let engine = Floor::default().decode(&bytes, image.shape(), &Limits::default()).unwrap();
                assert!(engine.samples() == indices.samples(), "{mode:?}, step {step}: the engine");
                let reference = nf_floor_decoder::decode(&bytes, 1, 33, 46).unwrap();
                assert!(reference == indices.samples(), "{mode:?}, step {step}: the reference");
            }
        }
    }
}

/// A stack of one plane as a tile of a mode, whether that pays or not.
pub(crate) fn parts(indices: &Image16, stack: &DitheredStack, mode: Mode) -> Parts {
    let Shape { height, width, .. } = indices.shape();
    let shifts = stack.shifts(&TileBox::whole(indices.shape()));
    let bytes = dithered_tile::encode(mode, TileView::of(indices), &shifts).expect("a tile with pixels");
    let tiles = vec![CodedTile { bytes, references: 0 }];
    let version = if mode == Mode::DitheredMixingByPosition { 5 } else { 4 };
    Parts { version, tile_height: height, tile_width: width, dither: Some(*stack), tiles }
}

#[test]
fn dither_costs_little() {
    // Of normal noise, against the mean of lattices that stand still.
    let image = noise(Shape::frame(512, 512), 20_000.0, 400.0, 11);
    for (step, most) in [(200.0, 0.01), (400.0, 0.02), (800.0, 0.025)] {
        let stack = stack(image.shape(), 16);
        let dithered = Floor::default().encode_dithered((&quantised(&image, &stack, step)).into(), &stack);
        let bits = |bytes: usize| bytes as f64 * 8.0 / (512.0 * 512.0);
        let still = (0..4).map(|k| {
            let offset = f64::from(k) / 4.0;
            let of = |sample: u16| (f64::from(sample) / step + offset).round() as u16;
            let indices = Image16::from_fn(image.shape(), |_, y, x| of(image.samples()[y * 512 + x]));
            bits(Floor::default().encode(&indices).unwrap().len())
        });
        let mean = still.sum::<f64>() / 4.0;
        let cost = bits(dithered.unwrap().len()) - mean;
        assert!(cost < most, "step {step}: {cost} bits more than {mean}");
    }
}

#[test]
fn a_tile_without_dither_keeps_its_old_modes() {
    // Nothing in these indices knows of the dither.
    let image = scene(Shape::frame(200, 300), 0.4, 5);
    let bytes = Floor::default().encode_dithered((&image).into(), &stack(image.shape(), 16)).unwrap();
    assert!(bytes.len() <= Floor::default().encode(&image).unwrap().len() && bytes[0] == 1);
}

#[test]
fn a_region_is_the_crop_of_the_whole() {
    let shape = Shape::new(2, 1100, 40);
    let image = scene(shape, 9.0, 6);
    let stack = stack(shape, 16);
    let indices = quantised(&image, &stack, 12.0);
    for level in [Level::Fast, Level::Default] {
        let bytes = Floor { level }.encode_dithered((&indices).into(), &stack).unwrap();
        assert_eq!(bytes[0], 4);
        for (p, r, c) in [(1..2, 1000..1100, 3..9), (0..2, 0..1100, 39..40), (0..1, 5..5, 0..3)] {
            let cut = decode_region(&bytes, shape, p.clone(), r.clone(), c.clone(), &Limits::default());
            assert_eq!(cut.unwrap(), indices.crop(p, r, c));
        }
    }
}

#[test]
fn what_a_tile_may_not_be_is_refused() {
    let image = scene(Shape::frame(20, 30), 6.0, 5);
    let stack = stack(image.shape(), 8);
    let parts = parts(&quantised(&image, &stack, 4.0), &stack, Mode::DitheredSplitRows);
    let both_refuse = |parts: &Parts, words: &str| {
        let bytes = parts.bytes();
        let error = Floor::default().decode(&bytes, image.shape(), &Limits::default()).unwrap_err();
        assert!(error.to_string().contains(words), "{error}");
        assert!(nf_floor_decoder::decode(&bytes, 1, 20, 30).is_err(), "{words}");
    };
    for version in [1, 2] {
        let parts = Parts { version, dither: None, ..parts.clone() };
        both_refuse(&parts, "states no dither");
    }
    let mut none = parts.clone();
    none.dither = Some(DitheredStack { dither: Dither { seed: 1, phases: 0 }, ..stack });
    both_refuse(&none, "0 lattices");
    let mut inner = parts.clone();
    inner.tiles[0].bytes.insert(0, 5);
    both_refuse(&inner, "does not decode alone");
    let bytes = parts.bytes();
    for end in 0..25 {
        assert!(Floor::default().decode(&bytes[..end], image.shape(), &Limits::default()).is_err());
        assert!(nf_floor_decoder::decode(&bytes[..end], 1, 20, 30).is_err());
    }
}
