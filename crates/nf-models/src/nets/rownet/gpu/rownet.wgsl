// The tiles of a row net, one workgroup for each: half row by half row, every pixel of a half row
// by itself, in integers. docs/format-rownet.md is the definition; names and numbers are those of
// the modules beside this file, which insert what stands in double braces.

requires packed_4x8_integer_dot_product;

struct Tile {
    height: u32,
    width: u32,
    // Median less 2^15, and noise.
    median: i32,
    noise: i32,
    // Where its numbers, its arrays, its rows of samples, its coded pixels and its stream begin.
    numbers: u32,
    arrays: u32,
    samples: u32,
    coded: u32,
    states: u32,
    words: u32,
    // Words of 16 bits.
    words_count: u32,
    // Raw bits, in words of 32 bits.
    raw: u32,
    raw_count: u32,
    // Where the maps of its ranks begin in the streams, or NO_MAPS.
    maps: u32,
}

struct Rows {
    first: u32,
    count: u32,
}

@group(0) @binding(0) var<uniform> rows: Rows;
@group(0) @binding(1) var<storage, read> tiles: array<Tile>;
@group(0) @binding(2) var<storage, read> constants: array<u32>;
@group(0) @binding(3) var<storage, read> streams: array<u32>;
// Two samples of a row in a word, the even column in the low half.
@group(0) @binding(4) var<storage, read_write> samples: array<u32>;
@group(0) @binding(5) var<storage, read_write> state: array<i32>;
// Two words for a pixel: table, symbol and low bits; raw bits.
@group(0) @binding(6) var<storage, read_write> coded: array<u32>;

const THREADS: u32 = {{threads}}u;
const MARGIN: u32 = {{margin}}u;
const ROWS_KEPT: i32 = {{rows_kept}};
const ROWS_APART: i32 = {{rows_apart}};
const LEAST_ACTIVITY: i32 = {{least_activity}};
const EIGHTHS: u32 = {{eighths}}u;
const ZERO: i32 = {{zero}};
const BINS: i32 = {{bins}};
const SYMBOLS: u32 = {{symbols}}u;
const SHAPES: i32 = {{shapes}};
const SCALES: i32 = {{scales}};
const POINT_BITS: u32 = {{point_bits}}u;
const SLOT_BITS: u32 = {{slot_bits}}u;
const FIRST_RANGE_BITS: u32 = {{first_range_bits}}u;
const FIRST_WORDS: u32 = {{first_words}}u;
const SECOND_WORDS: u32 = {{second_words}}u;
const HIDDEN_WORDS: u32 = {{hidden_words}}u;
// Offsets of constants.
const UNITS: u32 = {{units}}u;
const TABLES: u32 = {{tables}}u;
const SLOTS: u32 = {{slots}}u;
const CLASSES: u32 = {{classes}}u;
const EDGES: u32 = {{edges}}u;
// Maps of ranks.
const SEGMENTS: u32 = {{segments}}u;
const MAPPED_BITS: u32 = {{mapped_bits}}u;
const NO_MAPS: u32 = 0xffffffffu;
// Numbers of a tile that are no arrays.
const NUMBERS: u32 = 16u;
const ROWS_APART_AT: u32 = 0u;
const LANES_AT: u32 = 4u;
const WORDS_TAKEN_AT: u32 = 8u;
const RAW_TAKEN_AT: u32 = 9u;

// Of the tile: numbers of a half row with its margins, and of a half row alone.
var<private> stride: u32;
var<private> half_px: u32;
var<private> base: u32;
var<private> numbers: u32;
var<private> noise: i32;
// Of the pixel: its place in the half row, the slot of its row, and what is made of its neighbours.
var<private> at: u32;
var<private> current: i32;
var<private> centre: i32;
var<private> range: i32;
var<private> activity: i32;
var<private> logarithm: i32;
var<private> unit: vec3<i32>;
var<private> unit8: vec3<i32>;
var<private> x: array<i32, {{inputs}}>;
var<private> packed: array<u32, {{most_words}}>;
var<private> hidden: array<u32, {{hidden_words}}>;
var<private> y: array<i32, 3>;

var<workgroup> apart: atomic<u32>;
var<workgroup> begins_anew: u32;

