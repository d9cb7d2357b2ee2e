//! Headers and null pixels as `funpack` and astropy see them. A peer that is not at hand is skipped
//! with a visible line.
#![allow(clippy::unwrap_used, reason = "a test may stop where its premise fails")]

mod files;

use files::{ImageSpec, header, images, open};
use nf_fits::pack::{Method, PackOptions, pack, unpack};
use nf_fits::{FitsFile, Section};
use nf_image::testing::{has_fpack, peer_python};
use std::io::Cursor;
use std::path::Path;
use std::process::{Command, Output};

fn packed(bytes: &[u8], method: Method) -> Vec<u8> {
    let mut out = Cursor::new(Vec::new());
    pack(&open(bytes.to_vec()), &mut out, &PackOptions::new(method), &mut |_| {}).unwrap();
    out.into_inner()
}

/// What `funpack` makes of a file, if it is there.
fn funpacked(folder: &Path, bytes: &[u8]) -> Option<FitsFile> {
    if !has_fpack() {
        return None;
    }
    let (from, to) = (folder.join("a.fits.fz"), folder.join("a.fits"));
    std::fs::write(&from, bytes).unwrap();
    let done = Command::new("funpack").arg("-O").arg(&to).arg(&from).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    Some(FitsFile::from_bytes(std::fs::read(to).unwrap()).unwrap())
}

/// What astropy says, if it is there; the script finds the file as `sys.argv[1]`.
fn astropy(folder: &Path, bytes: &[u8], script: &str) -> Option<Output> {
    let python = peer_python("astropy.io.fits")?;
    let path = folder.join("b.fits.fz");
    std::fs::write(&path, bytes).unwrap();
    Some(Command::new(python).arg("-c").arg(script).arg(path).output().unwrap())
}

#[test]
fn every_reader_sees_the_same_null_pixels_after_loss() {
    let folder = tempfile::tempdir().unwrap();
    let mut spec = ImageSpec::noisy(16, &[60, 40], 3).with_card("BLANK   =                  104");
    for pixel in (0..500).step_by(53) {
        spec.data[2 * pixel..][..2].copy_from_slice(&[0, 104]);
    }
    let bytes = packed(&images(&[spec]), Method::Hcompress { scale: -20.0, smooth: false });
    let file = open(bytes.clone());
    let mut ours = Vec::new();
    file.image(1).unwrap().read_section(&Section(vec![0..60, 0..40])).unwrap().write_be_bytes(&mut ours);
    if let Some(theirs) = funpacked(folder.path(), &bytes) {
        let mut pixels = Vec::new();
        let image = theirs.image_hdus().next().unwrap();
        image.read_section(&Section(vec![0..60, 0..40])).unwrap().write_be_bytes(&mut pixels);
        assert!(pixels == ours);
    }
    let script = "import sys\nfrom astropy.io import fits\n\
                  data = fits.open(sys.argv[1], do_not_scale_image_data=True)[1].data\n\
                  sys.stdout.buffer.write(data.astype('>i2').tobytes())";
    if let Some(theirs) = astropy(folder.path(), &bytes, script) {
        assert!(theirs.stdout == ours, "{}", String::from_utf8_lossy(&theirs.stderr));
    }
}

#[test]
fn cards_of_the_stand_in_primary_are_restored_as_funpack_does() {
    let folder = tempfile::tempdir().unwrap();
    let bytes =
        packed(&images(&[ImageSpec::noisy(16, &[20, 12], 1).with_card("OBJECT  = 'M31'")]), Method::Rice);
    let line = |keyword: &str, value: &str| format!("{keyword:<8}= {value:>20}");
    let mut file = header(&[
        line("SIMPLE", "T"),
        line("BITPIX", "8"),
        line("NAXIS", "0"),
        line("EXTEND", "T"),
        "SITEID  = 'ogg     '           / where".to_owned(),
        "OBJECT  = 'M33     '".to_owned(),
    ]);
    file.extend(&bytes[2880..]);
    let mut out = Vec::new();
    unpack(&open(file.clone()), &mut out, &mut |_| {}).unwrap();
    let cards = |file: &FitsFile| -> Vec<String> {
        let sums = |card: &nf_fits::Card<'_>| card.is("CHECKSUM") || card.is("DATASUM");
        let cards = file.hdus()[0].header().cards().filter(|card| !sums(card));
        let mut cards: Vec<_> =
            cards.map(|card| String::from_utf8_lossy(card.bytes()).into_owned()).collect();
        cards.sort();
        cards
    };
    if let Some(theirs) = funpacked(folder.path(), &file) {
        assert_eq!(cards(&FitsFile::from_bytes(out).unwrap()), cards(&theirs));
    }
}

#[test]
fn astropy_names_the_algorithm_that_it_does_not_know() {
    let folder = tempfile::tempdir().unwrap();
    let original = images(&[ImageSpec::noisy(16, &[20, 12], 1)]);
    let bytes = packed(&original, Method::Floor { spec: "stored:level=1".into() });
    let script = "import sys\nfrom astropy.io import fits\nprint(fits.open(sys.argv[1])[1].data)";
    if let Some(done) = astropy(folder.path(), &bytes, script) {
        let words = String::from_utf8_lossy(&done.stderr).into_owned();
        assert!(!done.status.success() && words.contains("FLOOR_1"), "{words}");
    }
}
