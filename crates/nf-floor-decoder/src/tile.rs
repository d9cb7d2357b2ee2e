//! format-floor.md, 3: a tile and its mode; modes 0, 1, 5, 7 and 9.

use crate::bytes::Bytes;
use crate::patterns::Named;
use crate::profile::{Area, Profile};
use crate::reference_planes::{read_weights, weighted_sum};
use crate::{Error, mixing, split_rows, wavefront};

/// 2.8: where a tile lies on the detector, and the profile of the detector.
#[derive(Clone, Copy)]
pub(crate) struct Detector<'a> {
    pub profile: &'a Profile,
    pub area: Area,
}

/// 3.1: the samples of a tile of `height` rows of `width` pixels, row by row. Every reference plane
/// has as many, the latest plane's come first. Only tiles of version 3 have a detector, and only
/// those of versions 4 and 5 shifts (20.2); tiles in tiles have neither.
pub(crate) fn decode(
    tile: &[u8],
    height: usize,
    width: usize,
    references: &[Vec<u16>],
    detector: Option<Detector<'_>>,
    shifts: Option<&[f32]>,
) -> Result<Vec<u16>, Error> {
    let mut bytes = Bytes::new(tile);
    let mode = bytes.u8()?;
    let payload = bytes.rest();
    let fits = match mode {
        7 | 8 => !references.is_empty(),
        9 | 10 | 14 => true,
        _ => references.is_empty(),
    };
    Error::unless(fits, "the number of reference planes does not fit the mode")?;
    if let (9 | 10 | 14, Some(detector)) = (mode, detector) {
        let Detector { profile, area } = detector;
        return match mode {
            9 => pattern_difference(payload, profile, area, references),
            10 => mixing::decode_with_profile(payload, profile, area, references),
            _ => wavefront::decode_with_profile(payload, profile, area, references),
        };
    }
    match (mode, shifts) {
        (0, _) => raw(payload, height, width),
        (1, _) => constant(payload, height, width),
        (2, _) => split_rows::decode(payload, height, width, None),
        (3, _) => wavefront::decode(payload, height, width, None),
        (4 | 8, _) => mixing::decode(payload, height, width, references),
        (5, _) => offset(payload, height, width),
        (7, _) => difference(payload, height, width, references),
        (11, Some(_)) => split_rows::decode(payload, height, width, shifts),
        (12, Some(_)) => wavefront::decode(payload, height, width, shifts),
        (13 | 15, Some(shifts)) => mixing::decode_dithered(payload, height, width, shifts, mode == 15),
        _ => Err(Error::new("the mode of a tile is unknown")),
    }
}

/// 3.2: mode 0.
fn raw(payload: &[u8], height: usize, width: usize) -> Result<Vec<u16>, Error> {
    let mut bytes = Bytes::new(payload);
    let samples = (0..height * width).map(|_| bytes.u16()).collect::<Result<_, _>>()?;
    bytes.end()?;
    Ok(samples)
}

/// 3.3: mode 1.
fn constant(payload: &[u8], height: usize, width: usize) -> Result<Vec<u16>, Error> {
    let mut bytes = Bytes::new(payload);
    let sample = bytes.u16()?;
    bytes.end()?;
    Ok(vec![sample; height * width])
}

/// 3.4: mode 5.
fn offset(payload: &[u8], height: usize, width: usize) -> Result<Vec<u16>, Error> {
    Error::unless(payload.first() != Some(&5), "a tile with an offset holds another one")?;
    let inner = decode(payload, height, width, &[], None, None)?;
    Ok(inner.into_iter().map(|s| s.wrapping_sub(32768)).collect())
}

