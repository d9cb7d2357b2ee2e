//! Files exchanged with independent programs: `fpack` and `funpack` of cfitsio, and astropy.
//!
//! A peer that is not at hand is skipped with a visible line. astropy is looked for in the Python
//! that `NOISEFLOOR_PEER_PYTHON` names, or else `python3`. What was found to differ is in
//! `docs/interoperability.md`.
#![allow(clippy::unwrap_used, reason = "a test may stop where its premise fails")]

mod files;

use files::{ImageSpec, images};
use nf_fits::pack::{Method, PackOptions, TileSize, Verdict, compare, pack};
use nf_fits::tiled::Quantise;
use nf_fits::tiled::quantise::Dither;
use nf_fits::{FitsFile, Pixels, Section};
use nf_image::testing::{has_fpack, peer_python, real_frames};
use std::io::Cursor;
use std::path::Path;
use std::process::Command;

/// The Python that has astropy.
fn python() -> Option<String> {
    peer_python("astropy.io.fits")
}

fn run(command: &mut Command) {
    let out = command.output().unwrap();
    let words = String::from_utf8_lossy(&out.stderr).into_owned() + &String::from_utf8_lossy(&out.stdout);
    assert!(out.status.success(), "{command:?}: {words}");
}

fn packed(bytes: &[u8], options: &PackOptions) -> Vec<u8> {
    let mut out = Cursor::new(Vec::new());
    pack(&FitsFile::from_bytes(bytes.to_vec()).unwrap(), &mut out, options, &mut |_| {}).unwrap();
    out.into_inner()
}

/// The pixels of the first image, as stored.
fn pixels(path: &Path) -> Pixels {
    let file = FitsFile::open(path).unwrap();
    let image = file.image_hdus().next().unwrap();
    image.read_section(&Section::whole(image.axes())).unwrap()
}

/// Equal bit by bit, but that any not-a-number equals any other.
fn same(a: &Pixels, b: &Pixels) -> bool {
    match (a, b) {
        (Pixels::F32(a), Pixels::F32(b)) => a.iter().zip(b).all(|(a, b)| a == b || a.is_nan() && b.is_nan()),
        (Pixels::F64(a), Pixels::F64(b)) => a.iter().zip(b).all(|(a, b)| a == b || a.is_nan() && b.is_nan()),
        _ => a == b,
    }
}

struct Case {
    name: String,
    original: Vec<u8>,
    options: PackOptions,
    /// What fpack is to be told for the same.
    fpack: Vec<String>,
}

/// The product of algorithms, types, shapes, tilings and dithering that cfitsio knows.
fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    let shapes: [&[usize]; 5] = [&[40, 36], &[53, 19], &[97], &[16, 12, 3], &[9, 8, 2, 2]];
    for (seed, axes) in shapes.iter().enumerate() {
        for bitpix in [8, 16, 32, -32, -64] {
            let mut spec = ImageSpec::noisy(bitpix, axes, seed as u64 + 1);
            if seed == 1 && bitpix == 16 {
                spec = spec
                    .with_card("BZERO   =                32768")
                    .with_card("BSCALE  =                    1");
            }
            let original = images(&[spec]);
            let methods = [
                (Method::Rice, "-r"),
                (Method::Gzip1, "-g1"),
                (Method::Gzip2, "-g2"),
                (Method::Plio, "-p"),
                (Method::Hcompress { scale: 0.0, smooth: false }, "-h"),
                (Method::Hcompress { scale: -4.0, smooth: false }, "-h -s -4"),
            ];
            for (method, flags) in methods {
                let hcompress = matches!(method, Method::Hcompress { .. });
                // cfitsio's HCOMPRESS takes two axes; its PLIO integers only.
                let unknown = hcompress && axes.len() < 2 || method == Method::Plio && bitpix < 0;
                let mut tilings = vec![(TileSize::Suitable, "")];
                if axes.len() > 1 && !hcompress {
                    tilings.push((TileSize::Whole, "-w"));
                    tilings.push((TileSize::Axes(vec![7, 5]), "-t 7,5"));
                }
                for (tile, tile_flags) in tilings.into_iter().filter(|_| !unknown) {
                    let quantisations: &[(Option<Dither>, &str)] = if bitpix > 0 {
                        &[(None, "")]
                    } else if matches!(method, Method::Gzip1 | Method::Gzip2) && !tile_flags.contains("-t") {
                        &[
                            (None, "-q 0"),
                            (Some(Dither::Subtractive1), "-q5 4"),
                            (Some(Dither::None), "-q0 4"),
                        ]
                    } else if hcompress && flags.contains("-s") {
                        &[(Some(Dither::None), "-q0 4")]
                    } else {
                        &[
                            (Some(Dither::Subtractive1), "-q5 4"),
                            (Some(Dither::Subtractive2), "-qz5 4"),
                            (Some(Dither::None), "-q0 4"),
                        ]
                    };
                    for (dither, quantise_flags) in quantisations {
                        let quantise = dither.map(|dither| Quantise { level: 4.0, dither, seed: Some(5) });
                        let options =
                            PackOptions { tile: tile.clone(), quantise, ..PackOptions::new(method.clone()) };
                        let fpack: Vec<String> = [flags, tile_flags, quantise_flags]
                            .iter()
                            .flat_map(|flags| flags.split_whitespace().map(str::to_owned))
                            .collect();
                        let name = format!("{bitpix}_{axes:?}_{}", fpack.join("_"))
                            .replace([' ', '[', ']', ','], "");
                        cases.push(Case { name, original: original.clone(), options, fpack });
                    }
                }
            }
        }
    }
    cases
}

