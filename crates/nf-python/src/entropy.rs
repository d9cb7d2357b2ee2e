//! rANS under mixtures of logistics, for models that were trained elsewhere.
//!
//! Symbols are samples of `0..=65535`; the mixtures are those of the networks of `nf-models`: a
//! scale of `2^30` points, one point for every sample. Parameters are whole numbers before anything
//! is coded, so that equal numbers give equal streams on every machine.

use crate::error::{Failure, Kind, Result};
use crate::threads;
use crate::values::shaped;
use nf_entropy::ans::Place;
use nf_entropy::distributions::{
    Component, MEAN_UNIT_BITS, Mixture, SCALE_ONE, SCALE_STEPS_PER_OCTAVE, SCALES,
};
use nf_entropy::{Reader, SymbolCoder, Writer};
use numpy::PyReadonlyArray1;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use std::sync::{Mutex, PoisonError};

/// Base-2 logarithm of the points of a distribution.
const SCALE_BITS: u32 = 30;

/// Points that every sample keeps.
const FLOOR_WIDTH: u32 = 1;

/// Most components of a mixture.
const MOST_COMPONENTS: usize = 32;

/// Largest weight.
const FULL_WEIGHT: f64 = 65_535.0;

/// Whole parameters of mixtures of as many components each, symbol by symbol.
struct Parameters<'a> {
    means: &'a [i32],
    scales: &'a [u16],
    weights: &'a [u16],
    components: usize,
}

impl<'a> Parameters<'a> {
    fn new(means: &'a [i32], scales: &'a [u16], weights: &'a [u16], components: usize) -> Result<Self> {
        if !(1..=MOST_COMPONENTS).contains(&components) {
            let message = format!("mixtures of {components} components, expected 1 to {MOST_COMPONENTS}");
            return Err(Failure::new(Kind::Unsupported, message));
        }
        let n = means.len();
        if scales.len() != n || weights.len() != n || !n.is_multiple_of(components) {
            let found = format!("{n} means, {} scales, {} weights", scales.len(), weights.len());
            let message = format!("{found}, expected {components} of each for every symbol");
            return Err(Failure::new(Kind::Unsupported, message));
        }
        Ok(Self { means, scales, weights, components })
    }

    fn symbols(&self) -> usize {
        self.means.len() / self.components
    }

    /// Codes as many symbols as there are mixtures.
    fn code(&self, coder: &mut impl SymbolCoder, symbols: &mut [u16]) -> Result<()> {
        // Components without weight change nothing.
        match self.components {
            1 => self.code_padded::<1>(coder, symbols),
            2 => self.code_padded::<2>(coder, symbols),
            3..=4 => self.code_padded::<4>(coder, symbols),
            5..=8 => self.code_padded::<8>(coder, symbols),
            9..=12 => self.code_padded::<12>(coder, symbols),
            _ => self.code_padded::<MOST_COMPONENTS>(coder, symbols),
        }
    }

    fn code_padded<const K: usize>(&self, coder: &mut impl SymbolCoder, symbols: &mut [u16]) -> Result<()> {
        let k = self.components;
        let rows =
            self.means.chunks_exact(k).zip(self.scales.chunks_exact(k)).zip(self.weights.chunks_exact(k));
        for (place, (symbol, ((means, scales), weights))) in symbols.iter_mut().zip(rows).enumerate() {
            let mut components = [Component { mean: 0, scale: SCALE_ONE, weight: 0 }; K];
            let given = means.iter().zip(scales).zip(weights);
            for (component, ((&mean, &scale), &weight)) in components.iter_mut().zip(given) {
                *component = Component { mean, scale, weight };
            }
            let named = |error: nf_entropy::Error| match Failure::from(error) {
                Failure::Kind(kind, message) => Failure::Kind(kind, format!("symbol {place}: {message}")),
                other => other,
            };
            let mixture = Mixture::<K>::new(&components, SCALE_BITS, FLOOR_WIDTH).map_err(named)?;
            let mut value = u32::from(*symbol);
            coder.code(&mut value, &mixture).map_err(named)?;
            *symbol = value as u16;
        }
        Ok(())
    }
}

