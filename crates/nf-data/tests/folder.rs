//! Folders of image files, made here and real.
#![allow(clippy::unwrap_used, reason = "tests")]

use nf_data::{Dataset, FitsOptions, OpenOptions, open};
use nf_fits::{FitsWriter, npy};
use nf_image::testing::real_frames;
use nf_image::{Image16, PlaneAxis, Shape};
use std::path::Path;

fn ramp(shape: Shape, start: usize) -> Image16 {
    Image16::from_fn(shape, |p, r, c| (start + 7919 * p + 131 * r + c) as u16)
}

/// A folder of two FITS files (one with two HDUs, one a cube) and one NumPy file, and a manifest.
fn made() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(dir.path().join("datasets")).unwrap();
    std::fs::create_dir_all(dir.path().join("frames/night")).unwrap();
    let write = |name: &str, images: &[Image16]| {
        let mut writer = FitsWriter::new(Vec::new());
        images.iter().for_each(|image| writer.image(image, None).unwrap());
        std::fs::write(dir.path().join("frames").join(name), writer.into_inner()).unwrap();
    };
    write("a.fits", &[ramp(Shape::frame(9, 12), 1), ramp(Shape::frame(4, 5), 2)]);
    write("night/b.fits", &[ramp(Shape::new(5, 6, 7), 3)]);
    std::fs::write(dir.path().join("frames/c.npy"), npy::write(&ramp(Shape::frame(3, 20), 4))).unwrap();
    std::fs::write(dir.path().join("datasets/made.toml"), MANIFEST).unwrap();
    dir
}

const MANIFEST: &str = r#"
name = "made"
title = "made for a test"
instrument = "none"
licence = "CC0-1.0"
origin = "this test"
default_view = "crop"
[source]
folder = "frames"
[views.crop]
hdus = "first"
planes = "middle"
centre_px = 4
[views.whole]
hdus = "all"
axis = "time"
[views.planes]
hdus = "all"
planes = "each"
[splits]
train = ["night/b.fits"]
test = ["c.npy", "a.fits"]
"#;

/// The folder is stated, because the tests may run with NOISEFLOOR_DATA set.
fn options(dir: &Path) -> OpenOptions {
    OpenOptions { data: Some(dir.join("frames")), ..OpenOptions::default() }
}

fn opened(dir: &Path, rest: &str) -> Box<dyn Dataset> {
    open(format!("{}/datasets/made.toml{rest}", dir.display()), &options(dir)).unwrap()
}

fn names(set: &dyn Dataset) -> Vec<String> {
    (0..set.len()).map(|i| set.name(i)).collect()
}

#[test]
fn views_take_what_they_say() {
    let dir = made();
    let crops = opened(dir.path(), "@test");
    assert_eq!(names(&*crops), ["c", "a"]);
    assert_eq!(crops.image(0).unwrap(), ramp(Shape::frame(3, 20), 4).crop(0..1, 0..3, 8..12));
    assert_eq!(crops.image(1).unwrap(), ramp(Shape::frame(9, 12), 1).crop(0..1, 2..6, 4..8));
    let whole = opened(dir.path(), "/whole@test");
    assert_eq!(names(&*whole), ["c", "a.0", "a.1"]);
    assert_eq!(whole.image(2).unwrap().samples(), ramp(Shape::frame(4, 5), 2).samples());
    let middle = opened(dir.path(), "@train").image(0).unwrap();
    assert_eq!(middle, ramp(Shape::new(5, 6, 7), 3).crop(2..3, 1..5, 1..5));
    let stack = opened(dir.path(), "/whole@train").image(0).unwrap();
    assert_eq!((stack.shape(), stack.axis()), (Shape::new(5, 6, 7), PlaneAxis::Time));
    let planes = opened(dir.path(), "/planes@train");
    assert_eq!(planes.name(4), "night/b.p004");
    assert_eq!(planes.image(4).unwrap(), ramp(Shape::new(5, 6, 7), 3).crop(4..5, 0..6, 0..7));
}

#[test]
fn a_bare_folder_and_a_bare_file_are_datasets() {
    let dir = made();
    let folder = dir.path().join("frames");
    let set = open(folder.to_str().unwrap(), &OpenOptions::default()).unwrap();
    assert_eq!(names(&*set), ["a.0", "a.1", "c"]);
    let file = open(folder.join("night/b.fits").to_str().unwrap(), &OpenOptions::default()).unwrap();
    assert_eq!(file.image(0).unwrap().shape(), Shape::new(5, 6, 7));
    let moved = OpenOptions { data: Some(folder.join("night")), ..OpenOptions::default() };
    let reference = dir.path().join("datasets/made.toml@test");
    let error = open(reference.to_str().unwrap(), &moved).err().unwrap().to_string();
    assert!(error.contains("holds none of the dataset's 2 files (c.npy, ...)"), "{error}");
    // Where some are there, the others are images that fail.
    std::fs::remove_file(folder.join("a.fits")).unwrap();
    let set = opened(dir.path(), "@test");
    assert!(set.image(0).is_ok());
    let error = set.image(1).unwrap_err().to_string();
    assert!(error.contains("a.fits: ") && error.contains("No such file"), "{error}");
}

