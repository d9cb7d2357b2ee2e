//! Compresses the first image of a FITS file in memory, decodes it and compares.
//!
//! ```sh
//! cargo run --release -p nf-floor --example encode_frame -- frame.fits
//! ```

use nf_codec::{Codec, Limits};
use nf_fits::FitsFile;
use nf_floor::{Floor, Level};
use std::error::Error;
use std::path::Path;

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args_os().nth(1).ok_or("expected the name of a FITS file")?;
    println!("{}", encode_frame(path.as_ref())?);
    Ok(())
}

fn encode_frame(path: &Path) -> Result<String, Box<dyn Error>> {
    // The first HDU; tile-compressed images usually stand in `.image(1)`.
    let frame = FitsFile::open(path)?.image(0)?.read()?;
    let codec = Floor { level: Level::Fast };
    let bytes = codec.encode(&frame)?;
    let again = codec.decode(&bytes, frame.shape(), &Limits::default())?;
    assert_eq!(again.samples(), frame.samples());
    let bits_per_pixel = 8.0 * bytes.len() as f64 / frame.shape().pixels() as f64;
    Ok(format!("{}: {} bytes, {bits_per_pixel:.3} bits per pixel", frame.shape(), bytes.len()))
}

#[cfg(test)]
mod tests {
    use nf_image::{Image16, Shape};

    #[test]
    fn a_frame_takes_about_the_bits_of_its_noise() {
        // Six random bits in every pixel.
        let mut state = 1_u64;
        let frame = Image16::from_fn(Shape::frame(200, 300), |_, _, _| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            1000 + (state >> 58) as u16
        });
        let path = std::env::temp_dir().join(format!("encode_frame-{}.fits", std::process::id()));
        std::fs::write(&path, nf_fits::write_image(&frame, None).unwrap()).unwrap();
        let line = super::encode_frame(&path);
        std::fs::remove_file(&path).unwrap();
        let line = line.unwrap();
        assert!(line.contains("bytes, 6."), "{line}");
    }
}
