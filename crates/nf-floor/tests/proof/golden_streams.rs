//! Streams that must decode for ever, one or more of every mode: files are added, never rewritten.
//!
//! A new mode gets its file by `cargo test -p nf-floor --test proof write_what_is_missing -- --ignored`, which leaves those alone that exist.

use crate::parts::{Dice, Parts, difference, scene};
use nf_codec::Limits;
use nf_floor::stack::Coded;
use nf_floor::tile::TileView;
use nf_floor::{Level, max, stream};
use nf_image::{Image16, Shape};
use std::path::PathBuf;

struct Golden {
    name: &'static str,
    /// What some tile is coded by.
    mode: u8,
    image: Image16,
    /// Writes the stream as of today.
    write: fn(&Image16) -> Parts,
}

fn all() -> Vec<Golden> {
    let mut dice = Dice(1);
    let noise = Image16::from_fn(Shape::frame(5, 7), |_, _, _| dice.roll() as u16);
    let flat = Image16::from_fn(Shape::new(2, 3, 4), |plane, _, _| 517 + plane as u16);
    let frame = |height, width, noise| scene(Shape::frame(height, width), noise, 11);
    let stack = scene(Shape::new(3, 20, 24), 3.0, 5);
    // Around zero, modulo 2^16.
    let wrapped =
        Image16::from_fn(Shape::frame(24, 32), |_, _, _| (4.0 * dice.normal()).round() as i32 as u16);
    let golden = |name, mode, image, write| Golden { name, mode, image, write };
    let fast = |image: &Image16| Parts::of(image, (image.shape().height, image.shape().width), Level::Fast);
    vec![
        golden("raw-v1", 0, noise, fast),
        golden("constant-v1", 1, flat, fast),
        golden("half-rows-v1", 2, frame(16, 24, 2.0), fast),
        golden("half-rows-low-bits-v1", 2, frame(31, 15, 400.0), fast),
        golden("half-rows-column-v1", 2, frame(500, 1, 3.0), fast),
        golden("tiles-v1", 2, frame(40, 45, 5.0), |image| Parts::of(image, (20, 30), Level::Fast)),
        golden("turned-v1", 5, wrapped, fast),
        golden("difference-v2", 7, stack, differences),
        golden("max-v1", 4, frame(24, 40, 3.0), |image| {
            let payload = max::encode(view(image, 0)).expect("an image with pixels");
            let tiles = vec![Coded { bytes: [&[4], payload.as_slice()].concat(), needs: 0 }];
            Parts { version: 1, tile_height: 24, tile_width: 40, tiles }
        }),
        golden("given-v2", 8, crate::parts::pattern(), crate::parts::given),
    ]
}

fn view(image: &Image16, plane: usize) -> TileView<'_> {
    let shape = Shape::frame(image.shape().height, image.shape().width);
    TileView::new(shape, &image.samples()[plane * shape.pixels()..][..shape.pixels()])
}

/// The first plane by itself, every other one from one or two planes before.
fn stacked(image: &Image16, code: impl Fn(TileView<'_>, &[&[u16]]) -> Vec<u8>) -> Parts {
    let shape = image.shape();
    let mut tiles = Vec::new();
    for plane in 0..shape.planes {
        let earlier: Vec<&[u16]> = (0..plane).rev().map(|plane| view(image, plane).samples).collect();
        let bytes = match plane {
            0 => nf_floor::tile::encode(view(image, 0), Level::Fast),
            _ => code(view(image, plane), &earlier),
        };
        tiles.push(Coded { bytes, needs: plane });
    }
    Parts { version: 2, tile_height: shape.height, tile_width: shape.width, tiles }
}

/// Weights that sum to one, in units of 1/256, of which one is negative.
fn weights(count: usize) -> &'static [i16] {
    [&[256][..], &[300, -44]][count - 1]
}

fn differences(image: &Image16) -> Parts {
    stacked(image, |tile, earlier| difference(tile, earlier, weights(earlier.len())))
}

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden/streams").join(format!("{name}.bin"))
}

#[test]
fn golden_streams_decode() {
    for golden in all() {
        let bytes =
            std::fs::read(path(golden.name)).unwrap_or_else(|error| panic!("{}: {error}", golden.name));
        let shape = golden.image.shape();
        let engine = stream::decode(&bytes, shape, &Limits::default());
        let engine = engine.unwrap_or_else(|error| panic!("{}: {error}", golden.name));
        assert!(engine.samples() == golden.image.samples(), "{}: the engine", golden.name);
        let reference = crate::reference::decode(&bytes, (shape.planes, shape.height, shape.width));
        let reference = reference.unwrap_or_else(|wrong| panic!("{}: {wrong}", golden.name));
        assert!(reference == golden.image.samples(), "{}: the reference", golden.name);
    }
}

#[test]
#[ignore = "writes golden files that are missing"]
fn write_what_is_missing() {
    for golden in all() {
        let parts = (golden.write)(&golden.image);
        let modes: Vec<u8> = parts.tiles.iter().map(|tile| tile.bytes[0]).collect();
        assert!(modes.contains(&golden.mode), "{}: {modes:?}", golden.name);
        let path = path(golden.name);
        if !path.exists() {
            std::fs::write(&path, parts.bytes()).expect("the folder can be written");
        }
    }
}
