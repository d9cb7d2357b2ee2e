//! format-floor.md, 5: mode 2, split rows.

mod background;
mod contexts;
mod header;
mod neighbours;
mod pixel;
mod rans;
mod table;
mod taps;

use crate::Error;
use crate::bits::Bits;
use crate::bytes::Bytes;
use background::Background;
use header::Header;
use neighbours::Image;
use rans::Rans;

/// 5.1: the samples of a tile of `height` rows of `width` pixels, row by row. In mode 11 there are
/// shifts (20.4).
pub(crate) fn decode(
    payload: &[u8],
    height: usize,
    width: usize,
    shifts: Option<&[f32]>,
) -> Result<Vec<u16>, Error> {
    let mut bytes = Bytes::new(payload);
    let header_bytes = length(&mut bytes)?;
    let symbol_bytes = length(&mut bytes)?;
    let header = Header::read(bytes.take(header_bytes)?, shifts.is_some())?;
    let symbols = bytes.take(symbol_bytes)?;
    let mut raw = Bits::new(bytes.rest());

    // 5.5: the image that is coded has `h` rows of `w` pixels.
    let (h, w) = if header.transposed { (width, height) } else { (height, width) };
    let shifts =
        shifts.map(|shifts| if header.transposed { transpose(shifts, w, h) } else { shifts.to_vec() });
    let mut background = Background::new(&header, w);
    let mut image = Image::new(h, w, header.initial, shifts);
    let mut rans = Rans::new(symbols)?;
    for y in 0..h {
        for p in 0..2 {
            for x in (p..w).step_by(2) {
                pixel::decode(&header, &mut image, &background, y, x, &mut rans, &mut raw)?;
            }
        }
        background.add_row(&image, y);
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
fn transpose<T: Copy>(samples: &[T], h: usize, w: usize) -> Vec<T> {
    (0..w).flat_map(|x| (0..h).map(move |y| samples[y * w + x])).collect()
}
