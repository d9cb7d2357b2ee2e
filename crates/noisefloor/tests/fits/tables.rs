//! Compressed tables.

use super::{fails_with, fits, succeeds, two_images};
use nf_fits::FitsFile;
use std::fs;
use std::path::Path;
use std::process::Command;

/// Two images, and a table of 3000 rows, some of it in a heap.
fn with_table(path: &Path) -> Vec<u8> {
    two_images(path);
    let cards = [
        "XTENSION= 'BINTABLE'",
        "BITPIX  = 8",
        "NAXIS   = 2",
        "NAXIS1  = 14",
        "NAXIS2  = 3000",
        "PCOUNT  = 6000",
        "GCOUNT  = 1",
        "TFIELDS = 3",
        "TTYPE1  = 'number'",
        "TFORM1  = 'J'",
        "TTYPE2  = 'words'",
        "TFORM2  = '2A'",
        "TFORM3  = 'PI(1)'",
        "END",
    ];
    let mut bytes = fs::read(path).unwrap();
    bytes.extend(format!("{:<2880}", cards.map(|card| format!("{card:<80}")).concat()).into_bytes());
    for row in 0..3000u32 {
        bytes.extend(
            [&(row * 3).to_be_bytes()[..], b"ab", &1u32.to_be_bytes(), &(2 * row).to_be_bytes()].concat(),
        );
    }
    bytes.extend((0..3000u16).flat_map(|value| (value / 7).to_be_bytes()));
    bytes.resize(bytes.len().next_multiple_of(2880), 0);
    fs::write(path, &bytes).unwrap();
    bytes
}

#[test]
fn tables_are_packed_where_asked_and_come_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let original = with_table(&path.join("a.fits"));
    succeeds(&fits(path, &["pack", "a.fits", "-o", "kept.fits.fz"]));
    let kept = FitsFile::open(path.join("kept.fits.fz")).unwrap();
    assert!(!kept.hdus().last().unwrap().is_compressed());
    for (which, algorithm) in [("pack", "RICE_1, GZIP_1"), ("only", "RICE_1, GZIP_1")] {
        succeeds(&fits(path, &["pack", "-f", "--tables", which, "a.fits"]));
        let file = FitsFile::open(path.join("a.fits.fz")).unwrap();
        let table = file.hdus().last().unwrap();
        let words = format!("binary table, 3000 rows, 3 columns, {algorithm} in 1 tile of 3000 rows");
        assert_eq!(table.describe().content.to_string(), words);
        assert_eq!(
            file.hdus().iter().filter(|hdu| hdu.is_compressed()).count(),
            if which == "pack" { 3 } else { 1 }
        );
        let listed = fits(path, &["list", "a.fits.fz"]);
        assert!(String::from_utf8_lossy(&listed.stdout).contains(&words));
        succeeds(&fits(path, &["verify", "a.fits.fz"]));
        succeeds(&fits(path, &["compare", "a.fits.fz", "a.fits"]));
        succeeds(&fits(path, &["unpack", "-f", "a.fits.fz", "-o", "b.fits"]));
        assert!(fs::read(path.join("b.fits")).unwrap() == original, "{which}");
        // A container holds what unpacking gives.
        let run = |args: &[&str]| {
            let done = Command::new(env!("CARGO_BIN_EXE_noisefloor")).args(args).current_dir(path).output();
            succeeds(&done.unwrap());
        };
        run(&["info", "--json", "a.fits.fz"]);
        run(&["test", "a.fits.fz"]);
        run(&["compress", "-f", "a.fits.fz", "-o", "a.nfl"]);
        run(&["decompress", "-f", "a.nfl", "-o", "b.fits"]);
        assert!(fs::read(path.join("b.fits")).unwrap() == original, "{which}");
    }
    for (flag, words) in [("-table", "fpack's -table is `--tables pack`"), ("-tableonly", "`--tables only`")]
    {
        let refused = fits(path, &["pack", flag, "a.fits"]);
        assert_eq!(refused.status.code(), Some(2));
        assert!(String::from_utf8_lossy(&refused.stderr).contains(words));
    }
    succeeds(&fits(path, &["unpack", "-f", "--delete", "a.fits.fz"]));
    assert!(!path.join("a.fits.fz").exists());
}

#[test]
fn damaged_tables_are_told_and_their_file_stays() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    with_table(&path.join("a.fits"));
    succeeds(&fits(path, &["pack", "--tables", "pack", "a.fits"]));
    fs::remove_file(path.join("a.fits")).unwrap();
    let packed = fs::read(path.join("a.fits.fz")).unwrap();
    let data = FitsFile::open(path.join("a.fits.fz")).unwrap().hdus().last().unwrap().data_range();
    let mut damaged = packed.clone();
    damaged[data.end as usize - 300] ^= 1;
    fs::write(path.join("a.fits.fz"), &damaged).unwrap();
    fails_with(&fits(path, &["unpack", "--delete", "a.fits.fz"]), "DATASUM is not the sum of its data");
    fails_with(&fits(path, &["verify", "a.fits.fz"]), "a checksum is wrong");
    // A header that contradicts itself costs the table; what it says is told.
    let at = packed.windows(9).position(|window| window == b"ZTILELEN=").unwrap();
    let mut contradiction = packed;
    contradiction[at + 10..at + 30].copy_from_slice(format!("{:>20}", 77).as_bytes());
    fs::write(path.join("a.fits.fz"), &contradiction).unwrap();
    fails_with(
        &fits(path, &["unpack", "--delete", "a.fits.fz"]),
        "NAXIS2 is 1, but 3000 rows in tiles of 77",
    );
    assert!(path.join("a.fits.fz").exists() && !path.join("a.fits").exists());
}
