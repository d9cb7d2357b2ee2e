//! NumPy's `.npy` files of integers of at most 16 bits.
//!
//! The format is that of NumPy enhancement proposal 1: a magic string, a version, the length of a
//! header, the header as a Python dictionary, the data. Whatever `numpy.load` reads of such types
//! is read: versions 1 to 3, the headers of Python 2, either byte order, C and Fortran order, any
//! number of axes (the leading ones flattened to planes), bytes behind the array. Samples are
//! unsigned, so signed values are shifted, as those of FITS are:
//!
//! | type | sample |
//! |---|---|
//! | `u2` (also `H`, `uint16`, `ushort`) | value |
//! | `i2` (also `h`, `int16`, `short`) | value + 32768 |
//! | `u1`, `b1` (also `B`, `?`, `uint8`, `ubyte`, `bool`) | value |
//! | `i1` (also `b`, `int8`, `byte`) | value + 128 |
//!
//! Written: version 1.0, C order, two axes for one plane and three for more; `<u2` unless another
//! form is asked for.

mod literals;

use crate::{Error, Limits, Result};
use literals::{Literal, Literals};
use nf_image::{Image16, Shape};
use std::ops::Range;

const MAGIC: &[u8] = b"\x93NUMPY";

/// Most axes that NumPy has.
const MAX_AXES: usize = 64;

/// Whether the bytes begin like an `.npy` file.
pub fn is_npy(bytes: &[u8]) -> bool {
    bytes.starts_with(MAGIC)
}

/// How an `.npy` file stores a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ValueForm {
    /// Two bytes, or one.
    pub wide: bool,
    /// Whether values may be negative.
    pub signed: bool,
    /// Whether the first byte of two is the most significant one.
    pub big_endian: bool,
}

impl ValueForm {
    /// The form of a `descr`, in any of the words that NumPy has for a type; a byte order that is
    /// not stated is that of nearly every machine, little-endian. Names take none.
    pub fn parse(descr: &str) -> Option<Self> {
        let code = descr.strip_prefix(['<', '>', '=', '|']).unwrap_or(descr);
        let big_endian = descr.starts_with('>');
        let (wide, signed) = match (code, descr) {
            ("u2" | "H", _) | (_, "uint16" | "ushort") => (true, false),
            ("i2" | "h", _) | (_, "int16" | "short") => (true, true),
            ("u1" | "b1" | "B" | "?", _) | (_, "uint8" | "ubyte" | "bool") => (false, false),
            ("i1" | "b", _) | (_, "int8" | "byte") => (false, true),
            _ => return None,
        };
        Some(Self { wide, signed, big_endian: big_endian && wide })
    }

    /// NumPy's name of the form.
    pub const fn descr(self) -> &'static str {
        match (self.wide, self.signed, self.big_endian) {
            (true, false, false) => "<u2",
            (true, false, true) => ">u2",
            (true, true, false) => "<i2",
            (true, true, true) => ">i2",
            (false, false, _) => "|u1",
            (false, true, _) => "|i1",
        }
    }

    /// Bytes of a value.
    pub const fn bytes(self) -> usize {
        1 + self.wide as usize
    }

    /// What was added to a value to make a sample.
    pub fn offset(self) -> u16 {
        match (self.signed, self.wide) {
            (false, _) => 0,
            (true, true) => 1 << 15,
            (true, false) => 1 << 7,
        }
    }

    /// The samples of values as a file stores them.
    pub fn samples(self, data: &[u8]) -> Vec<u16> {
        let offset = self.offset();
        let pairs = data.chunks_exact(2).map(|pair| [pair[0], pair[1]]);
        match (self.wide, self.big_endian) {
            (true, false) => pairs.map(|pair| u16::from_le_bytes(pair) ^ offset).collect(),
            (true, true) => pairs.map(|pair| u16::from_be_bytes(pair) ^ offset).collect(),
            (false, _) => data.iter().map(|&byte| u16::from(byte) ^ offset).collect(),
        }
    }
}

