//! What is to be done with an image.

use super::{Method, PackOptions, TileSize};
use crate::header::Header;
use crate::image::ImageHdu;
use crate::pixels::SampleType;
use crate::tiled::hcompress::MIN_SIDE_PX;
use crate::tiled::quantise::Dither;
use crate::tiled::{Algorithm, Grid, Quantise, TilePlan};
use crate::{Pixels, Result};

/// Side of the square tiles of FLOOR_1: adaptive codecs learn more from more pixels, and a cut-out still reads little.
const FLOOR_TILE_PX: usize = 256;

/// The plan for an image, and a remark where it is not what was asked for.
pub(super) fn plan(
    image: &ImageHdu<'_>,
    header: &Header,
    options: &PackOptions,
) -> Result<(TilePlan, Option<String>)> {
    let sample = image.sample_type();
    let axes = image.axes().to_vec();
    let quantise = options.quantise.filter(|_| sample.is_float());
    let (algorithm, mut remark) = choose(&options.method, sample, &axes, quantise.is_some());
    let (algorithm, tile) = match tile_axes(&options.tile, &algorithm, &axes) {
        Some(tile) => (algorithm, tile),
        None => {
            let fallback = fallback(sample, quantise.is_some());
            remark = Some(format!(
                "{} instead of HCOMPRESS_1, which needs tiles of at least 4 x 4",
                fallback.name()
            ));
            (fallback, rows(&axes))
        }
    };
    // Lossy HCOMPRESS_1 does not keep the integer that stands for zero.
    let scaled = matches!(algorithm, Algorithm::Hcompress { scale, .. } if scale != 0.0);
    let quantise = quantise.map(|how| match how.dither {
        Dither::Subtractive2 if scaled => {
            remark = Some(
                "SUBTRACTIVE_DITHER_1 instead of _2, whose zeros lossy HCOMPRESS_1 does not keep".into(),
            );
            Quantise { dither: Dither::Subtractive1, ..how }
        }
        _ => how,
    });
    let grid = Grid { axes, tile };
    let quantise = match quantise {
        Some(how) => Some((
            how,
            match how.seed {
                Some(seed) => seed,
                None => seed_of(&image.read_section(&grid.tile_box(0))?),
            },
        )),
        None => None,
    };
    let physical = header.physical_scale();
    let unsigned = sample == SampleType::I16 && physical.zero == 32768.0;
    let plan = TilePlan {
        sample,
        grid,
        algorithm,
        quantise,
        plio_offset: if unsigned { 32768 } else { 0 },
        blank: physical.blank,
        gzip_level: options.gzip_level.clamp(1, 9),
    };
    Ok((plan, remark))
}

/// ZDITHER0 from the bytes of the first tile.
fn seed_of(pixels: &Pixels) -> i64 {
    let mut bytes = Vec::new();
    pixels.write_be_bytes(&mut bytes);
    bytes.iter().map(|&byte| i64::from(byte)).sum::<i64>() % 10_000 + 1
}

/// RICE_1 with the parameters that other programs write.
fn rice(sample: SampleType) -> Algorithm {
    Algorithm::Rice { block: 32, bytepix: sample.bytes().min(4) }
}

/// What keeps every bit of such pixels.
fn fallback(sample: SampleType, quantised: bool) -> Algorithm {
    match sample {
        SampleType::U8 | SampleType::I16 | SampleType::I32 => rice(sample),
        SampleType::F32 | SampleType::F64 if quantised => rice(sample),
        _ => Algorithm::Gzip2,
    }
}

fn choose(
    method: &Method,
    sample: SampleType,
    axes: &[usize],
    quantised: bool,
) -> (Algorithm, Option<String>) {
    let wanted = match method {
        Method::Rice => rice(sample),
        Method::Gzip1 => Algorithm::Gzip1,
        Method::Gzip2 => Algorithm::Gzip2,
        Method::Plio => Algorithm::Plio,
        Method::Hcompress { scale, smooth } => Algorithm::Hcompress { scale: *scale, smooth: *smooth },
        Method::None => Algorithm::None,
        Method::Floor { spec } => Algorithm::Floor { spec: spec.clone() },
    };
    let narrow = matches!(sample, SampleType::U8 | SampleType::I16 | SampleType::I32) || quantised;
    let keeps = match wanted {
        Algorithm::Rice { .. } | Algorithm::Plio => narrow,
        Algorithm::Hcompress { .. } => narrow && axes.len() > 1,
        Algorithm::Floor { .. } => matches!(sample, SampleType::U8 | SampleType::I16),
        // Plain pixels stand in a column of their type, which quantised ones no longer have.
        Algorithm::None => !quantised,
        Algorithm::Gzip1 | Algorithm::Gzip2 | Algorithm::Other(_) => true,
    };
    if keeps {
        return (wanted, None);
    }
    let algorithm = if wanted == Algorithm::None { Algorithm::Gzip2 } else { fallback(sample, quantised) };
    let remark = format!(
        "{} instead of {}, which does not keep images of {}{sample} and {} axes",
        algorithm.name(),
        wanted.name(),
        if quantised { "quantised " } else { "" },
        axes.len()
    );
    (algorithm, Some(remark))
}

/// One tile per row.
fn rows(axes: &[usize]) -> Vec<usize> {
    axes.iter().enumerate().map(|(n, &axis)| if n == 0 { axis } else { 1 }).collect()
}

/// The tile that was asked for, or that suits the algorithm; `None` where HCOMPRESS_1 cannot have one.
fn tile_axes(wanted: &TileSize, algorithm: &Algorithm, axes: &[usize]) -> Option<Vec<usize>> {
    let hcompress = matches!(algorithm, Algorithm::Hcompress { .. });
    let mut tile = match wanted {
        TileSize::Whole => axes.to_vec(),
        TileSize::Axes(tile) => axes
            .iter()
            .enumerate()
            .map(|(n, &axis)| match tile.get(n) {
                Some(0) => axis,
                Some(&side) => side.min(axis),
                None => 1,
            })
            .collect(),
        TileSize::Suitable if hcompress => {
            let mut tile = rows(axes);
            tile[1] = hcompress_rows(axes[1]);
            tile
        }
        TileSize::Suitable if matches!(algorithm, Algorithm::Floor { .. }) => axes
            .iter()
            .enumerate()
            .map(|(n, &axis)| if n < 2 { axis.min(FLOOR_TILE_PX) } else { 1 })
            .collect(),
        TileSize::Suitable => rows(axes),
    };
    if hcompress {
        // No tile may be narrower than the algorithm allows, not even the last one of an axis, and it has two axes only.
        for (side, &axis) in tile.iter_mut().zip(axes).take(2) {
            *side = (*side..=axis)
                .find(|&side| side >= MIN_SIDE_PX && !(1..MIN_SIDE_PX).contains(&(axis % side)))?;
        }
        tile[2..].fill(1);
    }
    Some(tile)
}

/// Rows of a tile of HCOMPRESS_1: about sixteen, so that the last tile is not too short.
fn hcompress_rows(rows: usize) -> usize {
    if rows <= 30 {
        return rows;
    }
    let suits = |side: &usize| rows.is_multiple_of(*side) || rows % side >= MIN_SIDE_PX;
    [16, 24, 20, 30, 28, 26, 22, 18, 14].into_iter().find(suits).unwrap_or(17)
}
