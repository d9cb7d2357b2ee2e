//! The conformance kit: what every codec must pass. Feature `conformance`; for tests.
//!
//! Call [`check`] on the builder of a codec. It panics with the name of the case that fails.

use crate::{Codec, Error, Limits, Result, Spec};
use nf_image::{Image16, Shape, TileBox};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// How thoroughly a codec is tried, and what it may refuse.
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    /// Random mutations of every small stream, besides every truncation and every single-bit flip.
    pub mutations: usize,
    /// The stacks that the codec may answer with [`Error::Unsupported`]; it must take all others.
    pub may_refuse: fn(Shape) -> bool,
}

impl Default for Effort {
    /// 5000 mutations, and nothing may be refused.
    fn default() -> Self {
        Self { mutations: 5000, may_refuse: |_| false }
    }
}

/// Runs the whole kit over the codec that `build` makes.
///
/// # Panics
/// At the first promise of [`Codec`] that is broken, and if the codec refuses a stack that it has
/// to take, or all of them.
pub fn check(spec: &Spec, build: &dyn Fn(&Spec) -> Result<Box<dyn Codec>>, effort: Effort) {
    let fresh = || build(spec).unwrap_or_else(|e| panic!("{spec} does not build: {e}"));
    check_spec(spec, build);
    let mut accepted = 0;
    for (name, image) in images() {
        let case = format!("{spec} on {name}");
        let taken = round_trip(&case, &fresh, &image);
        let shape = image.shape();
        assert!(taken || (effort.may_refuse)(shape), "{case}: a stack of {shape} must not be refused");
        accepted += usize::from(taken && shape.pixels() > 0);
    }
    assert!(accepted > 0, "{spec} refuses every stack, so that nothing was tried");
    let mut accepted = 0;
    for (name, image) in small_images() {
        accepted += usize::from(hostile_bytes(&format!("{spec} on {name}"), &fresh, &image, effort));
    }
    assert!(accepted > 0, "{spec} refuses every small stack, so that no hostile bytes were tried");
    limits_hold(spec, &fresh, effort);
}

/// The spec of a codec builds an equal codec again, and options that do not exist are refused.
fn check_spec(spec: &Spec, build: &dyn Fn(&Spec) -> Result<Box<dyn Codec>>) {
    let printed = build(spec).unwrap_or_else(|e| panic!("{spec} does not build: {e}")).spec();
    let parsed: Spec =
        printed.to_string().parse().unwrap_or_else(|e| panic!("{printed} does not parse: {e}"));
    assert_eq!(parsed, printed, "the spec changes when it is printed and parsed");
    let again = build(&parsed).unwrap_or_else(|e| panic!("{parsed} does not build: {e}")).spec();
    assert_eq!(again, printed, "the spec of the rebuilt codec differs");
    let nonsense = spec.clone().with("no-such-option", 1, 0);
    let refused = matches!(build(&nonsense), Err(Error::Spec { .. }));
    assert!(refused, "{nonsense} must be refused as a wrong spec");
}

/// Encodes, compares with the bound, encodes again, decodes with a fresh codec, compares, whole and
/// by region. False if the codec refuses such a stack.
fn round_trip(case: &str, fresh: &dyn Fn() -> Box<dyn Codec>, image: &Image16) -> bool {
    let codec = fresh();
    let bytes = match codec.encode(image) {
        Ok(bytes) => bytes,
        Err(Error::Unsupported { .. }) => return false,
        Err(error) => panic!("{case}: encoding failed: {error}"),
    };
    let shape = image.shape();
    let bound = codec.max_bytes(shape);
    assert!(bytes.len() as u64 <= bound, "{case}: {} bytes, the bound is {bound}", bytes.len());
    let again = fresh().encode(image).unwrap_or_else(|e| panic!("{case}: encoding again failed: {e}"));
    assert!(bytes == again, "{case}: encoding twice gave different bytes");
    let borrowed = fresh().encode_ref(image.into());
    let borrowed = borrowed.unwrap_or_else(|e| panic!("{case}: encoding a borrowed stack failed: {e}"));
    assert!(bytes == borrowed, "{case}: a borrowed stack gives other bytes");
    let decoder = fresh();
    let decoded = decoder
        .decode(&bytes, shape, &Limits::default())
        .unwrap_or_else(|e| panic!("{case}: decoding failed: {e}"));
    assert_eq!(decoded.shape(), shape, "{case}: the shape changed");
    let first = decoded.samples().iter().zip(image.samples()).position(|(a, b)| a != b);
    assert!(first.is_none(), "{case}: pixels differ, first at {first:?}");
    let mut random = Random(11);
    for _ in 0..4 {
        let region = random_region(shape, &mut random);
        let part = decoder
            .decode_region(&bytes, shape, &region, &Limits::default())
            .unwrap_or_else(|e| panic!("{case}, {region}: decoding failed: {e}"));
        assert_eq!(part.shape(), region.shape(), "{case}, {region}: another shape");
        assert!(part.samples() == image.crop_box(&region).samples(), "{case}, {region}: pixels differ");
    }
    let beyond = TileBox { rows: 0..shape.height + 1, ..TileBox::whole(shape) };
    let outcome = decoder.decode_region(&bytes, shape, &beyond, &Limits::default());
    assert!(outcome.is_err(), "{case}: a region beyond the stack is decoded");
    true
}

