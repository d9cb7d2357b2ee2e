//! The shader of a net: its text, and the constants that it reads.

use super::super::inputs::{
    ACTIVE, CENTRES, FIRST_INPUTS, LEVELS, MEANS, RESIDUALS, ROWS_APART, SECOND_INPUTS, SIZES, TAPS, taps,
};
use super::super::net::{RowNet, SECOND_RESULTS, Stage};
use super::super::rows::{ABOVE, MARGIN, Offset};
use super::super::symbols::{BINS, FIRST_RANGE_BITS, SCALES, SYMBOLS, ZERO};
use super::super::tables::{POINT_BITS, SHAPES};
use super::super::units::{EIGHTHS, LEAST_ACTIVITY, units};
use nf_entropy::table::{EDGES, MAPPED_BITS, RANK_BITS, SEGMENTS};
use nf_entropy::{Distribution, Frequencies};
use std::fmt::Write;

/// Pixels of a half row that are processed together.
const THREADS: usize = 128;

/// Points of a table that share a slot are `2^(POINT_BITS - SLOT_BITS)`.
const SLOT_BITS: u32 = 10;

/// Inputs or activations in a word.
const LANES: usize = 4;

/// The text of the shader, and the constants at binding 2.
pub(super) fn shader(net: &RowNet) -> (String, Vec<u32>) {
    let mut constants = vec![];
    let stages = net.stages.each_ref().map(|stages| {
        stages.each_ref().map(|stage| {
            let at = constants.len();
            push_stage(&mut constants, stage);
            at
        })
    });
    let units_at = constants.len();
    for unit in units() {
        let numbers = [unit.limit, unit.power, unit.factor, unit.log, unit.activity];
        constants.extend(numbers.map(|number| number as u32));
    }
    let tables_at = constants.len();
    net.tables.iter().for_each(|table| push_table(&mut constants, table));
    let slots_at = constants.len();
    net.tables.iter().for_each(|table| push_slots(&mut constants, table));
    let classes_at = constants.len();
    constants.extend(net.classes.iter().map(|&class| u32::from(class)));
    let edges_at = constants.len();
    constants.extend(EDGES);

    let mut inputs = String::new();
    for parity in 0..2 {
        write_first_inputs(&mut inputs, parity);
        write_second_inputs(&mut inputs, parity);
    }
    let words = [FIRST_INPUTS, SECOND_INPUTS].map(|inputs| inputs.div_ceil(LANES));
    let numbers = [
        ("threads", THREADS),
        ("margin", MARGIN),
        ("rows_kept", ABOVE + 1),
        ("rows_apart", ROWS_APART as usize),
        ("least_activity", LEAST_ACTIVITY as usize),
        ("eighths", EIGHTHS),
        ("zero", ZERO as usize),
        ("bins", BINS as usize),
        ("symbols", SYMBOLS),
        ("shapes", SHAPES),
        ("scales", SCALES as usize),
        ("point_bits", POINT_BITS as usize),
        ("slot_bits", SLOT_BITS as usize),
        ("first_range_bits", FIRST_RANGE_BITS as usize),
        ("first_words", words[0]),
        ("second_words", words[1]),
        ("most_words", words[0].max(words[1])),
        ("inputs", LANES * words[0].max(words[1])),
        ("hidden_words", net.hidden().div_ceil(LANES)),
        ("units", units_at),
        ("tables", tables_at),
        ("slots", slots_at),
        ("classes", classes_at),
        ("edges", edges_at),
        ("segments", SEGMENTS),
        ("mapped_bits", MAPPED_BITS as usize),
        ("even_first", stages[0][0]),
        ("even_second", stages[0][1]),
        ("odd_first", stages[1][0]),
        ("odd_second", stages[1][1]),
    ];
    let mut text = include_str!("rownet.wgsl").replace("{{inputs_of_halves}}", &inputs);
    for (name, number) in numbers {
        text = text.replace(&format!("{{{{{name}}}}}"), &number.to_string());
    }
    (text, constants)
}

/// Four numbers of 8 bits in a word, the first lowest; zeros fill the last.
fn push_packed(constants: &mut Vec<u32>, numbers: &[i32]) {
    let word = |four: &[i32]| four.iter().rev().fold(0, |word, &number| word << 8 | (number as u32 & 0xff));
    // The first of fewer than four is still the lowest.
    constants.extend(numbers.chunks(LANES).map(word));
}

/// A stage in the order in which `evaluate` reads it; hidden activations that fill the last word
/// are zero.
fn push_stage(constants: &mut Vec<u32>, stage: &Stage) {
    let [hidden, last, direct] = [&stage.hidden, &stage.last, &stage.direct];
    let rows = |layer: &nf_engine::integer::IntegerLayer| -> Vec<Vec<i32>> {
        layer.weights().chunks(layer.inputs()).map(<[i32]>::to_vec).collect()
    };
    let round = 1 << (super::super::net::HIDDEN_SHIFT - 1);
    for (weights, &bias) in rows(hidden).iter().zip(hidden.biases()) {
        push_packed(constants, weights);
        constants.push((bias + round) as u32);
    }
    let missing = hidden.outputs().next_multiple_of(LANES) - hidden.outputs();
    let words = hidden.inputs().div_ceil(LANES);
    constants.extend(std::iter::repeat_n(0, missing * (words + 1)));
    for ((last, direct), &bias) in rows(last).iter().zip(rows(direct)).zip(direct.biases()) {
        push_packed(constants, last);
        push_packed(constants, &direct);
        constants.push(bias as u32);
    }
}

