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
