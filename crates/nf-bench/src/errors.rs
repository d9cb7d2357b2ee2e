//! What bounds do to samples: `errors.csv` of a run, a row for every image, bound and codec with a
//! loss of its own, and one for the indices that all lossless codecs share ([`OPEN_LOOP`]).

use crate::folder::RunFolder;
use crate::measurement::{Measurement, one_line};
use crate::moments::Moments;
pub use crate::moments::{LEVELS, RINGS};
use crate::transforms::Bounded;
use crate::{Analysis, Error, Result};
use nf_bounded::Array;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Stands for the codecs of indices: they decode to the same samples.
pub const OPEN_LOOP: &str = "indices";

/// The file of a run.
pub const FILE: &str = "errors.csv";

/// What an image became within a bound. Errors are decoded less original, in DN.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ErrorRow {
    /// The dataset, as the suite names it.
    pub dataset: String,
    /// Its split.
    pub split: String,
    /// The image.
    pub image: String,
    /// The codec, or [`OPEN_LOOP`].
    pub codec: String,
    /// The bound, whole DN.
    pub bound_dn: f64,
    /// Noise of the image by third-order differences.
    pub sigma_dn: Option<f64>,
    /// Pixels of the image.
    pub pixels: u64,
    /// Bytes of the stream with the listed samples; none for indices.
    pub coded_bytes: Option<u64>,
    /// Largest error.
    pub largest_dn: f64,
    /// Root mean square.
    pub rms_dn: f64,
    /// Mean error.
    pub mean_dn: f64,
    /// Share of the samples that changed.
    pub changed: f64,
    /// Correlation of the error with the sample.
    pub correlation: f64,
    /// Correlation of the errors of neighbours in a row.
    pub lag1_x: f64,
    /// The same in a column.
    pub lag1_y: f64,
    /// Distance of the distribution from a uniform one within the bound.
    pub uniform_distance: f64,
    /// Mean error by eighths of the samples, from dark to bright, separated by semicolons.
    pub level_means_dn: String,
    /// Power by ring of spatial frequency relative to white noise, separated by semicolons.
    pub power: String,
}

impl ErrorRow {
    fn new(named: &Measurement, bounded: &Bounded, decoded: &Array, coded_bytes: Option<u64>) -> Self {
        let bound_dn = bounded.bound.value();
        let found = Moments::of(&bounded.array, decoded, bound_dn);
        let round = |value: f64| (value * 1e6).round() / 1e6;
        let list =
            |values: &[f64]| values.iter().map(|value| format!("{value:.4}")).collect::<Vec<_>>().join(";");
        Self {
            dataset: named.dataset.clone(),
            split: named.split.clone(),
            image: named.image.clone(),
            codec: named.codec.clone(),
            bound_dn,
            sigma_dn: bounded.sigma_dn.map(round),
            pixels: bounded.array.samples().len() as u64,
            coded_bytes,
            largest_dn: found.largest,
            rms_dn: round(found.rms),
            mean_dn: round(found.mean),
            changed: round(found.changed_share),
            correlation: round(found.correlation),
            lag1_x: round(found.lag1_x),
            lag1_y: round(found.lag1_y),
            uniform_distance: round(found.uniform_distance),
            level_means_dn: list(&found.level_means),
            power: list(&found.power),
        }
    }

    /// The numbers of a list.
    pub fn list(text: &str) -> Vec<f64> {
        text.split(';').filter_map(|number| number.parse().ok()).collect()
    }
}

/// The file of a run under way; nothing is written where the suite does not ask for it.
#[derive(Debug)]
pub(crate) struct ErrorFile {
    path: Option<PathBuf>,
}

impl ErrorFile {
    pub(crate) fn of(folder: &RunFolder, analyses: &[Analysis]) -> Self {
        Self { path: analyses.contains(&Analysis::Errors).then(|| folder.path().join(FILE)) }
    }

    /// What the indices of an image decode to; `named` has the names of the row.
    pub(crate) fn open_loop(&mut self, named: &Measurement, bounded: &Bounded) -> Result<()> {
        let Some(path) = &self.path else { return Ok(()) };
        append(path, &ErrorRow::new(named, bounded, bounded.quantised.decoded(), None))
    }

    /// What a codec decoded.
    pub(crate) fn of_codec(
        &mut self,
        named: &Measurement,
        bounded: &Bounded,
        decoded: &Array,
        coded_bytes: Option<u64>,
    ) -> Result<()> {
        let Some(path) = &self.path else { return Ok(()) };
        append(path, &ErrorRow::new(named, bounded, decoded, coded_bytes))
    }
}

/// Adds a row to a file of rows, with a header line if it is new.
pub(crate) fn append<T: Serialize>(path: &Path, row: &T) -> Result<()> {
    let is_new = !path.exists();
    let mut writer = csv::WriterBuilder::new().has_headers(is_new).from_writer(Vec::new());
    writer.serialize(row).expect("a row is flat and memory takes it");
    let bytes = writer.into_inner().expect("memory takes it");
    let file = OpenOptions::new().create(true).append(true).open(path);
    file.and_then(|mut file| file.write_all(&bytes)).map_err(Error::io(path))
}

/// The rows of a file, without a last line that was cut short; none if there is no file.
pub(crate) fn read<T: for<'a> Deserialize<'a>>(path: &Path) -> Result<Vec<T>> {
    if !path.exists() {
        return Ok(Vec::new());
    }
    let text = std::fs::read_to_string(path).map_err(Error::io(path))?;
    let whole = text.rfind('\n').map_or("", |end| &text[..=end]);
    let rows =
        csv::Reader::from_reader(whole.as_bytes()).deserialize().collect::<Result<Vec<T>, csv::Error>>();
    rows.map_err(|error| Error::malformed(path, one_line(&error.to_string())))
}

/// The rows of a run; of several for one image and codec, as a continued run may have, the last.
///
/// # Errors
/// If the file cannot be read, or a line is not a row.
pub fn of_run(folder: &Path) -> Result<Vec<ErrorRow>> {
    let rows: Vec<ErrorRow> = read(&folder.join(FILE))?;
    let key = |row: &ErrorRow| [&row.dataset, &row.split, &row.image, &row.codec].map(Clone::clone);
    let last: BTreeMap<_, usize> = rows.iter().enumerate().map(|(n, row)| (key(row), n)).collect();
    let mut places: Vec<usize> = last.into_values().collect();
    places.sort_unstable();
    Ok(places.into_iter().map(|place| rows[place].clone()).collect())
}
