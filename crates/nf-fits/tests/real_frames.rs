//! Every image of the real frames, read and compared with digests of what an independent reader
//! (astropy) finds.
//!
//! `real_frames.txt` was made by dumping every integer image HDU of two or more axes with astropy
//! 7, signed pixels shifted by +32768, and digesting the little-endian samples (BLAKE3).

use nf_fits::{FitsFile, write_image};
use nf_image::Digest;
use nf_image::testing::{Outside, real_frames};

#[test]
fn all_real_frames_read_as_an_independent_reader_reads_them() {
    let Some(folder) = real_frames() else { return };
    let mut seen = 0;
    for line in include_str!("real_frames.txt").lines() {
        let mut words = line.split_whitespace();
        let mut word = || words.next().expect("file, image number, shape, digest");
        let (name, number, shape, digest) = (word(), word(), word(), word());
        let path = folder.join(name);
        if !path.is_file() {
            Outside::Frames.skip(&format!("{name} is not there"));
            continue;
        }
        let file = FitsFile::open(&path).unwrap();
        let hdu = file.image_hdus().nth(number.parse().unwrap()).unwrap();
        let image = hdu.read().unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(image.shape().to_string(), shape, "{name}");
        assert_eq!(Digest::of_samples(image.samples()), digest.parse::<Digest>().unwrap(), "{name}");
        assert!(image.detector().is_some(), "{name} names its instrument");
        seen += 1;
    }
    assert!(seen > 0, "the manifest is there, but none of the files");
}

#[test]
fn plain_single_image_files_are_written_back_byte_for_byte() {
    let Some(folder) = real_frames() else { return };
    for name in [
        "hst_stis_oc7w11viq_raw.fits",
        "hst_stis_octka7jeq_raw.fits",
        "jwst_fgs_guider2_acq1_int0to3_uncal.fits",
    ] {
        let Ok(bytes) = std::fs::read(folder.join(name)) else {
            Outside::Frames.skip(&format!("{name} is not there"));
            continue;
        };
        let file = FitsFile::from_bytes(bytes.clone()).unwrap();
        let hdu = file.image(0).unwrap();
        let written = write_image(&hdu.read().unwrap(), Some(hdu.header().bytes())).unwrap();
        assert!(written == bytes, "{name}");
    }
}