/// 3.5: mode 7.
fn difference(
    payload: &[u8],
    height: usize,
    width: usize,
    references: &[Vec<u16>],
) -> Result<Vec<u16>, Error> {
    let mut bytes = Bytes::new(payload);
    let weights = read_weights(&mut bytes, references.len())?;
    let inner = decode(bytes.rest(), height, width, &[], None, None)?;
    let add = |(place, d): (usize, u16)| {
        let s = weighted_sum(&weights, references, place);
        let sample = i64::from(d) + ((s + 128) >> 8) - 32768;
        // The remainder is from 0 to 65535.
        sample.rem_euclid(65536) as u16
    };
    Ok(inner.into_iter().enumerate().map(add).collect())
}

/// 19.5: mode 9.
fn pattern_difference(
    payload: &[u8],
    profile: &Profile,
    area: Area,
    references: &[Vec<u16>],
) -> Result<Vec<u16>, Error> {
    let mut bytes = Bytes::new(payload);
    let named = Named::read(&mut bytes, profile, references.len())?;
    let weights = named.read_weights(&mut bytes)?;
    let sums = named.at(area, references)?.sums(&weights);
    let inner = decode(bytes.rest(), area.height, area.width, &[], None, None)?;
    // The remainder is from 0 to 65535.
    let add = |(d, s): (u16, i64)| (i64::from(d) + ((s + (1 << 19)) >> 20) - 32768).rem_euclid(65536) as u16;
    Ok(inner.into_iter().zip(sums).map(add).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(tile: &[u8], height: usize, width: usize, references: &[Vec<u16>]) -> Result<Vec<u16>, Error> {
        super::decode(tile, height, width, references, None, None)
    }

    #[test]
    fn plain_modes() {
        assert_eq!(decode(&[0, 1, 0, 2, 1], 1, 2, &[]), Ok(vec![1, 258]));
        assert_eq!(decode(&[1, 7, 0], 2, 2, &[]), Ok(vec![7; 4]));
        assert!(decode(&[0, 1, 0, 2], 1, 2, &[]).is_err());
        assert!(decode(&[1, 7, 0, 0], 2, 2, &[]).is_err());
        assert!(decode(&[], 1, 1, &[]).is_err());
        assert!(decode(&[6, 7, 0], 1, 1, &[]).is_err());
        assert!(decode(&[9, 7, 0], 1, 1, &[]).is_err());
    }

    #[test]
    fn a_tile_with_an_offset_holds_any_other_tile_without_reference_planes() {
        assert_eq!(decode(&[5, 1, 5, 0], 1, 2, &[]), Ok(vec![32773; 2]));
        assert_eq!(decode(&[5, 0, 0, 128, 255, 255], 1, 2, &[]), Ok(vec![0, 32767]));
        for mode in [5, 7, 8] {
            assert!(decode(&[5, mode, 1, 5, 0], 1, 2, &[]).is_err());
        }
    }

    #[test]
    fn differences_follow_their_reference_planes() {
        let references = [vec![1000, 65535], vec![10, 0]];
        // The weights 256 and -128, and 32768 as the inner samples.
        let tile = [7, 0, 1, 128, 255, 5, 1, 0, 0];
        assert_eq!(decode(&tile, 1, 2, &references), Ok(vec![995, 65535]));
        // 32768 - 32768 - 1000 mod 65536
        let tile = [7, 0, 255, 1, 0, 128];
        assert_eq!(decode(&tile, 1, 2, &references[..1]), Ok(vec![64536, 1]));
        // The weights -4096 and 4096 are too large.
        for weight in [[0, 240], [0, 16]] {
            let tile = [7, weight[0], weight[1], 1, 0, 128];
            assert!(decode(&tile, 1, 2, &references[..1]).is_err());
        }
    }

    #[test]
    fn the_number_of_reference_planes_fits_the_mode() {
        let references = [vec![1, 2]];
        assert!(decode(&[0, 1, 0, 2, 1], 1, 2, &references).is_err());
        assert!(decode(&[1, 7, 0], 1, 2, &references).is_err());
        assert!(decode(&[7, 1, 0, 0], 1, 2, &[]).is_err());
        assert!(decode(&[7, 0, 1, 7, 0, 1, 1, 0, 128], 1, 2, &references).is_err());
    }
}
