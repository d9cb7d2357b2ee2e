//! Arrays that are streams of array codecs, tile by tile.

use super::{Reader, failed};
use crate::boxes::{Box4, Boxes};
use crate::encode_within::decode_tiles;
use crate::record::{Map, StreamEntry};
use crate::sample::each_type;
use crate::{Array, Error, Result, Samples};
use nf_image::TileBox;
use std::io::{Read, Seek};

/// Tiles whose streams are in memory at once, for every thread.
const AT_ONCE: usize = 4;

impl<R: Read + Seek> Reader<R> {
    /// The tiles of an array that is streams of an array codec.
    pub(super) fn boxes(&self, array: usize) -> Result<Option<Boxes>> {
        let record = &self.arrays[array];
        let Map::Tiles { tile, .. } = &record.map else { return Ok(None) };
        let boxes = Boxes::new(&record.axes, tile);
        boxes.map(Some).ok_or_else(|| Error::corrupt("the array", "tiles that are none"))
    }

    /// The streams of some tiles of an array, with their numbers.
    fn read_streams(
        &mut self,
        array: usize,
        boxes: &Boxes,
        wanted: &[(usize, Box4)],
    ) -> Result<Vec<Vec<u8>>> {
        let entries = self.arrays[array].streams();
        let mut places = Vec::with_capacity(wanted.len());
        let (mut next, mut place) = (0, self.first_stream[array]);
        for (number, tile) in wanted {
            place += entries[next..*number].iter().map(|entry| entry.length_bytes).sum::<u64>();
            next = *number;
            places.push((place, entries[*number], boxes.in_stack(tile)));
        }
        let mut streams = Vec::with_capacity(wanted.len());
        for (place, StreamEntry { length_bytes, crc }, tile) in places {
            let failed = |source| failed("the streams of the container", source);
            let stream = self.indices.source_mut().absolute(place, length_bytes).map_err(failed)?;
            if crc32fast::hash(&stream) != crc {
                let names: Vec<String> = tile.iter().map(ToString::to_string).collect();
                let what = format!("tile of array {array} ({})", names.join("; "));
                return Err(Error::corrupt(&what, "its checksum does not match"));
            }
            streams.push(stream);
        }
        Ok(streams)
    }

    /// Decodes some tiles of an array, a few at a time, and hands them on in order.
    fn each_tile(
        &mut self,
        array: usize,
        boxes: &Boxes,
        wanted: &[(usize, Box4)],
        mut take: impl FnMut(&Box4, &Samples),
    ) -> Result<()> {
        for group in wanted.chunks(AT_ONCE * rayon::current_num_threads()) {
            let streams = self.read_streams(array, boxes, group)?;
            let coded: Vec<(&Box4, Vec<u8>)> = group.iter().map(|(_, place)| place).zip(streams).collect();
            let record = &self.arrays[array];
            let parts = decode_tiles(record, boxes, &coded, &self.array_codecs, &self.limits)?;
            coded.iter().zip(&parts).for_each(|((place, _), part)| take(place, part));
        }
        Ok(())
    }

    /// The whole array; its digest is not checked.
    pub(super) fn decode_boxes(&mut self, array: usize, boxes: &Boxes) -> Result<Array> {
        let (sample, count) = (self.arrays[array].sample, self.arrays[array].samples());
        let all: Vec<(usize, Box4)> = boxes.all().into_iter().enumerate().collect();
        let mut whole = Samples::zeros(sample, count);
        self.each_tile(array, boxes, &all, |place, part| boxes.paste(place, part, &mut whole))?;
        let record = &self.arrays[array];
        each_type!(&mut whole, values => record.exceptions.apply(0, values));
        Array::new(record.axes.clone(), whole)
    }

    /// The samples of a region row by row; only the tiles that it touches are read.
    pub(super) fn decode_region_of_boxes(
        &mut self,
        array: usize,
        boxes: &Boxes,
        region: &TileBox,
    ) -> Result<Samples> {
        let record = &self.arrays[array];
        let (sample, exceptions) = (record.sample, record.exceptions.clone());
        let touches =
            |place: &Box4| boxes.in_stack(place).iter().any(|part| part.intersection(region).is_some());
        let all = boxes.all().into_iter().enumerate();
        let wanted: Vec<(usize, Box4)> = all.filter(|(_, place)| touches(place)).collect();
        let shape = region.shape();
        let Some(count) = shape.checked_pixels() else {
            return Err(Error::corrupt("the region", "it has more samples than can be counted"));
        };
        let mut found = Samples::zeros(sample, count);
        self.each_tile(array, boxes, &wanted, |place, part| {
            boxes.paste_shared(place, part, region, &mut found)
        })?;
        let stack = boxes.stack();
        for (n, plane) in region.planes.clone().enumerate() {
            for (m, row) in region.rows.clone().enumerate() {
                let first = (plane * stack.height + row) * stack.width + region.columns.start;
                let start = (n * shape.height + m) * shape.width;
                each_type!(&mut found, values => exceptions.apply(first, &mut values[start..start + shape.width]));
            }
        }
        Ok(found)
    }

    /// Decodes tile by tile and passes over those that are damaged: the samples, the places of lost
    /// tiles, and how many tiles there are.
    pub(crate) fn salvage_boxes(
        &mut self,
        array: usize,
        fill: f64,
    ) -> Result<Option<(Samples, Vec<TileBox>, usize)>> {
        let Some(boxes) = self.boxes(array)? else { return Ok(None) };
        let (sample, count) = (self.arrays[array].sample, self.arrays[array].samples());
        // Who does not know the codec has lost nothing.
        if let Some(spec) = self.arrays[array].array_codec() {
            self.array_codecs.build(spec)?;
        }
        let mut samples = Samples::zeros(sample, count);
        let (mut lost, all) = (Vec::new(), boxes.all());
        for (number, place) in all.iter().enumerate() {
            let one = [(number, place.clone())];
            let decoded =
                self.each_tile(array, &boxes, &one, |place, part| boxes.paste(place, part, &mut samples));
            if decoded.is_err() {
                boxes.fill(place, fill, &mut samples);
                lost.extend(boxes.in_stack(place));
            }
        }
        let record = &self.arrays[array];
        each_type!(&mut samples, values => record.exceptions.apply(0, values));
        Ok(Some((samples, lost, all.len())))
    }
}
