//! Errors as Python's exceptions, by kind: the classes of `noisefloor/_errors.py`.

use pyo3::exceptions::PyOSError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyModule;

/// The classes of `_errors.py`.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    /// No such codec or option.
    Spec,
    /// The bytes are of another format than expected.
    Format,
    /// The bytes contradict themselves or their sums, or are cut short.
    Damaged,
    /// The array or the image cannot be taken.
    Unsupported,
    /// More would be needed than the caller allows.
    Limit,
    /// Another program, model or build is needed.
    Mismatch,
    /// There is no such image or region.
    Request,
    /// A library failed.
    Backend,
}

impl Kind {
    const fn class(self) -> &'static str {
        match self {
            Self::Spec => "SpecError",
            Self::Format => "FormatError",
            Self::Damaged => "DamagedError",
            Self::Unsupported => "UnsupportedError",
            Self::Limit => "LimitError",
            Self::Mismatch => "MismatchError",
            Self::Request => "RequestError",
            Self::Backend => "BackendError",
        }
    }
}

/// What went wrong, told without the interpreter's lock.
#[derive(Debug)]
pub(crate) enum Failure {
    /// An exception of the package.
    Kind(Kind, String),
    /// The system refused something.
    Io(String, std::io::Error),
}

pub(crate) type Result<T, E = Failure> = std::result::Result<T, E>;

impl Failure {
    pub(crate) fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self::Kind(kind, message.into())
    }

    /// Of work on files: what the system refused as such; of other kinds, those of codecs are told
    /// apart.
    pub(crate) fn of_archive(error: anyhow::Error) -> Self {
        let line = nf_archive::one_line(&error);
        match error.downcast::<nf_codec::Error>() {
            Ok(error) => error.into(),
            Err(error) => match error.downcast::<std::io::Error>() {
                Ok(source) => Failure::Io(line, source),
                Err(_) => Failure::new(Kind::Request, line),
            },
        }
    }

    /// The same with the name of the file in front.
    pub(crate) fn of_file(self, name: &str) -> Self {
        if name.is_empty() {
            return self;
        }
        match self {
            Self::Kind(kind, message) if message.starts_with(name) => Self::Kind(kind, message),
            Self::Kind(kind, message) => Self::Kind(kind, format!("{name}: {message}")),
            Self::Io(what, source) if what.starts_with(name) => Self::Io(what, source),
            Self::Io(what, source) => Self::Io(format!("{name}: {what}"), source),
        }
    }
}

impl From<nf_codec::Error> for Failure {
    fn from(error: nf_codec::Error) -> Self {
        use nf_codec::Error as E;
        let kind = match &error {
            E::Spec { .. } => Kind::Spec,
            E::NotAContainer => Kind::Format,
            E::Limit { .. } => Kind::Limit,
            E::TooLarge { .. } | E::Unsupported { .. } => Kind::Unsupported,
            E::Region { .. } => Kind::Request,
            E::Mismatch { .. } => Kind::Mismatch,
            E::Backend { .. } => Kind::Backend,
            E::Io { .. } => {
                let E::Io { what, source } = error else { unreachable!("it was one just now") };
                return Self::Io(what, source);
            }
            // Truncated, Corrupt, and what later versions add: the bytes are at fault.
            _ => Kind::Damaged,
        };
        Self::new(kind, error.to_string())
    }
}

impl From<nf_fits::Error> for Failure {
    fn from(error: nf_fits::Error) -> Self {
        use nf_fits::Error as E;
        let kind = match &error {
            E::Format { .. } => Kind::Format,
            E::Limit { .. } => Kind::Limit,
            E::NotU16 { .. } => Kind::Unsupported,
            E::Request { .. } | E::NoImage { .. } => Kind::Request,
            E::Io { .. } => {
                let E::Io { what, source } = error else { unreachable!("it was one just now") };
                return Self::Io(what, source);
            }
            _ => Kind::Damaged,
        };
        Self::new(kind, error.to_string())
    }
}

impl From<nf_bounded::Error> for Failure {
    fn from(error: nf_bounded::Error) -> Self {
        use nf_bounded::Error as E;
        let kind = match error {
            E::Codec(error) => return error.into(),
            E::Text { .. } => Kind::Request,
            E::Refused { .. } | E::Noise(_) | E::Shape { .. } => Kind::Unsupported,
            E::Violated { .. } => Kind::Backend,
            E::NotBounded => Kind::Format,
            _ => Kind::Damaged,
        };
        Self::new(kind, error.to_string())
    }
}

impl From<nf_entropy::Error> for Failure {
    fn from(error: nf_entropy::Error) -> Self {
        use nf_entropy::Error as E;
        let kind = match &error {
            E::Symbol { .. } | E::Distribution { .. } | E::Table { .. } => Kind::Unsupported,
            _ => Kind::Damaged,
        };
        Self::new(kind, error.to_string())
    }
}

impl From<Failure> for PyErr {
    fn from(failure: Failure) -> Self {
        Python::attach(|py| match failure {
            Failure::Kind(kind, message) => {
                static CLASSES: PyOnceLock<Py<PyModule>> = PyOnceLock::new();
                let classes = CLASSES
                    .get_or_try_init(py, || py.import("noisefloor._errors").map(Bound::unbind))
                    .and_then(|module| module.bind(py).getattr(kind.class()))
                    .and_then(|class| class.call1((message,)));
                classes.map_or_else(|error| error, PyErr::from_value)
            }
            // With the number, Python chooses the class: FileNotFoundError, PermissionError, ...
            Failure::Io(what, source) => match source.raw_os_error() {
                Some(number) => {
                    let text = source.kind().to_string();
                    PyOSError::new_err((number, text, what))
                }
                None => PyOSError::new_err(format!("{what}: {source}")),
            },
        })
    }
}