/// One image, as the bytes of a FITS file.
fn fits(start: usize) -> Vec<u8> {
    nf_fits::write_image(&ramp(Shape::frame(6, 8), start), None).unwrap()
}

#[test]
fn facts_know_the_bytes_of_a_pixel_in_its_file() {
    let dir = tempfile::tempdir().unwrap();
    let byte_image = |first: &str| {
        let mut lines = vec![first, "BITPIX  = 8", "NAXIS   = 1", "NAXIS1  = 4"];
        if first.starts_with('X') {
            lines.extend(["PCOUNT  = 0", "GCOUNT  = 1"]);
        }
        lines.push("END");
        let mut bytes: Vec<u8> = lines.iter().flat_map(|line| format!("{line:<80}").into_bytes()).collect();
        bytes.resize(2880, b' ');
        bytes.extend([1, 2, 3, 4]);
        bytes.resize(5760, 0);
        bytes
    };
    let mixed = [fits(1), byte_image("XTENSION= 'IMAGE'")].concat();
    let npy = b"\x93NUMPY\x01\x00\x3b\x00{'descr': '|i1', 'fortran_order': False, 'shape': (4,), } \n\x01\x02\x03\x04";
    for (name, bytes) in [
        ("bytes.fits", byte_image("SIMPLE  = T")),
        ("mixed.fits", mixed),
        ("numbers.npy", npy.to_vec()),
        ("words.fits", fits(3)),
    ] {
        std::fs::write(dir.path().join(name), bytes).unwrap();
    }
    let set = open(dir.path(), &OpenOptions::default()).unwrap();
    let facts = (0..set.len()).map(|i| (set.name(i), set.facts(i).unwrap().pixel_bytes.unwrap()));
    let facts: Vec<_> = facts.collect();
    let bytes: Vec<_> = facts.iter().map(|(_, bytes)| *bytes).collect();
    // The second file has two images.
    assert_eq!(bytes, [1, 2, 1, 1, 2], "{facts:?}");
}

#[test]
fn one_unreadable_file_does_not_cost_the_folder() {
    let dir = tempfile::tempdir().unwrap();
    let whole = fits(1);
    let mut writer = FitsWriter::new(Vec::new());
    writer.image(&Image16::zeros(Shape::frame(0, 0)), None).unwrap();
    for (name, bytes) in [
        ("a.fits", &whole[..]),
        ("b.fits", &whole[..whole.len() / 2]),
        ("c.fits", &fits(3)),
        ("empty.fits", b""),
        ("no-image.fits", &writer.into_inner()),
        ("rows.parquet", b"PAR1\0\0\0\0PAR1"),
        ("text.fits", b"Dear observer,"),
    ] {
        std::fs::write(dir.path().join(name), bytes).unwrap();
    }
    let set = open(dir.path(), &OpenOptions::default()).unwrap();
    assert_eq!(names(&*set), ["a", "b", "c", "empty", "no-image", "rows", "text"]);
    for (index, name) in names(&*set).iter().enumerate() {
        match set.image(index) {
            Ok(image) => {
                assert!(["a", "c"].contains(&name.as_str()), "{name}");
                assert_eq!(image.samples(), ramp(Shape::frame(6, 8), index + 1).samples());
            }
            Err(error) => {
                let (text, path) = (error.to_string(), dir.path().join(name).display().to_string());
                assert_eq!(text.matches(&path).count(), 1, "the file is named once: {text}");
                assert!(set.facts(index).is_err() || name == "no-image", "{name}");
            }
        }
    }
    // A single file that cannot be read is no dataset.
    assert!(open(dir.path().join("b.fits"), &OpenOptions::default()).is_err());
}

#[test]
fn endings_in_capitals_and_names_that_share_a_stem() {
    let dir = tempfile::tempdir().unwrap();
    for (start, name) in (0..).zip(["B.FITS", "C.FIT", "a.fits", "d.fit.fz", "e.fts", "e.fits", "f.Fits.GZ"])
    {
        std::fs::write(dir.path().join(name), fits(start)).unwrap();
    }
    std::fs::write(dir.path().join("g.fits.xz"), b"\xfd7zXZ\0").unwrap();
    std::fs::write(dir.path().join("._a.fits"), b"resource fork").unwrap();
    std::fs::create_dir(dir.path().join("h.fits")).unwrap();
    let set = open(dir.path(), &OpenOptions::default()).unwrap();
    assert_eq!(names(&*set), ["B", "C", "a", "d", "e.fits", "e.fts", "f"]);
    assert!((0..set.len()).all(|index| set.image(index).is_ok()));
}

