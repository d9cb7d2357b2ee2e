//! Streams that must decode for ever, one or more of every mode: files are added, never rewritten.
//!
//! A file is added with a line of [`GOLDEN`]: [`write_missing`] writes those files that do not
//! exist yet and prints the digests of their pixels:
//!
//! ```sh
//! cargo test -p nf-floor --test streams write_missing -- --ignored --nocapture
//! ```

use crate::dithered;
use crate::parts::Parts;
use nf_codec::{Codec, Limits};
use nf_floor::Floor;
use nf_floor::lab::{CodedTile, Mode, TileView, mixing, wavefront};
use nf_image::testing::scene;
use nf_image::{Image16, Shape};
use std::path::PathBuf;

/// Name, a mode of some tile, extent, digest of the pixels.
type Golden = (&'static str, Mode, Shape, &'static str);

#[rustfmt::skip]
const GOLDEN: [Golden; 19] = [
    ("raw-v1", Mode::Raw, Shape::frame(5, 7),
        "de10b9688201c11e6aa8f4fa781bf3fd1287a37684ca42626a9c12b36649231d"),
    ("constant-v1", Mode::Constant, Shape::new(2, 3, 4),
        "be4f277d294e2753cb260ef23048acbd0abaecb1739ecc15813f65909d21c202"),
    ("half-rows-v1", Mode::SplitRows, Shape::frame(16, 24),
        "84d35f8cc4cfedf378e8818bc8a03c5dbbcf641b399ed35e7d0f32e9f08de56e"),
    ("half-rows-low-bits-v1", Mode::SplitRows, Shape::frame(31, 15),
        "88e95732dc240648eaa740e19c1fba21e6cbaa4780604cb0d2f989c564f71f7a"),
    ("half-rows-column-v1", Mode::SplitRows, Shape::frame(500, 1),
        "0570a3242d06e1b7a7d040d2473a5886efcddfeaf9f6cb98d3b4d9f498425daa"),
    ("split-rows-large-v1", Mode::SplitRows, Shape::frame(40, 50),
        "78728b25456dd986256ce5db7288548b11083a86c54a8d7922e104830c5580ec"),
    ("tiles-v1", Mode::SplitRows, Shape::frame(40, 45),
        "21cc86d41eb5b2c41750f275d3b12ad486bc9b22116093b47b1c501e3d827773"),
    ("wavefront-v1", Mode::Wavefront, Shape::frame(40, 50),
        "78728b25456dd986256ce5db7288548b11083a86c54a8d7922e104830c5580ec"),
    ("wavefront-bands-v1", Mode::Wavefront, Shape::frame(50, 230),
        "42ce466d5cf643b46a8d2c85407b07167a435e93b14c94d3f6cd61eb31c2b29c"),
    ("wavefront-narrow-v1", Mode::Wavefront, Shape::frame(60, 2),
        "d3aef84574d148be7d568ccda100beae7271e6a4f8211349ee28dff89be0b350"),
    ("max-v1", Mode::Mixing, Shape::frame(24, 40),
        "d7b8dccd8284002c1c294778256e56284ad557b174b279eded3958330fdafe82"),
    ("mixing-blocks-v1", Mode::Mixing, Shape::frame(40, 200),
        "112d29222bb93764be02a09c4127b1bff944bfca6a1619cd8759a74ba7ed264d"),
    ("turned-v1", Mode::Offset, Shape::frame(24, 32),
        "9c8b72d6d1fafa83bcbfee0c48b762c53d9b6c41ffa6c6e9afad7972a25e931f"),
    ("difference-v2", Mode::Difference, Shape::new(3, 20, 24),
        "48dafb94efa0918b2d34d941f7e6a15ccbc72f43b4885d2761d7030ff67d0a5d"),
    ("given-v2", Mode::MixingWithReferences, Shape::new(4, 20, 64),
        "97d7d0a1d9f1a61d4904a9af810106ebbf947ac96c8a9c2eae0ba43143d6b68c"),
    ("dithered-split-rows-v4", Mode::DitheredSplitRows, Shape::frame(60, 70),
        "70f672b7621051d729f33475ef7184ca1a2f1377dd3cae258b1c39ee873eb2d7"),
    ("dithered-wavefront-v4", Mode::DitheredWavefront, Shape::frame(40, 50),
        "526f672bb8581314b699dc3abf6d48ed8b36a7efa3cf8c36b960f914ee80ff15"),
    ("dithered-mixing-v4", Mode::DitheredMixing, Shape::frame(24, 40),
        "5419eefab848dac4c66ca229e7bebefd3103ad3eff69dc602e6d9f5cf30888fa"),
    ("dithered-positions-v5", Mode::DitheredMixingByPosition, Shape::frame(24, 40),
        "5419eefab848dac4c66ca229e7bebefd3103ad3eff69dc602e6d9f5cf30888fa"),
];

