//! A FITS file, opened.

use crate::hdu::{self, Hdu};
use crate::source::Source;
use crate::tiled::{NoCodec, TileCodec};
use crate::{Error, Limits, Result};
use std::fs::File;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

/// A FITS file whose headers have been read; pixels are read on request.
///
/// A file on disk is read by position, so that one `FitsFile` can be used by many threads, and only
/// what is asked for is read. A file of gzip, bzip2 or `compress` is inflated when it is opened, a
/// long one into a temporary file.
#[derive(Debug)]
pub struct FitsFile {
    source: Source,
    hdus: Vec<Hdu>,
    limits: Limits,
    codec: Arc<dyn TileCodec>,
    salvaged: bool,
    fault: Option<Error>,
}

impl FitsFile {
    /// Opens a file: plain, compressed as a whole by gzip, bzip2 or `compress`, or with
    /// tile-compressed images.
    ///
    /// # Errors
    /// If it cannot be read, is not FITS, is cut short, or a header makes no sense.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        Self::open_with(path, Limits::default())
    }

    /// Opens a file within other limits than the default ones.
    ///
    /// # Errors
    /// As for [`FitsFile::open`].
    pub fn open_with(path: impl AsRef<Path>, limits: Limits) -> Result<Self> {
        Self::open_readable(path, limits)?.whole()
    }

    /// Opens what can be read of a file: its HDUs up to the first whose header makes no sense or
    /// that is cut short; [`FitsFile::fault`] says what is wrong with that one.
    ///
    /// # Errors
    /// If it cannot be read, is not FITS, or its first HDU is damaged already.
    pub fn open_readable(path: impl AsRef<Path>, limits: Limits) -> Result<Self> {
        Ok(Self::of_source(Source::open(path.as_ref(), &limits)?, limits)?.with_remarks_said())
    }

    /// Takes the bytes of a file that is in memory.
    ///
    /// # Errors
    /// As for [`FitsFile::open`].
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Self> {
        Self::from_bytes_with(bytes, Limits::default())
    }

    /// Takes the bytes of a file that is in memory, within other limits than the default ones.
    ///
    /// # Errors
    /// As for [`FitsFile::open`].
    pub fn from_bytes_with(bytes: Vec<u8>, limits: Limits) -> Result<Self> {
        Self::readable_from_bytes(bytes, limits)?.whole()
    }

    /// As [`FitsFile::open_readable`], of the bytes of a file that is in memory.
    ///
    /// # Errors
    /// As for [`FitsFile::open_readable`].
    pub fn readable_from_bytes(bytes: Vec<u8>, limits: Limits) -> Result<Self> {
        Ok(Self::of_source(Source::from_bytes(bytes, "the input".into(), &limits)?, limits)?
            .with_remarks_said())
    }

    /// Another file, which is open already, with the limits and codecs of this one.
    pub(crate) fn sibling(&self, file: &File) -> Result<Self> {
        Ok(Self::of_source(Source::of_file(file, "the file that was written")?, self.limits)?
            .whole()?
            .with_codec(Arc::clone(&self.codec)))
    }

    fn of_source(source: Source, limits: Limits) -> Result<Self> {
        let (hdus, fault) = hdu::walk(&source)?;
        Ok(Self { source, hdus, limits, codec: Arc::new(NoCodec), salvaged: false, fault })
    }

    /// The same file, if no HDU of it is damaged.
    fn whole(mut self) -> Result<Self> {
        self.fault.take().map_or(Ok(self), Err)
    }

    /// Warns of what is odd in the headers.
    fn with_remarks_said(self) -> Self {
        for hdu in &self.hdus {
            for remark in hdu.remarks() {
                tracing::warn!("{}, HDU {}: {remark}", self.source.name(), hdu.index());
            }
        }
        self
    }

    /// The same file with codecs for tiles of [`FLOOR_1`](crate::tiled::FLOOR_1).
    pub fn with_codec(mut self, codec: Arc<dyn TileCodec>) -> Self {
        self.codec = codec;
        self
    }

    /// The same file, read although the sums of its compressed images are wrong.
    pub fn salvaged(mut self) -> Self {
        self.salvaged = true;
        self
    }

    /// Whether wrong sums are passed over.
    pub fn is_salvaged(&self) -> bool {
        self.salvaged
    }

    /// Bytes that the last block lacks: a file is whole blocks, so that one without its last bytes
    /// may have been cut, and HDUs be lost that followed.
    pub fn missing_bytes(&self) -> u64 {
        crate::hdu::padded(self.len_bytes()) - self.len_bytes()
    }

    /// Whether bytes stand behind a compressed file that are neither compressed nor zero: they are
    /// not among those that are read, and an output made from this file does not hold them.
    pub fn has_ignored_bytes(&self) -> bool {
        self.source.has_ignored_bytes()
    }

    /// What is wrong with the HDU behind the last one that could be read; `None` of whole files,
    /// which are all that [`FitsFile::open`] gives.
    pub fn fault(&self) -> Option<&Error> {
        self.fault.as_ref()
    }

    /// Refuses a file of which only a part could be read.
    pub(crate) fn refuse_part(&self) -> Result<()> {
        match &self.fault {
            None => Ok(()),
            Some(fault) => Err(Error::request(self.hdus.len(), fault.without_hdu())),
        }
    }

    /// All header-data units, the primary first.
    pub fn hdus(&self) -> &[Hdu] {
        &self.hdus
    }

    /// Length of the (inflated) file.
    pub fn len_bytes(&self) -> u64 {
        self.source.len_bytes()
    }

    /// What follows the last HDU without being one: special records, or nothing.
    pub fn rest(&self) -> Range<u64> {
        let end = self.hdus.last().map_or(0, |hdu| hdu.range().end);
        end.min(self.len_bytes())..self.len_bytes()
    }

    /// Bytes of the (inflated) file as they stand.
    ///
    /// # Errors
    /// If the range reaches beyond the file, or reading fails.
    pub fn read_bytes(&self, range: Range<u64>) -> Result<Vec<u8>> {
        let beyond = || Error::request(0, format!("bytes {range:?} reach beyond the file"));
        let len = range
            .end
            .checked_sub(range.start)
            .and_then(|len| usize::try_from(len).ok())
            .ok_or_else(beyond)?;
        let mut scratch = Vec::new();
        Ok(self.source.bytes(range.start, len, &mut scratch)?.to_vec())
    }

    pub(crate) fn source(&self) -> &Source {
        &self.source
    }

    pub(crate) fn codec(&self) -> &dyn TileCodec {
        &*self.codec
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }
}
