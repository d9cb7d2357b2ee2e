//! Rows pooled into rates, as `docs/methodology.md` defines them.

use crate::statistics::bootstrap::{Interval, interval};
use nf_bench::measurement::Figures;
use nf_bench::totals::Totals;
use nf_bench::{Measurement, ORACLE, Run};
use serde::Serialize;
use std::collections::BTreeMap;

/// What one codec did on one dataset.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CodecSummary {
    /// Its spec.
    pub codec: String,
    /// What it does with planes; empty if it could not be built.
    pub planes: &'static str,
    /// Where its streams can be decoded; empty if it could not be built.
    pub reproducibility: &'static str,
    /// Size of its trained model.
    pub weights_bytes: u64,
    /// Trained parameters of that.
    pub parameters: u64,
    /// Multiplications of that, each with its addition, for one pixel.
    pub macs_per_px: f64,
    /// Whether its times include the start of a program.
    pub starts_process: bool,
    /// Images that came back equal (for the oracle: that have one); all sums are over these.
    pub images_ok: usize,
    /// Images offered.
    pub images: usize,
    /// Pixels.
    pub pixels: u64,
    /// Bytes of the pixels in their files, without compression.
    pub raw_bytes: u64,
    /// Stream bytes; none for the oracle.
    pub coded_bytes: Option<u64>,
    /// What its own probabilities promise, where every image has a number.
    pub ideal_bits: Option<u64>,
    /// 8 times the coded bytes by the pixels; for the oracle its bits by the pixels.
    pub bits_per_pixel: Option<f64>,
    /// Its 95 % interval over images.
    pub bits_per_pixel_interval: Option<Interval>,
    /// Raw bytes by coded bytes, sum over sum.
    pub ratio_pooled: Option<f64>,
    /// Mean over the images of raw bytes by coded bytes.
    pub ratio_mean: Option<f64>,
    /// Its 95 % interval over images.
    pub ratio_mean_interval: Option<Interval>,
    /// How much larger than the smallest codec it is, in percent of that, over the images that both
    /// coded, with its interval over images: the same images are drawn for both, so this is much
    /// narrower than what separates two images.
    pub over_smallest_percent: Option<(f64, Option<Interval>)>,
    /// 10^6 raw bytes by the seconds of encoding, sum over sum.
    pub encode_mb_per_s: Option<f64>,
    /// The same for decoding.
    pub decode_mb_per_s: Option<f64>,
    /// Speed of encoding with all cores, where every image was timed so.
    pub encode_all_mb_per_s: Option<f64>,
    /// The same for decoding.
    pub decode_all_mb_per_s: Option<f64>,
    /// Largest rise of memory on any image.
    pub peak_bytes: Option<u64>,
    /// Bits per pixel above the oracle, over the images that have one.
    pub above_oracle_bits_per_pixel: Option<f64>,
    /// Samples that a codec with a loss of its own left outside of the bound, which are listed
    /// beside its streams.
    pub outside_samples: Option<u64>,
    /// The first thing that went wrong, or why it was left out; empty if nothing did.
    pub error: String,
}

/// What a model said that the images of a dataset would cost. It is no size, since there is no
/// stream.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct EstimateSummary {
    /// The name of its rows, which says that there is no stream.
    pub estimate: String,
    /// Images that it is of; all sums are over these.
    pub images_estimated: usize,
    /// Images offered.
    pub images: usize,
    /// Their bits by their pixels.
    pub estimated_bits_per_pixel: Option<f64>,
    /// Bits per pixel above the oracle, over the images that have one.
    pub above_oracle_bits_per_pixel: Option<f64>,
    /// The first thing that went wrong, or why it was left out; empty if nothing did.
    pub error: String,
}

/// What all codecs did on one dataset, smallest code first.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DatasetSummary {
    /// The dataset.
    pub dataset: String,
    /// Its split.
    pub split: String,
    /// Images of which at least one row is there.
    pub images: usize,
    /// Pixels of these.
    pub pixels: u64,
    /// The codecs.
    pub codecs: Vec<CodecSummary>,
    /// Estimates without a stream, in the order of the suite; never among the codecs.
    pub estimates: Vec<EstimateSummary>,
    /// What speaks of no codec: why the dataset was skipped, images that could not be read.
    pub notes: Vec<String>,
}

