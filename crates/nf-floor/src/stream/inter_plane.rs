//! A tile predicted from earlier planes or from maps of a detector profile, where that pays.
//!
//! Two modes of each, with weights that the encoder fits (i16, low byte first: a share of the own
//! map in units of 1/4096, then a weight for every plane, the latest first, in units of 1/256):
//!
//! | planes | profile | payload | levels |
//! |---|---|---|---|
//! | 7 | 9 | weights; a [`tile`] of the differences from the sum, plus 32768, modulo 2^16 | 7 from `default` on, 9 all |
//! | 8 | 10 | weights; a payload of [`mixing`] with terms | `max` |
//!
//! Mode 14 is a [wavefront](super::warm_wavefront) with a profile.
//!
//! In modes 9 and 10 the [numbers of the maps](super::profile_maps) come first. How many planes a
//! tile needs is not in its bytes but in the index of the stream.

use super::dithered;
use super::grid::TileBox;
use super::index::MOST_PLACE_BYTES;
use super::mode::Mode;
use super::plane_weights::{self, PAIRS};
use super::profile_maps::{MapNumbers, MixingHead, Placed, StartTiles};
use super::tile;
use super::trials::{Trial, Trials};
use super::warm_wavefront;
use crate::level::Level;
use crate::models::TileView;
use crate::models::mixing::{self, Extras};
use crate::predict::terms::{MAX_REFERENCES, Terms, Weights};
use nf_codec::{DitheredStack, Error, Result};

/// Differences are tried where their mean absolute gradient is below this share of that of the
/// samples.
pub(super) const MOST_GRADIENT: f64 = 0.97;

/// A coded tile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodedTile {
    /// Mode byte and payload.
    pub bytes: Vec<u8>,
    /// How many reference planes a decoder needs: those right before this one.
    pub references: usize,
}

impl CodedTile {
    /// Whether it names maps of a profile.
    pub(super) fn needs_profile(&self) -> bool {
        Mode::split("tile", &self.bytes).is_ok_and(|(mode, _)| mode.needs_profile())
    }

    /// Whether it needs the dither of its stream.
    pub(super) fn needs_dither(&self) -> bool {
        Mode::split("tile", &self.bytes).is_ok_and(|(mode, _)| mode.needs_dither())
    }
}

/// Terms that a tile may be coded with.
pub(super) struct Candidate<'a> {
    pub(super) terms: Terms<'a>,
    /// Which maps of a profile they are, if any.
    pub(super) maps: Option<MapNumbers>,
}

impl Candidate<'_> {
    fn mode(&self, mixing: bool) -> Mode {
        match (self.maps.is_some(), mixing) {
            (false, false) => Mode::Difference,
            (false, true) => Mode::MixingWithReferences,
            (true, false) => Mode::DifferenceFromProfile,
            (true, true) => Mode::MixingWithProfile,
        }
    }

    fn coded(&self, head: Option<MixingHead>, payload: &[u8]) -> CodedTile {
        let mut bytes = vec![self.mode(head.is_some()) as u8];
        if let Some(maps) = &self.maps {
            bytes.extend(maps.bytes());
            bytes.extend(head.map(MixingHead::bytes).into_iter().flatten());
        }
        bytes.extend(payload);
        CodedTile { bytes, references: self.terms.planes.len() }
    }
}

/// The smallest tile that `level` finds; `references` have the same extent, latest plane first.
pub fn encode(tile: TileView, references: &[&[u16]], level: Level) -> CodedTile {
    let references = &references[..references.len().min(MAX_REFERENCES)];
    let candidate = Candidate { terms: Terms::of_planes(references), maps: None };
    // `fast` has no time for planes.
    let is_tried = !references.is_empty() && level >= Level::Default;
    encode_with(tile, if is_tried { std::slice::from_ref(&candidate) } else { &[] }, level, None).0
}

