//! The first stages of a container.

use super::header::{Cut, Header};
use super::reader::{Reader, staged};
use super::trailer::{self, ImageIndex, TileEntry};
use crate::{Codec, Error, Result};
use std::io::{Read, Seek, Write};

/// Writes a container of the tiles of another one cut after a stage, counted from 0, and returns
/// its size. The samples that it holds are compared with the originals before a byte is written.
///
/// # Errors
/// If the codec has no stages, a tile is damaged or lacks the stage, a sample is beyond the bound
/// of the stage, or the destination fails.
pub fn cut<R: Read + Seek>(
    reader: &mut Reader<R>,
    codec: &dyn Codec,
    stage: usize,
    out: &mut dyn Write,
) -> Result<u64> {
    let staged = staged(codec)?;
    if reader.header().cut.is_some() {
        // Its originals are not at hand, and nothing could be proved of what is left.
        return Err(Error::Mismatch {
            what: "cutting".to_owned(),
            needed: "the whole container".to_owned(),
            present: "one that is cut already".to_owned(),
        });
    }
    let all = reader.stages(codec)?;
    let bound_dn = match all.get(stage) {
        Some(own) => own.bound_dn,
        None if all.is_empty() => 0,
        None => return Err(Error::corrupt("the container", format!("it has {} stages", all.len()))),
    };
    let mut kept = Vec::new();
    let (mut indices, mut originals) = (Vec::new(), Vec::new());
    for image in 0..reader.header().images.len() {
        let original = reader.decode(image, codec)?;
        let mut known = nf_image::Image16::zeros(original.shape());
        let mut tiles = Vec::new();
        for tile in reader.tiles(image) {
            let mut payload = reader.payload(image, &tile)?;
            let (place, shape) = (&tile.place, tile.place.shape());
            let own = staged.stages(&payload, shape, reader.limits())?;
            payload.truncate(own.get(stage).map_or(payload.len(), |own| own.end_bytes));
            let samples = staged.decode_stage(&payload, shape, stage, reader.limits())?;
            known.paste(&samples, place.planes.start, place.rows.start, place.columns.start);
            let length_bytes = payload.len() as u64;
            tiles.push(TileEntry { offset_bytes: 0, length_bytes, crc: crc32fast::hash(&payload) });
            kept.extend(payload);
        }
        let errors = known.samples().iter().zip(original.samples()).map(|(a, b)| a.abs_diff(*b));
        let largest = errors.max().unwrap_or_default();
        if u32::from(largest) > bound_dn {
            let reason = format!("an error of {largest}, expected at most {bound_dn}");
            return Err(Error::corrupt(format!("stage {} of stack {image}", stage + 1), reason));
        }
        originals.push(original.digest());
        indices.push(ImageIndex { digest: known.digest(), tiles });
    }
    let cut = Some(Cut { stage, bound_dn, originals });
    let prologue = Header { cut, ..reader.header().clone() }.to_prologue()?;
    let trailer = trailer::to_bytes(&indices)?;
    let failed = |source| Error::Io { what: "writing the container".to_owned(), source };
    for part in [&prologue, &kept, &trailer] {
        out.write_all(part).map_err(failed)?;
    }
    out.flush().map_err(failed)?;
    Ok((prologue.len() + kept.len() + trailer.len()) as u64)
}
