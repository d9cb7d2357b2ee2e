//! Container in, arrays out.

use super::{
    ARRAY, CREATOR, FIRST_OPTIONAL, Head, LAYOUT, MAGIC, MAX_HEADER_BYTES, PREFIX_BYTES, VERSION, WHAT,
    failed,
};
use crate::array_codec::ArrayRegistry;
use crate::bound::Tolerance;
use crate::encode_within::decode_stream;
use crate::layout::Layout;
use crate::packing::Fields;
use crate::quantise::{Comparison, check, reconstruct, reconstruct_samples};
use crate::record::{ArrayRecord, Map};
use crate::sample::each_type;
use crate::{Array, Error, Result, Samples};
use nf_codec::container;
use nf_codec::{Codec, Limits, Registry};
use nf_image::{Shape, TileBox};
use std::io::{Read, Seek, SeekFrom, Write};
use std::ops::Range;

/// An open bounded container.
#[derive(Debug)]
pub struct Reader<R> {
    head: Head,
    pub(super) arrays: Vec<ArrayRecord>,
    /// The first stack of every array.
    first_stack: Vec<usize>,
    /// Where the streams of every array begin.
    pub(super) first_stream: Vec<u64>,
    pub(super) indices: container::Reader<Behind<R>>,
    container_bytes: u64,
    version: u16,
    pub(super) array_codecs: ArrayRegistry,
    pub(super) limits: Limits,
}

impl<R: Read + Seek> Reader<R> {
    /// Opens a bounded container.
    ///
    /// # Errors
    /// If it is cut short, damaged, of a newer version, or beyond `limits`.
    pub fn open(mut source: R, limits: Limits) -> Result<Self> {
        let failed = |source| failed(WHAT, source);
        let container_bytes = source.seek(SeekFrom::End(0)).map_err(failed)?;
        source.seek(SeekFrom::Start(0)).map_err(failed)?;
        let mut prologue = vec![0; PREFIX_BYTES.min(container_bytes as usize)];
        source.read_exact(&mut prologue).map_err(failed)?;
        if !prologue.starts_with(&MAGIC) {
            return Err(Error::NotBounded);
        }
        let mut fields = Fields::new(&prologue[MAGIC.len()..], WHAT);
        let version = u16::from_le_bytes(fields.array()?);
        if version > VERSION {
            return Err(Error::Codec(nf_codec::Error::Mismatch {
                what: "the bounded container".to_owned(),
                needed: format!("a program that knows version {version}"),
                present: format!("one that knows version {VERSION}"),
            }));
        }
        let header_bytes = u64::from(fields.u32()?);
        if header_bytes > MAX_HEADER_BYTES || header_bytes + 4 > container_bytes - PREFIX_BYTES as u64 {
            return Err(nf_codec::Error::truncated(WHAT).into());
        }
        limits.check_memory(WHAT, header_bytes)?;
        prologue.resize(PREFIX_BYTES + header_bytes as usize, 0);
        source.read_exact(&mut prologue[PREFIX_BYTES..]).map_err(failed)?;
        let mut crc = [0; 4];
        source.read_exact(&mut crc).map_err(failed)?;
        if crc32fast::hash(&prologue) != u32::from_le_bytes(crc) || version == 0 {
            return Err(Error::corrupt(WHAT, "its checksum does not match"));
        }
        let (head, arrays) = take_records(&prologue[PREFIX_BYTES..], &limits)?;
        // Streams of array codecs lie between the header and the indices.
        let mut start = prologue.len() as u64 + 4;
        let mut first_stream = Vec::with_capacity(arrays.len());
        for array in &arrays {
            first_stream.push(start);
            let lengths = array.streams().iter().map(|stream| stream.length_bytes);
            let end = lengths.into_iter().try_fold(start, u64::checked_add);
            let end = end.filter(|&end| end <= container_bytes);
            start = end.ok_or_else(|| nf_codec::Error::truncated("the bounded container"))?;
        }
        let indices = container::Reader::open(Behind { source, start }, limits)?;
        let mut first_stack = Vec::with_capacity(arrays.len());
        let mut stacks = indices.header().images.iter();
        let mut next = 0;
        for array in &arrays {
            first_stack.push(next);
            for _ in 0..array.layers {
                if stacks.next().map(|image| image.shape) != Some(array.stack_shape()) {
                    return Err(Error::corrupt(WHAT, "its arrays are not the stacks of indices"));
                }
                next += 1;
            }
        }
        if stacks.next().is_some() {
            return Err(Error::corrupt(WHAT, "there are more stacks of indices than arrays"));
        }
        if let Some(needed) = arrays.iter().map(ArrayRecord::version).max().filter(|&needed| needed > version)
        {
            let reason = format!("an array that needs version {needed} in a container of version {version}");
            return Err(Error::corrupt(WHAT, reason));
        }
        let array_codecs = ArrayRegistry::default();
        Ok(Self {
            head,
            arrays,
            first_stack,
            first_stream,
            indices,
            container_bytes,
            version,
            array_codecs,
            limits,
        })
    }

