//! The filter for HDF5, for the library that h5py brings.

use pyo3::prelude::*;

/// Number of the filter, and the address of its description, for `h5py.h5z.register_filter`.
#[pyfunction]
pub(crate) fn hdf5_filter() -> (i32, usize) {
    (nf_hdf5::FILTER_ID, nf_hdf5::filter_class() as usize)
}
