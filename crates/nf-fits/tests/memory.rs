//! Memory of packing a frame of 16 megapixels: bounded by rows of tiles, not by the frame, also
//! where it is gzipped; and of many tiny tiles: bounded by their bytes, not by their number.
//!
//! A test program of its own with a single test, because the kernel counts the whole process.
#![allow(clippy::unwrap_used, reason = "a test may stop where its premise fails")]

mod files;

use files::{Random, header};
use nf_fits::FitsFile;
use nf_fits::pack::{Method, PackOptions, TileSize, Verdict, pack_proven, unpack};
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::Path;

const SIDE_PX: usize = 4096;
/// The frame has 33.6 MB of pixels; the whole of packing and proving may take this, frame included.
const MOST_BYTES: u64 = 100 << 20;

/// Opening a gzipped frame may take this: what is kept in memory, doubled while it grows.
const MOST_BYTES_OPENED: u64 = 24 << 20;

/// Packing and proving 200 000 rows of two pixels may take this; the packed file has 2.6 MB.
const MOST_BYTES_NARROW: u64 = 16 << 20;

/// Noise, written row by row.
fn write_frame(path: &Path, rows: usize, columns: usize) {
    let mut out = BufWriter::new(File::create(path).unwrap());
    let line = |keyword: &str, value: &str| format!("{keyword:<8}= {value:>20}");
    let [width, height] = [columns, rows].map(|side| side.to_string());
    let lines = [("SIMPLE", "T"), ("BITPIX", "16"), ("NAXIS", "2"), ("NAXIS1", &width), ("NAXIS2", &height)];
    out.write_all(&header(&lines.map(|(keyword, value)| line(keyword, value)))).unwrap();
    let mut random = Random(5);
    for group in 0..rows * columns / 4 {
        // Four pixels of 0 to 63 from one number.
        let bits = random.next();
        let ramp = (group / (2 * SIDE_PX)) as i16;
        let pixels = [0, 16, 32, 48].map(|shift| ramp + (bits >> shift & 63) as i16);
        out.write_all(&pixels.map(i16::to_be_bytes).concat()).unwrap();
    }
    let data_bytes = 2 * rows * columns;
    out.write_all(&vec![0; data_bytes.next_multiple_of(2880) - data_bytes]).unwrap();
}

/// Runs the work; how far the process's memory rose at its highest, where the system tells.
fn rise_bytes(work: impl FnOnce()) -> Option<u64> {
    let status = |key: &str| -> Option<u64> {
        let status = fs::read_to_string("/proc/self/status").ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix(key))?;
        Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? << 10)
    };
    let before = fs::write("/proc/self/clear_refs", "5").ok().and_then(|()| status("VmRSS:"));
    work();
    Some(status("VmHWM:")?.saturating_sub(before?))
}

#[test]
fn packing_takes_memory_for_what_is_worked_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    write_frame(&path("narrow.fits"), 200_000, 2);
    let narrow = rise_bytes(|| {
        let file = FitsFile::open(path("narrow.fits")).unwrap();
        let out = File::options().create_new(true).read(true).write(true).open(path("narrow.fz")).unwrap();
        let done = pack_proven(&file, &out, &PackOptions::new(Method::Rice), &mut |_| {}).unwrap();
        assert_eq!(done.verdicts, [Verdict::Identical]);
    });
    if let Some(rise) = narrow {
        println!("pack and prove 200 000 tiles: {:.1} MB", rise as f64 / 1e6);
        assert!(rise < MOST_BYTES_NARROW, "packing 200 000 tiles took {rise} bytes");
    }
    write_frame(&path("frame.fits"), SIDE_PX, SIDE_PX);
    let mut zipped =
        flate2::write::GzEncoder::new(File::create(path("frame.fits.gz")).unwrap(), Default::default());
    std::io::copy(&mut File::open(path("frame.fits")).unwrap(), &mut zipped).unwrap();
    zipped.finish().unwrap();
    let opening = rise_bytes(|| {
        let frame = FitsFile::open(path("frame.fits.gz")).unwrap();
        assert_eq!(frame.len_bytes(), fs::metadata(path("frame.fits")).unwrap().len());
    });
    if let Some(rise) = opening {
        println!("opening the gzipped frame: {:.1} MB", rise as f64 / 1e6);
        assert!(rise < MOST_BYTES_OPENED, "opening the gzipped frame took {rise} bytes");
    }
    for (name, tile) in [("rows", TileSize::Suitable), ("squares", TileSize::Axes(vec![256, 256]))] {
        let options = PackOptions { tile, ..PackOptions::new(Method::Rice) };
        let packed = path(name);
        let packing = rise_bytes(|| {
            let file = FitsFile::open(path("frame.fits")).unwrap();
            let out = File::options().create_new(true).read(true).write(true).open(&packed).unwrap();
            let done = pack_proven(&file, &out, &options, &mut |_| {}).unwrap();
            assert_eq!(done.verdicts, [Verdict::Identical]);
        });
        let again = path("again.fits");
        let unpacking = rise_bytes(|| {
            let file = FitsFile::open(&packed).unwrap();
            unpack(&file, &mut BufWriter::new(File::create(&again).unwrap()), &mut |_| {}).unwrap();
        });
        for (what, rise) in [("pack and prove", packing), ("unpack", unpacking)] {
            match rise {
                None => println!("SKIP: this system does not tell the peak resident size"),
                Some(rise) => {
                    println!("{what} in {name}: {:.1} MB", rise as f64 / 1e6);
                    assert!(rise < MOST_BYTES, "{what} in {name} took {rise} bytes");
                }
            }
        }
        assert_eq!(fs::metadata(again).unwrap().len(), fs::metadata(path("frame.fits")).unwrap().len());
    }
}
