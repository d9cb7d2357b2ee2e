//! The part of libjxl 0.12 that lossless 16-bit grey frames need, and safe calls around it.
//!
//! Declarations follow `jxl/encode.h`, `jxl/decode.h`, `jxl/codestream_header.h`,
//! `jxl/color_encoding.h` and `jxl/memory_manager.h`. libjxl is compiled without C++ exceptions
//! and, without a parallel runner, works in the calling thread alone.
#![allow(unsafe_code, reason = "calls a C library; every block says why it is sound")]

use std::alloc::Layout;
use std::ffi::{c_int, c_uint, c_void};
use std::marker::{PhantomData, PhantomPinned};
use std::ptr::{self, NonNull};

/// An object of libjxl that is only ever seen through a pointer.
#[repr(C)]
struct Opaque {
    _data: [u8; 0],
    _marker: PhantomData<(*mut u8, PhantomPinned)>,
}

/// `JxlBasicInfo`; the name of a field is that of the header.
#[repr(C)]
struct BasicInfo {
    have_container: c_int,
    xsize: u32,
    ysize: u32,
    bits_per_sample: u32,
    exponent_bits_per_sample: u32,
    intensity_target: f32,
    min_nits: f32,
    relative_to_max_display: c_int,
    linear_below: f32,
    uses_original_profile: c_int,
    have_preview: c_int,
    have_animation: c_int,
    orientation: c_uint,
    num_color_channels: u32,
    num_extra_channels: u32,
    /// Alpha, preview, animation and intrinsic size (11 fields), then padding: none is used here.
    rest: [u32; 11 + 25],
}
const _: () = assert!(size_of::<BasicInfo>() == 204, "the size that the C compiler gives JxlBasicInfo");

/// `JxlColorEncoding`, which libjxl fills in and reads back.
#[repr(C)]
struct ColorEncoding {
    fields: [u64; 13],
}
const _: () =
    assert!(size_of::<ColorEncoding>() == 104, "the size that the C compiler gives JxlColorEncoding");

/// `JxlPixelFormat`.
#[repr(C)]
struct PixelFormat {
    num_channels: u32,
    data_type: c_uint,
    endianness: c_uint,
    align: usize,
}

/// One channel of `JXL_TYPE_UINT16` in `JXL_NATIVE_ENDIAN` without padding of rows.
const GREY_16: PixelFormat = PixelFormat { num_channels: 1, data_type: 3, endianness: 0, align: 0 };

/// `JxlMemoryManager`.
#[repr(C)]
struct MemoryManager {
    opaque: *mut c_void,
    alloc: unsafe extern "C" fn(*mut c_void, usize) -> *mut c_void,
    free: unsafe extern "C" fn(*mut c_void, *mut c_void),
}

const ENC_SUCCESS: c_uint = 0;
const ENC_NEED_MORE_OUTPUT: c_uint = 2;
const ENC_FRAME_SETTING_EFFORT: c_uint = 0;
const ENC_FRAME_SETTING_BUFFERING: c_uint = 34;

const DEC_SUCCESS: c_uint = 0;
const DEC_ERROR: c_uint = 1;
const DEC_NEED_MORE_INPUT: c_uint = 2;
const DEC_NEED_IMAGE_OUT_BUFFER: c_uint = 5;
const DEC_BASIC_INFO: c_uint = 0x40;
const DEC_FULL_IMAGE: c_uint = 0x1000;

const ORIENT_IDENTITY: c_uint = 1;

