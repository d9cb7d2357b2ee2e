//! The tables in README.md say what the ledger says.
#![allow(clippy::unwrap_used, reason = "a test may stop at any surprise")]

use nf_bench::Suite;
use nf_bench::ledger::{Ledger, LedgerRow};
use std::collections::BTreeMap;
use std::path::Path;

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

/// Cells of the tables between the markers of a suite: head and rows of each.
fn tables(readme: &str, suite: &str) -> Vec<Vec<Vec<String>>> {
    let start = readme.find(&format!("<!-- noisefloor:bench {suite} -->")).unwrap();
    let part = &readme[start..start + readme[start..].find("<!-- /noisefloor:bench -->").unwrap()];
    let mut tables: Vec<Vec<Vec<String>>> = vec![];
    let mut inside = false;
    for line in part.lines() {
        let is_row = line.starts_with("| ");
        if is_row {
            if !inside {
                tables.push(vec![]);
            }
            let cells = line.trim_matches('|').split(" | ").map(|cell| cell.trim().to_owned()).collect();
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
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let ledger = Ledger::read(&root().join("results/sizes.csv")).unwrap();
    let mut compared = 0;
    let mut suites = vec![];
    for part in readme.split("<!-- noisefloor:bench ").skip(1) {
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
        let tables = tables(&readme, name);
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
