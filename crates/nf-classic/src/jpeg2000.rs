//! `jpeg2000`: JPEG 2000 with the reversible 5-3 wavelet, through OpenJPEG.
//!
//! Specification: ITU-T T.800 | ISO/IEC 15444-1. A frame is one tile; up to five levels of the
//! integer 5-3 lifting wavelet, code blocks of 64 x 64, bit planes coded with contexts by the MQ
//! coder, one quality layer.
//!
//! Every plane is one 16-bit grey frame, coded by itself into a bare codestream (`.j2k`) that any
//! decoder opens; several follow one another as `plane_streams` says. The decoder accepts only the
//! headers that the encoder writes, so that no header can make the library reserve more than the
//! frame needs.
#![allow(unsafe_code, reason = "calls a C library; every block says why it is sound")]

use crate::plane_streams;
use nf_codec::{Codec, Entry, Error, Limits, Result, Spec};
use nf_image::{Image16, Shape};
use openjpeg_sys as opj;
use std::ffi::c_void;
use std::mem::MaybeUninit;
use std::ptr;

/// The line of the registry.
pub(crate) const ENTRY: Entry = Entry {
    name: "jpeg2000",
    summary: "JPEG 2000, reversible 5-3 wavelet (OpenJPEG)",
    source: "ITU-T T.800 | ISO/IEC 15444-1",
    options: &[],
    build: |spec| {
        spec.options().finish()?;
        Ok(Box::new(Jpeg2000))
    },
};

/// Names the input in errors.
const STREAM: &str = "jpeg2000 stream";
/// Resolutions of a large frame: five levels of the wavelet and what is left.
const MAX_RESOLUTIONS: u32 = 6;
const TRUE: opj::OPJ_BOOL = 1;

struct Jpeg2000;

impl Codec for Jpeg2000 {
    fn spec(&self) -> Spec {
        Spec::new(ENTRY.name)
    }

    fn encode(&self, image: &Image16) -> Result<Vec<u8>> {
        let shape = image.shape();
        plane_streams::encode(ENTRY.name, image, |samples| {
            let frame = Frame::of(shape).ok_or_else(|| Error::Unsupported {
                codec: ENTRY.name.to_owned(),
                shape,
                reason: format!("rows and columns must not exceed {}", i32::MAX),
            })?;
            let bytes = encode(samples, &frame)
                .ok_or_else(|| Error::backend(ENTRY.name, "OpenJPEG failed to encode"))?;
            debug_assert!(check_headers(&bytes, &frame).is_ok());
            Ok(bytes)
        })
    }

    fn decode(&self, bytes: &[u8], shape: Shape, limits: &Limits) -> Result<Image16> {
        plane_streams::decode(ENTRY.name, bytes, shape, limits, |bytes, samples| {
            let frame = Frame::of(shape)
                .ok_or_else(|| Error::corrupt(STREAM, "no frame has so many rows or columns"))?;
            check_headers(bytes, &frame)?;
            // The image and the tile in 32 bits, and the tree of code blocks; then the bytes once
            // more.
            limits.check_memory(STREAM, (1 << 20) + 16 * samples.len() as u64 + bytes.len() as u64)?;
            decode(bytes, &frame, samples)
        })
    }

    fn max_bytes(&self, shape: Shape) -> u64 {
        // OpenJPEG gives a code block 4 bytes a coefficient; headers of packets come on top.
        plane_streams::max_bytes(shape, 8192 + 5 * shape.plane_pixels() as u64)
    }
}

/// Extent and depth of a plane.
struct Frame {
    width: u32,
    height: u32,
    resolutions: u32,
}

impl Frame {
    /// Of the planes of `shape`, if OpenJPEG can hold them.
    fn of(shape: Shape) -> Option<Self> {
        let extent = |n: usize| i32::try_from(n).ok().map(i32::unsigned_abs).filter(|&n| n > 0);
        let (width, height) = (extent(shape.width)?, extent(shape.height)?);
        // Halving may not go on after the shorter side is a single pixel.
        let resolutions = (width.min(height).ilog2() + 1).min(MAX_RESOLUTIONS);
        Some(Self { width, height, resolutions })
    }
}

