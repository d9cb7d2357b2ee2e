//! Reading a tile store.

use super::columns::{integers, plain_bytes, values};
use super::{CARD_KEY, COLUMNS, PIXELS, TileCard, TileRule};
use crate::guard::guarded;
use crate::names::printable;
use crate::{Card, Dataset, Error, Result};
use nf_image::{Digest, Image16, SampleDigester, Shape};
use parquet::basic::{Compression, Encoding, Type as PhysicalType};
use parquet::file::metadata::ParquetMetaData;
use parquet::file::reader::FileReader;
use parquet::file::serialized_reader::{ReadOptionsBuilder, SerializedFileReader};
use serde::Deserialize;
use std::collections::HashMap;
use std::fs::File;
use std::path::{Path, PathBuf};

/// A tile store, open for reading; tiles may be read from several threads at once.
#[derive(Debug)]
pub struct TileStore {
    path: PathBuf,
    file: File,
    card: TileCard,
    dataset: Card,
    images: Vec<(String, Digest)>,
    tiles: Vec<Entry>,
}

/// Where a tile comes from and where it lies.
#[derive(Clone, Copy, Debug)]
struct Entry {
    offset_bytes: u64,
    image: u32,
    /// Plane, row, column.
    corner: [u32; 3],
}

/// Where a tile comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place<'a> {
    /// Name of the image in its dataset.
    pub image: &'a str,
    /// Digest of that image's samples.
    pub digest: Digest,
    /// First plane.
    pub plane: usize,
    /// First row.
    pub row: usize,
    /// First column.
    pub column: usize,
}

/// A tile and where it comes from.
#[derive(Clone, Debug, PartialEq)]
pub struct Tile<'a> {
    /// Its pixels.
    pub image: Image16,
    /// Where it comes from.
    pub place: Place<'a>,
}

/// The part of a card that every version has.
#[derive(Deserialize)]
struct Version {
    version: u32,
}

/// Longest header of a page that holds one tile, bytes.
const MOST_HEADER_BYTES: u64 = 4096;

impl TileStore {
    /// Whether a file is a tile store, by its name's ending and the entry of its metadata.
    pub(crate) fn is_store(path: &Path) -> bool {
        let found = || {
            let file = File::open(path).ok()?;
            guarded(|| SerializedFileReader::new(file).map_err(|error| error.to_string())).ok()
        };
        path.extension().is_some_and(|ending| ending == "parquet")
            && found().is_some_and(|reader| card_text(reader.metadata()).is_some())
    }

    /// Opens a store: reads the card and where every tile lies, and no pixel. Costs about 28 bytes
    /// of memory a tile.
    ///
    /// # Errors
    /// If the file cannot be read, is no tile store, or is damaged.
    pub fn open(path: &Path) -> Result<Self> {
        let wrong = |reason: String| Error::Image { path: path.to_owned(), reason };
        let file = File::open(path).map_err(Error::io(path))?;
        let file_bytes = file.metadata().map_err(Error::io(path))?.len();
        let options = ReadOptionsBuilder::new().with_page_index().build();
        let again = file.try_clone().map_err(Error::io(path))?;
        let reader = guarded(|| {
            SerializedFileReader::new_with_options(again, options)
                .map_err(|error| format!("is no whole Parquet file with a page index: {error}"))
        })
        .map_err(wrong)?;
        let metadata = reader.metadata();
        let text = card_text(metadata)
            .ok_or_else(|| wrong(format!("is no tile store: its metadata has no entry {CARD_KEY}")))?;
        let unclear = |error: serde_json::Error| wrong(format!("{CARD_KEY}: {error}"));
        // Alone, since the card of another version may have other fields.
        let Version { version } = serde_json::from_str(text).map_err(unclear)?;
        if version != 1 {
            return Err(wrong(format!(
                "{CARD_KEY}: version {version}, this program reads version 1; update it, or pack the dataset \
                 again with it (noisefloor data pack)"
            )));
        }
        let card: TileCard = serde_json::from_str(text).map_err(unclear)?;
        card.rule.check().map_err(|reason| wrong(format!("{CARD_KEY}: {reason}")))?;
        let found: Vec<&str> =
            metadata.file_metadata().schema_descr().columns().iter().map(|column| column.name()).collect();
        if found != COLUMNS {
            return Err(wrong(format!("has the columns {found:?}, expected {COLUMNS:?}")));
        }
        let mut store = Self {
            path: path.to_owned(),
            file,
            dataset: dataset_card(&card),
            card,
            images: vec![],
            tiles: vec![],
        };
        // How many there are is stated by the file, how many fit into it is not: the smaller one.
        let most = file_bytes / store.card.shape().raw_bytes() as u64;
        store.tiles.reserve_exact(store.card.tiles.min(most) as usize);
        let mut numbers = HashMap::new();
        for group in 0..metadata.num_row_groups() {
            guarded(|| store.add_group(&reader, group, file_bytes, &mut numbers))
                .map_err(|reason| wrong(format!("row group {group}: {reason}")))?;
        }
        if store.tiles.len() as u64 != store.card.tiles {
            let (found, stated) = (store.tiles.len(), store.card.tiles);
            return Err(wrong(format!("holds {found} tiles, its card states {stated}")));
        }
        Ok(store)
    }