fn sat(value: i32) -> i32 {
    return clamp(value, -32768, 32767);
}

fn cut(value: i32) -> i32 {
    return clamp(value, -32767, 32767);
}

// The numbers of `half` in the row `up` rows above, from `start` on; `which` is 0 for samples, 1 for
// residuals.
fn row_at(which: u32, up: i32, half: u32) -> u32 {
    let slot = u32((current + ROWS_KEPT - up) % ROWS_KEPT);
    return base + ((which * u32(ROWS_KEPT) + slot) * 2u + half) * stride;
}

// The running numbers of columns: 0 means, 1 sizes, 2 levels.
fn column_at(which: u32, half: u32) -> u32 {
    return base + (4u * u32(ROWS_KEPT) + which * 2u + half) * stride;
}

// Numbers of a half row: 0 locations, 1 bases, 2 tables and low bits, 3 and 4 limits, 5 symbols,
// 6 positions of raw bits.
fn scratch_at(which: u32) -> u32 {
    return base + (4u * u32(ROWS_KEPT) + 6u) * stride + which * half_px + at;
}

fn v(up: i32, half: u32, start: u32) -> i32 {
    return state[row_at(0u, up, half) + start + at];
}

fn e(up: i32, half: u32, start: u32) -> i32 {
    return state[row_at(1u, up, half) + start + at];
}

fn column(which: u32, half: u32, start: u32) -> i32 {
    return state[column_at(which, half) + start + at];
}

fn fine_in(deviation: i32, by: vec3<i32>) -> i32 {
    let product = clamp(deviation, -by.x, by.x) * by.y;
    return clamp((((product * by.z) >> 16u) + 1) >> 1u, -127, 127);
}

fn coarse_in(deviation: i32, by: vec3<i32>) -> i32 {
    let limit = min(16 * by.x, 32767);
    let product = clamp(deviation, -limit, limit) * by.y;
    return clamp((((product * by.z) >> 16u) + 16) >> 5u, -127, 127);
}

fn fine(deviation: i32) -> i32 {
    return fine_in(deviation, unit);
}

fn coarse(deviation: i32) -> i32 {
    return coarse_in(deviation, unit);
}

fn fine8(deviation: i32) -> i32 {
    return fine_in(deviation, unit8);
}

fn coarse8(deviation: i32) -> i32 {
    return coarse_in(deviation, unit8);
}

fn find_centre(a0: i32, b0: i32, c0: i32, d0: i32, fifth: i32) {
    let a = min(a0, b0);
    let b = max(a0, b0);
    let c = min(c0, d0);
    let d = max(c0, d0);
    let first = min(a, c);
    let last = max(b, d);
    let low = min(max(a, c), min(b, d));
    let high = max(max(a, c), min(b, d));
    let second = max(first, min(fifth, low));
    centre = max(low, min(fifth, high));
    let fourth = max(high, min(fifth, last));
    range = min(fourth - second, 32767);
}

fn find_unit(sum: i32) {
    let octave = firstLeadingBit(u32(sum));
    let step = octave << 2u | ((u32(sum) << 2u) >> octave) & 3u;
    let own = UNITS + 5u * step;
    unit = vec3<i32>(i32(constants[own]), i32(constants[own + 1u]), i32(constants[own + 2u]));
    logarithm = i32(constants[own + 3u]);
    activity = i32(constants[own + 4u]);
    let other = UNITS + 5u * (step + EIGHTHS);
    unit8 = vec3<i32>(i32(constants[other]), i32(constants[other + 1u]), i32(constants[other + 2u]));
}

fn size_of(value: i32, most: i32) -> i32 {
    return min(min(abs(sat(value - centre)), 32767), most);
}

fn pack_inputs(words: u32) {
    for (var k = 0u; k < words; k++) {
        let low = u32(x[4u * k] & 255) | u32(x[4u * k + 1u] & 255) << 8u;
        packed[k] = low | u32(x[4u * k + 2u] & 255) << 16u | u32(x[4u * k + 3u] & 255) << 24u;
    }
}

