//! `noisefloor fits` against `fpack`, `funpack` and astropy, each as a process, on one frame in one
//! run: `cargo bench -p noisefloor --bench fits_processes`. Set `NOISEFLOOR_FRAME` to a plain FITS
//! file for a real frame instead of 16 megapixels of simulated noise. The programs take turns, so
//! that whatever else the machine does slows all of them; the fastest of the rounds is printed,
//! and, on Linux, the mean of what all cores spent. Peers that are not at hand are skipped.
#![allow(clippy::unwrap_used, reason = "a bench may stop where its premise fails")]

use nf_image::{Image16, Shape};
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const ROUNDS: usize = 7;

/// Reads argument 1, writes argument 2 as argument 3 says.
const ASTROPY: &str = "
import sys
from astropy.io import fits
source, target, what = sys.argv[1:]
if what == 'pack':
    with fits.open(source, do_not_scale_image_data=True) as f:
        fits.CompImageHDU(f[0].data, f[0].header, compression_type='RICE_1').writeto(target, overwrite=True)
else:
    with fits.open(source, do_not_scale_image_data=True) as f:
        fits.PrimaryHDU(f[1].data, f[1].header).writeto(target, overwrite=True)
";

struct Contestant {
    name: &'static str,
    command: Vec<String>,
    output: &'static str,
    fastest: Duration,
    /// Of all cores and all rounds, where the system tells.
    cpu_ms: Option<u64>,
}

fn main() {
    let folder = tempfile::tempdir().unwrap();
    let frame = folder.path().join("frame.fits");
    match std::env::var_os("NOISEFLOOR_FRAME") {
        Some(path) => drop(fs::copy(path, &frame).unwrap()),
        None => fs::write(&frame, nf_fits::write_image(&noise(), None).unwrap()).unwrap(),
    }
    let mut all = contestants();
    for round in 0..ROUNDS {
        for one in &mut all {
            let _ = fs::remove_file(folder.path().join(one.output));
            let (start, cpu) = (Instant::now(), children_cpu_ms());
            let done = run(folder.path(), &one.command);
            let elapsed = start.elapsed();
            let cpu = children_cpu_ms().zip(cpu).map(|(after, before)| after - before);
            assert!(done, "{} failed", one.name);
            // The first round fills the caches.
            if round > 0 {
                one.fastest = one.fastest.min(elapsed);
                one.cpu_ms = one.cpu_ms.zip(cpu).map(|(sum, cpu)| sum + cpu);
            }
        }
    }
    let file = nf_fits::FitsFile::open(&frame).unwrap();
    let image = file.image_hdus().next().unwrap();
    let mb = image.pixels() as f64 * image.sample_type().bytes() as f64 / 1e6;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    println!("{mb:.1} MB of pixels, {cores} cores, the fastest of {} rounds, whole processes", ROUNDS - 1);
    println!("| program | fastest ms | MB/s | mean CPU ms | bytes written |");
    println!("|---|---:|---:|---:|---:|");
    for one in &all {
        let seconds = one.fastest.as_secs_f64();
        let cpu = one.cpu_ms.map_or(String::new(), |sum| (sum / (ROUNDS as u64 - 1)).to_string());
        let bytes = fs::metadata(folder.path().join(one.output)).unwrap().len();
        println!("| {} | {:.0} | {:.0} | {cpu} | {bytes} |", one.name, seconds * 1e3, mb / seconds);
    }
}

fn contestants() -> Vec<Contestant> {
    let mut all = Vec::new();
    let mut add = |name, output, command: &[&str]| {
        let command: Vec<String> = command.iter().map(|word| (*word).to_owned()).collect();
        all.push(Contestant { name, command, output, fastest: Duration::MAX, cpu_ms: Some(0) });
    };
    let ours = env!("CARGO_BIN_EXE_noisefloor");
    let python = std::env::var("NOISEFLOOR_PEER_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let has = |command: &[&str]| {
        let found = Command::new(command[0]).args(&command[1..]).output();
        let found = found.is_ok_and(|out| out.status.success());
        if !found {
            println!("SKIP: {} is not there", command.join(" "));
        }
        found
    };
    let (cfitsio, astropy) = (has(&["fpack", "-V"]), has(&[&python, "-c", "import astropy.io.fits"]));
    add("noisefloor fits pack", "a.fz", &[ours, "fits", "pack", "-o", "a.fz", "frame.fits"]);
    let one = ["--threads", "1", "fits", "pack", "-o", "b.fz", "frame.fits"];
    add("noisefloor fits pack, one thread", "b.fz", &[&[ours][..], &one].concat());
    if cfitsio {
        add("fpack -r", "c.fz", &["fpack", "-r", "-O", "c.fz", "frame.fits"]);
    }
    if astropy {
        add("astropy, RICE_1", "d.fz", &[&python, "-c", ASTROPY, "frame.fits", "d.fz", "pack"]);
    }
    add("noisefloor fits unpack", "a.fits", &[ours, "fits", "unpack", "-o", "a.fits", "a.fz"]);
    let one = ["--threads", "1", "fits", "unpack", "-o", "b.fits", "a.fz"];
    add("noisefloor fits unpack, one thread", "b.fits", &[&[ours][..], &one].concat());
    if cfitsio {
        add("funpack", "c.fits", &["funpack", "-O", "c.fits", "a.fz"]);
    }
    if astropy {
        add("astropy, reading", "d.fits", &[&python, "-c", ASTROPY, "a.fz", "d.fits", "unpack"]);
    }
    all
}

fn run(folder: &Path, command: &[String]) -> bool {
    let mut process = Command::new(&command[0]);
    process.args(&command[1..]).current_dir(folder).stdout(Stdio::null()).stderr(Stdio::null());
    process.status().is_ok_and(|status| status.success())
}

/// What the programs that have ended have cost: fields 16 and 17 of proc_pid_stat(5), in hundredths
/// of a second.
fn children_cpu_ms() -> Option<u64> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    let (_, behind_name) = stat.rsplit_once(')')?;
    behind_name.split_whitespace().skip(13).take(2).map(|ticks| Some(10 * ticks.parse::<u64>().ok()?)).sum()
}

/// 4096 x 4096 pixels: a gradient, and noise of sigma 9.
fn noise() -> Image16 {
    let mut state = 1u64;
    Image16::from_fn(Shape::frame(4096, 4096), |_, row, column| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let noise = state.to_le_bytes()[..4].iter().map(|&byte| u32::from(byte)).sum::<u32>() / 16;
        (1000 + row / 16 + column / 32) as u16 + noise as u16
    })
}
