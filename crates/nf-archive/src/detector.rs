//! What headers say of the detector that made an image.

use nf_fits::{FitsFile, Header};

pub use nf_fits::detector_origin as origin;

/// Keywords that tell one detector, or one way to read it, from another.
const KEYWORDS: [&str; 14] = [
    "TELESCOP", "INSTRUME", "DETECTOR", "DETNAM", "CCDNAME", "CAMERA", "CHANNEL", "MODULE", "CCDSUM",
    "BINNING", "READPATT", "SUBARRAY", "READMODE", "CCDAMP",
];
/// Keywords of the kind of exposure.
const EXPOSURES: [&str; 6] = ["IMAGETYP", "OBSTYPE", "EXP_TYPE", "OBSMODE", "IMTYPE", "IMAGETYPE"];

/// The keywords of a detector that stand in any of these headers, with the first value of each.
fn cards(headers: &[&Header]) -> Vec<(String, String)> {
    let value = |keyword: &str| headers.iter().find_map(|header| text(header, keyword));
    KEYWORDS.iter().filter_map(|keyword| Some(((*keyword).to_owned(), value(keyword)?))).collect()
}

/// The keywords of the detector of a FITS file: those of its images, then of its primary header.
pub fn cards_of(file: &FitsFile) -> Vec<(String, String)> {
    let images: Vec<_> = file.image_hdus().map(|image| image.image_header().into_owned()).collect();
    let primary = file.hdus().first().map(|hdu| hdu.header());
    cards(&images.iter().chain(primary).collect::<Vec<_>>())
}

/// The kind of exposure that one of these headers states.
pub fn exposures(headers: &[&Header]) -> Option<String> {
    EXPOSURES.iter().find_map(|keyword| headers.iter().find_map(|header| text(header, keyword)))
}

fn text(header: &Header, keyword: &str) -> Option<String> {
    header.text(keyword).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
}