    /// Adds the tiles of a row group; none of the file's numbers is trusted before it has been
    /// compared with what is there.
    fn add_group(
        &mut self,
        reader: &SerializedFileReader<File>,
        group: usize,
        file_bytes: u64,
        numbers: &mut HashMap<(String, Digest), u32>,
    ) -> Result<(), String> {
        let tile_bytes = self.card.shape().raw_bytes() as u64;
        let metadata = reader.metadata();
        let pixels = metadata.row_group(group).column(PIXELS);
        if pixels.column_descr().type_length() as u64 != tile_bytes
            || pixels.compression() != Compression::UNCOMPRESSED
            || !pixels.encodings().all(|encoding| matches!(encoding, Encoding::PLAIN | Encoding::RLE))
        {
            return Err(format!("pixels are not stored plainly, {tile_bytes} bytes a tile"));
        }
        let index = metadata.page_index_for_row_group(group);
        let pages = index.page_locations(PIXELS).ok_or("has no page index")?;
        let columns = reader.get_row_group(group).map_err(|error| error.to_string())?;
        let rows = pages.len();
        let names = plain_bytes(&*columns, 0, rows, PhysicalType::BYTE_ARRAY)?;
        let names = values(&names, 0, rows, |rest| {
            let length = u32::from_le_bytes(*rest.split_off(..4)?.first_chunk()?);
            std::str::from_utf8(rest.split_off(..length as usize)?).ok()
        })?;
        let digests = plain_bytes(&*columns, 1, rows, PhysicalType::FIXED_LEN_BYTE_ARRAY)?;
        let digests = values(&digests, 1, rows, |rest| Some(Digest(*rest.split_off(..32)?.first_chunk()?)))?;
        let corners =
            [integers(&*columns, 2, rows)?, integers(&*columns, 3, rows)?, integers(&*columns, 4, rows)?];
        for (i, page) in pages.iter().enumerate() {
            let (start, length) =
                (page.offset.cast_unsigned(), u64::from(page.compressed_page_size.cast_unsigned()));
            let header = length.checked_sub(tile_bytes).filter(|header| *header <= MOST_HEADER_BYTES);
            let end = start.checked_add(length).filter(|end| *end <= file_bytes);
            let (Some(header), Some(_), true) = (header, end, page.first_row_index == i as i64) else {
                return Err(format!("tile {i} is not one page of {tile_bytes} bytes within the file"));
            };
            let image = self.number_of(names[i], digests[i], numbers);
            let corner = [corners[0][i], corners[1][i], corners[2][i]];
            self.tiles.push(Entry { offset_bytes: start + header, image, corner });
        }
        Ok(())
    }

    /// The number of an image, which is added if it is new.
    fn number_of(&mut self, name: &str, digest: Digest, numbers: &mut HashMap<(String, Digest), u32>) -> u32 {
        // As a rule the same as that of the tile before.
        if let Some(last) = self.tiles.last()
            && matches!(&self.images[last.image as usize], (known, of) if known == name && *of == digest)
        {
            return last.image;
        }
        *numbers.entry((name.to_owned(), digest)).or_insert_with_key(|source| {
            self.images.push(source.clone());
            self.images.len() as u32 - 1
        })
    }

    /// What the store holds.
    pub fn card(&self) -> &TileCard {
        &self.card
    }

    /// Number of tiles.
    pub fn len(&self) -> usize {
        self.tiles.len()
    }

    /// Whether there is no tile; no store is ever written so.
    pub fn is_empty(&self) -> bool {
        self.tiles.is_empty()
    }

