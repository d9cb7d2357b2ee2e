//! What a codec promises.

use crate::{DitheredStack, Error, Limits, PixelTrace, Result, Spec, Staged};
use nf_image::{Digest, Image16, ImageRef, Shape, TileBox};

/// A lossless coder of 16-bit frames.
///
/// # What implementers promise
///
/// 1. `decode(encode(x)) == x` for the samples of every stack, including empty stacks, 1x1, 1xN,
///    all 0 and all 65535. A codec that cannot take some stacks says so with
///    [`Error::Unsupported`](crate::Error) from `encode`; it never loses a bit in silence.
/// 2. Hostile bytes give an error or a wrong image of the right shape, never a panic, never an
///    endless loop, and never more memory than `Limits` allows. (The container's digest catches
///    wrong images.)
/// 3. `encode` writes at most `max_bytes(shape)` bytes, and the same bytes for the same image and
///    spec.
/// 4. The stream need not state its shape: the container does, and hands it to `decode`.
/// 5. `spec()` builds an equal codec again.
///
/// 6. `decode_region` gives what cropping the result of `decode` gives.
///
/// A codec keeps no state between calls, so that one serves all tiles and threads of a file.
pub trait Codec: Send + Sync {
    /// Name and options; options at their defaults are left out.
    fn spec(&self) -> Spec;

    /// The bytes of an image.
    ///
    /// # Errors
    /// If the codec cannot take such an image, or a library behind it fails.
    fn encode(&self, image: &Image16) -> Result<Vec<u8>>;

    /// The bytes of an image whose first pixel lies at this row and column of its detector. Only
    /// codecs that know detectors take note of it; whatever decoders need is in the stream.
    ///
    /// # Errors
    /// As [`encode`](Self::encode).
    fn encode_at(&self, image: &Image16, row: usize, column: usize) -> Result<Vec<u8>> {
        let _ = (row, column);
        self.encode(image)
    }

    /// The same bytes for an image in memory that belongs to somebody else.
    ///
    /// The default copies the image and calls [`encode_at`](Self::encode_at); codecs that are fast
    /// enough for it to matter borrow it.
    ///
    /// # Errors
    /// As [`encode`](Self::encode).
    fn encode_ref(&self, image: ImageRef<'_>) -> Result<Vec<u8>> {
        let [row, column] = image.origin();
        self.encode_at(&image.to_image(), row, column)
    }

    /// The bytes of an image whose samples are indices of a dithered quantiser. Codecs that can
    /// make use of the lattices do; whatever decoders need is in the stream.
    ///
    /// # Errors
    /// As [`encode`](Self::encode).
    fn encode_dithered(&self, image: ImageRef<'_>, dither: &DitheredStack) -> Result<Vec<u8>> {
        let _ = dither;
        self.encode_ref(image)
    }

    /// The image of `shape` that the bytes stand for; axis and detector are the caller's to
    /// restore.
    ///
    /// # Errors
    /// If the bytes are not what `encode` writes, or decoding would exceed `limits`.
    fn decode(&self, bytes: &[u8], shape: Shape, limits: &Limits) -> Result<Image16>;

    /// The pixels of `region` of the image of `shape` that the bytes stand for.
    ///
    /// The default decodes all and crops; a codec whose stream is made of independent parts decodes
    /// only what the region needs.
    ///
    /// # Errors
    /// As [`decode`](Self::decode), and if the region reaches beyond `shape`.
    fn decode_region(
        &self,
        bytes: &[u8],
        shape: Shape,
        region: &TileBox,
        limits: &Limits,
    ) -> Result<Image16> {
        Error::check_region(region, shape)?;
        let whole = self.decode(bytes, shape, limits)?;
        if whole.shape() != shape {
            let reason = format!("it decodes to a stack of {}, expected {shape}", whole.shape());
            return Err(Error::corrupt(format!("the stream of {}", self.spec()), reason));
        }
        Ok(if *region == TileBox::whole(shape) { whole } else { whole.crop_box(region) })
    }

