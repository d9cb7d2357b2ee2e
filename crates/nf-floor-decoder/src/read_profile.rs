//! format-profile.md: the file of a detector profile.

use crate::bytes::Bytes;
use crate::profile::{Area, Kind, Map, Profile, Start};
use crate::{Error, stream};

/// The largest number of keywords, of maps, of starts, of amplifiers and of lists of defects.
const MOST: u16 = 4096;

/// The largest number of pixels of one read of all exposures of a start.
const MOST_START: usize = 65536;

/// Reads a detector profile, `bytes`, whose maps and starts have at most `most_pixels` pixels
/// together.
///
/// The digest at the end of `bytes` is not compared with the bytes before it: that is the caller's
/// part.
///
/// # Errors
///
/// If `bytes` is not a valid profile, or has more pixels.
pub fn read_profile(bytes: &[u8], most_pixels: u64) -> Result<Profile, Error> {
    let mut bytes = Bytes::new(bytes);
    let version = match bytes.take(8)? {
        b"NFPROF1\n" => 1,
        b"NFPROF2\n" => 2,
        _ => return Err(Error::new("these are not the bytes of a profile")),
    };
    let name = text(&mut bytes)?;
    let letters = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    Error::unless((1..=64).contains(&name.len()) && letters, "the name of a profile is wrong")?;
    let _codec = text(&mut bytes)?;
    let _frames = bytes.u32()?;
    for _ in 0..count(&mut bytes)? {
        let _keyword = text(&mut bytes)?;
        let _value = text(&mut bytes)?;
    }

    // No stack is decoded before the pixels of all are known.
    let mut maps = Vec::new();
    for _ in 0..count(&mut bytes)? {
        maps.push(MapHead::read(&mut bytes)?);
    }
    let mut starts = Vec::new();
    for _ in 0..count(&mut bytes)? {
        starts.push(StartHead::read(&mut bytes)?);
    }
    if version == 2 {
        for _ in 0..count(&mut bytes)? {
            pass_amplifier(&mut bytes)?;
        }
        for _ in 0..count(&mut bytes)? {
            pass_defects(&mut bytes)?;
        }
    }
    let digest = bytes.take(32)?;
    bytes.end()?;
    let stacks = maps.iter().map(|map| &map.stack).chain(starts.iter().map(|start| &start.stack));
    let pixels: u128 = stacks.map(Stack::pixels).sum();
    Error::unless(pixels <= u128::from(most_pixels), "the profile has more pixels than allowed")?;

    let mut key = [0; 8];
    key.copy_from_slice(&digest[..8]);
    let maps = maps.into_iter().map(MapHead::decode).collect::<Result<_, _>>()?;
    let starts = starts.into_iter().map(StartHead::decode).collect::<Result<_, _>>()?;
    Ok(Profile { key, maps, starts })
}

/// Passes over an amplifier: no stream needs it.
fn pass_amplifier(bytes: &mut Bytes<'_>) -> Result<(), Error> {
    let _image = text(bytes)?;
    let _number = bytes.u16()?;
    let _area = [bytes.u32()?, bytes.u32()?, bytes.u32()?, bytes.u32()?];
    let numbers = [bytes.u32()?, bytes.u32()?, bytes.u32()?].map(f32::from_bits);
    let legal = numbers.iter().all(|number| (0.0..65536.0).contains(number));
    let [_, offset, noise] = numbers;
    Error::unless(legal && (noise > 0.0 || offset == 0.0), "the numbers of an amplifier are out of range")
}

/// Passes over a list of defective pixels: no stream needs it.
fn pass_defects(bytes: &mut Bytes<'_>) -> Result<(), Error> {
    Error::unless(bytes.u8()? <= 1, "the kind of a defect is unknown")?;
    let _image = text(bytes)?;
    let [_, _, height, width] = [bytes.u32()?, bytes.u32()?, bytes.u32()?, bytes.u32()?];
    let pixels = u64::from(height) * u64::from(width);
    let mut least = 0;
    for _ in 0..bytes.u32()? {
        let pixel = u64::from(bytes.u32()?);
        Error::unless(pixel >= least && pixel < pixels, "a defective pixel lies outside")?;
        least = pixel + 1;
    }
    Ok(())
}

/// A text.
fn text<'a>(bytes: &mut Bytes<'a>) -> Result<&'a str, Error> {
    let length = usize::from(bytes.u16()?);
    let wrong = Error::new("a text is not UTF-8 without control characters");
    let text = std::str::from_utf8(bytes.take(length)?).map_err(|_| wrong)?;
    if text.chars().any(char::is_control) { Err(wrong) } else { Ok(text) }
}

