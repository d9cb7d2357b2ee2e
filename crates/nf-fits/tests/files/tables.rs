//! Binary tables for tests, made byte by byte: columns of every type, arrays in the heap.

use super::{Random, header, pad};

/// Types of columns, one of each.
pub(crate) const FORMS: [&str; 25] = [
    "L", "11X", "B", "5B", "I", "3I", "J", "2J", "K", "12A", "E", "2E", "D", "C", "2M", "0I", "PB(300)",
    "1PI(9)", "QJ", "PK", "PE(9)", "1QD(9)", "PL", "PC", "60A12",
];

/// Types that `funpack` 1.7 gets wrong.
pub(crate) const FORMS_BEYOND_FUNPACK: [&str; 4] = ["1PA(9)", "PM", "1PX(40)", "QA"];

/// A binary table to be made.
#[derive(Clone)]
pub(crate) struct TableSpec {
    pub(crate) forms: Vec<String>,
    pub(crate) rows: usize,
    /// Cards behind the mandatory ones.
    pub(crate) cards: Vec<String>,
    /// Zeros between the rows and the heap; `None`: no THEAP.
    pub(crate) gap: Option<usize>,
    pub(crate) seed: u64,
}

impl TableSpec {
    pub(crate) fn new(forms: &[&str], rows: usize, seed: u64) -> Self {
        let forms = forms.iter().map(|&form| form.to_owned()).collect();
        Self { forms, rows, cards: vec![], gap: None, seed }
    }

    pub(crate) fn with_card(mut self, card: &str) -> Self {
        self.cards.push(card.to_owned());
        self
    }

    /// The HDU.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut random = Random::seeded(self.seed);
        let (mut rows, mut heap) = (Vec::new(), Vec::new());
        let mut shared = vec![None; self.forms.len()];
        for _ in 0..self.rows {
            for (form, shared) in self.forms.iter().zip(&mut shared) {
                field(form, &mut random, &mut rows, &mut heap, shared);
            }
        }
        let row_bytes = rows.len().checked_div(self.rows).unwrap_or_else(|| {
            let (mut row, mut heap) = (Vec::new(), Vec::new());
            self.forms.iter().for_each(|form| field(form, &mut random, &mut row, &mut heap, &mut None));
            row.len()
        });
        let gap = self.gap.unwrap_or(0);
        // A heap may be longer than its arrays.
        heap.resize(heap.len() + random.below(5) as usize, 0);
        let line = |keyword: &str, value: usize| format!("{keyword:<8}= {value:>20} / {keyword}");
        let mut lines = vec![
            "XTENSION= 'BINTABLE'           / a table".to_owned(),
            line("BITPIX", 8),
            line("NAXIS", 2),
            line("NAXIS1", row_bytes),
            line("NAXIS2", self.rows),
            line("PCOUNT", gap + heap.len()),
            line("GCOUNT", 1),
            line("TFIELDS", self.forms.len()),
        ];
        for (n, form) in (1..).zip(&self.forms) {
            lines.push(format!("TTYPE{n:<3}= '{:<8}'           / column {n}", format!("c{n}")));
            lines.push(format!("TFORM{n:<3}= '{form:<8}'           / its form"));
        }
        if let Some(gap) = self.gap {
            lines.push(line("THEAP", rows.len() + gap));
        }
        lines.extend(self.cards.iter().cloned());
        let data = [&rows[..], &vec![0; gap], &heap].concat();
        [header(&lines), pad(data, 0)].concat()
    }

    /// A file of an empty primary HDU and this table.
    pub(crate) fn file(&self) -> Vec<u8> {
        file(std::slice::from_ref(self))
    }
}

/// A file of an empty primary HDU and these tables.
pub(crate) fn file(tables: &[TableSpec]) -> Vec<u8> {
    let primary = [
        "SIMPLE  =                    T",
        "BITPIX  =                    8",
        "NAXIS   =                    0",
    ];
    let mut bytes = header(&primary.map(str::to_owned));
    tables.iter().for_each(|table| bytes.extend(table.bytes()));
    bytes
}

/// Bytes of a value of a type.
fn width(code: char) -> usize {
    match code {
        'I' => 2,
        'J' | 'E' => 4,
        'K' | 'D' | 'C' => 8,
        'M' => 16,
        _ => 1,
    }
}

/// One field of a row; arrays go into the heap, seldom twice the same.
fn field(
    form: &str,
    random: &mut Random,
    rows: &mut Vec<u8>,
    heap: &mut Vec<u8>,
    shared: &mut Option<(u64, u64)>,
) {
    let digits = form.chars().take_while(char::is_ascii_digit).count();
    let repeat: usize = form[..digits].parse().unwrap_or(1);
    let code = form.as_bytes()[digits] as char;
    if !matches!(code, 'P' | 'Q') {
        let count = if code == 'X' { repeat.div_ceil(8) } else { repeat };
        return values(code, count, random, rows);
    }
    let element = form.as_bytes()[digits + 1] as char;
    let (count, offset) = match *shared {
        Some(array) if random.one_in(9) => array,
        _ => {
            let most = *random.choose(&[1, 12, 12, 12, 12, 200]);
            let count = random.below(most);
            let offset = heap.len() as u64;
            let len = if element == 'X' { count.div_ceil(8) } else { count };
            values(element, len as usize, random, heap);
            // Where there is no array, anything may stand for its place; gaps are zero.
            heap.resize(heap.len() + random.below(3) as usize, 0);
            (count, if count == 0 { random.below(1000) } else { offset })
        }
    };
    if count > 0 {
        *shared = Some((count, offset));
    }
    match code {
        'P' => {
            rows.extend((count as u32).to_be_bytes());
            rows.extend((offset as u32).to_be_bytes());
        }
        _ => {
            rows.extend(count.to_be_bytes());
            rows.extend(offset.to_be_bytes());
        }
    }
}

fn values(code: char, count: usize, random: &mut Random, out: &mut Vec<u8>) {
    for _ in 0..count {
        let value = 1000.0 + 20.0 * random.gaussian();
        match code {
            'L' => out.push(*random.choose(b"TF\0")),
            'A' => out.push(*random.choose(b"abc  ")),
            'I' => out.extend((value as i16).to_be_bytes()),
            'J' if random.one_in(50) => out.extend((random.next() as u32).to_be_bytes()),
            'J' => out.extend((value as i32 * 3).to_be_bytes()),
            'K' => out.extend((value as i64 * 1_000_003).to_be_bytes()),
            'E' => out.extend((value as f32).to_be_bytes()),
            'D' => out.extend(value.to_be_bytes()),
            code => out.extend((0..width(code)).map(|_| (value as u64 ^ random.below(4)) as u8)),
        }
    }
}
