//! Any region of any stack is the crop of the whole.

use crate::parts::Parts;
use nf_codec::Limits;
use nf_floor::decode_region;
use nf_image::Shape;
use nf_image::testing::scene;
use proptest::prelude::*;
use std::ops::Range;

/// Any part of `0..end`.
fn range(end: usize) -> impl Strategy<Value = Range<usize>> {
    (0..=end, 0..=end).prop_map(|(a, b)| a.min(b)..a.max(b))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn regions_are_crops(
        references in prop::collection::vec(0..=4_usize, 6),
        extent in (1..20_usize, 1..20_usize),
        (planes, rows, columns) in (range(6), range(17), range(23)),
        seed in any::<u64>(),
    ) {
        let shape = Shape::new(6, 17, 23);
        let image = scene(shape, 2.0, seed);
        let references: Vec<usize> =
            references.iter().enumerate().map(|(plane, &count)| count.min(plane)).collect();
        let bytes = Parts::with_references(&image, extent, &references).bytes();
        let limits = Limits::default();
        let region = decode_region(&bytes, shape, planes.clone(), rows.clone(), columns.clone(), &limits);
        prop_assert_eq!(region.unwrap(), image.crop(planes, rows, columns));
    }
}
