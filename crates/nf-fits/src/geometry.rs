//! Type and axes of an image, as a header announces them.

use crate::header::Header;
use crate::{Error, Result, SampleType};

/// Most axes that the standard allows.
const MAX_AXES: i64 = 999;

/// Type and axes of an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Geometry {
    /// How a pixel is stored.
    pub sample: SampleType,
    /// NAXIS1, NAXIS2, ...: the first varies fastest.
    pub axes: Vec<usize>,
}

impl Geometry {
    /// Number of pixels; checked to fit when the file was opened.
    pub fn pixels(&self) -> u64 {
        if self.axes.is_empty() { 0 } else { self.axes.iter().map(|&n| n as u64).product() }
    }
}

/// The axes that NAXIS and NAXISn (or ZNAXIS and ZNAXISn) announce.
pub(crate) fn read_axes(header: &Header, keyword: &str) -> Result<Vec<usize>> {
    let hdu = header.hdu();
    let naxis = header.required_integer(keyword)?;
    if !(0..=MAX_AXES).contains(&naxis) {
        return Err(Error::header(hdu, keyword, format!("is {naxis}, expected 0 to {MAX_AXES}")));
    }
    (1..=naxis)
        .map(|n| {
            let keyword = format!("{keyword}{n}");
            let length = header.required_integer(&keyword)?;
            usize::try_from(length)
                .map_err(|_| Error::header(hdu, keyword, format!("is {length}, expected no negative number")))
        })
        .collect()
}
