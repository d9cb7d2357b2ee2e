//! What headers say of the detector that made an image.

use nf_fits::Header;

/// Keywords that tell one detector, or one way to read it, from another.
const KEYWORDS: [&str; 14] = [
    "TELESCOP", "INSTRUME", "DETECTOR", "DETNAM", "CCDNAME", "CAMERA", "CHANNEL", "MODULE", "CCDSUM",
    "BINNING", "READPATT", "SUBARRAY", "READMODE", "CCDAMP",
];
/// Keywords of the kind of exposure.
const EXPOSURES: [&str; 6] = ["IMAGETYP", "OBSTYPE", "EXP_TYPE", "OBSMODE", "IMTYPE", "IMAGETYPE"];

/// Row and column of the detector where the first pixel of an image lies: from LTV1 and LTV2 (the
/// physical coordinates of IRAF) or SUBSTRT1 and SUBSTRT2 (JWST), where the image is not binned;
/// otherwise 0.
pub fn origin(header: &Header) -> [usize; 2] {
    [start(header, "LTV2", "LTM2_2", "SUBSTRT2"), start(header, "LTV1", "LTM1_1", "SUBSTRT1")]
}

fn start(header: &Header, shift: &str, scale: &str, first: &str) -> usize {
    let real = |keyword: &str| header.real(keyword).ok().flatten();
    let is_whole = |value: f64| value.fract() == 0.0 && (0.0..1e6).contains(&value);
    let shifted = real(shift).filter(|_| real(scale).is_none_or(|scale| scale == 1.0)).map(|shift| -shift);
    let subarray = real(first).map(|first| first - 1.0);
    shifted.or(subarray).filter(|&start| is_whole(start)).map_or(0, |start| start as usize)
}

/// The keywords of a detector that stand in any of these headers, with the first value of each.
pub fn cards(headers: &[&Header]) -> Vec<(String, String)> {
    let value = |keyword: &str| headers.iter().find_map(|header| text(header, keyword));
    KEYWORDS.iter().filter_map(|keyword| Some(((*keyword).to_owned(), value(keyword)?))).collect()
}

/// The kind of exposure that one of these headers states.
pub fn exposures(headers: &[&Header]) -> Option<String> {
    EXPOSURES.iter().find_map(|keyword| headers.iter().find_map(|header| text(header, keyword)))
}

fn text(header: &Header, keyword: &str) -> Option<String> {
    header.text(keyword).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
}
