//! Codes a simulated frame of 4096 x 4096 pixels on one thread and on two, in turns, and prints
//! MB/s by the clock and their ratio: `threads [level=fast|default] [repeat=N]`.

use nf_codec::{Codec, Limits};
use nf_floor::{Floor, Level};
use nf_image::testing::Rng;
use nf_image::{Image16, Shape};
use std::error::Error;
use std::time::Instant;

const SHAPE: Shape = Shape::frame(4096, 4096);

fn main() -> Result<(), Box<dyn Error>> {
    let (mut codec, mut repeat) = (Floor { level: Level::Fast }, 5);
    for argument in std::env::args().skip(1) {
        match argument.split_once('=') {
            Some(("level", level)) => codec.level = level.parse().map_err(|()| "no such level")?,
            Some(("repeat", times)) => repeat = times.parse()?,
            _ => return Err(format!("{argument}: neither level=... nor repeat=...").into()),
        }
    }
    let image = frame();
    let pool = |threads| rayon::ThreadPoolBuilder::new().num_threads(threads).build();
    let pools = [pool(1)?, pool(2)?];
    let (mut encode_s, mut decode_s) = ([f64::MAX; 2], [f64::MAX; 2]);
    for _ in 0..repeat {
        for (i, pool) in pools.iter().enumerate() {
            let start = Instant::now();
            let bytes = pool.install(|| codec.encode(&image))?;
            encode_s[i] = encode_s[i].min(start.elapsed().as_secs_f64());
            let start = Instant::now();
            let back = pool.install(|| codec.decode(&bytes, SHAPE, &Limits::default()))?;
            decode_s[i] = decode_s[i].min(start.elapsed().as_secs_f64());
            if back.samples() != image.samples() {
                return Err("the frame does not come back".into());
            }
        }
    }
    let megabytes = SHAPE.pixels() as f64 * 2e-6;
    for (name, [one, two]) in [("encode", encode_s), ("decode", decode_s)] {
        println!(
            "{name}: {:.1} MB/s on one thread, {:.1} on two, ratio {:.2}",
            megabytes / one,
            megabytes / two,
            one / two
        );
    }
    Ok(())
}

/// A gradient with noise of some 10 DN.
fn frame() -> Image16 {
    let mut rng = Rng::new(1);
    Image16::from_fn(SHAPE, |_, y, _| {
        let noise: usize = (0..4).map(|_| rng.below(20)).sum();
        (1000 + y / 8 + noise) as u16
    })
}
