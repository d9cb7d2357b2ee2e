//! `decode STREAM P H W > pixels.u16le`: the samples of a stack of P planes, H rows, W columns.

use std::io::Write;
use std::process::ExitCode;

fn run() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [stream, planes, height, width] = arguments.as_slice() else {
        return Err("usage: decode STREAM P H W > pixels.u16le".into());
    };
    let stream = std::fs::read(stream)?;
    let samples = nf_floor_decoder::decode(&stream, planes.parse()?, height.parse()?, width.parse()?)?;
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
