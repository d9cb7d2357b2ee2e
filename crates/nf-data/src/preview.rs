//! A picture of an image, for people.

use crate::inspect::noise_sigma;
use nf_image::Image16;

/// A grey PNG of one plane, its longer side at most `side_px`, pixels averaged in blocks. Of an
/// elongated plane the shorter side keeps at least a quarter of that, and the longer one may take
/// up to eight times as much: a slit spectrum of 483 x 4200 pixels would otherwise be a line.
///
/// The stretch is that of astronomers: the median becomes a dark grey, noise is visible, and what
/// is brighter than the noise grows by the inverse hyperbolic sine (Lupton et al. 2004), so that
/// stars and sky can be seen at once. `None` for a plane without pixels.
///
/// # Panics
/// If there is no such plane.
pub fn preview_png(image: &Image16, plane: usize, side_px: usize) -> Option<Vec<u8>> {
    let shape = image.shape();
    if shape.plane_pixels() == 0 || side_px == 0 {
        return None;
    }
    let (short, long) = (shape.height.min(shape.width), shape.height.max(shape.width));
    let wide_enough = (short / side_px.div_ceil(4)).max(1);
    let block = long.div_ceil(side_px).min(wide_enough).max(long.div_ceil(8 * side_px));
    let (height, width) = (shape.height.div_ceil(block), shape.width.div_ceil(block));
    let mut means = vec![0.0; height * width];
    for (y, line) in means.chunks_mut(width).enumerate() {
        for (x, mean) in line.iter_mut().enumerate() {
            let rows = y * block..((y + 1) * block).min(shape.height);
            let columns = x * block..((x + 1) * block).min(shape.width);
            let count = (rows.len() * columns.len()) as f64;
            let sum: u64 =
                rows.flat_map(|row| &image.row(plane, row)[columns.clone()]).map(|&x| u64::from(x)).sum();
            *mean = sum as f64 / count;
        }
    }
    let mut sorted = means.clone();
    sorted.sort_by(f64::total_cmp);
    let at = |share: f64| sorted[((sorted.len() - 1) as f64 * share) as usize];
    let (low, level, high) = (at(0.005), at(0.5), at(0.9995));
    let spread = (noise_sigma(image) / block as f64).max((level - low) / 3.0).max(0.5);
    let stretch = |value: f64| ((value - level) / (3.0 * spread)).asinh();
    let (dark, bright) = (stretch(low), stretch(high).max(stretch(low) + 1.0));
    let grey: Vec<u8> = means
        .iter()
        .map(|&mean| (255.0 * (stretch(mean) - dark) / (bright - dark)).clamp(0.0, 255.0) as u8)
        .collect();
    let mut out = vec![];
    let mut encoder = png::Encoder::new(&mut out, width as u32, height as u32);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header().ok()?;
    writer.write_image_data(&grey).ok()?;
    writer.finish().ok()?;
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use nf_image::Shape;

    #[test]
    fn pictures_have_the_right_size_and_show_the_star() {
        let image = Image16::from_fn(Shape::new(2, 90, 150), |plane, row, column| {
            let near = plane == 1 && row / 10 == 4 && column / 10 == 7;
            (1000 + (row * 7 + column * 13) % 10 + if near { 5000 } else { 0 }) as u16
        });
        let bytes = preview_png(&image, 1, 30).unwrap();
        let mut reader = png::Decoder::new(std::io::Cursor::new(bytes)).read_info().unwrap();
        let mut grey = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut grey).unwrap();
        assert_eq!((info.width, info.height), (30, 18));
        assert!(grey[8 * 30 + 14] > 250 && grey[0] < 200);
        for (extent, expected) in
            [((4200, 483), (483, 4200)), ((9000, 100), (50, 4500)), ((4096, 4096), (1024, 1024))]
        {
            let image = Image16::zeros(Shape::frame(extent.0, extent.1));
            let bytes = preview_png(&image, 0, 1024).unwrap();
            let reader = png::Decoder::new(std::io::Cursor::new(bytes)).read_info().unwrap();
            assert_eq!((reader.info().width, reader.info().height), expected, "{extent:?}");
        }
        assert_eq!(preview_png(&Image16::zeros(Shape::frame(0, 3)), 0, 10), None);
        assert!(preview_png(&Image16::zeros(Shape::frame(3, 3)), 0, 10).is_some());
    }
}
