//! From a dataset to a tile store.

use super::{CARD_KEY, TileCard, TileRule};
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
}

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
    let name = set.card().to_string();
    rule.check().map_err(|reason| Error::missing(name.clone(), format!("tiles: {reason}")))?;
    let tile_bytes = 2 * rule.planes * rule.size_px * rule.size_px;
    let mut writer = Writer::new(out, tile_bytes).map_err(writing(&name))?;
    let mut axis = None;
    let (mut images, mut images_too_small, mut unreadable) = (0, 0, vec![]);
    for index in 0..set.len() {
        let image_name = set.name(index);
        let image = match set.image(index) {
            Ok(image) => image,
            Err(error) => {
                unreadable.push(error);
                progress(index + 1, writer.tiles);
                continue;
            }
        };
        let places = rule.places(&image_name, image.shape());
        if places.is_empty() {
            images_too_small += 1;
        } else {
            images += 1;
            // Images that disagree have no common meaning of planes.
            let agreed = *axis.get_or_insert(image.axis());
            axis = Some(if agreed == image.axis() { agreed } else { PlaneAxis::None });
            writer.image(&image_name, image.digest());
        }
        for place in places {
            writer.tile(&image, place, rule).map_err(writing(&name))?;
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
        version: 1,
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
    let (card, file_bytes) = writer.finish(card).map_err(writing(&name))?;
    Ok(PackReport { card, file_bytes, unreadable })
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
            .set_created_by(concat!("noisefloor ", env!("CARGO_PKG_VERSION")).to_owned())
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
        })
    }

    /// The tiles that follow are of this image.
    fn image(&mut self, name: &str, digest: Digest) {
        self.image = (ByteArray::from(name), FixedLenByteArray::from(digest.0.to_vec()));
    }

    fn tile(&mut self, image: &Image16, place: [usize; 3], rule: &TileRule) -> Result<(), ParquetError> {
        let [plane, row, column] = place;
        for plane in plane..plane + rule.planes {
            for row in row..row + rule.size_px {
                self.samples.extend_from_slice(&image.row(plane, row)[column..column + rule.size_px]);
            }
        }
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
        group.close()?;
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
