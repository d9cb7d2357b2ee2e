//! Profiles as bytes: `docs/format-profile.md`.

mod facts;

use crate::map::{Map, MapKind};
use crate::outline::Outline;
use crate::pixels::Pixels;
use crate::profile::{Parts, Profile, Start, check_name};
use nf_codec::{Codec, Error, Fields, Limits, Result};
use nf_image::{Digest, Image16, Shape};
use std::sync::Arc;

/// The first bytes of a profile of version 1, which ends with its starts.
pub const MAGIC: [u8; 8] = *b"NFPROF1\n";
/// The first bytes of a profile of version 2, which has amplifiers and defects as well.
pub const MAGIC_2: [u8; 8] = *b"NFPROF2\n";
/// The usual ending of its file name.
pub const ENDING: &str = "nfp";
/// Most pixels of one read of a start in all its exposures, which bounds the time that a decoder
/// spends on one.
pub(crate) const MOST_START_PX: usize = 1 << 16;
/// Bytes of the digest at the end.
const DIGEST_BYTES: usize = 32;
/// Most keywords, maps or starts.
const MOST: usize = 4096;
const WHAT: &str = "the profile";

/// Pixels of this shape from the spec of a codec and its stream.
type Decode<'a> = dyn FnMut(&str, &[u8], Shape) -> Result<Pixels> + 'a;

/// A profile of these parts; `codec` codes its maps, and every reader must have it.
///
/// # Errors
/// If the name has other characters than allowed, or the maps cannot be coded.
pub fn write(parts: Parts, codec: &dyn Codec) -> Result<Profile> {
    check_name(&parts.name)?;
    // Without amplifiers and defects it has the bytes that it had before there were any.
    let has_facts = !(parts.amplifiers.is_empty() && parts.defects.is_empty());
    let mut out = if has_facts { MAGIC_2 } else { MAGIC }.to_vec();
    put_text(&mut out, &parts.name)?;
    put_text(&mut out, &codec.spec().to_string())?;
    out.extend(parts.frames.to_le_bytes());
    put_count(&mut out, "keywords", parts.cards.len())?;
    for (keyword, value) in &parts.cards {
        put_text(&mut out, keyword)?;
        put_text(&mut out, value)?;
    }
    put_count(&mut out, "maps", parts.maps.len())?;
    for map in &parts.maps {
        out.push(map.kind as u8);
        put_text(&mut out, &map.image)?;
        put_text(&mut out, &map.exposures)?;
        out.extend(map.read.to_le_bytes());
        out.extend(map.frames.to_le_bytes());
        out.extend(map.noise_dn.to_bits().to_le_bytes());
        out.extend(map.base_dn.to_le_bytes());
        out.push(map.fraction_bits);
        put_extent(&mut out, map.row)?;
        put_extent(&mut out, map.column)?;
        put_pixels(&mut out, map.pixels.image()?, codec)?;
    }
    put_count(&mut out, "starts", parts.starts.len())?;
    for start in &parts.starts {
        put_text(&mut out, &start.image)?;
        put_extent(&mut out, start.row)?;
        put_extent(&mut out, start.column)?;
        put_count(&mut out, "reads", start.reads)?;
        put_pixels(&mut out, start.stack.image()?, codec)?;
    }
    if has_facts {
        facts::put(&mut out, &parts.amplifiers, &parts.defects)?;
    }
    let digest = Digest::of_bytes(&out);
    out.extend(digest.0);
    Ok(Profile::new(parts, digest, out))
}

/// The profile that these bytes are; `codec` builds the codec of the pixels from its spec. They are
/// decoded when they are asked for.
///
/// # Errors
/// If they are damaged, or anything but a profile, or larger than `limits` allow.
pub fn read(
    bytes: Vec<u8>,
    codec: &dyn Fn(&str) -> Result<Box<dyn Codec>>,
    limits: &Limits,
) -> Result<Profile> {
    let mut found: Option<Arc<dyn Codec>> = None;
    let (parts, digest) = parse(&bytes, limits, &mut |spec, stream, shape| {
        let codec = match &found {
            Some(codec) => Arc::clone(codec),
            None => Arc::clone(found.insert(codec(spec)?.into())),
        };
        let (stream, limits) = (stream.to_vec(), *limits);
        Ok(Pixels::coded(shape, move || codec.decode(&stream, shape, &limits)))
    })?;
    Ok(Profile::new(parts, digest, bytes))
}

