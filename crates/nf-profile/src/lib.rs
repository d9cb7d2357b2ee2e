//! Detector profiles: what many frames of one camera have in common.
//!
//! - [`Pixels`]: those of maps and starts, decoded when they are asked for.
//! - [`Map`]: a number for every pixel of the detector, such as its fixed pattern.
//! - [`Profile`]: the maps of one detector, and frames from which adaptive models start.
//! - [`Amplifier`], [`Defects`]: gain, read noise and offset; hot and dead pixels, for people.
//! - [`Outline`]: what a profile says of itself, without its pixels.
//! - [`mod@format`]: profiles as bytes (`docs/format-profile.md`).
//! - [`build`]: a profile from frames.
//! - [`library`]: finding the profile that a stream names.
#![forbid(unsafe_code)]

mod amplifier;
mod area;
pub mod build;
pub mod format;
pub mod library;
mod map;
mod outline;
mod pixels;
mod profile;

pub use amplifier::{Amplifier, Dark, DefectKind, Defects};
pub use area::Area;
pub use map::{Map, MapKind, UNITS_PER_DN};
pub use outline::Outline;
pub use pixels::Pixels;
pub use profile::{Id, Parts, Profile, Start, knows_profiles, legal_name};