unsafe extern "C" {
    fn JxlEncoderCreate(memory_manager: *const MemoryManager) -> *mut Opaque;
    fn JxlEncoderDestroy(encoder: *mut Opaque);
    fn JxlEncoderGetError(encoder: *mut Opaque) -> c_uint;
    fn JxlEncoderInitBasicInfo(info: *mut BasicInfo);
    fn JxlEncoderSetBasicInfo(encoder: *mut Opaque, info: *const BasicInfo) -> c_uint;
    fn JxlColorEncodingSetToSRGB(color: *mut ColorEncoding, is_gray: c_int);
    fn JxlEncoderSetColorEncoding(encoder: *mut Opaque, color: *const ColorEncoding) -> c_uint;
    fn JxlEncoderFrameSettingsCreate(encoder: *mut Opaque, source: *const Opaque) -> *mut Opaque;
    fn JxlEncoderSetFrameLossless(settings: *mut Opaque, lossless: c_int) -> c_uint;
    fn JxlEncoderFrameSettingsSetOption(settings: *mut Opaque, option: c_uint, value: i64) -> c_uint;
    fn JxlEncoderAddImageFrame(
        settings: *const Opaque,
        format: *const PixelFormat,
        buffer: *const c_void,
        size: usize,
    ) -> c_uint;
    fn JxlEncoderCloseInput(encoder: *mut Opaque);
    fn JxlEncoderProcessOutput(encoder: *mut Opaque, next: *mut *mut u8, available: *mut usize) -> c_uint;

    fn JxlDecoderCreate(memory_manager: *const MemoryManager) -> *mut Opaque;
    fn JxlDecoderDestroy(decoder: *mut Opaque);
    fn JxlDecoderSubscribeEvents(decoder: *mut Opaque, events: c_int) -> c_uint;
    fn JxlDecoderSetKeepOrientation(decoder: *mut Opaque, keep: c_int) -> c_uint;
    fn JxlDecoderSetInput(decoder: *mut Opaque, data: *const u8, size: usize) -> c_uint;
    fn JxlDecoderCloseInput(decoder: *mut Opaque);
    fn JxlDecoderReleaseInput(decoder: *mut Opaque) -> usize;
    fn JxlDecoderProcessInput(decoder: *mut Opaque) -> c_uint;
    fn JxlDecoderGetBasicInfo(decoder: *const Opaque, info: *mut BasicInfo) -> c_uint;
    fn JxlDecoderImageOutBufferSize(
        decoder: *const Opaque,
        format: *const PixelFormat,
        size: *mut usize,
    ) -> c_uint;
    fn JxlDecoderSetImageOutBuffer(
        decoder: *mut Opaque,
        format: *const PixelFormat,
        buffer: *mut c_void,
        size: usize,
    ) -> c_uint;
}

/// A libjxl encoder.
struct Encoder(NonNull<Opaque>);

impl Drop for Encoder {
    fn drop(&mut self) {
        // SAFETY: the pointer came from JxlEncoderCreate and is destroyed only here.
        unsafe { JxlEncoderDestroy(self.0.as_ptr()) }
    }
}

impl Encoder {
    /// `Ok` if `status` is success, otherwise what failed and libjxl's error number.
    fn check(&self, step: &str, status: c_uint) -> Result<(), String> {
        if status == ENC_SUCCESS {
            return Ok(());
        }
        // SAFETY: the encoder is alive.
        let number = unsafe { JxlEncoderGetError(self.0.as_ptr()) };
        Err(format!("libjxl failed to {step} (error {number:#x})"))
    }
}

/// The JPEG XL file of one frame of `width` x `height` samples (both at least 1), losslessly.
///
/// # Errors
/// If libjxl refuses the frame or runs out of memory.
pub(super) fn encode(samples: &[u16], width: u32, height: u32, effort: u8) -> Result<Vec<u8>, String> {
    assert_eq!(samples.len() as u64, u64::from(width) * u64::from(height), "the frame fills its shape");
    // SAFETY: a null memory manager means malloc and free.
    let encoder = NonNull::new(unsafe { JxlEncoderCreate(ptr::null()) })
        .map(Encoder)
        .ok_or("libjxl cannot create an encoder")?;
    let raw = encoder.0.as_ptr();

    // SAFETY: all-zero bytes are valid for a struct of integers and floats; libjxl then fills it
    // in.
    let mut info: BasicInfo = unsafe { std::mem::zeroed() };
    // SAFETY: `info` has the layout of JxlBasicInfo (size asserted above).
    unsafe { JxlEncoderInitBasicInfo(&mut info) };
    info.xsize = width;
    info.ysize = height;
    info.bits_per_sample = 16;
    info.num_color_channels = 1;
    // Otherwise libjxl would store XYB, which is lossy.
    info.uses_original_profile = 1;
    // SAFETY: encoder and `info` are alive; libjxl copies `info`.
    encoder.check("set the basic info", unsafe { JxlEncoderSetBasicInfo(raw, &info) })?;

    let mut color = ColorEncoding { fields: [0; 13] };
    // SAFETY: `color` has the layout of JxlColorEncoding (size asserted above); libjxl copies it.
    let status = unsafe {
        JxlColorEncodingSetToSRGB(&mut color, 1);
        JxlEncoderSetColorEncoding(raw, &color)
    };
    encoder.check("set the colour encoding", status)?;

    // SAFETY: the encoder is alive and owns the settings that it returns.
    let settings = unsafe { JxlEncoderFrameSettingsCreate(raw, ptr::null()) };
    if settings.is_null() {
        return Err("libjxl cannot create frame settings".to_owned());
    }
    // SAFETY: the settings live as long as the encoder.
    encoder.check("set lossless mode", unsafe { JxlEncoderSetFrameLossless(settings, 1) })?;
    // Buffering 0: the whole frame at once.
    for (option, value) in [(ENC_FRAME_SETTING_EFFORT, i64::from(effort)), (ENC_FRAME_SETTING_BUFFERING, 0)] {
        // SAFETY: as above.
        let status = unsafe { JxlEncoderFrameSettingsSetOption(settings, option, value) };
        encoder.check("set an option", status)?;
    }
    // SAFETY: the buffer holds width x height samples of the stated format; libjxl copies them.
    let status =
        unsafe { JxlEncoderAddImageFrame(settings, &GREY_16, samples.as_ptr().cast(), size_of_val(samples)) };
    encoder.check("add the frame", status)?;
    // SAFETY: the encoder is alive.
    unsafe { JxlEncoderCloseInput(raw) };

    let mut bytes = vec![0; size_of_val(samples) / 2 + 4096];
    let mut written = 0;
    loop {
        let mut next = bytes[written..].as_mut_ptr();
        let mut available = bytes.len() - written;
        // SAFETY: `next` points at `available` writable bytes of `bytes`.
        let status = unsafe { JxlEncoderProcessOutput(raw, &mut next, &mut available) };
        written = bytes.len() - available;
        if status != ENC_NEED_MORE_OUTPUT {
            encoder.check("encode", status)?;
            bytes.truncate(written);
            return Ok(bytes);
        }
        bytes.resize(bytes.len() * 2, 0);
    }
}

