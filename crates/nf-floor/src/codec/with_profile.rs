//! `floor` that knows the detector: frames are coded with maps of a profile.

use super::Floor;
use crate::level::Level;
use crate::stream::{self, Placed};
use nf_codec::{Codec, Error, Limits, Model, PlaneTreatment, Result, Spec};
use nf_image::{Image16, ImageRef, Shape, TileBox};
use nf_profile::{Profile, format};
use std::sync::Arc;

/// What codes the maps of profiles: whoever decodes a frame decodes its maps before, so that has to
/// be as fast. (Level `high` makes profiles half a percent smaller.)
pub const PROFILE_CODEC: Floor = Floor { level: Level::Default };

/// The profile that these bytes are, its maps coded by `floor`.
///
/// # Errors
/// If they are damaged, or larger than `limits` allow.
pub fn read_profile(bytes: Vec<u8>, limits: &Limits) -> Result<Profile> {
    let codec = |spec: &str| -> Result<Box<dyn Codec>> {
        let spec: Spec = spec.parse()?;
        match spec.name() {
            // Any level reads the streams of all.
            "floor" => Ok(Box::new(PROFILE_CODEC)),
            _ => Err(spec.error("maps of profiles are coded by floor")),
        }
    };
    format::read(bytes, &codec, limits)
}

/// The codec `floor` with the profile of a detector.
#[derive(Clone, Debug)]
pub struct FloorWithProfile {
    level: Level,
    profile: Arc<Profile>,
}

impl FloorWithProfile {
    /// A codec of this level for frames of the detector of `profile`.
    pub fn new(level: Level, profile: Arc<Profile>) -> Self {
        Self { level, profile }
    }
}

impl Codec for FloorWithProfile {
    fn spec(&self) -> Spec {
        let id = self.profile.id().to_string();
        Spec::new("floor").with("level", self.level, Level::Default).with("profile", id, String::new())
    }

    fn encode(&self, image: &Image16) -> Result<Vec<u8>> {
        self.encode_ref(image.into())
    }

    fn encode_at(&self, image: &Image16, row: usize, column: usize) -> Result<Vec<u8>> {
        self.encode_ref(ImageRef::from(image).with_origin([row, column]))
    }

    fn encode_ref(&self, image: ImageRef<'_>) -> Result<Vec<u8>> {
        let [row, column] = image.origin();
        Ok(stream::encode_placed(image, self.level, Placed { profile: &self.profile, row, column }))
    }

    fn decode(&self, bytes: &[u8], shape: Shape, limits: &Limits) -> Result<Image16> {
        self.decode_region(bytes, shape, &TileBox::whole(shape), limits)
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
        stream::decode_placed(bytes, shape, (planes, rows, columns), limits, Some(&self.profile))
    }

    fn max_bytes(&self, shape: Shape) -> u64 {
        stream::max_bytes(shape)
    }

    fn tile_px(&self, shape: Shape) -> Option<[usize; 2]> {
        Some(stream::tile_px(shape))
    }

    fn planes(&self) -> PlaneTreatment {
        Floor { level: self.level }.planes()
    }

    fn profile(&self) -> Option<&[u8]> {
        Some(self.profile.bytes())
    }

    fn needs_profile(&self, stream: &[u8]) -> bool {
        stream::needs_profile(stream)
    }

    fn with_profile(&self, profile: &[u8], limits: &Limits) -> Result<Box<dyn Codec>> {
        Floor { level: self.level }.with_profile(profile, limits)
    }

    fn model(&self) -> Option<Model> {
        let numbers: usize = self.profile.maps().iter().map(|map| map.height * map.width).sum();
        Some(Model {
            digest: self.profile.digest(),
            bytes: self.profile.bytes().len() as u64,
            parameters: numbers as u64,
            macs_per_px: 0.0,
            is_named_by_spec: true,
        })
    }
}