/// The segments SOC, SIZ and COD with which every codestream of `frame` begins (T.800, A.4.1,
/// A.5.1, A.6.1).
fn opening(frame: &Frame) -> Vec<u8> {
    let mut bytes = vec![0xff, 0x4f];
    bytes.extend([0xff, 0x51, 0, 41, 0, 0]);
    for number in [frame.width, frame.height, 0, 0, frame.width, frame.height, 0, 0] {
        bytes.extend(number.to_be_bytes());
    }
    // One component of 16 bits without sign, not subsampled.
    bytes.extend([0, 1, 15, 1, 1]);
    // One layer in LRCP order, no component transform; levels, code blocks of 2^(4+2) squared,
    // reversible 5-3.
    bytes.extend([0xff, 0x52, 0, 12, 0, 0, 0, 1, 0, frame.resolutions as u8 - 1, 4, 4, 0, 1]);
    bytes
}

/// Whether the headers are those that the encoder writes: the opening, quantisation and a comment,
/// and then one tile-part without headers of its own that reaches to the end of the codestream.
fn check_headers(bytes: &[u8], frame: &Frame) -> Result<()> {
    const QCD: u16 = 0xff5c;
    const COM: u16 = 0xff64;
    const SOT: u16 = 0xff90;
    const SOD: u16 = 0xff93;
    const EOC: u16 = 0xffd9;
    let corrupt = |reason: &str| Err(Error::corrupt(STREAM, reason));
    let word = |at: usize| -> Result<u16> {
        let pair = bytes.get(at..).and_then(<[u8]>::first_chunk::<2>);
        pair.map(|pair| u16::from_be_bytes(*pair)).ok_or_else(|| Error::truncated(STREAM))
    };
    let opening = opening(frame);
    if !bytes.starts_with(&opening) {
        return corrupt("it does not begin as a frame of this shape does");
    }
    let mut at = opening.len();
    while matches!(word(at)?, QCD | COM) {
        at += 2 + usize::from(word(at + 2)?);
    }
    if word(at)? != SOT {
        return corrupt("an unknown segment in the main header");
    }
    let long = u32::from(word(at + 6)?) << 16 | u32::from(word(at + 8)?);
    if word(at + 2)? != 10 || word(at + 4)? != 0 || word(at + 10)? != 1 || word(at + 12)? != SOD {
        return corrupt("it is not one tile-part without headers of its own");
    }
    match (at as u64 + u64::from(long) + 2).cmp(&(bytes.len() as u64)) {
        std::cmp::Ordering::Greater => Err(Error::truncated(STREAM)),
        std::cmp::Ordering::Less => corrupt("bytes follow the codestream"),
        std::cmp::Ordering::Equal if word(bytes.len() - 2)? == EOC => Ok(()),
        std::cmp::Ordering::Equal => corrupt("no end of codestream"),
    }
}

/// A codec, a stream and an image of OpenJPEG, any of which may be missing.
struct Handles {
    codec: *mut opj::opj_codec_t,
    stream: *mut opj::opj_stream_t,
    image: *mut opj::opj_image_t,
}

impl Drop for Handles {
    fn drop(&mut self) {
        // SAFETY: all three came from OpenJPEG, are destroyed only here, and its functions ignore
        // null.
        unsafe {
            opj::opj_stream_destroy(self.stream);
            opj::opj_destroy_codec(self.codec);
            opj::opj_image_destroy(self.image);
        }
    }
}

/// Bytes in memory and a position, behind OpenJPEG's stream functions.
struct Memory {
    bytes: Vec<u8>,
    position: usize,
}

/// Bytes that move between OpenJPEG and [`Memory`] at a time.
const BUFFER_BYTES: usize = 1 << 16;

