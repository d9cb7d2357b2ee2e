//! FITS files drawn at random: every BITPIX and kind of HDU, and the oddities that other programs
//! write. Made byte by byte, independently of the library's writers; one seed, one file.
//!
//! Used by the tests of this crate and, by path, by those of the program.
#![allow(dead_code, reason = "every test program uses a part")]

/// Bytes of a block.
const BLOCK: usize = 2880;

/// A simple generator of pseudo-random numbers (xorshift).
pub(crate) struct Random(pub(crate) u64);

impl Random {
    /// A generator whose numbers are not those of a neighbouring seed.
    pub(crate) fn seeded(seed: u64) -> Self {
        let mut random =
            Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(0x2545_f491_4f6c_dd1d) | 1);
        for _ in 0..4 {
            random.next();
        }
        random
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    pub(crate) fn below(&mut self, n: u64) -> u64 {
        (self.next() >> 11) % n
    }

    /// True once in `n` times.
    pub(crate) fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    pub(crate) fn choose<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len() as u64) as usize]
    }

    /// Roughly Gaussian, sigma 1.
    pub(crate) fn gaussian(&mut self) -> f64 {
        (0..12).map(|_| (self.next() >> 11) as f64 / (1u64 << 53) as f64).sum::<f64>() - 6.0
    }
}

const BITPIX: [i64; 6] = [8, 16, 32, 64, -32, -64];

/// Cards that stand in many headers and mean nothing to the pixels.
const ORDINARY: [&str; 14] = [
    "OBJECT  = 'M31     '           / name",
    "OBJECT  = 'it''s twice'",
    "EXPTIME =                120.5 / [s]",
    "DATE-OBS= '2001-01-01T00:00:00'",
    "HIERARCH ESO DET ID = 'CCD # 40' / chip",
    "COMMENT free text = 'no value'",
    "HISTORY  more / text",
    "        blank keyword",
    "",
    "EXTNAME = 'SCI     '           / name",
    "EXTVER  =                    2",
    "INHERIT =                    T",
    "CRPIX1  =                  1.5",
    "lowcase = 1",
];

/// Cards that packing, unpacking or scaling look at, in forms that other programs write.
const AWKWARD: [&str; 42] = [
    "BZERO   =                32768",
    "BZERO   =              32768.0",
    "BZERO   = '32768   '",
    "BZERO   =",
    "BZERO   =  9223372036854775808",
    "BZERO   = NaN",
    "BSCALE  =                  2.5",
    "BSCALE  = 'none    '",
    "BLANK   =               -32768",
    "BLANK   =                  255",
    "BLANK   = 'none    '",
    "BLANK   =                  1.5",
    "BLANK   =",
    "CHECKSUM= 'abcdefghijklmnop'   / stale",
    "CHECKSUM= '                '   / unknown",
    "CHECKSUM",
    "DATASUM = '12345   '           / stale",
    "DATASUM =                    7",
    "DATASUM = '        '",
    "LONG    = 'a string that goes on &'",
    "CONTINUE  'and on' / comment",
    "CONTINUE  'stray' ",
    "ZSCALE  =                  1.0",
    "ZZERO   =                  1.0",
    "ZBLANK  =                    7",
    "ZTILE1  =                    3",
    "ZNAXIS1 =                    9",
    "ZSIMPLE =                    T",
    "ZTENSION= 'IMAGE   '",
    "ZIMAGE  =                    T",
    "ZCMPTYPE= 'RICE_1  '",
    "ZVAL1   =                    9",
    "ZHECKSUM= 'abcdefghijklmnop'",
    "TTYPE1  = 'mine    '",
    "TFORM1  = '1J      '",
    "THEAP   =                  100",
    "EXTNAME = 'COMPRESSED_IMAGE'   / a trap",
    "NAXIS100=                    5",
    "NAXIS9  =                    5",
    "BLOCKED =                    T",
    "EXTEND  =                    F",
    "COMMENT FLOOR_1: a comment of the image's own",
];

/// The file of a seed.
pub(crate) fn file(seed: u64) -> Vec<u8> {
    let mut file = Draw { random: Random::seeded(seed), bytes: Vec::new(), data_end: 0 };
    let extensions = file.random.below(4);
    file.primary();
    for _ in 0..extensions {
        match file.random.below(10) {
            0..=5 => file.image(false),
            6 => file.binary_table(),
            7 => file.ascii_table(),
            8 => file.foreign(),
            _ => file.empty_image(),
        }
    }
    file.end_of_file();
    file.bytes
}

fn line(keyword: &str, value: impl std::fmt::Display) -> String {
    format!("{keyword:<8}= {value:>20}")
}

struct Draw {
    random: Random,
    bytes: Vec<u8>,
    /// Where the padding of the last HDU begins.
    data_end: usize,
}