    /// The same with array codecs that it can decode by.
    pub fn with_array_codecs(self, array_codecs: ArrayRegistry) -> Self {
        Self { array_codecs, ..self }
    }

    /// What is known of the arrays.
    pub fn arrays(&self) -> &[ArrayRecord] {
        &self.arrays
    }

    /// How to write the file, and which program wrote the container.
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// The version of the container.
    pub fn version(&self) -> u16 {
        self.version
    }

    /// Size of the whole container.
    pub fn container_bytes(&self) -> u64 {
        self.container_bytes
    }

    /// Whether every sample of every array is what it was; otherwise there is a bound, and the file
    /// is never lossless.
    pub fn is_lossless(&self) -> bool {
        !self.arrays.is_empty() && self.arrays.iter().all(ArrayRecord::is_lossless)
    }

    /// The container of the indices.
    pub fn indices(&self) -> &container::Reader<Behind<R>> {
        &self.indices
    }

    /// The stacks of an array's indices.
    pub(crate) fn stacks(&self, array: usize) -> Range<usize> {
        let first = self.first_stack[array];
        first..first + usize::from(self.arrays[array].layers)
    }

    pub(crate) fn indices_mut(&mut self) -> &mut container::Reader<Behind<R>> {
        &mut self.indices
    }

    /// Bytes of the coded indices or of the stream of an array.
    pub fn coded_bytes(&self, array: usize) -> u64 {
        match &self.arrays[array].map {
            Map::Stream { bytes, .. } => return bytes.len() as u64,
            Map::Tiles { streams, .. } => return streams.iter().map(|stream| stream.length_bytes).sum(),
            _ => {}
        }
        self.stacks(array).flat_map(|stack| self.indices.tiles(stack)).map(|tile| tile.length_bytes).sum()
    }

    /// The codec of the indices.
    ///
    /// # Errors
    /// As [`container::Reader::codec`].
    pub fn codec(&self, registry: &Registry) -> Result<Box<dyn Codec>> {
        Ok(self.indices.codec(registry)?)
    }

    /// Decodes an array whole and checks its digest.
    ///
    /// # Errors
    /// If a tile is damaged, or the samples are not those of the digest.
    pub fn decode(&mut self, array: usize, codec: &dyn Codec) -> Result<Array> {
        if let Some(boxes) = self.boxes(array)? {
            let decoded = self.decode_boxes(array, &boxes)?;
            return self.checked(array, decoded);
        }
        let record = &self.arrays[array];
        let mut layers = Vec::new();
        for stack in self.stacks(array) {
            layers.push(self.indices.decode(stack, codec)?);
        }
        let decoded = match record.array_codec() {
            Some(_) => {
                Array::new(record.axes.clone(), decode_stream(record, &self.array_codecs, &self.limits)?)?
            }
            None => reconstruct(record, &layers)?,
        };
        self.checked(array, decoded)
    }

