//! What `bench` and `limit` say of profiles, and pictures of maps.

use super::*;

#[test]
fn bench_measures_with_and_without() {
    let folder = night();
    let at = folder.path();
    let said = succeeds(at, "bench f5.fits --codecs floor --profile camera.nfp --repeats 0 --json");
    // The first line is that of the image, with all codecs.
    let line = said.lines().find(|line| line.starts_with('{')).unwrap();
    let image: serde_json::Value = serde_json::from_str(line).unwrap();
    let bytes = |with: bool| {
        let rows = image["measurements"].as_array().unwrap();
        let row = rows.iter().find(|row| row["codec"].as_str().unwrap().contains("profile=camera.") == with);
        row.unwrap()["coded_bytes"].as_u64().unwrap()
    };
    assert!(bytes(true) * 10 < bytes(false) * 7);
    fails(at, "bench f5.fits --codecs rice --profile camera.nfp --repeats 0 -q", &["--profile", "floor"]);
}

#[test]
fn limit_tells_what_a_profile_saves() {
    let folder = night();
    let at = folder.path();
    let line = |said: &str| -> String {
        said.lines().find(|line| line.contains("detector profile")).unwrap_or_default().to_owned()
    };
    let with = line(&succeeds(at, "limit --profile camera.nfp f5.fits"));
    assert!(with.contains("camera.") && with.contains("saves"), "{with}");
    let without = line(&succeeds(at, "limit f5.fits"));
    assert!(without.contains("could still save at most"), "{without}");
    write(at, "large.fits", &noise(Shape::frame(90, 90), 500.0, 9.0, 1));
    let output = run(at, "limit --profile camera.nfp large.fits");
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.code() == Some(1) && text.contains("large") && text.contains("90 x 90"), "{text}");
}

#[test]
fn maps_are_pictures() {
    let folder = night();
    let at = folder.path();
    succeeds(at, "profile info --preview pictures camera.nfp");
    let picture = at.join("pictures/camera-map0-offset-read0.png");
    assert!(fs::read(&picture).unwrap().starts_with(b"\x89PNG"));
    fails(at, "profile info --preview pictures camera.nfp", &["camera-map0", "exists", "--force"]);
    succeeds(at, "profile info --preview pictures --force camera.nfp");
}
