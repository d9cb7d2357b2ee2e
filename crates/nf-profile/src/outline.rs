//! What a profile says of itself, without its pixels.

use crate::profile::{Id, Parts, key_of};
use nf_image::Shape;

/// A part of a detector that a profile knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Area {
    /// Row of the detector where its first pixel lies.
    pub row: usize,
    /// Column of the detector where its first pixel lies.
    pub column: usize,
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
}

impl Area {
    /// Whether all pixels of a stack are of this part, whose first pixel lies at this row and
    /// column.
    pub fn has(&self, [row, column]: [usize; 2], stack: Shape) -> bool {
        let inside = |start: usize, length: usize, first: usize, most: usize| {
            start >= first && start.saturating_add(length) <= first.saturating_add(most)
        };
        inside(row, stack.height, self.row, self.height)
            && inside(column, stack.width, self.column, self.width)
    }
}

/// What a profile says of itself: enough to tell whether it is that of a frame.
#[derive(Clone, Debug, PartialEq)]
pub struct Outline {
    /// Name and key.
    pub id: Id,
    /// Keywords of FITS headers, with the value that all frames share.
    pub cards: Vec<(String, String)>,
    /// How many frames it was built from.
    pub frames: u32,
    /// The places of its maps, every one once; a profile of starts alone has none.
    pub areas: Vec<Area>,
}

impl Outline {
    pub(crate) fn of(parts: &Parts, bytes: &[u8]) -> Self {
        let mut areas: Vec<Area> = vec![];
        for map in &parts.maps {
            let area = Area { row: map.row, column: map.column, height: map.height, width: map.width };
            if !areas.contains(&area) {
                areas.push(area);
            }
        }
        let id = Id { name: parts.name.clone(), key: key_of(bytes) };
        Self { id, cards: parts.cards.clone(), frames: parts.frames, areas }
    }
}