/// An `.npy` file, read.
#[derive(Clone, Debug, PartialEq)]
pub struct NpyFile {
    /// The samples, as `numpy.load` orders the values.
    pub image: Image16,
    /// How values are stored.
    pub form: ValueForm,
    /// Where in the file the values lie; the header lies before them, and what belongs to no array
    /// behind.
    pub data: Range<usize>,
    /// NumPy's type and axes, as the header states them.
    descr: String,
    axes: Vec<usize>,
}

impl NpyFile {
    /// The header of a file of the same type and axes in C order.
    pub fn c_order_header(&self) -> Vec<u8> {
        header(&self.descr, &self.axes, false)
    }
}

/// The stack that the bytes of an `.npy` file hold.
///
/// # Errors
/// As for [`parse`].
pub fn read(bytes: &[u8], limits: &Limits) -> Result<Image16> {
    Ok(parse(bytes, limits)?.image)
}

/// Reads the bytes of an `.npy` file.
///
/// # Errors
/// If they are not such a file, cut short, of another type, or above the limits.
pub fn parse(bytes: &[u8], limits: &Limits) -> Result<NpyFile> {
    let NpyHeader { descr, form, axes, shape, fortran, bytes: start } = parse_header(bytes)?;
    let pixels = shape.checked_pixels().map_or(u64::MAX, |pixels| pixels as u64);
    let pixels = limits.check_pixels("the array", pixels)?;
    let found = bytes.len() - start;
    let end = pixels.checked_mul(form.bytes()).filter(|&needed| needed <= found).map(|needed| start + needed);
    let end = end.ok_or_else(|| {
        wrong(format!("a shape of {axes:?} needs {pixels} x {} bytes, {found} follow", form.bytes()))
    })?;
    let mut samples = form.samples(&bytes[start..end]);
    if fortran {
        samples = c_order(&samples, &axes);
    }
    let image = Image16::new(shape, samples).expect("the number of samples was checked");
    Ok(NpyFile { image, form, data: start..end, descr, axes })
}

/// The header of an `.npy` file, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NpyHeader {
    /// NumPy's type, as the header states it.
    pub descr: String,
    /// How values are stored.
    pub form: ValueForm,
    /// NumPy's axes, the last one fastest unless `fortran`.
    pub axes: Vec<usize>,
    /// The axes as a stack, the leading ones flattened to planes.
    pub shape: Shape,
    /// Whether the first axis varies fastest.
    pub fortran: bool,
    /// Length of the header: where the values begin.
    pub bytes: usize,
}

/// Reads the header of an `.npy` file; the values need not follow.
///
/// # Errors
/// If there is none, it is cut short, or the values are of another type.
pub fn parse_header(bytes: &[u8]) -> Result<NpyHeader> {
    let Fields { descr, fortran, axes, start } = fields(bytes)?;
    let form = ValueForm::parse(&descr);
    let form = form.ok_or_else(|| other(&format!("values of type '{descr}'")))?;
    let shape = stack_shape(&axes).ok_or_else(|| wrong(format!("its shape {axes:?} is too large")))?;
    Ok(NpyHeader { descr, form, axes, shape, fortran, bytes: start })
}

/// An array of any type of numbers, by its header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NpyArray {
    /// NumPy's name of the type without the byte order, such as `f4`.
    pub kind: String,
    /// Whether the first byte of a value is the most significant one.
    pub big_endian: bool,
    /// Lengths of the axes, in the order of the file: the last one fastest, also of arrays in
    /// Fortran order, whose axes are reversed.
    pub axes: Vec<usize>,
    /// Where in the file the values lie.
    pub data: Range<usize>,
}

