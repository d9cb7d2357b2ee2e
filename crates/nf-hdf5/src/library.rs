//! The functions of the HDF5 library that is already loaded, found by name.
//!
//! Python's h5py brings a library of its own under a name with a digest, which does not show its
//! functions to others. So the loaded libraries are gone through for one that is called `libhdf5*`.
#![allow(unsafe_code, reason = "the dynamic linker and the HDF5 library have C interfaces")]

use std::ffi::{CStr, c_char, c_int, c_uint, c_void};
use std::mem;
use std::ptr;

pub(crate) type Id = i64;
type Size = u64;

unsafe extern "C" {
    fn dlsym(handle: *mut c_void, name: *const c_char) -> *mut c_void;
    #[cfg(target_os = "linux")]
    fn dlopen(path: *const c_char, flags: c_int) -> *mut c_void;
    #[cfg(target_os = "linux")]
    fn dl_iterate_phdr(
        callback: extern "C" fn(*const LoadedObject, usize, *mut c_void) -> c_int,
        data: *mut c_void,
    ) -> c_int;
}

/// The beginning of the linker's `dl_phdr_info`.
#[cfg(target_os = "linux")]
#[repr(C)]
struct LoadedObject {
    _address: usize,
    name: *const c_char,
}

/// The handle of all global symbols.
#[cfg(target_os = "linux")]
const DEFAULT: *mut c_void = ptr::null_mut();
#[cfg(not(target_os = "linux"))]
const DEFAULT: *mut c_void = -2_isize as *mut c_void;

/// Functions of the HDF5 library, by their names there.
pub(crate) struct Library {
    get_chunk: unsafe extern "C" fn(Id, c_int, *mut Size) -> c_int,
    get_filter: unsafe extern "C" fn(
        Id,
        c_int,
        *mut c_uint,
        *mut usize,
        *mut c_uint,
        usize,
        *mut c_char,
        *mut c_uint,
    ) -> c_int,
    modify_filter: unsafe extern "C" fn(Id, c_int, c_uint, usize, *const c_uint) -> c_int,
    type_class: unsafe extern "C" fn(Id) -> c_int,
    type_size: unsafe extern "C" fn(Id) -> usize,
    type_sign: unsafe extern "C" fn(Id) -> c_int,
    type_order: unsafe extern "C" fn(Id) -> c_int,
}

/// Most axes that HDF5 has.
const MOST_AXES: usize = 32;
/// `H5T_INTEGER`.
const INTEGER: c_int = 0;
/// `H5T_SGN_2`: two's complement.
const SIGNED: c_int = 1;
/// `H5T_ORDER_BE`.
const BIG_ENDIAN: c_int = 1;

impl Library {
    /// The library that is loaded; `None` if there is none.
    #[expect(clippy::missing_transmute_annotations, reason = "the fields of Self state the types")]
    pub(crate) fn find() -> Option<Self> {
        let handle = handle()?;
        let function = |name: &CStr| {
            // SAFETY: the handle is the default one or came from dlopen; the name ends in NUL.
            let found = unsafe { dlsym(handle, name.as_ptr()) };
            (!found.is_null()).then_some(found)
        };
        // SAFETY: functions of these names have these signatures in every HDF5 since 1.10, where
        // identifiers became 64-bit numbers.
        unsafe {
            Some(Self {
                get_chunk: mem::transmute(function(c"H5Pget_chunk")?),
                get_filter: mem::transmute(function(c"H5Pget_filter_by_id2")?),
                modify_filter: mem::transmute(function(c"H5Pmodify_filter")?),
                type_class: mem::transmute(function(c"H5Tget_class")?),
                type_size: mem::transmute(function(c"H5Tget_size")?),
                type_sign: mem::transmute(function(c"H5Tget_sign")?),
                type_order: mem::transmute(function(c"H5Tget_order")?),
            })
        }
    }

