//! What a damaged plane of a stack affects.

use crate::parts::Parts;
use nf_codec::Limits;
use nf_floor::decode_region;
use nf_image::testing::scene;
use nf_image::{Image16, Shape};

const SHAPE: Shape = Shape::new(5, 24, 40);

/// The stack, in tiles of 24 x 20 pixels, coded with these numbers of reference planes, and with a
/// damaged byte in the left tile of `plane`.
fn damaged(references: [usize; 5], plane: usize) -> (Image16, Vec<u8>) {
    let image = scene(SHAPE, 2.0, 7);
    let parts = Parts::with_references(&image, (24, 20), &references);
    let mut bytes = parts.bytes();
    let after: usize = parts.tiles[2 * plane..].iter().map(|tile| tile.bytes.len()).sum();
    let place = bytes.len() - after + parts.tiles[2 * plane].bytes.len() / 2;
    bytes[place] ^= 0x10;
    (image, bytes)
}

/// Decodes every plane by itself: those that must decode do, to the right samples; the others fail
/// with an error that names the damaged plane. The tiles at the right decode, whatever happens to
/// those at the left.
fn check(references: [usize; 5], plane: usize, lost: &[usize]) {
    let (image, bytes) = damaged(references, plane);
    let region =
        |p: usize, columns| decode_region(&bytes, SHAPE, p..p + 1, 0..24, columns, &Limits::default());
    for p in 0..5 {
        assert_eq!(
            region(p, 20..40).unwrap(),
            image.crop(p..p + 1, 0..24, 20..40),
            "{references:?}: plane {p}, right"
        );
        let left = region(p, 0..20);
        if !lost.contains(&p) {
            assert_eq!(left.unwrap(), image.crop(p..p + 1, 0..24, 0..20), "{references:?}: plane {p}, left");
            continue;
        }
        let error = left.unwrap_err().to_string();
        let name = format!("tile {} (plane {plane}, rows 0..24, columns 0..20)", 2 * plane);
        assert!(error.contains(&name) && error.contains("checksum"), "{references:?}: plane {p}: {error}");
        let dependent = lost.iter().filter(|&&p| p > plane).count();
        let message = format!(
            "the same tile of {dependent} later planes, up to plane {}, needs it",
            lost[lost.len() - 1]
        );
        assert_eq!(error.contains(&message), dependent > 0, "{references:?}: plane {p}: {error}");
    }
    let whole = decode_region(&bytes, SHAPE, 0..5, 0..24, 0..40, &Limits::default());
    assert!(whole.unwrap_err().to_string().contains(&format!("(plane {plane},")));
}

#[test]
fn a_plane_that_is_no_reference_affects_only_itself() {
    for plane in 0..5 {
        check([0; 5], plane, &[plane]);
    }
    check([0, 1, 0, 1, 0], 1, &[1]);
    check([0, 1, 2, 3, 4], 4, &[4]);
    check([0, 0, 1, 0, 1], 0, &[0]);
}

#[test]
fn planes_that_need_a_damaged_one_fail_and_name_it() {
    check([0, 1, 0, 1, 2], 0, &[0, 1]);
    check([0, 1, 0, 1, 1], 2, &[2, 3, 4]);
    check([0, 1, 2, 3, 4], 0, &[0, 1, 2, 3, 4]);
    check([0, 1, 1, 0, 1], 1, &[1, 2]);
}
