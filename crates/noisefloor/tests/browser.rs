//! The report in a real browser: it renders, sorts, tells values, and says nothing on the console.
//!
//! Needs Chromium (Debian's package `chromium`), or says SKIP. With NOISEFLOOR_SCREENSHOTS=DIR it
//! leaves pictures of the page there: light, dark, on a phone, printed.
#![allow(clippy::unwrap_used, reason = "a test may stop at any surprise")]

use nf_image::testing::Outside;
use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

fn browser() -> Option<&'static str> {
    let works = |name: &&str| {
        Command::new(name).arg("--version").output().is_ok_and(|output| output.status.success())
    };
    ["chromium", "chromium-browser", "google-chrome"].into_iter().find(works)
}

/// Runs the browser on a page; its console goes to standard error.
fn chromium(name: &str, profile: &Path, arguments: &[&OsStr]) -> Output {
    let mut command = Command::new(name);
    command.args([
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-background-networking",
        "--hide-scrollbars",
        "--enable-logging=stderr",
        "--virtual-time-budget=5000",
    ]);
    command.arg(format!("--user-data-dir={}", profile.display())).args(arguments).output().unwrap()
}

fn noisefloor(folder: &Path, arguments: &[&str]) {
    let output =
        Command::new(env!("CARGO_BIN_EXE_noisefloor")).args(arguments).current_dir(folder).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Acts as a reader would, and writes down what came of it.
const READER: &str = r#"<script>
addEventListener("load", () => {
  const say = (key, value) => { document.body.dataset[key] = value; };
  say("ready", document.documentElement.dataset.ready);
  const table = document.querySelector("table");
  const column = (i) => [...table.tBodies[0].rows].map((row) => row.cells[i].textContent);
  table.tHead.rows[0].cells[1].querySelector("button").click();
  say("up", column(1).join(" "));
  table.tHead.rows[0].cells[1].querySelector("button").click();
  say("down", column(1).join(" "));
  table.tHead.rows[0].cells[0].querySelector("button").click();
  say("names", column(0).join(" "));
  const figure = document.querySelector("figure.plot");
  const svg = figure.querySelector("svg");
  const spot = JSON.parse(figure.querySelector("script").textContent)[0];
  const box = svg.getBoundingClientRect();
  const scale = box.width / svg.viewBox.baseVal.width;
  const at = { clientX: box.left + spot.x * scale, clientY: box.top + spot.y * scale };
  svg.dispatchEvent(new PointerEvent("pointermove", at));
  say("tip", document.getElementById("tip").textContent);
  const image = [...document.querySelectorAll("figure.picture")].find((f) => f.querySelector("script")).querySelector("img");
  const place = image.getBoundingClientRect();
  image.dispatchEvent(new PointerEvent("pointermove", { clientX: place.left + 9, clientY: place.top + 9 }));
  say("pixel", document.getElementById("tip").textContent);
  say("wide", document.documentElement.scrollWidth - document.documentElement.clientWidth);
  say("drawn", [...document.images].every((i) => i.naturalWidth > 0));
});
</script></body>"#;

#[test]
fn the_page_works_in_a_browser() {
    let Some(name) = browser() else {
        Outside::Browser.skip("no Chromium here (Debian's package chromium)");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    noisefloor(folder.path(), &["bench", "--codecs", "raw rice jpegls zstd", "--repeats", "0"]);
    let run = fs::read_dir(folder.path().join("results/runs")).unwrap().next().unwrap().unwrap().path();
    noisefloor(folder.path(), &["report", run.to_str().unwrap(), "--out", "page"]);
    let page = folder.path().join("page/report.html");
    let acted = folder.path().join("page/acted.html");
    fs::write(&acted, fs::read_to_string(&page).unwrap().replace("</body>", READER)).unwrap();
    let profile = folder.path().join("profile");
    let url = |path: &Path| format!("file://{}", path.display());

    let target = url(&acted);
    for size in ["--window-size=1300,900", "--window-size=390,800"] {
        let output = chromium(name, &profile, &["--dump-dom".as_ref(), size.as_ref(), target.as_ref()]);
        let dom = String::from_utf8_lossy(&output.stdout).into_owned();
        let console: Vec<String> = String::from_utf8_lossy(&output.stderr)
            .lines()
            .filter(|line| line.contains("CONSOLE"))
            .map(str::to_owned)
            .collect();
        assert_eq!(console, Vec::<String>::new());
        let body = &dom[dom.find("<body").unwrap()..];
        let said = |key: &str| {
            let start =
                body.find(&format!("data-{key}=\"")).unwrap_or_else(|| panic!("no {key}")) + key.len() + 7;
            body[start..start + body[start..].find('"').unwrap()].to_owned()
        };
        let numbers = |key: &str| -> Vec<f64> { said(key).split(' ').map(|n| n.parse().unwrap()).collect() };
        assert_eq!((said("ready"), said("drawn")), ("yes".into(), "true".into()));
        assert!(numbers("up").len() > 4 && numbers("up").is_sorted(), "{}", said("up"));
        assert!(numbers("down").iter().rev().is_sorted(), "{}", said("down"));
        assert!(said("names").split(' ').is_sorted(), "{}", said("names"));
        assert!(said("tip").contains("bits/pixel"), "{}", said("tip"));
        assert!(
            said("pixel").ends_with("bits/pixel") || said("pixel").ends_with("sigma"),
            "{}",
            said("pixel")
        );
        assert_eq!(said("wide"), "0", "the page scrolls sideways at {size}");
    }

    if let Some(out) = std::env::var_os("NOISEFLOOR_SCREENSHOTS") {
        fs::create_dir_all(&out).unwrap();
        let target = url(&page);
        let file = |ending: &str| format!("{}", Path::new(&out).join(ending).display());
        let light = format!("--screenshot={}", file("light.png"));
        let phone = format!("--screenshot={}", file("phone.png"));
        let dark = format!("--screenshot={}", file("dark.png"));
        let print = format!("--print-to-pdf={}", file("print.pdf"));
        for arguments in [
            vec![light.as_str(), "--window-size=1300,4000"],
            vec![phone.as_str(), "--window-size=390,4000"],
            vec![dark.as_str(), "--window-size=1300,4000", "--blink-settings=preferredColorScheme=0"],
            vec![print.as_str(), "--no-pdf-header-footer"],
        ] {
            let arguments: Vec<&OsStr> =
                arguments.into_iter().chain([target.as_str()]).map(OsStr::new).collect();
            assert!(chromium(name, &profile, &arguments).status.success());
        }
    }
}
