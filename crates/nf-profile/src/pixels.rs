//! Pixels of a profile that are decoded when they are first asked for.

use nf_codec::{Error, Result};
use nf_image::{Image16, Shape};
use std::fmt;
use std::sync::{Arc, OnceLock};

/// A stack in a profile. A stream uses few of them, and often only a few tiles of a frame are asked
/// for, so a reader does not decode all before it begins.
#[derive(Clone)]
pub struct Pixels {
    shape: Shape,
    found: Arc<Found>,
}

struct Found {
    image: OnceLock<std::result::Result<Image16, String>>,
    decode: Box<dyn Fn() -> Result<Image16> + Send + Sync>,
}

impl Pixels {
    /// Of this shape, as `decode` makes them; it is called at most once.
    pub(crate) fn coded(shape: Shape, decode: impl Fn() -> Result<Image16> + Send + Sync + 'static) -> Self {
        Self { shape, found: Arc::new(Found { image: OnceLock::new(), decode: Box::new(decode) }) }
    }

    /// Their shape, which is known without decoding.
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// The pixels.
    ///
    /// # Errors
    /// If their stream is none, or of another shape.
    pub fn image(&self) -> Result<&Image16> {
        let decoded = self.found.image.get_or_init(|| match (self.found.decode)() {
            Ok(image) if image.shape() == self.shape => Ok(image),
            Ok(image) => Err(format!("pixels of {}, expected {}", image.shape(), self.shape)),
            Err(error) => Err(error.to_string()),
        });
        decoded.as_ref().map_err(|reason| Error::corrupt("the profile", reason.clone()))
    }
}

impl From<Image16> for Pixels {
    fn from(image: Image16) -> Self {
        let pixels = Self::coded(image.shape(), || Err(Error::corrupt("the profile", "no stream")));
        // The lock is new, so it takes them.
        let _ = pixels.found.image.set(Ok(image));
        pixels
    }
}

impl PartialEq for Pixels {
    fn eq(&self, other: &Self) -> bool {
        match (self.image(), other.image()) {
            (Ok(one), Ok(another)) => one == another,
            _ => false,
        }
    }
}

impl fmt::Debug for Pixels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pixels({})", self.shape)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[test]
    fn they_are_decoded_once_and_only_when_asked_for() {
        static CALLS: AtomicUsize = AtomicUsize::new(0);
        let shape = Shape::frame(2, 3);
        let pixels = Pixels::coded(shape, move || {
            CALLS.fetch_add(1, Ordering::Relaxed);
            Ok(Image16::zeros(shape))
        });
        let copy = pixels.clone();
        assert_eq!((pixels.shape(), CALLS.load(Ordering::Relaxed)), (shape, 0));
        assert_eq!(pixels.image().unwrap(), &Image16::zeros(shape));
        assert_eq!((copy, CALLS.load(Ordering::Relaxed)), (Image16::zeros(shape).into(), 1));
        let wrong = Pixels::coded(shape, || Ok(Image16::zeros(Shape::frame(3, 2))));
        assert!(wrong.image().unwrap_err().to_string().contains("expected"));
        assert!(wrong != pixels);
    }
}
