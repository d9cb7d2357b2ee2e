//! One row of a run.

use serde::{Deserialize, Serialize};

/// The name under which the exact information content of simulated frames joins the table.
pub const ORACLE: &str = "oracle";

/// What stands in the name of every estimate, and of no codec: names of codecs have no spaces.
pub const ESTIMATE: &str = " estimate, no stream: ";

/// The text of an estimate's row on disk: readers that do not know of estimates take it for a
/// failure, and never for a size.
const ESTIMATED: &str = "an estimate, no stream";

/// How the text of a row begins on disk that was left out on purpose.
const SKIPPED: &str = "skipped: ";

/// What one codec did on one image.
///
/// A row without an image speaks of the whole dataset, one without a codec of every codec.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Record", into = "Record")]
pub struct Measurement {
    /// The dataset, as the suite names it.
    pub dataset: String,
    /// The split of the dataset.
    pub split: String,
    /// The image, as the dataset names it.
    pub image: String,
    /// The codec's spec, or [`ORACLE`], or the name of an estimate.
    pub codec: String,
    /// Bytes of the pixels as their file stores them without compression; two for every pixel where
    /// there is no file.
    pub raw_bytes: u64,
    /// Sizes, times and memory.
    pub figures: Figures,
    /// Shape of the image, and the first half of the digest of its samples in hexadecimal digits.
    pub image_fingerprint: String,
    /// The folder of the run that the figures were measured in; empty for this one.
    pub origin: String,
    /// How it ended.
    pub status: Status,
}

/// What was measured; nothing where a codec failed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// The codec's stream, without a container around it.
    pub coded_bytes: Option<u64>,
    /// What the codec's own probabilities promise, or the oracle's information content, or what an
    /// estimate says.
    pub ideal_bits: Option<u64>,
    /// Median time of encoding.
    pub encode_ns: Option<u64>,
    /// Median time of decoding.
    pub decode_ns: Option<u64>,
    /// Median time of encoding with all cores at the codec's disposal, where the suite asks for it.
    pub encode_all_ns: Option<u64>,
    /// The same for decoding.
    pub decode_all_ns: Option<u64>,
    /// Timed runs behind the medians; 0 if the times are those of the verifying pass.
    pub runs: u32,
    /// Largest rise of the resident size while encoding or decoding.
    pub peak_bytes: Option<u64>,
    /// Of a codec with a loss of its own: samples that it brought back outside of the bound, which
    /// are listed exactly beside its stream and counted in its bytes.
    pub outside_samples: Option<u64>,
}

/// How a measurement ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// A fresh decoder gave back the same samples.
    Verified,
    /// The oracle's row: an information content, with no stream to decode.
    Oracle,
    /// A model's row: bits that nobody has coded.
    Estimate,
    /// Something went wrong; the reason in one line.
    Failed(String),
    /// It was left out on purpose; the reason in one line.
    Skipped(String),
}

impl Default for Status {
    fn default() -> Self {
        Self::failed("nothing was measured")
    }
}

impl Status {
    /// A failure for this reason, whatever line breaks the text has.
    pub fn failed(reason: &str) -> Self {
        Self::Failed(reason_of(reason))
    }

    /// Left out for this reason.
    pub fn skipped(reason: &str) -> Self {
        Self::Skipped(reason_of(reason))
    }

    /// What went wrong, or why nothing was measured; empty if all is well.
    pub fn text(&self) -> String {
        match self {
            Self::Verified | Self::Oracle => String::new(),
            Self::Estimate => ESTIMATED.to_owned(),
            Self::Failed(reason) => reason.clone(),
            Self::Skipped(reason) => format!("{SKIPPED}{reason}"),
        }
    }
}

impl Measurement {
    /// A row that only says why there is none.
    pub fn skipped(dataset: &str, split: &str, codec: &str, reason: &str) -> Self {
        let (dataset, split, codec) = (dataset.to_owned(), split.to_owned(), codec.to_owned());
        Self { dataset, split, codec, status: Status::skipped(reason), ..Self::default() }
    }

    /// Whether a stream was decoded and compared.
    pub fn is_verified(&self) -> bool {
        self.status == Status::Verified
    }

    /// Whether it was left out on purpose.
    pub fn is_skipped(&self) -> bool {
        matches!(self.status, Status::Skipped(_))
    }

    /// Whether something went wrong.
    pub fn is_failure(&self) -> bool {
        matches!(self.status, Status::Failed(_))
    }

    /// Whether it is the oracle's.
    pub fn is_oracle(&self) -> bool {
        self.codec == ORACLE
    }

    /// Whether it is that of an estimate, whatever came of it.
    pub fn is_estimate(&self) -> bool {
        self.codec.contains(ESTIMATE)
    }