/// Why a file does not decode.
#[derive(Debug)]
pub(super) enum Failure {
    /// It ends too early.
    Truncated,
    /// It is not what [`encode`] writes.
    Corrupt(String),
    /// libjxl asked for more memory than allowed; the bytes that it would have held.
    Memory(u64),
}

/// A libjxl decoder and the memory that it may use.
struct Decoder {
    raw: NonNull<Opaque>,
    budget: NonNull<Budget>,
}

impl Drop for Decoder {
    fn drop(&mut self) {
        // SAFETY: the pointer came from JxlDecoderCreate and is destroyed only here, and the
        // budget, which libjxl uses until then, came from Box::leak and is freed only here.
        unsafe {
            JxlDecoderDestroy(self.raw.as_ptr());
            drop(Box::from_raw(self.budget.as_ptr()));
        }
    }
}

/// Decodes the file of one frame of `width` samples a row into `samples`.
///
/// # Errors
/// See [`Failure`]. `samples` then hold anything.
pub(super) fn decode(bytes: &[u8], width: u32, samples: &mut [u16], max_bytes: u64) -> Result<(), Failure> {
    let height = (samples.len() / width as usize) as u32;
    assert_eq!(samples.len() as u64, u64::from(width) * u64::from(height), "the frame fills its shape");
    let budget = NonNull::from(Box::leak(Box::new(Budget { held: 0, limit: max_bytes, refused: None })));
    let manager = MemoryManager { opaque: budget.as_ptr().cast(), alloc: allocate, free: release };
    // SAFETY: libjxl copies the manager; its functions accept the budget, which lives until after
    // the decoder.
    let Some(raw) = NonNull::new(unsafe { JxlDecoderCreate(&manager) }) else {
        // SAFETY: no decoder exists that could use the budget.
        drop(unsafe { Box::from_raw(budget.as_ptr()) });
        return Err(Failure::Memory(max_bytes.saturating_add(1)));
    };
    let decoder = Decoder { raw, budget };
    let raw = decoder.raw.as_ptr();
    // SAFETY: the decoder is alive; `bytes` outlives it.
    let status = unsafe {
        JxlDecoderSetKeepOrientation(raw, 1)
            | JxlDecoderSubscribeEvents(raw, (DEC_BASIC_INFO | DEC_FULL_IMAGE) as c_int)
            | JxlDecoderSetInput(raw, bytes.as_ptr(), bytes.len())
    };
    if status != DEC_SUCCESS {
        return Err(Failure::Corrupt("libjxl refuses the input".to_owned()));
    }
    // SAFETY: the decoder is alive.
    unsafe { JxlDecoderCloseInput(raw) };
    let mut full = false;
    loop {
        // SAFETY: the decoder is alive, its input too, and so is `samples` once it was given.
        let event = unsafe { JxlDecoderProcessInput(raw) };
        match event {
            DEC_BASIC_INFO => check_info(raw, width, height)?,
            DEC_NEED_IMAGE_OUT_BUFFER => give_buffer(raw, samples)?,
            DEC_FULL_IMAGE => full = true,
            // SAFETY: the decoder is alive.
            DEC_SUCCESS if full => match unsafe { JxlDecoderReleaseInput(raw) } {
                0 => return Ok(()),
                rest => return Err(Failure::Corrupt(format!("{rest} bytes follow the image"))),
            },
            DEC_NEED_MORE_INPUT => return Err(Failure::Truncated),
            DEC_ERROR => {
                // SAFETY: the budget is alive, and libjxl runs only within calls.
                let refused = unsafe { decoder.budget.as_ref() }.refused;
                return Err(match refused {
                    Some(needed) => Failure::Memory(needed),
                    None => Failure::Corrupt("libjxl cannot decode it".to_owned()),
                });
            }
            other => {
                return Err(Failure::Corrupt(format!("libjxl reports {other:#x}, an image was expected")));
            }
        }
    }
}

