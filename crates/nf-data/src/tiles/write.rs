//! From a dataset to a tile store.

use super::journal::{Differs, Group, Journal, Past};
use super::{CARD_KEY, PIXELS, TileCard, TileRule};
use crate::{Dataset, Error, Result};
use nf_image::{Digest, Image16, PlaneAxis, SampleDigester};
use parquet::basic::{Compression, Encoding};
use parquet::data_type::{ByteArray, ByteArrayType, FixedLenByteArray, FixedLenByteArrayType, Int32Type};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use parquet::schema::types::ColumnPath;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

/// What [`pack`] did.
#[derive(Debug)]
pub struct PackReport {
    /// The store's card.
    pub card: TileCard,
    /// Bytes of the file.
    pub file_bytes: u64,
    /// Why images could not be read; the store has none of their tiles.
    pub unreadable: Vec<Error>,
    /// Tiles that were taken from what an interrupted call had left.
    pub resumed_tiles: u64,
}

/// Version of the file's layout.
const VERSION: u32 = 1;
/// What Parquet files say of who wrote them.
const CREATED_BY: &str = concat!("noisefloor ", env!("CARGO_PKG_VERSION"));
/// Samples that are gathered before they are written as one row group, bytes.
const GROUP_BYTES: usize = 16 << 20;

/// Cuts every image of `set` by `rule` and writes the store to `out`; `progress` is told after
/// every image how many images and tiles are done. One image and one row group are in memory at a
/// time. An image that cannot be read is left out, and the report says why.
///
/// # Errors
/// If the rule is none ([`Error::Missing`]), no image can be read or is as large as a tile, or
/// `out` fails; what has been written is then no store.
pub fn pack(
    set: &dyn Dataset,
    rule: &TileRule,
    out: impl Write + Send,
    mut progress: impl FnMut(usize, u64),
) -> Result<PackReport> {
    let to = set.card().to_string();
    check(set, rule)?;
    pack_to(set, rule, out, &to, None, &mut progress)
}

/// Packs as [`pack`] does, into the file `output`, which is replaced if it is there. Until it is
/// whole it is called `output.part`. What a call has left that was interrupted, killed or found
/// the disk full is gone on from, and the file is the same as if nothing had happened.
///
/// # Errors
/// As [`pack`]; or if another process packs into the same file.
pub fn pack_file(
    set: &dyn Dataset,
    rule: &TileRule,
    output: &Path,
    mut progress: impl FnMut(usize, u64),
) -> Result<PackReport> {
    check(set, rule)?;
    let card = set.card();
    let head = serde_json::json!({
        "tile_store": VERSION,
        "program": CREATED_BY,
        "rule": rule,
        "dataset": card.to_string(),
        "dataset_digest": card.digest.to_string(),
        "images": set.len(),
    });
    let head = head.to_string();
    loop {
        let (mut journal, part) = Journal::open(output, &head, rule.shape())?;
        let (to, resumed_tiles) = (journal.part().display().to_string(), journal.tiles());
        match pack_to(set, rule, part, &to, Some(&mut journal), &mut progress) {
            Ok(report) => {
                journal.finish(output)?;
                return Ok(PackReport { resumed_tiles, ..report });
            }
            Err(error) if resumed_tiles > 0 && differs(&error) => {
                tracing::warn!("{error}; it is packed anew");
                journal.discard()?;
            }
            Err(error) => {
                if journal.tiles() == 0 {
                    journal.discard()?;
                }
                return Err(error);
            }
        }
    }
}

/// Whether tiles can be cut so.
fn check(set: &dyn Dataset, rule: &TileRule) -> Result<()> {
    rule.check().map_err(|reason| Error::missing(set.card().to_string(), format!("tiles: {reason}")))
}

fn differs(error: &Error) -> bool {
    matches!(error, Error::Io { source, .. } if source.get_ref().is_some_and(|inner| inner.is::<Differs>()))
}

/// Largest image that a journal is believed to speak of, pixels.
const MOST_PAST_PIXELS: usize = 1 << 34;

/// Takes the tiles of an image from the part, if it holds all of them.
fn replay<W: Write + Send>(
    set: &dyn Dataset,
    journal: &Journal,
    writer: &mut Writer<W>,
    image: usize,
    rule: &TileRule,
) -> Result<Option<(Vec<[usize; 3]>, PlaneAxis)>> {
    let name = &set.name(image);
    let Some(past) = journal.past(image, name) else { return Ok(None) };
    let small = past.shape().checked_pixels().is_some_and(|pixels| pixels <= MOST_PAST_PIXELS);
    let (true, Some((digest, axis))) = (small, past.rest()) else { return Ok(None) };
    let places = rule.places(name, past.shape());
    if writer.tiles + places.len() as u64 > journal.tiles() {
        return Ok(None);
    }
    let part = journal.part();
    if journal.is_first(image) {
        // Files of a folder may have changed.
        match set.image(image) {
            Ok(found) if found.digest() == digest => {}
            Ok(_) => return Err(Error::io(part)(Differs::error())),
            Err(_) => return Ok(None),
        }
    }
    writer.image(name, digest);
    for &place in &places {
        let samples = journal.tile(writer.tiles).map_err(Error::io(part))?;
        writer.samples.extend_from_slice(&samples);
        writer.tile(place).map_err(writing(&part.display().to_string()))?;
    }
    Ok(Some((places, axis)))
}