// A stage whose weights begin at `first`: weights and biases of the hidden layer, then for every
// result the weights of the hidden layer, those of the inputs and the bias.
fn evaluate(first: u32, words: u32, results: u32) {
    pack_inputs(words);
    var weights = first;
    for (var j = 0u; j < HIDDEN_WORDS; j++) {
        var word = 0u;
        for (var lane = 0u; lane < 4u; lane++) {
            var sum = i32(constants[weights + words]);
            for (var k = 0u; k < words; k++) {
                sum += dot4I8Packed(packed[k], constants[weights + k]);
            }
            weights += words + 1u;
            word |= u32(clamp(sum >> 6u, 0, 127)) << (8u * lane);
        }
        hidden[j] = word;
    }
    for (var m = 0u; m < results; m++) {
        var last = 0;
        for (var j = 0u; j < HIDDEN_WORDS; j++) {
            last += dot4I8Packed(hidden[j], constants[weights + j]);
        }
        weights += HIDDEN_WORDS;
        var sum = 4 * last + i32(constants[weights + words]);
        for (var k = 0u; k < words; k++) {
            sum += dot4I8Packed(packed[k], constants[weights + k]);
        }
        weights += words + 1u;
        y[m] = sum;
    }
}

fn eighths(result: i32) -> i32 {
    return (cut(result) * activity + 4096) >> 13u;
}

fn in_range(location: i32) -> i32 {
    return clamp(location, 0, 524280);
}

{{inputs_of_halves}}

// From location and scale to base, low bits and table.
fn decide(location: i32, scale: i32, shape: i32) {
    let octave = (scale >> 3u) - 3;
    let low = u32(max(octave - 3, 0));
    let phase_bits = u32(clamp(3 - octave, 0, 3));
    let dropped = 3u - phase_bits;
    var half = (1 << dropped) >> 1u;
    if (low > 0u) {
        half = 8;
    }
    let position = (location + half) >> dropped;
    let phase = position & ((1 << phase_bits) - 1);
    var place = phase;
    if (octave < 1) {
        place += 8 * scale;
    } else if (octave == 1) {
        place += 256 + 4 * (scale - 32);
    } else if (octave == 2) {
        place += 288 + 2 * (scale - 40);
    } else {
        place += 304 + (scale & 7);
    }
    state[scratch_at(1u)] = (position >> phase_bits) - ((1 << low) >> 1u);
    state[scratch_at(2u)] = (SHAPES * place + shape) | i32(low << 16u);
}

fn predict(parity: u32) {
    if (parity == 0u) {
        first_inputs_even();
        evaluate({{even_first}}u, FIRST_WORDS, 1u);
    } else {
        first_inputs_odd();
        evaluate({{odd_first}}u, FIRST_WORDS, 1u);
    }
    let offset = cut(y[0]);
    let first = in_range(8 * (centre + 32768) + eighths(offset));
    state[scratch_at(0u)] = first;
    state[scratch_at(3u)] = unit.x;
    state[scratch_at(4u)] = unit8.x;
    if (parity == 0u) {
        second_inputs_even(offset);
        evaluate({{even_second}}u, SECOND_WORDS, 3u);
    } else {
        second_inputs_odd(offset);
        evaluate({{odd_second}}u, SECOND_WORDS, 3u);
    }
    let location = in_range(first + eighths(y[0]));
    let sixteenths = logarithm - 16 + ((y[1] + 128) >> 8u);
    let scale = clamp((sixteenths + 1) >> 1u, 0, SCALES - 1);
    let shape = clamp((y[2] + 2048) >> 12u, 0, SHAPES - 1);
    decide(location, scale, shape);
}

fn is_bin(symbol: i32) -> bool {
    return symbol >= ZERO - BINS && symbol < ZERO + BINS;
}

fn range_of(symbol: i32) -> u32 {
    if (symbol >= ZERO) {
        return u32(symbol - ZERO - BINS);
    }
    return u32(ZERO - BINS - 1 - symbol);
}

fn first_of(range: u32) -> i32 {
    return (((1 << (2u * range)) - 1) / 3) << FIRST_RANGE_BITS;
}

