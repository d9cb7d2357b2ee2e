//! How fast FITS files are read, packed and cut. `cargo bench -p nf-fits`; set `NOISEFLOOR_FRAME`
//! to a file for a real frame instead of simulated noise. Rows of `fpack` and `funpack` are whole
//! processes, where cfitsio is installed.

use divan::counter::BytesCount;
use divan::{Bencher, black_box};
use nf_fits::pack::{Method, PackOptions, TileSize, pack, unpack};
use nf_fits::tiled::rice;
use nf_fits::{FitsFile, Section, write_image};
use nf_image::{Image16, Shape};
use std::io::Cursor;
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

fn main() {
    divan::main();
}

/// Sky noise with a gradient, or the frame that the environment names.
fn frame() -> &'static Image16 {
    static FRAME: OnceLock<Image16> = OnceLock::new();
    FRAME.get_or_init(|| {
        if let Some(path) = std::env::var_os("NOISEFLOOR_FRAME") {
            let file = FitsFile::open(path).expect("NOISEFLOOR_FRAME names a FITS file");
            let hdu = file.image_hdus().next().expect("the file holds an image");
            return hdu.read().expect("the image has 16-bit samples");
        }
        let mut state = 1u64;
        Image16::from_fn(Shape::frame(4096, 4096), |_, row, column| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            // The sum of four bytes: bell-shaped, sigma about 9 after the division.
            let noise = state.to_le_bytes()[..4].iter().map(|&byte| u32::from(byte)).sum::<u32>() / 16;
            (1000 + row / 16 + column / 32) as u16 + noise as u16
        })
    })
}

fn stored() -> Vec<i16> {
    frame().samples().iter().map(|sample| (sample ^ 0x8000) as i16).collect()
}

fn raw_bytes() -> BytesCount {
    BytesCount::new(frame().shape().raw_bytes())
}

/// A folder with the frame, plain and packed in several ways.
struct Files {
    _folder: tempfile::TempDir,
    plain: PathBuf,
    rows: PathBuf,
    squares: PathBuf,
}

fn files() -> &'static Files {
    static FILES: OnceLock<Files> = OnceLock::new();
    FILES.get_or_init(|| {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let bytes = write_image(frame(), None).expect("the frame fits 16 bits");
        let path = |name: &str| folder.path().join(name);
        let (plain, rows, squares) = (path("plain.fits"), path("rows.fz"), path("squares.fz"));
        std::fs::write(&plain, &bytes).expect("the folder can be written to");
        let square = TileSize::Axes(vec![256, 256]);
        for (path, tile) in [(&rows, TileSize::Suitable), (&squares, square)] {
            std::fs::write(path, packed(&PackOptions { tile, ..PackOptions::new(Method::Rice) }))
                .expect("the folder can be written to");
        }
        Files { plain, rows, squares, _folder: folder }
    })
}

fn packed(options: &PackOptions) -> Vec<u8> {
    let file = FitsFile::from_bytes(write_image(frame(), None).expect("the frame fits"))
        .expect("it was just written");
    let mut out = Cursor::new(Vec::new());
    pack(&file, &mut out, options, &mut |_| {}).expect("the frame can be packed");
    out.into_inner()
}

#[divan::bench]
fn read_plain(bencher: Bencher) {
    let path = &files().plain;
    bencher.counter(raw_bytes()).bench(|| read(path));
}

#[divan::bench]
fn read_rice_rows(bencher: Bencher) {
    let path = &files().rows;
    bencher.counter(raw_bytes()).bench(|| read(path));
}

fn read(path: &PathBuf) -> Image16 {
    let file = FitsFile::open(path).expect("the file was just written");
    file.image_hdus().next().expect("it holds an image").read().expect("it has 16-bit samples")
}

/// One core, one row per tile.
#[divan::bench]
fn rice_encode(bencher: Bencher) {
    let (pixels, width) = (stored(), frame().shape().width);
    bencher.counter(raw_bytes()).bench(|| {
        let mut out = Vec::new();
        for row in pixels.chunks(width) {
            out.clear();
            rice::encode(row, 32, &mut out);
            black_box(&out);
        }
    });
}

/// One core, one row per tile.
#[divan::bench]
fn rice_decode(bencher: Bencher) {
    let (pixels, width) = (stored(), frame().shape().width);
    let tiles: Vec<Vec<u8>> = pixels
        .chunks(width)
        .map(|row| {
            let mut out = Vec::new();
            rice::encode(row, 32, &mut out);
            assert_eq!(
                rice::decode::<i16>(&out, width, 32).as_deref(),
                Ok(row),
                "verified before it is timed"
            );
            out
        })
        .collect();
    bencher.counter(raw_bytes()).bench(|| {
        for tile in &tiles {
            black_box(rice::decode::<i16>(tile, width, 32).expect("it was just encoded"));
        }
    });
}

#[divan::bench(sample_count = 10)]
fn pack_rice(bencher: Bencher) {
    let file = FitsFile::open(&files().plain).expect("the file was just written");
    bencher.counter(raw_bytes()).bench(|| {
        let mut out = Cursor::new(Vec::new());
        pack(&file, &mut out, &PackOptions::new(Method::Rice), &mut |_| {}).expect("the frame can be packed");
        out
    });
}

#[divan::bench(sample_count = 10)]
fn unpack_rice(bencher: Bencher) {
    let file = FitsFile::open(&files().rows).expect("the file was just written");
    bencher.counter(raw_bytes()).bench(|| unpack(&file, &mut std::io::sink(), &mut |_| {}));
}

/// A square section of so many pixels a side, opening the file included.
#[divan::bench(args = [16, 64, 256, 1024])]
fn cut_from_squares(bencher: Bencher, side: usize) {
    bencher.bench(|| cut(&files().squares, side));
}

/// The same from one row per tile.
#[divan::bench(args = [16, 64, 256, 1024])]
fn cut_from_rows(bencher: Bencher, side: usize) {
    bencher.bench(|| cut(&files().rows, side));
}

fn cut(path: &PathBuf, side: usize) -> Vec<u16> {
    let file = FitsFile::open(path).expect("the file was just written");
    let image = file.image_hdus().next().expect("it holds an image");
    let mut section = Section::whole(image.axes());
    for (n, range) in section.0.iter_mut().enumerate() {
        // Off the tile borders, so that the worst number of tiles is touched.
        let start = if n < 2 { 300.min(range.end - side.min(range.end)) } else { 0 };
        *range = start..(start + if n < 2 { side } else { 1 }).min(range.end);
    }
    image.read_section_u16(&section).expect("the section lies inside")
}

#[divan::bench(sample_count = 5)]
fn fpack_process(bencher: Bencher) {
    process(bencher, "fpack", &files().plain);
}

#[divan::bench(sample_count = 5)]
fn funpack_process(bencher: Bencher) {
    process(bencher, "funpack", &files().rows);
}

fn process(bencher: Bencher, name: &str, input: &PathBuf) {
    if Command::new(name).arg("-V").output().is_err() {
        println!("SKIP: {name} is not there");
        return;
    }
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let output = folder.path().join("out");
    bencher.counter(raw_bytes()).bench_local(|| {
        let _ = std::fs::remove_file(&output);
        let done = Command::new(name).arg("-C").arg("-O").arg(&output).arg(input).output();
        assert!(done.is_ok_and(|done| done.status.success()), "{name} failed");
    });
}
