//! Programs with a loss of their own as codecs of arrays: what they decode is checked by
//! `nf_bounded`, and every stream is coded and decoded in a process of its own.

use super::process::Program;
use super::{External, TOLERANCE};
use crate::arrays::before_rounding;
use nf_bounded::layout::{ByteOrder, read_samples};
use nf_bounded::{Array, ArrayCodec, ArrayEntry, Result, SampleType, Samples};
use nf_codec::{Error, Limits, OptionDoc, Spec};
use nf_fits::npy;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// The option of all of them.
const OPTIONS: &[OptionDoc] = &[OptionDoc {
    key: "tolerance",
    values: "a number above zero, or bound",
    default: "bound",
    help: "largest error of a value, as the program gets it",
}];

impl External {
    /// The line of the registry of array codecs; its programs are started only if `allowed`.
    ///
    /// # Errors
    /// [`Error::Spec`] if a value makes no sense.
    pub fn array_entry(self, name: &str, allowed: bool) -> nf_codec::Result<ArrayEntry> {
        self.check(name)?;
        let summary = self.summary.clone();
        // Integers that a program gets as real numbers are rounded afterwards.
        let values_of_bound: nf_bounded::ValuesOfBound = match self.floats {
            true => |_, _, sample, tolerance| vec![before_rounding(sample, tolerance)],
            false => |_, _, _, tolerance| vec![tolerance],
        };
        Ok(ArrayEntry {
            name: name.to_owned(),
            summary,
            source: "an external program".to_owned(),
            options: OPTIONS,
            modes: &["tolerance"],
            is_homonym: false,
            values_of_bound,
            build: Arc::new(move |spec| {
                let mut options = spec.options();
                let expected = "a number above zero, or bound";
                let tolerance =
                    options.take("tolerance", f64::NAN, expected, |t| t.is_finite() && *t > 0.0)?;
                options.finish()?;
                if tolerance.is_nan() {
                    return Err(spec.error("option 'tolerance' is missing").into());
                }
                Ok(Box::new(Lossy { name: spec.name().to_owned(), of: self.clone(), tolerance, allowed }))
            }),
        })
    }

    /// What the program says of its version, if it is asked and allowed to.
    pub fn version_line(&self, name: &str, allowed: bool) -> Option<String> {
        if self.version.is_empty() || !allowed {
            return None;
        }
        let folder = tempfile::tempdir().ok()?;
        let to = folder.path().join("version");
        self.program(name, &self.version, &[]).run(Path::new(""), &to, folder.path()).ok()?;
        let text = std::fs::read_to_string(to).ok()?;
        Some(text.split_whitespace().collect::<Vec<_>>().join(" "))
    }

    fn program(&self, name: &str, command: &[String], values: &[(&str, String)]) -> Program {
        let filled =
            |word: &String| values.iter().fold(word.clone(), |word, (key, value)| word.replace(key, value));
        Program {
            codec: name.to_owned(),
            command: command.iter().map(filled).collect(),
            timeout: Duration::from_secs(self.timeout_s.unwrap_or(super::DEFAULT_TIMEOUT_S)),
        }
    }
}

struct Lossy {
    name: String,
    of: External,
    tolerance: f64,
    allowed: bool,
}

impl Lossy {
    fn folder(&self) -> Result<tempfile::TempDir> {
        if !self.allowed {
            let reason = "an external program, which only runs with --allow-external";
            return Err(Error::backend(&self.name, reason).into());
        }
        let what = format!("temporary folder for {}", self.name);
        Ok(tempfile::tempdir().map_err(|source| Error::Io { what, source })?)
    }

    /// The type in which the program gets samples of this one.
    fn given(&self, sample: SampleType) -> SampleType {
        match sample {
            SampleType::F64 => SampleType::F64,
            SampleType::I32 if self.of.floats => SampleType::F64,
            _ if self.of.floats => SampleType::F32,
            other => other,
        }
    }

