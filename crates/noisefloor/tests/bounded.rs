//! `--bound` as a user meets it: containers, packed FITS files, and every kind of wrong input.
#![allow(clippy::unwrap_used)]

use nf_fits::{BoundCards, FitsFile, FitsWriter, npy};
use nf_image::testing::noise;
use nf_image::{Image16, Shape};
use std::fs;
use std::process::{Command, Output};

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// Runs the program in the folder.
    fn run(&self, line: &str) -> Output {
        let arguments: Vec<&str> = line.split(' ').collect();
        Command::new(env!("CARGO_BIN_EXE_noisefloor")).args(arguments).current_dir(&self.0).output().unwrap()
    }

    fn succeeds(&self, line: &str) -> String {
        let output = self.run(line);
        let text = [&output.stdout[..], &output.stderr[..]].concat();
        let text = String::from_utf8(text).unwrap();
        assert!(output.status.success(), "{line}: {text}");
        text
    }

    /// Exit code 1 or that of wrong usage, these words, and no file of that name.
    fn fails(&self, line: &str, words: &[&str], absent: &str) {
        let output = self.run(line);
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(matches!(output.status.code(), Some(1 | 2)), "{line}: {text}");
        assert!(words.iter().all(|word| text.contains(word)), "{line}: {text}");
        assert!(!self.0.path().join(absent).exists(), "{line} left a file");
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        fs::write(self.0.path().join(name), bytes).unwrap();
    }

    fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.0.path().join(name)).unwrap()
    }

    fn frame(&self, name: &str) -> Image16 {
        let image = noise(Shape::frame(120, 150), 1000.0, 12.0, 4);
        let mut writer = FitsWriter::new(Vec::new());
        writer.image(&image, None).unwrap();
        self.write(name, &writer.into_inner());
        image
    }

    /// `noise` of single precision with NaN and an infinity, little-endian.
    fn floats(&self, name: &str) -> Vec<f32> {
        let image = noise(Shape::frame(60, 80), 1000.0, 12.0, 5);
        let mut values: Vec<f32> = image.samples().iter().map(|&x| f32::from(x) * 0.37).collect();
        values[17] = f32::NAN;
        values[18] = f32::INFINITY;
        let bytes: Vec<u8> = values.iter().flat_map(|x| x.to_le_bytes()).collect();
        self.write(name, &[npy::header("<f4", &[60, 80], false), bytes].concat());
        values
    }
}

/// The header of a primary image.
fn header(bitpix: i32, axes: &[usize]) -> Vec<u8> {
    let mut cards = vec![format!("SIMPLE  = {:>20}", "T"), format!("BITPIX  = {bitpix:>20}")];
    cards.push(format!("NAXIS   = {:>20}", axes.len()));
    cards.extend(axes.iter().enumerate().map(|(n, axis)| format!("NAXIS{}  = {axis:>20}", n + 1)));
    cards.push("END".to_owned());
    let mut bytes: Vec<u8> = cards.iter().flat_map(|card| format!("{card:<80}").into_bytes()).collect();
    bytes.resize(bytes.len().next_multiple_of(2880), b' ');
    bytes
}

fn largest(a: &Image16, b: &Image16) -> u16 {
    a.samples().iter().zip(b.samples()).map(|(a, b)| a.abs_diff(*b)).max().unwrap()
}

#[test]
fn a_frame_comes_back_within_its_bound_and_says_so() {
    let folder = Folder::new();
    let frame = folder.frame("a.fits");
    for (bound, most) in [("3dn", 3), ("0.5sigma", 6)] {
        let noise = if bound == "3dn" { "" } else { " --noise offset=900,gain=1e9,read=12" };
        let said = folder.succeeds(&format!("compress -f --bound {bound}{noise} a.fits -o a.nfb"));
        assert!(said.contains("NOT lossless") && said.contains(bound), "{said}");
        let said = folder.succeeds("decompress -f a.nfb -o b.fits");
        assert!(said.contains("NOT the original"), "{said}");
        let file = FitsFile::from_bytes(folder.read("b.fits")).unwrap();
        let decoded = file.image(0).unwrap().read().unwrap();
        assert_eq!(largest(&frame, &decoded), most, "{bound}");
        let cards = BoundCards::of_header(file.hdus()[0].header()).unwrap();
        assert_eq!(cards.largest_error, f64::from(most));
        for verb in ["info a.nfb", "info b.fits", "fits verify b.fits"] {
            assert!(folder.succeeds(verb).contains("NOT lossless"), "{verb}");
        }
        let said = folder.succeeds("info --json a.nfb");
        let facts: serde_json::Value = serde_json::from_str(&said).unwrap();
        assert_eq!(facts["lossless"], false);
        assert_eq!(facts["arrays"][0]["largest_error"], f64::from(most));
        assert_eq!(facts["arrays"][0]["digest_of_original"], cards.original);
        assert!(folder.succeeds("fits compare b.fits a.fits").contains("within its bound"));
        folder.succeeds("decompress -f --region 5:9,7:20 a.nfb -o part.npy");
        let part = npy::read(&folder.read("part.npy"), &nf_fits::Limits::default()).unwrap();
        assert_eq!(part.samples(), decoded.crop(0..1, 5..9, 7..20).samples());
    }
}