/// A box of a stack; it may be empty.
fn random_region(shape: Shape, random: &mut Random) -> TileBox {
    let mut range = |extent: usize| {
        let (a, b) = (random.below(extent + 1), random.below(extent + 1));
        a.min(b)..a.max(b)
    };
    TileBox { planes: range(shape.planes), rows: range(shape.height), columns: range(shape.width) }
}

/// Every truncation, every single-bit flip, and random mutations: an error or an image, nothing
/// else. False if the codec refuses such a stack.
fn hostile_bytes(case: &str, fresh: &dyn Fn() -> Box<dyn Codec>, image: &Image16, effort: Effort) -> bool {
    let codec = fresh();
    let bytes = match codec.encode(image) {
        Ok(bytes) => bytes,
        Err(error) => {
            assert!((effort.may_refuse)(image.shape()), "{case}: encoding failed: {error}");
            return false;
        }
    };
    // Tight, so that a decoder which believes a lying length is seen.
    let limits = Limits { max_pixels: 1 << 16, max_memory_bytes: 64 << 20 };
    let whole = TileBox::whole(image.shape());
    let attempt = |name: String, hostile: &[u8], region: &TileBox| {
        let outcome = catch_unwind(AssertUnwindSafe(|| match *region == whole {
            true => codec.decode(hostile, image.shape(), &limits),
            false => codec.decode_region(hostile, image.shape(), region, &limits),
        }));
        match outcome {
            Err(_) => panic!("{case}, {name}, {region}: decoding panicked"),
            Ok(Ok(decoded)) => {
                assert_eq!(decoded.shape(), region.shape(), "{case}, {name}, {region}: wrong shape");
            }
            Ok(Err(_)) => {}
        }
    };
    for length in 0..bytes.len() {
        attempt(format!("cut to {length} bytes"), &bytes[..length], &whole);
    }
    let mut hostile = bytes.clone();
    for bit in 0..bytes.len() * 8 {
        hostile[bit / 8] ^= 1 << (bit % 8);
        attempt(format!("bit {bit} flipped"), &hostile, &whole);
        hostile[bit / 8] = bytes[bit / 8];
    }
    let mut random = Random(0x9E37_79B9_7F4A_7C15);
    for round in 0..effort.mutations {
        let mut hostile = bytes.clone();
        for _ in 0..=random.below(4) {
            mutate(&mut hostile, &mut random);
        }
        let region = if round % 4 == 0 { random_region(image.shape(), &mut random) } else { whole.clone() };
        attempt(format!("mutation {round}"), &hostile, &region);
    }
    true
}

fn mutate(bytes: &mut Vec<u8>, random: &mut Random) {
    if bytes.is_empty() {
        bytes.push(random.next() as u8);
        return;
    }
    let at = random.below(bytes.len());
    match random.below(5) {
        0 => bytes[at] = random.next() as u8,
        1 => bytes[at] = [0, 1, 0x7f, 0x80, 0xff][random.below(5)],
        2 => bytes.truncate(at),
        3 => bytes.insert(at, random.next() as u8),
        _ => {
            let end = (at + 1 + random.below(8)).min(bytes.len());
            bytes[at..end].fill(random.next() as u8);
        }
    }
}

