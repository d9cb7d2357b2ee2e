//! Every codec of the crate, through the conformance kit of `nf-codec`.

use nf_classic::entries;
use nf_codec::conformance::{Effort, check};
use nf_codec::{Registry, Spec};

fn conforms(specs: &[&str]) {
    let registry = Registry::new(entries());
    for spec in specs {
        let spec: Spec = spec.parse().expect("the spec of a test parses");
        check(&spec, &|spec| registry.build(spec), Effort::default());
    }
}

#[test]
fn every_codec_at_its_defaults() {
    for entry in entries() {
        conforms(&[entry.name]);
    }
}

#[test]
fn gzip() {
    conforms(&["gzip:level=1", "gzip:level=9", "gzip2:level=1"]);
}

#[test]
fn zstd() {
    conforms(&["zstd:level=1,shuffle=byte", "zstd:level=19,shuffle=byte"]);
}

#[test]
fn xz() {
    conforms(&["xz:level=0"]);
}

#[test]
fn pcodec() {
    conforms(&["pcodec:level=0", "pcodec:level=12"]);
}

#[test]
fn rice() {
    conforms(&["rice:tile=row", "rice:block=7", "rice:block=1024", "rice:block=2,tile=row"]);
}

#[test]
fn hcompress() {
    conforms(&["hcompress:rows=0", "hcompress:rows=5"]);
}

#[test]
fn ccsds123() {
    conforms(&["ccsds123:bands=0", "ccsds123:bands=1", "ccsds123:bands=15"]);
}

#[test]
fn lerc() {
    conforms(&["lerc"]);
}

#[test]
fn szip() {
    conforms(&["szip:block=8", "szip:block=64", "szip:block=8,interval=1", "szip:interval=3"]);
}

#[cfg(feature = "jpegxl")]
#[test]
fn jpegxl() {
    conforms(&["jpegxl:effort=1", "jpegxl:effort=3", "jpegxl:effort=10", "jpegxl:effort=best"]);
}

#[cfg(feature = "jpegls")]
#[test]
fn jpegls() {
    conforms(&["jpegls"]);
}

#[cfg(feature = "jpeg2000")]
#[test]
fn jpeg2000() {
    conforms(&["jpeg2000"]);
}
