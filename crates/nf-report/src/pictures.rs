//! Pictures of a frame: its pixels, where its bits go, and what is left after prediction.

use crate::document::{Grid, Picture};
use crate::draw::colours::{diverging, hex, viridis};
use nf_codec::{Registry, Spec};
use nf_data::inspect::noise_sigma;
use nf_image::Image16;
use plotters::style::RGBColor;
use rayon::prelude::*;

/// Longer side of a picture, pixels.
const SIDE_PX: usize = 400;

/// Most blocks along a side of the map of bits.
const BLOCKS: usize = 32;

/// Smallest side of a block: in smaller ones a codec spends more on its preamble than on pixels.
const BLOCK_PX: usize = 64;

/// Side of the squares over which the costs of pixels are averaged, in pixels of the picture:
/// single pixels are noise.
const TRACE_PX: usize = 4;

/// Side of the windows that a codec may be asked to trace.
const TRACE_TILE_PX: usize = 1024;

/// Colours of residuals: few enough for a file of moderate size, too many to be told apart.
const SHADES: f64 = 32.0;

/// Residuals beyond this many standard deviations look the same.
const RESIDUAL_END: f64 = 5.0;

/// Longest side of what is shown, in shorter sides: of a frame of 483 x 4200 pixels as a whole, a
/// page has room for a line.
const LONGEST_SIDES: usize = 2;

/// What is shown of a plane, as a stack of its own, and in words which part that is: all of it, or
/// of an elongated one the middle.
pub(crate) fn window(image: &Image16, plane: usize) -> (Image16, String) {
    let shape = image.shape();
    let longest = (LONGEST_SIDES * shape.height.min(shape.width)).max(1);
    let middle = |extent: usize| {
        let side = extent.min(longest);
        let first = (extent - side) / 2;
        first..first + side
    };
    let (rows, columns) = (middle(shape.height), middle(shape.width));
    let part = match (rows.len() < shape.height, columns.len() < shape.width) {
        (true, _) => format!(", the middle {} rows", rows.len()),
        (_, true) => format!(", the middle {} columns", columns.len()),
        _ => String::new(),
    };
    (image.crop(plane..plane + 1, rows, columns), part)
}

/// The plane itself, stretched as astronomers do.
pub(crate) fn pixels(name: &str, image: &Image16, plane: usize) -> Option<Picture> {
    let png = nf_data::preview_png(image, plane, SIDE_PX)?;
    Some(Picture {
        name: format!("{name}-pixels"),
        caption: "pixels, inverse hyperbolic sine stretch".into(),
        png,
        grid: None,
    })
}

/// Where the bits of a plane go: from the trace of a codec that gives one, else from the sizes
/// of blocks.
pub(crate) fn bits(
    name: &str,
    image: &Image16,
    plane: usize,
    registry: &Registry,
    codec: &Spec,
) -> Option<Picture> {
    let (caption, grid, side) = costs(image, plane, registry, codec)
        .map(|(grid, side)| {
            let pixels = if side == 1 { "pixels".into() } else { format!("{side} x {side} pixels") };
            (
                format!("bits per pixel of {pixels} within the frame, by the distributions of {codec}"),
                grid,
                side,
            )
        })
        .or_else(|| {
            let (grid, side) = sizes(image, plane, registry, codec)?;
            let caption =
                format!("bits per pixel of blocks of {side} x {side}, each coded on its own by {codec}");
            Some((caption, grid, side))
        })?;
    let colour = |value: f64| viridis((value - grid.scale[0]) / (grid.scale[1] - grid.scale[0]));
    // Blown up or shrunk to the size of its neighbours, cut at the frame's edges.
    let shape = image.shape();
    let step = shape.height.max(shape.width).div_ceil(SIDE_PX);
    let (height, width) = (shape.height.div_ceil(step), shape.width.div_ceil(step));
    let rgb: Vec<RGBColor> = (0..height * width)
        .map(|i| colour(grid.values[i / width * step / side * grid.columns + i % width * step / side]))
        .collect();
    Some(Picture {
        name: format!("{name}-bits"),
        caption,
        png: png_of(&rgb, width, height)?,
        grid: Some(Grid { colours: ramp(viridis), ..grid }),
    })
}

