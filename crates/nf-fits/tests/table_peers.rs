//! Compressed tables exchanged with `fpack` and `funpack` of cfitsio, and tables of astropy.
//!
//! A peer that is not at hand is skipped with a visible line. What was found to differ is in
//! `docs/interoperability.md`.
#![allow(clippy::unwrap_used, reason = "a test may stop where its premise fails")]

mod files;

use files::open;
use files::tables::{FORMS, FORMS_BEYOND_FUNPACK, TableSpec};
use nf_fits::FitsFile;
use nf_fits::pack::{Method, PackOptions, Tables, pack, unpack};
use nf_image::testing::{has_fpack, peer_python};
use std::io::Cursor;
use std::path::Path;
use std::process::Command;

fn packed(bytes: &[u8]) -> Vec<u8> {
    let options = PackOptions { tables: Tables::Pack, ..PackOptions::new(Method::Rice) };
    let mut out = Cursor::new(Vec::new());
    let report = pack(&open(bytes.to_vec()), &mut out, &options, &mut |_| {}).unwrap();
    assert!(report[1].algorithm.is_some(), "{report:?}");
    out.into_inner()
}

fn unpacked(path: &Path) -> Result<Vec<u8>, nf_fits::Error> {
    let mut out = Vec::new();
    unpack(&FitsFile::open(path)?, &mut out, &mut |_| {})?;
    Ok(out)
}

/// Runs a program of cfitsio; whether it succeeded.
fn cfitsio(program: &str, args: &[&str], input: &Path, output: &Path) -> bool {
    let _ = std::fs::remove_file(output);
    let done = Command::new(program).args(args).arg("-O").arg(output).arg(input).output().unwrap();
    done.status.success() && output.exists()
}

/// The header cards and the data of the last HDU, without what programs add on their own.
fn table(bytes: &[u8]) -> (Vec<String>, Vec<u8>) {
    let file = open(bytes.to_vec());
    let hdu = file.hdus().last().unwrap();
    let cards = hdu.header().cards().filter(|card| !card.is("CHECKSUM") && !card.is("DATASUM"));
    let cards = cards.map(|card| String::from_utf8_lossy(card.bytes()).into_owned()).collect();
    (cards, file.read_bytes(hdu.data_range()).unwrap())
}

/// Tables of one column each, then of all, in one tile and in several, some with a THEAP.
fn originals(forms: &[&str]) -> Vec<(String, Vec<u8>)> {
    let mut tables: Vec<TableSpec> = forms.iter().map(|form| TableSpec::new(&[form, "I"], 4000, 7)).collect();
    tables.push(TableSpec::new(forms, 900, 8));
    tables.push(TableSpec::new(forms, 900, 9).with_card("FZTILELN=                  123"));
    for algorithm in ["GZIP_1", "GZIP_2", "RICE_1"] {
        tables.push(TableSpec::new(forms, 300, 10).with_card(&format!("FZALGOR = '{algorithm}'")));
    }
    tables.push(TableSpec { gap: Some(0), ..TableSpec::new(forms, 900, 11) });
    tables.iter().map(|table| (format!("{:?} {:?}", table.forms, table.cards), table.file())).collect()
}