    /// The array, if it has the digest of its record.
    fn checked(&self, array: usize, decoded: Array) -> Result<Array> {
        let record = &self.arrays[array];
        let found = decoded.digest();
        if found != record.decoded {
            let reason =
                format!("its samples have the digest {}, expected {}", found.short(), record.decoded.short());
            return Err(Error::corrupt(&format!("array {array}"), reason));
        }
        Ok(decoded)
    }

    /// Decodes a box of an array, whose axes before the last two count as planes; only the tiles
    /// that it touches are read. The samples come row by row.
    ///
    /// # Errors
    /// If the box reaches beyond the array, or one of its tiles is damaged.
    pub fn decode_region(&mut self, array: usize, region: &TileBox, codec: &dyn Codec) -> Result<Samples> {
        let record = &self.arrays[array];
        let shape = record.stack_shape();
        let is_folded = record.axes.len() == 1 && shape.height > 1;
        let whole = if is_folded { Shape::frame(1, record.axes[0]) } else { shape };
        nf_codec::Error::check_region(region, whole)?;
        if let Some(boxes) = self.boxes(array)? {
            return self.decode_region_of_boxes(array, &boxes, region);
        }
        if is_folded {
            let columns = region.columns.clone();
            let columns = if region.rows.is_empty() || region.planes.is_empty() { 0..0 } else { columns };
            return Ok(cut(self.decode(array, codec)?.into_samples(), columns));
        }
        if record.array_codec().is_some() {
            let rows = region_rows(region, shape);
            let samples = self.decode(array, codec)?.into_samples();
            return Ok(each_type!(samples, values => {
                Samples::from(rows.flat_map(|row| values[row].to_vec()).collect::<Vec<_>>())
            }));
        }
        let mut layers = Vec::new();
        for stack in self.stacks(array) {
            layers.push(self.indices.decode_region(stack, region, codec)?);
        }
        let record = &self.arrays[array];
        let width = region.columns.len();
        let mut rows = Vec::new();
        for (n, plane) in region.planes.clone().enumerate() {
            for (m, row) in region.rows.clone().enumerate() {
                let place = (plane * shape.height + row) * shape.width + region.columns.start;
                let indices: Vec<&[u16]> = layers.iter().map(|layer| layer.row(n, m)).collect();
                rows.push((place, indices));
            }
        }
        debug_assert!(rows.iter().all(|(_, indices)| indices.iter().all(|row| row.len() == width)));
        let pieces = rows.iter().map(|(place, indices)| reconstruct_samples(record, indices, *place));
        joined(record, pieces)
    }

    /// Writes the file, whose layout the container must have; the digest of every array is checked.
    ///
    /// # Errors
    /// As [`Reader::decode`], and if there is no layout, or `out` fails; what was written before is
    /// then not to be trusted.
    pub fn restore(&mut self, codec: &dyn Codec, out: &mut dyn Write) -> Result<()> {
        let Some(layout) = self.head.layout.clone() else {
            return Err(Error::corrupt(
                "the bounded container",
                "it holds arrays only, expected the layout of a file",
            ));
        };
        layout.write(|array| Ok(self.decode(array, codec)?.into_samples()), out)
    }

    /// Decodes an array and compares it with its original: the proof.
    ///
    /// # Errors
    /// As [`Reader::decode`] and [`check`], and if the original is not that of the digest.
    pub fn prove(&mut self, array: usize, original: &Array, codec: &dyn Codec) -> Result<Comparison> {
        let decoded = self.decode(array, codec)?;
        let record = &self.arrays[array];
        if original.digest() != record.original {
            return Err(Error::corrupt(&format!("array {array}"), "it was made of other samples"));
        }
        check(original, &decoded, &record.tolerance)
    }

    /// What the bound of an array means for its samples.
    pub fn tolerance(&self, array: usize) -> Tolerance {
        self.arrays[array].tolerance
    }
}

/// The places of the rows of a region in an array of this shape.
fn region_rows(region: &TileBox, shape: Shape) -> impl Iterator<Item = Range<usize>> {
    let TileBox { planes, rows, columns } = region.clone();
    let starts =
        planes.flat_map(move |plane| rows.clone().map(move |row| (plane * shape.height + row) * shape.width));
    starts.map(move |start| start + columns.start..start + columns.end)
}