// The sample less 2^15 from its symbol and raw bits.
fn value_of(symbol: i32, raw: u32, low: u32) -> i32 {
    var residual = ((symbol - ZERO) << low) + i32(raw);
    if (!is_bin(symbol)) {
        let outwards = first_of(range_of(symbol)) + i32(raw >> low);
        var bin = -BINS - 1 - outwards;
        if (symbol >= ZERO) {
            bin = outwards + BINS;
        }
        residual = (bin << low) + i32(raw & ((1u << low) - 1u));
    }
    return ((state[scratch_at(1u)] + residual) & 65535) - 32768;
}

// The symbol and the raw bits of a sample.
fn code(value: i32, out: u32) {
    let packed_table = u32(state[scratch_at(2u)]);
    let low = packed_table >> 16u;
    let residual = value + 32768 - state[scratch_at(1u)];
    let bin = residual >> low;
    var symbol = bin + ZERO;
    var raw = u32(residual) & ((1u << low) - 1u);
    if (bin < -BINS || bin >= BINS) {
        var outwards = bin - BINS;
        if (bin < 0) {
            outwards = -BINS - 1 - bin;
        }
        let range = firstLeadingBit((u32(outwards) >> FIRST_RANGE_BITS) * 3u + 1u) / 2u;
        symbol = ZERO + BINS + i32(range);
        if (bin < 0) {
            symbol = ZERO - BINS - 1 - i32(range);
        }
        raw |= u32(outwards - first_of(range)) << low;
    }
    coded[out] = (packed_table & 65535u) | u32(symbol) << 16u | low << 24u;
    coded[out + 1u] = raw;
}

fn word_at(tile: u32, index: u32) -> u32 {
    if (index >= tiles[tile].words_count) {
        return 0u;
    }
    let position = 2u * tiles[tile].words + index;
    return (streams[position >> 1u] >> (16u * (position & 1u))) & 65535u;
}

fn raw_word(tile: u32, index: u32) -> u32 {
    if (index >= tiles[tile].raw_count) {
        return 0u;
    }
    return streams[tiles[tile].raw + index];
}

fn raw_bits(tile: u32, position: u32, bits: u32) -> u32 {
    if (bits == 0u) {
        return 0u;
    }
    let shift = position & 31u;
    var word = raw_word(tile, position >> 5u) >> shift;
    if (shift + bits > 32u) {
        word |= raw_word(tile, (position >> 5u) + 1u) << (32u - shift);
    }
    return word & (0xffffffffu >> (32u - bits));
}

// What a rank is mapped to by the map that begins at `map` in the streams.
fn mapped(map: u32, rank: u32) -> u32 {
    var segment = 0u;
    while (segment + 1u < SEGMENTS && rank >= constants[EDGES + segment + 1u]) {
        segment += 1u;
    }
    let edge = constants[EDGES + segment];
    let width = constants[EDGES + segment + 1u] - edge;
    let start = streams[map + segment];
    let size = streams[map + segment + 1u] - start;
    return start + (rank - edge) * size / width;
}

// A rank that is not above the last one mapped to `point` or below it.
fn rank_of(map: u32, point: u32) -> u32 {
    var segment = 0u;
    while (segment + 1u < SEGMENTS && point >= streams[map + segment + 1u]) {
        segment += 1u;
    }
    let edge = constants[EDGES + segment];
    let width = constants[EDGES + segment + 1u] - edge;
    let start = streams[map + segment];
    let size = streams[map + segment + 1u] - start;
    return edge + (point - start) * width / size;
}

// The symbol of the table that holds a state's point, and the next state.
fn take_symbol(maps: u32, table: u32, lane: u32) -> vec2<u32> {
    let calibrated = maps != NO_MAPS;
    var map = 0u;
    if (calibrated) {
        map = maps + constants[CLASSES + table] * (SEGMENTS + 1u);
    }
    let bits = select(POINT_BITS, MAPPED_BITS, calibrated);
    let point = lane & ((1u << bits) - 1u);
    var rank = point;
    if (calibrated) {
        rank = rank_of(map, point);
    }
    let slot = table << SLOT_BITS | rank >> (POINT_BITS - SLOT_BITS);
    var symbol = (constants[SLOTS + (slot >> 2u)] >> (8u * (slot & 3u))) & 255u;
    var result = vec2<u32>(0u, 0u);
    loop {
        let entry = constants[TABLES + table * SYMBOLS + symbol];
        var start = entry & 65535u;
        var end = start + (entry >> 16u);
        if (calibrated) {
            start = mapped(map, start);
            end = mapped(map, end);
        }
        if (point < end || symbol + 1u >= SYMBOLS) {
            result = vec2<u32>(symbol, (end - start) * (lane >> bits) + point - start);
            break;
        }
        symbol += 1u;
    }
    return result;
}

