//! Images as files that other programs read and write.

use crate::sample_bytes::ByteOrder;
use nf_fits::FitsFile;
use nf_image::{Image16, Shape};
use std::str::FromStr;

/// What an image file looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// BITPIX 16 with BZERO 32768.
    Fits,
    /// NumPy, `<u2`.
    Npy,
    /// Netpbm grey map, binary, 16 bits; planes stand one below the other.
    Pgm,
    /// Little-endian samples and nothing else.
    Raw,
}

impl FromStr for Format {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        [Self::Fits, Self::Npy, Self::Pgm, Self::Raw]
            .into_iter()
            .find(|format| format.name() == word)
            .ok_or_else(|| "expected fits, npy, pgm or raw".to_owned())
    }
}

impl Format {
    /// Its name, which is also the ending of such files.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Fits => "fits",
            Self::Npy => "npy",
            Self::Pgm => "pgm",
            Self::Raw => "raw",
        }
    }

    /// The bytes of a file of `image`.
    pub(super) fn bytes_of(self, image: &Image16) -> Result<Vec<u8>, String> {
        match self {
            Self::Fits => nf_fits::write_image(image, None).map_err(|error| error.to_string()),
            Self::Npy => Ok(nf_fits::npy::write(image)),
            Self::Pgm => {
                let shape = image.shape();
                let mut bytes =
                    format!("P5\n{} {}\n65535\n", shape.width, shape.planes * shape.height).into_bytes();
                bytes.extend(image.samples().iter().flat_map(|sample| sample.to_be_bytes()));
                Ok(bytes)
            }
            Self::Raw => Ok(ByteOrder::Pairs.bytes_of(image.samples())),
        }
    }

    /// The image in the bytes of a file, if its shape is `shape`.
    pub(super) fn image_of(self, bytes: Vec<u8>, shape: Shape) -> Result<Image16, String> {
        let image = match self {
            Self::Fits => {
                let file = FitsFile::from_bytes(bytes).map_err(|error| error.to_string())?;
                let image = file.image_hdus().next().ok_or("the decoded file holds no image")?;
                image.read().map_err(|error| error.to_string())?
            }
            Self::Npy => {
                nf_fits::npy::read(&bytes, &nf_fits::Limits::default()).map_err(|error| error.to_string())?
            }
            Self::Pgm => return from_pgm(&bytes, shape),
            Self::Raw => {
                let what = "the decoded file";
                return ByteOrder::Pairs.image_of(&bytes, shape, what).map_err(|error| error.to_string());
            }
        };
        if image.shape() != shape {
            return Err(format!("the decoded file holds a stack of {}, expected {shape}", image.shape()));
        }
        Image16::new(shape, image.into_samples()).map_err(|error| error.to_string())
    }
}

/// A grey map whose header is that of `shape`, comments and white space apart.
fn from_pgm(bytes: &[u8], shape: Shape) -> Result<Image16, String> {
    let mut rest = bytes;
    let mut words = Vec::new();
    while words.len() < 4 {
        rest = rest.trim_ascii_start();
        if rest.first() == Some(&b'#') {
            rest = &rest[rest.iter().position(|&byte| byte == b'\n').unwrap_or(rest.len())..];
            continue;
        }
        let end =
            rest.iter().position(u8::is_ascii_whitespace).ok_or("the decoded file has no PGM header")?;
        words.push(String::from_utf8_lossy(&rest[..end]).into_owned());
        rest = &rest[end..];
    }
    let expected = [
        "P5".to_owned(),
        shape.width.to_string(),
        (shape.planes * shape.height).to_string(),
        "65535".to_owned(),
    ];
    if words != expected {
        return Err(format!(
            "the decoded file begins with '{}', expected '{}'",
            words.join(" "),
            expected.join(" ")
        ));
    }
    let samples = rest[1..].chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect();
    Image16::new(shape, samples).map_err(|error| error.to_string())
}
