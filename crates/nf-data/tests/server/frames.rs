//! FITS files made card by card, without the code that is under test.

use super::Server;

/// The value of the pixel (x, y, plane) of file `seed`: what the tests expect, without any reader.
pub(crate) fn value(seed: usize, x: usize, y: usize, plane: usize) -> u16 {
    (seed * 9973 + x * 31 + y * 677 + plane * 12_289) as u16
}

/// One HDU written card by card: BITPIX 16 with BZERO 32768.
pub(crate) fn hdu(
    primary: bool,
    axes: &[usize],
    cards: &[String],
    pixel: impl Fn(usize, usize, usize) -> u16,
) -> Vec<u8> {
    let mut header = vec![if primary {
        format!("{:<8}= {:>20}", "SIMPLE", "T")
    } else {
        format!("{:<8}= {:<20}", "XTENSION", "'IMAGE   '")
    }];
    header.push(format!("{:<8}= {:>20}", "BITPIX", 16));
    header.push(format!("{:<8}= {:>20}", "NAXIS", axes.len()));
    for (i, axis) in axes.iter().enumerate() {
        header.push(format!("{:<8}= {:>20}", format!("NAXIS{}", i + 1), axis));
    }
    if !primary {
        header.push(format!("{:<8}= {:>20}", "PCOUNT", 0));
        header.push(format!("{:<8}= {:>20}", "GCOUNT", 1));
    }
    header.push(format!("{:<8}= {:>20}", "BZERO", 32768));
    header.push(format!("{:<8}= {:>20}", "BSCALE", 1));
    header.extend_from_slice(cards);
    header.push("END".into());
    let mut bytes: Vec<u8> = header.iter().flat_map(|card| format!("{card:<80}").into_bytes()).collect();
    bytes.resize(bytes.len().next_multiple_of(2880), b' ');
    if let [width, height, more @ ..] = axes {
        for plane in 0..more.iter().product() {
            for y in 0..*height {
                for x in 0..*width {
                    let stored = (i32::from(pixel(x, y, plane)) - 32768) as i16;
                    bytes.extend(stored.to_be_bytes());
                }
            }
        }
    }
    bytes.resize(bytes.len().next_multiple_of(2880), 0);
    bytes
}

pub(crate) fn card(keyword: &str, value: &str) -> String {
    format!("{keyword:<8}= {value}")
}

/// A file of one seed with a single image.
pub(crate) fn plain(seed: usize, axes: &[usize]) -> Vec<u8> {
    hdu(true, axes, &[], |x, y, plane| value(seed, x, y, plane))
}

pub(crate) type Files = Vec<(String, Vec<u8>)>;

/// A repository: its files, and the same list for every split.
pub(crate) fn repository(rows: &[String], mut files: Files) -> Server {
    let list = rows.join("\n").into_bytes();
    for name in ["tiny_train", "tiny_test", "full_train", "full_test"] {
        files.push((format!("splits/{name}.jsonl"), list.clone()));
    }
    Server::start(files)
}

pub(crate) fn row(path: &str, more: &str) -> String {
    let id = path.rsplit('/').next().unwrap();
    format!("{{\"image_id\": \"{id}\", \"image\": \"./{path}\"{more}}}")
}

/// One file of every kind that the eight experiments of the benchmark read, in their own
/// repositories; planes of `side` by `side` pixels that a codec can take for frames.
pub(crate) fn benchmark(side: usize) -> Server {
    let sky = |seed: usize| move |x: usize, y: usize, plane: usize| 1000 + value(seed, x, y, plane) % 61;
    let empty = || hdu(true, &[], &[], |_, _, _| 0);
    let chip = |seed: usize| hdu(false, &[side, side], &[], sky(seed));
    let lris = [card("PRECOL", "4"), card("POSTPIX", "6"), card("BINNING", "'2,2     '")];
    let mut keck = hdu(true, &[], &lris, |_, _, _| 0);
    for (seed, section) in ["[1:40,1:80]", "[80:41,80:1]"].iter().enumerate() {
        let cards = [card("DETSEC", &format!("'{section}'"))];
        keck.extend(hdu(false, &[side / 2 + 5, side], &cards, sky(seed)));
    }
    let ramp = hdu(false, &[side, side, 5, 1], &[card("EXTNAME", "'SCI     '")], sky(4));
    let mut files = Files::new();
    for (repository, path, bytes, more) in [
        (
            "GBI-16-2D-Legacy",
            "data/LCO/a.fits",
            hdu(true, &[side, side], &[], sky(1)),
            ",\"telescope\":\"LCO\"",
        ),
        ("GBI-16-2D", "data/LR.20060530.fits", keck, ""),
        ("SBI-16-2D", "data/j.fits", [empty(), chip(2), chip(9), chip(9), chip(3)].concat(), ""),
        ("SBI-16-3D", "data/k.fits", [empty(), ramp].concat(), ",\"ntimes\": 5"),
        ("GBI-16-4D", "data/cube_a_4-5-80-80.fits", hdu(true, &[side, side, 5, 4], &[], sky(5)), ""),
    ] {
        files.push((format!("AstroCompress/{repository}/{path}"), bytes));
        for split in ["tiny_train", "tiny_test", "full_train", "full_test"] {
            let list = row(path, more).into_bytes();
            files.push((format!("AstroCompress/{repository}/splits/{split}.jsonl"), list));
        }
    }
    Server::start(files)
}

/// The path of the file of [`one_file`].
pub(crate) const FILE: &str = "data/LCO/a.fits";
/// The folder of its repository in a cache of the hub's clients.
pub(crate) const CACHED: &str = "datasets--AstroCompress--GBI-16-2D-Legacy";

/// A repository of one frame of 40 rows and 90 columns.
pub(crate) fn one_file() -> Server {
    repository(&[row(FILE, ",\"telescope\":\"LCO\"")], vec![(FILE.into(), plain(2, &[90, 40]))])
}