/// The smallest tile that `level` finds with one of the candidates, or alone; and how much smaller
/// it is than without maps.
pub(super) fn encode_with(
    tile: TileView,
    candidates: &[Candidate],
    level: Level,
    placed: Option<Placed>,
) -> (CodedTile, usize) {
    let fits: Vec<_> =
        candidates.iter().map(|candidate| plane_weights::fit(tile, &candidate.terms, PAIRS)).collect();
    // Always, so that no profile makes a tile larger.
    let mut best = CodedTile { bytes: tile::encode(tile, level), references: 0 };
    // A constant tile has three bytes.
    if best.bytes.len() <= 3 {
        return (best, 0);
    }
    // Without its mode byte.
    let alone = best.bytes.len() - 1;
    let mut without = best.bytes.len();
    let mut offer = |coded: CodedTile| {
        if !coded.needs_profile() {
            without = without.min(coded.bytes.len());
        }
        // The first tile that needs the profile makes the stream name it.
        let named = if coded.needs_profile() { MOST_PLACE_BYTES } else { 0 };
        if coded.bytes.len() + named < best.bytes.len() {
            best = coded;
        }
    };
    // Of candidates whose differences are nearly as small, only one is worth the time.
    let most = fits.iter().map(|fit| fit.gradient).fold(MOST_GRADIENT, f64::min) + 0.003;
    for (candidate, fit) in candidates.iter().zip(&fits).filter(|(_, fit)| fit.gradient < most) {
        let differences = warm_wavefront::differences(tile.samples, &candidate.terms, &fit.weights);
        let mut payload = fit.weights.bytes(&candidate.terms);
        payload.extend(tile::encode(TileView { samples: &differences, ..tile }, level.min(Level::High)));
        offer(candidate.coded(None, &payload));
        if level < Level::High {
            break;
        }
    }
    // `default` has no time for a start.
    if let Some(placed) = placed.filter(|_| level >= Level::High) {
        // With what predicts the tile best, if anything does.
        let useful = candidates.iter().zip(&fits).filter(|(_, fit)| fit.gradient < MOST_GRADIENT);
        let best = useful.min_by(|a, b| a.1.gradient.total_cmp(&b.1.gradient));
        let nothing = Candidate { terms: Terms::default(), maps: None };
        let (Candidate { terms, maps }, weights) = match best {
            Some((candidate, fit)) => (candidate, fit.weights.clone()),
            None => (&nothing, Weights::default()),
        };
        let maps = maps.clone().unwrap_or_else(|| MapNumbers::none(terms.planes.len()));
        if let Some(payload) = warm_wavefront::encode(tile, &placed, &maps, terms, &weights) {
            let bytes = [&[Mode::WarmWavefront as u8], maps.bytes().as_slice(), &payload].concat();
            offer(CodedTile { bytes, references: terms.planes.len() });
        }
    }
    if level >= Level::Max && (placed.is_some() || !candidates.is_empty()) {
        let nothing = Candidate { terms: Terms::default(), maps: placed.map(|_| MapNumbers::default()) };
        let trials = Trials::new(tile, placed);
        if let Some(trial) = trials.best(candidates, &fits, &nothing, alone) {
            let Trial { candidate, weights, helps, start, payload } = trial;
            let found = start.zip(placed).zip(candidate.maps.as_ref());
            let found = found.map(|((start, placed), maps)| placed.start("the start", start, maps));
            let tiles = found.and_then(Result::ok);
            let warmup = tiles.as_ref().map(StartTiles::warmup).unwrap_or_default();
            let extras = Extras { terms: &candidate.terms, helps, by_position: false, warmup: &warmup };
            let payload = payload.or_else(|| mixing::encode_with_extras(tile, extras, &weights));
            if let Some(payload) = payload {
                offer(candidate.coded(Some(MixingHead { helps, start }), &payload));
            }
        }
    }
    let saved = without.saturating_sub(best.bytes.len());
    (best, saved)
}

/// The samples of a tile of this extent that needs these `references`, latest plane first; `what`
/// names it in errors.
///
/// # Errors
/// If the bytes are not those of a tile of that extent that needs as many planes.
pub fn decode(
    what: &str,
    bytes: &[u8],
    height: usize,
    width: usize,
    references: &[&[u16]],
) -> Result<Vec<u16>> {
    let place = TileBox { plane: 0, rows: 0..height, columns: 0..width };
    decode_at(what, bytes, &place, references, Beside::default())
}