/// The number of keywords, of maps, of starts, of amplifiers or of lists of defects.
fn count(bytes: &mut Bytes<'_>) -> Result<u16, Error> {
    let count = bytes.u16()?;
    Error::unless(count <= MOST, "a profile has too many parts of a kind")?;
    Ok(count)
}

/// A stack that is not decoded yet.
struct Stack<'a> {
    planes: u16,
    height: u32,
    width: u32,
    stream: &'a [u8],
}

impl<'a> Stack<'a> {
    fn read(bytes: &mut Bytes<'a>) -> Result<Self, Error> {
        let planes = bytes.u16()?;
        let (height, width) = (bytes.u32()?, bytes.u32()?);
        let length = usize::try_from(bytes.u64()?).map_err(|_| Error::new("the bytes end too early"))?;
        Ok(Self { planes, height, width, stream: bytes.take(length)? })
    }

    fn pixels(&self) -> u128 {
        u128::from(self.planes) * u128::from(self.height) * u128::from(self.width)
    }

    fn area(&self, row: u32, column: u32) -> Area {
        let [height, width] = [self.height as usize, self.width as usize];
        Area { row: row.into(), column: column.into(), height, width }
    }

    /// The samples: a stream that needs no profile.
    fn decode(&self) -> Result<Vec<u16>, Error> {
        let [planes, height, width] = [self.planes.into(), self.height as usize, self.width as usize];
        stream::decode(self.stream, None, planes, height, width)
    }
}

/// A map whose samples are not decoded yet.
struct MapHead<'a> {
    kind: Kind,
    base: i32,
    fraction: u8,
    row: u32,
    column: u32,
    stack: Stack<'a>,
}

impl<'a> MapHead<'a> {
    fn read(bytes: &mut Bytes<'a>) -> Result<Self, Error> {
        let kind = match bytes.u8()? {
            0 => Kind::Offset,
            1 => Kind::Response,
            _ => return Err(Error::new("the kind of a map is unknown")),
        };
        let _image = text(bytes)?;
        let _exposures = text(bytes)?;
        let _read = bytes.u16()?;
        let _frames = bytes.u32()?;
        let noise = f32::from_bits(bytes.u32()?);
        Error::unless((0.0..65536.0).contains(&noise), "the noise of a map is out of range")?;
        let base = bytes.u32()? as i32;
        Error::unless((-65536..=65535).contains(&base), "the base of a map is out of range")?;
        let fraction = bytes.u8()?;
        Error::unless(fraction <= 8, "the fraction of a map is above 8")?;
        let (row, column) = (bytes.u32()?, bytes.u32()?);
        let stack = Stack::read(bytes)?;
        Error::unless(stack.planes == 1, "a map does not have one plane")?;
        Ok(Self { kind, base, fraction, row, column, stack })
    }

    fn decode(self) -> Result<Map, Error> {
        Ok(Map {
            kind: self.kind,
            base: self.base.into(),
            fraction: self.fraction.into(),
            area: self.stack.area(self.row, self.column),
            samples: self.stack.decode()?,
        })
    }
}

/// A start whose samples are not decoded yet.
struct StartHead<'a> {
    row: u32,
    column: u32,
    reads: u16,
    stack: Stack<'a>,
}

impl<'a> StartHead<'a> {
    fn read(bytes: &mut Bytes<'a>) -> Result<Self, Error> {
        let _image = text(bytes)?;
        let (row, column) = (bytes.u32()?, bytes.u32()?);
        let reads = bytes.u16()?;
        let stack = Stack::read(bytes)?;
        let whole = reads >= 1 && stack.planes.is_multiple_of(reads);
        Error::unless(whole, "the planes of a start are not whole exposures")?;
        let pixels = stack.pixels() / u128::from(reads);
        let fits = (1..=MOST_START as u128).contains(&pixels);
        Error::unless(fits, "a start has no pixels or too many")?;
        Ok(Self { row, column, reads, stack })
    }

    fn decode(self) -> Result<Start, Error> {
        let area = self.stack.area(self.row, self.column);
        let samples = self.stack.decode()?;
        let planes = samples.chunks_exact(area.height * area.width).map(<[u16]>::to_vec).collect();
        Ok(Start { area, reads: self.reads.into(), planes })
    }
}