#[cfg(target_os = "linux")]
#[test]
fn names_that_are_no_text_are_names() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let dir = tempfile::tempdir().unwrap();
    let night = dir.path().join(OsStr::from_bytes(b"n\xfcit"));
    std::fs::create_dir(&night).unwrap();
    for (start, name) in (0..).zip([&b"fr\xe8d.fits"[..], b"fr\xe9d.fits"]) {
        std::fs::write(night.join(OsStr::from_bytes(name)), fits(start)).unwrap();
    }
    let set = open(&night, &OpenOptions::default()).unwrap();
    assert_eq!(names(&*set), ["fr\\xE8d", "fr\\xE9d"]);
    assert_eq!(set.image(1).unwrap().samples()[0], 1);
    let one = open(night.join(OsStr::from_bytes(b"fr\xe8d.fits")), &OpenOptions::default()).unwrap();
    assert_eq!((one.name(0).as_str(), one.image(0).unwrap().samples()[0]), ("fr\\xE8d", 0));
    let folder = night.join("datasets");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("made.toml"), MANIFEST).unwrap();
    let made = made();
    let view = open(folder.join("made.toml/whole@test"), &options(made.path())).unwrap();
    assert_eq!(names(&*view), ["c", "a.0", "a.1"]);
}

#[test]
fn tiles_coded_by_the_codec_that_is_handed_in() {
    use nf_fits::pack::{Method, PackOptions, TileSize, pack};
    use std::sync::Arc;

    /// Stores samples as they are.
    struct Plain;
    impl nf_fits::tiled::TileCodec for Plain {
        fn encode(&self, _: &str, tile: &Image16) -> Result<Vec<u8>, String> {
            Ok(tile.samples().iter().flat_map(|sample| sample.to_le_bytes()).collect())
        }
        fn decode(&self, _: &str, bytes: &[u8], shape: Shape) -> Result<Image16, String> {
            let samples = bytes.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]]));
            Image16::new(shape, samples.collect()).map_err(|error| error.to_string())
        }
    }
    let dir = tempfile::tempdir().unwrap();
    let file = nf_fits::FitsFile::from_bytes(fits(5)).unwrap().with_codec(Arc::new(Plain));
    let mut packed = std::io::Cursor::new(Vec::new());
    let method = Method::Floor { spec: "plain".into() };
    let options = PackOptions { method, tile: TileSize::Whole, ..PackOptions::new(Method::Rice) };
    pack(&file, &mut packed, &options, &mut |_| ()).unwrap();
    std::fs::write(dir.path().join("a.fits.fz"), packed.into_inner()).unwrap();
    let without = open(dir.path(), &OpenOptions::default()).unwrap();
    let error = without.image(0).unwrap_err().to_string();
    assert!(error.contains("a.fits.fz") && error.contains("codec"), "{error}");
    let fits = FitsOptions { tile_codec: Some(Arc::new(Plain)), ..FitsOptions::default() };
    let with = open(dir.path(), &OpenOptions { fits, ..OpenOptions::default() }).unwrap();
    assert_eq!(with.image(0).unwrap().samples(), ramp(Shape::frame(6, 8), 5).samples());
}

#[test]
fn the_intact_hdus_of_a_damaged_file_are_read_where_that_is_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = nf_fits::FitsWriter::new(Vec::new());
    let first = ramp(Shape::frame(60, 80), 5);
    writer.image(&first, None).unwrap();
    writer.image(&ramp(Shape::frame(60, 80), 9), None).unwrap();
    let mut bytes = writer.into_inner();
    bytes.truncate(bytes.len() - 4000);
    std::fs::write(dir.path().join("cut.fits"), bytes).unwrap();
    let images = |readable_parts: bool| {
        let fits = FitsOptions { readable_parts, ..FitsOptions::default() };
        let set = open(dir.path(), &OpenOptions { fits, ..OpenOptions::default() }).unwrap();
        (0..set.len()).map(|index| set.image(index)).collect::<Vec<_>>()
    };
    let parts = images(true);
    assert_eq!(parts.len(), 1);
    assert_eq!(parts[0].as_ref().unwrap().samples(), first.samples());
    for image in images(false) {
        let error = image.unwrap_err().to_string();
        assert!(error.contains("cut.fits") && error.contains("HDU 1: the data is cut short"), "{error}");
    }
}

