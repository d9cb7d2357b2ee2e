//! The Python package `noisefloor`: what its module `_core` holds.
//!
//! Python code in `python/noisefloor` checks and shapes arguments; everything that touches pixels
//! is here, without the interpreter's lock and on threads of its own.
//!
//! - [`array`](mod@array): NumPy arrays as stacks, borrowed.
//! - [`values`]: stacks as NumPy arrays, in the type that the original had.
//! - [`coding`]: arrays to containers and back; [`container`]: containers opened for reading.
//! - [`bounded`]: the same within a bound on the error of every sample.
//! - [`archive`]: the files of an archive, and its receipts.
//! - [`fits`]: FITS files opened for reading; [`tiles`]: bare streams, as FITS tiles hold them.
//! - [`datasets`]: images by the names of datasets, in builds with that feature.
//! - [`entropy`]: rANS under mixtures of logistics.
//! - [`codecs`]: the codecs of this build.
//! - [`hdf5`]: the filter for HDF5.
//! - [`noise`]: what the noise of a frame must cost.
//! - [`profiles`]: detector profiles.
//! - [`threads`]: pools that survive a fork.
//! - [`error`]: errors as Python's exceptions, by kind.
#![forbid(unsafe_code)]

mod archive;
mod array;
mod bounded;
mod codecs;
mod coding;
mod container;
mod datasets;
mod entropy;
mod error;
mod fits;
mod hdf5;
mod noise;
mod profiles;
mod source;
mod threads;
mod tiles;
mod values;

/// The compiled half of the package; `noisefloor` is the other half, and the one to import.
#[pyo3::pymodule(gil_used = false)]
mod _core {
    #[pymodule_export]
    use crate::archive::{Archive, Archivist};
    #[pymodule_export]
    use crate::bounded::{Bounded, codes_arrays, encode_bounded};
    #[pymodule_export]
    use crate::codecs::{codecs, normalise_spec};
    #[pymodule_export]
    use crate::coding::encode;
    #[pymodule_export]
    use crate::container::Container;
    #[pymodule_export]
    use crate::datasets::Dataset;
    #[pymodule_export]
    use crate::entropy::{Decoder, Encoder, quantise};
    #[pymodule_export]
    use crate::fits::Fits;
    #[pymodule_export]
    use crate::hdf5::hdf5_filter;
    #[pymodule_export]
    use crate::noise::noise_estimates;
    #[pymodule_export]
    use crate::profiles::{add_profile, with_profile};
    #[pymodule_export]
    use crate::tiles::{decode_tile, encode_tile};

    #[pymodule_export]
    #[allow(non_upper_case_globals)]
    const __version__: &str = env!("CARGO_PKG_VERSION");
}
