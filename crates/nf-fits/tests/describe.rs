//! Every HDU of every file is described from its header, whatever its pixels.
#![allow(clippy::unwrap_used, reason = "a test may stop where its premise fails")]

mod files;

use files::{ImageSpec, header, images, mixed};
use nf_fits::describe::{Content, HduDescription, ImageDescription};
use nf_fits::pack::{Method, PackOptions, TileSize, pack};
use nf_fits::tiled::Quantise;
use nf_fits::tiled::quantise::Dither;
use nf_fits::{FitsFile, SampleType};
use std::io::Cursor;

fn describe(bytes: Vec<u8>) -> Vec<HduDescription> {
    FitsFile::from_bytes(bytes).unwrap().hdus().iter().map(nf_fits::Hdu::describe).collect()
}

fn words(bytes: Vec<u8>) -> Vec<String> {
    describe(bytes).iter().map(|hdu| hdu.content.to_string()).collect()
}

fn packed(spec: ImageSpec, options: &PackOptions) -> Vec<u8> {
    let mut out = Cursor::new(Vec::new());
    pack(&FitsFile::from_bytes(images(&[spec])).unwrap(), &mut out, options, &mut |_| {}).unwrap();
    out.into_inner()
}

fn image(content: &Content) -> &ImageDescription {
    match content {
        Content::Image(image) => image,
        other => panic!("expected an image, found {other}"),
    }
}

#[test]
fn images_of_every_type_and_scale() {
    let of = |bitpix: i64, cards: &[&str]| {
        let spec =
            cards.iter().fold(ImageSpec::noisy(bitpix, &[5, 4, 3], 1), |spec, card| spec.with_card(card));
        words(images(&[spec])).remove(0)
    };
    assert_eq!(of(8, &[]), "image of uint8, 5 x 4 x 3");
    assert_eq!(of(8, &["BZERO   = -128"]), "image of int8, 5 x 4 x 3");
    assert_eq!(of(16, &["BZERO   = 32768.0"]), "image of uint16, 5 x 4 x 3");
    assert_eq!(of(32, &["BZERO   = 2147483648"]), "image of uint32, 5 x 4 x 3");
    assert_eq!(of(64, &["BZERO   = 9223372036854775808"]), "image of uint64, 5 x 4 x 3");
    assert_eq!(
        of(16, &["BZERO   = 32768.0", "BSCALE  = 0.5"]),
        "image of int16, 5 x 4 x 3, BSCALE 0.5, BZERO 32768"
    );
    assert_eq!(of(-32, &["BLANK   = 3"]), "image of float32, 5 x 4 x 3");
    assert_eq!(of(-64, &[]), "image of float64, 5 x 4 x 3");
    let described = describe(images(&[ImageSpec::noisy(16, &[5, 4], 1)
        .with_card("EXTNAME = 'SCI'")
        .with_card("EXTVER  = 2")
        .with_card("BLANK   = -7")]));
    assert_eq!((described[0].name.as_deref(), described[0].version), (Some("SCI"), Some(2)));
    assert_eq!((described[0].header_bytes, described[0].data_bytes), (2880, 40));
    let image = image(&described[0].content);
    assert_eq!((image.blank, image.pixels(), image.raw_bytes()), (Some(-7), 20, 40));
}

#[test]
fn what_is_not_an_image_is_described_too() {
    let found = words(mixed(&[ImageSpec::noisy(-32, &[5, 4], 1)]));
    assert_eq!(found, ["no data", "image of float32, 5 x 4", "binary table, 3 rows, 1 column", "no data"]);
    let described = describe(mixed(&[ImageSpec::noisy(-32, &[5, 4], 1)]));
    let Content::BinaryTable(table) = &described[2].content else { panic!("expected a table") };
    assert_eq!((table.rows, table.row_bytes, table.heap_bytes), (3, 4, 5));
    assert_eq!((table.columns[0].name.as_str(), table.columns[0].form.as_str()), ("a", "1J"));
    assert_eq!(described[2].data_bytes, 17);
}