/// Whole means (1/256 sample), steps of scales (1/32 octave) and weights (the largest of a mixture
/// is 65535) from real ones, `components` of each for every symbol.
///
/// Single IEEE operations in a fixed order, without a mathematical library: equal numbers give
/// equal integers on every machine.
#[pyfunction]
#[pyo3(signature = (means, scales, weights, components))]
pub(crate) fn quantise<'py>(
    py: Python<'py>,
    means: PyReadonlyArray1<'py, f64>,
    scales: PyReadonlyArray1<'py, f64>,
    weights: PyReadonlyArray1<'py, f64>,
    components: usize,
) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyAny>, Bound<'py, PyAny>)> {
    let (means, scales, weights) = (means.as_slice()?, scales.as_slice()?, weights.as_slice()?);
    let (whole_means, steps, whole_weights) = threads::run(py, None, || {
        let wrong = |what: &str, value: f64, expected: &str| {
            Failure::new(Kind::Unsupported, format!("a {what} of {value}, expected {expected}"))
        };
        let whole_mean = |&mean: &f64| match mean.is_finite() {
            true => Ok((mean * f64::from(1 << MEAN_UNIT_BITS)).round() as i32),
            false => Err(wrong("mean", mean, "a finite number of samples")),
        };
        let edges = edges();
        let step = |&scale: &f64| match scale.is_normal() && scale > 0.0 {
            true => Ok(scale_step(scale, &edges)),
            false => Err(wrong("scale", scale, "a positive number of samples")),
        };
        let mut whole_weights = Vec::with_capacity(weights.len());
        for row in weights.chunks(components.max(1)) {
            let legal = |weight: &f64| weight.is_finite() && *weight >= 0.0;
            if let Some(&weight) = row.iter().find(|weight| !legal(weight)) {
                return Err(wrong("weight", weight, "a finite number that is not negative"));
            }
            let largest = row.iter().copied().fold(0.0, f64::max);
            if largest == 0.0 {
                return Err(wrong("largest weight", largest, "a mixture of some weight"));
            }
            whole_weights.extend(row.iter().map(|weight| (weight / largest * FULL_WEIGHT).round() as u16));
        }
        let means = means.iter().map(whole_mean).collect::<Result<Vec<i32>>>()?;
        let steps = scales.iter().map(step).collect::<Result<Vec<u16>>>()?;
        Ok((means, steps, whole_weights))
    })?;
    let axes = |n: usize| [n];
    Ok((
        shaped(py, whole_means, &axes(means.len()))?,
        shaped(py, steps, &axes(scales.len()))?,
        shaped(py, whole_weights, &axes(weights.len()))?,
    ))
}

/// `2^((k + 1/2) / 32)` for the steps of an octave: where one step ends and the next begins.
fn edges() -> [f64; SCALE_STEPS_PER_OCTAVE as usize] {
    // The 64th root of 2 by square roots, which IEEE arithmetic rounds correctly.
    let half_step = (0..6).fold(2.0_f64, |root, _| root.sqrt());
    let mut edge = half_step;
    [(); SCALE_STEPS_PER_OCTAVE as usize].map(|()| {
        let own = edge;
        edge *= half_step * half_step;
        own
    })
}

/// The step nearest to a positive scale, on a logarithmic scale; the outermost steps take what lies
/// beyond.
fn scale_step(scale: f64, edges: &[f64]) -> u16 {
    let bits = scale.to_bits();
    let octave = (bits >> 52) as i64 - 1023;
    let fraction = f64::from_bits(bits & ((1 << 52) - 1) | 1023 << 52);
    let within = edges.iter().filter(|&&edge| edge <= fraction).count() as i64;
    let step = octave * i64::from(SCALE_STEPS_PER_OCTAVE) + within + i64::from(SCALE_ONE);
    step.clamp(0, i64::from(SCALES) - 1) as u16
}

