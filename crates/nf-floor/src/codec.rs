//! The codec `floor`: alone, and in [`with_profile`] with the profile of a detector.

mod with_profile;

pub use with_profile::{FloorWithProfile, PROFILE_CODEC, read_profile};

use crate::level::Level;
use crate::models::{TileView, mixing};
use crate::stream;
use nf_codec::{Codec, DitheredStack, Error, Limits, PixelTrace, PlaneTreatment, Result, Spec};
use nf_image::{Image16, ImageRef, Shape, TileBox};
use std::sync::Arc;

/// The codec `floor`.
///
/// A stream states how every tile is coded, so a `Floor` of any level decodes the streams of all
/// levels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Floor {
    /// How long the encoder searches.
    pub level: Level,
}

impl Codec for Floor {
    fn spec(&self) -> Spec {
        Spec::new("floor").with("level", self.level, Level::Default)
    }

    fn encode(&self, image: &Image16) -> Result<Vec<u8>> {
        self.encode_ref(image.into())
    }

    fn encode_ref(&self, image: ImageRef<'_>) -> Result<Vec<u8>> {
        Ok(stream::encode(image, self.level))
    }

    fn encode_dithered(&self, image: ImageRef<'_>, dither: &DitheredStack) -> Result<Vec<u8>> {
        Ok(stream::encode_dithered(image, self.level, dither))
    }

    fn decode(&self, bytes: &[u8], shape: Shape, limits: &Limits) -> Result<Image16> {
        stream::decode(bytes, shape, limits)
    }

    /// Decodes only the tiles that the region touches, and those of earlier planes that these need.
    fn decode_region(
        &self,
        bytes: &[u8],
        shape: Shape,
        region: &TileBox,
        limits: &Limits,
    ) -> Result<Image16> {
        Error::check_region(region, shape)?;
        let TileBox { planes, rows, columns } = region.clone();
        stream::decode_region(bytes, shape, planes, rows, columns, limits)
    }

    fn max_bytes(&self, shape: Shape) -> u64 {
        stream::max_bytes(shape)
    }

    fn planes(&self) -> PlaneTreatment {
        match self.level {
            Level::Fast => PlaneTreatment::Independent,
            Level::Default | Level::High | Level::Max => PlaneTreatment::Joint,
        }
    }

    fn tile_px(&self, shape: Shape) -> Option<[usize; 2]> {
        Some(stream::tile_px(shape))
    }

    fn with_profile(&self, profile: &[u8], limits: &Limits) -> Result<Box<dyn Codec>> {
        let profile = read_profile(profile.to_vec(), limits)?;
        Ok(Box::new(FloorWithProfile::new(self.level, Arc::new(profile))))
    }

    /// At level `max`, for one plane that is one tile.
    fn trace(&self, image: &Image16, uniform: &mut dyn FnMut() -> f64) -> Option<PixelTrace> {
        let shape = image.shape();
        let is_one_tile = shape.planes == 1 && shape.height.max(shape.width) <= stream::TILE_SIDE_PX;
        (self.level == Level::Max && is_one_tile).then(|| mixing::trace(TileView::of(image), uniform))?
    }
}
