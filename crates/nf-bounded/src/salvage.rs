//! What is intact in a damaged bounded container.

use crate::Result;
use crate::container::Reader;
use crate::quantise::reconstruct;
use crate::sample::{Sample, Samples, each_type};
use nf_codec::Codec;
use nf_codec::container::TileBox;
use nf_image::Shape;
use std::io::{Read, Seek};

/// An array of which some tiles may be lost.
#[derive(Debug)]
pub struct Salvaged {
    /// Its samples; those of lost tiles are NaN in floating-point arrays, and in others the integer
    /// nearest to the value that was asked for. Samples that are kept exactly are there all the
    /// same.
    pub samples: Samples,
    /// The tiles that could not be decoded, in the stack of the array's indices.
    pub lost: Vec<TileBox>,
    /// Number of tiles.
    pub tiles: usize,
}

impl<R: Read + Seek> Reader<R> {
    /// Decodes an array tile by tile, and passes over the tiles that are damaged. In containers
    /// before version 3 the stream of an array codec is one piece, which is whole or lost.
    ///
    /// # Errors
    /// If nothing of the array can be decoded, or it would exceed the limits.
    pub fn decode_salvaged(&mut self, array: usize, codec: &dyn Codec, fill: f64) -> Result<Salvaged> {
        if let Some((samples, lost, tiles)) = self.salvage_boxes(array, fill)? {
            return Ok(Salvaged { samples, lost, tiles });
        }
        if self.arrays()[array].array_codec().is_some() {
            let samples = self.decode(array, codec)?.into_samples();
            return Ok(Salvaged { samples, lost: Vec::new(), tiles: 1 });
        }
        let (mut layers, mut lost, mut tiles) = (Vec::new(), Vec::new(), 0);
        for stack in self.stacks(array) {
            // Every map has an index of zero.
            let found = self.indices_mut().decode_salvaged(stack, codec, 0)?;
            layers.push(found.image);
            tiles += found.tiles;
            let places = found.lost.into_iter().map(|(tile, _)| tile.place);
            lost.extend(places.filter(|place| !lost.contains(place)).collect::<Vec<_>>());
        }
        let record = &self.arrays()[array];
        let shape = record.stack_shape();
        let mut samples = reconstruct(record, &layers)?.into_samples();
        each_type!(&mut samples, values => {
            lost.iter().for_each(|place| fill_box(values, shape, place, fill));
            record.exceptions.apply(0, values);
        });
        Ok(Salvaged { samples, lost, tiles })
    }
}

fn fill_box<T: Sample>(values: &mut [T], shape: Shape, place: &TileBox, fill: f64) {
    let value = if T::TYPE.is_float() { T::nearest(f64::NAN) } else { T::nearest(fill) };
    for plane in place.planes.clone() {
        for row in place.rows.clone() {
            let start = (plane * shape.height + row) * shape.width;
            // The last row of a folded array is not full.
            let end = (start + place.columns.end).min(values.len());
            if let Some(lost) = values.get_mut(start + place.columns.start..end) {
                lost.fill(value);
            }
        }
    }
}
