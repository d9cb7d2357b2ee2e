//! The file of rows (CSV), which grows by whole lines, so that it is valid whenever the program
//! stops.

use crate::files::new_file_in;
use crate::measurement::{Measurement, one_line};
use crate::{Error, Result};
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

/// A file of rows, open for adding some.
#[derive(Debug)]
pub struct RowFile {
    path: PathBuf,
    file: File,
}

impl RowFile {
    /// A new file with its header line.
    ///
    /// # Errors
    /// If the file exists or cannot be written.
    pub fn create(path: &Path) -> Result<Self> {
        let file = OpenOptions::new().append(true).create_new(true).open(path).map_err(Error::io(path))?;
        let mut rows = Self { path: path.to_owned(), file };
        rows.write(&header())?;
        Ok(rows)
    }

    /// An existing file, to be continued, and its rows that stand: a last line that was cut short
    /// is dropped, and so are skipped rows, which deserve another try. A file that does not exist
    /// yet is made.
    ///
    /// # Errors
    /// If it cannot be read or replaced, or is not a file of rows.
    pub fn resume(path: &Path) -> Result<(Self, Vec<Measurement>)> {
        if !path.exists() {
            return Ok((Self::create(path)?, vec![]));
        }
        let mut rows = read_rows(path)?;
        rows.retain(|row| !row.is_skipped());
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let rewritten = || -> std::io::Result<File> {
            let mut file = new_file_in(folder.unwrap_or(Path::new(".")))?;
            let out = file.as_file_mut();
            out.write_all(header().as_bytes())?;
            rows.iter().try_for_each(|row| out.write_all(line(row, false).as_bytes()))?;
            file.persist(path).map_err(|error| error.error)
        };
        let file = rewritten().map_err(Error::io(path))?;
        Ok((Self { path: path.to_owned(), file }, rows))
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

/// The names of the columns.
fn header() -> String {
    let first = line(&Measurement::default(), true);
    first.split_inclusive('\n').next().expect("a header line was asked for").to_owned()
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measurement::{Figures, ORACLE, Status};

    fn row() -> Measurement {
        Measurement {
            dataset: "sky, \"dark\"".into(),
            split: "all".into(),
            image: "a.fits[1]\nb".into(),
            codec: "zstd:level=19".into(),
            raw_bytes: 2000,
            figures: Figures {
                coded_bytes: Some(700),
                encode_ns: Some(u64::MAX),
                decode_ns: Some(0),
                encode_all_ns: Some(5),
                runs: 3,
                ..Figures::default()
            },
            image_fingerprint: "25x40:0123456789abcdef".into(),
            origin: "2026-01-01-other".into(),
            status: Status::Verified,
        }
    }

    /// A row of every status.
    fn rows() -> Vec<Measurement> {
        let figures = Figures { ideal_bits: Some(9), ..Figures::default() };
        vec![
            row(),
            Measurement { codec: ORACLE.into(), figures, status: Status::Oracle, ..row() },
            Measurement { figures: Figures::default(), status: Status::failed("lost\na bit"), ..row() },
            Measurement { figures: Figures::default(), status: Status::failed(""), ..row() },
            Measurement::skipped("absent", "all", "", "no such\nfolder"),
        ]
    }

    #[test]
    fn rows_come_back_as_they_were_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("measurements.csv");
        let mut file = RowFile::create(&path).unwrap();
        assert_eq!(read_rows(&path).unwrap(), []);
        let rows = rows();
        rows.iter().for_each(|row| file.append(row).unwrap());
        assert_eq!(read_rows(&path).unwrap(), rows);
        assert!(RowFile::create(&path).is_err(), "an existing file is not overwritten");
    }

    #[test]
    fn the_format_on_disk_is_that_of_earlier_versions() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("measurements.csv");
        let mut file = RowFile::create(&path).unwrap();
        rows()[1..].iter().for_each(|row| file.append(row).unwrap());
        let expected = "dataset,split,image,codec,raw_bytes,coded_bytes,ideal_bits,encode_ns,decode_ns,\
             encode_all_ns,decode_all_ns,runs,peak_bytes,verified,image_fingerprint,origin,\
             outside_samples,error\n\
             \"sky, \"\"dark\"\"\",all,\"a.fits[1]\nb\",oracle,2000,,9,,,,,0,,false,25x40:0123456789abcdef,\
             2026-01-01-other,,\n\
             \"sky, \"\"dark\"\"\",all,\"a.fits[1]\nb\",zstd:level=19,2000,,,,,,,0,,false,\
             25x40:0123456789abcdef,2026-01-01-other,,lost a bit\n\
             \"sky, \"\"dark\"\"\",all,\"a.fits[1]\nb\",zstd:level=19,2000,,,,,,,0,,false,\
             25x40:0123456789abcdef,2026-01-01-other,,no reason given\n\
             absent,all,,,0,,,,,,,0,,false,,,,skipped: no such folder\n";
        assert_eq!(fs::read_to_string(&path).unwrap(), expected);
        // Columns that came later may be absent.
        let old = "dataset,split,image,codec,raw_bytes,coded_bytes,ideal_bits,encode_ns,decode_ns,runs,\
                   peak_bytes,verified,error\nsky,all,a,raw,20,20,,1,1,3,,true,\n";
        fs::write(&path, old).unwrap();
        assert!(read_rows(&path).unwrap()[0].is_verified());
        fs::write(&path, old.replace("true,", "true,lost a bit")).unwrap();
        assert!(read_rows(&path).unwrap_err().to_string().contains("verified row with the error"));
    }

    #[test]
    fn resuming_drops_half_a_line_and_skipped_rows() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("measurements.csv");
        let mut file = RowFile::create(&path).unwrap();
        file.append(&row()).unwrap();
        file.append(&Measurement::skipped("absent", "all", "", "why")).unwrap();
        file.write("sky,all,half a li").unwrap();
        let (mut file, rows) = RowFile::resume(&path).unwrap();
        assert_eq!(rows, [row()]);
        file.append(&row()).unwrap();
        assert_eq!(read_rows(&path).unwrap(), [row(), row()]);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "no temporary file stays behind");
        for beginning in ["", "dataset,spl"] {
            fs::write(&path, beginning).unwrap();
            let (mut file, rows) = RowFile::resume(&path).unwrap();
            assert_eq!(rows, []);
            file.append(&row()).unwrap();
            assert_eq!(read_rows(&path).unwrap(), [row()]);
        }
    }

    #[test]
    fn a_strange_file_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("measurements.csv");
        fs::write(&path, "a,b\n1,2\n").unwrap();
        assert!(read_rows(&path).unwrap_err().to_string().contains("measurements.csv"));
    }
}