#[test]
fn groups_foreign_extensions_and_compressed_tables() {
    let line = |keyword: &str, value: &str| format!("{keyword:<8}= {value:>20}");
    let mut bytes = header(&[
        line("SIMPLE", "T"),
        line("BITPIX", "-32"),
        line("NAXIS", "3"),
        line("NAXIS1", "0"),
        line("NAXIS2", "3"),
        line("NAXIS3", "2"),
        line("GROUPS", "T"),
        line("PCOUNT", "4"),
        line("GCOUNT", "5"),
    ]);
    bytes.resize(bytes.len() + 2880, 0);
    bytes.extend(header(&[
        "XTENSION= 'FOREIGN '".to_owned(),
        line("BITPIX", "8"),
        line("NAXIS", "1"),
        line("NAXIS1", "7"),
    ]));
    bytes.resize(bytes.len() + 2880, 0);
    bytes.extend(header(&[
        "XTENSION= 'BINTABLE'".to_owned(),
        line("BITPIX", "8"),
        line("NAXIS", "2"),
        line("NAXIS1", "32"),
        line("NAXIS2", "1"),
        line("PCOUNT", "0"),
        line("GCOUNT", "1"),
        line("TFIELDS", "2"),
        "TTYPE1  = 'flux'".to_owned(),
        "TFORM1  = '1QB(3)'".to_owned(),
        "TFORM2  = '1QB(3)'".to_owned(),
        line("ZTABLE", "T"),
        line("ZTILELEN", "50"),
        line("ZNAXIS1", "6"),
        line("ZNAXIS2", "40"),
        line("ZPCOUNT", "7"),
        "ZFORM1  = '1E'".to_owned(),
        "ZFORM2  = '1I'".to_owned(),
        "ZCTYP1  = 'GZIP_2'".to_owned(),
        "ZCTYP2  = 'RICE_1'".to_owned(),
    ]));
    bytes.resize(bytes.len() + 2880, 0);
    let Content::BinaryTable(table) = &describe(bytes.clone())[2].content else { panic!("expected a table") };
    assert_eq!((table.rows, table.row_bytes, table.heap_bytes, table.raw_bytes()), (40, 6, 7, 247));
    assert_eq!((table.columns[0].name.as_str(), table.columns[0].form.as_str()), ("flux", "1E"));
    assert_eq!(
        words(bytes),
        [
            "5 random groups of 4 parameters and 3 x 2 float32",
            "extension of type 'FOREIGN'",
            "binary table, 40 rows, 2 columns, GZIP_2, RICE_1 in 1 tile of 40 rows",
        ]
    );
}

#[test]
fn compressed_images_with_algorithm_tiles_and_loss() {
    let mut options = PackOptions::new(Method::Rice);
    let rice = packed(ImageSpec::noisy(16, &[50, 40], 1), &options);
    assert_eq!(words(rice), ["no data", "image of int16, 50 x 40, RICE_1 in 40 tiles of 50 x 1"]);
    options = PackOptions::new(Method::Hcompress { scale: -4.0, smooth: true });
    options.tile = TileSize::Whole;
    let lossy = packed(ImageSpec::noisy(16, &[50, 40], 1), &options);
    assert_eq!(
        words(lossy)[1],
        "image of int16, 50 x 40, HCOMPRESS_1 (scale -4, smoothed) in 1 tile of 50 x 40, lossy"
    );
    options = PackOptions::new(Method::Gzip2);
    options.quantise = Some(Quantise { level: 4.0, dither: Dither::Subtractive2, seed: Some(3) });
    let described = describe(packed(ImageSpec::noisy(-32, &[50, 40], 1), &options));
    assert_eq!(
        described[1].content.to_string(),
        "image of float32, 50 x 40, GZIP_2 in 40 tiles of 50 x 1, quantised (SUBTRACTIVE_DITHER_2)"
    );
    let compression = image(&described[1].content).compression.clone().unwrap();
    assert_eq!((compression.tile, compression.seed, compression.lossy), (vec![50, 1], Some(3), true));
    assert_eq!(image(&described[1].content).sample, SampleType::F32);
}