#[test]
fn fpack_and_we_unpack_the_tables_of_each_other() {
    if !has_fpack() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let [plain, theirs, ours, back] =
        ["o.fits", "theirs.fz", "ours.fz", "back.fits"].map(|name| folder.path().join(name));
    let readable: Vec<&str> =
        FORMS.into_iter().filter(|form| !form.ends_with(['C', 'M']) || form.contains('P')).collect();
    for (name, original) in originals(&readable) {
        std::fs::write(&plain, &original).unwrap();
        assert!(cfitsio("fpack", &["-table"], &plain, &theirs), "{name}");
        assert!(FitsFile::open(&theirs).unwrap().hdus()[1].is_compressed(), "{name}");
        let has_theap = open(original.clone()).hdus()[1].header().card("THEAP").is_some();
        match has_theap {
            false => assert!(table(&unpacked(&theirs).unwrap()) == table(&original), "{name}: theirs"),
            // fpack leaves THEAP where it was, and the heap reaches beyond what PCOUNT says.
            true => assert!(unpacked(&theirs).is_err(), "{name}"),
        }
        std::fs::write(&ours, packed(&original)).unwrap();
        assert!(cfitsio("funpack", &[], &ours, &back), "{name}");
        let (cards, data) = table(&std::fs::read(&back).unwrap());
        assert!(data == table(&original).1, "{name}: ours");
        // funpack knows no ZTHEAP and looks for the longest array anew; all else comes back.
        let without = |cards: Vec<String>| -> Vec<String> {
            let kept =
                cards.into_iter().filter(|card| !card.starts_with("THEAP") && !card.starts_with("ZTHEAP"));
            let longest = |card: String| match card.starts_with("TFORM") {
                true => card.split(['(', ' ', '\'']).take(4).collect(),
                false => card,
            };
            kept.map(longest).collect()
        };
        assert_eq!(without(cards), without(table(&original).0), "{name}");
    }
}

/// What `funpack` 1.7 gets wrong is written so that it can read it where that is possible, and read
/// where `fpack` wrote it.
#[test]
fn columns_that_funpack_gets_wrong() {
    if !has_fpack() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let [plain, theirs, ours, back] =
        ["o.fits", "theirs.fz", "ours.fz", "back.fits"].map(|name| folder.path().join(name));
    let mut found = String::new();
    for form in ["C", "2M"].into_iter().chain(FORMS_BEYOND_FUNPACK) {
        let original = TableSpec::new(&[form, "I"], 4000, 7).file();
        std::fs::write(&plain, &original).unwrap();
        std::fs::write(&ours, packed(&original)).unwrap();
        let same = |path: &Path| table(&std::fs::read(path).unwrap()) == table(&original);
        let by_funpack = cfitsio("funpack", &[], &ours, &back) && same(&back);
        let wrote = cfitsio("fpack", &["-table"], &plain, &theirs);
        let by_us = wrote && unpacked(&theirs).is_ok_and(|bytes| table(&bytes) == table(&original));
        let itself = wrote && cfitsio("funpack", &[], &theirs, &back) && same(&back);
        found +=
            &format!("{form}: funpack reads ours {by_funpack}, its own {itself}; we read fpack's {by_us}\n");
    }
    assert_eq!(
        found,
        "C: funpack reads ours true, its own false; we read fpack's true\n\
         2M: funpack reads ours false, its own false; we read fpack's true\n\
         1PA(9): funpack reads ours false, its own false; we read fpack's true\n\
         PM: funpack reads ours false, its own false; we read fpack's true\n\
         1PX(40): funpack reads ours false, its own false; we read fpack's false\n\
         QA: funpack reads ours false, its own false; we read fpack's true\n"
    );
}

#[test]
fn tables_of_astropy_come_back_and_it_opens_what_we_pack() {
    let Some(python) = peer_python("astropy.io.fits") else { return };
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("tables.py");
    std::fs::write(&script, PYTHON).unwrap();
    let run = |args: &[&str]| {
        let done = Command::new(&python).arg(&script).args(args).current_dir(&folder).output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    };
    run(&["make"]);
    for rows in [400, 1, 0] {
        let path = |name: &str| folder.path().join(format!("{name}{rows}.fits"));
        let original = std::fs::read(path("t")).unwrap();
        let options = PackOptions { tables: Tables::Pack, ..PackOptions::new(Method::Rice) };
        let mut out = Cursor::new(Vec::new());
        pack(&open(original.clone()), &mut out, &options, &mut |_| {}).unwrap();
        std::fs::write(path("p"), out.into_inner()).unwrap();
        assert!(unpacked(&path("p")).unwrap() == original, "{rows} rows");
        if rows > 100 && has_fpack() {
            assert!(cfitsio("funpack", &[], &path("p"), &path("b")));
            assert!(std::fs::read(path("b")).unwrap() == original, "funpack: {rows} rows");
            assert!(cfitsio("fpack", &["-table"], &path("t"), &path("f")));
            assert!(unpacked(&path("f")).unwrap() == original, "fpack: {rows} rows");
        }
    }
    run(&["check"]);
}

