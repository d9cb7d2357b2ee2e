//! The baselines: every codec that astronomers compare against, one file each.
//!
//! How a codec works, what its options are, and what it does with the planes of a stack, its file
//! says.
//!
//! Nothing, and general compressors over the bytes of the samples:
//! - `raw`: little-endian pairs of bytes.
//! - `gzip`: DEFLATE.
//! - `zstd`: Zstandard, with or without byte shuffle.
//! - `xz`: LZMA2.
//! - `pcodec`: pco, for sequences of numbers.
//!
//! The coders of tile-compressed FITS files:
//! - `rice`: RICE_1.
//! - `gzip2`: GZIP_2.
//! - `hcompress`: HCOMPRESS_1, lossless.
//!
//! Coders of spacecraft:
//! - `szip`: CCSDS 121.0-B, differences along the row; szip in HDF5.
//! - `ccsds123`: CCSDS 123.0-B, adaptive prediction over planes.
//!
//! Image file formats:
//! - `lerc`: LERC; as a codec with an error of zero.
//! - `jpegls`: JPEG-LS.
//! - `jpeg2000`: JPEG 2000.
//! - `jpegxl`: JPEG XL.
//!
//! Codecs of whole arrays, most with a loss of their own, for `nf_bounded`:
//! - `arrays`: ZFP, LERC, near-lossless JPEG-LS, what FITS does to floating-point pixels, and
//!   coders of numbers without loss.
//!
//! Programs that users add:
//! - [`External`]: an encoding and a decoding command as a codec.
//!
//! Below them:
//! - `plane_streams`: stacks for codecs that know single frames.
//! - `sample_bytes`: samples as byte sequences and back.
//! - `bit_io`: bits into bytes and back.
//!
//! Unsafe code is denied by the workspace; files that call a C library allow it for themselves.

use nf_codec::Entry;

mod arrays;
mod bit_io;
mod ccsds123;
mod external;
mod gzip;
mod gzip2;
mod hcompress;
#[cfg(feature = "jpeg2000")]
mod jpeg2000;
#[cfg(feature = "jpegls")]
mod jpegls;
#[cfg(feature = "jpegxl")]
mod jpegxl;
mod lerc;
mod pcodec;
mod plane_streams;
mod raw;
mod rice;
mod sample_bytes;
mod szip;
mod xz;
mod zstd;

pub use arrays::array_entries;
pub use external::{External, stop_external_programs};

/// Every codec that this build has, in the order of tables.
pub fn entries() -> Vec<Entry> {
    const ENTRIES: &[Entry] = &[
        raw::ENTRY,
        gzip::ENTRY,
        zstd::ENTRY,
        xz::ENTRY,
        pcodec::ENTRY,
        rice::ENTRY,
        gzip2::ENTRY,
        hcompress::ENTRY,
        szip::ENTRY,
        ccsds123::ENTRY,
        lerc::ENTRY,
        #[cfg(feature = "jpegls")]
        jpegls::ENTRY,
        #[cfg(feature = "jpeg2000")]
        jpeg2000::ENTRY,
        #[cfg(feature = "jpegxl")]
        jpegxl::ENTRY,
    ];
    ENTRIES.to_vec()
}