#[test]
fn bounds_in_sigmas_are_dithered_unless_asked_otherwise() {
    let folder = Folder::new();
    folder.frame("a.fits");
    let mut bytes = Vec::new();
    for (how, dither) in [
        ("1sigma --noise offset=900,gain=1e9,read=12", "subtractive"),
        ("1sigma --noise offset=900,gain=1e9,read=12 --no-dither", "none"),
        ("1sigma --noise offset=900,gain=1e9,read=12 --no-dither --dither", "subtractive"),
        ("12dn", "none"),
        ("12dn --dither", "subtractive"),
        ("1sigma --noise offset=900,gain=1e9,read=12 --codec jpegls:near=bound", "none"),
    ] {
        folder.succeeds(&format!("compress -f --bound {how} a.fits -o a.nfb"));
        let facts: serde_json::Value = serde_json::from_str(&folder.succeeds("info --json a.nfb")).unwrap();
        assert_eq!(facts["arrays"][0]["dither"], dither, "{how}");
        folder.succeeds("decompress -f a.nfb -o b.fits");
        assert!(folder.succeeds("fits compare b.fits a.fits").contains("within its bound"), "{how}");
        bytes.push(folder.read("a.nfb"));
    }
    assert!(bytes[0] == bytes[2] && bytes[0] != bytes[1], "the same file gives the same container");
}

#[test]
fn floats_keep_nan_and_infinities() {
    let folder = Folder::new();
    let values = folder.floats("a.npy");
    folder.succeeds("compress --bound 1e-3rel a.npy -o a.nfb");
    folder.succeeds("decompress a.nfb -o b.npy");
    let bytes = folder.read("b.npy");
    let start = bytes.len() - values.len() * 4;
    assert_eq!(bytes[..start], folder.read("a.npy")[..start]);
    let bound = 1e-3
        * values
            .iter()
            .filter(|x| x.is_finite())
            .fold((f32::MAX, f32::MIN), |r, &x| (r.0.min(x), r.1.max(x)))
            .1;
    for (x, piece) in values.iter().zip(bytes[start..].chunks_exact(4)) {
        let y = f32::from_le_bytes(piece.try_into().unwrap());
        assert!(x.to_bits() == y.to_bits() || (x - y).abs() <= bound, "{x} {y}");
    }
}

#[test]
fn packed_files_say_what_was_lost() {
    let folder = Folder::new();
    let frame = folder.frame("a.fits");
    for to in ["rice", "floor", "gzip2"] {
        let said = folder.succeeds(&format!("fits pack -f --to {to} --bound 2dn a.fits"));
        assert!(said.contains("NOT lossless"), "{said}");
        assert!(folder.succeeds("fits compare a.fits.fz a.fits").contains("largest error 2"));
        assert!(folder.succeeds("fits verify a.fits.fz").contains("NOT lossless"));
        let said = folder.succeeds("fits unpack -f -o b.fits a.fits.fz");
        assert!(said.contains("NOT lossless"), "{said}");
        // Any reader of FITS gets the physical values.
        let file = FitsFile::from_bytes(folder.read("b.fits")).unwrap();
        let (image, scale) = (file.image(0).unwrap(), file.hdus()[0].header().physical_scale());
        let nf_fits::Pixels::I16(stored) =
            image.read_section(&nf_fits::Section::whole(image.axes())).unwrap()
        else {
            panic!("16 bits")
        };
        for (x, stored) in frame.samples().iter().zip(stored) {
            let y = scale.zero + scale.scale * f64::from(stored);
            assert!((f64::from(*x) - y).abs() <= 2.0);
        }
        assert!(folder.succeeds("fits compare a.fits.fz b.fits").contains("identical"));
    }
    // A pixel that is not within its bound is found.
    folder.succeeds("fits unpack -f -o b.fits a.fits.fz");
    let mut bytes = folder.read("b.fits");
    let at = bytes.len() - 2880;
    bytes[at] ^= 1;
    folder.write("c.fits", &bytes);
    folder.fails("fits compare c.fits a.fits", &["is not within its bounds"], "x");
}