/// A grid of bits per pixel whose scale leaves out the rarest values: a cosmic ray costs as much as
/// a whole row.
fn grid_of_bits(rows: usize, columns: usize, values: Vec<f64>) -> Option<Grid> {
    let mut sorted = values.clone();
    sorted.sort_by(f64::total_cmp);
    let at = |share: f64| sorted.get((share * (sorted.len() as f64 - 1.0)) as usize).copied();
    let (low, high) = (at(0.005)?, at(0.995)?);
    let scale = [low, high.max(low + 0.01)];
    Some(Grid { rows, columns, values, unit: "bits/pixel".into(), scale, colours: vec![] })
}

/// Mean cost of the pixels of small squares, and the side of these, by a codec's trace
/// while it coded the tiles of a plane.
fn costs(image: &Image16, plane: usize, registry: &Registry, codec: &Spec) -> Option<(Grid, usize)> {
    let shape = image.shape();
    let side = shape.height.max(shape.width).div_ceil(SIDE_PX) * TRACE_PX;
    let (rows, columns) = (shape.height.div_ceil(side), shape.width.div_ceil(side));
    let tile = TRACE_TILE_PX / side * side;
    let (down, across) = (shape.height.div_ceil(tile), shape.width.div_ceil(tile));
    let tiles = (0..down * across)
        .into_par_iter()
        .map(|index| {
            let (y, x) = (index / across * tile, index % across * tile);
            let (bottom, right) = ((y + tile).min(shape.height), (x + tile).min(shape.width));
            let window = image.crop(plane..plane + 1, y..bottom, x..right);
            // The values that are drawn are of no interest here.
            let trace = registry.build(codec).ok()?.trace(&window, &mut || 0.5)?;
            Some((y, x, right - x, trace.pixel_bits))
        })
        .collect::<Option<Vec<_>>>();
    let mut sums = vec![(0.0f64, 0u32); rows * columns];
    for (y, x, width, bits) in tiles? {
        for (i, bits) in bits.iter().enumerate() {
            let (sum, count) = &mut sums[(y + i / width) / side * columns + (x + i % width) / side];
            *sum += f64::from(*bits);
            *count += 1;
        }
    }
    let values = sums.iter().map(|&(sum, count)| sum / f64::from(count.max(1))).collect();
    Some((grid_of_bits(rows, columns, values)?, side))
}

/// Bits per pixel of blocks of a plane and their side, each coded on its own: dearer than as a part
/// of the frame by what a stream costs to begin, and by what the codec would have learnt elsewhere.
fn sizes(image: &Image16, plane: usize, registry: &Registry, codec: &Spec) -> Option<(Grid, usize)> {
    let shape = image.shape();
    let side = shape.height.max(shape.width).div_ceil(BLOCKS).max(BLOCK_PX);
    let (rows, columns) = (shape.height.div_ceil(side), shape.width.div_ceil(side));
    let values: Option<Vec<f64>> = (0..rows * columns)
        .into_par_iter()
        .map(|block| {
            let (y, x) = (block / columns * side, block % columns * side);
            let (height, width) = (y..(y + side).min(shape.height), x..(x + side).min(shape.width));
            let pixels = height.len() * width.len();
            let tile = image.crop(plane..plane + 1, height, width);
            // Codecs are not shared by threads, and cost little to build.
            let bytes = registry.build(codec).ok()?.encode(&tile).ok()?.len();
            Some(8.0 * bytes as f64 / pixels as f64)
        })
        .collect();
    Some((grid_of_bits(rows, columns, values?)?, side))
}