impl Draw {
    /// Mandatory cards, extra cards, and END, in whole blocks.
    fn header(&mut self, mandatory: Vec<String>) {
        let mut cards: Vec<Vec<u8>> = mandatory.into_iter().map(String::into_bytes).collect();
        // Out of the standard's order, which most readers accept: a comment between the mandatory
        // cards.
        if self.random.one_in(40) {
            cards.insert(2, b"COMMENT out of order".to_vec());
        }
        let few = if self.random.one_in(10) { 45 } else { 8 };
        for _ in 0..self.random.below(few) {
            let awkward = self.random.one_in(9);
            let card = if awkward { *self.random.choose(&AWKWARD) } else { *self.random.choose(&ORDINARY) };
            cards.push(card.as_bytes().to_vec());
        }
        if self.random.one_in(30) {
            cards.push(b"COMMENT bytes from 0x80: \xe9\xff\x80".to_vec());
        }
        // Space for cards to come.
        if self.random.one_in(20) {
            cards.resize(cards.len() + self.random.below(80) as usize, Vec::new());
        }
        cards.push(b"END".to_vec());
        for card in cards {
            let start = self.bytes.len();
            self.bytes.extend(card);
            self.bytes.resize(start + 80, b' ');
        }
        let behind_end = if self.random.one_in(40) { *self.random.choose(&[0, b'x']) } else { b' ' };
        self.bytes.resize(self.bytes.len().next_multiple_of(BLOCK), behind_end);
        self.data_end = self.bytes.len();
    }

    /// Data, and padding that is not always what it should be.
    fn data(&mut self, data: &[u8]) {
        self.bytes.extend(data);
        self.data_end = self.bytes.len();
        let with = if self.random.one_in(12) { *self.random.choose(&[0xff, b' ', 1]) } else { 0 };
        self.bytes.resize(self.bytes.len().next_multiple_of(BLOCK), with);
    }

    fn primary(&mut self) {
        match self.random.below(8) {
            0..=3 => self.image(true),
            4 => {
                // Random groups: NAXIS1 of 0 stands for the groups.
                let (length, parameters, groups) =
                    (1 + self.random.below(9), self.random.below(4), 1 + self.random.below(5));
                let mandatory = vec![
                    line("SIMPLE", "T"),
                    line("BITPIX", 16),
                    line("NAXIS", 2),
                    line("NAXIS1", 0),
                    line("NAXIS2", length),
                    line("GROUPS", "T"),
                    line("PCOUNT", parameters),
                    line("GCOUNT", groups),
                ];
                self.header(mandatory);
                let values = vec![0x5a; (2 * groups * (parameters + length)) as usize];
                self.data(&values);
            }
            _ => {
                let mandatory =
                    vec![line("SIMPLE", "T"), line("BITPIX", 8), line("NAXIS", 0), line("EXTEND", "T")];
                self.header(mandatory);
            }
        }
    }

    fn image(&mut self, is_primary: bool) {
        let bitpix = *self.random.choose(&BITPIX);
        let axes = self.axes();
        let mut mandatory = vec![
            if is_primary {
                line("SIMPLE", "T")
            } else {
                "XTENSION= 'IMAGE   '           / an image".to_owned()
            },
            line("BITPIX", bitpix),
            line("NAXIS", axes.len()),
        ];
        mandatory.extend((1..).zip(&axes).map(|(n, axis)| line(&format!("NAXIS{n}"), axis)));
        // Parameters and groups belong to no image, but are announced by some.
        let (parameters, groups) = match self.random.below(20) {
            0 if !is_primary => (1 + self.random.below(5), 1),
            1 if !is_primary => (self.random.below(2), 2 + self.random.below(300)),
            _ => (0, 1),
        };
        if !is_primary || self.random.one_in(20) {
            mandatory.extend([line("PCOUNT", parameters), line("GCOUNT", groups)]);
        }
        if is_primary && !self.random.one_in(5) {
            mandatory.push(line("EXTEND", "T"));
        }
        self.header(mandatory);
        let pixels: usize = axes.iter().product();
        let width = bitpix.unsigned_abs() as usize / 8;
        let mut values = self.pixel_bytes(bitpix, pixels, axes[0]);
        let announced = width * groups as usize * (parameters as usize + pixels);
        values.extend((values.len()..announced).map(|at| at as u8));
        self.data(&values);
    }

    fn axes(&mut self) -> Vec<usize> {
        if self.random.one_in(150) {
            return vec![1; 100];
        }
        let longest = [400, 40, 14, 7, 4];
        let count = 1 + self.random.below(longest.len() as u64) as usize;
        (0..count).map(|_| 1 + self.random.below(longest[count - 1]) as usize).collect()
    }