#[test]
fn wrong_bounds_are_refused_in_words() {
    let folder = Folder::new();
    folder.frame("a.fits");
    folder.floats("f.npy");
    folder.write("none.npy", &[npy::header("<f4", &[3, 3], false), vec![0; 8]].concat());
    folder.write("flat.npy", &[npy::header("<u2", &[90, 90], false), vec![1; 16_200]].concat());
    for (line, words) in [
        ("compress --bound 0dn a.fits -o x", &["above zero"][..]),
        ("compress --bound -1sigma a.fits -o x", &["'-1sigma' is no bound"]),
        ("compress --bound 1parsec a.fits -o x", &["'1parsec' is no bound"]),
        ("compress --bound 0.5dn a.fits -o x", &["a.fits", "whole numbers"]),
        ("compress --bound 1e6dn a.fits -o x", &["differ by no more than"]),
        ("compress --bound 1e-6dn f.npy -o x", &["f.npy", "float32", "apart"]),
        ("compress --bound 1dn none.npy -o x", &["none.npy", "8 follow"]),
        ("compress --bound 1sigma flat.npy -o x", &["flat.npy", "sigma of zero", "--noise"]),
        ("compress --bound 1sigma --noise offset=0,gain=0,read=3 a.fits -o x", &["a gain of 0"]),
        ("compress --bound 1sigma --noise offset=0,gain=2,read=0 a.fits -o x", &["a read noise of 0"]),
        ("compress --bound 1sigma --noise offset=0,read=3 a.fits -o x", &["the gain is missing"]),
        ("compress --bound 2dn --noise measured a.fits -o x", &["sigmas only"]),
        ("compress --noise measured a.fits -o x", &["--bound"]),
        ("compress --bound 2dn --no-verify a.fits -o x", &["--no-verify"]),
        ("compress --bound 2dn absent.fits -o x", &["absent.fits"]),
        ("compress --bound 2dn --codec nothing a.fits -o x", &["no codec of that name"]),
        ("compress --bound 2dn a.fits -o nowhere/x", &["nowhere"]),
        ("compress --bound 2dn a.fits -o a.fits", &["a.fits"]),
        ("fits pack --bound 2dn --delete -o x a.fits", &["no original"]),
        ("fits pack --bound 2dn --quantise 4 -o x a.fits", &["--quantise"]),
        ("fits pack --bound 0.01sigma --noise offset=900,gain=2,read=12 -o x a.fits", &["below 1"]),
    ] {
        folder.fails(line, words, "x");
    }
    folder.succeeds("compress --bound 2dn a.fits -o a.nfb");
    folder.fails("compress --bound 2dn a.nfb -o x", &["a.nfb", "bounded noisefloor container already"], "x");
    folder.fails("compress a.nfb -o x", &["a.nfb"], "x");
    folder.fails("decompress a.nfb -o x.npz", &["x.npz", "ends in .fits or .npy"], "x.npz");
    folder.fails("decompress a.nfb -o x.npy --stack 3", &["a.nfb", "no stack 3"], "x.npy");
    folder.fails("decompress a.nfb -o x.npy --region 0:500,0:2", &["a.nfb"], "x.npy");
    folder.fails("compress --bound 2dn a.fits -o a.nfb", &["exists already"], "x");
    let mut damaged = folder.read("a.nfb");
    let at = damaged.len() / 2;
    damaged[at] ^= 16;
    folder.write("damaged.nfb", &damaged);
    folder.fails("decompress damaged.nfb -o x.fits", &["damaged.nfb", "checksum"], "x.fits");
    let output = folder.run("decompress --salvage damaged.nfb -o x.fits");
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.code() == Some(1) && words.contains("salvaged"), "{words}");
    assert_eq!(folder.read("x.fits").len(), folder.read("a.fits").len());
    fs::remove_file(folder.0.path().join("x.fits")).unwrap();
    folder.write("cut.nfb", &damaged[..at]);
    folder.fails("decompress cut.nfb -o x.fits", &["cut.nfb", "cut short"], "x.fits");
    folder.fails("info cut.nfb", &["cut.nfb", "cut short"], "x");
}