/// What the mean of the four causal neighbours (W, N, NW, NE) does not foretell, in standard
/// deviations; where the frame is shown smaller than it is, sums of residuals over the standard
/// deviation of such a sum, so that white noise stays white noise.
pub(crate) fn residuals(name: &str, image: &Image16, plane: usize) -> Option<Picture> {
    let shape = image.shape();
    if shape.height < 2 || shape.width < 3 {
        return None;
    }
    // The mean of four neighbours adds a quarter of the noise's variance.
    let sigma = noise_sigma(image).max(0.5) * 1.25f64.sqrt();
    let step = shape.height.max(shape.width).div_ceil(SIDE_PX);
    let (rows, columns) = (shape.height.div_ceil(step), shape.width.div_ceil(step));
    let mut sums = vec![(0.0f64, 0u32); rows * columns];
    for y in 1..shape.height {
        let (north, row) = (image.row(plane, y - 1), image.row(plane, y));
        for x in 1..shape.width - 1 {
            let around = [row[x - 1], north[x - 1], north[x], north[x + 1]].map(f64::from);
            let (sum, count) = &mut sums[y / step * columns + x / step];
            *sum += f64::from(row[x]) - around.iter().sum::<f64>() / 4.0;
            *count += 1;
        }
    }
    let values: Vec<f64> = sums.iter().map(|&(sum, n)| sum / (sigma * f64::from(n.max(1)).sqrt())).collect();
    let rgb: Vec<RGBColor> =
        values.iter().map(|&value| diverging((value / RESIDUAL_END * SHADES).round() / SHADES)).collect();
    let grid = Grid {
        rows,
        columns,
        values,
        unit: "sigma".into(),
        scale: [-RESIDUAL_END, RESIDUAL_END],
        colours: ramp(|share| diverging(2.0 * share - 1.0)),
    };
    Some(Picture {
        name: format!("{name}-residuals"),
        caption: "pixel minus the mean of W, N, NW, NE, in noise sigmas".into(),
        png: png_of(&rgb, columns, rows)?,
        grid: Some(grid),
    })
}

/// The values of a grid as a picture, `zoom` pixels a value; `signed` ones with white at zero.
pub(crate) fn map(name: String, caption: String, grid: Grid, zoom: usize, signed: bool) -> Option<Picture> {
    let share = |value: f64| (value - grid.scale[0]) / (grid.scale[1] - grid.scale[0]);
    let colour =
        |value: f64| if signed { diverging(2.0 * share(value) - 1.0) } else { viridis(share(value)) };
    let (height, width) = (grid.rows * zoom, grid.columns * zoom);
    let rgb: Vec<RGBColor> = (0..height * width)
        .map(|i| colour(grid.values[i / width / zoom * grid.columns + i % width / zoom]))
        .collect();
    let png = png_of(&rgb, width, height)?;
    let colours = if signed { ramp(|share| diverging(2.0 * share - 1.0)) } else { ramp(viridis) };
    Some(Picture { name, caption, png, grid: Some(Grid { colours, ..grid }) })
}

fn ramp(colour: impl Fn(f64) -> RGBColor) -> Vec<String> {
    (0..=8).map(|i| hex(colour(f64::from(i) / 8.0))).collect()
}

