//! Reads a region of an image in a FITS file, plain, gzipped or tile-compressed.
//!
//! ```sh
//! cargo run --release -p nf-fits --example read_fits_region -- frame.fits.fz 100:164,20:40
//! ```

use nf_fits::{FitsFile, Section};
use std::error::Error;
use std::ops::Range;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [path, region] = &arguments[..] else {
        return Err("expected a FITS file and a region such as 100:164,20:40".into());
    };
    println!("{}", describe(&FitsFile::open(path)?, region)?);
    Ok(())
}

/// Statistics of a region X0:X1,Y0:Y1 (counted from 0, ends excluded) of the first image.
fn describe(file: &FitsFile, region: &str) -> Result<String, Box<dyn Error>> {
    let hdu = file.image_hdus().next().ok_or("the file holds no image")?;
    let mut axes = region.split(',').map(range).collect::<Result<Vec<_>, _>>()?;
    // Of a cube, the first plane.
    axes.resize(hdu.axes().len(), 0..1);
    // Only the tiles that the section touches are read and decoded.
    let samples = hdu.read_section_u16(&Section(axes))?;
    let sum: u64 = samples.iter().map(|&sample| u64::from(sample)).sum();
    let (low, high) = (samples.iter().min(), samples.iter().max());
    let (Some(low), Some(high)) = (low, high) else { return Err("the region is empty".into()) };
    let mean = sum as f64 / samples.len() as f64;
    Ok(format!("{} pixels from {low} to {high}, mean {mean:.2}", samples.len()))
}

fn range(text: &str) -> Result<Range<usize>, Box<dyn Error>> {
    let (start, end) = text.split_once(':').ok_or("expected START:END")?;
    Ok(start.parse()?..end.parse()?)
}

#[cfg(test)]
mod tests {
    use super::describe;
    use nf_fits::{FitsFile, FitsWriter};
    use nf_image::{Image16, Shape};

    #[test]
    fn a_region_is_that_of_the_image() {
        let shape = Shape::frame(30, 50);
        let frame = Image16::from_fn(shape, |_, row, column| (row * 100 + column) as u16);
        let mut writer = FitsWriter::new(Vec::new());
        writer.image(&frame, None).unwrap();
        let file = FitsFile::from_bytes(writer.into_inner()).unwrap();
        let line = describe(&file, "10:20,2:4").unwrap();
        assert_eq!(line, "20 pixels from 210 to 319, mean 264.50");
        assert!(describe(&file, "10:51,2:4").unwrap_err().to_string().contains("axes"));
        assert!(describe(&file, "10,2:4").is_err());
    }
}
