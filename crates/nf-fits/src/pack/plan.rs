//! What is to be done with an image.

use super::{Method, PackOptions, TileSize};
use crate::detector::origin;
use crate::header::Header;
use crate::image::ImageHdu;
use crate::pixels::SampleType;
use crate::tiled::hcompress::MIN_SIDE_PX;
use crate::tiled::quantise::Dither;
use crate::tiled::{Algorithm, Grid, Quantise, TileCodec, TilePlan};
use crate::{Pixels, Result};

/// About the side of the tiles of FLOOR_1. Smaller ones are larger in bytes at every level of
/// `floor` and slower, larger ones gain nothing (docs/format.md has the numbers), and a cut-out
/// still reads little.
const FLOOR_TILE_PX: usize = 1024;

/// The plan for an image, and remarks where it is not what was asked for.
pub(super) fn plan(
    image: &ImageHdu<'_>,
    header: &Header,
    options: &PackOptions,
    codec: &dyn TileCodec,
) -> Result<(TilePlan, Vec<String>)> {
    let sample = image.sample_type();
    let axes = image.axes().to_vec();
    let quantise = options.quantise.filter(|_| sample.is_float());
    let (algorithm, remark) = choose(&options.method, sample, &axes, quantise.is_some());
    let mut remarks = Vec::from_iter(remark);
    if options.quantise.is_some() && quantise.is_none() {
        remarks.push(format!("not quantised, because its pixels are integers ({sample})"));
    }
    if sample == SampleType::I64 {
        remarks
            .push("cfitsio and funpack cannot read tiles of 64-bit integers, though astropy can".to_owned());
    }
    let (algorithm, tile) = match tile_axes(&options.tile, &algorithm, &axes) {
        Some(tile) => (algorithm, tile),
        None => {
            let fallback = fallback(sample, quantise.is_some());
            let name = fallback.name();
            remarks.push(format!("{name} instead of HCOMPRESS_1, which needs tiles of at least 4 x 4"));
            (fallback, rows(&axes))
        }
    };
    // Lossy HCOMPRESS_1 does not keep the integer that stands for zero.
    let scaled = matches!(algorithm, Algorithm::Hcompress { scale, .. } if scale != 0.0);
    let quantise = quantise.map(|how| match how.dither {
        Dither::Subtractive2 if scaled => {
            remarks.push(
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
    let creator = matches!(algorithm, Algorithm::Floor { .. }).then(|| codec.creator()).flatten();
    let plan = TilePlan {
        sample,
        grid,
        algorithm,
        quantise,
        plio_offset: if unsigned { 32768 } else { 0 },
        blank: physical.blank,
        gzip_level: options.gzip_level.clamp(1, 9),
        origin: origin(header),
        creator,
    };
    Ok((plan, remarks))
}

/// Whether the algorithm may refuse tiles for the values of their pixels.
pub(super) fn may_refuse(plan: &TilePlan) -> bool {
    let narrow = matches!(plan.sample, SampleType::U8 | SampleType::I16);
    match plan.algorithm {
        Algorithm::Plio => !(plan.sample == SampleType::U8 || narrow && plan.plio_offset > 0),
        Algorithm::Hcompress { .. } => !narrow,
        _ => false,
    }
}

/// The same with an algorithm that takes every pixel.
pub(super) fn with_fallback(plan: TilePlan, wanted: &TileSize) -> TilePlan {
    let algorithm = fallback(plan.sample, plan.quantise.is_some());
    let axes = plan.grid.axes;
    let tile = tile_axes(wanted, &algorithm, &axes).unwrap_or_else(|| rows(&axes));
    TilePlan { algorithm, grid: Grid { axes, tile }, ..plan }
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

/// The tile that was asked for, or that suits the algorithm; `None` where HCOMPRESS_1 cannot have
/// one.
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
            .map(|(n, &axis)| if n < 2 { equal_parts(axis, FLOOR_TILE_PX) } else { 1 })
            .collect(),
        TileSize::Suitable => rows(axes),
    };
    if hcompress {
        // No tile may be narrower than the algorithm allows, not even the last one of an axis, and
        // it has two axes only.
        for (side, &axis) in tile.iter_mut().zip(axes).take(2) {
            *side = (*side..=axis)
                .find(|&side| side >= MIN_SIDE_PX && !(1..MIN_SIDE_PX).contains(&(axis % side)))?;
        }
        tile[2..].fill(1);
    }
    Some(tile)
}

/// The length of the equal parts of an axis that come nearest to `wanted`, so that no sliver is
/// left at its end.
fn equal_parts(axis: usize, wanted: usize) -> usize {
    let parts = ((axis + wanted / 2) / wanted).max(1);
    axis.div_ceil(parts)
}

/// Rows of a tile of HCOMPRESS_1: about sixteen, so that the last tile is not too short.
fn hcompress_rows(rows: usize) -> usize {
    if rows <= 30 {
        return rows;
    }
    let suits = |side: &usize| rows.is_multiple_of(*side) || rows % side >= MIN_SIDE_PX;
    [16, 24, 20, 30, 28, 26, 22, 18, 14].into_iter().find(suits).unwrap_or(17)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_an_axis_are_near_the_length_wanted() {
        let side = |axis| equal_parts(axis, 1024);
        assert_eq!([1, 577, 1030, 1535].map(side), [1, 577, 1030, 1535]);
        assert_eq!([1536, 2048, 2152, 4096, 9576].map(side), [768, 1024, 1076, 1024, 1064]);
    }
}
