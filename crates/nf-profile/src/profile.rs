//! A profile and its name.

use crate::{Map, format};
use nf_codec::{Codec, Error, Result};
use nf_image::{Digest, Image16};
use std::fmt;
use std::str::FromStr;

/// Pieces of exposures from which adaptive models start: they see them before they meet a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
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
    pub stack: Image16,
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
    name: String,
    cards: Vec<(String, String)>,
    frames: u32,
    maps: Vec<Map>,
    starts: Vec<Start>,
    id: Id,
    bytes: Vec<u8>,
}

impl Profile {
    /// A profile of these parts; `codec` codes its maps, and every reader must have it.
    ///
    /// `name` has letters, digits, `-` and `_` only. `cards` are keywords of FITS headers with the
    /// value that all frames share. `frames` is the number of frames that went in.
    ///
    /// # Errors
    /// If the name has other characters, or the maps cannot be coded.
    pub fn new(
        name: &str,
        cards: Vec<(String, String)>,
        frames: u32,
        maps: Vec<Map>,
        starts: Vec<Start>,
        codec: &dyn Codec,
    ) -> Result<Self> {
        check_name(name)?;
        let digest = Digest([0; 32]);
        let id = Id { name: name.to_owned(), key: digest_key(&digest) };
        let mut profile = Self { name: name.to_owned(), cards, frames, maps, starts, id, bytes: vec![] };
        profile.bytes = format::to_bytes(&profile, codec)?;
        profile.id.key = digest_key(&format::digest(&profile.bytes));
        Ok(profile)
    }

    pub(crate) fn from_parts(
        name: String,
        cards: Vec<(String, String)>,
        frames: u32,
        maps: Vec<Map>,
        starts: Vec<Start>,
        bytes: Vec<u8>,
    ) -> Self {
        let id = Id { name: name.clone(), key: digest_key(&format::digest(&bytes)) };
        Self { name, cards, frames, maps, starts, id, bytes }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Name and key: what streams call it.
    pub fn id(&self) -> &Id {
        &self.id
    }

    /// Keywords of FITS headers, with the value that all frames share.
    pub fn cards(&self) -> &[(String, String)] {
        &self.cards
    }

    /// How many frames it was built from.
    pub fn frames(&self) -> u32 {
        self.frames
    }

    /// Its maps.
    pub fn maps(&self) -> &[Map] {
        &self.maps
    }

    /// Pieces of frames from which adaptive models start.
    pub fn starts(&self) -> &[Start] {
        &self.starts
    }

    /// The digest at the end of its file.
    pub fn digest(&self) -> Digest {
        format::digest(&self.bytes)
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

pub(crate) fn check_name(name: &str) -> Result<()> {
    let legal = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    match (1..=64).contains(&name.len()) && name.chars().all(legal) {
        true => Ok(()),
        false => Err(Error::corrupt(
            format!("the profile name '{}'", name.escape_debug()),
            "expected 1 to 64 letters, digits, - or _",
        )),
    }
}

fn digest_key(digest: &Digest) -> [u8; 8] {
    let [a, b, c, d, e, f, g, h, ..] = digest.0;
    [a, b, c, d, e, f, g, h]
}
