//! What every series of planes costs: its planes one by one, the first plane and differences, and
//! as one stack.
//!
//! A suite lists the same data as stacks, plane by plane (`plane`, or a view whose images are
//! single planes named `IMAGE.pNNN`) and as differences. Only sums over all pixels of a series are
//! compared.

use crate::charts::whole;
use crate::document::{Block, Section};
use crate::summary::summarise_all;
use crate::table::Table;
use nf_bench::Measurement;
use nf_bench::Run;
use nf_bench::{DatasetChoice, Transform};

/// Bytes of one series by one codec.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Costs {
    pixels: u64,
    stack: u64,
    alone: u64,
    wrapped: Option<u64>,
    centred: Option<u64>,
}

/// Adds the comparison, if the suite lists stacks and their planes.
pub(super) fn add(section: &mut Section, run: &Run) {
    let rows: Vec<(&DatasetChoice, &Measurement)> = run
        .rows
        .iter()
        .filter(|row| row.is_verified())
        .filter_map(|row| {
            let of = |choice: &&DatasetChoice| choice.name == row.dataset && choice.split == row.split;
            Some((run.suite.datasets.iter().find(of)?, row))
        })
        .collect();
    let all = summarise_all(run);
    let codecs: Vec<&str> = whole(&all).map(|c| c.codec.as_str()).collect();
    let bits = |bytes: Option<u64>, pixels: u64| {
        bytes.map_or_else(String::new, |bytes| format!("{:.3}", 8.0 * bytes as f64 / pixels as f64))
    };
    let head = [
        "series",
        "codec",
        "planes alone",
        "first and wrapped differences",
        "first and centred differences",
        "stack",
        "stack against alone, %",
    ];
    let mut table = vec![head.map(str::to_owned).to_vec()];
    let mut verdicts = vec![];
    for codec in codecs {
        let of_codec: Vec<_> = rows.iter().copied().filter(|(_, row)| row.codec == codec).collect();
        let mut larger = vec![];
        let mut compared = 0;
        for &(choice, row) in &of_codec {
            let Some(costs) = costs(choice, row, &of_codec) else { continue };
            compared += 1;
            if costs.stack > costs.alone {
                larger.push(format!("{} by {} bytes", row.image, costs.stack - costs.alone));
            }
            table.push(vec![
                row.image.clone(),
                codec.to_owned(),
                bits(Some(costs.alone), costs.pixels),
                bits(costs.wrapped, costs.pixels),
                bits(costs.centred, costs.pixels),
                bits(Some(costs.stack), costs.pixels),
                format!("{:+.2}", 100.0 * (costs.stack as f64 / costs.alone as f64 - 1.0)),
            ]);
        }
        if compared > 0 {
            let verdict = if larger.is_empty() {
                format!("`{codec}`: no stack is larger than its planes alone, {compared} series")
            } else {
                format!(
                    "`{codec}`: {} of {compared} stacks are larger than their planes alone: {}",
                    larger.len(),
                    larger.join(", ")
                )
            };
            verdicts.push(verdict);
        }
    }
    section.table("Bits per pixel of whole series, all planes pooled", Table { rows: table });
    if !verdicts.is_empty() {
        section.blocks.push(Block::List(verdicts));
    }
}

/// The costs of the stack in `row`, if there are rows for all of its planes.
fn costs(
    choice: &DatasetChoice,
    row: &Measurement,
    rows: &[(&DatasetChoice, &Measurement)],
) -> Option<Costs> {
    let is_whole = |c: &DatasetChoice| c.first_planes.is_none() && c.patch_px.is_none();
    if choice.transform != Transform::Stack || choice.plane.is_some() || !is_whole(choice) {
        return None;
    }
    let set = |c: &DatasetChoice| c.data.split('/').next().map(str::to_owned);
    let same_set: Vec<_> = rows
        .iter()
        .filter(|(c, _)| is_whole(c) && set(c) == set(choice) && c.split == choice.split)
        .collect();
    let mut planes: Vec<(usize, &Measurement)> = same_set
        .iter()
        .filter(|(c, _)| c.transform == Transform::Stack)
        .filter_map(|(c, other)| {
            let number = match c.plane {
                Some(plane) => (other.image == row.image).then_some(plane),
                None => other.image.strip_prefix(&row.image)?.strip_prefix(".p")?.parse().ok(),
            };
            Some((number?, *other))
        })
        .collect();
    planes.sort_by_key(|(number, _)| *number);
    planes.dedup_by_key(|(number, _)| *number);
    let whole: u64 = planes.iter().map(|(_, plane)| plane.raw_bytes).sum();
    if planes.len() < 2 || whole != row.raw_bytes {
        return None;
    }
    let alone: Option<u64> = planes.iter().map(|(_, plane)| plane.figures.coded_bytes).sum();
    let first = planes[0].1.figures.coded_bytes?;
    let with_differences = |transform: Transform| {
        let (_, rest) = same_set.iter().find(|(c, other)| {
            c.transform == transform && c.plane.is_none() && c.data == choice.data && other.image == row.image
        })?;
        Some(first + rest.figures.coded_bytes?)
    };
    Some(Costs {
        pixels: row.pixels(),
        stack: row.figures.coded_bytes?,
        alone: alone?,
        wrapped: with_differences(Transform::DifferencesWrapped),
        centred: with_differences(Transform::DifferencesCentred),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use nf_bench::measurement::Figures;

    fn choice(name: &str, data: &str, transform: Transform, plane: Option<usize>) -> DatasetChoice {
        let (name, data, split) = (name.into(), data.into(), "all".into());
        DatasetChoice { name, data, split, transform, plane, ..DatasetChoice::default() }
    }

    fn row(image: &str, planes: u64, coded_bytes: u64) -> Measurement {
        let figures = Figures { coded_bytes: Some(coded_bytes), ..Figures::default() };
        Measurement { image: image.into(), raw_bytes: 100 * planes, figures, ..Measurement::default() }
    }

    #[test]
    fn a_series_is_compared_with_its_own_planes_only() {
        let stack = choice("s", "set/whole", Transform::Stack, None);
        let view = choice("p", "set/planes", Transform::Stack, None);
        let wrapped = choice("w", "set/whole", Transform::DifferencesWrapped, None);
        let whole = row("a", 3, 120);
        let parts = [row("a.p000", 1, 50), row("a.p001", 1, 45), row("a.p002", 1, 44), row("ab.p000", 1, 9)];
        let left = row("a", 2, 60);
        let mut rows: Vec<(&DatasetChoice, &Measurement)> = vec![(&stack, &whole), (&wrapped, &left)];
        rows.extend(parts.iter().map(|part| (&view, part)));
        let found = costs(&stack, &whole, &rows).unwrap();
        let expected = Costs { pixels: 150, stack: 120, alone: 139, wrapped: Some(110), centred: None };
        assert_eq!(found, expected);
        rows.remove(3);
        assert_eq!(costs(&stack, &whole, &rows), None, "a plane is missing");

        let listed: Vec<DatasetChoice> =
            (0..3).map(|plane| choice("x", "set/whole", Transform::Stack, Some(plane))).collect();
        let single = row("a", 1, 50);
        let mut rows: Vec<(&DatasetChoice, &Measurement)> = vec![(&stack, &whole)];
        rows.extend(listed.iter().map(|choice| (choice, &single)));
        assert_eq!(costs(&stack, &whole, &rows).unwrap().alone, 150);
    }
}
