//! What a header tells of the detector.

use crate::header::Header;
use nf_image::{Detector, Region, RegionKind, Shape};
use std::ops::Range;

/// The detector that an image's header, or else the file's primary header, names; `None` where
/// neither does.
pub(crate) fn of_headers(image: &Header, primary: &Header, shape: Shape) -> Option<Detector> {
    let text =
        |keyword: &str| image.text(keyword).or_else(|| primary.text(keyword)).filter(|text| !text.is_empty());
    let names: Vec<String> = ["INSTRUME", "DETECTOR"].into_iter().filter_map(text).collect();
    if names.is_empty() {
        return None;
    }
    // Sections are those of the image itself; the primary header of a mosaic speaks of the mosaic.
    let sections = [("DATASEC", RegionKind::Active), ("BIASSEC", RegionKind::Overscan)];
    let regions = sections
        .into_iter()
        .filter_map(|(keyword, kind)| Some((kind, parse_section(&image.text(keyword)?, shape)?)))
        .map(|(kind, (columns, rows))| Region {
            kind,
            amplifier: 0,
            rows,
            columns,
            reversed_columns: false,
            reversed_rows: false,
        })
        .collect();
    Some(Detector { instrument: names.join(" "), regions })
}

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

/// `[x0:x1,y0:y1]`, counted from one, ends included, if it lies inside the plane.
fn parse_section(text: &str, shape: Shape) -> Option<(Range<usize>, Range<usize>)> {
    let inner = text.trim().strip_prefix('[')?.strip_suffix(']')?;
    let (x, y) = inner.split_once(',')?;
    let range = |text: &str, n: usize| {
        let (first, last) = text.split_once(':')?;
        let (first, last) = (first.trim().parse::<usize>().ok()?, last.trim().parse::<usize>().ok()?);
        (1 <= first && first <= last && last <= n).then(|| first - 1..last)
    };
    Some((range(x, shape.width)?, range(y, shape.height)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::card::write;

    #[test]
    fn windows_lie_where_their_header_says() {
        let of = |cards: &[(&str, f64)]| {
            let cards: Vec<_> =
                cards.iter().map(|(keyword, value)| write::real(keyword, *value, "")).collect();
            origin(&Header::from_cards(cards.iter().map(|card| &card[..]), 0))
        };
        assert_eq!(of(&[]), [0, 0]);
        assert_eq!(of(&[("LTV1", -32.0), ("LTV2", -100.0)]), [100, 32]);
        assert_eq!(of(&[("SUBSTRT1", 33.0), ("SUBSTRT2", 101.0)]), [100, 32]);
        // Binned, beyond the detector, or no whole pixel.
        assert_eq!(of(&[("LTV1", -32.0), ("LTM1_1", 0.5)]), [0, 0]);
        assert_eq!(of(&[("LTV1", 32.0), ("LTV2", -0.5)]), [0, 0]);
    }

    #[test]
    fn sections_inside_the_plane_become_regions() {
        let cards = [
            write::text("INSTRUME", "EFOSC", ""),
            write::text("DATASEC", "[1:100,1:50]", ""),
            write::text("BIASSEC", "[101:110,1:50]", ""),
        ];
        let header = Header::from_cards(cards.iter().map(|card| &card[..]), 0);
        let detector = of_headers(&header, &header, Shape::frame(50, 110)).unwrap();
        assert_eq!(detector.instrument, "EFOSC");
        assert_eq!(detector.regions[1].columns, 100..110);
        assert_eq!(detector.regions[1].kind, RegionKind::Overscan);
        assert!(of_headers(&header, &header, Shape::frame(50, 99)).unwrap().regions.is_empty());
    }
}