/// The datasets of a run, in the order of the suite.
pub fn summarise(run: &Run) -> Vec<DatasetSummary> {
    let choices = run.suite.datasets.iter();
    choices
        .map(|choice| {
            let rows = run.rows.iter().filter(|row| row.dataset == choice.name && row.split == choice.split);
            dataset(run, &choice.name, &choice.split, rows)
        })
        .collect()
}

/// All datasets of a run as if they were one, called `all`.
pub fn summarise_all(run: &Run) -> DatasetSummary {
    dataset(run, "all", "all", run.rows.iter())
}

/// What tells an image from every other of a run: dataset, split, name.
pub(crate) type ImageKey<'a> = (&'a str, &'a str, &'a str);

fn image_key(row: &Measurement) -> ImageKey<'_> {
    (&row.dataset, &row.split, &row.image)
}

fn dataset<'a>(
    run: &Run,
    name: &str,
    split: &str,
    rows: impl Iterator<Item = &'a Measurement>,
) -> DatasetSummary {
    let mut sizes = BTreeMap::new();
    let mut by_codec: BTreeMap<&str, Vec<&Measurement>> = BTreeMap::new();
    let (mut notes, mut estimates): (Vec<String>, Vec<(&str, Vec<&Measurement>)>) = (vec![], vec![]);
    let mut origins: BTreeMap<&str, usize> = BTreeMap::new();
    for row in rows {
        if !row.origin.is_empty() {
            *origins.entry(&row.origin).or_default() += 1;
        }
        if row.codec.is_empty() {
            let place = if row.image.is_empty() { &row.dataset } else { &row.image };
            notes.push(format!("{place}: {}", row.status.text()));
            continue;
        }
        if row.is_estimate() {
            match estimates.iter_mut().find(|(name, _)| *name == row.codec) {
                Some((_, rows)) => rows.push(row),
                None => estimates.push((&row.codec, vec![row])),
            }
            continue;
        }
        by_codec.entry(&row.codec).or_default().push(row);
        if !row.image.is_empty() {
            sizes.insert(image_key(row), row.pixels());
        }
    }
    notes.extend(origins.into_iter().map(|(origin, rows)| {
        format!(
            "sizes and times of {rows} rows are those of the run {origin}: same program, machine and pixels"
        )
    }));
    let oracle: BTreeMap<ImageKey, u64> = by_codec.get(ORACLE).map_or_else(BTreeMap::new, |rows| {
        rows.iter().filter_map(|row| Some((image_key(row), row.figures.ideal_bits?))).collect()
    });
    let mut codecs: Vec<CodecSummary> =
        by_codec.iter().map(|(codec, rows)| pooled(run, codec, rows, sizes.len(), &oracle)).collect();
    codecs.sort_by(|a, b| {
        let size = |summary: &CodecSummary| summary.bits_per_pixel.unwrap_or(f64::INFINITY);
        // The oracle bounds the rest and heads the table; whoever failed comes last.
        (a.codec != ORACLE).cmp(&(b.codec != ORACLE)).then(size(a).total_cmp(&size(b)))
    });
    compare_with_smallest(&mut codecs, &by_codec, sizes.len());
    DatasetSummary {
        dataset: name.to_owned(),
        split: split.to_owned(),
        images: sizes.len(),
        pixels: sizes.values().sum(),
        codecs,
        estimates: estimates.into_iter().map(|(name, rows)| estimated(name, &rows, &oracle)).collect(),
        notes,
    }
}