#[test]
fn cfitsio_reads_what_we_pack_and_we_read_what_it_packs() {
    if !has_fpack() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let (original, ours, theirs, back) =
        (path("o.fits"), path("ours.fz"), path("theirs.fz"), path("back.fits"));
    let mut count = 0;
    for case in cases() {
        std::fs::write(&original, &case.original).unwrap();
        let packed = packed(&case.original, &case.options);
        std::fs::write(&ours, &packed).unwrap();
        // Ours, unpacked by cfitsio, is what we read in it.
        run(Command::new("funpack").arg("-O").arg(&back).arg(&ours));
        assert!(same(&pixels(&back), &pixels(&ours)), "{}: funpack reads other pixels", case.name);
        std::fs::remove_file(&back).unwrap();
        // Theirs, unpacked by cfitsio, is what we read in it.
        run(Command::new("fpack").args(&case.fpack).arg("-O").arg(&theirs).arg(&original));
        run(Command::new("funpack").arg("-O").arg(&back).arg(&theirs));
        assert!(same(&pixels(&back), &pixels(&theirs)), "{}: we read other pixels", case.name);
        // Both chose the same scale, zero and dithering: the pixels agree, whatever was lost. (But
        // fpack takes the first dithering method for the second one under HCOMPRESS_1.)
        let other_method = ["-h", "-qz5"].iter().all(|flag| case.fpack.iter().any(|other| other == flag));
        let equal = same(&pixels(&ours), &pixels(&theirs));
        assert!(equal || other_method, "{}: the packed files differ in their pixels", case.name);
        for made in [&back, &theirs] {
            std::fs::remove_file(made).unwrap();
        }
        count += 1;
    }
    println!("{count} cases");
    assert!(count > 150);
}

/// Pixels at the ends of their type's range, nulls and other things that lossy compression gets
/// wrong: we read what `funpack` reads, bit for bit.
#[test]
fn we_read_awkward_pixels_as_cfitsio_does() {
    if !has_fpack() {
        return;
    }
    let mut saturated = ImageSpec::noisy(16, &[41, 40], 3)
        .with_card("BZERO   =                32768")
        .with_card("BSCALE  =                    1");
    for at in [5, 6, 300, 301, 342, 1000] {
        let value = if at % 2 == 0 { i16::MAX } else { i16::MIN };
        saturated.data[2 * at..2 * at + 2].copy_from_slice(&value.to_be_bytes());
    }
    let mut with_nan = ImageSpec::noisy(-32, &[41, 40], 3);
    for at in [0, 77, 78, 500, 1639] {
        with_nan.data[4 * at..4 * at + 4].copy_from_slice(&f32::NAN.to_be_bytes());
    }
    let mut wide = ImageSpec::noisy(32, &[41, 40], 3);
    let mut random = files::Random(17);
    wide.data
        .chunks_exact_mut(4)
        .for_each(|pixel| pixel.copy_from_slice(&(random.next() as u32).to_be_bytes()));
    let mut half = wide.clone();
    half.data.chunks_exact_mut(4).for_each(|pixel| pixel[0] = pixel[0] >> 1 ^ 0x40);
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    for (name, spec) in [("saturated", saturated), ("nan", with_nan), ("wide", wide), ("half", half)] {
        std::fs::write(path("o.fits"), images(&[spec])).unwrap();
        for flags in ["-h -s 1", "-h -s 2", "-h -s 10", "-h -s -100", "-h", "-d", "-r"] {
            run(Command::new("fpack").args(flags.split(' ')).arg("-O").arg(path("t.fz")).arg(path("o.fits")));
            run(Command::new("funpack").arg("-O").arg(path("b.fits")).arg(path("t.fz")));
            assert!(same(&pixels(&path("b.fits")), &pixels(&path("t.fz"))), "{name} {flags}");
            std::fs::remove_file(path("t.fz")).unwrap();
            std::fs::remove_file(path("b.fits")).unwrap();
        }
    }
}

