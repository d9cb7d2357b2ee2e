//! What the HDF5 library calls: `H5PLextern.h` and `H5Zpublic.h` of HDF5 1.10 to 2.0.
#![allow(unsafe_code, reason = "the HDF5 library has a C interface")]

use crate::chunk;
use crate::library::{Id, Library};
use crate::options::Options;
use nf_fits::npy::ValueForm;
use std::ffi::{c_char, c_int, c_uint, c_void};
use std::panic::catch_unwind;
use std::{ptr, slice};

/// The number of the filter: private, until one is registered with the HDF Group.
pub const FILTER_ID: c_int = 42_100;

/// `H5Z_CLASS_T_VERS`.
const CLASS_VERSION: c_int = 1;
/// `H5PL_TYPE_FILTER`.
const TYPE_FILTER: c_int = 0;
/// `H5Z_FLAG_REVERSE`: decode.
const REVERSE: c_uint = 0x100;

unsafe extern "C" {
    fn malloc(size: usize) -> *mut c_void;
    fn free(memory: *mut c_void);
}

/// `H5Z_class2_t`.
#[repr(C)]
pub struct FilterClass {
    version: c_int,
    id: c_int,
    encoder_present: c_uint,
    decoder_present: c_uint,
    name: *const c_char,
    can_apply: extern "C" fn(Id, Id, Id) -> c_int,
    set_local: extern "C" fn(Id, Id, Id) -> c_int,
    filter: unsafe extern "C" fn(c_uint, usize, *const c_uint, usize, *mut usize, *mut *mut c_void) -> usize,
}

// SAFETY: it is never written; the name is a constant.
unsafe impl Sync for FilterClass {}

static CLASS: FilterClass = FilterClass {
    version: CLASS_VERSION,
    id: FILTER_ID,
    encoder_present: 1,
    decoder_present: 1,
    name: c"noisefloor: docs/python.md of noisefloor".as_ptr(),
    can_apply,
    set_local,
    filter,
};

/// The description of the filter that `H5Zregister` takes; it lives as long as the program.
pub fn filter_class() -> *const FilterClass {
    &raw const CLASS
}

/// Tells the library that loads this file that it holds a filter.
// SAFETY: no other symbol of this name is in the plug-in.
#[unsafe(no_mangle)]
extern "C" fn H5PLget_plugin_type() -> c_int {
    TYPE_FILTER
}

/// Tells the library that loads this file which filter it holds.
// SAFETY: no other symbol of this name is in the plug-in.
#[unsafe(no_mangle)]
extern "C" fn H5PLget_plugin_info() -> *const c_void {
    filter_class().cast()
}

/// The type of a dataset's values, if the filter takes it.
fn value_form(library: &Library, type_id: Id) -> Option<ValueForm> {
    let (bytes, signed, big_endian) = library.value_type(type_id)?;
    matches!(bytes, 1 | 2).then_some(ValueForm {
        wide: bytes == 2,
        signed,
        big_endian: big_endian && bytes == 2,
    })
}

/// Whether the filter takes the dataset that is being created: 1, 0, or negative for failure.
extern "C" fn can_apply(_properties: Id, type_id: Id, _space: Id) -> c_int {
    let answer = catch_unwind(|| {
        let library = Library::find()?;
        Some(value_form(&library, type_id).is_some())
    });
    match answer {
        Ok(Some(applies)) => c_int::from(applies),
        _ => -1,
    }
}

/// Completes the numbers of the filter by the type and the chunks of the dataset that is being
/// created.
extern "C" fn set_local(properties: Id, type_id: Id, _space: Id) -> c_int {
    let done = catch_unwind(|| {
        let library = Library::find()?;
        let (flags, given) = library.filter_values(properties, FILTER_ID)?;
        let options = Options {
            level: Options::level_of_user(&given)?,
            form: value_form(&library, type_id)?,
            axes: library.chunk_axes(properties)?,
        };
        library.set_filter_values(properties, FILTER_ID, flags, &options.to_values()?)
    });
    match done {
        Ok(Some(())) => 1,
        _ => -1,
    }
}

/// Codes or decodes a chunk: replaces `*buffer` and returns the bytes in it, or returns 0 and
/// leaves everything as it was.
///
/// # Safety
/// As the library promises: `values` has `count` numbers, `*buffer` `bytes` bytes that `malloc`
/// gave.
unsafe extern "C" fn filter(
    flags: c_uint,
    count: usize,
    values: *const c_uint,
    bytes: usize,
    buffer_bytes: *mut usize,
    buffer: *mut *mut c_void,
) -> usize {
    if values.is_null() || buffer.is_null() || buffer_bytes.is_null() {
        return 0;
    }
    // SAFETY: neither is null, and both are as long as the caller says.
    let (given, input) = unsafe {
        if (*buffer).is_null() {
            return 0;
        }
        (slice::from_raw_parts(values, count), slice::from_raw_parts((*buffer).cast::<u8>(), bytes))
    };
    let output = catch_unwind(|| {
        let options = Options::of_values(given)?;
        match flags & REVERSE {
            0 => chunk::encode(input, &options).ok(),
            _ => chunk::decode(input, &options).ok(),
        }
    });
    let Ok(Some(output)) = output else { return 0 };
    // SAFETY: the library's buffers come from the allocator of C, and it frees ours by it; `output`
    // is as long as what is allocated.
    unsafe {
        let memory = malloc(output.len().max(1));
        if memory.is_null() {
            return 0;
        }
        ptr::copy_nonoverlapping(output.as_ptr(), memory.cast(), output.len());
        free(*buffer);
        *buffer = memory;
        *buffer_bytes = output.len().max(1);
    }
    output.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs the filter over a buffer of C, as the library does.
    fn run(flags: c_uint, values: &[u32], input: &[u8]) -> Option<Vec<u8>> {
        // SAFETY: the buffer is as long as is said, and is freed at the end.
        unsafe {
            let mut buffer = malloc(input.len().max(1));
            ptr::copy_nonoverlapping(input.as_ptr(), buffer.cast(), input.len());
            let mut buffer_bytes = input.len();
            let written =
                filter(flags, values.len(), values.as_ptr(), input.len(), &mut buffer_bytes, &mut buffer);
            let result = slice::from_raw_parts(buffer.cast::<u8>(), written).to_vec();
            assert!(written <= buffer_bytes);
            free(buffer);
            (written > 0).then_some(result)
        }
    }

    #[test]
    fn buffers_go_there_and_back() {
        let values = [1, 0, 3, 2, 16, 20];
        let chunk: Vec<u8> = (0..640_u32).map(|i| ((i * i) >> 5) as u8).collect();
        let coded = run(0, &values, &chunk).unwrap();
        assert_eq!(run(REVERSE, &values, &coded).unwrap(), chunk);
    }

    #[test]
    fn failures_are_zero() {
        let values = [1, 0, 3, 2, 16, 20];
        assert_eq!(run(0, &values, &[0; 639]), None);
        assert_eq!(run(0, &[0], &[0; 640]), None);
        assert_eq!(run(REVERSE, &values, b"no container"), None);
        assert_eq!(run(REVERSE, &values, b""), None);
    }

    #[test]
    fn the_class_is_as_the_library_expects_it() {
        assert_eq!((H5PLget_plugin_type(), H5PLget_plugin_info()), (0, filter_class().cast()));
        assert_eq!(size_of::<FilterClass>(), 4 * 4 + 4 * size_of::<usize>());
        assert!(Library::find().is_none(), "no HDF5 is loaded here");
        assert_eq!(can_apply(0, 0, 0), -1);
        assert_eq!(set_local(0, 0, 0), -1);
    }
}
