//! What a run's sizes and times look like.

use crate::draw::heat::HeatMap;
use crate::draw::plot::Plot;
use crate::draw::series::{Mark, Point, Series};
use crate::draw::xy::{Axis, XyPlot};
use crate::names::Names;
use crate::slug::slug;
use crate::summary::{CodecSummary, DatasetSummary, ImageSizes};
use nf_bench::{ORACLE, Run};

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

/// What others are measured by: the smallest JPEG XL, or the smallest codec that is not of the
/// smallest family.
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

/// Bits per pixel over speed, one plot for each direction. Lower and further right is better; the
/// line joins the codecs that no other beats in both.
pub(crate) fn size_speed(summary: &DatasetSummary, names: &Names, prefix: &str) -> Vec<Plot> {
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
                let point = Point { x, y, label: names.short(&codec.codec), hover, error: None };
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
            // A limit of some of the images is none for all.
            let oracle = summary.codecs.iter().find(|c| c.codec == ORACLE && c.images_ok == summary.images);
            if let Some(bits) = oracle.and_then(|c| c.bits_per_pixel) {
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

/// The places than which none is both further right and lower, from the left to the right, joined
/// by steps.
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
pub(crate) fn by_image(run: &Run, summary: &DatasetSummary, names: &Names, prefix: &str) -> Option<Plot> {
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
        Series { name: names.short(&codec.codec), tone, mark: Mark::Dots, points: points.collect() }
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
    names: &Names,
    prefix: &str,
) -> Option<Plot> {
    // In the order of the suite: where nets stand in the order of the data that they were trained
    // on, the map is a matrix of training by test.
    let mut codecs: Vec<&str> = vec![];
    for row in &run.rows {
        if !codecs.contains(&row.codec.as_str()) && whole(all).any(|c| c.codec == row.codec) {
            codecs.push(&row.codec);
        }
    }
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
    matrix(&format!("{prefix}-excess"), "Excess over the smallest codec of each row, %", rows, &codecs, names)
}

/// Rows of sizes as excess over the smallest of each row, in percent.
pub(crate) fn matrix(
    name: &str,
    title: &str,
    rows: Vec<(String, Vec<Option<f64>>)>,
    columns: &[&str],
    names: &Names,
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
        columns: columns.iter().map(|column| names.short(column)).collect(),
        unit: "%".into(),
        end: 30.0,
    }
    .draw()
}

/// Logs in one plot of training, at most: more lines cannot be told apart by their colours.
const LOGS: usize = 6;

/// Logs of training (name, CSV): of each a line of the training loss and, on the same scale and in
/// the same colour, dots for the validation; a few logs a plot.
pub(crate) fn curves(prefix: &str, logs: &[(String, String)]) -> Vec<Plot> {
    let plots = logs.chunks(LOGS).enumerate().filter_map(|(number, logs)| {
        let series = logs.iter().enumerate().flat_map(|(tone, log)| of_log(tone, log)).collect();
        XyPlot {
            name: slug(&format!("{prefix}-{}", number + 1)),
            title: "Training: loss (lines) and validation (dots)".into(),
            x: Axis::linear("step"),
            y: Axis::linear("bits per sample"),
            series,
        }
        .draw()
    });
    plots.collect()
}

/// A series for every column in bits of a log over its first column.
fn of_log(tone: usize, (name, text): &(String, String)) -> Vec<Series> {
    let reader = csv::ReaderBuilder::new().flexible(true).has_headers(false).from_reader(text.as_bytes());
    let rows: Vec<csv::StringRecord> = reader.into_records().filter_map(Result::ok).collect();
    let Some(head) = rows.first() else { return vec![] };
    let number = |row: &csv::StringRecord, index: usize| row.get(index)?.trim().parse::<f64>().ok();
    let columns = head.iter().enumerate().skip(1).filter(|(_, column)| column.ends_with("bits"));
    let series = columns.map(|(index, column)| {
        let what = column.trim_end_matches("bits").replace('_', " ");
        let points = rows.iter().skip(1).filter_map(|row| {
            let (x, y) = (number(row, 0)?, number(row, index)?);
            let hover = format!("{name}\nstep {x}: {y:.4} bits per sample, {}", what.trim());
            Some(Point { x, y, hover, ..Point::default() })
        });
        let points: Vec<Point> = points.collect();
        let is_validation = column.starts_with("validation");
        let mark = if is_validation { Mark::LineAndDots } else { Mark::Line };
        let name = if is_validation { format!("{name}, validation") } else { name.clone() };
        Series { name, tone, mark, points }
    });
    series.collect()
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
        let one = "step,seconds,train_bits,validation_bits\n1,2,9.5,9\n2,4,8.5,\n3,6,7,7.5\n";
        let two = "step,train_bits\n1,5\n2,4\n";
        let logs = [("idf".to_owned(), one.to_owned()), ("l3c".to_owned(), two.to_owned())];
        let plots = curves("x", &logs);
        let points: Vec<_> = plots.iter().map(|plot| (plot.name.as_str(), plot.spots.len())).collect();
        assert_eq!(points, [("x-1", 7)], "training and validation on one scale");
        for name in ["idf", "idf, validation", "l3c"] {
            assert!(plots[0].svg.contains(name), "{name}");
        }
        let many: Vec<_> = (0..8).map(|i| (format!("net {i}"), two.to_owned())).collect();
        assert_eq!(curves("x", &many).len(), 2);
        assert!(curves("x", &[("none".to_owned(), String::new())]).is_empty());
    }
}