/// Where the values of an array lie whose values have as many bytes as their type says.
///
/// # Errors
/// If the bytes are no `.npy` file, cut short, of a type that is no plain number, or above the
/// limits.
pub fn locate(bytes: &[u8], limits: &Limits) -> Result<NpyArray> {
    let Fields { descr, fortran, mut axes, start } = fields(bytes)?;
    let kind = descr.strip_prefix(['<', '>', '=', '|']).unwrap_or(&descr).to_owned();
    let width = match kind.split_at_checked(1) {
        Some(("u" | "i" | "f", digits)) => digits.parse().ok().filter(|bytes| (1..=8).contains(bytes)),
        _ => None,
    };
    let width: usize = width.ok_or_else(|| wrong(format!("its type is '{descr}', expected numbers")))?;
    let count = axes.iter().try_fold(1usize, |n, &axis| n.checked_mul(axis));
    let count = limits.check_pixels("the array", count.map_or(u64::MAX, |count| count as u64))?;
    let found = bytes.len() - start;
    let length = count.checked_mul(width).filter(|&needed| needed <= found);
    let length = length
        .ok_or_else(|| wrong(format!("a shape of {axes:?} needs {count} x {width} bytes, {found} follow")))?;
    if fortran {
        axes.reverse();
    }
    Ok(NpyArray { kind, big_endian: descr.starts_with('>'), axes, data: start..start + length })
}

const EXPECTED: &str = "expected integers of 8 or 16 bits such as '<u2', '>i2' or '|u1'";

/// What the header of a file says, and where it ends.
struct Fields {
    descr: String,
    fortran: bool,
    axes: Vec<usize>,
    start: usize,
}

fn fields(bytes: &[u8]) -> Result<Fields> {
    let cut = || wrong("the header is cut short".to_owned());
    if !is_npy(bytes) {
        return Err(wrong("it does not begin with \\x93NUMPY".to_owned()));
    }
    let (header_len, start) = match bytes.get(6).copied() {
        Some(1) => (usize::from(u16::from_le_bytes(array(bytes, 8).ok_or_else(cut)?)), 10),
        Some(2 | 3) => (u32::from_le_bytes(array(bytes, 8).ok_or_else(cut)?) as usize, 12),
        Some(version) => return Err(wrong(format!("version {version} is unknown, expected 1, 2 or 3"))),
        None => return Err(cut()),
    };
    let header = bytes.get(start..).and_then(|rest| rest.get(..header_len)).ok_or_else(cut)?;
    let header = std::str::from_utf8(header).map_err(|_| wrong("the header is not text".to_owned()))?;
    let fields = Literals { rest: header }
        .dictionary()
        .ok_or_else(|| wrong(format!("the header is no Python dictionary: {header:?}")))?;
    let field = |name: &str| {
        let found = fields.iter().find(|(key, _)| key == name).map(|(_, value)| value);
        found.ok_or_else(|| wrong(format!("the header has no '{name}': {header:?}")))
    };
    let Literal::Text(descr) = field("descr")? else {
        return Err(other("records, whose type has fields"));
    };
    let Literal::Bool(fortran) = field("fortran_order")? else {
        return Err(wrong("'fortran_order' is neither True nor False".to_owned()));
    };
    let axes = match field("shape")? {
        Literal::Tuple(axes) if axes.len() <= MAX_AXES => axes.clone(),
        _ => return Err(wrong(format!("its shape is no tuple of lengths: {header:?}"))),
    };
    Ok(Fields { descr: descr.clone(), fortran: *fortran, axes, start: start + header_len })
}

/// A file that is whole and holds something else.
fn other(found: &str) -> Error {
    Error::Content { format: "npy", found: format!("{found}, {EXPECTED}") }
}

fn wrong(reason: String) -> Error {
    Error::Format { format: "npy", reason }
}

/// The bytes of an `.npy` file that holds the stack.
pub fn write(image: &Image16) -> Vec<u8> {
    write_as(image, ValueForm { wide: true, signed: false, big_endian: false })
}