/// The rows of one estimate.
fn estimated(name: &str, rows: &[&Measurement], oracle: &BTreeMap<ImageKey, u64>) -> EstimateSummary {
    let of: Vec<(&&Measurement, f64)> =
        rows.iter().filter_map(|row| Some((row, row.estimated_bits()? as f64))).collect();
    let per_pixel = |sums: (f64, u64)| (sums.1 > 0).then(|| sums.0 / sums.1 as f64);
    let sum = |parts: &mut dyn Iterator<Item = (f64, u64)>| {
        per_pixel(parts.fold((0.0, 0), |(bits, pixels), part| (bits + part.0, pixels + part.1)))
    };
    let above =
        of.iter().filter_map(|(row, bits)| Some((bits - *oracle.get(&image_key(row))? as f64, row.pixels())));
    EstimateSummary {
        estimate: name.to_owned(),
        images_estimated: of.len(),
        images: rows.len(),
        estimated_bits_per_pixel: sum(&mut of.iter().map(|(row, bits)| (*bits, row.pixels()))),
        above_oracle_bits_per_pixel: sum(&mut above.into_iter()),
        error: rows
            .iter()
            .filter(|row| row.estimated_bits().is_none())
            .map(|row| row.status.text())
            .next()
            .unwrap_or_default(),
    }
}

/// Fills in how much larger every codec is than the smallest one that coded all images.
fn compare_with_smallest(
    codecs: &mut [CodecSummary],
    rows: &BTreeMap<&str, Vec<&Measurement>>,
    images: usize,
) {
    let whole = |codec: &&CodecSummary| codec.coded_bytes.is_some() && codec.images_ok == images;
    let Some(smallest) = codecs.iter().find(whole).map(|codec| codec.codec.clone()) else { return };
    let bytes = |codec: &str| -> BTreeMap<ImageKey<'_>, u64> {
        let good = rows[codec].iter().filter(|row| row.is_verified());
        good.filter_map(|row| Some((image_key(row), row.figures.coded_bytes?))).collect()
    };
    let least = bytes(&smallest);
    for codec in codecs.iter_mut().filter(|codec| codec.coded_bytes.is_some()) {
        let here = bytes(&codec.codec);
        let pairs: Vec<(f64, f64)> = here
            .iter()
            .filter_map(|(image, &bytes)| Some((bytes as f64, *least.get(image)? as f64)))
            .collect();
        let excess = |drawn: &[usize]| {
            let (own, other) = drawn.iter().fold((0.0, 0.0), |(a, b), &i| (a + pairs[i].0, b + pairs[i].1));
            100.0 * (own / other - 1.0)
        };
        let every: Vec<usize> = (0..pairs.len()).collect();
        let figure = excess(&every);
        codec.over_smallest_percent = figure.is_finite().then(|| (figure, interval(pairs.len(), excess)));
    }
}

/// Sizes of a run by image and codec.
#[derive(Clone, Debug)]
pub(crate) struct ImageSizes<'a> {
    images: Vec<ImageKey<'a>>,
    bits: BTreeMap<(ImageKey<'a>, &'a str), f64>,
}

impl<'a> ImageSizes<'a> {
    pub(crate) fn of(run: &'a Run) -> Self {
        let (mut images, mut bits) = (vec![], BTreeMap::new());
        let mut seen = std::collections::BTreeSet::new();
        for row in run.rows.iter().filter(|row| row.pixels() > 0 && !row.image.is_empty()) {
            let Some(size) = row.bits() else { continue };
            if seen.insert(image_key(row)) {
                images.push(image_key(row));
            }
            bits.insert((image_key(row), row.codec.as_str()), size as f64 / row.pixels() as f64);
        }
        Self { images, bits }
    }

    /// Dataset, split and name of the images that have a size, in the order of the run.
    pub(crate) fn images(&self) -> impl Iterator<Item = ImageKey<'a>> {
        self.images.iter().copied()
    }

    /// What a codec made of an image.
    pub(crate) fn bits_per_pixel(&self, image: ImageKey<'a>, codec: &'a str) -> Option<f64> {
        self.bits.get(&(image, codec)).copied()
    }
}