/// The heaps of both files, tile by tile.
#[test]
fn rice_and_plio_tiles_are_those_of_cfitsio_byte_for_byte() {
    if !has_fpack() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let mut count = 0;
    for case in cases() {
        let integers = !case.name.starts_with('-');
        if !integers || !matches!(case.options.method, Method::Rice | Method::Plio) {
            continue;
        }
        std::fs::write(path("o.fits"), &case.original).unwrap();
        run(Command::new("fpack").args(&case.fpack).arg("-O").arg(path("t.fz")).arg(path("o.fits")));
        let theirs = FitsFile::open(path("t.fz")).unwrap();
        let ours = FitsFile::from_bytes(packed(&case.original, &case.options)).unwrap();
        let data = |file: &FitsFile| file.read_bytes(file.hdus()[1].data_range()).unwrap();
        // Integers have one column on both sides, so rows and heap are equal as a whole.
        assert!(data(&ours) == data(&theirs), "{}", case.name);
        std::fs::remove_file(path("t.fz")).unwrap();
        count += 1;
    }
    println!("{count} cases");
    assert!(count > 30);
}

#[test]
fn astropy_reads_what_we_pack() {
    let Some(python) = python() else { return };
    let folder = tempfile::tempdir().unwrap();
    let mut lines = Vec::new();
    for (n, case) in cases().into_iter().enumerate() {
        // astropy does not take the 32768 off that cfitsio and we add to unsigned pixels under
        // PLIO_1.
        if case.options.method == Method::Plio && case.original.windows(8).any(|word| word == b"BZERO   ") {
            continue;
        }
        let (ours, plain) = (folder.path().join(format!("{n}.fz")), folder.path().join(format!("{n}.fits")));
        let packed = packed(&case.original, &case.options);
        let mut out = Vec::new();
        nf_fits::pack::unpack(&FitsFile::from_bytes(packed.clone()).unwrap(), &mut out, &mut |_| {}).unwrap();
        std::fs::write(&ours, &packed).unwrap();
        std::fs::write(&plain, out).unwrap();
        lines.push(format!("{}\t{}\t{}", ours.display(), plain.display(), case.name));
    }
    std::fs::write(folder.path().join("list"), lines.join("\n")).unwrap();
    let script = "
import sys, warnings
import numpy as np
from astropy.io import fits
warnings.simplefilter('ignore')
bad = 0
for line in open(sys.argv[1]):
    ours, plain, name = line.rstrip('\\n').split('\\t')
    with fits.open(ours, checksum=True) as a, fits.open(plain) as b:
        x, y = a[1].data, b[0].data
        if x.shape != y.shape or not np.array_equal(x, y, equal_nan=x.dtype.kind == 'f'):
            bad += 1
            print('differs', name)
sys.exit(bad > 0)
";
    run(Command::new(python).arg("-c").arg(script).arg(folder.path().join("list")));
}

