//! Differences between codecs over the same images.

use crate::charts::{best_of_families, family, reference, whole};
use crate::names::Names;
use crate::statistics::bootstrap::Interval;
use crate::summary::{DatasetSummary, ImageSizes};
use crate::table::Table;
use nf_bench::Run;

/// How much larger every codec is than the smallest, and how sure that is.
pub(super) fn differences(all: &DatasetSummary) -> Table {
    let interval = |i: Option<Interval>, digits: usize| {
        i.map_or_else(String::new, |i| format!("{:.digits$} to {:.digits$}", i.low, i.high))
    };
    let head =
        ["codec", "larger, %", "95 %", "ratio (mean)", "95 % of ratio (mean)"].map(str::to_owned).to_vec();
    let rows = whole(all).filter_map(|codec| {
        let (larger, range) = codec.over_smallest_percent?;
        let mean = codec.ratio_mean.map_or_else(String::new, |mean| format!("{mean:.3}"));
        Some(vec![
            codec.codec.clone(),
            format!("{larger:.2}"),
            interval(range, 2),
            mean,
            interval(codec.ratio_mean_interval, 2),
        ])
    });
    Table { rows: [head].into_iter().chain(rows).collect() }
}

/// Image by image: what the smallest codecs save against the best reference of that image.
pub(super) fn gains(run: &Run, all: &DatasetSummary, names: &Names) -> Option<(String, Table)> {
    let name = family(&reference(all)?.codec).to_owned();
    let opponents: Vec<&str> =
        whole(all).filter(|c| family(&c.codec) == name).map(|c| c.codec.as_str()).collect();
    let mut shown: Vec<&str> =
        whole(all).filter(|c| family(&c.codec) == "floor").map(|c| c.codec.as_str()).collect();
    let others = best_of_families(all).into_iter().map(|c| c.codec.as_str());
    shown.extend(others.filter(|c| family(c) != name && family(c) != "floor").take(3));
    let sizes = ImageSizes::of(run);
    let mut head = vec!["image".to_owned(), format!("smallest {name}"), "bits/pixel".to_owned()];
    head.extend(shown.iter().map(|codec| format!("{}, saved %", names.short(codec))));
    let mut rows = vec![head];
    for image in sizes.images() {
        let best = opponents.iter().filter_map(|codec| Some((*codec, sizes.bits_per_pixel(image, codec)?)));
        let Some((codec, least)) = best.min_by(|a, b| a.1.total_cmp(&b.1)) else { continue };
        let mut row = vec![image.2.to_owned(), codec.to_owned(), format!("{least:.3}")];
        row.extend(shown.iter().map(|codec| {
            let bits = sizes.bits_per_pixel(image, codec);
            bits.map_or_else(String::new, |bits| format!("{:+.2}", 100.0 * (1.0 - bits / least)))
        }));
        rows.push(row);
    }
    let caption = format!(
        "Saved against {name} (on each image the smallest of its settings, {} in all), image by image",
        opponents.len()
    );
    (!shown.is_empty()).then_some((caption, Table { rows }))
}