    /// The extents of a chunk of the dataset that these properties create.
    pub(crate) fn chunk_axes(&self, properties: Id) -> Option<Vec<usize>> {
        let mut axes = [0; MOST_AXES];
        // SAFETY: the identifier is one that the library handed to its filter; at most MOST_AXES
        // extents are written.
        let count = unsafe { (self.get_chunk)(properties, MOST_AXES as c_int, axes.as_mut_ptr()) };
        let count = usize::try_from(count).ok().filter(|&count| count <= MOST_AXES)?;
        axes[..count].iter().map(|&axis| usize::try_from(axis).ok()).collect()
    }

    /// Whether values of a type are integers, their bytes, sign and byte order.
    pub(crate) fn value_type(&self, type_id: Id) -> Option<(usize, bool, bool)> {
        // SAFETY: the identifier is one that the library handed to its filter.
        unsafe {
            if (self.type_class)(type_id) != INTEGER {
                return None;
            }
            let (sign, order) = ((self.type_sign)(type_id), (self.type_order)(type_id));
            Some(((self.type_size)(type_id), sign == SIGNED, order == BIG_ENDIAN))
        }
    }

    /// The flags and numbers of a filter among the properties.
    pub(crate) fn filter_values(&self, properties: Id, filter: c_int) -> Option<(c_uint, Vec<u32>)> {
        let mut values = [0; MOST_AXES + 4];
        let (mut flags, mut count, mut config) = (0, values.len(), 0);
        // SAFETY: as above; at most `count` numbers are written, and no name into zero bytes.
        let status = unsafe {
            (self.get_filter)(
                properties,
                filter,
                &mut flags,
                &mut count,
                values.as_mut_ptr(),
                0,
                ptr::null_mut(),
                &mut config,
            )
        };
        (status >= 0).then(|| (flags, values[..count.min(values.len())].to_vec()))
    }

    /// Replaces the numbers of a filter.
    pub(crate) fn set_filter_values(
        &self,
        properties: Id,
        filter: c_int,
        flags: c_uint,
        values: &[u32],
    ) -> Option<()> {
        // SAFETY: as above; `values` are as many as stated.
        let status =
            unsafe { (self.modify_filter)(properties, filter, flags, values.len(), values.as_ptr()) };
        (status >= 0).then_some(())
    }
}

/// The handle of the library, from which its functions are looked up.
fn handle() -> Option<*mut c_void> {
    // SAFETY: the handle stands for all symbols that are visible to everybody.
    if !unsafe { dlsym(DEFAULT, c"H5Pmodify_filter".as_ptr()) }.is_null() {
        return Some(DEFAULT);
    }
    hidden()
}

#[cfg(target_os = "linux")]
fn hidden() -> Option<*mut c_void> {
    /// `RTLD_LAZY | RTLD_NOLOAD`: a handle of what is loaded already, or none.
    const LAZY_NO_LOAD: c_int = 0x1 | 0x4;

    extern "C" fn look(object: *const LoadedObject, _: usize, found: *mut c_void) -> c_int {
        // SAFETY: the linker hands over a description that is valid during the call, and the
        // pointer that `hidden` gave it.
        unsafe {
            let path = (*object).name;
            if path.is_null() {
                return 0;
            }
            let bytes = CStr::from_ptr(path).to_bytes();
            let name = bytes.rsplit(|&byte| byte == b'/').next().unwrap_or_default();
            // Not libhdf5_hl, which is built on top of it.
            if !name.starts_with(b"libhdf5") || name.starts_with(b"libhdf5_") {
                return 0;
            }
            let handle = dlopen(path, LAZY_NO_LOAD);
            if handle.is_null() || dlsym(handle, c"H5Pmodify_filter".as_ptr()).is_null() {
                return 0;
            }
            *found.cast::<*mut c_void>() = handle;
            1
        }
    }

    let mut found: *mut c_void = ptr::null_mut();
    // SAFETY: `look` writes into `found` only, which outlives the call.
    unsafe { dl_iterate_phdr(look, (&raw mut found).cast()) };
    (!found.is_null()).then_some(found)
}

#[cfg(not(target_os = "linux"))]
fn hidden() -> Option<*mut c_void> {
    None
}
