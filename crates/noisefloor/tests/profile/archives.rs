//! Archives of frames coded with profiles.

use super::*;

/// A folder with frames in `in`, and the profile of others.
fn nights() -> tempfile::TempDir {
    let folder = night();
    let at = folder.path();
    fs::create_dir(at.join("in")).unwrap();
    (6..9).for_each(|seed| write(&at.join("in"), &format!("f{seed}.fits"), &frame(seed)));
    folder
}

#[test]
fn an_archive_keeps_the_profiles_that_it_needs() {
    let folder = nights();
    let at = folder.path();
    let said = succeeds(at, "archive --profile camera.nfp in out");
    assert!(said.contains("3 archived"), "{said}");
    let kept = fs::read_dir(at.join("out")).unwrap().flatten();
    let kept: Vec<_> =
        kept.map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|e| e == "nfp")).collect();
    assert_eq!(kept.len(), 1, "{kept:?}");
    assert!(fs::read(&kept[0]).unwrap() == fs::read(at.join("camera.nfp")).unwrap());
    // A second run has nothing to do.
    let said = succeeds(at, "archive --profile camera.nfp in out");
    assert!(said.contains("0 archived, 3 done before"), "{said}");
    // The archive is all that is needed.
    let away = tempfile::tempdir().unwrap();
    let to = away.path();
    fs::rename(at.join("out"), to.join("out")).unwrap();
    succeeds(to, "archive verify out");
    succeeds(to, "archive restore out again");
    for seed in 6..9 {
        let name = format!("f{seed}.fits");
        assert!(
            fs::read(to.join("again").join(&name)).unwrap() == fs::read(at.join("in").join(&name)).unwrap()
        );
    }
    // Without the profile, it is asked for.
    fs::rename(to.join("out").join(kept[0].file_name().unwrap()), to.join("elsewhere.nfp")).unwrap();
    let output = run(to, "archive verify out");
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.code() == Some(1) && text.contains("camera."), "{text}");
    succeeds(to, "archive verify --profile elsewhere.nfp out");
}

#[test]
fn an_archive_takes_a_folder_of_profiles_and_embeds_them() {
    let folder = nights();
    let at = folder.path();
    fs::create_dir(at.join("profiles")).unwrap();
    fs::rename(at.join("camera.nfp"), at.join("profiles/camera.nfp")).unwrap();
    succeeds(at, "archive --profile profiles --embed-profile in out");
    assert!(
        fs::read_dir(at.join("out"))
            .unwrap()
            .flatten()
            .all(|entry| entry.path().extension().is_none_or(|e| e != "nfp"))
    );
    fs::remove_dir_all(at.join("profiles")).unwrap();
    succeeds(at, "archive verify out");
    succeeds(at, "test out/f6.fits.nfl");
}

/// The one profile in the folder `out`.
fn copy_in(at: &Path) -> std::path::PathBuf {
    let mut files = fs::read_dir(at.join("out")).unwrap().flatten().map(|entry| entry.path());
    files.find(|path| path.extension().is_some_and(|ending| ending == "nfp")).unwrap()
}

#[test]
fn what_needs_a_profile_is_not_done_without_its_copy() {
    let folder = nights();
    let at = folder.path();
    succeeds(at, "archive --profile camera.nfp in out");
    let copy = copy_in(at);
    let intact = fs::read(&copy).unwrap();
    let damage = |bytes: &[u8]| {
        let mut bytes = bytes.to_vec();
        bytes[200] ^= 1;
        fs::write(&copy, bytes).unwrap();
    };
    for is_lost in [true, false] {
        if is_lost {
            fs::remove_file(&copy).unwrap()
        } else {
            damage(&intact)
        }
        let said = succeeds(at, "archive --profile camera.nfp in out");
        assert!(said.contains("3 archived, 0 done before"), "{said}");
        assert!(fs::read(&copy).unwrap() == intact);
    }
    // A damaged copy does not hide the intact one that is named.
    damage(&intact);
    fs::create_dir(at.join("profiles")).unwrap();
    fs::copy(at.join("camera.nfp"), at.join("profiles/camera.nfp")).unwrap();
    succeeds(at, "archive verify --profile profiles out");
    // Sources stay until the archive can give them back by itself.
    fs::remove_file(&copy).unwrap();
    succeeds(at, "archive --profile camera.nfp --delete in out");
    assert!(fs::read(&copy).unwrap() == intact);
    assert_eq!(fs::read_dir(at.join("in")).unwrap().count(), 0);
    fs::remove_file(at.join("camera.nfp")).unwrap();
    succeeds(at, "archive verify out");
}