// The symbols of a half row, one after another.
fn decode_symbols(tile: u32, length: u32) {
    let lanes = numbers + LANES_AT;
    var turn = vec4<u32>(u32(state[lanes]), u32(state[lanes + 1u]), u32(state[lanes + 2u]), u32(state[lanes + 3u]));
    var taken = u32(state[numbers + WORDS_TAKEN_AT]);
    var position = u32(state[numbers + RAW_TAKEN_AT]);
    for (var i = 0u; i < length; i++) {
        at = i;
        let packed_table = u32(state[scratch_at(2u)]);
        let table = packed_table & 65535u;
        let low = packed_table >> 16u;
        let lane = turn.x;
        let stepped = take_symbol(tiles[tile].maps, table, lane);
        let symbol = stepped.x;
        var next = stepped.y;
        if (next < 65536u) {
            next = next << 16u | word_at(tile, taken);
            taken += 1u;
        }
        turn = vec4<u32>(turn.yzw, next);
        state[scratch_at(5u)] = i32(symbol);
        state[scratch_at(6u)] = i32(position);
        position += low;
        if (!is_bin(i32(symbol))) {
            position += FIRST_RANGE_BITS + 2u * range_of(i32(symbol));
        }
    }
    state[lanes] = i32(turn.x);
    state[lanes + 1u] = i32(turn.y);
    state[lanes + 2u] = i32(turn.z);
    state[lanes + 3u] = i32(turn.w);
    state[numbers + WORDS_TAKEN_AT] = i32(taken);
    state[numbers + RAW_TAKEN_AT] = i32(position);
}

// What is kept before the first row.
fn begin(tile: u32, thread: u32) {
    let around = vec2<i32>(sat(tiles[tile].median - tiles[tile].noise), sat(tiles[tile].median + tiles[tile].noise));
    let residual = min(8 * tiles[tile].noise, 32767);
    current = 0;
    for (var index = thread; index < stride; index += THREADS) {
        for (var slot = 0u; slot < u32(ROWS_KEPT); slot++) {
            for (var half = 0u; half < 2u; half++) {
                let place = base + (slot * 2u + half) * stride + index;
                let odd = (index + slot + half) & 1u;
                state[place] = around[odd];
                state[place + 2u * u32(ROWS_KEPT) * stride] = select(-residual, residual, odd == 1u);
            }
        }
        for (var half = 0u; half < 2u; half++) {
            state[column_at(0u, half) + index] = 0;
            state[column_at(1u, half) + index] = 16 * residual;
            state[column_at(2u, half) + index] = 16 * tiles[tile].median;
        }
    }
    if (thread < NUMBERS) {
        var number = 0;
        if (thread >= LANES_AT && thread < WORDS_TAKEN_AT) {
            number = i32(streams[tiles[tile].states + thread - LANES_AT]);
        }
        state[numbers + thread] = number;
    }
}

// Takes up the sample of a pixel: residual, numbers of its column.
fn take_up(parity: u32, value: i32, anew: bool) {
    let residual = cut(8 * (value + 32768) - state[scratch_at(0u)]);
    let limit = state[scratch_at(3u)];
    let limit8 = state[scratch_at(4u)];
    let place = MARGIN + at;
    let mean = column_at(0u, parity) + place;
    let moved = clamp(residual, -(limit8 >> 1u), limit8 >> 1u);
    state[mean] += (16 * moved - state[mean]) >> 4u;
    let size = column_at(1u, parity) + place;
    state[size] += (16 * min(abs(residual), limit8) - state[size]) >> 4u;
    let level = column_at(2u, parity) + place;
    let apart_by = clamp(16 * value - state[level], -16 * limit, 16 * limit);
    state[level] = select(state[level] + (apart_by >> 4u), 16 * value, anew);
    state[row_at(0u, 0, parity) + place] = value;
    state[row_at(1u, 0, parity) + place] = residual;
}