#[test]
fn codecs_with_a_loss_of_their_own_keep_the_bound() {
    let folder = Folder::new();
    let frame = folder.frame("a.fits");
    let floats = folder.floats("f.npy");
    let codecs = [
        "zfp",
        "jpegls:near=bound",
        "lerc:error=bound",
        "lerc:as=float,error=bound",
        "zfp:rate=3",
        "rice:dither=1,step=bound",
        "hcompress:scale=bound",
    ];
    for codec in codecs {
        if (codec.starts_with("zfp") && !cfg!(feature = "zfp"))
            || (codec.starts_with("jpegls") && !cfg!(feature = "jpegls"))
        {
            continue;
        }
        let said = folder.succeeds(&format!("compress -f --bound 3dn --codec {codec} a.fits -o a.nfb"));
        assert!(said.contains("NOT lossless") && said.contains(codec.split(':').next().unwrap()), "{said}");
        folder.succeeds("decompress -f a.nfb -o b.fits");
        let decoded = FitsFile::open(folder.0.path().join("b.fits")).unwrap();
        let decoded = decoded.image_hdus().next().unwrap().read().unwrap();
        assert!(largest(&frame, &decoded) <= 3, "{codec}");
        folder.succeeds("fits compare b.fits a.fits");
        folder.succeeds("test a.nfb");
        let said = folder.succeeds("info --json a.nfb");
        assert!(said.contains("\"array_codec\"") && said.contains("\"lossless\": false"), "{said}");
        if codec.starts_with("jpegls") || codec.starts_with("hcompress") {
            continue;
        }
        folder.succeeds(&format!("compress -f --bound 1e-3rel --codec {codec} f.npy -o f.nfb"));
        folder.succeeds("decompress -f f.nfb -o g.npy");
        let bytes = folder.read("g.npy");
        let at = bytes.len() - 4 * floats.len();
        for (place, (x, y)) in floats.iter().zip(bytes[at..].as_chunks::<4>().0).enumerate() {
            let y = f32::from_le_bytes(*y);
            assert!(x.to_bits() == y.to_bits() || (x - y).abs() < 0.2, "{codec} {place}: {x} {y}");
        }
    }
    for (line, words) in [
        ("compress --bound 2dn --codec lerc:error=bound,colour=1 a.fits -o x", &["colour"][..]),
        ("compress --bound 2dn --codec lerc:error=bound --dither a.fits -o x", &["--dither"]),
        ("compress --bound 1dn --codec hcompress:scale=bound f.npy -o x", &["f.npy", "no bound for float32"]),
        ("compress --codec lerc:error=2 a.fits -o x", &["has a loss", "--bound", "pcodec:lossless=true"]),
        ("compress --codec lerc:as=float,error=bound a.fits -o x", &["has a loss", "--bound"]),
        ("compress f.npy -o x", &["f.npy", "pcodec:lossless=true"]),
    ] {
        folder.fails(line, words, "x");
    }
}

#[test]
fn floats_without_loss_are_called_lossless_and_bounded_ones_never() {
    let folder = Folder::new();
    folder.floats("f.npy");
    let mut image = [header(-32, &[80, 60]), folder.read("f.npy")[128..].to_vec()].concat();
    image.resize(image.len().next_multiple_of(2880), 0);
    folder.write("f.fits", &image);
    let kinds = ["pcodec:lossless=true", "zstd:filter=floatpred", "zfp:reversible=true"];
    for codec in kinds.into_iter().filter(|codec| !codec.starts_with("zfp") || cfg!(feature = "zfp")) {
        for name in ["f.npy", "f.fits"] {
            let said = folder.succeeds(&format!("compress -f --codec {codec} --tile 25x33 {name}"));
            assert!(said.contains("lossless, verified") && !said.contains("NOT"), "{said}");
            let container = format!("{name}.nfl");
            let said = folder.succeeds(&format!("decompress -f {container} -o again-{name}"));
            assert!(!said.contains("NOT"), "{said}");
            assert!(folder.read(&format!("again-{name}")) == folder.read(name), "{codec} {name}");
            for verb in ["info", "test"] {
                let said = folder.succeeds(&format!("{verb} {container}"));
                assert!(said.contains("lossless") && !said.contains("NOT"), "{verb}: {said}");
                let said = folder.succeeds(&format!("{verb} --json {container}"));
                assert!(said.replace(' ', "").contains("\"lossless\":true"), "{verb}: {said}");
            }
            folder.succeeds(&format!("decompress -f --region 20:40,30:50 {container} -o part.npy"));
            assert_eq!(folder.read("part.npy").len(), 128 + 4 * 400);
        }
        // Within a bound it is never called so, whatever was lost.
        let said = folder.succeeds(&format!("compress -f --bound 1dn --codec {codec} f.npy -o f.nfb"));
        assert!(said.contains("NOT lossless"), "{said}");
        for verb in ["info", "test"] {
            assert!(folder.succeeds(&format!("{verb} f.nfb")).contains("NOT lossless"), "{verb}");
            let said = folder.succeeds(&format!("{verb} --json f.nfb")).replace(' ', "");
            assert!(said.contains("\"lossless\":false"), "{said}");
        }
    }
    folder.succeeds("compress --delete --codec zstd:filter=floatpred f.npy -o g.npy.nfl");
    assert!(!folder.0.path().join("f.npy").exists());
    folder.succeeds("decompress g.npy.nfl -o g.npy");
    folder.fails("decompress --delete -f g.npy.nfl -o h.npy", &["it is kept"], "h.npy");
}