    /// Most bytes that `encode` can write for a stack of `shape`.
    fn max_bytes(&self, shape: Shape) -> u64;

    /// Where the bytes can be decoded.
    fn reproducibility(&self) -> Reproducibility {
        Reproducibility::Anywhere
    }

    /// What it does with the planes of a stack.
    fn planes(&self) -> PlaneTreatment {
        PlaneTreatment::Independent
    }

    /// Rows and columns of the tiles into which it cuts the planes of such a stack by itself,
    /// each coded without the others, if it does. Containers cut there unless asked otherwise: it
    /// costs nothing, and damage costs one tile.
    fn tile_px(&self, shape: Shape) -> Option<[usize; 2]> {
        let _ = shape;
        None
    }

    /// The trained model that both sides need, if there is one.
    fn model(&self) -> Option<Model> {
        None
    }

    /// The bytes of the detector profile that it codes with, if it does.
    fn profile(&self) -> Option<&[u8]> {
        None
    }

    /// Whether decoding this stream takes that profile.
    fn needs_profile(&self, stream: &[u8]) -> bool {
        let _ = stream;
        false
    }

    /// The same codec with the detector profile that these bytes are.
    ///
    /// # Errors
    /// If it knows no profiles, or the bytes are damaged or larger than `limits` allow.
    fn with_profile(&self, profile: &[u8], limits: &Limits) -> Result<Box<dyn Codec>> {
        let _ = (profile, limits);
        Err(self.spec().error("this codec knows no detector profiles"))
    }

    /// How its streams decode in stages, if they do.
    fn staged(&self) -> Option<&dyn Staged> {
        None
    }

    /// Size in bits that an ideal entropy coder would give `image` under this codec's own
    /// probabilities, if it codes under probabilities. What is written beside coded symbols, such
    /// as headers, is not counted.
    ///
    /// # Errors
    /// As [`encode`](Self::encode).
    fn ideal_bits(&self, image: &Image16) -> Result<Option<f64>> {
        let _ = image;
        Ok(None)
    }

    /// The predictive distributions of the pixels while it codes the image, each with one value
    /// drawn from it by numbers that are uniform in `0.0..1.0`; `None` if it does not give them, or
    /// not for such an image.
    fn trace(&self, image: &Image16, uniform: &mut dyn FnMut() -> f64) -> Option<PixelTrace> {
        let _ = (image, uniform);
        None
    }
}

/// Where a stream can be decoded to the same pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reproducibility {
    /// On every machine: integer arithmetic, or IEEE arithmetic in a fixed order without libm.
    Anywhere,
    /// By the same build of this program, on any machine that it runs on.
    SameBuild,
}

impl Reproducibility {
    /// Every class, in the order of the container's codes.
    pub const ALL: [Self; 2] = [Self::Anywhere, Self::SameBuild];

    /// The word used in ledgers and tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Anywhere => "anywhere",
            Self::SameBuild => "same-build",
        }
    }
}

/// What a codec does with the planes of a stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PlaneTreatment {
    /// Every plane is coded as if it were alone.
    Independent,
    /// The planes follow one another as one long image or byte sequence; matches may cross planes.
    Concatenated,
    /// Planes are coded with the help of other planes.
    Joint,
}

impl PlaneTreatment {
    /// The word used in tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Independent => "independent",
            Self::Concatenated => "concatenated",
            Self::Joint => "joint",
        }
    }
}

/// A trained model that encoder and decoder must share.
#[derive(Clone, Debug, PartialEq)]
pub struct Model {
    /// Digest of the weights.
    pub digest: Digest,
    /// Their size, which an honest table counts.
    pub bytes: u64,
    /// Trained parameters.
    pub parameters: u64,
    /// Multiplications, each with its addition, in the model's layers to decode one sample of a
    /// large image.
    pub macs_per_px: f64,
    /// Whether spec and streams name it by its digest, so that a container need not.
    pub is_named_by_spec: bool,
}