/// What a stream states beside its tiles.
#[derive(Clone, Copy, Default)]
pub(super) struct Beside<'a> {
    /// Where it lies on the detector of a profile.
    pub(super) placed: Option<Placed<'a>>,
    /// How its samples were dithered.
    pub(super) dither: Option<DitheredStack>,
}

/// The same for a tile at `place` of a stack that may need maps of a profile, or a dither.
///
/// # Errors
/// As [`decode`], and if it needs a profile or a dither and there is none, or other maps than the
/// profile has.
pub(super) fn decode_at(
    what: &str,
    bytes: &[u8],
    place: &TileBox,
    references: &[&[u16]],
    Beside { placed, dither }: Beside,
) -> Result<Vec<u16>> {
    let (height, width) = (place.rows.len(), place.columns.len());
    let (mode, payload) = Mode::split(what, bytes)?;
    let unexpected = |needed: &str| {
        let (mode, count) = (mode as u8, references.len());
        Error::corrupt(what, format!("tile mode {mode} {needed}, but the index states {count} planes"))
    };
    match mode {
        Mode::Difference | Mode::MixingWithReferences => {
            if references.is_empty() {
                return Err(unexpected("needs reference planes"));
            }
            decode_terms(what, mode, payload, (height, width), &Terms::of_planes(references))
        }
        Mode::DifferenceFromProfile | Mode::MixingWithProfile | Mode::WarmWavefront => {
            let placed = placed.ok_or_else(|| {
                Error::corrupt(what, format!("tile mode {} in a stream that names no profile", mode as u8))
            })?;
            let (numbers, payload) = MapNumbers::split(what, payload, references.len())?;
            let maps = placed.maps(what, &numbers, &place.rows, &place.columns)?;
            let terms = maps.terms(references);
            if mode == Mode::DifferenceFromProfile {
                return decode_terms(what, mode, payload, (height, width), &terms);
            }
            if mode == Mode::WarmWavefront {
                let extent = (height, width);
                return warm_wavefront::decode(what, payload, extent, &placed, &numbers, &terms);
            }
            let (MixingHead { helps, start }, payload) = MixingHead::split(what, payload)?;
            let start = start.map(|start| placed.start(what, start, &numbers)).transpose()?;
            let warmup = start.as_ref().map(StartTiles::warmup).unwrap_or_default();
            let extras = Extras { terms: &terms, helps, by_position: false, warmup: &warmup };
            mixing::decode_with_extras(what, payload, height, width, extras)
        }
        _ if !references.is_empty() => Err(unexpected("decodes alone")),
        _ if mode.needs_dither() => {
            let dither = dither.ok_or_else(|| {
                Error::corrupt(what, format!("tile mode {} in a stream that states no dither", mode as u8))
            })?;
            dithered::decode(what, mode, payload, (height, width), &dithered::shifts(&dither, place))
        }
        _ => tile::decode(what, bytes, height, width),
    }
}

fn decode_terms(
    what: &str,
    mode: Mode,
    payload: &[u8],
    (height, width): (usize, usize),
    terms: &Terms,
) -> Result<Vec<u16>> {
    if mode == Mode::MixingWithReferences {
        return mixing::decode_with_extras(what, payload, height, width, Extras::of_terms(terms));
    }
    let (weights, differences) = Weights::split(what, payload, terms)?;
    let mut samples = tile::decode(what, differences, height, width)?;
    warm_wavefront::add_terms(&mut samples, terms, &weights);
    Ok(samples)
}

#[cfg(test)]
mod tests {
    use super::*;
    use nf_image::testing::Rng;
    use proptest::prelude::*;

    /// Planes with a strong pattern that stays, a level that rises, and a little noise.
    fn ramp(planes: usize, height: usize, width: usize) -> Vec<Vec<u16>> {
        let mut rng = Rng::new(9);
        let pattern: Vec<usize> = (0..height * width).map(|_| 9000 + rng.below(1000)).collect();
        (0..planes)
            .map(|plane| pattern.iter().map(|level| (level + plane * 30 + rng.below(8)) as u16).collect())
            .collect()
    }

