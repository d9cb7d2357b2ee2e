//! What a damaged plane of a stack costs.

use crate::parts::{Parts, difference, scene};
use nf_codec::Limits;
use nf_floor::stack::Coded;
use nf_floor::tile::{self, TileView};
use nf_floor::{Level, decode_region};
use nf_image::{Image16, Shape};

const SHAPE: Shape = Shape::new(5, 24, 40);

/// The stack, in tiles of 24 x 20 pixels, coded with these needs, plane by plane, and a damaged byte in the left tile of `plane`.
fn damaged(needs: [usize; 5], plane: usize) -> (Image16, Vec<u8>) {
    let image = scene(SHAPE, 2.0, 7);
    let mut parts = Parts::of(&image, (24, 20), Level::Fast);
    for (plane, &needs) in needs.iter().enumerate() {
        for side in 0..2 {
            let columns = 20 * side..20 * side + 20;
            let cut = |plane: usize| image.crop(plane..plane + 1, 0..24, columns.clone());
            let earlier: Vec<Image16> = (0..plane).rev().take(needs).map(cut).collect();
            let earlier: Vec<&[u16]> = earlier.iter().map(Image16::samples).collect();
            let tile = cut(plane);
            let view = TileView::new(tile.shape(), tile.samples());
            let bytes = match needs {
                0 => tile::encode(view, Level::Fast),
                _ => difference(view, &earlier, &[256, 0, 0, 0][..needs]),
            };
            parts.tiles[2 * plane + side] = Coded { bytes, needs };
        }
    }
    parts.version = if needs == [0; 5] { 1 } else { 2 };
    let mut bytes = parts.bytes();
    let after: usize = parts.tiles[2 * plane..].iter().map(|tile| tile.bytes.len()).sum();
    let place = bytes.len() - after + parts.tiles[2 * plane].bytes.len() / 2;
    bytes[place] ^= 0x10;
    (image, bytes)
}

/// Decodes every plane by itself: those that must decode do, and come out right; the others fail with an error that names the plane that is
/// damaged. The tiles at the right are not touched, whatever happens to those at the left.
fn costs(needs: [usize; 5], plane: usize, lost: &[usize]) {
    let (image, bytes) = damaged(needs, plane);
    let region =
        |p: usize, columns| decode_region(&bytes, SHAPE, p..p + 1, 0..24, columns, &Limits::default());
    for p in 0..5 {
        assert_eq!(
            region(p, 20..40).unwrap(),
            image.crop(p..p + 1, 0..24, 20..40),
            "{needs:?}: plane {p}, right"
        );
        let left = region(p, 0..20);
        if !lost.contains(&p) {
            assert_eq!(left.unwrap(), image.crop(p..p + 1, 0..24, 0..20), "{needs:?}: plane {p}, left");
            continue;
        }
        let error = left.unwrap_err().to_string();
        let name = format!("tile {} (plane {plane}, rows 0..24, columns 0..20)", 2 * plane);
        assert!(error.contains(&name) && error.contains("checksum"), "{needs:?}: plane {p}: {error}");
        let leaning = lost.iter().filter(|&&p| p > plane).count();
        let told = format!(
            "the same tile of {leaning} later planes, up to plane {}, needs it",
            lost[lost.len() - 1]
        );
        assert_eq!(error.contains(&told), leaning > 0, "{needs:?}: plane {p}: {error}");
    }
    let whole = decode_region(&bytes, SHAPE, 0..5, 0..24, 0..40, &Limits::default());
    assert!(whole.unwrap_err().to_string().contains(&format!("(plane {plane},")));
}

#[test]
fn a_plane_that_none_needs_costs_itself() {
    for plane in 0..5 {
        costs([0; 5], plane, &[plane]);
    }
    costs([0, 1, 0, 1, 0], 1, &[1]);
    costs([0, 1, 2, 3, 4], 4, &[4]);
    costs([0, 0, 1, 0, 1], 0, &[0]);
}

#[test]
fn planes_that_need_it_fail_and_name_it() {
    costs([0, 1, 0, 1, 2], 0, &[0, 1]);
    costs([0, 1, 0, 1, 1], 2, &[2, 3, 4]);
    costs([0, 1, 2, 3, 4], 0, &[0, 1, 2, 3, 4]);
    costs([0, 1, 1, 0, 1], 1, &[1, 2]);
}
