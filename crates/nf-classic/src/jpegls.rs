//! `jpegls`: JPEG-LS, lossless, through CharLS.
//!
//! Specification: ITU-T T.87 | ISO/IEC 14495-1; M. J. Weinberger, G. Seroussi and G. Sapiro (2000),
//! "The LOCO-I lossless image compression algorithm", IEEE Trans. Image Processing 9, 1309. A pixel
//! is predicted from three neighbours by the median edge detector, corrected by a context, and
//! Golomb-Rice coded; runs in flat regions have a mode of their own.
//!
//! Every plane is one 16-bit grey frame, coded by itself into a JPEG-LS file that any decoder
//! opens; several files follow one another as `plane_streams` says. Frames of more than 65 535 rows
//! or columns use the extension of the standard for large images.
#![allow(unsafe_code, reason = "calls a C library; every block says why it is sound")]

use crate::plane_streams;
use charls_sys as charls;
use nf_codec::{Codec, Entry, Error, Limits, Result, Spec};
use nf_image::{Image16, Shape};
use std::ffi::{CStr, c_int};
use std::ptr::NonNull;

/// The line of the registry.
pub(crate) const ENTRY: Entry = Entry {
    name: "jpegls",
    summary: "JPEG-LS, lossless (CharLS)",
    source: "ITU-T T.87 | ISO/IEC 14495-1; Weinberger, Seroussi and Sapiro 2000",
    options: &[],
    build: |spec| {
        spec.options().finish()?;
        Ok(Box::new(JpegLs))
    },
};

/// Names the input in errors.
const STREAM: &str = "jpegls stream";

/// The marker "end of image".
const END: [u8; 2] = [0xff, 0xd9];

const SUCCESS: c_int = 0;
const DESTINATION_TOO_SMALL: c_int = 3;
const SOURCE_TOO_SMALL: c_int = 4;

/// The largest error of a sample at which nothing is lost.
const LOSSLESS: c_int = 0;

struct JpegLs;

impl Codec for JpegLs {
    fn spec(&self) -> Spec {
        Spec::new(ENTRY.name)
    }

    fn encode(&self, image: &Image16) -> Result<Vec<u8>> {
        let shape = image.shape();
        plane_streams::encode(ENTRY.name, image, |samples| encode_frame(samples, shape, LOSSLESS))
    }

    fn decode(&self, bytes: &[u8], shape: Shape, limits: &Limits) -> Result<Image16> {
        plane_streams::decode(ENTRY.name, bytes, shape, limits, |bytes, samples| {
            decode_frame(bytes, shape, limits, samples)
        })
    }

    fn max_bytes(&self, shape: Shape) -> u64 {
        plane_streams::max_bytes(shape, plane_bound(shape.plane_pixels() as u64))
    }
}

/// Most bytes of one plane: the longest code of a 16-bit sample has 64 bits (LIMIT in T.87, A.2.1),
/// each of which may be followed by a stuffed one.
fn plane_bound(pixels: u64) -> u64 {
    1024 + 9 * pixels
}

fn frame_info(shape: Shape) -> Option<charls::charls_frame_info> {
    Some(charls::charls_frame_info {
        width: u32::try_from(shape.width).ok()?,
        height: u32::try_from(shape.height).ok()?,
        bits_per_sample: 16,
        component_count: 1,
    })
}

/// What CharLS says about a failure.
fn message(code: c_int) -> String {
    // SAFETY: CharLS returns a string that lives as long as the program, for every number.
    let text = unsafe { charls::charls_get_error_message(code) };
    if text.is_null() {
        return format!("error {code}");
    }
    // SAFETY: not null, and ends with a zero.
    unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned()
}

/// A CharLS encoder.
struct Encoder(NonNull<charls::charls_jpegls_encoder>);

impl Drop for Encoder {
    fn drop(&mut self) {
        // SAFETY: the pointer came from CharLS and is destroyed only here.
        unsafe { charls::charls_jpegls_encoder_destroy(self.0.as_ptr()) }
    }
}

/// The file of one frame of this shape, whose samples may change by `near`.
pub(crate) fn encode_frame(samples: &[u16], shape: Shape, near: c_int) -> Result<Vec<u8>> {
    let frame = frame_info(shape).ok_or_else(|| Error::Unsupported {
        codec: ENTRY.name.to_owned(),
        shape,
        reason: "rows and columns must not exceed 2^32 - 1".to_owned(),
    })?;
    // CharLS's own estimate is too small for incompressible frames; twice the samples nearly always
    // suffices.
    let generous = 1024 + 2 * size_of_val(samples);
    match encode_into(samples, &frame, near, generous) {
        Err(DESTINATION_TOO_SMALL) => {
            encode_into(samples, &frame, near, plane_bound(samples.len() as u64) as usize)
        }
        other => other,
    }
    .map_err(|code| Error::backend(ENTRY.name, message(code)))
}

