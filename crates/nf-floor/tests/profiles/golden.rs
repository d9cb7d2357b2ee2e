//! Golden streams of frames with profiles.

use super::*;
use nf_profile::{Amplifier, Area, Dark, DefectKind, Defects, Parts};
use std::path::PathBuf;

/// Golden streams, each with the name of its profile, its extent, and the digest of its pixels.
#[rustfmt::skip]
const GOLDEN: &[(&str, &str, Shape, &str)] = &[
    ("fast", "pattern", Shape::new(1, 70, 90), "3af30d25887e853dbb065494518db5eae61e15441cb1c686cb00baca2a4f8455"),
    ("default-window", "pattern", Shape::new(1, 51, 57), "02e135153410db3edc4729aa8c8e54870a8551222492add3257ae20cb54ce441"),
    ("high", "pattern", Shape::new(1, 64, 78), "a1e89b9050bb144e3d97d0046638a3adfe4f7ab139518fc3d356899897969dc5"),
    ("high-start", "coarse", Shape::new(1, 70, 90), "36ea333354638a3c8153c34218d777b82d9dea23e375bd3f8cc4953f27c777b5"),
    ("high-ramp", "ramp", Shape::new(3, 70, 90), "ec66476ccbd8663f8e2563b4d4f21ae3d3eb9a67b697d5938469544f4bd6bf70"),
    ("max", "pattern", Shape::new(1, 70, 90), "8eb12614e65331f587bf7eb23811d3a52671228b43da69d1f6f588ff25775af8"),
    ("max-flat", "flats", Shape::new(1, 40, 50), "9d8d45f86885ad34fae59783407864aa619ba58fcc92014fdacdd636e23bb1b3"),
    ("default-ramp", "ramp", Shape::new(3, 70, 90), "6eacbb68eb73bdec76aeaff0c2b6fc79ff3896ebb995adc005d1bc6d79017ef6"),
    ("max-ramp", "ramp", Shape::new(3, 70, 90), "63e45e147f36e49712e5b07e8c8060c3cfb1242153787f5ec4d2272b3ff81ce6"),
];

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden/profiles").join(name)
}

#[test]
fn golden_streams_decode() {
    let mut modes: Vec<u8> = vec![];
    for (name, profile, shape, digest) in GOLDEN {
        let profile = std::fs::read(path(&format!("{profile}.nfp"))).unwrap();
        let profile = Arc::new(read_profile(profile, &Limits::default()).unwrap());
        let bytes = std::fs::read(path(&format!("{name}.bin"))).unwrap();
        let again = decode_again(&read_again(&profile), &bytes, *shape).unwrap();
        let image = FloorWithProfile::new(Level::Fast, profile).decode(&bytes, *shape, &Limits::default());
        let image = image.unwrap();
        assert_eq!(image.digest().to_string(), *digest, "{name}");
        assert!(again == image.samples(), "{name}: the second decoder");
        modes.push(bytes[first_tile(&bytes, *shape)]);
    }
    modes.sort_unstable();
    modes.dedup();
    assert_eq!(modes, [9, 10, 14], "every mode has a golden stream");
}

/// What the golden profile of version 2 knows beside a map.
fn facts() -> (Vec<Amplifier>, Vec<Defects>) {
    let area = Area { row: 3, column: 5, height: 20, width: 30 };
    let amplifier = Amplifier {
        image: "A".into(),
        number: 1,
        area: area.clone(),
        gain_electrons_per_dn: Some(1.5),
        dark: Some(Dark { offset_dn: 1000.25, read_noise_dn: 3.5 }),
    };
    let list = |kind, pixels: &[u32]| Defects {
        kind,
        image: "A".into(),
        area: area.clone(),
        pixels: pixels.to_vec(),
    };
    (vec![amplifier], vec![list(DefectKind::Hot, &[0, 7, 599]), list(DefectKind::Dead, &[40])])
}

