//! `floor` as the registry knows it.

use crate::codec::{Floor, FloorWithProfile, read_profile};
use crate::level::Level;
use nf_codec::{Codec, Entry, Limits, OptionDoc, Result, Spec};
use nf_profile::library;

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
