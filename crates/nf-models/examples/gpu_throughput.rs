//! Times a row net on the GPU and on the processor, over frames of 16 to 1024 tiles, and compares
//! their bytes.
//!
//! ```sh
//! cargo run --release -p nf-models --features gpu --example gpu_throughput -- \
//!     checkpoints/rownet-small-real-6471df8d
//! ```

use nf_codec::{Codec, Limits};
use nf_image::{Image16, Shape};
use nf_models::{Checkpoint, Gpu, NetCodec};
use std::error::Error;
use std::hint::black_box;
use std::path::Path;
use std::time::Instant;

const TILE_PX: usize = 256;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().ok_or("expected the folder of a checkpoint")?;
    let most: usize = arguments.next().map_or(Ok(1024), |tiles| tiles.parse())?;
    let gpu = Gpu::open()?;
    println!("{}; tiles of {TILE_PX} x {TILE_PX} pixels; MB/s of samples, best of three\n", gpu.name());
    println!("| tiles | GPU encode | decode | processor encode | decode |");
    println!("|---:|---:|---:|---:|---:|");
    let codec = || {
        Ok::<_, Box<dyn Error>>(NetCodec::new(Checkpoint::load(Path::new(&folder))?, folder.clone(), TILE_PX))
    };
    let (on_gpu, on_processor) = (codec()?.on(&gpu)?, codec()?);
    if !on_gpu.is_on_gpu() {
        return Err(format!("{folder}: only row nets code on a GPU").into());
    }
    let mut tiles = 16;
    while tiles <= most {
        let frame = noisy_frame(TILE_PX * tiles / 4, TILE_PX * 4);
        let expected = on_processor.encode(&frame)?;
        let (encode, bytes) = best(&frame, || on_gpu.encode(&frame))?;
        assert!(bytes == expected, "the GPU writes other bytes than the processor");
        let (decode, decoded) = best(&frame, || on_gpu.decode(&bytes, frame.shape(), &Limits::default()))?;
        assert!(decoded == frame, "the GPU reads other samples than were written");
        let (other_encode, _) = best(&frame, || on_processor.encode(&frame))?;
        let (other_decode, _) =
            best(&frame, || on_processor.decode(&bytes, frame.shape(), &Limits::default()))?;
        println!("| {tiles} | {encode:.1} | {decode:.1} | {other_encode:.1} | {other_decode:.1} |");
        tiles *= 4;
    }
    Ok(())
}

/// Megabytes of samples a second, and the result.
fn best<T>(frame: &Image16, run: impl Fn() -> nf_codec::Result<T>) -> Result<(f64, T), Box<dyn Error>> {
    let mut result = black_box(run()?);
    let mut least = f64::INFINITY;
    for _ in 0..3 {
        let start = Instant::now();
        result = black_box(run()?);
        least = least.min(start.elapsed().as_secs_f64());
    }
    Ok((frame.shape().pixels() as f64 * 2e-6 / least, result))
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
