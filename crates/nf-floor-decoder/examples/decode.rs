//! `decode STREAM P H W [PROFILE] > pixels.u16le`: the samples of a stack of P planes, H rows, W
//! columns.

use nf_floor_decoder::{decode, decode_with_profile, read_profile};
use std::io::Write;
use std::process::ExitCode;

const USAGE: &str = "usage: decode STREAM P H W [PROFILE] > pixels.u16le";

/// The largest number of pixels of a profile, in all: eight maps of a detector of 8192 x 8192.
const MOST_PROFILE_PIXELS: u64 = 1 << 29;

fn run() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [stream, planes, height, width, profile @ ..] = arguments.as_slice() else {
        return Err(USAGE.into());
    };
    let stream = std::fs::read(stream)?;
    let [planes, height, width] = [planes.parse()?, height.parse()?, width.parse()?];
    let samples = match profile {
        [] => decode(&stream, planes, height, width)?,
        [profile] => {
            let profile = read_profile(&std::fs::read(profile)?, MOST_PROFILE_PIXELS)?;
            decode_with_profile(&stream, &profile, planes, height, width)?
        }
        _ => return Err(USAGE.into()),
    };
    let bytes: Vec<u8> = samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
    std::io::stdout().write_all(&bytes)?;
    Ok(())
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