// The numbers beyond the ends of a half row; those of a half without pixels are those of the other.
fn fill_margin(own: u32, other: u32, length: u32, index: u32) {
    if (length == 0u) {
        state[own + index] = state[other + index];
    } else if (index < MARGIN) {
        state[own + index] = state[own + MARGIN];
    } else if (index >= MARGIN + length) {
        state[own + index] = state[own + MARGIN + length - 1u];
    }
}

fn value_at(sample: u32, parity: u32) -> i32 {
    return i32((samples[sample] >> (16u * parity)) & 65535u) - 32768;
}

fn run(tile: u32, thread: u32, decodes: bool) {
    let width = tiles[tile].width;
    let height = tiles[tile].height;
    half_px = (width + 1u) / 2u;
    stride = half_px + 2u * MARGIN;
    base = tiles[tile].arrays;
    numbers = tiles[tile].numbers;
    noise = tiles[tile].noise;
    if (rows.first == 0u) {
        begin(tile, thread);
    }
    storageBarrier();
    let end = min(rows.first + rows.count, height);
    for (var row = rows.first; row < end; row++) {
        current = i32((row + 1u) % u32(ROWS_KEPT));
        let samples_at = tiles[tile].samples + row * half_px;
        for (var parity = 0u; parity < 2u; parity++) {
            let length = (width + 1u - parity) / 2u;
            let coded_at = tiles[tile].coded + 2u * (row * width + parity * half_px);
            if (thread == 0u) {
                atomicStore(&apart, 0u);
            }
            for (var i = thread; i < length; i += THREADS) {
                at = i;
                predict(parity);
            }
            storageBarrier();
            workgroupBarrier();
            if (decodes && thread == 0u) {
                decode_symbols(tile, length);
            }
            storageBarrier();
            for (var i = thread; i < length; i += THREADS) {
                at = i;
                let sample = samples_at + i;
                if (decodes) {
                    let symbol = state[scratch_at(5u)];
                    let low = u32(state[scratch_at(2u)]) >> 16u;
                    var bits = low;
                    if (!is_bin(symbol)) {
                        bits += FIRST_RANGE_BITS + 2u * range_of(symbol);
                    }
                    let raw = raw_bits(tile, u32(state[scratch_at(6u)]), bits);
                    let decoded = u32(value_of(symbol, raw, low) + 32768);
                    samples[sample] = select(samples[sample] | decoded << 16u, decoded, parity == 0u);
                } else {
                    code(value_at(sample, parity), coded_at + 2u * i);
                }
                let apart_by = 16 * value_at(sample, parity) - column(2u, parity, MARGIN);
                if (abs(apart_by) > 16 * state[scratch_at(3u)]) {
                    atomicAdd(&apart, 1u);
                }
            }
            workgroupBarrier();
            if (thread == 0u) {
                let count = numbers + ROWS_APART_AT + parity;
                let is_apart = 4u * atomicLoad(&apart) > 3u * length;
                let in_succession = select(0, state[count] + 1, is_apart);
                let anew = row == 0u || in_succession == ROWS_APART;
                state[count] = select(in_succession, 0, anew);
                begins_anew = u32(anew);
            }
            let anew = workgroupUniformLoad(&begins_anew) != 0u;
            for (var i = thread; i < length; i += THREADS) {
                at = i;
                take_up(parity, value_at(samples_at + i, parity), anew);
            }
            storageBarrier();
            let other = 1u - parity;
            for (var index = thread; index < stride; index += THREADS) {
                fill_margin(row_at(0u, 0, parity), row_at(0u, 0, other), length, index);
                fill_margin(row_at(1u, 0, parity), row_at(1u, 0, other), length, index);
                for (var which = 0u; which < 3u; which++) {
                    fill_margin(column_at(which, parity), column_at(which, other), length, index);
                }
            }
            storageBarrier();
        }
    }
}

@compute @workgroup_size({{threads}})
fn encode(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    run(group.x, thread, false);
}

@compute @workgroup_size({{threads}})
fn decode(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    run(group.x, thread, true);
}
