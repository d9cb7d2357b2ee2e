//! One row, and the file of rows.

use crate::folder::temporary_beside;
use crate::{Error, Result};
use serde::{Deserialize, Serialize};
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

/// The name under which the exact information content of simulated frames joins the table.
pub const ORACLE: &str = "oracle";

/// How the error of a row begins that was left out on purpose.
const SKIPPED: &str = "skipped: ";

/// What one codec did on one image.
///
/// A row without an image speaks of the whole dataset, one without a codec of every codec.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Measurement {
    /// The dataset, as the suite names it.
    pub dataset: String,
    /// The split of the dataset.
    pub split: String,
    /// The image, as the dataset names it.
    pub image: String,
    /// The codec's spec, or [`ORACLE`].
    pub codec: String,
    /// Two bytes for every pixel.
    pub raw_bytes: u64,
    /// The codec's stream, without a container around it.
    pub coded_bytes: Option<u64>,
    /// What the codec's own probabilities promise, or the oracle's information content.
    pub ideal_bits: Option<u64>,
    /// Median time of encoding.
    pub encode_ns: Option<u64>,
    /// Median time of decoding.
    pub decode_ns: Option<u64>,
    /// Median time of encoding with all cores at the codec's disposal, where the suite asks for it.
    #[serde(default)]
    pub encode_all_ns: Option<u64>,
    /// The same for decoding.
    #[serde(default)]
    pub decode_all_ns: Option<u64>,
    /// Timed runs behind the medians; 0 if the times are those of the verifying pass.
    pub runs: u32,
    /// Largest rise of the resident size while encoding or decoding.
    pub peak_bytes: Option<u64>,
    /// Whether a fresh decoder gave back the same samples.
    pub verified: bool,
    /// Shape of the image, and the first half of the digest of its samples in hexadecimal digits.
    #[serde(default)]
    pub image_fingerprint: String,
    /// The folder of the run that size and times are those of; empty for this one.
    #[serde(default)]
    pub origin: String,
    /// What went wrong, in one line; empty if nothing did.
    pub error: String,
}

impl Measurement {
    /// A row that only says why there is none.
    pub fn skipped(dataset: &str, split: &str, codec: &str, reason: &str) -> Self {
        let (dataset, split, codec) = (dataset.to_owned(), split.to_owned(), codec.to_owned());
        Self { dataset, split, codec, error: one_line(&format!("{SKIPPED}{reason}")), ..Self::default() }
    }

    /// Whether it was left out on purpose.
    pub fn is_skipped(&self) -> bool {
        self.error.starts_with(SKIPPED)
    }

    /// Whether something went wrong.
    pub fn is_failure(&self) -> bool {
        !self.error.is_empty() && !self.is_skipped()
    }

    /// Whether it is the oracle's.
    pub fn is_oracle(&self) -> bool {
        self.codec == ORACLE
    }

    /// Pixels of the image.
    pub fn pixels(&self) -> u64 {
        self.raw_bytes / 2
    }

    /// Its size in bits: of the stream, if it decoded, or of the oracle.
    pub(crate) fn bits(&self) -> Option<u64> {
        if self.is_oracle() {
            self.ideal_bits
        } else {
            self.coded_bytes.filter(|_| self.verified).map(|bytes| 8 * bytes)
        }
    }

    /// What tells it from every other row of a run.
    pub(crate) fn key(&self) -> [&str; 4] {
        [&self.dataset, &self.split, &self.image, &self.codec]
    }
}

/// The text with line breaks folded and cut to a length that a table cell bears.
pub(crate) fn one_line(text: &str) -> String {
    const LONGEST_CHARS: usize = 400;
    text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(LONGEST_CHARS).collect()
}

/// A file of rows (CSV) that grows by whole lines, so that it is valid whenever the program stops.
#[derive(Debug)]
pub struct Sheet {
    path: PathBuf,
    file: File,
}

impl Sheet {
    /// A new file with its header line.
    ///
    /// # Errors
    /// If the file exists or cannot be written.
    pub fn create(path: &Path) -> Result<Self> {
        let file = OpenOptions::new().append(true).create_new(true).open(path).map_err(Error::io(path))?;
        let mut sheet = Self { path: path.to_owned(), file };
        let first = line(&Measurement::default(), true);
        let header = first.split_inclusive('\n').next().expect("a header line was asked for");
        sheet.write(header)?;
        Ok(sheet)
    }

    /// An existing file, to be continued, and its rows that stand: a last line that was cut short is
    /// dropped, and so are skipped rows, which deserve another try.
    ///
    /// # Errors
    /// If it cannot be read or replaced, or is not a file of rows.
    pub fn resume(path: &Path) -> Result<(Self, Vec<Measurement>)> {
        let mut rows = read_rows(path)?;
        rows.retain(|row| !row.is_skipped());
        let temporary = temporary_beside(path);
        let mut sheet = Self::create(&temporary)?;
        rows.iter().try_for_each(|row| sheet.append(row))?;
        fs::rename(&temporary, path).map_err(Error::io(path))?;
        sheet.path = path.to_owned();
        Ok((sheet, rows))
    }