/// Frequency and start of every symbol in a word.
fn push_table(constants: &mut Vec<u32>, table: &Frequencies) {
    let mut end = 0;
    constants.extend((0..SYMBOLS as u32).map(|symbol| {
        let width = table.interval(symbol).map_or(0, |interval| interval.width);
        let word = width << 16 | end;
        end += width;
        word
    }));
}

/// The symbol of the first point of every slot, four in a word.
fn push_slots(constants: &mut Vec<u32>, table: &Frequencies) {
    let point = |slot: u32| slot << (POINT_BITS - SLOT_BITS);
    let symbols: Vec<i32> = (0..1 << SLOT_BITS).map(|slot| table.locate(point(slot)).0 as i32).collect();
    push_packed(constants, &symbols);
}

/// Arguments that name the number `up` rows above and `right` columns to the right of the pixels of
/// a half row: the half and its first number.
fn place(parity: usize, right: isize) -> String {
    let column = parity as isize + right;
    format!("{}u, {}u", column.rem_euclid(2), MARGIN as isize + column.div_euclid(2))
}

fn sample(parity: usize, (up, right): Offset) -> String {
    format!("v({up}, {})", place(parity, right))
}

fn residual(parity: usize, (up, right): Offset) -> String {
    format!("e({up}, {})", place(parity, right))
}

/// The running number `which` of a column.
fn column(which: usize, parity: usize, right: isize) -> String {
    format!("column({which}u, {})", place(parity, right))
}

const MEAN: usize = 0;
const SIZE: usize = 1;
const LEVEL: usize = 2;

const HALVES: [&str; 2] = ["even", "odd"];

/// Assigns inputs one after another.
struct Inputs<'a> {
    text: &'a mut String,
    next: usize,
}

impl Inputs<'_> {
    fn push(&mut self, value: &str) {
        writeln!(self.text, "    x[{}] = {value};", self.next).expect("strings take all text");
        self.next += 1;
    }
}

/// The function that finds the first stage's inputs; see `Surroundings::first_inputs`.
fn write_first_inputs(text: &mut String, parity: usize) {
    let taps = taps(parity, TAPS);
    let centres = CENTRES[parity].map(|offset| sample(parity, offset));
    let [a, b, c, d, e, f] = centres;
    let sizes: String = taps[..ACTIVE]
        .iter()
        .map(|&tap| format!("\n        + size_of({}, most)", sample(parity, tap)))
        .collect();
    write!(
        text,
        "fn first_inputs_{}() {{\n    find_centre({a}, {b}, {c}, {d}, ({e} + {f}) >> 1u);\n    \
         let most = min(2 * max(range, noise), 32767);\n    let sum = LEAST_ACTIVITY{sizes};\n    \
         find_unit(min(sum, 32767));\n",
        HALVES[parity]
    )
    .expect("strings take all text");
    let deviation = |offset| format!("sat({} - centre)", sample(parity, offset));
    let mut inputs = Inputs { text, next: 0 };
    taps.iter().for_each(|&tap| inputs.push(&format!("fine({})", deviation(tap))));
    inputs.push("fine(range)");
    inputs.push(&format!("fine8({} >> 4u)", column(SIZE, parity, 0)));
    inputs.push("clamp(logarithm - 64, -127, 127)");
    inputs.push(&format!("coarse(sat(centre - ({} >> 4u)))", column(LEVEL, parity, 0)));
    taps[..4].iter().for_each(|&tap| inputs.push(&format!("coarse({})", deviation(tap))));
    for right in LEVELS {
        inputs.push(&format!("fine8(cut(({} - 16 * centre) >> 1u))", column(LEVEL, parity, right)));
    }
    inputs.push(&format!("fine8(cut({} >> 4u))", column(MEAN, parity, 0)));
    assert_eq!(inputs.next, FIRST_INPUTS, "as many inputs as the layer has");
    text.push_str("}\n\n");
}

/// The function that finds the second stage's inputs; see `Surroundings::second_inputs`.
fn write_second_inputs(text: &mut String, parity: usize) {
    let [signed, sizes] = RESIDUALS[parity];
    // Inputs of the first stage stay where they are until all that use them are found.
    let first = |k: usize| format!("kept{k}");
    let kept: Vec<usize> = (0..4).chain(TAPS..TAPS + 8).collect();
    writeln!(text, "fn second_inputs_{}(offset: i32) {{", HALVES[parity]).expect("strings take all text");
    for k in kept {
        writeln!(text, "    let kept{k} = x[{k}];").expect("strings take all text");
    }
    text.push_str("    let height = clamp((offset + 128) >> 8u, -127, 127);\n");
    let mut inputs = Inputs { text, next: 0 };
    signed.iter().for_each(|&offset| inputs.push(&format!("fine8({})", residual(parity, offset))));
    sizes.iter().for_each(|&offset| inputs.push(&format!("fine8(abs({}))", residual(parity, offset))));
    for right in MEANS {
        inputs.push(&format!("fine8({} >> 4u)", column(MEAN, parity, right)));
    }
    for right in SIZES {
        inputs.push(&format!("fine8({} >> 4u)", column(SIZE, parity, right)));
    }
    (TAPS..TAPS + 4).for_each(|k| inputs.push(&first(k)));
    (TAPS + 4..TAPS + 8).chain(0..4).for_each(|k| inputs.push(&format!("abs({})", first(k))));
    inputs.push("height");
    inputs.push("abs(height)");
    sizes[..2].iter().for_each(|&offset| inputs.push(&format!("coarse8(abs({}))", residual(parity, offset))));
    assert_eq!(inputs.next, SECOND_INPUTS, "as many inputs as the layer has");
    text.push_str("}\n\n");
}

const _: () = assert!(SECOND_RESULTS == 3);
const _: () = assert!(RANK_BITS == POINT_BITS);
