//! Properties of specs and containers, over generated ones.
#![allow(clippy::unwrap_used)]

use nf_codec::container::{Layout, SampleFormat, Segment, TileBox};
use nf_codec::{Codec, Spec};
use nf_image::{Grid, Image16, PlaneAxis, Shape};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use support::{header, open, pack, plain, ramp};

mod support;

fn shapes(most: usize) -> impl Strategy<Value = Shape> {
    (0..=most / 2, 0..=most, 0..=most).prop_map(|(p, h, w)| Shape::new(p, h, w))
}

fn tiles(most: usize) -> impl Strategy<Value = Shape> {
    (1..=most, 1..=most, 1..=most).prop_map(|(p, h, w)| Shape::new(p, h, w))
}

/// A box of a stack of this shape, made of six numbers.
fn region(shape: Shape, cut: [usize; 6]) -> TileBox {
    let range = |extent: usize, a: usize, b: usize| {
        let (a, b) = (a % (extent + 1), b % (extent + 1));
        a.min(b)..a.max(b)
    };
    TileBox {
        planes: range(shape.planes, cut[0], cut[1]),
        rows: range(shape.height, cut[2], cut[3]),
        columns: range(shape.width, cut[4], cut[5]),
    }
}

/// A layout that names some of the stacks, in any order, between verbatim bytes.
fn layouts(stacks: u32) -> impl Strategy<Value = Layout> {
    let formats = [
        SampleFormat::U8,
        SampleFormat::I16Be,
        SampleFormat::I32Be,
        SampleFormat::I64Be,
        SampleFormat::U16Le,
    ];
    let order = Just((0..stacks).collect::<Vec<u32>>()).prop_shuffle();
    let verbatim = || vec(any::<u8>(), 0..40);
    let samples = (proptest::sample::select(formats.to_vec()), any::<i64>(), verbatim());
    (order, vec(samples, 0..=stacks as usize), verbatim()).prop_map(|(order, samples, first)| {
        let mut segments = vec![Segment::Verbatim(first)];
        for (image, (format, offset, bytes)) in order.into_iter().zip(samples) {
            segments.extend([Segment::Samples { image, format, offset }, Segment::Verbatim(bytes)]);
        }
        segments.retain(|segment| *segment != Segment::Verbatim(vec![]));
        Layout { segments }
    })
}

proptest! {
    #[test]
    fn specs_print_and_parse(
        name in "[a-z][a-z0-9._-]{0,12}",
        options in btree_map("[a-z][a-z0-9._-]{0,8}", "[!-+.-~]{1,12}", 0..5),
    ) {
        let mut spec = Spec::new(name);
        for (key, value) in options {
            spec = spec.with(&key, value, String::new());
        }
        let text = spec.to_string();
        prop_assert_eq!(text.parse::<Spec>().unwrap(), spec);
    }

    #[test]
    fn any_text_is_a_spec_that_prints_itself_or_an_error(text in "[a-c:=,. \u{e9}\n-]{0,16}") {
        if let Ok(spec) = text.parse::<Spec>() {
            let printed = spec.to_string();
            prop_assert_eq!(printed.parse::<Spec>().unwrap(), spec);
        }
    }

    #[test]
    fn containers_say_what_was_written(
        stacks in vec((shapes(6), tiles(7), 0..4usize), 0..4),
        creator in "[ -~]{0,20}",
        has_layout: bool,
        layout in layouts(3),
    ) {
        let images: Vec<Image16> =
            stacks.iter().map(|(shape, _, axis)| ramp(*shape).with_axis(PlaneAxis::ALL[*axis])).collect();
        let tiled: Vec<(&Image16, Shape)> =
            images.iter().zip(&stacks).map(|(image, (_, tile, _))| (image, *tile)).collect();
        let mut header = header("plain", &tiled);
        header.creator = creator;
        header.layout = (has_layout && stacks.len() == 3).then_some(layout);
        let bytes = pack(&header, &images.iter().collect::<Vec<_>>(), true).unwrap();
        let mut reader = open(&bytes).unwrap();
        prop_assert_eq!(reader.header(), &header);
        for (i, image) in images.iter().enumerate() {
            prop_assert_eq!(&reader.decode(i, &*plain()).unwrap(), image);
        }
        if let Some(layout) = &header.layout {
            let (mut restored, mut expected) = (vec![], vec![]);
            reader.restore(&*plain(), &mut restored).unwrap();
            let whole = |i: u32, sink: &mut dyn FnMut(&Image16) -> nf_codec::Result<()>| {
                sink(&images[i as usize])
            };
            layout.write(whole, &mut expected).unwrap();
            prop_assert_eq!(restored, expected);
        }
    }

    #[test]
    fn regions_are_crops(shape in shapes(12), tile in tiles(14), cut: [usize; 6]) {
        let image = ramp(shape);
        let bytes = pack(&header("plain", &[(&image, tile)]), &[&image], false).unwrap();
        let region = region(shape, cut);
        let decoded = open(&bytes).unwrap().decode_region(0, &region, &*plain()).unwrap();
        prop_assert_eq!(&decoded, &image.crop_box(&region));
        let tiles = open(&bytes).unwrap().tiles(0);
        prop_assert_eq!(Some(tiles.len()), Grid::new(shape, tile).checked_len());
    }

    #[test]
    fn decoding_in_order_gives_the_samples_in_order(shape in shapes(12), tile in tiles(14)) {
        let image = ramp(shape);
        let bytes = pack(&header("plain", &[(&image, tile)]), &[&image], false).unwrap();
        let mut samples = vec![];
        let mut keep = |piece: &Image16| {
            samples.extend_from_slice(piece.samples());
            Ok(())
        };
        open(&bytes).unwrap().decode_in_order(0, &*plain(), &mut keep).unwrap();
        prop_assert_eq!(samples, image.samples());
    }

    #[test]
    fn a_forged_index_is_an_error_or_leaves_the_pixels_as_they_were(
        shape in shapes(6),
        tile in tiles(4),
        at: proptest::sample::Index,
        value: u8,
    ) {
        let image = ramp(shape);
        let mut bytes = pack(&header("plain", &[(&image, tile)]), &[&image], false).unwrap();
        // The suffix: CRC-32 of the index, its length, the end magic.
        let suffix = bytes.len() - 10;
        let length = u32::from_le_bytes(bytes[suffix + 4..suffix + 8].try_into().unwrap()) as usize;
        let at = suffix - length + at.index(length);
        bytes[at] = value;
        let crc = crc32fast::hash(&bytes[suffix - length..suffix]).to_le_bytes();
        bytes[suffix..suffix + 4].copy_from_slice(&crc);
        let codec: &dyn Codec = &*plain();
        if let Ok(decoded) = open(&bytes).and_then(|mut reader| reader.decode(0, codec)) {
            prop_assert_eq!(decoded, image);
        }
    }
}
