//! Arrays to containers.

use crate::array::{ArraySource, words};
use crate::codecs::{build, limits};
use crate::error::Result;
use crate::{profiles, threads};
use nf_codec::container::{
    self, Header, ImageHeader, ImageSource, Layout, ModelHeader, Segment, WriteOptions, default_tile,
};
use nf_fits::npy;
use nf_image::{PlaneAxis, Shape};
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use std::path::PathBuf;

/// The container of an array of words of NumPy's type `descr`.
///
/// Its layout is the header that an .npy file of the array has, so that type and axes come back.
/// With `fortran`, the array is the transposed one: what lies in memory in C order is then the file
/// of the other in Fortran order. The array is borrowed; bands are taken out of it while they are
/// coded.
#[pyfunction]
#[pyo3(signature = (
    array, descr, fortran, codec, tile, verify, threads, max_memory_bytes, profile = None, embed_profile = false
))]
#[expect(clippy::too_many_arguments, reason = "Python code fills them in by name")]
pub(crate) fn encode<'py>(
    py: Python<'py>,
    array: &Bound<'py, PyAny>,
    descr: &str,
    fortran: bool,
    codec: &str,
    tile: Option<(usize, usize, usize)>,
    verify: bool,
    threads: Option<usize>,
    max_memory_bytes: Option<u64>,
    profile: Option<PathBuf>,
    embed_profile: bool,
) -> PyResult<Bound<'py, PyBytes>> {
    let words = words(array)?;
    let mut source = ArraySource::new(&words, descr)?;
    let bytes = threads::run(py, threads, || {
        let codec = match &profile {
            Some(profile) => &profiles::choose(codec, profile, &mut source)?,
            None => codec,
        };
        encode_source(source, descr, fortran, codec, tile, verify, max_memory_bytes, embed_profile)
    })?;
    Ok(PyBytes::new(py, &bytes))
}

#[expect(clippy::too_many_arguments, reason = "they are those of `encode`")]
fn encode_source(
    mut source: ArraySource<'_>,
    descr: &str,
    fortran: bool,
    codec: &str,
    tile: Option<(usize, usize, usize)>,
    verify: bool,
    max_memory_bytes: Option<u64>,
    embed_profile: bool,
) -> Result<Vec<u8>> {
    let encoder = build(codec)?;
    // The proof has a decoder of its own, with nothing left over from encoding.
    let decoder = if verify { Some(build(codec)?) } else { None };
    let shape = source.shape();
    let tile = tile.map_or_else(
        || default_tile(&*encoder, shape),
        |(planes, height, width)| Shape::new(planes, height, width),
    );
    let (format, offset) = source.format();
    let mut axes = source.axes().to_vec();
    if fortran {
        axes.reverse();
    }
    let layout = Layout {
        segments: vec![
            Segment::Verbatim(npy::header(descr, &axes, fortran)),
            Segment::Samples { image: 0, format, offset },
        ],
    };
    let header = Header {
        codec: encoder.spec(),
        reproducibility: encoder.reproducibility(),
        model: ModelHeader::of(&*encoder),
        images: vec![ImageHeader { shape, axis: PlaneAxis::None, tile }],
        layout: Some(layout),
        creator: String::new(),
        profile: encoder.profile().filter(|_| embed_profile).map(Into::into),
        cut: None,
    }
    .with_creator(nf_archive::PROGRAM);
    let options =
        WriteOptions { encoder: &*encoder, verifier: decoder.as_deref(), limits: limits(max_memory_bytes) };
    let mut bytes = Vec::new();
    container::write(&mut bytes, &header, &mut [&mut source], options)?;
    Ok(bytes)
}
