//! What a pass makes of what is known: intervals that shrink, or ever new ones.

use crate::intervals::UNKNOWN;
use crate::mixture::MixtureParams;
use crate::tile_model::TileCoder;
use nf_entropy::Result;

/// A process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Process {
    /// Cells of the interval that is known already.
    Interval,
    /// Cells of all samples, moved by a dither that is new in every stage: universal quantisation
    /// (arXiv:2412.10935). What is known already is seen, but does not bound the sample.
    Uniform,
}

/// The cells that a sample may lie in: from where they count, and where the first one begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cells {
    process: Process,
    /// First integer of the interval, and its bits.
    low: i32,
    interval_bits: u8,
    /// What the first cell lacks.
    offset: i32,
    cell_bits: u8,
}

/// Number `place` of a stage's dithers, below `2^bits`: SplitMix64 (Steele, Lea, Flood 2014).
fn dither(stage: usize, place: usize, bits: u8) -> i32 {
    let counter = ((stage as u64) << 32) + place as u64 + 1;
    let mut z = counter.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    ((z ^ (z >> 31)) & ((1 << bits) - 1)) as i32
}

impl Process {
    /// The cells of `2^cell_bits` samples in a stage, of a pixel whose interval is known.
    pub(super) fn cells(self, stage: usize, place: usize, (low, bits): (i32, u8), cell_bits: u8) -> Cells {
        match self {
            Self::Interval => Cells { process: self, low, interval_bits: bits, offset: 0, cell_bits },
            Self::Uniform => {
                let offset = dither(stage, place, cell_bits);
                Cells { process: self, low: 0, interval_bits: UNKNOWN, offset, cell_bits }
            }
        }
    }
}

impl Cells {
    /// The cell of a sample that lies in one.
    pub(super) fn of(&self, sample: u16) -> u32 {
        ((i32::from(sample) - self.low + self.offset) >> self.cell_bits) as u32
    }

    /// The interval that a cell is: its first integer and bits.
    pub(super) fn interval(&self, cell: u32) -> (i32, u8) {
        (self.low + ((cell as i32) << self.cell_bits) - self.offset, self.cell_bits)
    }

    /// First sample and end of the interval that bounds a sample, then of one of its cells.
    #[cfg(feature = "train")]
    pub(super) fn edges(&self, cell: u32) -> [i32; 4] {
        let end = self.low + (1 << self.interval_bits);
        let first = self.interval(cell).0;
        [self.low, end, first.max(self.low), (first + (1 << self.cell_bits)).min(end)]
    }

    /// Codes a cell under a mixture.
    ///
    /// # Errors
    /// What the coder says.
    pub(super) fn code(
        &self,
        mixture: &MixtureParams,
        coder: &mut dyn TileCoder,
        cell: &mut u32,
    ) -> Result<()> {
        match self.process {
            Process::Interval => {
                mixture.code_cell(coder, cell, (self.low as u16, self.interval_bits), self.cell_bits)
            }
            Process::Uniform => mixture.code_shifted_cell(coder, cell, self.offset as u32, self.cell_bits),
        }
    }
}
