//! Profiles for the tiles of FITS files.

use super::*;

#[test]
fn packed_files_are_smaller_and_come_back() {
    let folder = night();
    let at = folder.path();
    let size = |name: &str| fs::metadata(at.join(name)).unwrap().len();
    succeeds(at, "fits pack --to floor f5.fits -o without.fz");
    succeeds(at, "fits pack --to floor --profile camera.nfp f5.fits -o with.fz");
    assert!(size("with.fz") < size("without.fz"));
    for line in ["fits unpack with.fz -o back.fits", "decompress -f one.nfl -o back2.fits"] {
        if line.starts_with("decompress") {
            succeeds(at, "compress with.fz -o one.nfl");
        }
        succeeds(at, line);
    }
    let original = fs::read(at.join("f5.fits")).unwrap();
    assert!(fs::read(at.join("back.fits")).unwrap() == original);
    assert!(fs::read(at.join("back2.fits")).unwrap() == original);
    succeeds(at, "fits compare with.fz f5.fits");
    succeeds(at, "fits cutout with.fz[3:50,7:40] cut.fits");
    succeeds(at, "fits pack --to floor -9 --profile . f5.fits -o max.fz");
    succeeds(at, "fits unpack max.fz -o back3.fits");
    assert!(fs::read(at.join("back3.fits")).unwrap() == original);
    // The name of the profile stands in the header.
    let header = String::from_utf8_lossy(&fs::read(at.join("with.fz")).unwrap()).into_owned();
    assert!(header.contains("floor:profile=camera."));
}

#[test]
fn a_lost_profile_of_a_packed_file_is_asked_for() {
    let folder = night();
    let at = folder.path();
    succeeds(at, "fits pack --to floor --profile camera.nfp f5.fits -o with.fz");
    let away = tempfile::tempdir().unwrap();
    let to = away.path();
    fs::copy(at.join("with.fz"), to.join("with.fz")).unwrap();
    for line in ["fits unpack with.fz -o x.fits", "fits verify with.fz", "test with.fz", "compress with.fz"] {
        fails(to, line, &["with.fz", "camera.", "--profile", "NOISEFLOOR_PROFILES"]);
    }
    assert_eq!(fs::read_dir(to).unwrap().count(), 1);
    let profile = at.join("camera.nfp").display().to_string();
    for verb in ["fits verify", "test", "info"] {
        succeeds(to, &format!("{verb} --profile {profile} with.fz"));
    }
    succeeds(to, &format!("fits unpack --profile {} with.fz -o x.fits", at.display()));
    assert!(fs::read(to.join("x.fits")).unwrap() == fs::read(at.join("f5.fits")).unwrap());
}

#[test]
fn windows_are_packed_where_their_header_says() {
    let folder = night();
    let at = folder.path();
    let window = frame(5).crop(0..1, 10..55, 20..75);
    write(at, "window.fits", &window);
    let mut bytes = fs::read(at.join("window.fits")).unwrap();
    let end = bytes.chunks(80).position(|card| card.starts_with(b"END ")).unwrap() * 80;
    let cards = format!(
        "{:<80}{:<80}{:<80}",
        "LTV1    =                -20.0", "LTV2    =                -10.0", "END"
    );
    bytes[end..end + 240].copy_from_slice(cards.as_bytes());
    fs::write(at.join("placed.fits"), bytes).unwrap();
    let size = |name: &str| fs::metadata(at.join(name)).unwrap().len();
    for name in ["window", "placed"] {
        // Two tiles each way.
        succeeds(at, &format!("fits pack --to floor -t 30,30 --profile camera.nfp {name}.fits -o {name}.fz"));
        succeeds(at, &format!("compress --profile camera.nfp {name}.fits -o {name}.nfl"));
        succeeds(at, &format!("fits unpack {name}.fz -o {name}.back"));
        let back = fs::read(at.join(format!("{name}.back"))).unwrap();
        assert!(back == fs::read(at.join(format!("{name}.fits"))).unwrap());
    }
    assert!(size("placed.nfl") * 4 < size("window.nfl") * 3);
    assert!(size("placed.fz") <= size("window.fz"));
}

#[test]
fn algorithms_that_know_no_profiles_refuse_them() {
    let folder = night();
    let at = folder.path();
    fails(at, "fits pack --profile camera.nfp f5.fits", &["--profile", "--to floor"]);
    let line = "fits pack --to floor --codec rice --profile camera.nfp f5.fits";
    fails(at, line, &["floor", "rice"]);
    write(at, "large.fits", &noise(Shape::frame(90, 90), 500.0, 9.0, 1));
    fails(at, "fits pack --to floor --profile camera.nfp large.fits", &["large.fits", "90 x 90", "camera."]);
    assert!(!at.join("large.fits.fz").exists());
}