    /// Adds a row and hands it to the system at once.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn append(&mut self, row: &Measurement) -> Result<()> {
        self.write(&line(row, false))
    }

    fn write(&mut self, text: &str) -> Result<()> {
        self.file.write_all(text.as_bytes()).map_err(Error::io(&self.path))
    }
}

fn line(row: &Measurement, with_header: bool) -> String {
    let mut writer = csv::WriterBuilder::new().has_headers(with_header).from_writer(Vec::new());
    writer.serialize(row).expect("a row is flat and memory takes it");
    let bytes = writer.into_inner().expect("memory takes it");
    String::from_utf8(bytes).expect("text and numbers print as UTF-8")
}

/// The rows of a file; a last line without its line break, cut short, is left out.
///
/// # Errors
/// If the file cannot be read, or a line is not a row.
pub fn read_rows(path: &Path) -> Result<Vec<Measurement>> {
    let text = fs::read_to_string(path).map_err(Error::io(path))?;
    let whole = text.rfind('\n').map_or("", |end| &text[..=end]);
    let mut reader = csv::Reader::from_reader(whole.as_bytes());
    let rows = reader.deserialize().collect::<Result<Vec<Measurement>, csv::Error>>();
    rows.map_err(|error| Error::malformed(path, one_line(&error.to_string())))
}

/// A spec where there is little room: of a net the name of its checkpoint, without the digest at its end and the words around it.
pub(crate) fn short_name(spec: &str) -> String {
    let Some((_, options)) = spec.split_once(':').filter(|(_, options)| options.contains("checkpoint="))
    else {
        return spec.to_owned();
    };
    let mut parts = options.split(',').map(|pair| match pair.strip_prefix("checkpoint=") {
        None => pair,
        Some(id) => match id.rsplit_once('-') {
            Some((name, digest)) if digest.len() == 8 && digest.bytes().all(|b| b.is_ascii_hexdigit()) => {
                name
            }
            _ => id,
        },
    });
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |name, part| format!("{name}, {part}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::slice;

    fn row() -> Measurement {
        Measurement {
            dataset: "sky, \"dark\"".into(),
            split: "all".into(),
            image: "a.fits[1]".into(),
            codec: "zstd:level=19".into(),
            raw_bytes: 2000,
            coded_bytes: Some(700),
            ideal_bits: None,
            encode_ns: Some(u64::MAX),
            decode_ns: Some(0),
            encode_all_ns: Some(5),
            decode_all_ns: None,
            runs: 3,
            peak_bytes: None,
            verified: true,
            image_fingerprint: "25x40:0123456789abcdef".into(),
            origin: "2026-01-01-other".into(),
            error: String::new(),
        }
    }

    #[test]
    fn rows_come_back_as_they_were_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("measurements.csv");
        let mut sheet = Sheet::create(&path).unwrap();
        assert_eq!(read_rows(&path).unwrap(), []);
        let rows = [row(), Measurement::skipped("absent", "all", "", "no such\nfolder")];
        rows.iter().for_each(|row| sheet.append(row).unwrap());
        assert_eq!(read_rows(&path).unwrap(), rows);
        assert_eq!(rows[1].error, "skipped: no such folder");
        assert!(Sheet::create(&path).is_err(), "an existing file is not overwritten");
    }

    #[test]
    fn resuming_drops_half_a_line_and_skipped_rows() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("measurements.csv");
        let mut sheet = Sheet::create(&path).unwrap();
        sheet.append(&row()).unwrap();
        sheet.append(&Measurement::skipped("absent", "all", "", "why")).unwrap();
        sheet.write("sky,all,half a li").unwrap();
        let (mut sheet, rows) = Sheet::resume(&path).unwrap();
        assert_eq!(rows, slice::from_ref(&row()));
        sheet.append(&row()).unwrap();
        assert_eq!(read_rows(&path).unwrap(), [row(), row()]);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "no temporary file stays behind");
    }

    #[test]
    fn names_of_nets_are_short() {
        let short = short_name("net:checkpoint=pixelcnnpp-tiny-keck-739d0350,tile=128");
        assert_eq!(short, "pixelcnnpp-tiny-keck, tile=128");
        assert_eq!(short_name("net:checkpoint=a/b"), "a/b");
        assert_eq!(short_name("jpegxl:effort=9"), "jpegxl:effort=9");
    }

    #[test]
    fn a_strange_file_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("measurements.csv");
        fs::write(&path, "a,b\n1,2\n").unwrap();
        assert!(read_rows(&path).unwrap_err().to_string().contains("measurements.csv"));
    }
}
