//! The tables in docs/results.md agree with the ledger, and the one in README.md with the run it
//! names.
#![allow(clippy::unwrap_used, reason = "a test may stop at any surprise")]

use nf_bench::Suite;
use nf_bench::ledger::{Ledger, LedgerRow};
use std::collections::BTreeMap;
use std::path::Path;

/// The rows of one codec in `measurements.csv`, as far as the table in README.md is concerned.
#[derive(Default)]
struct Sums {
    raw_bytes: u64,
    coded_bytes: u64,
    encode_ns: u64,
    decode_ns: u64,
    verified: usize,
    images: usize,
}

impl Sums {
    fn bits_per_pixel(&self) -> f64 {
        8.0 * self.coded_bytes as f64 / (self.raw_bytes / 2) as f64
    }
}

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

/// Cells of the tables between the markers of a suite: head and rows of each.
fn suite_tables(document: &str, suite: &str) -> Vec<Vec<Vec<String>>> {
    let start = document.find(&format!("<!-- noisefloor:bench {suite} -->")).unwrap();
    tables(&document[start..start + document[start..].find("<!-- /noisefloor:bench -->").unwrap()])
}

/// Cells of the Markdown tables in a text.
fn tables(part: &str) -> Vec<Vec<Vec<String>>> {
    let mut tables: Vec<Vec<Vec<String>>> = vec![];
    let mut inside = false;
    for line in part.lines() {
        let is_row = line.starts_with("| ");
        if is_row {
            if !inside {
                tables.push(vec![]);
            }
            let cells = line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect();
            tables.last_mut().unwrap().push(cells);
        }
        inside = is_row || inside && line.starts_with("|---");
    }
    tables
}

/// Bits per pixel of some rows of the ledger taken together, as a table prints them.
fn bits_per_pixel(rows: &[&LedgerRow]) -> String {
    let bits: u64 = rows
        .iter()
        .map(|row| row.coded_bytes.map_or_else(|| row.ideal_bits.unwrap(), |bytes| 8 * bytes))
        .sum();
    let pixels: u64 = rows.iter().map(|row| row.pixels).sum();
    format!("{:.3}", bits as f64 / pixels as f64)
}

#[test]
fn every_size_in_the_tables_is_that_of_the_ledger() {
    let document = std::fs::read_to_string(root().join("docs/results.md")).unwrap();
    let ledger = Ledger::read(&root().join("results/sizes.csv")).unwrap();
    let mut compared = 0;
    let mut suites = vec![];
    for part in document.split("<!-- noisefloor:bench ").skip(1) {
        suites.push(part.split(' ').next().unwrap());
    }
    assert!(suites.contains(&"real"), "{suites:?}");
    for name in suites {
        let suite = Suite::read(&root().join(format!("configs/suites/{name}.toml"))).unwrap();
        let mut by_codec: BTreeMap<&str, Vec<&LedgerRow>> = BTreeMap::new();
        for row in ledger.rows() {
            if suite.datasets.iter().any(|d| d.name == row.dataset && d.split == row.split) {
                by_codec.entry(&row.codec).or_default().push(row);
            }
        }
        let tables = suite_tables(&document, name);
        let (summary, rest) = tables.split_first().unwrap();
        let column = |head: &str| summary[0].iter().position(|cell| cell == head).unwrap();
        for row in &summary[1..] {
            let rows = &by_codec[row[0].trim_end_matches('*')];
            assert_eq!(row[column("bits/pixel")], bits_per_pixel(rows), "{name}: {}", row[0]);
            let (raw, coded): (u64, u64) = rows
                .iter()
                .map(|r| (r.raw_bytes, r.coded_bytes.unwrap_or(0)))
                .fold((0, 0), |s, r| (s.0 + r.0, s.1 + r.1));
            if coded > 0 {
                assert_eq!(
                    row[column("ratio (pooled)")],
                    format!("{:.3}", raw as f64 / coded as f64),
                    "{name}: {}",
                    row[0]
                );
            }
            compared += 1;
        }
        for table in rest {
            for row in &table[1..] {
                for (head, cell) in table[0].iter().zip(row).skip(1).filter(|(_, cell)| !cell.is_empty()) {
                    // A column bears the end of the dataset's name if all begin alike.
                    let of = by_codec[row[0].as_str()]
                        .iter()
                        .find(|r| r.dataset.ends_with(head.as_str()))
                        .unwrap();
                    assert_eq!(*cell, bits_per_pixel(&[of]), "{name}: {}, {head}", row[0]);
                    compared += 1;
                }
            }
        }
    }
    assert!(compared > 100, "{compared} sizes were compared");
}

/// Sums over the images of a run, by codec.
fn sums(run: &Path) -> BTreeMap<String, Sums> {
    let mut rows = csv::Reader::from_path(run.join("measurements.csv")).unwrap();
    let mut sums: BTreeMap<String, Sums> = BTreeMap::new();
    for row in rows.deserialize() {
        let row: BTreeMap<String, String> = row.unwrap();
        let number = |name: &str| row[name].parse::<u64>().unwrap();
        let sums = sums.entry(row["codec"].clone()).or_default();
        sums.images += 1;
        if row["verified"] == "true" {
            sums.verified += 1;
            sums.raw_bytes += number("raw_bytes");
            sums.coded_bytes += number("coded_bytes");
            sums.encode_ns += number("encode_ns");
            sums.decode_ns += number("decode_ns");
        }
    }
    sums
}

/// Megabytes of raw samples per second, to the digits that the other tables print.
fn speed(raw_bytes: u64, ns: u64) -> String {
    let speed = raw_bytes as f64 / ns as f64 * 1e3;
    match speed {
        ..1.0 => format!("{speed:.3}"),
        ..10.0 => format!("{speed:.1}"),
        _ => format!("{speed:.0}"),
    }
}

#[test]
fn the_first_table_of_the_readme_is_that_of_the_run_it_names() {
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let (_, part) = readme.split_once("<!-- headline ").unwrap();
    let (run, part) = part.split_once(" -->").unwrap();
    let sums = sums(&root().join(run));
    let against = |sums_of: &Sums, reference: &str| {
        let percent = 100.0 * (sums_of.bits_per_pixel() / sums[reference].bits_per_pixel() - 1.0);
        if percent == 0.0 { String::new() } else { format!("{percent:+.1} %") }
    };
    let table = &tables(part)[0];
    assert_eq!(table.len(), 6, "a head and five codecs");
    for row in &table[1..] {
        let spec = row[0].split('`').nth(1).unwrap();
        let of = &sums[spec];
        let expected = [
            row[0].clone(),
            format!("{:.3}", of.bits_per_pixel()),
            against(of, "rice"),
            against(of, "jpegxl"),
            speed(of.raw_bytes, of.encode_ns),
            speed(of.raw_bytes, of.decode_ns),
            format!("{}/{}", of.verified, of.images),
        ];
        assert_eq!(*row, expected);
    }
    let highest = sums["jpegxl:effort=10"].bits_per_pixel();
    assert!(part.contains(&format!("highest effort needs {highest:.3} bits per pixel")));
    let whole: usize = sums["floor"].images;
    assert!(readme.contains(&format!("\n{whole} raw frames")));
}
