//! What a profile says of itself, without its pixels.

use crate::Area;
use crate::profile::{Id, Parts};
use nf_image::{Digest, Shape};

/// What a profile says of itself: enough to tell whether it is that of a frame.
#[derive(Clone, Debug, PartialEq)]
pub struct Outline {
    /// Name and key.
    pub id: Id,
    /// Keywords of FITS headers, with the value that all frames share.
    pub cards: Vec<(String, String)>,
    /// How many frames it was built from.
    pub frames: u32,
    /// The places of its maps, every one once.
    pub areas: Vec<Area>,
    /// The places of its starts that lie in none of them: of frames without a map.
    pub starts: Vec<Area>,
}

impl Outline {
    pub(crate) fn of(parts: &Parts, digest: &Digest) -> Self {
        let mut areas: Vec<Area> = vec![];
        for map in &parts.maps {
            let area = Area { row: map.row, column: map.column, height: map.height, width: map.width };
            if !areas.contains(&area) {
                areas.push(area);
            }
        }
        let mut starts: Vec<Area> = vec![];
        for start in &parts.starts {
            let shape = start.stack.shape();
            let area =
                Area { row: start.row, column: start.column, height: shape.height, width: shape.width };
            if !areas.iter().any(|map| map.has([area.row, area.column], shape)) {
                starts.push(area);
            }
        }
        Self {
            id: Id::of(&parts.name, digest),
            cards: parts.cards.clone(),
            frames: parts.frames,
            areas,
            starts,
        }
    }

    /// Whether it may know a stack whose first pixel lies at this row and column: its maps have all
    /// of its pixels, or it has seen pieces of such frames, for which it has no map.
    pub fn knows(&self, origin: [usize; 2], stack: Shape) -> bool {
        let whole = Area { row: origin[0], column: origin[1], height: stack.height, width: stack.width };
        let inside =
            |start: &Area| whole.has([start.row, start.column], Shape::frame(start.height, start.width));
        self.areas.iter().any(|area| area.has(origin, stack)) || self.starts.iter().any(inside)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Map, MapKind, Start};
    use nf_image::Image16;

    #[test]
    fn frames_are_known_by_maps_or_by_pieces_without_a_map() {
        let map = Map {
            kind: MapKind::Offset,
            image: String::new(),
            exposures: String::new(),
            read: 0,
            row: 10,
            column: 20,
            height: 60,
            width: 80,
            frames: 3,
            noise_dn: 1.0,
            base_dn: 0,
            fraction_bits: 0,
            pixels: Image16::zeros(Shape::frame(60, 80)).into(),
        };
        let start = |row, height| Start {
            image: String::new(),
            row,
            column: 20,
            reads: 1,
            stack: Image16::zeros(Shape::frame(height, 80)).into(),
        };
        let parts = |starts| Parts { maps: vec![map.clone(), map.clone()], starts, ..Parts::default() };
        let outline = Outline::of(&parts(vec![start(30, 10)]), &Digest([0; 32]));
        assert_eq!((outline.areas.len(), outline.starts.len()), (1, 0));
        assert!(outline.knows([10, 20], Shape::frame(60, 80)));
        assert!(outline.knows([11, 21], Shape::new(3, 59, 79)));
        assert!(!outline.knows([9, 20], Shape::frame(60, 80)));
        assert!(!outline.knows([0, 0], Shape::frame(200, 200)));
        // A piece beyond the map is of another frame.
        let outline = Outline::of(&parts(vec![start(65, 10)]), &Digest([0; 32]));
        assert!(outline.knows([0, 0], Shape::frame(200, 200)));
        assert!(!outline.knows([0, 0], Shape::frame(70, 200)));
        assert!(!outline.knows([usize::MAX, 20], Shape::frame(60, 80)));
    }
}