/// How the files that are added last are made, by name: their images, and their bytes as of today.
fn missing() -> Vec<(&'static str, Image16, Parts)> {
    let alone = |mode: Mode, image: &Image16, payload: Option<Vec<u8>>| {
        let bytes = [&[mode as u8], payload.expect("an image with pixels").as_slice()].concat();
        let Shape { height, width, .. } = image.shape();
        let tiles = vec![CodedTile { bytes, references: 0 }];
        Parts { version: 1, tile_height: height, tile_width: width, dither: None, tiles }
    };
    let of = |name, mode: Mode, image: Image16| {
        let payload = match mode {
            Mode::Wavefront => wavefront::encode(TileView::of(&image), wavefront::Beside::default()),
            _ => mixing::encode(TileView::of(&image)),
        };
        let parts = alone(mode, &image, payload);
        (name, image, parts)
    };
    let dithered = |name, mode: Mode, image: Image16| {
        let stack = dithered::stack(image.shape(), 16);
        let indices = dithered::quantised(&image, &stack, 9.0);
        let parts = dithered::parts(&indices, &stack, mode);
        (name, indices, parts)
    };
    let frame = |height, width, noise| scene(Shape::frame(height, width), noise, 11);
    vec![
        of("wavefront-bands-v1", Mode::Wavefront, frame(50, 230, 2.0)),
        of("wavefront-narrow-v1", Mode::Wavefront, frame(60, 2, 40.0)),
        of("mixing-blocks-v1", Mode::Mixing, frame(40, 200, 6.0)),
        dithered("dithered-split-rows-v4", Mode::DitheredSplitRows, frame(60, 70, 9.0)),
        dithered("dithered-wavefront-v4", Mode::DitheredWavefront, frame(40, 50, 9.0)),
        dithered("dithered-mixing-v4", Mode::DitheredMixing, frame(24, 40, 9.0)),
        dithered("dithered-positions-v5", Mode::DitheredMixingByPosition, frame(24, 40, 9.0)),
    ]
}

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden/streams").join(format!("{name}.bin"))
}

#[test]
fn golden_streams_decode() {
    let mut modes: Vec<u8> = Vec::new();
    for (name, mode, shape, digest) in GOLDEN {
        let bytes = std::fs::read(path(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
        let image = Floor::default().decode(&bytes, shape, &Limits::default());
        let image = image.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(image.digest().to_string(), digest, "{name}: the pixels");
        let reference = nf_floor_decoder::decode(&bytes, shape.planes, shape.height, shape.width);
        let reference = reference.unwrap_or_else(|wrong| panic!("{name}: {wrong}"));
        assert!(reference == image.samples(), "{name}: the reference");
        modes.push(mode as u8);
    }
    modes.sort_unstable();
    modes.dedup();
    let all: Vec<u8> = Mode::without_profile().map(|mode| mode as u8).collect();
    assert_eq!(modes, all, "every mode has a golden stream");
    let files = std::fs::read_dir(path("x").parent().expect("a folder")).expect("the folder can be read");
    assert_eq!(files.count(), GOLDEN.len(), "every file is listed");
}

#[test]
#[ignore = "writes golden files that are missing"]
fn write_missing() {
    for (name, image, parts) in missing() {
        if !path(name).exists() {
            std::fs::write(path(name), parts.bytes()).expect("the folder can be written");
        }
        println!("{name} {} {}", image.shape(), image.digest());
    }
}