/// What is wrong with a coder that failed before.
fn gone() -> Failure {
    Failure::new(Kind::Request, "this coder has finished, or failed before; begin a new one")
}

/// Writes symbols under mixtures, in as many calls as the caller likes.
#[pyclass(frozen, module = "noisefloor._core")]
pub(crate) struct Encoder(Mutex<Option<Writer>>);

#[pymethods]
impl Encoder {
    #[new]
    fn new() -> Self {
        Self(Mutex::new(Some(Writer::new())))
    }

    #[pyo3(signature = (symbols, means, scales, weights, components))]
    fn encode(
        &self,
        py: Python<'_>,
        symbols: PyReadonlyArray1<'_, u16>,
        means: PyReadonlyArray1<'_, i32>,
        scales: PyReadonlyArray1<'_, u16>,
        weights: PyReadonlyArray1<'_, u16>,
        components: usize,
    ) -> PyResult<()> {
        let parameters =
            Parameters::new(means.as_slice()?, scales.as_slice()?, weights.as_slice()?, components)?;
        let symbols = symbols.as_slice()?;
        if symbols.len() != parameters.symbols() {
            let message = format!("{} symbols and {} mixtures", symbols.len(), parameters.symbols());
            return Err(Failure::new(Kind::Unsupported, message).into());
        }
        Ok(py.detach(|| {
            let mut writer = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            // One that fails halfway is not put back.
            let mut own = writer.take().ok_or_else(gone)?;
            parameters.code(&mut own, &mut symbols.to_vec())?;
            *writer = Some(own);
            Ok::<(), Failure>(())
        })?)
    }

    /// The stream of all symbols; the coder is then used up.
    fn finish<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let writer = self.0.lock().unwrap_or_else(PoisonError::into_inner).take().ok_or_else(gone)?;
        Ok(PyBytes::new(py, &py.detach(|| writer.finish())))
    }
}

/// Reads the symbols of a stream, in as many calls as the caller likes.
#[pyclass(frozen, module = "noisefloor._core")]
pub(crate) struct Decoder {
    stream: Vec<u8>,
    place: Mutex<Option<Place>>,
}

#[pymethods]
impl Decoder {
    #[new]
    fn new(stream: PyReadonlyArray1<'_, u8>) -> PyResult<Self> {
        let stream = stream.as_slice()?.to_vec();
        let place = Mutex::new(Some(Reader::new(&stream).place()));
        Ok(Self { stream, place })
    }

    #[pyo3(signature = (means, scales, weights, components))]
    fn decode<'py>(
        &self,
        py: Python<'py>,
        means: PyReadonlyArray1<'py, i32>,
        scales: PyReadonlyArray1<'py, u16>,
        weights: PyReadonlyArray1<'py, u16>,
        components: usize,
    ) -> PyResult<Bound<'py, PyAny>> {
        let parameters =
            Parameters::new(means.as_slice()?, scales.as_slice()?, weights.as_slice()?, components)?;
        let symbols = py.detach(|| {
            let mut place = self.place.lock().unwrap_or_else(PoisonError::into_inner);
            let mut reader = Reader::resume(&self.stream, place.take().ok_or_else(gone)?)?;
            let mut symbols = vec![0; parameters.symbols()];
            parameters.code(&mut reader, &mut symbols)?;
            *place = Some(reader.place());
            Ok::<Vec<u16>, Failure>(symbols)
        })?;
        let axes = [symbols.len()];
        shaped(py, symbols, &axes)
    }

    /// Checks that the stream ends here.
    fn finish(&self) -> PyResult<()> {
        let place = self.place.lock().unwrap_or_else(PoisonError::into_inner).take().ok_or_else(gone)?;
        let reader = Reader::resume(&self.stream, place).map_err(Failure::from)?;
        Ok(reader.finish().map_err(Failure::from)?)
    }
}
