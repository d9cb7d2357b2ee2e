//! `--embed-profile`: containers that need nothing beside them.

use super::*;

#[test]
fn a_container_carries_its_profile_once_for_all_stacks() {
    let folder = night();
    let at = folder.path();
    let mut writer = FitsWriter::new(Vec::new());
    writer.image(&frame(7), None).unwrap();
    writer.image(&frame(8), None).unwrap();
    fs::write(at.join("two.fits"), writer.into_inner()).unwrap();
    succeeds(at, "compress --profile camera.nfp --embed-profile two.fits -o two.nfl");
    succeeds(at, "compress --profile camera.nfp two.fits -o bare.nfl");
    let size = |name: &str| fs::metadata(at.join(name)).unwrap().len();
    let profile = size("camera.nfp");
    // Tag and length.
    assert!((3..9).contains(&(size("two.nfl") - size("bare.nfl") - profile)));
    let away = tempfile::tempdir().unwrap();
    let (at, from) = (away.path(), folder.path());
    fs::copy(from.join("two.nfl"), at.join("two.nfl")).unwrap();
    succeeds(at, "decompress two.nfl -o back.fits");
    assert!(fs::read(at.join("back.fits")).unwrap() == fs::read(from.join("two.fits")).unwrap());
    succeeds(at, "test two.nfl");
    assert!(succeeds(at, "info two.nfl").contains(&format!("profile inside, {profile} bytes")));
    succeeds(at, "decompress --stack 1 --region 0:9,3:50 two.nfl -o part.npy");
    // One damaged tile costs only itself, and nothing else needs the profile's file.
    let mut damaged = fs::read(at.join("two.nfl")).unwrap();
    let place = damaged.len() - 300;
    damaged[place] ^= 1;
    fs::write(at.join("damaged.nfl"), damaged).unwrap();
    let output = run(at, "decompress --salvage damaged.nfl -o rest.fits");
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.code() == Some(1) && text.contains("1 of 2 tiles are lost"), "{text}");
    assert!(at.join("rest.fits").exists());
}

#[test]
fn a_pipe_carries_the_profile_too() {
    let folder = night();
    let line = "compress --profile camera.nfp --embed-profile f5.fits -o -";
    let output = run(folder.path(), line);
    assert!(output.status.success());
    let away = tempfile::tempdir().unwrap();
    fs::write(away.path().join("f5.nfl"), output.stdout).unwrap();
    succeeds(away.path(), "decompress f5.nfl -o back.fits");
    assert!(
        fs::read(away.path().join("back.fits")).unwrap() == fs::read(folder.path().join("f5.fits")).unwrap()
    );
}

#[test]
fn what_the_profile_does_not_help_carries_none() {
    let folder = night();
    let at = folder.path();
    write(at, "noise.fits", &noise(SHAPE, 500.0, 20.0, 9));
    succeeds(at, "compress --profile camera.nfp --embed-profile noise.fits -o with.nfl -f");
    succeeds(at, "compress noise.fits -o without.nfl -f");
    assert!(fs::read(at.join("with.nfl")).unwrap() == fs::read(at.join("without.nfl")).unwrap());
}

#[test]
fn embedding_needs_a_profile() {
    let folder = night();
    let output = run(folder.path(), "compress --embed-profile f5.fits -o x.nfl");
    assert_eq!(output.status.code(), Some(2));
    let line = "compress --profile camera.nfp --embed-profile --bound 2dn f5.fits -o x.nfb";
    fails(folder.path(), line, &["--embed-profile", "bounded"]);
}