#[test]
fn we_read_what_astropy_packs() {
    let Some(python) = python() else { return };
    let folder = tempfile::tempdir().unwrap();
    let script = "
import sys, itertools
import numpy as np
from astropy.io import fits
rng = np.random.default_rng(1)
out = sys.argv[1]
n = 0
for kind, algorithm, tile in itertools.product(
        ['u1', 'i2', 'u2', 'i4', 'f4', 'f8'],
        ['RICE_1', 'GZIP_1', 'GZIP_2', 'PLIO_1', 'HCOMPRESS_1'],
        [None, (11, 13), (40, 37)]):
    if algorithm == 'HCOMPRESS_1' and tile == (11, 13) or algorithm == 'PLIO_1' and kind == 'u2':
        continue
    a = np.abs(rng.normal(120, 20, (40, 37)))
    if kind[0] == 'f' and algorithm == 'PLIO_1':
        continue
    a[3, 5:9] = 0
    a = a.astype(kind)
    if kind[0] == 'f':
        a[7, 7] = np.nan
    for method in ([-1, 1, 2] if kind[0] == 'f' else [None]):
        extra = {} if method is None else dict(quantize_method=method, dither_seed=77, quantize_level=4)
        hdu = fits.CompImageHDU(a, compression_type=algorithm, tile_shape=tile, **extra)
        hdu.writeto(f'{out}/{n}.fz', checksum=True)
        with fits.open(f'{out}/{n}.fz') as f:
            back = f[1].data
        fits.PrimaryHDU(back).writeto(f'{out}/{n}.fits')
        n += 1
print(n)
";
    run(Command::new(python).arg("-c").arg(script).arg(folder.path()));
    let mut count = 0;
    while folder.path().join(format!("{count}.fz")).is_file() {
        let path = |kind: &str| folder.path().join(format!("{count}.{kind}"));
        assert!(same(&pixels(&path("fz")), &pixels(&path("fits"))), "{count}");
        count += 1;
    }
    assert!(count > 90, "{count}");
}

#[test]
fn real_frames_go_through_cfitsio_and_back() {
    let Some(folder) = real_frames().filter(|_| has_fpack()) else { return };
    let scratch = tempfile::tempdir().unwrap();
    let path = |name: &str| scratch.path().join(name);
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let source = entry.unwrap().path();
        if source.extension().is_none_or(|extension| extension != "fz" && extension != "fits") {
            continue;
        }
        // The pixels as they are, packed by us, unpacked by cfitsio.
        let file = FitsFile::open(&source).unwrap();
        let mut out = Cursor::new(Vec::new());
        pack(&file, &mut out, &PackOptions::new(Method::Rice), &mut |_| {}).unwrap();
        std::fs::write(path("ours.fz"), out.into_inner()).unwrap();
        run(Command::new("funpack").args(["-C", "-O"]).arg(path("back.fits")).arg(path("ours.fz")));
        let back = FitsFile::open(path("back.fits")).unwrap();
        let verdicts = compare(&file, &back, &mut |_| {}).unwrap();
        let good = verdicts.iter().all(|verdict| *verdict == Verdict::Identical);
        assert!(good, "{}: {verdicts:?}", source.display());
        std::fs::remove_file(path("back.fits")).unwrap();
        count += 1;
    }
    println!("{count} files");
    assert!(count > 0);
}

#[test]
fn we_read_what_numpy_writes() {
    let Some(python) = python() else { return };
    let folder = tempfile::tempdir().unwrap();
    let script = "
import sys, itertools
import numpy as np
out, n = sys.argv[1], 0
rng = np.random.default_rng(1)
offset = {'i2': 32768, 'i1': 128}
for kind, shape, fortran, version in itertools.product(
        ['<u2', '>u2', '<i2', '>i2', '|u1', '|i1', '|b1'],
        [(), (7,), (3, 5), (2, 3, 5), (2, 3, 1, 5, 2), (0, 4)], [False, True], [(1, 0), (2, 0), (3, 0)]):
    a = rng.integers(0, 256, size=int(np.prod(shape)) * 2, dtype='u1')
    a = (a % 2 if kind == '|b1' else a)[:int(np.prod(shape)) * np.dtype(kind).itemsize].view(kind).reshape(shape)
    a = np.asfortranarray(a) if fortran and shape else a
    with open(f'{out}/{n}.npy', 'wb') as f:
        np.lib.format.write_array(f, a, version=version)
    back = np.load(f'{out}/{n}.npy')
    (back.astype('i8') + offset.get(kind[1:], 0)).astype('<u2').tofile(f'{out}/{n}.raw')
    n += 1
";
    run(Command::new(python).arg("-c").arg(script).arg(folder.path()));
    let mut count = 0;
    while let Ok(bytes) = std::fs::read(folder.path().join(format!("{count}.npy"))) {
        let raw = std::fs::read(folder.path().join(format!("{count}.raw"))).unwrap();
        let expected: Vec<u16> =
            raw.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
        let found = nf_fits::npy::read(&bytes, &nf_fits::Limits::default()).unwrap();
        assert_eq!(found.samples(), expected, "{count}");
        count += 1;
    }
    assert_eq!(count, 7 * 6 * 2 * 3);
}