/// The bytes of an `.npy` file that holds the values of which these are the samples, in this form.
/// What does not fit a byte is cut off.
pub fn write_as(image: &Image16, form: ValueForm) -> Vec<u8> {
    let mut bytes = header_of_stack(form.descr(), image.shape());
    bytes.reserve(image.samples().len() * form.bytes());
    let values = image.samples().iter().map(|sample| sample ^ form.offset());
    match (form.wide, form.big_endian) {
        (true, false) => bytes.extend(values.flat_map(u16::to_le_bytes)),
        (true, true) => bytes.extend(values.flat_map(u16::to_be_bytes)),
        (false, _) => bytes.extend(values.map(|value| value as u8)),
    }
    bytes
}

/// Everything before the values of a stack: two axes for one plane, three for more.
pub(crate) fn header_of_stack(descr: &str, shape: Shape) -> Vec<u8> {
    let axes = [shape.planes, shape.height, shape.width];
    header(descr, if shape.planes == 1 { &axes[1..] } else { &axes }, false)
}

/// Everything before the values of a file: NumPy's type and axes, and whether the first axis varies
/// fastest, as [`parse_header`] reads them.
pub fn header(descr: &str, axes: &[usize], fortran: bool) -> Vec<u8> {
    let lengths: Vec<String> = axes.iter().map(usize::to_string).collect();
    let comma = if axes.len() == 1 { "," } else { "" };
    let axes = format!("({}{comma})", lengths.join(", "));
    let order = if fortran { "True" } else { "False" };
    let mut header = format!("{{'descr': '{descr}', 'fortran_order': {order}, 'shape': {axes}, }}");
    // Magic, version, length and header together fill whole 64-byte lines, the last byte a line
    // feed.
    let padded_len = (10 + header.len() + 1).next_multiple_of(64) - 10;
    header.push_str(&" ".repeat(padded_len - 1 - header.len()));
    header.push('\n');
    let mut bytes = Vec::with_capacity(10 + padded_len);
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(&[1, 0]);
    // At most 64 lengths of at most 20 digits: far from what 16 bits hold.
    bytes.extend_from_slice(&(padded_len as u16).to_le_bytes());
    bytes.extend_from_slice(header.as_bytes());
    bytes
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at + N)?.try_into().ok()
}

/// An array of these axes as a stack: the last two are rows and columns, all before them planes;
/// what is missing counts one. `None` if the planes are too many to count.
pub fn stack_shape(axes: &[usize]) -> Option<Shape> {
    let (planes, plane) = axes.split_at(axes.len().saturating_sub(2));
    let width = plane.last().copied().unwrap_or(1);
    let height = if plane.len() == 2 { plane[0] } else { 1 };
    let planes = planes.iter().try_fold(1usize, |n, &axis| n.checked_mul(axis))?;
    Some(Shape::new(planes, height, width))
}

/// Samples whose first axis varies fastest, in the order in which the last one does.
fn c_order(samples: &[u16], axes: &[usize]) -> Vec<u16> {
    let Some((&last, outer)) = axes.split_last().filter(|_| !samples.is_empty()) else {
        return samples.to_vec();
    };
    let strides: Vec<usize> = axes
        .iter()
        .scan(1, |stride, axis| {
            let own = *stride;
            *stride *= axis;
            Some(own)
        })
        .collect();
    let step = strides[outer.len()];
    let mut out = Vec::with_capacity(samples.len());
    let mut at = vec![0; outer.len()];
    loop {
        let first: usize = at.iter().zip(&strides).map(|(place, stride)| place * stride).sum();
        out.extend((0..last).map(|column| samples[first + column * step]));
        let Some(axis) = (0..outer.len()).rev().find(|&axis| at[axis] + 1 < outer[axis]) else { return out };
        at[axis] += 1;
        at[axis + 1..].fill(0);
    }
}

#[cfg(test)]
mod tests;