    /// Noise, constants, extremes, and any bits at all.
    fn pixel_bytes(&mut self, bitpix: i64, pixels: usize, width_px: usize) -> Vec<u8> {
        let kind = self.random.below(8);
        let level = self.random.below(4000) as f64;
        let mut bytes = Vec::new();
        for pixel in 0..pixels {
            let value = match kind {
                0 => level,
                1..=4 => level + (pixel % width_px) as f64 * 0.5 + 6.0 * self.random.gaussian(),
                5 => [f64::MIN, f64::MAX, 0.0, -1.0, f64::NAN][self.random.below(5) as usize],
                _ => self.random.next() as f64,
            };
            let bits = self.random.next();
            match bitpix {
                8 if kind == 7 => bytes.push(bits as u8),
                8 => bytes.push(value as u8),
                16 if kind == 7 => bytes.extend((bits as i16).to_be_bytes()),
                16 => bytes.extend((value as i16).to_be_bytes()),
                32 if kind == 7 => bytes.extend((bits as i32).to_be_bytes()),
                32 => bytes.extend((value as i32).to_be_bytes()),
                64 if kind == 7 => bytes.extend((bits as i64).to_be_bytes()),
                64 => bytes.extend((value as i64).to_be_bytes()),
                -32 if kind == 7 => bytes.extend((bits as u32).to_be_bytes()),
                -32 => bytes.extend((value as f32).to_be_bytes()),
                _ if kind == 7 => bytes.extend(bits.to_be_bytes()),
                _ => bytes.extend(value.to_be_bytes()),
            }
        }
        bytes
    }

    fn binary_table(&mut self) {
        let (rows, heap) = (self.random.below(5), self.random.below(40));
        let mandatory = vec![
            "XTENSION= 'BINTABLE'           / a table".to_owned(),
            line("BITPIX", 8),
            line("NAXIS", 2),
            line("NAXIS1", 12),
            line("NAXIS2", rows),
            line("PCOUNT", heap),
            line("GCOUNT", 1),
            line("TFIELDS", 2),
            "TTYPE1  = 'a       '".to_owned(),
            "TFORM1  = '1J      '".to_owned(),
            "TTYPE2  = 'b       '".to_owned(),
            "TFORM2  = '1PB(9)  '".to_owned(),
        ];
        for card in &mandatory {
            let start = self.bytes.len();
            self.bytes.extend(card.as_bytes());
            self.bytes.resize(start + 80, b' ');
        }
        self.bytes.extend(format!("{:<80}", "END").into_bytes());
        self.bytes.resize(self.bytes.len().next_multiple_of(BLOCK), b' ');
        let values: Vec<u8> = (0..rows * 12 + heap).map(|at| (at * 7) as u8).collect();
        self.data(&values);
    }

    fn ascii_table(&mut self) {
        let rows = self.random.below(6);
        let mandatory = vec![
            "XTENSION= 'TABLE   '".to_owned(),
            line("BITPIX", 8),
            line("NAXIS", 2),
            line("NAXIS1", 6),
            line("NAXIS2", rows),
            line("PCOUNT", 0),
            line("GCOUNT", 1),
            line("TFIELDS", 1),
            "TBCOL1  =                    1".to_owned(),
            "TFORM1  = 'I6      '".to_owned(),
        ];
        self.header(mandatory);
        self.data(&b" 12345".repeat(rows as usize));
    }

    fn foreign(&mut self) {
        let length = self.random.below(4000);
        let kind = *self.random.choose(&["HDRLET  ", "FOREIGN ", "DUMP    "]);
        let mandatory = vec![
            format!("XTENSION= '{kind}'"),
            line("BITPIX", 8),
            line("NAXIS", 1),
            line("NAXIS1", length),
            line("PCOUNT", self.random.below(9)),
            line("GCOUNT", 1),
        ];
        let parameters: u64 = mandatory[4][10..].trim().parse().unwrap_or_default();
        self.header(mandatory);
        let values: Vec<u8> = (0..length + parameters).map(|at| (at * 3) as u8).collect();
        self.data(&values);
    }

    /// An image without pixels: no axes, or one of no length.
    fn empty_image(&mut self) {
        let mut mandatory =
            vec!["XTENSION= 'IMAGE   '".to_owned(), line("BITPIX", *self.random.choose(&BITPIX))];
        if self.random.one_in(2) {
            mandatory.push(line("NAXIS", 0));
        } else {
            mandatory.extend([line("NAXIS", 2), line("NAXIS1", 7), line("NAXIS2", 0)]);
        }
        mandatory.extend([line("PCOUNT", 0), line("GCOUNT", 1)]);
        self.header(mandatory);
    }

    /// What may follow the last HDU, or be missing from it.
    fn end_of_file(&mut self) {
        match self.random.below(12) {
            // The padding, or a part of it, is missing; data never are.
            0 => {
                let padding = (self.bytes.len() - self.data_end) as u64;
                self.bytes.truncate(self.bytes.len() - self.random.below(padding + 1) as usize);
            }
            1 => self.bytes.extend(vec![0; 1 + self.random.below(7) as usize]),
            2 => self.bytes.extend(vec![0; BLOCK * (1 + self.random.below(2) as usize)]),
            3 => self.bytes.extend(b"what follows ".repeat(1 + self.random.below(400) as usize)),
            _ => {}
        }
    }
}
