//! What a run's sizes and times look like.

use super::heat::HeatMap;
use super::plot::{Plot, slug};
use super::xy::{Axis, Mark, Point, Series, XyPlot};
use crate::measurement::ORACLE;
use crate::run::Run;
use crate::summary::{CodecSummary, DatasetSummary, ImageSizes};

/// The name of a spec without its options.
pub(crate) fn family(spec: &str) -> &str {
    spec.split(':').next().unwrap_or(spec)
}

/// The codecs that may be compared: they coded every image and do something.
pub(crate) fn whole(summary: &DatasetSummary) -> impl Iterator<Item = &CodecSummary> {
    summary.codecs.iter().filter(|c| {
        c.codec != ORACLE && c.codec != "raw" && c.images_ok == summary.images && c.coded_bytes.is_some()
    })
}

/// The smallest codec of every family, smallest first.
pub(crate) fn best_of_families(summary: &DatasetSummary) -> Vec<&CodecSummary> {
    let mut best: Vec<&CodecSummary> = vec![];
    for codec in whole(summary) {
        if !best.iter().any(|other| family(&other.codec) == family(&codec.codec)) {
            best.push(codec);
        }
    }
    best
}

/// What others are measured by: the smallest JPEG XL, or the smallest codec that is not of the smallest family.
pub(crate) fn reference(summary: &DatasetSummary) -> Option<&CodecSummary> {
    let best = best_of_families(summary);
    best.iter().find(|c| family(&c.codec) == "jpegxl").or_else(|| best.get(1)).copied()
}

fn tone_of(codec: &CodecSummary) -> (usize, &'static str) {
    match family(&codec.codec) {
        "floor" => (0, "floor"),
        "jpegxl" => (1, "JPEG XL"),
        _ if codec.weights_bytes > 0 => (2, "nets"),
        _ => (6, "others"),
    }
}

/// Bits per pixel over speed, one plot for each direction. Lower and further right is better; the line joins the codecs that no
/// other beats in both.
pub(crate) fn size_speed(summary: &DatasetSummary, prefix: &str) -> Vec<Plot> {
    type Speed = fn(&CodecSummary) -> Option<f64>;
    let directions: [(&str, Speed); 2] =
        [("encode", |c| c.encode_mb_per_s), ("decode", |c| c.decode_mb_per_s)];
    directions
        .into_iter()
        .filter_map(|(word, speed)| {
            let mut series: Vec<Series> = vec![];
            let mut places = vec![];
            for codec in whole(summary) {
                let (Some(x), Some(y)) = (speed(codec), codec.bits_per_pixel) else { continue };
                places.push((x, y));
                let (tone, name) = tone_of(codec);
                let hover = format!("{}\n{y:.3} bits/pixel, {word} {x:.3} MB/s", codec.codec);
                let point = Point { x, y, label: codec.codec.clone(), hover, error: None };
                match series.iter_mut().find(|series| series.tone == tone) {
                    Some(series) => series.points.push(point),
                    None => {
                        series.push(Series { name: name.into(), tone, mark: Mark::Dots, points: vec![point] })
                    }
                }
            }
            series.sort_by_key(|series| series.tone);
            let ends = places.iter().fold((f64::INFINITY, 0.0f64), |(l, h), p| (l.min(p.0), h.max(p.0)));
            let bare = |(x, y): (f64, f64)| Point { x, y, ..Point::default() };
            let front = frontier(places);
            series.push(Series {
                name: "not beaten in both".into(),
                tone: 6,
                mark: Mark::Line,
                points: front.into_iter().map(bare).collect(),
            });
            if let Some(bits) =
                summary.codecs.iter().find(|c| c.codec == ORACLE).and_then(|c| c.bits_per_pixel)
            {
                let points = [(ends.0, bits), (ends.1, bits)].map(bare).to_vec();
                series.push(Series { name: "oracle".into(), tone: 3, mark: Mark::Line, points });
            }
            XyPlot {
                name: format!("{prefix}-size-{word}"),
                title: format!(
                    "Size against speed of {} (lower right is better)",
                    word.replace("ode", "oding")
                ),
                x: Axis::log(&format!("{word}, MB of raw samples per second")),
                y: Axis::linear("bits per pixel"),
                series,
            }
            .draw()
        })
        .collect()
}

/// The places than which none is both further right and lower, from the left to the right, joined by steps.
fn frontier(mut places: Vec<(f64, f64)>) -> Vec<(f64, f64)> {
    places.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.total_cmp(&b.1)));
    let mut front: Vec<(f64, f64)> = vec![];
    for place in places {
        if front.last().is_none_or(|last| place.1 < last.1) {
            if let Some(&last) = front.last() {
                front.push((place.0, last.1));
            }
            front.push(place);
        }
    }
    front.reverse();
    front
}

