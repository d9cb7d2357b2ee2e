//! A profile and its name.

use crate::{Amplifier, Defects, Map, Pixels};
use nf_codec::{Error, Result, Spec};
use nf_image::Digest;
use std::fmt;
use std::str::FromStr;

/// Pieces of exposures from which adaptive models start: they see them before they meet a frame.
#[derive(Clone, Debug, PartialEq)]
pub struct Start {
    /// The image of a file that it was cut from.
    pub image: String,
    /// Row of the detector where its first pixel lies.
    pub row: usize,
    /// Column of the detector where its first pixel lies.
    pub column: usize,
    /// Planes of one exposure: more than one if it is a ramp.
    pub reads: usize,
    /// The pixels of one exposure after another, all at the same place.
    pub stack: Pixels,
}

impl Start {
    /// How many exposures it has.
    pub fn exposures(&self) -> usize {
        self.stack.shape().planes / self.reads.max(1)
    }
}

/// What many frames of one detector have in common.
#[derive(Clone, Debug, PartialEq)]
pub struct Profile {
    parts: Parts,
    id: Id,
    digest: Digest,
    bytes: Vec<u8>,
}

/// The parts of a profile.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Parts {
    /// What it is called: 1 to 64 letters, digits, `-` and `_`.
    pub name: String,
    /// Keywords of FITS headers, with the value that all frames share.
    pub cards: Vec<(String, String)>,
    /// How many frames it was built from.
    pub frames: u32,
    /// Its maps.
    pub maps: Vec<Map>,
    /// Pieces of frames from which adaptive models start.
    pub starts: Vec<Start>,
    /// What photon transfer tells of its amplifiers.
    pub amplifiers: Vec<Amplifier>,
    /// Its defective pixels.
    pub defects: Vec<Defects>,
}

impl Profile {
    /// Of the parts that these bytes hold, and the digest at their end.
    pub(crate) fn new(parts: Parts, digest: Digest, bytes: Vec<u8>) -> Self {
        let id = Id::of(&parts.name, &digest);
        Self { parts, id, digest, bytes }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.parts.name
    }

    /// Name and key: what streams call it.
    pub fn id(&self) -> &Id {
        &self.id
    }

    /// Keywords of FITS headers, with the value that all frames share.
    pub fn cards(&self) -> &[(String, String)] {
        &self.parts.cards
    }

    /// How many frames it was built from.
    pub fn frames(&self) -> u32 {
        self.parts.frames
    }

    /// Its maps.
    pub fn maps(&self) -> &[Map] {
        &self.parts.maps
    }

    /// Pieces of frames from which adaptive models start.
    pub fn starts(&self) -> &[Start] {
        &self.parts.starts
    }

    /// What photon transfer tells of its amplifiers; no stream needs it.
    pub fn amplifiers(&self) -> &[Amplifier] {
        &self.parts.amplifiers
    }

    /// Its defective pixels; no stream needs them.
    pub fn defects(&self) -> &[Defects] {
        &self.parts.defects
    }

    /// The digest at the end of its file.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// The bytes of its file.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// Name and first eight bytes of the digest of a profile, written `name.0123456789abcdef`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Id {
    /// The detector, for people.
    pub name: String,
    /// The first eight bytes of the digest of the profile's file.
    pub key: [u8; 8],
}

impl Id {
    pub(crate) fn of(name: &str, digest: &Digest) -> Self {
        let [a, b, c, d, e, f, g, h, ..] = digest.0;
        Self { name: name.to_owned(), key: [a, b, c, d, e, f, g, h] }
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:016x}", self.name, u64::from_be_bytes(self.key))
    }
}

impl FromStr for Id {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let wrong = || {
            Error::corrupt(
                format!("profile '{text}'"),
                "expected NAME and 16 hexadecimal digits, with a dot between",
            )
        };
        let (name, key) = text.rsplit_once('.').ok_or_else(wrong)?;
        let hexadecimal =
            key.len() == 16 && key.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        let key = u64::from_str_radix(key, 16).ok().filter(|_| hexadecimal).ok_or_else(wrong)?;
        check_name(name)?;
        Ok(Self { name: name.to_owned(), key: key.to_be_bytes() })
    }
}

/// Whether a codec knows profiles.
pub fn knows_profiles(codec: &Spec) -> bool {
    codec.name() == "floor"
}

/// A name of a profile from any text: what a name cannot have becomes `-`, and what is too long is
/// cut.
pub fn legal_name(text: &str) -> String {
    text.chars().map(|c| if is_legal(c) { c } else { '-' }).take(MOST_NAME_BYTES).collect()
}

/// Most characters of a name, which has only such of one byte.
const MOST_NAME_BYTES: usize = 64;

fn is_legal(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '-' || c == '_'
}

pub(crate) fn check_name(name: &str) -> Result<()> {
    match (1..=MOST_NAME_BYTES).contains(&name.len()) && name.chars().all(is_legal) {
        true => Ok(()),
        false => Err(Error::corrupt(
            format!("the profile name '{}'", name.escape_debug()),
            "expected 1 to 64 letters, digits, - or _",
        )),
    }
}
