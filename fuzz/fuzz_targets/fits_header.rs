//! Parses hostile headers and asks for values of every kind.
#![no_main]

use libfuzzer_sys::fuzz_target;
use nf_fits::Header;

fuzz_target!(|bytes: &[u8]| {
    let mut padded = bytes.to_vec();
    padded.extend(format!("{:<80}", "END").into_bytes());
    padded.resize(padded.len().next_multiple_of(2880), b' ');
    let Ok(header) = Header::from_bytes(padded) else { return };
    let keywords: Vec<String> =
        header.cards().map(|card| String::from_utf8_lossy(card.keyword()).into_owned()).collect();
    let _ = header.physical_scale();
    for keyword in keywords {
        let _ =
            (header.value(&keyword), header.text(&keyword), header.integer(&keyword), header.real(&keyword));
    }
});