/// Every image: how much larger or smaller than the reference the best codec of each family is.
pub(crate) fn by_image(run: &Run, summary: &DatasetSummary, prefix: &str) -> Option<Plot> {
    let reference = reference(summary)?;
    let sizes = ImageSizes::of(run);
    let shown = best_of_families(summary).into_iter().filter(|c| c.codec != reference.codec).take(5);
    let series = shown.enumerate().map(|(tone, codec)| {
        let points = sizes.images().filter_map(|image| {
            let (x, bits) =
                (sizes.bits_per_pixel(image, &reference.codec)?, sizes.bits_per_pixel(image, &codec.codec)?);
            let y = 100.0 * (bits / x - 1.0);
            let hover = format!(
                "{}\n{}: {bits:.3} bits/pixel\n{}: {x:.3}\n{y:+.2} %",
                image.2, codec.codec, reference.codec
            );
            Some(Point { x, y, hover, ..Point::default() })
        });
        Series { name: codec.codec.clone(), tone, mark: Mark::Dots, points: points.collect() }
    });
    let mut series: Vec<Series> = series.collect();
    let xs: Vec<f64> = series.iter().flat_map(|s| s.points.iter().map(|p| p.x)).collect();
    let ends = [xs.iter().copied().fold(f64::INFINITY, f64::min), xs.iter().copied().fold(0.0, f64::max)];
    let points = ends.map(|x| Point { x, y: 0.0, ..Point::default() }).to_vec();
    series.push(Series { name: reference.codec.clone(), tone: 6, mark: Mark::Line, points });
    XyPlot {
        name: format!("{prefix}-by-image"),
        title: format!("Every image: size against that of `{}`", reference.codec),
        x: Axis::linear(&format!("bits per pixel of {}", reference.codec)),
        y: Axis::linear("larger (+) or smaller (-), %"),
        series,
    }
    .draw()
}

/// Most rows of a heat map; beyond, its names cannot be read on one screen.
const ROWS: usize = 64;

/// Excess over the smallest codec, by dataset, or by image if there is one dataset only.
pub(crate) fn excess(
    run: &Run,
    datasets: &[DatasetSummary],
    all: &DatasetSummary,
    prefix: &str,
) -> Option<Plot> {
    let codecs: Vec<&str> = whole(all).map(|c| c.codec.as_str()).collect();
    let sizes = ImageSizes::of(run);
    let rows: Vec<(String, Vec<Option<f64>>)> = if datasets.iter().filter(|d| d.pixels > 0).count() > 1 {
        let bits = |dataset: &DatasetSummary, codec: &str| {
            dataset.codecs.iter().find(|c| c.codec == codec && c.images_ok == dataset.images)?.bits_per_pixel
        };
        let row =
            |d: &DatasetSummary| (d.dataset.clone(), codecs.iter().map(|codec| bits(d, codec)).collect());
        datasets.iter().filter(|d| d.pixels > 0).map(row).collect()
    } else {
        let row = |image: &(&str, &str, &str)| {
            (image.2.to_owned(), codecs.iter().map(|codec| sizes.bits_per_pixel(*image, codec)).collect())
        };
        sizes.images().take(ROWS).map(|image| row(&image)).collect()
    };
    matrix(&format!("{prefix}-excess"), "Excess over the smallest codec of each row, %", rows, &codecs)
}

/// Rows of sizes as excess over the smallest of each row, in percent.
pub(crate) fn matrix(
    name: &str,
    title: &str,
    rows: Vec<(String, Vec<Option<f64>>)>,
    columns: &[&str],
) -> Option<Plot> {
    let cells = rows.iter().flat_map(|(_, sizes)| {
        let least = sizes.iter().flatten().copied().fold(f64::INFINITY, f64::min);
        sizes.iter().map(move |size| size.filter(|_| least > 0.0).map(|size| 100.0 * (size / least - 1.0)))
    });
    HeatMap {
        name: slug(name),
        title: title.to_owned(),
        cells: cells.collect(),
        rows: rows.iter().map(|(name, _)| name.clone()).collect(),
        columns: columns.iter().map(|&column| column.to_owned()).collect(),
        unit: "%".into(),
        end: 30.0,
    }
    .draw()
}

/// Every numeric column of a training log over its first column.
pub(crate) fn curves(name: &str, text: &str) -> Vec<Plot> {
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(text.as_bytes());
    let Ok(head) = reader.headers().cloned() else { return vec![] };
    let rows: Vec<csv::StringRecord> = reader.records().filter_map(Result::ok).collect();
    let number = |row: &csv::StringRecord, column: usize| row.get(column)?.trim().parse::<f64>().ok();
    let curve = |column: usize| {
        let title = head.get(column)?;
        let points = rows.iter().filter_map(|row| {
            let (x, y) = (number(row, 0)?, number(row, column)?);
            let hover = format!("{} {x}: {title} {y:.5}", head.get(0)?);
            Some(Point { x, y, hover, ..Point::default() })
        });
        XyPlot {
            name: format!("{name}-{}", slug(title)),
            title: format!("{name}: {title}"),
            x: Axis::linear(head.get(0)?),
            y: Axis::linear(title),
            series: vec![Series { name: String::new(), tone: 0, mark: Mark::Line, points: points.collect() }],
        }
        .draw()
    };
    (1..head.len()).filter_map(curve).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_frontier_holds_what_nothing_beats_in_both() {
        let front =
            frontier(vec![(1.0, 5.0), (10.0, 6.0), (5.0, 7.0), (100.0, 8.0), (90.0, 8.0), (0.5, 5.0)]);
        assert_eq!(front, [(1.0, 5.0), (1.0, 6.0), (10.0, 6.0), (10.0, 8.0), (100.0, 8.0)]);
    }

    #[test]
    fn training_logs_become_curves() {
        let plots = curves("idf-1", "step,loss,note,bits_per_pixel\n1,9.5,a,9\n2,8.5,b,\n3,7,c,7.5\n");
        let points: Vec<_> = plots.iter().map(|plot| (plot.name.as_str(), plot.spots.len())).collect();
        assert_eq!(points, [("idf-1-loss", 3), ("idf-1-bits-per-pixel", 2)]);
        assert!(curves("x", "").is_empty());
    }
}
