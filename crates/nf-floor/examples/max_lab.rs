//! Codes frames (NumPy files of u16, two dimensions) at level `max`, one tile each, and verifies them:
//! `max_lab [side=PIXELS] [decode=no] FILE.npy...` prints bits per pixel and speeds; `side` keeps a central square.

use nf_floor::max;
use nf_floor::tile::TileView;
use nf_image::Shape;
use std::error::Error;
use std::path::Path;
use std::time::Instant;

fn main() -> Result<(), Box<dyn Error>> {
    let mut side = usize::MAX;
    let mut decodes = true;
    let (mut bytes_total, mut pixels_total) = (0, 0);
    println!("{:44} {:>8} {:>10} {:>10}", "frame", "bits/px", "enc MB/s", "dec MB/s");
    for argument in std::env::args().skip(1) {
        if let Some(value) = argument.strip_prefix("side=") {
            side = value.parse()?;
            continue;
        }
        if let Some(value) = argument.strip_prefix("decode=") {
            decodes = value != "no";
            continue;
        }
        let path = Path::new(&argument);
        let (height, width, samples) = crop(read(path)?, side);
        let shape = Shape::frame(height, width);
        let start = Instant::now();
        let payload = max::encode(TileView::new(shape, &samples)).ok_or("the tile was not taken")?;
        let encode_s = start.elapsed().as_secs_f64();
        let start = Instant::now();
        let decoded = if decodes { max::decode(&argument, &payload, shape)? } else { samples.clone() };
        let decode_s = start.elapsed().as_secs_f64();
        if decoded != samples {
            return Err(format!("{argument} does not return").into());
        }
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        let raw_mb = samples.len() as f64 * 2e-6;
        let bits = payload.len() as f64 * 8.0 / samples.len() as f64;
        println!("{name:44} {bits:8.4} {:10.3} {:10.3}", raw_mb / encode_s, raw_mb / decode_s);
        bytes_total += payload.len();
        pixels_total += samples.len();
    }
    println!("{:44} {:8.4}", "POOLED", bytes_total as f64 * 8.0 / pixels_total as f64);
    Ok(())
}

/// Height, width, samples of a little-endian u16 array in NumPy's format, version 1.
fn read(path: &Path) -> Result<(usize, usize, Vec<u16>), Box<dyn Error>> {
    let bytes = std::fs::read(path)?;
    let size =
        usize::from(u16::from_le_bytes(*bytes.get(8..10).and_then(<[u8]>::first_chunk).ok_or("too short")?));
    let header = std::str::from_utf8(bytes.get(10..10 + size).ok_or("too short")?)?;
    let extent =
        header.split("'shape': (").nth(1).and_then(|rest| rest.split(')').next()).ok_or("no shape")?;
    let extent: Vec<usize> = extent
        .split(',')
        .filter(|word| !word.trim().is_empty())
        .map(|word| word.trim().parse())
        .collect::<Result<_, _>>()?;
    let &[height, width] = &extent[..] else { return Err("not two dimensions".into()) };
    let samples =
        bytes[10 + size..].chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
    Ok((height, width, samples))
}

/// The central square of at most `side` pixels.
fn crop((height, width, samples): (usize, usize, Vec<u16>), side: usize) -> (usize, usize, Vec<u16>) {
    let (rows, columns) = (height.min(side), width.min(side));
    let (top, left) = ((height - rows) / 2, (width - columns) / 2);
    let cut = (top..top + rows).flat_map(|y| samples[y * width + left..][..columns].to_vec()).collect();
    (rows, columns, cut)
}