impl Memory {
    /// A stream over `self`, which must outlive it and stay where it is.
    fn stream(&mut self, is_input: bool) -> *mut opj::opj_stream_t {
        let length = self.bytes.len() as u64;
        // SAFETY: the functions fit the user data that is set with them, and leave its freeing to
        // Rust.
        unsafe {
            let stream = opj::opj_stream_create(BUFFER_BYTES, opj::OPJ_BOOL::from(is_input));
            if stream.is_null() {
                return stream;
            }
            opj::opj_stream_set_user_data(stream, ptr::from_mut(self).cast(), None);
            opj::opj_stream_set_user_data_length(stream, length);
            opj::opj_stream_set_read_function(stream, Some(read));
            opj::opj_stream_set_write_function(stream, Some(write));
            opj::opj_stream_set_skip_function(stream, Some(skip));
            opj::opj_stream_set_seek_function(stream, Some(seek));
            stream
        }
    }
}

unsafe extern "C" fn read(to: *mut c_void, most: usize, memory: *mut c_void) -> usize {
    // SAFETY: the user data of the stream is a Memory that nobody else uses during a call.
    let memory = unsafe { &mut *memory.cast::<Memory>() };
    let rest = memory.bytes.get(memory.position..).unwrap_or_default();
    let count = most.min(rest.len());
    if count == 0 {
        return usize::MAX;
    }
    // SAFETY: OpenJPEG's buffer has room for `most` bytes and is not the memory.
    unsafe { ptr::copy_nonoverlapping(rest.as_ptr(), to.cast(), count) };
    memory.position += count;
    count
}

unsafe extern "C" fn write(from: *mut c_void, count: usize, memory: *mut c_void) -> usize {
    // SAFETY: as in `read`.
    let memory = unsafe { &mut *memory.cast::<Memory>() };
    let end = memory.position + count;
    if memory.bytes.len() < end {
        memory.bytes.resize(end, 0);
    }
    // SAFETY: OpenJPEG's buffer holds `count` bytes and is not the memory.
    let from = unsafe { std::slice::from_raw_parts(from.cast::<u8>(), count) };
    memory.bytes[memory.position..end].copy_from_slice(from);
    memory.position = end;
    count
}

unsafe extern "C" fn skip(count: i64, memory: *mut c_void) -> i64 {
    // SAFETY: as in `read`.
    let memory = unsafe { &mut *memory.cast::<Memory>() };
    let target = usize::try_from(count).ok().and_then(|count| memory.position.checked_add(count));
    match target.filter(|&target| target <= memory.bytes.len()) {
        Some(target) => {
            memory.position = target;
            count
        }
        None => -1,
    }
}

unsafe extern "C" fn seek(target: i64, memory: *mut c_void) -> opj::OPJ_BOOL {
    // SAFETY: as in `read`.
    let memory = unsafe { &mut *memory.cast::<Memory>() };
    match usize::try_from(target).ok().filter(|&target| target <= memory.bytes.len()) {
        Some(target) => {
            memory.position = target;
            TRUE
        }
        None => 0,
    }
}

