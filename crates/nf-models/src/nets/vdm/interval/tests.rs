//! The order of passes, and what a stage list costs.

use super::order::{B, C, D};
use super::*;

#[test]
fn passes_are_few() {
    let small = VdmIntervalConfig::preset("small").unwrap();
    assert_eq!((small.passes().len() + 1, small.kinds().len()), (15, 8));
    small.check().unwrap();
    let many = VdmIntervalConfig { widths_log2: vec![6, 4, 2, 0], ..small.clone() };
    assert!(many.check().unwrap_err().to_string().contains("passes"));
    // Before a list of them is made.
    let endless = VdmIntervalConfig { levels: usize::MAX, ..small };
    assert!(endless.check().unwrap_err().to_string().contains("levels"));
}

#[test]
fn every_stage_list_reaches_all_pixels() {
    for widths_log2 in [vec![], vec![4], vec![4, 2], vec![5, 3, 1]] {
        let config = VdmIntervalConfig { widths_log2, ..VdmIntervalConfig::preset("small").unwrap() };
        config.check().unwrap();
        let kinds = config.kinds();
        for stage in 0..config.stages() {
            let passes = config.passes();
            let finest = passes.iter().filter(|pass| pass.spacing == 1 && pass.stage == stage);
            let mut parts: Vec<_> = finest.flat_map(|pass| kinds[pass.kind].targets).copied().collect();
            parts.sort_unstable();
            assert_eq!(parts, [B, C, D]);
        }
    }
}