fn png_of(rgb: &[RGBColor], width: usize, height: usize) -> Option<Vec<u8>> {
    let mut out = vec![];
    let mut encoder = png::Encoder::new(&mut out, u32::try_from(width).ok()?, u32::try_from(height).ok()?);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header().ok()?;
    let bytes: Vec<u8> = rgb.iter().flat_map(|&RGBColor(r, g, b)| [r, g, b]).collect();
    writer.write_image_data(&bytes).ok()?;
    writer.finish().ok()?;
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use nf_data::random::Pcg64;
    use nf_data::simulate::draw::Gaussian;
    use nf_image::Shape;

    /// Tells that pixels of the left half cost one bit and others nine, unless it is mute.
    struct Telling(bool);

    impl nf_codec::Codec for Telling {
        fn spec(&self) -> Spec {
            Spec::new(if self.0 { "telling" } else { "mute" })
        }
        fn encode(&self, image: &Image16) -> nf_codec::Result<Vec<u8>> {
            Ok(vec![0; image.samples().len() / 4])
        }
        fn decode(&self, _: &[u8], shape: Shape, _: &nf_codec::Limits) -> nf_codec::Result<Image16> {
            Ok(Image16::zeros(shape))
        }
        fn max_bytes(&self, shape: Shape) -> u64 {
            shape.raw_bytes() as u64
        }
        fn trace(&self, image: &Image16, _: &mut dyn FnMut() -> f64) -> Option<nf_codec::PixelTrace> {
            let cost = |&sample: &u16| if sample == 0 { 1.0 } else { 9.0 };
            let pixel_bits = image.samples().iter().map(cost).collect();
            self.0.then(|| nf_codec::PixelTrace { pixel_bits, ..Default::default() })
        }
    }

    #[test]
    fn bits_are_those_of_pixels_where_a_codec_tells_and_of_blocks_where_not() {
        let entry = |name, build| nf_codec::Entry { name, summary: "", source: "", options: &[], build };
        let registry = Registry::new([
            entry("telling", |_| Ok(Box::new(Telling(true)))),
            entry("mute", |_| Ok(Box::new(Telling(false)))),
        ]);
        for (height, width) in [(30, 200), (40, 2400)] {
            let image = Image16::from_fn(Shape::frame(height, width), |_, _, x| u16::from(x >= width / 2));
            let of = |codec: &str| bits("x", &image, 0, &registry, &codec.parse().unwrap()).unwrap();
            let told = of("telling");
            let grid = told.grid.unwrap();
            let (first, rest) = grid.values.split_at(grid.columns / 2);
            assert!(
                first.iter().all(|&bits| bits == 1.0) && rest[..grid.columns / 2].iter().all(|&b| b == 9.0)
            );
            assert!(told.caption.contains("distributions of telling"), "{}", told.caption);
            let mute = of("mute");
            assert!(mute.grid.unwrap().values.iter().all(|&bits| bits == 2.0));
            assert!(mute.caption.contains("each coded on its own by mute"));
        }
        assert!(
            bits("x", &Image16::zeros(Shape::frame(0, 9)), 0, &registry, &Spec::new("telling")).is_none()
        );
    }

    #[test]
    fn of_an_elongated_frame_the_middle_is_shown() {
        let image = Image16::from_fn(Shape::new(2, 483, 4200), |p, y, x| (p * 7 + y + x) as u16);
        let (shown, part) = window(&image, 1);
        assert_eq!((shown.shape(), part.as_str()), (Shape::frame(483, 966), ", the middle 966 columns"));
        assert_eq!(shown.samples()[0], 7 + 1617);
        let square = Image16::zeros(Shape::frame(40, 60));
        assert_eq!(window(&square, 0), (square.clone(), String::new()));
        assert_eq!(window(&Image16::zeros(Shape::frame(0, 9)), 0).0.samples().len(), 0);
    }

    #[test]
    fn residuals_of_noise_are_white_at_every_zoom() {
        for side in [300, 1100] {
            let (mut random, mut gaussian) = (Pcg64::from_seed(2), Gaussian::default());
            let image = Image16::from_fn(Shape::frame(side, side), |_, row, _| {
                (2000.0 + row as f64 + 12.0 * gaussian.draw(&mut random)).round() as u16
            });
            let grid = residuals("x", &image, 0).unwrap().grid.unwrap();
            let n = grid.values.len() as f64;
            let rms = (grid.values.iter().map(|v| v * v).sum::<f64>() / n).sqrt();
            // Neighbouring residuals share pixels with opposite signs, so their sums are a little
            // smaller.
            assert!((0.3..1.1).contains(&rms), "{side}: {rms}");
            assert!(side > SIDE_PX || (0.93..1.07).contains(&rms), "{rms}");
        }
        assert!(residuals("x", &Image16::zeros(Shape::frame(1, 9)), 0).is_none());
    }
}
