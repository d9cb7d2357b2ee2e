//! Programs that join as codecs: a command that codes a file and a command that decodes it, from a
//! TOML table.
//!
//! ```toml
//! [fpack]
//! summary = "RICE_1 by cfitsio's fpack"
//! format = "fits"                                  # what {in} of `encode` and {out} of `decode` are
//! encode = ["fpack", "-r", "-O", "{out}", "{in}"]
//! decode = ["funpack", "-O", "{out}", "{in}"]
//! suffix = "fz"                                    # of the coded file's name; "coded" if left out
//! timeout_s = 60                                   # per run of a program; 600 if left out
//! ```
//!
//! A program whose `encode` mentions `{tolerance}` has a loss of its own: it is a codec of arrays,
//! and gets them as `npy` in their own type, or, with `floats = true`, as single precision.
//! `version`, a command, says what it is; what it prints stands in the notes of a run.
//!
//! The stream is the coded file as it is. A run gets a new temporary folder, which is its working
//! directory, an empty standard input, and no shell; on Unix it gets its own process group, which
//! is killed when time is up. Programs are trusted with the memory and the files of the user:
//! nothing runs unless the caller allows it.
//!
//! - [`External`]: the table; [`External::codec`] makes the codec, [`External::add_to`] a line of
//!   the registry.
//! - `arrays`: programs with a loss of their own.
//! - `files`: images as files of the four formats.
//! - `process`: one run of one program.

mod arrays;
mod files;
mod process;

use files::Format;
use nf_codec::{Added, Codec, Error, Limits, PlaneTreatment, Registry, Reproducibility, Result, Spec};
use nf_image::{Image16, Shape};
use process::Program;
pub use process::stop_external_programs;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// How a program is called to code and to decode.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct External {
    /// What it is, in one line.
    #[serde(default)]
    pub summary: String,
    /// Program and arguments that turn the image file `{in}` into the coded file `{out}`.
    pub encode: Vec<String>,
    /// Program and arguments that turn the coded file `{in}` into the image file `{out}`.
    pub decode: Vec<String>,
    /// Kind of the image file: `fits`, `npy`, `pgm` (16 bits, planes one below the other) or `raw`
    /// (little-endian samples).
    pub format: String,
    /// Ending of the coded file's name, for programs that go by it; "coded" if there is none.
    pub suffix: Option<String>,
    /// Seconds after which a run is given up; 600 if there is no number.
    pub timeout_s: Option<u64>,
    /// Of a program with a loss of its own: whether it gets integers as floating-point numbers.
    #[serde(default)]
    pub floats: bool,
    /// Program and arguments that print the version.
    #[serde(default)]
    pub version: Vec<String>,
}

/// Stands for the largest error in the arguments of `encode`.
const TOLERANCE: &str = "{tolerance}";

const DEFAULT_SUFFIX: &str = "coded";
const DEFAULT_TIMEOUT_S: u64 = 600;

impl External {
    /// The programs of a TOML text, one table each, by name; `file` names the text in errors.
    ///
    /// # Errors
    /// If the text is not TOML, a key is unknown or missing, or a value makes no sense.
    pub fn from_toml(file: &str, text: &str) -> Result<BTreeMap<String, Self>> {
        let programs: BTreeMap<String, Self> =
            toml::from_str(text).map_err(|error| Error::corrupt(file, error.to_string()))?;
        for (name, external) in &programs {
            external.check(name).map_err(|error| Error::corrupt(file, error.to_string()))?;
        }
        Ok(programs)
    }

    /// The codec called `name`; it starts programs only if `allowed`, and otherwise fails with that
    /// reason.
    ///
    /// # Errors
    /// [`Error::Spec`] if a value makes no sense.
    pub fn codec(&self, name: &str, allowed: bool) -> Result<Box<dyn Codec>> {
        let format = self.check(name)?;
        let timeout = Duration::from_secs(self.timeout_s.unwrap_or(DEFAULT_TIMEOUT_S));
        let program =
            |command: &[String]| Program { codec: name.to_owned(), command: command.to_vec(), timeout };
        Ok(Box::new(ExternalCodec {
            name: name.to_owned(),
            encode: program(&self.encode),
            decode: program(&self.decode),
            coded_name: format!("stream.{}", self.suffix()),
            format,
            allowed,
        }))
    }

    /// Makes the codec known as `name`; its programs are started only if `allowed`.
    ///
    /// # Errors
    /// [`Error::Spec`] if a value makes no sense, or the registry has a codec of that name.
    pub fn add_to(self, registry: &mut Registry, name: &str, allowed: bool) -> Result<()> {
        self.check(name)?;
        let summary = self.summary.clone();
        registry.add(Added {
            name: name.to_owned(),
            summary,
            build: Arc::new(move |spec| {
                spec.options().finish()?;
                self.codec(spec.name(), allowed)
            }),
        })
    }

