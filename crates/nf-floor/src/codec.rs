//! `floor` as the registry knows it.

use crate::level::Level;
use crate::models::{TileView, mixing};
use crate::stream;
use crate::with_profile::{FloorWithProfile, read_profile};
use nf_codec::{Codec, Entry, Error, Limits, OptionDoc, PixelTrace, PlaneTreatment, Result, Spec};
use nf_image::{Image16, Shape, TileBox};
use nf_profile::library;

/// The codec `floor`.
///
/// A stream states how every tile is coded, so a `Floor` of any level decodes the streams of all
/// levels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Floor {
    /// How long the encoder searches.
    pub level: Level,
}

/// The entry of the registry.
pub const ENTRY: Entry = Entry {
    name: "floor",
    summary: "this project's codec: noise-aware prediction and table rANS in independent tiles",
    source: "docs/floor.md",
    options: &[
        OptionDoc {
            key: "level",
            values: "fast, default, high, max",
            default: "default",
            help: "how long the encoder searches for a smaller stream",
        },
        OptionDoc {
            key: "profile",
            values: "NAME.KEY, as `noisefloor profile info` prints it",
            default: "none",
            help: "the detector profile that the frames are coded with; decoding needs the same",
        },
    ],
    build,
};

fn build(spec: &Spec) -> Result<Box<dyn Codec>> {
    let mut options = spec.options();
    let level = options.take("level", Level::Default, "fast, default, high or max", |_| true)?;
    let profile = options.take("profile", String::new(), "the name and key of a profile", |_| true)?;
    options.finish()?;
    match profile.as_str() {
        "" => Ok(Box::new(Floor { level })),
        id => Ok(Box::new(FloorWithProfile::new(
            level,
            library::find(&id.parse()?, |bytes| read_profile(bytes, &Limits::default()))?,
        ))),
    }
}

impl Codec for Floor {
    fn spec(&self) -> Spec {
        Spec::new("floor").with("level", self.level, Level::Default)
    }

    fn encode(&self, image: &Image16) -> Result<Vec<u8>> {
        Ok(stream::encode(image, self.level))
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

    /// At level `max`, for one plane that is one tile.
    fn trace(&self, image: &Image16, uniform: &mut dyn FnMut() -> f64) -> Option<PixelTrace> {
        let shape = image.shape();
        let is_one_tile = shape.planes == 1 && shape.height.max(shape.width) <= stream::TILE_SIDE_PX;
        (self.level == Level::Max && is_one_tile).then(|| mixing::trace(TileView::of(image), uniform))?
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn specs_build_their_level() {
        for level in Level::ALL {
            let codec = Floor { level };
            let spec: Spec = format!("floor:level={level}").parse().unwrap();
            assert_eq!((ENTRY.build)(&spec).unwrap().spec(), codec.spec());
        }
        assert_eq!((ENTRY.build)(&Spec::new("floor")).unwrap().spec().to_string(), "floor");
        assert!((ENTRY.build)(&"floor:level=slow".parse().unwrap()).is_err());
        assert!((ENTRY.build)(&"floor:effort=1".parse().unwrap()).is_err());
    }
}