fn cut(samples: Samples, range: Range<usize>) -> Samples {
    each_type!(samples, values => Samples::from(values[range].to_vec()))
}

/// Pieces of one type behind one another.
fn joined(record: &ArrayRecord, pieces: impl Iterator<Item = Result<Samples>>) -> Result<Samples> {
    let none: Vec<&[u16]> = vec![&[]; usize::from(record.layers)];
    let mut all = reconstruct_samples(record, &none, 0)?;
    for piece in pieces {
        match (&mut all, piece?) {
            (Samples::U8(all), Samples::U8(piece)) => all.extend(piece),
            (Samples::I16(all), Samples::I16(piece)) => all.extend(piece),
            (Samples::U16(all), Samples::U16(piece)) => all.extend(piece),
            (Samples::I32(all), Samples::I32(piece)) => all.extend(piece),
            (Samples::F32(all), Samples::F32(piece)) => all.extend(piece),
            (Samples::F64(all), Samples::F64(piece)) => all.extend(piece),
            _ => return Err(Error::corrupt("the array", "pieces of several types")),
        }
    }
    Ok(all)
}

fn take_records(header: &[u8], limits: &Limits) -> Result<(Head, Vec<ArrayRecord>)> {
    let mut fields = Fields::new(header, WHAT);
    let (mut arrays, mut layout, mut creator) = (Vec::new(), None, None);
    while !fields.is_empty() {
        let (tag, length) = (fields.u8()?, fields.u32()?);
        let value = fields.take(u64::from(length))?;
        let twice = match tag {
            ARRAY => {
                arrays.push(ArrayRecord::take(value, limits)?);
                false
            }
            LAYOUT => layout.replace(value).is_some(),
            CREATOR => {
                // Control characters would be obeyed by a terminal.
                let text = String::from_utf8(value.to_vec()).ok();
                let text = text.filter(|text| !text.chars().any(char::is_control));
                creator.replace(text.ok_or_else(|| fields.corrupt("text that is not printable"))?).is_some()
            }
            FIRST_OPTIONAL.. => false,
            tag => {
                let what = "the bounded container".to_owned();
                let needed = format!("a newer program (record {tag} of its header)");
                return Err(
                    nf_codec::Error::Mismatch { what, needed, present: "an older one".to_owned() }.into()
                );
            }
        };
        if twice {
            return Err(fields.corrupt(format!("record {tag} is there twice")));
        }
    }
    let types: Vec<_> = arrays.iter().map(|array| array.sample).collect();
    let layout = layout.map(|record| Layout::take(record, &types, limits)).transpose()?;
    Ok((Head { layout, creator: creator.unwrap_or_default() }, arrays))
}

/// What lies behind a place of a source, as a source of its own.
#[derive(Debug)]
pub struct Behind<R> {
    source: R,
    start: u64,
}

impl<R: Read + Seek> Behind<R> {
    /// Bytes of the source itself, which has that many.
    pub(super) fn absolute(&mut self, place: u64, length: u64) -> std::io::Result<Vec<u8>> {
        self.source.seek(SeekFrom::Start(place))?;
        let mut bytes = vec![0; length as usize];
        self.source.read_exact(&mut bytes)?;
        Ok(bytes)
    }
}

impl<R: Read> Read for Behind<R> {
    fn read(&mut self, bytes: &mut [u8]) -> std::io::Result<usize> {
        self.source.read(bytes)
    }
}

impl<R: Seek> Seek for Behind<R> {
    fn seek(&mut self, to: SeekFrom) -> std::io::Result<u64> {
        let to = match to {
            SeekFrom::Start(place) => SeekFrom::Start(self.start.saturating_add(place)),
            other => other,
        };
        let place = self.source.seek(to)?;
        let before = || std::io::Error::new(std::io::ErrorKind::InvalidInput, "a place before the start");
        place.checked_sub(self.start).ok_or_else(before)
    }
}