/// Whether the file announces the one kind of image that [`encode`] writes.
fn check_info(decoder: *const Opaque, width: u32, height: u32) -> Result<(), Failure> {
    // SAFETY: all-zero bytes are valid for a struct of integers and floats.
    let mut info: BasicInfo = unsafe { std::mem::zeroed() };
    // SAFETY: the caller's decoder is alive and has reported that the info is there.
    if unsafe { JxlDecoderGetBasicInfo(decoder, &mut info) } != DEC_SUCCESS {
        return Err(Failure::Corrupt("no basic info".to_owned()));
    }
    if (info.xsize, info.ysize) != (width, height) {
        return Err(Failure::Corrupt(format!(
            "a frame of {}x{}, expected {height}x{width}",
            info.ysize, info.xsize
        )));
    }
    let plain = info.bits_per_sample == 16
        && info.exponent_bits_per_sample == 0
        && info.num_color_channels == 1
        && info.num_extra_channels == 0
        && info.uses_original_profile != 0
        && info.have_preview == 0
        && info.have_animation == 0
        && info.orientation == ORIENT_IDENTITY;
    if plain { Ok(()) } else { Err(Failure::Corrupt("not one 16-bit grey frame".to_owned())) }
}

/// Hands `samples` to the decoder as the place of the pixels.
fn give_buffer(decoder: *mut Opaque, samples: &mut [u16]) -> Result<(), Failure> {
    let mut needed = 0;
    // SAFETY: the caller's decoder is alive and has asked for the buffer.
    let status = unsafe { JxlDecoderImageOutBufferSize(decoder, &GREY_16, &mut needed) };
    if status != DEC_SUCCESS || needed != size_of_val(samples) {
        return Err(Failure::Corrupt("the frame has another size than its file".to_owned()));
    }
    // SAFETY: the buffer is writable and as large as libjxl asks; any bytes are valid samples; the
    // caller keeps it alive and unused until decoding ends.
    let status =
        unsafe { JxlDecoderSetImageOutBuffer(decoder, &GREY_16, samples.as_mut_ptr().cast(), needed) };
    if status == DEC_SUCCESS { Ok(()) } else { Err(Failure::Corrupt("no room for the frame".to_owned())) }
}

/// Memory of one decoder: what it holds, and what it may hold.
struct Budget {
    held: u64,
    limit: u64,
    refused: Option<u64>,
}

/// Bytes before every block in which its size is kept; also the alignment of blocks.
const HEADER: usize = 16;

fn block(size: usize) -> Option<Layout> {
    Layout::from_size_align(size.checked_add(HEADER)?, HEADER).ok()
}

/// `jpegxl_alloc_func`: null when the budget would be exceeded, which libjxl turns into an error.
unsafe extern "C" fn allocate(opaque: *mut c_void, size: usize) -> *mut c_void {
    // SAFETY: `opaque` is the budget given to JxlDecoderCreate; libjxl calls from one thread, one
    // at a time.
    let budget = unsafe { &mut *opaque.cast::<Budget>() };
    let held = budget.held.saturating_add(size as u64);
    let Some(layout) = block(size).filter(|_| held <= budget.limit) else {
        budget.refused = Some(held);
        return ptr::null_mut();
    };
    // SAFETY: the layout has at least HEADER bytes.
    let start = unsafe { std::alloc::alloc(layout) };
    if start.is_null() {
        return ptr::null_mut();
    }
    budget.held = held;
    // SAFETY: the block is aligned to HEADER and begins with HEADER bytes for the size.
    unsafe {
        start.cast::<usize>().write(size);
        start.add(HEADER).cast()
    }
}

/// `jpegxl_free_func`.
unsafe extern "C" fn release(opaque: *mut c_void, address: *mut c_void) {
    if address.is_null() {
        return;
    }
    // SAFETY: `opaque` is the budget, as in `allocate`; `address` came from `allocate`, so that its
    // size stands HEADER bytes before it and the same layout was used.
    unsafe {
        let start = address.cast::<u8>().sub(HEADER);
        let size = start.cast::<usize>().read();
        (*opaque.cast::<Budget>()).held -= size as u64;
        let layout = block(size).expect("a block that was allocated has a layout");
        std::alloc::dealloc(start, layout);
    }
}
