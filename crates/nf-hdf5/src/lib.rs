//! A filter for HDF5: every chunk of a dataset of 8- or 16-bit integers is a container
//! (`docs/format.md`), as `noisefloor.encode` makes it of an array.
//!
//! - `chunk`: chunks to containers and back; no HDF5 and no unsafe code.
//! - `options`: the numbers that a file keeps for its filter (`docs/python.md` defines them).
//! - `library`: the functions of the HDF5 library that is already loaded, found by name.
//! - `plugin`: what that library calls.
//!
//! As `libnf_hdf5.so` in a folder of `HDF5_PLUGIN_PATH` it serves every program that uses HDF5.
//! Nothing of HDF5 is linked, since the library that loads the plug-in must be the one it calls.

mod chunk;
mod library;
mod options;
mod plugin;

pub use plugin::{FILTER_ID, filter_class};