fn pooled(
    run: &Run,
    codec: &str,
    rows: &[&Measurement],
    images: usize,
    oracle: &BTreeMap<ImageKey, u64>,
) -> CodecSummary {
    let facts = run.facts.get(codec);
    let good: Vec<&Measurement> = rows.iter().copied().filter(|row| row.counts()).collect();
    let totals = Totals::of(good.iter().copied());
    let Totals { raw_bytes, coded_bytes, ideal_bits, .. } = totals;
    let pixels = totals.pixels();
    let total = |of: fn(&Figures) -> Option<u64>| good.iter().map(|row| of(&row.figures)).sum();
    // Ten to the six raw bytes by seconds equals raw bytes times 1000 by nanoseconds.
    let speed = |ns: Option<u64>| ns.filter(|&ns| ns > 0).map(|ns| raw_bytes as f64 * 1e3 / ns as f64);
    let ratios: Option<Vec<f64>> =
        good.iter().map(|row| Some(ratio(row.raw_bytes, row.figures.coded_bytes?))).collect();
    let compared = good.iter().filter_map(|row| {
        let code_bits = 8 * row.figures.coded_bytes?;
        Some((code_bits as f64 - *oracle.get(&image_key(row))? as f64, row.pixels()))
    });
    let (excess_bits, excess_pixels) = compared.fold((0.0, 0), |(b, p), (bits, px)| (b + bits, p + px));
    CodecSummary {
        codec: codec.to_owned(),
        planes: facts.map_or("", |facts| facts.planes.name()),
        reproducibility: facts.map_or("", |facts| facts.reproducibility.name()),
        weights_bytes: facts.map_or(0, |facts| facts.weights_bytes),
        parameters: facts.map_or(0, |facts| facts.parameters),
        macs_per_px: facts.map_or(0.0, |facts| facts.macs_per_px),
        starts_process: facts.is_some_and(|facts| facts.starts_process),
        images_ok: good.len(),
        images: if codec == ORACLE { good.len() } else { images },
        pixels,
        raw_bytes,
        coded_bytes,
        ideal_bits,
        bits_per_pixel: totals.bits(codec).filter(|_| pixels > 0).map(|bits| bits as f64 / pixels as f64),
        bits_per_pixel_interval: interval(good.len(), |drawn| {
            let sum =
                |of: &dyn Fn(&Measurement) -> u64| drawn.iter().map(|&i| of(good[i])).sum::<u64>() as f64;
            sum(&|row| row.bits().unwrap_or(0)) / sum(&|row| row.pixels())
        }),
        ratio_pooled: coded_bytes.map(|bytes| ratio(raw_bytes, bytes)),
        ratio_mean_interval: ratios
            .as_ref()
            .and_then(|r| interval(r.len(), |drawn| mean(drawn.iter().map(|&i| r[i])))),
        ratio_mean: ratios.filter(|r| !r.is_empty()).map(|r| mean(r.into_iter())),
        over_smallest_percent: None,
        encode_mb_per_s: speed(total(|figures| figures.encode_ns)),
        decode_mb_per_s: speed(total(|figures| figures.decode_ns)),
        encode_all_mb_per_s: speed(total(|figures| figures.encode_all_ns)),
        decode_all_mb_per_s: speed(total(|figures| figures.decode_all_ns)),
        peak_bytes: good.iter().map(|row| row.figures.peak_bytes).max().flatten(),
        above_oracle_bits_per_pixel: (excess_pixels > 0).then(|| excess_bits / excess_pixels as f64),
        outside_samples: good
            .iter()
            .filter_map(|row| row.figures.outside_samples)
            .reduce(|all, samples| all + samples),
        error: rows.iter().map(|row| row.status.text()).find(|text| !text.is_empty()).unwrap_or_default(),
    }
}

fn mean(values: impl ExactSizeIterator<Item = f64>) -> f64 {
    let n = values.len() as f64;
    values.sum::<f64>() / n
}

/// Raw by coded; a stream may be empty when the container says all there is to say.
fn ratio(raw_bytes: u64, coded_bytes: u64) -> f64 {
    raw_bytes as f64 / coded_bytes.max(1) as f64
}
