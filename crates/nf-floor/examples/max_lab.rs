//! Codes frames (NumPy files of u16, two dimensions) at level `max`, one tile each, and verifies them:
//! `max_lab [side=PIXELS] [decode=no] FILE.npy...` prints bits per pixel and speeds; `side` keeps a central square.
//!
//! `max_lab sets=all [side=PIXELS] FILE.npy...` asks how much was tuned to these frames: it codes them with other sets of
//! constants too, chooses the best set for each instrument from all other instruments, and compares on that instrument.

use nf_floor::max::{self, Constants};
use nf_floor::tile::TileView;
use nf_image::Shape;
use std::collections::BTreeMap;
use std::error::Error;
use std::io::Write as _;
use std::path::Path;
use std::time::Instant;

/// The committed constants, and others with one of them changed.
fn sets() -> Vec<(&'static str, Constants)> {
    let all = Constants::COMMITTED;
    vec![
        ("committed", all),
        ("clip 3", Constants { clip_scales: 3.0, ..all }),
        ("clip 6", Constants { clip_scales: 6.0, ..all }),
        ("block keeps 0.95", Constants { block_keep: 0.95, ..all }),
        ("block keeps 0.985", Constants { block_keep: 0.985, ..all }),
        ("filters slower", Constants { filter_steps: [0.001, 0.005], ..all }),
        ("filters faster", Constants { filter_steps: [0.006, 0.024], ..all }),
        ("combination 2500", Constants { combination_memory_px: 2500.0, ..all }),
        ("combination 15 000", Constants { combination_memory_px: 15_000.0, ..all }),
        ("mixing ends at 0.00001", Constants { mixing_last: 1e-5, ..all }),
        ("mixing ends at 0.0001", Constants { mixing_last: 1e-4, ..all }),
        ("mixing prior 400", Constants { mixing_prior: 400.0, ..all }),
        ("mixing prior 2500", Constants { mixing_prior: 2500.0, ..all }),
        ("bias prior 5", Constants { around_precision: 5.0, ..all }),
        ("bias prior 20", Constants { around_precision: 20.0, ..all }),
    ]
}

/// Bytes under every set, and pixels, by instrument: the first two words of a frame's name.
#[derive(Default)]
struct LeftOut {
    instruments: BTreeMap<String, (Vec<usize>, usize)>,
}

impl LeftOut {
    fn measure(&mut self, name: &str, tile: TileView) -> Result<(), Box<dyn Error>> {
        let instrument = name.splitn(3, '_').take(2).collect::<Vec<_>>().join("_");
        let sets = sets();
        let (bytes, pixels) = self.instruments.entry(instrument).or_insert((vec![0; sets.len()], 0));
        print!("{name}");
        for (bytes, (_, constants)) in bytes.iter_mut().zip(&sets) {
            let size = max::encode_with(tile, constants).ok_or("the tile was not taken")?.len();
            print!(" {size}");
            std::io::stdout().flush()?;
            *bytes += size;
        }
        println!();
        *pixels += tile.samples.len();
        Ok(())
    }

    /// Pooled size of every set; for each instrument its committed size, that of the set best on all others, and its own best.
    fn print(&self) {
        let sets = sets();
        let total = |without: &str, set: usize| -> usize {
            let others = self.instruments.iter().filter(|(name, _)| *name != without);
            others.map(|(_, (bytes, _))| bytes[set]).sum()
        };
        let best = |size: &dyn Fn(usize) -> usize| (0..sets.len()).min_by_key(|&set| size(set)).unwrap_or(0);
        let percent = |size: usize, base: usize| (size as f64 / base as f64 - 1.0) * 100.0;
        println!("| set | against committed |\n|---|---:|");
        for (set, (name, _)) in sets.iter().enumerate() {
            println!("| {name} | {:+.3} % |", percent(total("", set), total("", 0)));
        }
        println!("\n| instrument | committed, bits/px | best on the others | gives | own best | gives |");
        println!("|---|---:|---|---:|---|---:|");
        let (mut committed, mut chosen) = (0, 0);
        for (name, (bytes, pixels)) in &self.instruments {
            let elsewhere = best(&|set| total(name, set));
            let own = best(&|set| bytes[set]);
            println!(
                "| {name} | {:.4} | {} | {:+.3} % | {} | {:+.3} % |",
                bytes[0] as f64 * 8.0 / *pixels as f64,
                sets[elsewhere].0,
                percent(bytes[elsewhere], bytes[0]),
                sets[own].0,
                percent(bytes[own], bytes[0]),
            );
            committed += bytes[0];
            chosen += bytes[elsewhere];
        }
        println!("| **pooled** | | | {:+.3} % | | |", percent(chosen, committed));
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut side = usize::MAX;
    let mut decodes = true;
    let mut left_out = None;
    let (mut bytes_total, mut pixels_total) = (0, 0);
    for argument in std::env::args().skip(1) {
        if let Some(value) = argument.strip_prefix("side=") {
            side = value.parse()?;
            continue;
        }
        if let Some(value) = argument.strip_prefix("decode=") {
            decodes = value != "no";
            continue;
        }
        if argument == "sets=all" {
            left_out = Some(LeftOut::default());
            continue;
        }
        let path = Path::new(&argument);
        let (height, width, samples) = crop(read(path)?, side);
        let shape = Shape::frame(height, width);
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        if let Some(left_out) = &mut left_out {
            left_out.measure(&name, TileView::new(shape, &samples))?;
            continue;
        }
        if pixels_total == 0 {
            println!("{:44} {:>8} {:>10} {:>10}", "frame", "bits/px", "enc MB/s", "dec MB/s");
        }
        let start = Instant::now();
        let payload = max::encode(TileView::new(shape, &samples)).ok_or("the tile was not taken")?;
        let encode_s = start.elapsed().as_secs_f64();
        let start = Instant::now();
        let decoded = if decodes { max::decode(&argument, &payload, shape)? } else { samples.clone() };
        let decode_s = start.elapsed().as_secs_f64();
        if decoded != samples {
            return Err(format!("{argument} does not return").into());
        }
        let raw_mb = samples.len() as f64 * 2e-6;
        let bits = payload.len() as f64 * 8.0 / samples.len() as f64;
        println!("{name:44} {bits:8.4} {:10.3} {:10.3}", raw_mb / encode_s, raw_mb / decode_s);
        bytes_total += payload.len();
        pixels_total += samples.len();
    }
    if let Some(left_out) = left_out {
        left_out.print();
        return Ok(());
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
