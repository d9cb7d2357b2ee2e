//! Hostile cards behind the mandatory ones of a small image: it is described, read and cut.
#![no_main]

use libfuzzer_sys::fuzz_target;
use nf_fits::{FitsFile, Section, Target, cutout};

fuzz_target!(|bytes: &[u8]| {
    let lines = ["SIMPLE  = T", "BITPIX  = 16", "NAXIS   = 2", "NAXIS1  = 9", "NAXIS2  = 7"];
    let mut file: Vec<u8> = lines.iter().flat_map(|line| format!("{line:<80}").into_bytes()).collect();
    file.extend_from_slice(&bytes[..bytes.len() / 80 * 80]);
    file.extend(format!("{:<80}", "END").into_bytes());
    file.resize(file.len().next_multiple_of(2880), b' ');
    file.resize(file.len() + 2880, 7);
    let Ok(file) = FitsFile::from_bytes(file) else { return };
    for hdu in file.hdus() {
        let _ = (hdu.describe().content.to_string(), hdu.header().physical_scale());
        for card in hdu.header().cards() {
            let _ = (card.value(), card.comment());
        }
    }
    let Ok(image) = Target::parse("f[SCI,2]").image(&file).or_else(|_| file.image(0)) else { return };
    let _ = image.read();
    let mut cut = Vec::new();
    if cutout(&image, &Section(vec![2..5, 3..6]), &mut cut).is_ok() {
        FitsFile::from_bytes(cut).expect("a cut-out is a file");
    }
});
