//! One operation for encoder, decoder and meter.

use crate::{Distribution, Result};

/// Codes symbols under distributions: [`Writer`](crate::Writer) emits them,
/// [`Reader`](crate::Reader) fills them in, [`Meter`](crate::Meter) weighs them.
///
/// Model code is written once against this trait and drives all three, so that encoder and decoder
/// cannot drift apart and the ideal size comes free.
///
/// ```
/// use nf_entropy::distributions::{Component, Mixture, SCALE_ONE};
/// use nf_entropy::{Meter, Reader, Result, SymbolCoder, Writer};
///
/// /// Every sample is expected near the one before, within about 4 sample values.
/// fn code_row(coder: &mut impl SymbolCoder, row: &mut [u16]) -> Result<()> {
///     let mut before = 1000;
///     for sample in row {
///         let component = Component { mean: before << 8, scale: SCALE_ONE + 2 * 32, weight: 1 };
///         let mut symbol = u32::from(*sample);
///         coder.code(&mut symbol, &Mixture::<1>::new(&[component], 24, 1)?)?;
///         *sample = symbol as u16;
///         before = symbol as i32;
///     }
///     Ok(())
/// }
///
/// let mut row = [1002, 999, 1004, 1010, 65535, 1000];
/// let mut writer = Writer::new();
/// code_row(&mut writer, &mut row)?;
/// let bytes = writer.finish();
///
/// let mut meter = Meter::new();
/// code_row(&mut meter, &mut row)?;
/// assert!(8.0 * bytes.len() as f64 <= meter.bits() + 64.0);
///
/// let mut decoded = [0; 6];
/// let mut reader = Reader::new(&bytes);
/// code_row(&mut reader, &mut decoded)?;
/// reader.finish()?;
/// assert_eq!(decoded, row);
/// # Ok::<(), nf_entropy::Error>(())
/// ```
///
/// # What implementers promise
///
/// 1. A `Reader` of the bytes of a `Writer`, handed equal distributions in the same order, gives
///    the same symbols.
/// 2. After `Ok`, `*symbol` is in the alphabet of `distribution`. A writer and a meter leave it as
///    it is.
/// 3. Hostile bytes give an error or wrong symbols, and each call returns.
///
/// # What callers promise
///
/// A distribution depends only on symbols coded before: while reading, `*symbol` holds anything
/// until `code` returns.
pub trait SymbolCoder {
    /// Codes `symbol` under `distribution`.
    ///
    /// # Errors
    /// [`Error::Symbol`](crate::Error::Symbol) from a writer or a meter if the symbol is not in the
    /// alphabet; [`Error::Truncated`](crate::Error::Truncated) or
    /// [`Error::Corrupt`](crate::Error::Corrupt) from a reader.
    fn code(&mut self, symbol: &mut u32, distribution: &impl Distribution) -> Result<()>;
}