    /// Whether it has a loss of its own.
    pub fn is_of_arrays(&self) -> bool {
        self.encode.iter().any(|word| word.contains(TOLERANCE))
    }

    fn suffix(&self) -> &str {
        self.suffix.as_deref().unwrap_or(DEFAULT_SUFFIX)
    }

    /// The format, if all values make sense.
    fn check(&self, name: &str) -> Result<Format> {
        let spec = Spec::new(name);
        if !name.parse::<Spec>().is_ok_and(|parsed| parsed == spec) {
            return Err(spec.error("expected a name of letters, digits, '-', '_' and '.'"));
        }
        for (key, command) in [("encode", &self.encode), ("decode", &self.decode)] {
            let mentions = |what: &str| command.iter().any(|word| word.contains(what));
            if command.is_empty() || !mentions("{in}") || !mentions("{out}") {
                return Err(
                    spec.error(format!("{key}: expected a program and arguments with {{in}} and {{out}}"))
                );
            }
        }
        if !self.suffix().chars().all(|c| c.is_ascii_alphanumeric() || c == '.') {
            let reason = format!("suffix: '{}', expected letters, digits and '.'", self.suffix());
            return Err(spec.error(reason));
        }
        if self.is_of_arrays() && self.format != "npy" {
            return Err(spec.error("format: a program with {tolerance} reads and writes npy"));
        }
        self.format
            .parse()
            .map_err(|expected: String| spec.error(format!("format: '{}', {expected}", self.format)))
    }
}

struct ExternalCodec {
    name: String,
    encode: Program,
    decode: Program,
    format: Format,
    coded_name: String,
    allowed: bool,
}

impl ExternalCodec {
    /// A folder for one run, if runs are allowed.
    fn folder(&self) -> Result<tempfile::TempDir> {
        if !self.allowed {
            let reason = "an external program, which only runs with --allow-external";
            return Err(Error::backend(&self.name, reason));
        }
        tempfile::tempdir()
            .map_err(|source| Error::Io { what: format!("temporary folder for {}", self.name), source })
    }

    fn image_name(&self) -> String {
        format!("image.{}", self.format.name())
    }

    fn read(&self, path: &Path, most_bytes: u64) -> Result<Vec<u8>> {
        let io = |source| Error::Io { what: format!("{}: file {}", self.name, path.display()), source };
        let bytes = std::fs::metadata(path).map_err(io)?.len();
        if bytes > most_bytes {
            let reason = format!("wrote a file of {bytes} bytes, expected at most {most_bytes}");
            return Err(Error::backend(&self.name, reason));
        }
        std::fs::read(path).map_err(io)
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> Result<()> {
        std::fs::write(path, bytes)
            .map_err(|source| Error::Io { what: format!("{}: file {}", self.name, path.display()), source })
    }
}

impl Codec for ExternalCodec {
    fn spec(&self) -> Spec {
        Spec::new(&self.name)
    }

    fn encode(&self, image: &Image16) -> Result<Vec<u8>> {
        let shape = image.shape();
        if shape.pixels() == 0 {
            let reason = "external programs do not take empty images".to_owned();
            return Err(Error::Unsupported { codec: self.name.clone(), shape, reason });
        }
        let folder = self.folder()?;
        let (from, to) = (folder.path().join(self.image_name()), folder.path().join(&self.coded_name));
        self.write(&from, &self.format.bytes_of(image).map_err(|error| Error::backend(&self.name, error))?)?;
        self.encode.run(&from, &to, folder.path())?;
        self.read(&to, self.max_bytes(shape))
    }

    fn decode(&self, bytes: &[u8], shape: Shape, limits: &Limits) -> Result<Image16> {
        let what = format!("{} stream", self.name);
        limits.check_shape(&what, shape)?;
        let folder = self.folder()?;
        let (from, to) = (folder.path().join(&self.coded_name), folder.path().join(self.image_name()));
        self.write(&from, bytes)?;
        self.decode.run(&from, &to, folder.path())?;
        let image_bytes = self.read(&to, most_file_bytes(shape))?;
        self.format.image_of(image_bytes, shape).map_err(|reason| Error::corrupt(what, reason))
    }

    /// Twice the samples and room for headers; a program that writes more is an error.
    fn max_bytes(&self, shape: Shape) -> u64 {
        2 * most_file_bytes(shape)
    }

    fn reproducibility(&self) -> Reproducibility {
        Reproducibility::SameBuild
    }

    fn planes(&self) -> PlaneTreatment {
        match self.format {
            Format::Pgm | Format::Raw => PlaneTreatment::Concatenated,
            Format::Fits | Format::Npy => PlaneTreatment::Independent,
        }
    }
}

/// Most bytes of an uncoded file: the samples and generous headers.
fn most_file_bytes(shape: Shape) -> u64 {
    shape.raw_bytes() as u64 + (1 << 20)
}
