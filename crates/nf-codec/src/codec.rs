//! What a codec promises.

use crate::{Laws, Limits, Result, Spec};
use nf_image::{Digest, Image16, Shape};

/// A lossless coder of 16-bit frames.
///
/// # What implementers promise
///
/// 1. `decode(encode(x)) == x` for the samples of every stack, including empty stacks, 1x1, 1xN, all 0
///    and all 65535. A codec that cannot take some stacks says so with [`Error::Unsupported`](crate::Error)
///    from `encode`; it never loses a bit in silence.
/// 2. Hostile bytes give an error or a wrong image of the right shape, never a panic, never an endless
///    loop, and never more memory than `Limits` allows. (The container's digest catches wrong images.)
/// 3. `encode` writes at most `max_bytes(shape)` bytes, and the same bytes for the same image and spec.
/// 4. The stream need not state its shape: the container does, and hands it to `decode`.
/// 5. `spec()` builds an equal codec again.
///
/// A codec is `Send` but need not be `Sync`: every thread builds its own from the [`Spec`].
pub trait Codec: Send {
    /// Name and options; options at their defaults are left out.
    fn spec(&self) -> Spec;

    /// The bytes of an image.
    ///
    /// # Errors
    /// If the codec cannot take such an image, or a library behind it fails.
    fn encode(&self, image: &Image16) -> Result<Vec<u8>>;

    /// The image of `shape` that the bytes stand for; axis and detector are the caller's to restore.
    ///
    /// # Errors
    /// If the bytes are not what `encode` writes, or decoding would exceed `limits`.
    fn decode(&self, bytes: &[u8], shape: Shape, limits: &Limits) -> Result<Image16>;

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

    /// The trained model that both sides need, if there is one.
    fn model(&self) -> Option<Model> {
        None
    }

    /// Size in bits that an ideal entropy coder would give `image` under this codec's own probabilities, if it codes under
    /// probabilities. What is written beside coded symbols, such as headers, is not counted.
    ///
    /// # Errors
    /// As [`encode`](Self::encode).
    fn ideal_bits(&self, image: &Image16) -> Result<Option<f64>> {
        let _ = image;
        Ok(None)
    }

    /// The laws of the pixels while it codes the image, each with one value drawn from it by numbers that are uniform in `0.0..1.0`;
    /// `None` if it does not hand them out, or not for such an image.
    fn laws(&self, image: &Image16, uniform: &mut dyn FnMut() -> f64) -> Option<Laws> {
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
    /// By the same build on the same kind of device.
    SameBuildAndDevice,
}

impl Reproducibility {
    /// Every class, in the order of the container's codes.
    pub const ALL: [Self; 3] = [Self::Anywhere, Self::SameBuild, Self::SameBuildAndDevice];

    /// The word used in ledgers and tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Anywhere => "anywhere",
            Self::SameBuild => "same-build",
            Self::SameBuildAndDevice => "same-build-and-device",
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
    /// Multiplications, each with its addition, in the model's layers to decode one sample of a large image.
    pub macs_per_px: f64,
    /// The build and device that the stream is bound to, when it does not decode anywhere.
    pub device: String,
}