/// The file of one frame, if it is no longer than `capacity` bytes; CharLS's number of the error
/// otherwise.
fn encode_into(
    samples: &[u16],
    frame: &charls::charls_frame_info,
    near: c_int,
    capacity: usize,
) -> Result<Vec<u8>, c_int> {
    let check = |code| if code == SUCCESS { Ok(()) } else { Err(code) };
    // SAFETY: takes nothing; null when memory is short.
    let encoder = NonNull::new(unsafe { charls::charls_jpegls_encoder_create() }).map(Encoder).ok_or(1)?;
    let raw = encoder.0.as_ptr();
    let mut bytes = vec![0u8; capacity];
    let mut written = 0;
    // SAFETY: the encoder is alive, the frame info is copied, source and destination have the
    // stated sizes and outlive the calls; C++ exceptions do not leave CharLS's C functions.
    unsafe {
        check(charls::charls_jpegls_encoder_set_frame_info(raw, frame))?;
        check(charls::charls_jpegls_encoder_set_near_lossless(raw, near))?;
        check(charls::charls_jpegls_encoder_set_destination_buffer(
            raw,
            bytes.as_mut_ptr().cast(),
            bytes.len(),
        ))?;
        check(charls::charls_jpegls_encoder_encode_from_buffer(
            raw,
            samples.as_ptr().cast(),
            size_of_val(samples),
            0,
        ))?;
        check(charls::charls_jpegls_encoder_get_bytes_written(raw, &mut written))?;
    }
    bytes.truncate(written);
    Ok(bytes)
}

/// A CharLS decoder.
struct Decoder(NonNull<charls::charls_jpegls_decoder>);

impl Drop for Decoder {
    fn drop(&mut self) {
        // SAFETY: the pointer came from CharLS and is destroyed only here.
        unsafe { charls::charls_jpegls_decoder_destroy(self.0.as_ptr()) }
    }
}

/// Decodes the file of one frame of this shape into `samples`.
pub(crate) fn decode_frame(bytes: &[u8], shape: Shape, limits: &Limits, samples: &mut [u16]) -> Result<()> {
    let frame =
        frame_info(shape).ok_or_else(|| Error::corrupt(STREAM, "no frame has so many rows or columns"))?;
    // Two lines of samples and tables of contexts and quantisation.
    limits.check_memory(STREAM, (1 << 20) + 16 * u64::from(frame.width))?;
    decode(bytes, &frame, samples)
}

/// Decodes the file of one frame into `samples`, whose number is that of the frame's pixels.
fn decode(bytes: &[u8], frame: &charls::charls_frame_info, samples: &mut [u16]) -> Result<()> {
    let check = |code| match code {
        SUCCESS => Ok(()),
        SOURCE_TOO_SMALL => Err(Error::truncated(STREAM)),
        _ => Err(Error::corrupt(STREAM, message(code))),
    };
    // Besides what it says about truncation, this keeps CharLS 2.4.5 from an endless loop: it stops
    // for sure at a marker, but not at the end of the bytes.
    if !bytes.ends_with(&END) {
        return Err(Error::truncated(STREAM));
    }
    // SAFETY: takes nothing; null when memory is short.
    let decoder = NonNull::new(unsafe { charls::charls_jpegls_decoder_create() })
        .map(Decoder)
        .ok_or_else(|| Error::backend(ENTRY.name, "no decoder"))?;
    let raw = decoder.0.as_ptr();
    let mut found = charls::charls_frame_info { width: 0, height: 0, bits_per_sample: 0, component_count: 0 };
    // SAFETY: the decoder is alive, and `bytes` outlives it; C++ exceptions do not leave CharLS's C
    // functions.
    unsafe {
        check(charls::charls_jpegls_decoder_set_source_buffer(raw, bytes.as_ptr().cast(), bytes.len()))?;
        check(charls::charls_jpegls_decoder_read_header(raw))?;
        check(charls::charls_jpegls_decoder_get_frame_info(raw, &mut found))?;
    }
    let same = (found.width, found.height) == (frame.width, frame.height)
        && (found.bits_per_sample, found.component_count) == (16, 1);
    if !same {
        let reason = format!(
            "{} components of {}x{} with {} bits, expected one of {}x{} with 16",
            found.component_count,
            found.height,
            found.width,
            found.bits_per_sample,
            frame.height,
            frame.width
        );
        return Err(Error::corrupt(STREAM, reason));
    }
    // SAFETY: the destination is writable, has the stated size, and any bytes are valid samples.
    check(unsafe {
        charls::charls_jpegls_decoder_decode_to_buffer(
            raw,
            samples.as_mut_ptr().cast(),
            size_of_val(samples),
            0,
        )
    })
}