#[test]
fn damaged_and_changed_files_are_named() {
    let dir = made();
    std::fs::write(dir.path().join("frames/a.fits"), b"SIMPLE  =").unwrap();
    let set = opened(dir.path(), "@test");
    assert_eq!(names(&*set), ["c", "a"]);
    assert!(set.image(0).is_ok());
    let error = set.image(1).unwrap_err().to_string();
    assert!(error.contains("a.fits") && !error.contains('\n'), "{error}");
    let manifest = MANIFEST
        .replace("[splits]\ntrain = [\"night/b.fits\"]\ntest = [\"c.npy\", \"a.fits\"]", "")
        + &format!("[[file]]\nname = \"c.npy\"\nsha256 = \"{}\"\n", "0".repeat(64));
    std::fs::write(dir.path().join("datasets/made.toml"), manifest).unwrap();
    let error = opened(dir.path(), "").image(0).unwrap_err().to_string();
    assert!(error.contains("c.npy: digest is") && error.contains("expected 0000"), "{error}");
}

#[test]
fn blind_regions_come_from_the_manifest_and_must_lie_inside() {
    let dir = made();
    let with_columns = |columns: &str| {
        let c = format!("[[blind]]\nimages = 'c'\nkind = 'overscan'\ncolumns = {columns}\n");
        let other = "[[blind]]\nimages = 'night/'\nkind = 'prescan'\n";
        std::fs::write(dir.path().join("datasets/made.toml"), format!("{MANIFEST}{c}{other}")).unwrap();
        opened(dir.path(), "/whole@test").image(0)
    };
    let image = with_columns("[12, 20]").unwrap();
    let regions = &image.detector().unwrap().regions;
    assert_eq!((regions.len(), regions[0].rows.clone(), regions[0].columns.clone()), (1, 0..3, 12..20));
    let error = with_columns("[12, 21]").unwrap_err().to_string();
    assert!(error.contains("c.npy") && error.contains("21"), "{error}");
}

#[test]
fn real_frames_are_those_of_the_manifest() {
    let Some(folder) = real_frames() else { return };
    let options = OpenOptions { data: Some(folder), ..OpenOptions::default() };
    let crops = open("real-open", &options).unwrap();
    assert_eq!(crops.len(), 41);
    let (mut pixels, mut sum) = (0, 0u64);
    for i in 0..crops.len() {
        let image = crops.image(i).unwrap();
        pixels += image.shape().pixels();
        let weighted =
            (1u64..).zip(image.samples()).fold(0u64, |sum, (i, &x)| sum.wrapping_add(i * u64::from(x)));
        sum = sum.wrapping_mul(31).wrapping_add(weighted);
    }
    // The same sums over the crops that astropy and numpy cut by the rule of the view.
    assert_eq!((pixels, sum), (25_836_199, 11_307_539_732_299_437_117));
    let (train, test) =
        (open("real-open@train", &options).unwrap(), open("real-open@test", &options).unwrap());
    assert_eq!(train.len() + test.len(), 41);
    // Exposure times as the manifest beside the frames has them; nine headers hold none.
    let exposure_s = |i: usize| crops.facts(i).unwrap().exposure_s;
    assert_eq!((crops.name(0).as_str(), exposure_s(0)), ("eso_efosc2_arc_gr3", Some(1.6049)));
    assert_eq!((0..crops.len()).filter(|&i| exposure_s(i).is_none()).count(), 9);
    assert_eq!((0..crops.len()).filter(|&i| exposure_s(i) == Some(0.0)).count(), 4);
    let planes: usize = {
        let series = open("real-open/whole@series", &options).unwrap();
        (0..series.len()).map(|i| series.image(i).unwrap().shape().planes).sum()
    };
    assert_eq!(planes, open("real-open/planes@series", &options).unwrap().len());
}

#[test]
fn manifests_know_the_blind_parts_of_real_detectors() {
    let Some(folder) = real_frames() else { return };
    let options = OpenOptions { data: Some(folder), ..OpenOptions::default() };
    let frames = open("real-instruments/whole@lrisb", &options).unwrap();
    let image = frames.image(0).unwrap();
    let blind = nf_data::inspect::Statistics::of(&image).unwrap().blind;
    assert_eq!(blind.len(), 2, "{blind:?}");
    // Read noise of two to three samples: 2.05 + log2(sigma) bits.
    assert!(blind.iter().all(|region| (2.5..4.0).contains(&region.entropy_bits)), "{blind:?}");
    assert!(
        open("real-instruments/centre-256@lrisb", &options).unwrap().image(0).unwrap().detector().is_none()
    );
}