#[test]
fn a_damaged_tile_of_an_array_codec_costs_itself() {
    let folder = Folder::new();
    folder.floats("f.npy");
    folder.succeeds("compress --bound 1dn --codec lerc:error=bound --tile 20x80 f.npy -o f.nfb");
    let mut bytes = folder.read("f.nfb");
    // In the middle of the streams, which lie between the header and the empty container of
    // indices.
    let at = bytes.len() * 2 / 3;
    bytes[at] ^= 1;
    folder.write("d.nfb", &bytes);
    folder.fails("test d.nfb", &["tile of array 0", "checksum"], "x");
    let output = folder.run("decompress --salvage d.nfb -o d.npy");
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(text.contains("1 tiles") && text.contains("rows"), "{text}");
    folder.succeeds("decompress f.nfb -o g.npy");
    let (whole, found) = (folder.read("g.npy"), folder.read("d.npy"));
    let differ = whole[128..].chunks(4).zip(found[128..].chunks(4)).filter(|(a, b)| a != b).count();
    assert!((1..=20 * 80).contains(&differ), "{differ}");
}

#[test]
fn an_original_is_deleted_after_the_proof_and_in_words() {
    let folder = Folder::new();
    let frame = folder.frame("a.fits");
    let said = folder.succeeds("compress --bound 2dn --delete a.fits");
    assert!(said.contains("the original is deleted") && said.contains("within 2dn"), "{said}");
    assert!(!folder.0.path().join("a.fits").exists());
    folder.succeeds("decompress a.fits.nfb -o b.fits");
    let decoded = FitsFile::open(folder.0.path().join("b.fits")).unwrap();
    assert!(largest(&frame, &decoded.image_hdus().next().unwrap().read().unwrap()) <= 2);
    // What cannot be bounded stays.
    folder.floats("f.npy");
    folder.fails("compress --bound 1e-7dn --delete f.npy", &["f.npy"], "f.npy.nfb");
    assert!(folder.0.path().join("f.npy").exists());
}

#[test]
fn the_header_states_gain_and_read_noise() {
    let folder = Folder::new();
    folder.frame("a.fits");
    let line = "compress -f --bound 0.5sigma --noise header a.fits -o a.nfb";
    folder.fails(line, &["a.fits", "the header states no gain", "EGAIN"], "a.nfb");
    let mut bytes = folder.read("a.fits");
    let end = bytes.chunks(80).position(|card| card.starts_with(b"END ")).unwrap() * 80;
    for (n, card) in
        ["GAIN    =                  1.5", "RDNOISE =                 15.0", "END"].iter().enumerate()
    {
        bytes[end + 80 * n..][..80].copy_from_slice(format!("{card:80}").as_bytes());
    }
    folder.write("a.fits", &bytes);
    let said = folder.succeeds(line);
    assert!(
        said.contains("gain and read noise of the header") && said.contains("read noise 10 DN"),
        "{said}"
    );
    let said = folder.succeeds("info --json a.nfb");
    assert!(said.contains("\"version\": 2") && said.contains("of the header"), "{said}");
    folder.succeeds("decompress a.nfb -o b.fits");
    folder.succeeds("fits compare b.fits a.fits");
    folder.floats("f.npy");
    folder.fails("compress --bound 0.5sigma --noise header f.npy -o x", &["states no gain"], "x");
}