    /// What an estimate says, in bits. It is no size.
    pub fn estimated_bits(&self) -> Option<u64> {
        self.figures.ideal_bits.filter(|_| self.status == Status::Estimate)
    }

    /// Whether its figures count: those of a verified stream, and of the oracle.
    pub fn counts(&self) -> bool {
        matches!(self.status, Status::Verified | Status::Oracle)
    }

    /// Pixels of the image.
    pub fn pixels(&self) -> u64 {
        let shape = self.image_fingerprint.split(':').next().unwrap_or_default();
        let extents = shape.split('x').map(|extent| extent.parse::<u64>().ok());
        let product = extents.reduce(|product, extent| product?.checked_mul(extent?)).flatten();
        // Rows of before there were fingerprints are all of 16-bit pixels.
        product.unwrap_or(self.raw_bytes / 2)
    }

    /// Its size in bits: of the stream, if it decoded, or of the oracle.
    pub fn bits(&self) -> Option<u64> {
        match self.status {
            Status::Oracle => self.figures.ideal_bits,
            Status::Verified => self.figures.coded_bytes.map(|bytes| 8 * bytes),
            Status::Estimate | Status::Failed(_) | Status::Skipped(_) => None,
        }
    }

    /// What tells it from every other row of a run.
    pub fn key(&self) -> [&str; 4] {
        [&self.dataset, &self.split, &self.image, &self.codec]
    }
}

/// The text with line breaks folded and cut to a length that a table cell can take.
pub(crate) fn one_line(text: &str) -> String {
    const LONGEST_CHARS: usize = 400;
    text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(LONGEST_CHARS).collect()
}

/// A reason in one line, which is never empty: on disk an empty one means that all is well.
fn reason_of(text: &str) -> String {
    let line = one_line(text);
    if line.is_empty() { "no reason given".to_owned() } else { line }
}

/// A row as it is on disk and in JSON: flat, with the status as `verified` and `error`.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Record {
    dataset: String,
    split: String,
    image: String,
    codec: String,
    raw_bytes: u64,
    coded_bytes: Option<u64>,
    ideal_bits: Option<u64>,
    encode_ns: Option<u64>,
    decode_ns: Option<u64>,
    #[serde(default)]
    encode_all_ns: Option<u64>,
    #[serde(default)]
    decode_all_ns: Option<u64>,
    runs: u32,
    peak_bytes: Option<u64>,
    verified: bool,
    #[serde(default)]
    image_fingerprint: String,
    #[serde(default)]
    origin: String,
    #[serde(default)]
    outside_samples: Option<u64>,
    error: String,
}

impl From<Measurement> for Record {
    fn from(row: Measurement) -> Self {
        let Measurement { dataset, split, image, codec, raw_bytes, figures, .. } = row;
        let Figures { coded_bytes, ideal_bits, encode_ns, decode_ns, .. } = figures;
        Self {
            dataset,
            split,
            image,
            codec,
            raw_bytes,
            coded_bytes,
            ideal_bits,
            encode_ns,
            decode_ns,
            encode_all_ns: figures.encode_all_ns,
            decode_all_ns: figures.decode_all_ns,
            runs: figures.runs,
            peak_bytes: figures.peak_bytes,
            verified: row.status == Status::Verified,
            image_fingerprint: row.image_fingerprint,
            origin: row.origin,
            outside_samples: figures.outside_samples,
            error: row.status.text(),
        }
    }
}

impl TryFrom<Record> for Measurement {
    type Error = String;

    fn try_from(record: Record) -> Result<Self, String> {
        let status = match (record.verified, record.error.strip_prefix(SKIPPED)) {
            (true, _) if record.error.is_empty() => Status::Verified,
            (true, _) => return Err(format!("a verified row with the error '{}'", record.error)),
            (false, Some(reason)) => Status::skipped(reason),
            (false, None) if record.error.is_empty() && record.codec == ORACLE => Status::Oracle,
            (false, None) if record.error == ESTIMATED && record.codec.contains(ESTIMATE) => Status::Estimate,
            (false, None) => Status::failed(&record.error),
        };
        Ok(Self {
            dataset: record.dataset,
            split: record.split,
            image: record.image,
            codec: record.codec,
            raw_bytes: record.raw_bytes,
            figures: Figures {
                coded_bytes: record.coded_bytes,
                ideal_bits: record.ideal_bits,
                encode_ns: record.encode_ns,
                decode_ns: record.decode_ns,
                encode_all_ns: record.encode_all_ns,
                decode_all_ns: record.decode_all_ns,
                runs: record.runs,
                peak_bytes: record.peak_bytes,
                outside_samples: record.outside_samples,
            },
            image_fingerprint: record.image_fingerprint,
            origin: record.origin,
            status,
        })
    }
}
