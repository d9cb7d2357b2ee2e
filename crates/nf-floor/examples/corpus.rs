//! Codes frames (NumPy files of u16) with `floor`, verifies them, and prints bits per pixel and speeds (of one thread, by its
//! CPU time, the best of `repeat`):
//! `corpus [level=fast|default|max] [only=WORD+WORD] [baselines=FILE.csv] [repeat=N] [planes=alone] FOLDER|FILE.npy...`.
//!
//! `planes=alone` codes the planes of a stack as frames of their own.
//!
//! A baselines file has a header `frame,NAME,NAME...` and a row of bits per pixel per frame.

use nf_codec::{Codec, Limits};
use nf_floor::{Floor, Level};
use nf_image::{Image16, Shape};
use rustix::time::{ClockId, clock_gettime};
use std::collections::BTreeMap;
use std::error::Error;
use std::path::{Path, PathBuf};

fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    // Its only thread does all the work, so that the thread's CPU time is that of the codec.
    rayon::ThreadPoolBuilder::new().num_threads(1).build()?.install(run)
}

/// CPU time of this thread, seconds.
fn cpu_s() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9
}

fn run() -> Result<(), Box<dyn Error + Send + Sync>> {
    let mut codec = Floor::default();
    let (mut files, mut only, mut repeat) = (Vec::<PathBuf>::new(), String::new(), 1);
    let mut baselines = Baselines::default();
    let mut together = true;
    for argument in std::env::args().skip(1) {
        match argument.split_once('=') {
            Some(("level", level)) => codec.level = level.parse::<Level>().map_err(|()| "no such level")?,
            Some(("only", words)) => only = words.to_owned(),
            Some(("planes", word)) => together = word != "alone",
            Some(("repeat", times)) => repeat = times.parse()?,
            Some(("baselines", path)) => baselines = Baselines::read(Path::new(path))?,
            _ if Path::new(&argument).is_dir() => {
                for entry in std::fs::read_dir(&argument)? {
                    files.push(entry?.path());
                }
            }
            _ => files.push(argument.into()),
        }
    }
    files.sort();
    print!("{:40} {:>8} {:>7} {:>7}", "frame", "bits/px", "enc MB/s", "dec MB/s");
    baselines.names.iter().for_each(|name| print!(" {name:>16}"));
    println!();
    let mut total = Total { sums: vec![0.0; baselines.names.len()], ..Total::default() };
    for path in &files {
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        if !only.is_empty() && !only.split('+').any(|word| name.contains(word)) {
            continue;
        }
        let image = read(path)?;
        let shape = image.shape();
        let parts = if together {
            vec![image]
        } else {
            (0..shape.planes)
                .map(|plane| image.crop(plane..plane + 1, 0..shape.height, 0..shape.width))
                .collect()
        };
        let (mut bytes, mut encode_s, mut decode_s) = (0, 0.0, 0.0);
        for part in &parts {
            let (mut part_bytes, mut part_encode_s, mut part_decode_s) = (Vec::new(), f64::MAX, f64::MAX);
            for _ in 0..repeat {
                let start = cpu_s();
                part_bytes = codec.encode(part)?;
                part_encode_s = part_encode_s.min(cpu_s() - start);
                let start = cpu_s();
                let back = codec.decode(&part_bytes, part.shape(), &Limits::default())?;
                part_decode_s = part_decode_s.min(cpu_s() - start);
                if back.samples() != part.samples() {
                    return Err(format!("{name} does not come back").into());
                }
            }
            bytes += part_bytes.len();
            encode_s += part_encode_s;
            decode_s += part_decode_s;
        }
        let pixels = shape.pixels() as f64;
        let bits = bytes as f64 * 8.0 / pixels;
        let speed = |seconds: f64| pixels * 2e-6 / seconds;
        print!("{name:40} {bits:8.4} {:7.1} {:7.1}", speed(encode_s), speed(decode_s));
        let row = baselines.rows.get(&name);
        for (i, sum) in total.sums.iter_mut().enumerate() {
            let peer = row.map_or(f64::NAN, |row| row[i]);
            *sum += peer * pixels;
            print!(" {peer:7.3} {:+6.2} %", (bits / peer - 1.0) * 100.0);
        }
        println!();
        total.pixels += pixels;
        total.bytes += bytes as f64;
        total.encode_s += encode_s;
        total.decode_s += decode_s;
    }
    let bits = total.bytes * 8.0 / total.pixels;
    let speed = |seconds: f64| total.pixels * 2e-6 / seconds;
    print!("{:40} {bits:8.4} {:7.1} {:7.1}", "POOLED", speed(total.encode_s), speed(total.decode_s));
    for sum in &total.sums {
        let peer = sum / total.pixels;
        print!(" {peer:7.3} {:+6.2} %", (bits / peer - 1.0) * 100.0);
    }
    println!();
    Ok(())
}

#[derive(Default)]
struct Total {
    pixels: f64,
    bytes: f64,
    encode_s: f64,
    decode_s: f64,
    sums: Vec<f64>,
}

#[derive(Default)]
struct Baselines {
    names: Vec<String>,
    rows: BTreeMap<String, Vec<f64>>,
}

impl Baselines {
    fn read(path: &Path) -> Result<Self, Box<dyn Error + Send + Sync>> {
        let text = std::fs::read_to_string(path)?;
        let mut lines = text.lines();
        let names = lines.next().ok_or("no header")?.split(',').skip(1).map(str::to_owned).collect();
        let mut rows = BTreeMap::new();
        for line in lines {
            let mut cells = line.split(',');
            let name = cells.next().unwrap_or_default().to_owned();
            rows.insert(name, cells.map(str::parse).collect::<Result<_, _>>()?);
        }
        Ok(Self { names, rows })
    }
}

/// A little-endian u16 array in NumPy's format, version 1, of two or three dimensions.
fn read(path: &Path) -> Result<Image16, Box<dyn Error + Send + Sync>> {
    let bytes = std::fs::read(path)?;
    let size = u16::from_le_bytes(*bytes.get(8..10).and_then(<[u8]>::first_chunk).ok_or("too short")?);
    let size = usize::from(size);
    let header = std::str::from_utf8(bytes.get(10..10 + size).ok_or("too short")?)?;
    let extent = header.split("'shape': (").nth(1).and_then(|rest| rest.split(')').next());
    let extent: Vec<usize> = extent
        .ok_or("no shape")?
        .split(',')
        .filter(|word| !word.trim().is_empty())
        .map(|word| word.trim().parse())
        .collect::<Result<_, _>>()?;
    let shape = match extent[..] {
        [height, width] => Shape::frame(height, width),
        [planes, height, width] => Shape::new(planes, height, width),
        _ => return Err("neither two nor three dimensions".into()),
    };
    let samples =
        bytes[10 + size..].chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
    Ok(Image16::new(shape, samples)?)
}