/// What a profile says of itself, without its pixels, which are not decoded.
///
/// # Errors
/// If the bytes are damaged, or anything but a profile, or larger than `limits` allow.
pub fn outline(bytes: &[u8], limits: &Limits) -> Result<Outline> {
    let unknown = |shape| Pixels::coded(shape, || Err(Error::corrupt(WHAT, "only its outline was read")));
    let (parts, digest) = parse(bytes, limits, &mut |_, _, shape| Ok(unknown(shape)))?;
    Ok(Outline::of(&parts, &digest))
}

/// The parts that these bytes hold, and the digest at their end; `decode` makes pixels of the spec
/// of a codec and its stream.
fn parse(bytes: &[u8], limits: &Limits, decode: &mut Decode<'_>) -> Result<(Parts, Digest)> {
    let has_facts = bytes.starts_with(&MAGIC_2);
    let magic = if has_facts { &MAGIC_2 } else { &MAGIC };
    let Some(body) = bytes.strip_prefix(magic) else {
        return Err(Error::corrupt(WHAT, "it does not begin as a profile does, expected a .nfp file"));
    };
    let (body, stated) = body.split_last_chunk::<DIGEST_BYTES>().ok_or_else(|| Error::truncated(WHAT))?;
    let found = Digest::of_bytes(&bytes[..bytes.len() - DIGEST_BYTES]);
    if found != Digest(*stated) {
        let reason = format!("its digest is {}, expected {}", found.short(), Digest(*stated).short());
        return Err(Error::corrupt(WHAT, reason));
    }
    let mut fields = Fields::new(body, WHAT);
    let name = text(&mut fields)?;
    check_name(&name)?;
    let spec = text(&mut fields)?;
    let frames = fields.u32()?;
    let mut cards = Vec::new();
    for _ in 0..count(&mut fields, "keywords")? {
        cards.push((text(&mut fields)?, text(&mut fields)?));
    }
    // Of all maps and starts together: what a reader holds at once.
    let mut pixels = 0;
    let mut pixels_of = |fields: &mut Fields<'_>| {
        pixels_of(fields, &mut |stream, shape| decode(&spec, stream, shape), limits, &mut pixels)
    };
    let mut maps = Vec::new();
    for _ in 0..count(&mut fields, "maps")? {
        let kind = fields.u8()?;
        let kind = MapKind::ALL.into_iter().find(|known| *known as u8 == kind);
        let kind = kind.ok_or_else(|| Error::corrupt(WHAT, "a map of an unknown kind"))?;
        let (image, exposures) = (text(&mut fields)?, text(&mut fields)?);
        let read = fields.u16()?;
        let frames = fields.u32()?;
        let noise_dn = f32::from_bits(fields.u32()?);
        let base_dn = fields.u32()? as i32;
        let fraction_bits = fields.u8()?;
        // Numbers of maps fit 25 bits, so that sums of a few fit 64 bits whatever their weights.
        let legal = (0.0..65_536.0).contains(&noise_dn) && (-65_536..65_536).contains(&base_dn);
        if !legal || fraction_bits > 8 {
            return Err(Error::corrupt(
                WHAT,
                format!("a map of base {base_dn} with {fraction_bits} fraction bits"),
            ));
        }
        let (row, column) = (fields.u32()? as usize, fields.u32()? as usize);
        let stack = pixels_of(&mut fields)?;
        let Shape { planes, height, width } = stack.shape();
        if planes != 1 {
            return Err(Error::corrupt(WHAT, format!("a map of {planes} planes, expected one")));
        }
        let map = Map {
            kind,
            image,
            exposures,
            read,
            row,
            column,
            height,
            width,
            frames,
            noise_dn,
            base_dn,
            fraction_bits,
            pixels: stack,
        };
        maps.push(map);
    }
    let mut starts = Vec::new();
    for _ in 0..count(&mut fields, "starts")? {
        let image = text(&mut fields)?;
        let (row, column) = (fields.u32()? as usize, fields.u32()? as usize);
        let reads = count(&mut fields, "reads")?;
        let start = Start { image, row, column, reads, stack: pixels_of(&mut fields)? };
        let shape = start.stack.shape();
        let seen_px = shape.plane_pixels().saturating_mul(start.exposures());
        if reads == 0 || seen_px == 0 || seen_px > MOST_START_PX || !shape.planes.is_multiple_of(reads) {
            let reason = format!(
                "a start of {shape} in exposures of {reads}, expected at most {MOST_START_PX} pixels a read"
            );
            return Err(Error::corrupt(WHAT, reason));
        }
        starts.push(start);
    }
    let (mut amplifiers, mut defects) = (vec![], vec![]);
    if has_facts {
        amplifiers = facts::amplifiers(&mut fields)?;
        defects = facts::defects(&mut fields)?;
    }
    if !fields.is_empty() {
        return Err(Error::corrupt(WHAT, "bytes follow its last part"));
    }
    Ok((Parts { name, cards, frames, maps, starts, amplifiers, defects }, found))
}

