//! The last sections of a profile: amplifiers and defects, which no stream needs.

use super::{WHAT, count, put_count, put_extent, put_text, text};
use crate::{Amplifier, Area, Dark, DefectKind, Defects};
use nf_codec::{Error, Fields, Result};

/// Numbers of amplifiers lie below this.
const END: f32 = 65_536.0;

pub(super) fn put(out: &mut Vec<u8>, amplifiers: &[Amplifier], defects: &[Defects]) -> Result<()> {
    put_count(out, "amplifiers", amplifiers.len())?;
    for amplifier in amplifiers {
        put_text(out, &amplifier.image)?;
        out.extend(amplifier.number.to_le_bytes());
        put_area(out, &amplifier.area)?;
        let Dark { offset_dn, read_noise_dn } =
            amplifier.dark.unwrap_or(Dark { offset_dn: 0.0, read_noise_dn: 0.0 });
        for number in [amplifier.gain_electrons_per_dn.unwrap_or(0.0), offset_dn, read_noise_dn] {
            out.extend(number.to_bits().to_le_bytes());
        }
    }
    put_count(out, "lists of defects", defects.len())?;
    for Defects { kind, image, area, pixels } in defects {
        out.push(*kind as u8);
        put_text(out, image)?;
        put_area(out, area)?;
        put_extent(out, pixels.len())?;
        pixels.iter().for_each(|pixel| out.extend(pixel.to_le_bytes()));
    }
    Ok(())
}

pub(super) fn amplifiers(fields: &mut Fields<'_>) -> Result<Vec<Amplifier>> {
    let mut amplifiers = vec![];
    for _ in 0..count(fields, "amplifiers")? {
        let image = text(fields)?;
        let number = fields.u16()?;
        let area = area(fields)?;
        let mut next = || -> Result<f32> { Ok(f32::from_bits(fields.u32()?)) };
        let [gain, offset_dn, read_noise_dn] = [next()?, next()?, next()?];
        let legal = [gain, offset_dn, read_noise_dn].iter().all(|number| (0.0..END).contains(number));
        if !legal || (read_noise_dn == 0.0 && offset_dn != 0.0) {
            let reason = format!("an amplifier of gain {gain}, offset {offset_dn}, noise {read_noise_dn}");
            return Err(Error::corrupt(WHAT, reason));
        }
        amplifiers.push(Amplifier {
            image,
            number,
            area,
            gain_electrons_per_dn: (gain > 0.0).then_some(gain),
            dark: (read_noise_dn > 0.0).then_some(Dark { offset_dn, read_noise_dn }),
        });
    }
    Ok(amplifiers)
}

pub(super) fn defects(fields: &mut Fields<'_>) -> Result<Vec<Defects>> {
    let mut lists = vec![];
    for _ in 0..count(fields, "lists of defects")? {
        let kind = fields.u8()?;
        let kind = DefectKind::ALL.into_iter().find(|known| *known as u8 == kind);
        let kind = kind.ok_or_else(|| Error::corrupt(WHAT, "a defect of an unknown kind"))?;
        let image = text(fields)?;
        let area = area(fields)?;
        let all = area.height as u64 * area.width as u64;
        let listed = fields.u32()?;
        let bytes = fields.take(4 * u64::from(listed))?;
        let (pixels, _) = bytes.as_chunks::<4>();
        let pixels: Vec<u32> = pixels.iter().map(|bytes| u32::from_le_bytes(*bytes)).collect();
        let inside = pixels.last().is_none_or(|last| u64::from(*last) < all);
        if !inside || !pixels.is_sorted_by(|one, next| one < next) {
            let reason = format!("{} pixels that lie outside or do not ascend", kind.name());
            return Err(Error::corrupt(WHAT, reason));
        }
        lists.push(Defects { kind, image, area, pixels });
    }
    Ok(lists)
}

fn put_area(out: &mut Vec<u8>, area: &Area) -> Result<()> {
    let Area { row, column, height, width } = *area;
    [row, column, height, width].into_iter().try_for_each(|extent| put_extent(out, extent))
}

fn area(fields: &mut Fields<'_>) -> Result<Area> {
    let mut next = || -> Result<usize> { Ok(fields.u32()? as usize) };
    Ok(Area { row: next()?, column: next()?, height: next()?, width: next()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn area_of(height: usize, width: usize) -> Area {
        Area { row: 3, column: 5, height, width }
    }

    fn written(amplifiers: &[Amplifier], defects: &[Defects]) -> Vec<u8> {
        let mut out = vec![];
        put(&mut out, amplifiers, defects).unwrap();
        out
    }

    fn read(bytes: &[u8]) -> Result<(Vec<Amplifier>, Vec<Defects>)> {
        let mut fields = Fields::new(bytes, WHAT);
        Ok((amplifiers(&mut fields)?, defects(&mut fields)?))
    }

    #[test]
    fn facts_are_read_again_and_wrong_ones_refused() {
        let amplifier = |gain: f32, offset_dn: f32, read_noise_dn: f32| Amplifier {
            image: "A".into(),
            number: 1,
            area: area_of(10, 20),
            gain_electrons_per_dn: (gain != 0.0).then_some(gain),
            dark: Some(Dark { offset_dn, read_noise_dn }).filter(|dark| dark.read_noise_dn != 0.0),
        };
        let hot = |pixels: &[u32]| Defects {
            kind: DefectKind::Hot,
            image: String::new(),
            area: area_of(2, 3),
            pixels: pixels.to_vec(),
        };
        let known = [amplifier(1.5, 1000.0, 3.0), amplifier(0.0, 0.0, 4.0), amplifier(2.0, 0.0, 0.0)];
        let lists = [hot(&[0, 1, 5]), hot(&[]), hot(&[4])];
        let bytes = written(&known, &lists);
        assert_eq!(read(&bytes).unwrap(), (known.to_vec(), lists.to_vec()));
        assert_eq!(lists[0].places().last(), Some([4, 7]));
        for length in 0..bytes.len() {
            assert!(read(&bytes[..length]).is_err(), "{length} bytes");
        }
        for wrong in [f32::NAN, -1.0, f32::INFINITY, 65_536.0] {
            assert!(read(&written(&[amplifier(wrong, 1.0, 1.0)], &[])).is_err(), "{wrong}");
            assert!(read(&written(&[amplifier(1.0, wrong, 1.0)], &[])).is_err(), "{wrong}");
        }
        for wrong in [&[6][..], &[1, 1], &[2, 1]] {
            assert!(read(&written(&[], &[hot(wrong)])).unwrap_err().to_string().contains("hot"));
        }
    }
}
