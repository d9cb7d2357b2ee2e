//! Reads tables of tiles whose header is whole but may lie: the first bytes choose sides, tiles, columns, algorithm and
//! heap, the rest are rows and heap.
#![no_main]

use libfuzzer_sys::fuzz_target;
use nf_fits::{FitsFile, Limits, Section};

const BITPIX: [i16; 6] = [8, 16, 32, 64, -32, -64];
const ALGORITHMS: [&str; 7] =
    ["RICE_1", "GZIP_1", "GZIP_2", "PLIO_1", "HCOMPRESS_1", "NOCOMPRESS", "RICE_ONE"];
const COLUMNS: [(&str, &str, usize); 8] = [
    ("COMPRESSED_DATA", "1PB(9)", 8),
    ("COMPRESSED_DATA", "1QB(9)", 16),
    ("COMPRESSED_DATA", "1PI", 8),
    ("GZIP_COMPRESSED_DATA", "PB", 8),
    ("UNCOMPRESSED_DATA", "1PI", 8),
    ("NULL_PIXEL_MASK", "1PB", 8),
    ("ZSCALE", "1D", 8),
    ("ZZERO", "1E", 4),
];
const DITHERS: [&str; 4] = ["NO_DITHER", "SUBTRACTIVE_DITHER_1", "SUBTRACTIVE_DITHER_2", "NONE"];

fn block(lines: &[String]) -> Vec<u8> {
    let mut bytes: Vec<u8> = lines.iter().flat_map(|line| format!("{line:<80}").into_bytes()).collect();
    bytes.extend(format!("{:<80}", "END").into_bytes());
    bytes.resize(bytes.len().next_multiple_of(2880), b' ');
    bytes
}

fuzz_target!(|bytes: &[u8]| {
    let Some((choices, data)) = bytes.split_at_checked(12) else { return };
    let choose = |n: usize, of: usize| usize::from(choices[n]) % of;
    let (width, height) = (usize::from(choices[0]), usize::from(choices[1]));
    let (tile_width, tile_height) = (usize::from(choices[2]), usize::from(choices[3]));
    let columns: Vec<_> = COLUMNS.iter().enumerate().filter(|(n, _)| choices[4] >> n & 1 == 1).collect();
    let row_bytes: usize = columns.iter().map(|(_, column)| column.2).sum();
    // The number of rows is right unless a byte says that it lies.
    let tiles = width.div_ceil(tile_width.max(1)) * height.div_ceil(tile_height.max(1));
    let rows = tiles + choose(5, 8) / 7;
    let table_bytes = rows * row_bytes;
    let heap_bytes = data.len().saturating_sub(table_bytes);
    let line = |keyword: &str, value: &str| format!("{keyword:<8}= {value:>20}");
    let number = |keyword: &str, value: usize| line(keyword, &value.to_string());
    let mut lines = vec![
        "XTENSION= 'BINTABLE'".to_owned(),
        number("BITPIX", 8),
        number("NAXIS", 2),
        number("NAXIS1", row_bytes),
        number("NAXIS2", rows),
        number("PCOUNT", heap_bytes),
        number("GCOUNT", 1),
        number("TFIELDS", columns.len()),
    ];
    for (n, (_, (name, form, _))) in (1..).zip(&columns) {
        lines.push(line(&format!("TTYPE{n}"), &format!("'{name}'")));
        lines.push(line(&format!("TFORM{n}"), &format!("'{form}'")));
    }
    if choices[6] & 1 == 1 {
        lines.push(number("THEAP", table_bytes + usize::from(choices[7])));
    }
    lines.extend([
        line("ZIMAGE", "T"),
        line("ZBITPIX", &BITPIX[choose(8, 6)].to_string()),
        number("ZNAXIS", 2),
        number("ZNAXIS1", width),
        number("ZNAXIS2", height),
        number("ZTILE1", tile_width),
        number("ZTILE2", tile_height),
        line("ZCMPTYPE", &format!("'{}'", ALGORITHMS[choose(9, 7)])),
        line("ZNAME1", "'BLOCKSIZE'"),
        number("ZVAL1", usize::from(choices[10])),
        line("ZNAME2", "'BYTEPIX'"),
        number("ZVAL2", 1 << choose(11, 4)),
        line("ZNAME3", "'SMOOTH'"),
        number("ZVAL3", 1),
        line("ZQUANTIZ", &format!("'{}'", DITHERS[choose(6, 4)])),
        number("ZBLANK", usize::from(choices[7])),
        number("BLANK", 7),
    ]);
    let mut file = block(&[line("SIMPLE", "T"), number("BITPIX", 8), number("NAXIS", 0), line("EXTEND", "T")]);
    file.extend(block(&lines));
    file.extend(data);
    let limits = Limits { max_pixels: 1 << 17, max_inflated_bytes: 1 << 20 };
    let Ok(file) = FitsFile::from_bytes_with(file, limits) else { return };
    for image in file.image_hdus() {
        let _ = image.read();
        let _ = image.read_section(&Section(vec![0..1; 2]));
        let _ = nf_fits::pack::unpack(&file, &mut std::io::sink(), &mut |_| {});
    }
});