/// Packs by a rule that was checked to `out`, which errors call `to`.
fn pack_to(
    set: &dyn Dataset,
    rule: &TileRule,
    out: impl Write + Send,
    to: &str,
    mut journal: Option<&mut Journal>,
    progress: &mut dyn FnMut(usize, u64),
) -> Result<PackReport> {
    let name = set.card().to_string();
    let mut writer = Writer::new(out, rule.shape().raw_bytes()).map_err(writing(to))?;
    let noting = || Error::io(Path::new(to));
    let mut axis = None;
    let (mut images, mut images_too_small, mut unreadable) = (0, 0, vec![]);
    for index in 0..set.len() {
        let image_name = set.name(index);
        let replayed = match &journal {
            Some(journal) => replay(set, journal, &mut writer, index, rule)?,
            None => None,
        };
        let (places, image_axis) = match replayed {
            Some(done) => done,
            None => {
                let image = match set.image(index) {
                    Ok(image) => image,
                    Err(error) => {
                        unreadable.push(error);
                        progress(index + 1, writer.tiles);
                        continue;
                    }
                };
                let places = rule.places(&image_name, image.shape());
                let digest = image.digest();
                writer.image(&image_name, digest);
                for &place in &places {
                    writer.cut(&image, place, rule);
                    writer.tile(place).map_err(writing(to))?;
                }
                if let Some(journal) = &mut journal {
                    let past = Past::new(index, &image_name, digest, image.shape(), image.axis());
                    journal.add_image(past).map_err(noting())?;
                }
                (places, image.axis())
            }
        };
        if places.is_empty() {
            images_too_small += 1;
        } else {
            images += 1;
            // Images that disagree have no common meaning of planes.
            let agreed = *axis.get_or_insert(image_axis);
            axis = Some(if agreed == image_axis { agreed } else { PlaneAxis::None });
        }
        for group in writer.groups.drain(..) {
            if let Some(journal) = &mut journal {
                journal.add_group(group).map_err(noting())?;
            }
        }
        progress(index + 1, writer.tiles);
    }
    if writer.tiles == 0 {
        let size = format!("{} planes of {} x {} pixels", rule.planes, rule.size_px, rule.size_px);
        let mut reason = format!("none of its {} images holds {size}", set.len());
        if let Some(first) = unreadable.first() {
            reason += &format!("; {} cannot be read, {first}", unreadable.len());
        }
        return Err(Error::missing(name, reason));
    }
    let from = set.card();
    let card = TileCard {
        version: VERSION,
        rule: *rule,
        axis: axis.unwrap_or_default().name().to_owned(),
        tiles: writer.tiles,
        images,
        images_too_small,
        samples_digest: String::new(),
        dataset: from.to_string(),
        dataset_digest: from.digest.to_string(),
        instrument: from.instrument.clone(),
        licence: from.licence.clone(),
        origin: from.origin.clone(),
    };
    let (card, file_bytes) = writer.finish(card).map_err(writing(to))?;
    Ok(PackReport { card, file_bytes, unreadable, resumed_tiles: 0 })
}

/// What the destination refused stays what the system said, so that callers can tell it from faults
/// of the dataset.
fn writing(name: &str) -> impl Fn(ParquetError) -> Error + '_ {
    move |error| match error {
        ParquetError::External(cause) => match cause.downcast::<std::io::Error>() {
            Ok(source) => Error::io(Path::new(name))(*source),
            Err(other) => Error::parquet(name)(ParquetError::External(other)),
        },
        other => Error::parquet(name)(other),
    }
}

/// The file, and the row group that is being gathered.
struct Writer<W: Write + Send> {
    file: SerializedFileWriter<W>,
    tile_bytes: usize,
    tiles: u64,
    digester: SampleDigester,
    samples: Vec<u16>,
    /// Name and digest of the image being cut.
    image: (ByteArray, FixedLenByteArray),
    images: Vec<ByteArray>,
    digests: Vec<FixedLenByteArray>,
    /// Plane, row and column.
    corners: [Vec<i32>; 3],
    /// Row groups that were written, until somebody asks.
    groups: Vec<Group>,
}