fn put_text(out: &mut Vec<u8>, text: &str) -> Result<()> {
    let length = u16::try_from(text.len()).map_err(|_| Error::TooLarge {
        what: WHAT.to_owned(),
        needed: text.len() as u64,
        most: 65_535,
    })?;
    out.extend(length.to_le_bytes());
    out.extend(text.as_bytes());
    Ok(())
}

fn text(fields: &mut Fields<'_>) -> Result<String> {
    let length = fields.u16()?;
    let bytes = fields.take(u64::from(length))?;
    fields.text(bytes)
}

fn put_count(out: &mut Vec<u8>, what: &str, count: usize) -> Result<()> {
    if count > MOST {
        return Err(Error::corrupt(WHAT, format!("{count} {what}, expected at most {MOST}")));
    }
    out.extend((count as u16).to_le_bytes());
    Ok(())
}

fn count(fields: &mut Fields<'_>, what: &str) -> Result<usize> {
    let count = usize::from(fields.u16()?);
    match count > MOST {
        true => Err(Error::corrupt(WHAT, format!("{count} {what}, expected at most {MOST}"))),
        false => Ok(count),
    }
}

fn put_extent(out: &mut Vec<u8>, extent: usize) -> Result<()> {
    let most = u64::from(u32::MAX);
    let extent = u32::try_from(extent).map_err(|_| Error::TooLarge {
        what: WHAT.to_owned(),
        needed: extent as u64,
        most,
    })?;
    out.extend(extent.to_le_bytes());
    Ok(())
}

fn put_pixels(out: &mut Vec<u8>, image: &Image16, codec: &dyn Codec) -> Result<()> {
    let Shape { planes, height, width } = image.shape();
    put_count(out, "planes", planes)?;
    put_extent(out, height)?;
    put_extent(out, width)?;
    let stream = codec.encode(image)?;
    out.extend((stream.len() as u64).to_le_bytes());
    out.extend(stream);
    Ok(())
}

fn pixels_of(
    fields: &mut Fields<'_>,
    decode: &mut dyn FnMut(&[u8], Shape) -> Result<Pixels>,
    limits: &Limits,
    pixels: &mut u64,
) -> Result<Pixels> {
    let planes = count(fields, "planes")?;
    let (height, width) = (fields.u32()? as usize, fields.u32()? as usize);
    let shape = Shape::new(planes, height, width);
    *pixels = pixels.saturating_add(limits.check_shape(WHAT, shape)? as u64);
    limits.check_memory(WHAT, pixels.saturating_mul(2))?;
    let length = fields.u64()?;
    let stream = fields.take(length)?;
    decode(stream, shape)
}
