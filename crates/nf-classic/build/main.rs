//! Builds the C and C++ libraries behind the codecs, one file per library, each for its feature
//! only.

#[cfg(feature = "jpegxl")]
mod libjxl;

fn main() {
    println!("cargo:rerun-if-changed=build");
    #[cfg(feature = "jpegxl")]
    libjxl::link();
}
