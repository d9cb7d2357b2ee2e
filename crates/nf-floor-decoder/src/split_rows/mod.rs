//! format-floor.md, 5: mode 2, split rows.

mod header;
mod neighbours;
mod pixel;
mod rans;
mod table;
mod taps;

use crate::Error;
use crate::bits::Bits;
use crate::bytes::Bytes;
use header::Header;
use neighbours::Image;
use rans::Rans;

/// 5.1: the samples of a tile of `height` rows of `width` pixels, row by row.
pub(crate) fn decode(payload: &[u8], height: usize, width: usize) -> Result<Vec<u16>, Error> {
    let mut bytes = Bytes::new(payload);
    let header_bytes = length(&mut bytes)?;
    let symbol_bytes = length(&mut bytes)?;
    let header = Header::read(bytes.take(header_bytes)?)?;
    let symbols = bytes.take(symbol_bytes)?;
    let mut raw = Bits::new(bytes.rest());

    // 5.5: the image that is coded has `h` rows of `w` pixels.
    let (h, w) = if header.transposed { (width, height) } else { (height, width) };
    let mut image = Image::new(h, w, header.initial);
    let mut rans = Rans::new(symbols)?;
    for y in 0..h {
        for p in 0..2 {
            for x in (p..w).step_by(2) {
                pixel::decode(&header, &mut image, y, x, &mut rans, &mut raw)?;
            }
        }
    }
    rans.end()?;
    raw.end()?;
    let samples = image.into_samples();
    Ok(if header.transposed { transpose(&samples, h, w) } else { samples })
}

/// A u32 that is a number of bytes.
fn length(bytes: &mut Bytes<'_>) -> Result<usize, Error> {
    usize::try_from(bytes.u32()?).map_err(|_| Error::new("a part of a tile is too large"))
}

/// An image of `h` rows of `w` pixels with its rows as columns.
fn transpose(samples: &[u16], h: usize, w: usize) -> Vec<u16> {
    (0..w).flat_map(|x| (0..h).map(move |y| samples[y * w + x])).collect()
}