/// The codestream of one frame, or `None` if OpenJPEG fails.
fn encode(samples: &[u16], frame: &Frame) -> Option<Vec<u8>> {
    let mut memory = Memory { bytes: Vec::with_capacity(samples.len()), position: 0 };
    let mut component = opj::opj_image_comptparm {
        dx: 1,
        dy: 1,
        w: frame.width,
        h: frame.height,
        x0: 0,
        y0: 0,
        prec: 16,
        bpp: 16,
        sgnd: 0,
    };
    let grey = opj::COLOR_SPACE::OPJ_CLRSPC_GRAY;
    // SAFETY: one component is described; null when memory is short.
    let image = unsafe { opj::opj_image_create(1, &mut component, grey) };
    let handles = Handles {
        // SAFETY: takes a known format; null when memory is short.
        codec: unsafe { opj::opj_create_compress(opj::CODEC_FORMAT::OPJ_CODEC_J2K) },
        stream: memory.stream(false),
        image,
    };
    if handles.codec.is_null() || handles.stream.is_null() || image.is_null() {
        return None;
    }
    // SAFETY: the image is alive and has one component with width x height values, as many as
    // samples.
    unsafe {
        ((*image).x1, (*image).y1) = (frame.width, frame.height);
        let data = (*(*image).comps).data;
        if data.is_null() {
            return None;
        }
        std::slice::from_raw_parts_mut(data, samples.len())
            .iter_mut()
            .zip(samples)
            .for_each(|(value, &sample)| *value = i32::from(sample));
    }
    let mut parameters = MaybeUninit::<opj::opj_cparameters>::zeroed();
    // SAFETY: all-zero bytes are valid parameters, and OpenJPEG fills in its defaults; all pointers
    // are alive, and `memory` stays where it is until the stream is destroyed.
    let done = unsafe {
        opj::opj_set_default_encoder_parameters(parameters.as_mut_ptr());
        let mut parameters = parameters.assume_init();
        parameters.numresolution = frame.resolutions as i32;
        parameters.tcp_numlayers = 1;
        parameters.tcp_rates[0] = 0.0;
        parameters.cp_disto_alloc = 1;
        opj::opj_setup_encoder(handles.codec, &mut parameters, image) == TRUE
            && opj::opj_start_compress(handles.codec, image, handles.stream) == TRUE
            && opj::opj_encode(handles.codec, handles.stream) == TRUE
            && opj::opj_end_compress(handles.codec, handles.stream) == TRUE
    };
    drop(handles);
    done.then_some(memory.bytes)
}

/// Decodes the codestream of one frame, whose headers were checked, into `samples`.
fn decode(bytes: &[u8], frame: &Frame, samples: &mut [u16]) -> Result<()> {
    let mut memory = Memory { bytes: bytes.to_vec(), position: 0 };
    let mut handles = Handles {
        // SAFETY: takes a known format; null when memory is short.
        codec: unsafe { opj::opj_create_decompress(opj::CODEC_FORMAT::OPJ_CODEC_J2K) },
        stream: memory.stream(true),
        image: ptr::null_mut(),
    };
    if handles.codec.is_null() || handles.stream.is_null() {
        return Err(Error::backend(ENTRY.name, "no decoder"));
    }
    let mut parameters = MaybeUninit::<opj::opj_dparameters>::zeroed();
    // SAFETY: all-zero bytes are valid parameters, and OpenJPEG fills in its defaults; all pointers
    // are alive, and `memory` stays where it is until the stream is destroyed.
    let done = unsafe {
        opj::opj_set_default_decoder_parameters(parameters.as_mut_ptr());
        opj::opj_setup_decoder(handles.codec, parameters.as_mut_ptr()) == TRUE
            && opj::opj_read_header(handles.stream, handles.codec, &mut handles.image) == TRUE
            && !handles.image.is_null()
            && opj::opj_decode(handles.codec, handles.stream, handles.image) == TRUE
            && opj::opj_end_decompress(handles.codec, handles.stream) == TRUE
    };
    if !done {
        return Err(Error::corrupt(STREAM, "OpenJPEG cannot decode it"));
    }
    // SAFETY: OpenJPEG made the image and its components.
    let component = unsafe {
        let image = &*handles.image;
        (image.numcomps == 1 && !image.comps.is_null()).then(|| &*image.comps)
    };
    let component = component
        .filter(|c| (c.w, c.h, c.prec, c.sgnd) == (frame.width, frame.height, 16, 0) && !c.data.is_null())
        .ok_or_else(|| Error::corrupt(STREAM, "the image decoded is another than announced"))?;
    // SAFETY: the component has w x h values, as many as samples.
    let values = unsafe { std::slice::from_raw_parts(component.data, samples.len()) };
    for (sample, &value) in samples.iter_mut().zip(values) {
        *sample = u16::try_from(value).map_err(|_| Error::corrupt(STREAM, format!("a sample of {value}")))?;
    }
    Ok(())
}
