//! Against a writer made for the test, and against gzip, which reads `.Z` files.

use super::*;
use std::collections::HashMap;
use std::process::{Command, Stdio};

/// Writes a `.Z` file as `compress` does; `clears` says before which codes the table is cleared.
fn compress(bytes: &[u8], most_bits: u32, clears: Option<&dyn Fn(usize) -> bool>) -> Vec<u8> {
    let mut out = vec![0x1f, 0x9d, most_bits as u8 | if clears.is_some() { 0x80 } else { 0 }];
    let first_free = if clears.is_some() { 257 } else { 256 };
    let (mut bits, mut in_group, mut free) = (LEAST_BITS, 0, first_free);
    let mut stream: Vec<bool> = Vec::new();
    let mut table: HashMap<(u16, u8), u16> = HashMap::new();
    let pad = |stream: &mut Vec<bool>, in_group: &mut u32, bits: u32| {
        stream.resize(stream.len() + ((GROUP - *in_group) % GROUP * bits) as usize, false);
        *in_group = 0;
    };
    let mut codes = 0;
    let put = |code: u16, stream: &mut Vec<bool>, in_group: &mut u32, bits: u32| {
        stream.extend((0..bits).map(|bit| code >> bit & 1 == 1));
        *in_group = (*in_group + 1) % GROUP;
    };
    let mut rest = bytes.iter().copied();
    let Some(byte) = rest.next() else { return out };
    let mut entry = u16::from(byte);
    for byte in rest.map(Some).chain([None]) {
        if let Some(known) = byte.and_then(|byte| table.get(&(entry, byte))) {
            entry = *known;
            continue;
        }
        put(entry, &mut stream, &mut in_group, bits);
        codes += 1;
        // The width grows with the strings that the reader has.
        if free > (1 << bits) - 1 && bits < most_bits {
            pad(&mut stream, &mut in_group, bits);
            bits += 1;
        }
        let Some(byte) = byte else { break };
        if free < 1 << most_bits {
            table.insert((entry, byte), free as u16);
            free += 1;
        }
        if clears.is_some_and(|clears| clears(codes)) {
            put(CLEAR, &mut stream, &mut in_group, bits);
            pad(&mut stream, &mut in_group, bits);
            table.clear();
            (bits, free) = (LEAST_BITS, first_free);
        }
        entry = u16::from(byte);
    }
    out.extend(
        stream.chunks(8).map(|byte| byte.iter().rev().fold(0, |byte, &bit| byte << 1 | u8::from(bit))),
    );
    out
}

fn unlzw(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    Unlzw::new(bytes).read_to_end(&mut out)?;
    Ok(out)
}

/// What gzip makes of it; `None` where there is no gzip.
fn gzip(bytes: &[u8]) -> Option<Vec<u8>> {
    use std::io::Write;
    let child = Command::new("gzip").arg("-dc").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let Ok(mut child) = child else {
        eprintln!("SKIPPED: no gzip to compare with");
        return None;
    };
    let mut input = child.stdin.take().unwrap();
    let bytes = bytes.to_vec();
    let writer = std::thread::spawn(move || drop(input.write_all(&bytes)));
    let done = child.wait_with_output().unwrap();
    writer.join().unwrap();
    Some(done.stdout)
}

/// Bytes of a few kinds, of which the table makes long strings.
fn bytes(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed | 1;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state >> 33
    };
    let (kinds, runs) = (1 + next() % 255, 1 + next() % 40);
    let mut out = Vec::new();
    while out.len() < len {
        let byte = (next() % kinds) as u8;
        out.extend(std::iter::repeat_n(byte, 1 + (next() % runs) as usize));
    }
    out.truncate(len);
    out
}

#[test]
fn files_of_every_width_and_with_cleared_tables() {
    for (seed, len) in [(1, 0), (2, 1), (3, 2), (4, 700), (5, 3000), (6, 20_000), (7, 200_000), (8, 400_000)]
    {
        let plain = bytes(seed, len);
        for most_bits in [9, 10, 12, 15, 16] {
            let often = |codes: usize| codes.is_multiple_of(300 + seed as usize);
            let seldom = |codes: usize| codes.is_multiple_of(70_001);
            let clears: [Option<&dyn Fn(usize) -> bool>; 3] = [None, Some(&often), Some(&seldom)];
            for (n, clears) in clears.into_iter().enumerate() {
                let packed = compress(&plain, most_bits, clears);
                assert!(unlzw(&packed).unwrap() == plain, "{len} bytes, {most_bits} bits, {n}");
                // gzip takes a file of no codes for a cut one, and lets codes of at most 9 bits
                // grow.
                if len > 0
                    && most_bits > 9
                    && let Some(by_gzip) = gzip(&packed)
                {
                    assert!(by_gzip == plain, "gzip: {len} bytes, {most_bits} bits, {n}");
                }
            }
        }
    }
}

#[test]
fn damage_is_an_error_or_other_bytes() {
    let plain = bytes(9, 3000);
    let good = compress(&plain, 12, Some(&|codes| codes == 500));
    for bit in 0..good.len() * 8 {
        let mut bad = good.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        if let Ok(out) = unlzw(&bad) {
            // Strings grow by a byte a code.
            assert!(out.len() < 10 << 20);
        }
    }
    for len in 0..good.len() {
        assert_eq!(unlzw(&good[..len]).is_ok(), len >= 3, "{len}");
    }
    assert!(unlzw(&[0x1f, 0x9d, 0x80 | 8, 1]).unwrap_err().to_string().contains("up to 8 bits"));
    assert!(unlzw(&[0x1f, 0x9d, 0x90, 0, 1]).unwrap_err().to_string().contains("begins with no byte"));
    assert!(
        unlzw(&[0x1f, 0x9d, 0x90, 65, 0xfe, 0xff]).unwrap_err().to_string().contains("the table has 257")
    );
}
