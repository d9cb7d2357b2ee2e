"""What can go wrong, by kind. Every message is one line that names the input."""


class Error(Exception):
    """Any failure of this package, except those of the system, which are ``OSError``."""


class SpecError(Error, ValueError):
    """There is no such codec, or it has no such option or value."""


class FormatError(Error, ValueError):
    """The bytes are of another format: no container, no FITS file."""


class DamagedError(Error, ValueError):
    """The bytes are cut short, contradict themselves, or do not match their checksums."""


class UnsupportedError(Error, TypeError):
    """The array is of a type, or has a shape or values, that the codec cannot take."""


class LimitError(Error, MemoryError):
    """More memory would be needed than the caller allows."""


class MismatchError(Error, RuntimeError):
    """Decoding needs another version of the program, or a model that is not at hand."""


class RequestError(Error, LookupError):
    """There is no such image or region, or an argument makes no sense."""


class BackendError(Error, RuntimeError):
    """A library behind a codec reported a failure."""
