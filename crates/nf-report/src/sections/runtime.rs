//! Speeds with one thread and with all, memory, and after how many frames a model has paid for
//! itself.

use crate::charts::whole;
use crate::document::Section;
use crate::summary::{CodecSummary, DatasetSummary, summarise};
use crate::table::Table;
use crate::tables::overview;
use nf_bench::Run;

pub(super) fn section(run: &Run) -> Section {
    let mut section = Section::below("Time, memory, models");
    let all = overview(run, &summarise(run));
    let speed = |value: Option<f64>| value.map_or_else(String::new, |v| format!("{v:.3}"));
    let head = [
        "codec",
        "bits/pixel",
        "encode MB/s, one thread",
        "all threads",
        "decode MB/s, one thread",
        "all threads",
        "peak MB",
        "parameters",
        "MACs per pixel",
        "model bytes",
        "pays from frame",
    ];
    // Classical codecs have none of it.
    let count = |number: u64| if number == 0 { String::new() } else { number.to_string() };
    let rows = whole(&all).map(|codec| {
        vec![
            codec.codec.clone(),
            speed(codec.bits_per_pixel),
            speed(codec.encode_mb_per_s),
            speed(codec.encode_all_mb_per_s),
            speed(codec.decode_mb_per_s),
            speed(codec.decode_all_mb_per_s),
            codec.peak_bytes.map_or_else(String::new, |bytes| format!("{:.1}", bytes as f64 / 1e6)),
            count(codec.parameters),
            count(codec.macs_per_px.round() as u64),
            count(codec.weights_bytes),
            pays_from(codec, &all),
        ]
    });
    let rows = [head.map(str::to_owned).to_vec()].into_iter().chain(rows).collect();
    let cores = run.machines.last().map_or(1, |machine| machine.cores);
    section.table(
        format!(
            "MB of raw samples per second, pooled; `all threads` on {cores} cores. MACs: multiplications of a model's layers, each with its \
             addition, to decode one pixel. A model pays from the frame on from which its bytes and \
             all streams so far are fewer than those of the smallest codec without a model; frames of {:.2} Mpixel, the mean here",
            all.pixels as f64 / all.images.max(1) as f64 / 1e6
        ),
        Table { rows },
    );
    section
}

/// The number of frames after which the model's bytes are saved, in words.
fn pays_from(codec: &CodecSummary, all: &DatasetSummary) -> String {
    if codec.weights_bytes == 0 {
        return String::new();
    }
    let Some(other) = whole(all).find(|other| other.weights_bytes == 0).and_then(|other| other.coded_bytes)
    else {
        return String::new();
    };
    let saved = (other as f64 - codec.coded_bytes.unwrap_or(0) as f64) / codec.images_ok.max(1) as f64;
    if saved <= 0.0 { "never".into() } else { format!("{:.0}", (codec.weights_bytes as f64 / saved).ceil()) }
}
