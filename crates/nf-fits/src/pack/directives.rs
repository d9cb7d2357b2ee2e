//! Wishes that a header states for its own compression: the directives FZALGOR, FZTILE and others,
//! which fpack reads (Pence, Seaman, White, "fpack and funpack User's Guide", section "Compression
//! directive keywords").
//!
//! Where bits would be lost, a directive is not followed; the remarks say so.

use super::{Method, PackOptions, TileSize};
use crate::header::Header;

/// What the directives of an image make of the options.
pub(super) struct Heeded {
    /// The options to use; `None` if the image is to be left as it is.
    pub(super) options: Option<PackOptions>,
    /// What was followed and what was not.
    pub(super) remarks: Vec<String>,
}

/// Directives that ask for loss.
const LOSSY: [&str; 5] = ["FZQVALUE", "FZQMETHD", "FZDTHRSD", "FZINT2F", "FZHSCALE"];

/// The options for an image with this header.
pub(super) fn heed(header: &Header, options: &PackOptions) -> Heeded {
    let mut heeded = Heeded { options: Some(options.clone()), remarks: Vec::new() };
    if let Some(wanted) = header.text("FZALGOR") {
        heeded.algorithm(wanted.trim(), options);
    }
    if let Some(wanted) = header.text("FZTILE") {
        heeded.tile(wanted.trim(), options);
    }
    let lossy: Vec<&str> = LOSSY.into_iter().filter(|keyword| header.card(keyword).is_some()).collect();
    if !lossy.is_empty() && options.quantise.is_none() {
        heeded
            .remarks
            .push(format!("{}: not followed, because bits would be lost unasked", lossy.join(", ")));
    }
    heeded
}

impl Heeded {
    fn algorithm(&mut self, wanted: &str, options: &PackOptions) {
        let method = match wanted {
            "RICE_1" | "RICE_ONE" => Method::Rice,
            "GZIP_1" | "GZIP" => Method::Gzip1,
            "GZIP_2" => Method::Gzip2,
            "PLIO_1" => Method::Plio,
            "HCOMPRESS_1" => Method::Hcompress { scale: 0.0, smooth: false },
            "NONE" if options.heed_algorithm => {
                self.remarks.push("left as it is: its FZALGOR is NONE".to_owned());
                self.options = None;
                return;
            }
            "NONE" => return self.remarks.push("its FZALGOR, NONE, is not followed".to_owned()),
            other => return self.remarks.push(format!("its FZALGOR, '{other}', is no algorithm known here")),
        };
        match &mut self.options {
            Some(options) if options.heed_algorithm => {
                self.remarks.push(format!("{wanted}, as its FZALGOR asks"));
                options.method = method;
            }
            Some(options) if options.method != method => {
                self.remarks
                    .push(format!("its FZALGOR, {wanted}, is not followed: another one was asked for"));
            }
            _ => {}
        }
    }

    fn tile(&mut self, wanted: &str, options: &PackOptions) {
        let sides = wanted.trim_start_matches('(').trim_end_matches(')').split(',');
        let tile = match wanted {
            "ROW" => Some(TileSize::Axes(vec![0])),
            "WHOLE" => Some(TileSize::Whole),
            _ => sides.map(|side| side.trim().parse().ok()).collect::<Option<_>>().map(TileSize::Axes),
        };
        let remark = match (tile, &mut self.options) {
            (None, _) => format!("its FZTILE, '{wanted}', is no tile"),
            (Some(_), _) if !options.heed_tile => {
                format!("its FZTILE, {wanted}, is not followed: another one was asked for")
            }
            (Some(tile), Some(options)) => {
                options.tile = tile;
                format!("tiles of {wanted}, as its FZTILE asks")
            }
            (Some(_), None) => return,
        };
        self.remarks.push(remark);
    }
}
