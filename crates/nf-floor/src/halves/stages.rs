//! The encoder's stages one by one, for benches and for the account of bits; no part of the codec.

use super::Effort;
use super::decode::transpose;
use super::encode::{code, split};
use super::fit::{Lines, fit};
use super::header::Model;
use super::location::Centre;
use super::scale::scale_of;
use super::symbols::{CONTEXTS, SYMBOLS, base, bin, low_bits, outlier};
use super::tables::{Counts, Tables};
use super::window::Window;
use crate::machine::{Machine, Work};
use crate::tile::TileView;
use nf_entropy::bits::BitWriter;
use nf_entropy::table::{DecodeTables, EncodeTables, TableDecoder};

/// What an encoder does after the other; the first three do what is before them as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Robust centres and locations of all pixels.
    Locations,
    /// The same, and expected errors.
    Scales,
    /// The same, contexts, symbols, raw bits and counts.
    Symbols,
    /// Tables from counts.
    Tables,
    /// rANS.
    Encode,
    /// rANS backwards.
    Decode,
    /// Fit of the model to the tile, in the direction that was chosen.
    Fit,
}

/// A tile on its way through the encoder.
#[derive(Debug)]
pub struct Stages {
    model: Model,
    effort: Effort,
    samples: Vec<u16>,
    width: usize,
    counts: Vec<Counts>,
    tables: Tables,
    indices: Vec<u16>,
    symbols: Vec<u8>,
    coded: Vec<u8>,
    raw_bits: u64,
}

/// Bits of a tile.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Bits {
    /// Numbers of the model.
    pub model: f64,
    /// Tables of frequencies, and where they begin.
    pub tables: f64,
    /// Symbols under their tables.
    pub symbols: f64,
    /// Of those, symbols of outliers.
    pub outliers: f64,
    /// Raw bits.
    pub raw: f64,
}

impl Bits {
    /// All of them.
    pub fn total(&self) -> f64 {
        self.model + self.tables + self.symbols + self.raw
    }
}

struct At<'a>(&'a Stages, Stage);

impl Work for At<'_> {
    type Output = usize;
    #[inline(always)]
    fn run(self) -> usize {
        self.0.stage(self.1)
    }
}

impl Stages {
    /// All stages of a tile with at least one pixel, rows of it as lines or, where `transposed`, columns.
    pub fn new(tile: TileView, effort: Effort, transposed: bool) -> Self {
        let (samples, width) = match transposed {
            true => (transpose(tile.samples, tile.width), tile.height),
            false => (tile.samples.to_vec(), tile.width),
        };
        let mut sorted: Vec<u16> = samples.iter().step_by(samples.len() / 4096 + 1).copied().collect();
        let middle = sorted.len() / 2;
        let origin = *sorted.select_nth_unstable(middle).1;
        let model = Model { transposed, ..fit(&mut Lines::new(&samples, width, origin), effort) };
        let (mut contexts, mut symbols) = (vec![0; samples.len()], vec![0; samples.len()]);
        let mut counts = vec![[0; SYMBOLS]; CONTEXTS];
        let mut raw = BitWriter::new();
        code(&model, &samples, width, &mut contexts, &mut symbols, &mut counts, &mut raw);
        let tables = Tables::of_counts(&counts);
        let of_context = tables.of_contexts();
        let indices: Vec<u16> = contexts.iter().map(|&context| of_context[usize::from(context)]).collect();
        let laws = EncodeTables::new(&tables.laws).expect("tables of one scale, at least one");
        let coded = laws.encode(&indices, &symbols).expect("all symbols were counted");
        let raw_bits = raw.len_bits();
        Self { model, effort, samples, width, counts, tables, indices, symbols, coded, raw_bits }
    }

    /// Does one stage with the best instructions at hand; the number depends on what comes out.
    pub fn run(&self, stage: Stage) -> usize {
        Machine::best().run(At(self, stage))
    }

    #[inline(always)]
    fn stage(&self, stage: Stage) -> usize {
        match stage {
            Stage::Locations => self.front(false),
            Stage::Scales => self.front(true),
            Stage::Symbols => {
                let (mut contexts, mut symbols) = (vec![0; self.samples.len()], vec![0; self.samples.len()]);
                let mut counts = vec![[0; SYMBOLS]; CONTEXTS];
                let mut raw = BitWriter::new();
                code(
                    &self.model,
                    &self.samples,
                    self.width,
                    &mut contexts,
                    &mut symbols,
                    &mut counts,
                    &mut raw,
                );
                raw.finish().len() + usize::from(contexts[0]) + usize::from(symbols[0])
            }
            Stage::Tables => Tables::of_counts(&self.counts).laws.len(),
            Stage::Encode => {
                let laws = EncodeTables::new(&self.tables.laws).expect("tables of one scale, at least one");
                let coded = laws.encode(&self.indices, &self.symbols);
                coded.expect("all symbols were counted").len()
            }
            Stage::Decode => {
                let laws = DecodeTables::new(&self.tables.laws).expect("tables of one scale, at least one");
                let mut decoder = TableDecoder::new(&laws, &self.coded).expect("states of an encoder");
                let mut symbols = vec![0; self.symbols.len()];
                decoder.decode(&self.indices, &mut symbols).expect("indices of the tables");
                usize::from(symbols[symbols.len() - 1])
            }
            Stage::Fit => {
                let mut lines = Lines::new(&self.samples, self.width, self.model.origin);
                fit(&mut lines, self.effort).scatter as usize
            }
        }
    }