/// A stack above the limits is refused before it is decoded.
fn limits_hold(spec: &Spec, fresh: &dyn Fn() -> Box<dyn Codec>, effort: Effort) {
    let shapes = [Shape::frame(40, 50), Shape::new(2, 25, 40), Shape::new(3, 25, 40)];
    let Some(shape) = shapes.into_iter().find(|shape| !(effort.may_refuse)(*shape)) else {
        panic!("{spec} may refuse all of {shapes:?}, so that no limits were tried");
    };
    let image = noise(shape, 9, 7);
    let bytes = fresh().encode(&image).unwrap_or_else(|e| panic!("{spec} on {shape}: encoding failed: {e}"));
    let tight = Limits { max_pixels: 1999, ..Limits::default() };
    let outcome = fresh().decode(&bytes, image.shape(), &tight);
    assert!(matches!(outcome, Err(Error::Limit { .. })), "{spec}: 2000 pixels pass a limit of 1999");
    let huge = Shape::new(usize::MAX, usize::MAX, 3);
    let outcome = fresh().decode(&bytes, huge, &Limits::default());
    assert!(matches!(outcome, Err(Error::Limit { .. })), "{spec}: an unaddressable shape passes");
}

/// Edge shapes and contents, each with a name.
pub fn images() -> Vec<(String, Image16)> {
    let mut images = Vec::new();
    let shapes = [
        Shape::frame(0, 0),
        Shape::frame(0, 5),
        Shape::frame(5, 0),
        Shape::new(0, 4, 4),
        Shape::frame(1, 1),
        Shape::frame(1, 2),
        Shape::frame(2, 1),
        Shape::frame(1, 257),
        Shape::frame(263, 1),
        Shape::frame(13, 17),
        Shape::frame(31, 97),
        Shape::frame(64, 64),
        Shape::new(3, 7, 11),
        Shape::new(5, 1, 1),
    ];
    for shape in shapes {
        for (content, image) in contents(shape) {
            images.push((format!("{content} of {shape}"), image));
        }
    }
    images
}

/// Contents that have broken coders before, in one shape.
fn contents(shape: Shape) -> Vec<(&'static str, Image16)> {
    let fill = |value: u16| Image16::from_fn(shape, |_, _, _| value);
    let mut random = Random(7);
    let mut hot = noise(shape, 3, 1);
    for sample in hot.samples_mut() {
        if random.below(50) == 0 {
            *sample = 40_000 + random.below(25_000) as u16;
        }
    }
    let mut saturated = noise(shape, 60_000, 3);
    saturated.samples_mut().iter_mut().for_each(|sample| *sample = sample.saturating_add(4000));
    vec![
        ("all 0", fill(0)),
        ("all 65535", fill(u16::MAX)),
        ("ramp", Image16::from_fn(shape, |p, r, c| (1000 * p + 10 * r + c) as u16)),
        ("wrapping ramp", Image16::from_fn(shape, |p, r, c| (7919 * (c + 31 * r + 57 * p)) as u16)),
        ("quiet noise", noise(shape, 3, 5)),
        ("uniform 16-bit noise", Image16::from_fn(shape, |_, _, _| random.next() as u16)),
        ("hot pixels", hot),
        ("alternating columns", Image16::from_fn(shape, |_, _, c| if c % 2 == 0 { 0 } else { u16::MAX })),
        ("signed data around the middle", Image16::from_fn(shape, |_, r, c| 32_766 + ((r + c) % 5) as u16)),
        ("saturated", saturated),
    ]
}

/// A few tiny stacks whose streams are short enough for every bit to be flipped.
fn small_images() -> Vec<(String, Image16)> {
    vec![
        ("noise of 9x11".to_owned(), noise(Shape::frame(9, 11), 12, 3)),
        ("three planes of 4x5".to_owned(), noise(Shape::new(3, 4, 5), 500, 4)),
        ("a constant 8x8".to_owned(), Image16::from_fn(Shape::frame(8, 8), |_, _, _| 77)),
    ]
}

/// Noise of roughly bell shape: 1000 plus the sum of four uniform numbers below `width`.
fn noise(shape: Shape, width: usize, seed: u64) -> Image16 {
    let mut random = Random(seed);
    Image16::from_fn(shape, |_, _, _| {
        let sum: usize = (0..4).map(|_| random.below(width)).sum();
        (1000 + sum).min(65_535) as u16
    })
}

/// SplitMix64 (Steele, Lea and Flood 2014): small, and the same everywhere.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }
}