    fn references(planes: &[Vec<u16>]) -> Vec<&[u16]> {
        planes.iter().rev().map(Vec::as_slice).collect()
    }

    #[test]
    fn a_fixed_pattern_is_coded_once() {
        let (height, width) = (60, 90);
        let planes = ramp(4, height, width);
        let (last, before) = planes.split_last().unwrap();
        let tile = TileView::new(height, width, last);
        let alone = encode(tile, &[], Level::Max);
        assert_eq!(alone.references, 0);
        let mut before_bytes = alone.bytes.len();
        for level in [Level::Default, Level::Max] {
            let coded = encode(tile, &references(before), level);
            assert_eq!(coded.references, 3);
            assert!(coded.bytes.len() < before_bytes * 6 / 10 || level == Level::Max);
            assert!(coded.bytes.len() <= before_bytes);
            before_bytes = coded.bytes.len();
            assert_eq!(&decode("tile", &coded.bytes, height, width, &references(before)).unwrap(), last);
        }
    }

    #[test]
    fn differences_are_added_modulo_the_range() {
        let weights = [384i16, -128].map(i16::to_le_bytes).concat();
        let differences = [32_768u16, 0, 65_535].map(u16::to_le_bytes).concat();
        let bytes = [&[Mode::Difference as u8], weights.as_slice(), &[0], &differences].concat();
        let samples = decode("tile", &bytes, 1, 3, &[&[100, 200, 65_535], &[50, 7, 9]]);
        assert_eq!(samples.unwrap(), [125, 33_065, 65_529]);
    }

    #[test]
    fn planes_that_do_not_help_are_not_needed() {
        let (height, width) = (40, 50);
        let noise = ramp(1, height, width);
        let other: Vec<u16> = noise[0].iter().rev().copied().collect();
        let tile = TileView::new(height, width, &noise[0]);
        for level in Level::ALL {
            let coded = encode(tile, &[&other], level);
            assert!(coded.bytes.len() <= encode(tile, &[], level).bytes.len());
        }
        assert_eq!(encode(tile, &[&other], Level::Fast).references, 0);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn any_planes_round_trip(
            width in 1usize..20,
            samples in prop::collection::vec(any::<u16>(), 60..300),
            mask in any::<u16>(),
        ) {
            let height = samples.len() / 3 / width;
            let planes: Vec<Vec<u16>> = samples.chunks_exact(height * width).take(3)
                .map(|plane| plane.iter().map(|sample| sample & mask).collect()).collect();
            let references = references(&planes[..2]);
            let tile = TileView::new(height, width, &planes[2]);
            let coded = encode(tile, &references, Level::Max);
            let needed = &references[..coded.references];
            prop_assert_eq!(&decode("tile", &coded.bytes, height, width, needed).unwrap(), &planes[2]);
            // Mode 8 round-trips whether it pays or not.
            let weights = Weights { share: 0, planes: vec![-4095, 4095] };
            let terms = Terms::of_planes(&references);
            let payload = mixing::encode_with_extras(tile, Extras::of_terms(&terms), &weights).unwrap();
            let bytes = Mode::MixingWithReferences.with_payload(&payload);
            prop_assert_eq!(&decode("tile", &bytes, height, width, &references).unwrap(), &planes[2]);
        }

        #[test]
        fn hostile_payloads_do_not_panic(
            mode in prop::sample::select(vec![7, 8, 3, 9]),
            payload in prop::collection::vec(any::<u8>(), 0..200),
            planes in 1usize..=MAX_REFERENCES,
        ) {
            let plane = vec![7u16; 200];
            let references = vec![plane.as_slice(); planes];
            let bytes = [&[mode], payload.as_slice()].concat();
            let _ = decode("tile", &bytes, 10, 20, &references);
            // With weights within bounds.
            let bytes = [&[mode], vec![1; 2 * planes].as_slice(), payload.as_slice()].concat();
            let _ = decode("tile", &bytes, 10, 20, &references);
        }
    }
}
