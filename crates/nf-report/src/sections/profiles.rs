//! What profiles of detectors take off, after how many images they pay, and their maps.

use crate::document::{Block, Picture, Section};
use crate::slug::slug;
use crate::table::Table;
use nf_bench::profiles::{self, ProfileRow, knows_profiles, picture_path, with_profile};
use nf_bench::{Measurement, Run};
use nf_codec::Spec;

/// Bytes and pixels of the images of a dataset by one codec.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Sum {
    images: u64,
    pixels: u64,
    bits: u64,
}

impl Sum {
    fn of(run: &Run, row: &ProfileRow, codec: &str) -> Self {
        let mine = |other: &&Measurement| {
            other.dataset == row.dataset && other.split == row.split && other.codec == codec
        };
        run.rows.iter().filter(mine).fold(Self::default(), |sum, measured| match measured.bits() {
            Some(bits) => {
                Self { images: sum.images + 1, pixels: sum.pixels + measured.pixels(), bits: sum.bits + bits }
            }
            None => sum,
        })
    }

    fn bits_per_pixel(self) -> f64 {
        self.bits as f64 / self.pixels.max(1) as f64
    }
}

pub(super) fn section(run: &Run, prefix: &str) -> Section {
    let mut section = Section::below("Profiles of detectors");
    let rows = match profiles::of_run(&run.folder) {
        Ok(rows) => rows,
        Err(error) => {
            section.text(error.to_string());
            return section;
        }
    };
    let head = [
        "dataset",
        "built from",
        "profile bytes",
        "codec",
        "bits/pixel without",
        "with",
        "change",
        "bytes saved per image",
        "pays after",
    ];
    let mut table = vec![head.map(str::to_owned).to_vec()];
    for row in &rows {
        for codec in &run.suite.codecs {
            let Ok(spec) = codec.parse::<Spec>() else { continue };
            if !knows_profiles(&spec) {
                continue;
            }
            let with = Sum::of(run, row, &with_profile(&spec, row).to_string());
            let without = Sum::of(run, row, codec);
            if with.images == 0 || with.images != without.images {
                continue;
            }
            table.push(cells(row, codec, without, with).to_vec());
        }
    }
    section.table(
        "Streams without and with the profile of the detector, whose own bytes are those of a model: it pays after \
         as many images as its bytes are worth",
        Table { rows: table },
    );
    for row in &rows {
        let picture = |map: usize| {
            let png = std::fs::read(picture_path(&run.folder, row, map)).ok()?;
            let name = format!("{prefix}-profile-{}-map{map}", slug(&row.dataset));
            Some(Picture { name, caption: format!("map {map}"), png, grid: None })
        };
        let pictures: Vec<Picture> = (0..row.maps).map_while(picture).collect();
        if !pictures.is_empty() {
            let caption = format!("Maps of the profile of {}, from {} stacks", row.dataset, row.frames);
            section.blocks.push(Block::Pictures { caption, pictures });
        }
    }
    section
}

fn cells(row: &ProfileRow, codec: &str, without: Sum, with: Sum) -> [String; 9] {
    let saved_bytes = (without.bits as f64 - with.bits as f64) / 8.0 / without.images.max(1) as f64;
    let pays = match saved_bytes > 0.0 {
        true => format!("{:.0} images", (row.bytes as f64 / saved_bytes).ceil().max(1.0)),
        false => "never".to_owned(),
    };
    let change = 100.0 * (with.bits as f64 / without.bits.max(1) as f64 - 1.0);
    [
        row.dataset.clone(),
        format!("{} stacks, {} maps", row.frames, row.maps),
        row.bytes.to_string(),
        format!("`{codec}`"),
        format!("{:.4}", without.bits_per_pixel()),
        format!("{:.4}", with.bits_per_pixel()),
        format!("{change:+.2} %"),
        format!("{saved_bytes:.0}"),
        pays,
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_pays_after_as_many_images_as_its_bytes_are_worth() {
        let row = ProfileRow {
            dataset: "d".into(),
            split: "test".into(),
            profile: "d.0123456789abcdef".into(),
            frames: 3,
            maps: 1,
            bytes: 1001,
        };
        let sum = |bits| Sum { images: 2, pixels: 1000, bits };
        let found = cells(&row, "floor", sum(8000), sum(6400));
        assert_eq!(found[4..], ["8.0000", "6.4000", "-20.00 %", "100", "11 images"]);
        assert_eq!(cells(&row, "floor", sum(8000), sum(8000))[8], "never");
    }
}