    /// Where a tile comes from.
    ///
    /// # Panics
    /// If `index` is not below `len`.
    pub fn place(&self, index: usize) -> Place<'_> {
        let tile = &self.tiles[index];
        let (image, digest) = &self.images[tile.image as usize];
        let [plane, row, column] = tile.corner.map(|value| value as usize);
        Place { image, digest: *digest, plane, row, column }
    }

    /// Reads a tile's samples into `samples`, which must have the size of a tile
    /// ([`TileCard::shape`]).
    ///
    /// # Errors
    /// If the file cannot be read.
    ///
    /// # Panics
    /// If `index` is not below `len` or `samples` has another size.
    pub fn read_into(&self, index: usize, samples: &mut [u16]) -> Result<()> {
        assert_eq!(samples.len(), self.card.shape().pixels(), "the samples of one tile");
        let offset_bytes = self.tiles[index].offset_bytes;
        read_samples_at(&self.file, samples, offset_bytes).map_err(Error::io(&self.path))
    }

    /// A tile.
    ///
    /// # Errors
    /// As for [`TileStore::read_into`].
    ///
    /// # Panics
    /// If `index` is not below `len`.
    pub fn tile(&self, index: usize) -> Result<Tile<'_>> {
        let mut image = Image16::zeros(self.card.shape()).with_axis(self.card.axis());
        self.read_into(index, image.samples_mut())?;
        Ok(Tile { image, place: self.place(index) })
    }

    /// All tiles in the file's order.
    pub fn iter(&self) -> impl Iterator<Item = Result<Tile<'_>>> {
        (0..self.len()).map(|index| self.tile(index))
    }

    /// Reads every tile and compares the digest of them all with the card's.
    ///
    /// # Errors
    /// [`Error::Digest`] if they differ, or if the file cannot be read.
    pub fn verify(&self) -> Result<()> {
        let mut digester = SampleDigester::default();
        let mut samples = vec![0; self.card.shape().pixels()];
        for index in 0..self.len() {
            self.read_into(index, &mut samples)?;
            digester.update(&samples);
        }
        let found = digester.finish().to_string();
        let expected = self.card.samples_digest.clone();
        if found == expected {
            return Ok(());
        }
        Err(Error::Digest { path: self.path.clone(), expected, found })
    }
}

/// Tiles as images, so that everything that takes a dataset takes a tile store.
impl Dataset for TileStore {
    fn card(&self) -> &Card {
        &self.dataset
    }

    fn len(&self) -> usize {
        self.tiles.len()
    }

    fn name(&self, index: usize) -> String {
        let Place { image, plane, row, column, .. } = self.place(index);
        format!("{}.p{plane:03}.r{row:05}.c{column:05}", printable(image))
    }

    fn image(&self, index: usize) -> Result<Image16> {
        self.tile(index).map(|tile| tile.image)
    }

    fn shape(&self, _: usize) -> Result<Option<Shape>> {
        Ok(Some(self.card.shape()))
    }

    fn is_read_at_random(&self) -> bool {
        true
    }
}

fn card_text(metadata: &ParquetMetaData) -> Option<&str> {
    let entries = metadata.file_metadata().key_value_metadata()?;
    entries.iter().find(|entry| entry.key == CARD_KEY)?.value.as_deref()
}

fn dataset_card(card: &TileCard) -> Card {
    let (name, split) = card.dataset.rsplit_once('@').unwrap_or((&card.dataset, "all"));
    let name = name.split('/').next().unwrap_or(name);
    let TileRule { size_px, stride_px, planes, seed, .. } = card.rule;
    Card {
        name: format!("{}-tiles", printable(name)),
        title: format!("Tiles of {planes} x {size_px} x {size_px} pixels of {}", printable(&card.dataset)),
        instrument: printable(&card.instrument),
        licence: printable(&card.licence),
        origin: printable(&card.origin),
        view: format!("tiles-{size_px}-{stride_px}-{seed}"),
        split: printable(split),
        digest: card.samples_digest().unwrap_or(Digest([0; 32])),
    }
}

/// Reads samples that are stored in little-endian order.
///
/// # Errors
/// If there are fewer, or the file cannot be read.
pub(super) fn read_samples_at(file: &File, samples: &mut [u16], offset_bytes: u64) -> std::io::Result<()> {
    read_exact_at(file, bytemuck::cast_slice_mut(samples), offset_bytes)?;
    if cfg!(target_endian = "big") {
        samples.iter_mut().for_each(|sample| *sample = u16::from_le(*sample));
    }
    Ok(())
}

#[cfg(unix)]
fn read_exact_at(file: &File, bytes: &mut [u8], offset_bytes: u64) -> std::io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, bytes, offset_bytes)
}

#[cfg(windows)]
fn read_exact_at(file: &File, mut bytes: &mut [u8], mut offset_bytes: u64) -> std::io::Result<()> {
    while !bytes.is_empty() {
        match std::os::windows::fs::FileExt::seek_read(file, bytes, offset_bytes)? {
            0 => return Err(std::io::ErrorKind::UnexpectedEof.into()),
            n => {
                bytes = &mut bytes[n..];
                offset_bytes += n as u64;
            }
        }
    }
    Ok(())
}
