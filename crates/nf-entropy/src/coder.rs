//! One act for encoder, decoder and meter.

use crate::{Distribution, Result};

/// Codes symbols under laws: [`Writer`](crate::Writer) emits them, [`Reader`](crate::Reader) fills them in,
/// [`Meter`](crate::Meter) weighs them.
///
/// Model code is written once against this trait and drives all three, so that encoder and decoder cannot drift
/// apart and the ideal size comes free.
///
/// # What implementers promise
///
/// 1. A `Reader` of the bytes of a `Writer`, handed equal laws in the same order, gives the same symbols.
/// 2. After `Ok`, `*symbol` is in the alphabet of `law`. A writer and a meter leave it as it is.
/// 3. Hostile bytes give an error or wrong symbols, and each call returns.
///
/// # What callers promise
///
/// A law depends only on symbols coded before: while reading, `*symbol` holds anything until `code` returns.
pub trait SymbolCoder {
    /// Codes `symbol` under `law`.
    ///
    /// # Errors
    /// [`Error::Symbol`](crate::Error::Symbol) from a writer or a meter if the symbol is not in the alphabet;
    /// [`Error::Truncated`](crate::Error::Truncated) or [`Error::Corrupt`](crate::Error::Corrupt) from a reader.
    fn code(&mut self, symbol: &mut u32, law: &impl Distribution) -> Result<()>;
}
