//! JPEG XL files of this crate against an independent decoder, and the lengths of `effort=best`.
#![cfg(feature = "jpegxl")]

use nf_classic::entries;
use nf_codec::{Codec, Registry};
use nf_image::{Image16, Shape};

fn codec(spec: &str) -> Box<dyn Codec> {
    let spec = spec.parse().expect("the spec of a test parses");
    Registry::new(entries()).build(&spec).expect("the spec of a test builds")
}

/// A frame with what detectors have: a slope, noise, a few stars and hot pixels.
fn frame(shape: Shape) -> Image16 {
    let mut state = 1u64;
    Image16::from_fn(shape, |_, row, column| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let noise = (0..8).map(|i| (state >> (32 + 4 * i) & 15) as u16).sum::<u16>();
        match (row * 31 + column * 17) % 1009 {
            0 => 65_535,
            1..5 => 30_000 + noise * 100,
            _ => 900 + noise + row as u16,
        }
    })
}

#[test]
fn an_independent_decoder_finds_the_same_pixels() {
    for shape in [Shape::frame(1, 1), Shape::frame(1, 300), Shape::frame(301, 5), Shape::frame(300, 523)] {
        let image = frame(shape);
        for effort in ["1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "best"] {
            let bytes = codec(&format!("jpegxl:effort={effort}")).encode(&image).expect("encodes");
            let decoder = jxl_oxide::JxlImage::builder().read(&bytes[..]).expect("reads the header");
            assert_eq!((decoder.height() as usize, decoder.width() as usize), (shape.height, shape.width));
            let render = decoder.render_frame(0).expect("decodes");
            // Floats between 0 and 1, which hold 16-bit integers exactly.
            let decoded = render.image_all_channels();
            assert_eq!(decoded.channels(), 1);
            let samples: Vec<u16> =
                decoded.buf().iter().map(|value| (value * 65_535.0).round() as u16).collect();
            assert!(samples == image.samples(), "effort {effort} of {shape}: pixels differ");
        }
    }
}

#[test]
fn best_is_the_shortest_of_its_efforts() {
    let image = frame(Shape::frame(200, 150));
    let length = |effort| codec(&format!("jpegxl:effort={effort}")).encode(&image).expect("encodes").len();
    let shortest = ["7", "8", "9", "10"].map(length).into_iter().min();
    assert_eq!(Some(length("best")), shortest);
}
