//! Codes a simulated frame with a committed neural network, decodes it and compares.
//!
//! ```sh
//! cargo run --release -p nf-models --example code_with_a_net -- checkpoints/idf-tiny-sim-8ef946a4
//! ```

use nf_codec::{Limits, Registry, Spec};
use nf_image::{Image16, Shape};
use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    let checkpoint = std::env::args().nth(1).ok_or("expected the folder of a checkpoint")?;
    println!("{}", code_with_a_net(&checkpoint)?);
    Ok(())
}

fn code_with_a_net(checkpoint: &str) -> Result<String, Box<dyn Error>> {
    let registry = Registry::new([nf_models::ENTRY]);
    let spec: Spec = format!("net:checkpoint={checkpoint}").parse()?;
    let codec = registry.build(&spec)?; // reads the weights, and checks them against the card
    let frame = noisy_frame(96, 128);
    let bytes = codec.encode(&frame)?;
    // Any machine that holds the same weights decodes the same pixels.
    let again = codec.decode(&bytes, frame.shape(), &Limits::default())?;
    assert_eq!(again.samples(), frame.samples());
    let pixels = frame.shape().pixels() as f64;
    let ideal = codec.ideal_bits(&frame)?.ok_or("this codec states no ideal size")?;
    let bits = 8.0 * bytes.len() as f64;
    Ok(format!("{:.3} bits per pixel, ideally {:.3}", bits / pixels, ideal / pixels))
}

/// A sky with a slope and noise of about nine counts.
fn noisy_frame(height: usize, width: usize) -> Image16 {
    let mut state = 3_u64;
    Image16::from_fn(Shape::frame(height, width), |_, row, column| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let noise: u64 = (0..4).map(|i| (state >> (32 + 8 * i)) & 15).sum();
        (1000 + row / 8 + column / 16 + noise as usize) as u16
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_committed_checkpoint_codes_a_frame() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../checkpoints/idf-tiny-sim-8ef946a4");
        let line = super::code_with_a_net(folder).unwrap();
        let bits: f64 = line.split(' ').next().unwrap().parse().unwrap();
        // The noise alone is worth about 5 bits.
        assert!((4.5..7.0).contains(&bits), "{line}");
    }
}