    fn values(&self, sample: SampleType, axes: &[usize]) -> [(&'static str, String); 3] {
        let axes: Vec<String> = axes.iter().map(usize::to_string).collect();
        [
            (TOLERANCE, format!("{:e}", self.tolerance)),
            ("{type}", self.given(sample).name().to_owned()),
            ("{axes}", axes.join(",")),
        ]
    }

    fn io(&self, path: PathBuf) -> impl FnOnce(std::io::Error) -> Error {
        let what = format!("{}: file {}", self.name, path.display());
        move |source| Error::Io { what, source }
    }

    /// The file that a program wrote, unless it is absurdly long.
    fn read(&self, path: &Path, most_bytes: u64) -> Result<Vec<u8>> {
        let bytes = std::fs::metadata(path).map_err(self.io(path.to_owned()))?.len();
        if bytes > most_bytes {
            let reason = format!("wrote a file of {bytes} bytes, expected at most {most_bytes}");
            return Err(Error::backend(&self.name, reason).into());
        }
        Ok(std::fs::read(path).map_err(self.io(path.to_owned()))?)
    }
}

fn descr(sample: SampleType) -> &'static str {
    match sample {
        SampleType::U8 => "|u1",
        SampleType::I16 => "<i2",
        SampleType::U16 => "<u2",
        SampleType::I32 => "<i4",
        SampleType::F32 => "<f4",
        SampleType::F64 => "<f8",
    }
}

impl ArrayCodec for Lossy {
    fn spec(&self) -> Spec {
        Spec::new(&self.name).set("tolerance", self.tolerance)
    }

    fn encode(&self, array: &Array) -> Result<Vec<u8>> {
        let sample = array.samples().sample_type();
        if array.samples().is_empty() {
            return Ok(Vec::new());
        }
        let folder = self.folder()?;
        let (from, to) = (folder.path().join("array.npy"), folder.path().join(self.coded_name()));
        let given = self.given(sample);
        let samples = crate::arrays::samples_as(array.samples(), given);
        let mut bytes = npy::header(descr(given), array.axes(), false);
        samples.each_le_bytes(&mut |piece| bytes.extend_from_slice(piece));
        std::fs::write(&from, &bytes).map_err(self.io(from.clone()))?;
        let values = self.values(sample, array.axes());
        self.of.program(&self.name, &self.of.encode, &values).run(&from, &to, folder.path())?;
        self.read(&to, 2 * bytes.len() as u64 + (1 << 20))
    }

    fn decode(&self, bytes: &[u8], sample: SampleType, axes: &[usize], limits: &Limits) -> Result<Samples> {
        let what = format!("{} stream", self.name);
        let given = self.given(sample);
        if axes.contains(&0) {
            return Ok(read_samples(sample, ByteOrder::Little, &[]));
        }
        let count = axes.iter().try_fold(1u64, |n, &axis| n.checked_mul(axis as u64)).unwrap_or(u64::MAX);
        limits.check_memory(&what, count.saturating_mul(16))?;
        let folder = self.folder()?;
        let (from, to) = (folder.path().join(self.coded_name()), folder.path().join("array.npy"));
        std::fs::write(&from, bytes).map_err(self.io(from.clone()))?;
        let values = self.values(sample, axes);
        self.of.program(&self.name, &self.of.decode, &values).run(&from, &to, folder.path())?;
        let file = self.read(&to, count * given.bytes() as u64 + (1 << 20))?;
        let corrupt = |reason: String| Error::corrupt(&what, reason);
        let found =
            npy::locate(&file, &nf_fits::Limits::default()).map_err(|error| corrupt(error.to_string()))?;
        let kind = &descr(given)[1..];
        if found.kind != kind || found.axes != axes {
            let reason = format!("an array of {} {:?}, expected {kind} {axes:?}", found.kind, found.axes);
            return Err(corrupt(reason).into());
        }
        let order = if found.big_endian { ByteOrder::Big } else { ByteOrder::Little };
        Ok(crate::arrays::samples_as(&read_samples(given, order, &file[found.data]), sample))
    }
}

impl Lossy {
    fn coded_name(&self) -> String {
        format!("stream.{}", self.of.suffix())
    }
}
