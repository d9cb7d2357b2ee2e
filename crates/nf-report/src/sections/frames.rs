//! Frames of a run next to where their bits go and what prediction leaves.

use crate::charts::whole;
use crate::document::{Block, Section};
use crate::pictures;
use crate::slug::slug;
use crate::sources::{ReportOptions, Sources};
use crate::summary::{ImageSizes, summarise};
use nf_bench::{DatasetChoice, Run, open_transformed};
use nf_image::Image16;

/// Pictures of a few frames: of every dataset the one of middle size, of a single dataset frames
/// from the cheapest to the dearest.
pub(super) fn section(run: &Run, prefix: &str, sources: &Sources, options: &ReportOptions) -> Section {
    let mut section = Section::below("Frames, and where their bits go");
    if options.frames == 0 {
        return section;
    }
    let datasets = summarise(run);
    let sizes = ImageSizes::of(run);
    let mut absent = vec![];
    let several = datasets.iter().filter(|d| d.pixels > 0).count();
    for (choice, summary) in run.suite.datasets.iter().zip(&datasets).filter(|(_, d)| d.pixels > 0) {
        let Some(best) = whole(summary).next() else { continue };
        let mut ranked: Vec<(&str, f64)> = sizes
            .images()
            .filter(|image| image.0 == choice.name && image.1 == choice.split)
            .filter_map(|image| Some((image.2, sizes.bits_per_pixel(image, &best.codec)?)))
            .collect();
        ranked.sort_by(|a, b| a.1.total_cmp(&b.1));
        let wanted = (options.frames / several.max(1)).clamp(1, ranked.len().max(1));
        let names: Vec<(&str, f64)> = (0..wanted)
            .filter_map(|i| ranked.get((2 * i + 1) * ranked.len() / (2 * wanted)).copied())
            .collect();
        match load(choice, &names, sources) {
            Err(reason) => absent.push(format!("{}: {reason}", choice.name)),
            Ok(images) => {
                for ((name, bits), image) in names.iter().zip(images) {
                    let plane = image.shape().planes / 2;
                    let of_planes =
                        if image.shape().planes > 1 { format!(", plane {plane}") } else { String::new() };
                    let stem = format!("{prefix}-{}-{}", slug(&choice.name), slug(name));
                    let (window, part) = pictures::window(&image, plane);
                    let shown = [
                        pictures::pixels(&stem, &window, 0),
                        pictures::bits(&stem, &window, 0, sources.registry, &options.map_codec),
                        pictures::residuals(&stem, &window, 0),
                    ];
                    section.blocks.push(Block::Pictures {
                        caption: format!(
                            "{name}, {} {}{of_planes}{part}: {bits:.3} bits/pixel by `{}`",
                            choice.name,
                            image.shape(),
                            best.codec
                        ),
                        pictures: shown.into_iter().flatten().collect(),
                    });
                }
            }
        }
    }
    if !absent.is_empty() {
        section.text("Frames of these datasets are not at hand:");
        section.blocks.push(Block::List(absent));
    }
    section
}

/// The images of these names, in this order.
fn load(choice: &DatasetChoice, names: &[(&str, f64)], sources: &Sources) -> Result<Vec<Image16>, String> {
    let words = |error: nf_data::Error| error.to_string();
    let set = open_transformed(choice, sources.open).map_err(words)?;
    names
        .iter()
        .map(|(name, _)| {
            let index = (0..set.len())
                .find(|&i| set.name(i) == *name)
                .ok_or_else(|| format!("it has no image {name} any more"))?;
            set.image(index).map_err(words)
        })
        .collect()
}