impl<W: Write + Send> Writer<W> {
    fn new(out: W, tile_bytes: usize) -> Result<Self, ParquetError> {
        let schema = format!(
            "message tiles {{
                required binary image (STRING);
                required fixed_len_byte_array(32) digest;
                required int32 plane;
                required int32 row;
                required int32 column;
                required fixed_len_byte_array({tile_bytes}) pixels;
            }}"
        );
        let pixels = ColumnPath::from("pixels");
        // Plain and one tile a page: the page index of the file is the index of its tiles.
        let properties = WriterProperties::builder()
            .set_created_by(CREATED_BY.to_owned())
            .set_compression(Compression::UNCOMPRESSED)
            .set_dictionary_enabled(false)
            .set_encoding(Encoding::PLAIN)
            .set_statistics_enabled(EnabledStatistics::None)
            .set_column_data_page_row_count_limit(pixels, 1)
            .set_offset_index_disabled(false)
            .set_write_batch_size(1)
            .build();
        let file =
            SerializedFileWriter::new(out, Arc::new(parse_message_type(&schema)?), Arc::new(properties))?;
        Ok(Self {
            file,
            tile_bytes,
            tiles: 0,
            digester: SampleDigester::default(),
            samples: vec![],
            image: (ByteArray::from(""), FixedLenByteArray::from(vec![0; 32])),
            images: vec![],
            digests: vec![],
            corners: Default::default(),
            groups: vec![],
        })
    }

    /// The tiles that follow are of this image.
    fn image(&mut self, name: &str, digest: Digest) {
        self.image = (ByteArray::from(name), FixedLenByteArray::from(digest.0.to_vec()));
    }

    /// Adds the samples of a tile.
    fn cut(&mut self, image: &Image16, place: [usize; 3], rule: &TileRule) {
        let [plane, row, column] = place;
        for plane in plane..plane + rule.planes {
            for row in row..row + rule.size_px {
                self.samples.extend_from_slice(&image.row(plane, row)[column..column + rule.size_px]);
            }
        }
    }

    /// Adds the tile whose samples were added last.
    fn tile(&mut self, place: [usize; 3]) -> Result<(), ParquetError> {
        self.images.push(self.image.0.clone());
        self.digests.push(self.image.1.clone());
        for (corners, value) in self.corners.iter_mut().zip(place) {
            let value = i32::try_from(value);
            corners.push(
                value.map_err(|_| ParquetError::General("an image of over 2^31 pixels a side".into()))?,
            );
        }
        self.tiles += 1;
        if 2 * self.samples.len() >= GROUP_BYTES { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<(), ParquetError> {
        if self.samples.is_empty() {
            return Ok(());
        }
        self.digester.update(&self.samples);
        let mut group = self.file.next_row_group()?;
        let mut number = 0;
        while let Some(mut column) = group.next_column()? {
            match number {
                0 => column.typed::<ByteArrayType>().write_batch(&self.images, None, None).map(drop)?,
                1 => column
                    .typed::<FixedLenByteArrayType>()
                    .write_batch(&self.digests, None, None)
                    .map(drop)?,
                2..=4 => {
                    column
                        .typed::<Int32Type>()
                        .write_batch(&self.corners[number - 2], None, None)
                        .map(drop)?;
                }
                _ => {
                    let writer = column.typed::<FixedLenByteArrayType>();
                    for tile in self.samples.chunks_exact(self.tile_bytes / 2) {
                        let bytes: Vec<u8> = tile.iter().flat_map(|sample| sample.to_le_bytes()).collect();
                        writer.write_batch(&[FixedLenByteArray::from(bytes)], None, None)?;
                    }
                }
            }
            column.close()?;
            number += 1;
        }
        let written = group.close()?;
        self.file.flush()?;
        let pixels = written.column(PIXELS);
        self.groups.push(Group {
            tiles: self.tiles,
            pixels_at: pixels.data_page_offset().cast_unsigned(),
            pixels_bytes: pixels.compressed_size().cast_unsigned(),
            end_at: self.file.bytes_written() as u64,
            samples: Digest::of_samples(&self.samples).to_string(),
        });
        self.samples.clear();
        self.images.clear();
        self.digests.clear();
        self.corners.iter_mut().for_each(Vec::clear);
        Ok(())
    }

    fn finish(mut self, mut card: TileCard) -> Result<(TileCard, u64), ParquetError> {
        self.flush()?;
        card.samples_digest = self.digester.finish().to_string();
        let text = serde_json::to_string(&card).expect("a card of strings and numbers is JSON");
        self.file.append_key_value_metadata(KeyValue::new(CARD_KEY.to_owned(), text));
        self.file.finish()?;
        self.file.flush()?;
        Ok((card, self.file.bytes_written() as u64))
    }
}