    /// Locations and, if wanted, expected errors of all half rows.
    #[inline(always)]
    fn front(&self, scales: bool) -> usize {
        let model = &self.model;
        let mut window = Window::new(self.width, model.origin);
        let n = window.padded();
        let (predictors, scalers) = (model.predictors(), model.scalers());
        let mut centre = Centre::new(n);
        let (mut locations, mut expected) = (vec![0.0; n], vec![0.0; n]);
        let mut halves = [vec![0_u16; n], vec![0_u16; n]];
        let mut sum = 0.0;
        for row in self.samples.chunks_exact(self.width) {
            window.advance();
            split(row, &mut halves);
            for parity in 0..2 {
                centre.look(&window, parity, model.scatter());
                predictors[parity].locate(&window, &centre, &mut locations);
                if scales {
                    scalers[parity].expect(&window, parity, &centre, &locations, 0..n, &mut expected);
                }
                sum += locations[0] + expected[0];
                window.learn(parity, &halves[parity], &locations);
            }
        }
        sum as usize
    }

    /// What the tile takes if the codec knew of every pixel the mean, or the expected absolute error, or both (in the order of
    /// the tile's own rows and columns): tables are made anew for what comes out.
    pub fn bits(&self, means: Option<&[f32]>, errors: Option<&[f32]>) -> Bits {
        let (model, width) = (&self.model, self.width);
        let turned = |map: Option<&[f32]>| -> Option<Vec<f32>> {
            let map = map?;
            let height = self.samples.len() / width;
            Some(match model.transposed {
                true => (0..map.len()).map(|i| map[i % width * height + i / width]).collect(),
                false => map.to_vec(),
            })
        };
        let (means, errors) = (turned(means), turned(errors));
        let mut window = Window::new(width, model.origin);
        let n = window.padded();
        let (predictors, scalers) = (model.predictors(), model.scalers());
        let mut centre = Centre::new(n);
        let (mut locations, mut expected) = (vec![0.0; n], vec![0.0; n]);
        let mut halves = [vec![0_u16; n], vec![0_u16; n]];
        let mut counts = vec![[0; SYMBOLS]; CONTEXTS];
        let mut bits = Bits::default();
        for (y, row) in self.samples.chunks_exact(width).enumerate() {
            window.advance();
            split(row, &mut halves);
            for parity in 0..2 {
                centre.look(&window, parity, model.scatter());
                predictors[parity].locate(&window, &centre, &mut locations);
                // Errors around are those of the codec's own locations, whatever it is told of this pixel.
                scalers[parity].expect(&window, parity, &centre, &locations, 0..n, &mut expected);
                for i in 0..window.length(parity) {
                    let at = y * width + 2 * i + parity;
                    let scale = scale_of(errors.as_ref().map_or(expected[i], |errors| errors[at]));
                    let location =
                        means.as_ref().map_or(locations[i], |means| means[at].clamp(0.0, 65_535.0));
                    let (base, context) = base(location, scale);
                    let (residual, low) = (i32::from(halves[parity][i]) - base, low_bits(scale));
                    let symbol = bin(residual, low);
                    if symbol < SYMBOLS as i32 {
                        counts[context as usize][symbol as usize] += 1;
                        bits.raw += f64::from(low);
                    } else {
                        let outlier = outlier(residual, low);
                        counts[context as usize][usize::from(outlier.symbol)] += 1;
                        bits.raw += f64::from(outlier.raw_bits);
                    }
                }
                window.learn(parity, &halves[parity], &locations);
            }
        }
        let tables = Tables::of_counts(&counts);
        let of_context = tables.of_contexts();
        for (context, counts) in counts.iter().enumerate() {
            for (symbol, &count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
                let width = tables.laws[usize::from(of_context[context])].frequencies()[symbol];
                let cost = f64::from(count) * (16_384.0 / f64::from(width)).log2();
                bits.symbols += cost;
                bits.outliers += if super::symbols::is_bin(symbol as u8) { 0.0 } else { cost };
            }
        }
        let mut header = BitWriter::new();
        model.write(&mut header);
        bits.model = header.len_bits() as f64;
        tables.write(&mut header);
        bits.tables = header.len_bits() as f64 - bits.model;
        bits
    }

    /// Bytes of the payload that these stages write.
    pub fn payload_bytes(&self) -> usize {
        let mut header = BitWriter::new();
        self.model.write(&mut header);
        self.tables.write(&mut header);
        8 + header.finish().len() + self.coded.len() + self.raw_bits.div_ceil(8) as usize
    }
}
