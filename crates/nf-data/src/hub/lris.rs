//! One image from the amplifiers of a Keck LRIS file.
//!
//! Every extension holds what one amplifier read: prescan columns, data, overscan columns. They are
//! pasted as the observatory's users do it, and as AstroCompress does: the prescan blocks of all
//! amplifiers first, then their data in the order of DETSEC's first column, then their overscan
//! blocks. Where DETSEC runs backwards in x the data (not the scans) are mirrored; where it runs
//! backwards in y data and scans are. Nothing is trimmed.

use nf_fits::{FitsFile, ImageHdu};
use nf_image::{Image16, Shape};

/// What an amplifier contributes.
struct Amplifier {
    /// Smallest column of the detector that it read, which orders the amplifiers.
    first: i64,
    reversed_x: bool,
    reversed_y: bool,
    image: Image16,
}

/// Pastes a file; one with a single image is taken as it is.
///
/// # Errors
/// What is wrong with the file, in words.
pub(crate) fn paste(file: &FitsFile) -> Result<Image16, String> {
    let hdus: Vec<ImageHdu<'_>> = file.image_hdus().filter(|hdu| hdu.pixels() > 0).collect();
    match &hdus[..] {
        [] => return Err("holds no image".into()),
        [only] => return only.read().map_err(|error| error.to_string()),
        _ => {}
    }
    let primary = file.hdus()[0].header();
    let integer = |keyword: &str| -> Result<usize, String> {
        let value = primary.integer(keyword).map_err(|error| error.to_string())?;
        let value = value.ok_or_else(|| format!("has no {keyword}"))?;
        usize::try_from(value).map_err(|_| format!("{keyword} is {value}"))
    };
    let binning = primary.text("BINNING").unwrap_or_else(|| "1,1".into());
    let x_binning = binning.split(',').next().and_then(|text| text.trim().parse::<usize>().ok());
    let x_binning = x_binning.filter(|&n| n > 0).ok_or_else(|| format!("BINNING is '{binning}'"))?;
    let prescan_px = integer("PRECOL")? / x_binning;
    let overscan_px = integer("POSTPIX")? / x_binning;

    let mut amplifiers = vec![];
    for hdu in &hdus {
        let section =
            hdu.image_header().text("DETSEC").ok_or_else(|| format!("HDU {} has no DETSEC", hdu.index()))?;
        let [x1, x2, y1, y2] = parse_section(&section).ok_or_else(|| format!("DETSEC is '{section}'"))?;
        let image = hdu.read().map_err(|error| error.to_string())?;
        let Shape { planes, width, .. } = image.shape();
        if planes != 1 || width < prescan_px + overscan_px {
            let reason = format!(
                "HDU {}: {} cannot hold {prescan_px} prescan and {overscan_px} overscan columns",
                hdu.index(),
                image.shape()
            );
            return Err(reason);
        }
        amplifiers.push(Amplifier { first: x1.min(x2), reversed_x: x1 > x2, reversed_y: y1 > y2, image });
    }
    amplifiers.sort_by_key(|amplifier| amplifier.first);
    let height = amplifiers[0].image.shape().height;
    if amplifiers.iter().any(|amplifier| amplifier.image.shape().height != height) {
        return Err("its amplifiers have different numbers of rows".into());
    }

    let mut samples = Vec::new();
    for row in 0..height {
        let lines = || {
            amplifiers.iter().map(|a| {
                let row = if a.reversed_y { height - 1 - row } else { row };
                (a, a.image.row(0, row))
            })
        };
        lines().for_each(|(_, line)| samples.extend_from_slice(&line[..prescan_px]));
        for (amplifier, line) in lines() {
            let data = &line[prescan_px..line.len() - overscan_px];
            if amplifier.reversed_x {
                samples.extend(data.iter().rev());
            } else {
                samples.extend_from_slice(data);
            }
        }
        lines().for_each(|(_, line)| samples.extend_from_slice(&line[line.len() - overscan_px..]));
    }
    let width = amplifiers.iter().map(|amplifier| amplifier.image.shape().width).sum();
    Image16::new(Shape::frame(height, width), samples).map_err(|error| error.to_string())
}

/// `[x1:x2,y1:y2]`
fn parse_section(text: &str) -> Option<[i64; 4]> {
    let inside = text.trim().strip_prefix('[')?.strip_suffix(']')?;
    let mut numbers = inside.split([':', ',']).map(|number| number.trim().parse().ok());
    let section = [numbers.next()??, numbers.next()??, numbers.next()??, numbers.next()??];
    numbers.next().is_none().then_some(section)
}