const PYTHON: &str = r#"
import sys, warnings
import numpy as np
from astropy.io import fits

rng = np.random.default_rng(5)

def arrays(n, make):
    out = np.empty(n, dtype=object)
    for i in range(n):
        out[i] = make(int(rng.integers(0, 20)))
    return out

def make(n):
    whole = lambda dtype, lo, hi, *shape: rng.integers(lo, hi, (n, *shape)).astype(dtype)
    columns = [
        fits.Column("logical", "L", array=rng.integers(0, 2, n).astype(bool)),
        fits.Column("bits", "13X", array=rng.integers(0, 2, (n, 13)).astype(bool)),
        fits.Column("byte", "B", array=whole("u1", 0, 255)),
        fits.Column("signed byte", "B", bzero=-128, array=whole("i1", -100, 100)),
        fits.Column("short", "3I", array=whole("i2", -99, 99, 3)),
        fits.Column("unsigned short", "I", bzero=32768, array=whole("u2", 0, 60000)),
        fits.Column("int", "J", array=whole("i4", -99999, 99999)),
        fits.Column("unsigned int", "J", bzero=2**31, array=whole("u4", 0, 4 * 10**9)),
        fits.Column("long", "K", array=whole("i8", -10**15, 10**15)),
        fits.Column("unsigned long", "K", bzero=2**63, array=whole("u8", 0, 10**15)),
        fits.Column("words", "12A", array=np.array(["word %d" % i for i in range(n)], dtype="S12")),
        fits.Column("single", "6E", dim="(2,3)", array=rng.normal(size=(n, 3, 2)).astype("f4")),
        fits.Column("double", "D", unit="mag", array=rng.normal(size=n)),
        fits.Column("scaled", "I", array=whole("i2", -99, 99)),
        fits.Column("short arrays", "PI()", array=arrays(n, lambda k: rng.integers(-9, 9, k).astype("i2"))),
        fits.Column("byte arrays", "PB()", array=arrays(n, lambda k: rng.integers(0, 9, k).astype("u1"))),
        fits.Column("int arrays", "QJ()", array=arrays(n, lambda k: rng.integers(0, 9, k).astype("i4"))),
        fits.Column("double arrays", "QD()", array=arrays(n, lambda k: rng.normal(size=k))),
    ]
    hdu = fits.BinTableHDU.from_columns(columns, name="EVENTS")
    hdu.header["TSCAL14"] = 0.5
    hdu.header["TZERO14"] = 3.0
    hdu.header["TNULL7"] = -99999
    hdu.header.add_history("made by a test")
    fits.HDUList([fits.PrimaryHDU(), hdu]).writeto(f"t{n}.fits", checksum=True)

if sys.argv[1] == "make":
    for n in (400, 1, 0):
        make(n)
else:
    warnings.simplefilter("error")
    with fits.open("p400.fits", checksum=True) as hdus:
        hdus.verify("exception")
        header, columns = hdus[1].header, hdus[1].columns
        assert header["ZTABLE"] and header["ZNAXIS2"] == 400 and header["NAXIS2"] == 1
        assert columns.names[:2] == ["logical", "bits"] and header["ZFORM2"] == "13X"
        assert all(form.startswith("1QB") for form in columns.formats)
        # A column of GZIP_1 is what gzip makes of its bytes.
        import gzip
        plain = fits.getdata("t400.fits", 1)
        tile = np.asarray(hdus[1].data.field("words")[0]).astype(np.uint8).tobytes()
        assert gzip.decompress(tile) == b"".join(word.encode().ljust(12, b"\0") for word in plain["words"])
"#;