#[test]
fn the_golden_profile_of_version_2_is_read() {
    let bytes = std::fs::read(path("facts.nfp")).unwrap();
    assert!(bytes.starts_with(b"NFPROF2\n"));
    let profile = read_profile(bytes, &Limits::default()).unwrap();
    let (amplifiers, defects) = facts();
    assert_eq!((profile.amplifiers(), profile.defects()), (&amplifiers[..], &defects[..]));
    assert_eq!(profile.maps().len(), 1);
    assert_eq!(profile.defects()[0].places().last(), Some([22, 34]));
    // What no stream needs changes none.
    let image = exposure(97, 1);
    let again = read_again(&profile);
    let codec = FloorWithProfile::new(Level::Default, Arc::new(profile));
    let stream = codec.encode(&image).unwrap();
    assert!(decode_again(&again, &stream, image.shape()).unwrap() == image.samples());
}

/// Name of a stream, name of its profile, the profile, the image, the bytes.
type Made = (&'static str, &'static str, Arc<Profile>, Image16, Vec<u8>);

/// The profile of a golden file, or this one if there is none yet: builds may change.
fn kept(of: &str, built: &Arc<Profile>) -> Arc<Profile> {
    match std::fs::read(path(&format!("{of}.nfp"))) {
        Ok(bytes) => Arc::new(read_profile(bytes, &Limits::default()).unwrap()),
        Err(_) => Arc::clone(built),
    }
}

/// Profiles and streams of the golden files.
fn made() -> Vec<Made> {
    let ramps = profile_of(&(0..4).map(|seed| exposure(seed, 3)).collect::<Vec<_>>());
    let made = |name, profile: &Arc<Profile>, of, level, image: Image16, row, column| {
        let profile = kept(of, profile);
        let codec = FloorWithProfile::new(level, Arc::clone(&profile));
        let bytes = codec.encode_at(&image, row, column).unwrap();
        (name, of, profile, image, bytes)
    };
    let pattern = profile();
    vec![
        made("fast", &pattern, "pattern", Level::Fast, exposure(90, 1), 0, 0),
        made(
            "default-window",
            &pattern,
            "pattern",
            Level::Default,
            exposure(91, 1).crop(0..1, 9..60, 20..77),
            9,
            20,
        ),
        made("high", &pattern, "pattern", Level::High, exposure(95, 1).crop(0..1, 3..67, 5..83), 3, 5),
        made("high-start", &profile_of(&[coarse(0), coarse(1)]), "coarse", Level::High, coarse(9), 0, 0),
        made("high-ramp", &ramps, "ramp", Level::High, exposure(96, 3), 0, 0),
        made("max", &pattern, "pattern", Level::Max, exposure(92, 1), 0, 0),
        made(
            "max-flat",
            &profile_of_flats(),
            "flats",
            Level::Max,
            lit(21, 15000.0, true, 1.8).crop(0..1, 20..60, 30..80),
            20,
            30,
        ),
        made("default-ramp", &ramps, "ramp", Level::Default, exposure(93, 3), 0, 0),
        made("max-ramp", &ramps, "ramp", Level::Max, exposure(94, 3), 0, 0),
    ]
}

#[test]
#[ignore = "writes golden files that are missing"]
fn write_missing() {
    std::fs::create_dir_all(path("")).unwrap();
    if !path("facts.nfp").exists() {
        let (amplifiers, defects) = facts();
        let maps = profile().maps().to_vec();
        let parts = Parts { name: "facts".into(), frames: 6, maps, amplifiers, defects, ..Parts::default() };
        let profile = nf_profile::format::write(parts, &PROFILE_CODEC).unwrap();
        std::fs::write(path("facts.nfp"), profile.bytes()).unwrap();
    }
    for (name, of, profile, image, bytes) in made() {
        let profile_path = path(&format!("{of}.nfp"));
        if !profile_path.exists() {
            std::fs::write(profile_path, profile.bytes()).unwrap();
        }
        if !path(&format!("{name}.bin")).exists() {
            std::fs::write(path(&format!("{name}.bin")), &bytes).unwrap();
            println!("(\"{name}\", \"{of}\", {:?}, \"{}\"),", image.shape(), image.digest());
        }
    }
}
