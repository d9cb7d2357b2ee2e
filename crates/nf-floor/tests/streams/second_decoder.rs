//! The decoder that was written from the specification alone (`nf-floor-decoder`) and the engine
//! agree.

use nf_codec::{Codec, Limits};
use nf_fits::FitsFile;
use nf_floor::{Floor, Level};
use nf_image::testing::{Rng, scene};
use nf_image::{Image16, Shape};
use std::path::PathBuf;

/// Both decoders give back what `level` wrote.
fn agree(name: &str, image: &Image16, level: Level) {
    let shape = image.shape();
    let bytes = Floor { level }.encode(image).expect("every stack is taken");
    let engine = Floor { level }.decode(&bytes, shape, &Limits::default()).expect("own bytes decode");
    assert!(engine.samples() == image.samples(), "{name}: the engine, {level}");
    let reference = nf_floor_decoder::decode(&bytes, shape.planes, shape.height, shape.width);
    let samples = reference.unwrap_or_else(|wrong| panic!("{name}: the second decoder, {level}: {wrong}"));
    assert!(samples == image.samples(), "{name}: the reference, {level}");
}

#[test]
fn random_stacks() {
    for level in Level::ALL {
        let mut rng = Rng::new(1);
        for (planes, height, width) in
            [(1, 0, 0), (2, 1, 1), (1, 1, 30), (1, 30, 1), (1, 2, 2), (3, 17, 23), (1, 64, 65)]
        {
            let shape = Shape::new(planes, height, width);
            for bits in [1, 4, 9, 16] {
                let image = Image16::from_fn(shape, |_, _, _| rng.below(1 << bits) as u16);
                agree("random", &image, level);
            }
        }
    }
}

#[test]
fn simulated_stacks() {
    for level in Level::ALL {
        for (planes, height, width, noise) in
            [(1, 60, 90, 0.3), (1, 90, 61, 4.0), (2, 40, 50, 30.0), (1, 70, 80, 900.0)]
        {
            agree("simulated", &scene(Shape::new(planes, height, width), noise, 2), level);
        }
    }
}

#[test]
fn real_tiles() {
    let Some(folder) = nf_image::testing::real_frames() else { return };
    let entries = std::fs::read_dir(&folder).expect("a folder that can be read");
    let mut files: Vec<PathBuf> =
        entries.map(|entry| entry.expect("a folder that can be read").path()).collect();
    files.retain(|path| path.to_string_lossy().contains(".fits"));
    files.sort();
    for path in &files {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let file = FitsFile::open(path).unwrap_or_else(|error| panic!("{name}: {error}"));
        let hdu = file.image_hdus().next().unwrap_or_else(|| panic!("{name} has an image"));
        let shape = hdu.shape();
        let (height, width) = (shape.height.min(40), shape.width.min(50));
        let (top, left) = ((shape.height - height) / 2, (shape.width - width) / 2);
        let rows = hdu.read_rows(0, top..top + height).unwrap_or_else(|error| panic!("{name}: {error}"));
        let tile = rows.crop(0..1, 0..height, left..left + width);
        for level in Level::ALL {
            agree(&name, &tile, level);
        }
    }
}
